"""What the page Mirror alone says of its study."""

from __future__ import annotations

from core.service import StudyResult
from pages._shared import study
from pages._shared.text import minuses

__all__ = ["show", "which_is_which", "why"]

FULL, ORDINARY = "full", "ordinary"
PAIRS = {  # by whether the full method is better, worse, or neither
    1: "Looking at pairs helps: an ordinary critic only asks whether a picture looks normal, and the "
    "mirror of a strange image may well do.",
    -1: "Looking at pairs does not help here: an ordinary critic, which sees a picture or a mirror "
    "and never both, does better.",
    0: "Whether the critic looks at pairs makes no difference that can be told at this size.",
}


def show() -> None:
    """The section of the study."""
    study.show("ama", why=why, aside=which_is_which)


def why(result: StudyResult) -> str:
    """What follows for the idea of the method, and the verdict on every topic."""
    idea = result.contrast(FULL, ORDINARY)
    sign = (idea.low > 0) - (idea.high < 0)
    notes = "\n".join(f"- {minuses(note)}" for note in result.notes)
    return f"**Why:** {PAIRS[sign]}\n\n{notes}"


def which_is_which(result: StudyResult) -> str:
    """That the networks of this table are other ones than those that ship."""
    full = result.arm(FULL).title
    return (
        f"“{full.capitalize()}” was trained for this table, as every arm was. The models that ship "
        "are other trainings, which lasted as long as their cards say, so their figures differ."
    )
