"""What the page Outskirts alone says of its ablation."""

from core.service import StudyResult
from pages._shared import study

__all__ = ["which_is_which", "why"]

IDEA = ("all", "noise")  # arms that draw their outliers from elsewhere
PLAIN = ("error", "svm", "neighbours", "density")  # arms that learn from no outliers


def why(result: StudyResult) -> str:
    """What follows for the idea of the method, where the intervals carry it; else ""."""
    kinds = study.kinds(result)
    if not all(kinds.get(arm) == "worse" for arm in IDEA):
        return ""
    text = (
        "**Why:** choosing the outermost helps: outliers drawn from everybody, or around the "
        "prior, teach the classifiers less."
    )
    if any(kinds.get(arm) == "better" for arm in PLAIN):
        text += " It is not the best use of these codes, though: plain detectors on them do better."
    return text


def which_is_which(result: StudyResult) -> str:
    """That the full method of this table is another training than the models that ship."""
    full = result.reference
    means = [f"{result.row(full, d).value:.3f} on {title}" for d, title in result.data.items()]
    return (
        f"“{result.arm(full).title.capitalize()}” ({', '.join(means)}) was trained for this table: "
        "like every arm, at the settings that it chose for itself. The models of these data that "
        "ship, whose means their Overview shows, are one other training, at the settings of their "
        "cards, so the last digit may differ."
    )
