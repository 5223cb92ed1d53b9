"""What the numbers carry, in sentences: trainings, corrections, luck, and other figures of the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.service import (
    Correction,
    DetectorRow,
    Measured,
    Scenario,
    StudyMissing,
    corrections,
    luck,
    read_study,
)
from pages._shared import seeds
from pages._shared.pages import PAGES
from pages._shared.text import counted, minutes, times

__all__ = ["against_study", "corrected", "doubts", "trained", "unlike", "untrained"]

NAMED = 6  # models that are still to be trained and named


def trained(row: DetectorRow) -> str:
    """Which paper a model is of, what it learned from, and what else its card measured."""
    card = row.card
    assert card is not None
    t, paper = card.training, card.paper
    measured = "".join(f"{v:.3f} {k.replace('_', ' ')}, " for k, v in card.figures.items())
    again = f", resumed {times(t.resumed)}" if t.resumed else ""
    deviations = counted(len(card.deviations), "deviation")
    how = f"{card.weights.parameters:,} parameters, trained for {minutes(t.minutes)}{again} on"
    if not t.steps:
        # Nothing took steps, which alone are timed: how long it took is not known.
        how = "No weight of its own is trained: it measured and stored what is normal in"
    return (
        f"**{row.title}**: [{paper['title']}]({paper['url']}) ({paper['year']}). {how} "
        f"{card.data.images:,} images, {measured}{deviations} from the paper."
    )


def untrained(scenario: Scenario, rows: Sequence[DetectorRow]) -> str:
    """Which models can be trained beside those that are here, and how; "" where none is left."""
    names = [row.name for row in rows if row.untrained]
    if not names:
        return ""
    more = f" and {len(names) - NAMED} others" if len(names) > NAMED + 1 else ""
    listed = ", ".join(names[:NAMED] if more else names)
    such = "for example by" if len(names) > 1 else "by"
    return (
        f"{counted(len(names), 'more model')} can be trained: {listed}{more}; "
        f"{such} `python -m core train {scenario.family}/{names[0]}`."
    )


def doubts(row: DetectorRow, titles: Mapping[str, str], measured: Measured) -> str:
    """Where other seeds of a model contradict what its numbers say; "" if they do not."""
    assert row.card is not None
    by_set = {name: luck(row.card, name, measured) for name in titles}
    return seeds.warnings(by_set, row.part_titles, titles)


def corrected(row: DetectorRow, titles: Mapping[str, str], measured: Measured) -> str:
    """What taking a general model out of a flow's likelihood does, set by set; "" where none is.

    Args:
        titles: of strange sets, in lower case.
    """
    each = corrections(row, measured)
    if not each:
        return ""
    head = "**Which general model helps, and where does it fail?** Full likelihood → with the general model taken out:"
    return "\n".join([head, *(_said(one, titles) for one in each)])


def _said(one: Correction, titles: Mapping[str, str]) -> str:
    helps, costs, wavers = (_moved(moved, titles) for moved in (one.helps, one.costs, one.wavers))
    if helps or costs:
        text = f"- **{one.title}** " + (f"helps on {helps}" if helps else "helps on no set")
        text += f"; it costs on {costs}" if costs else "; it costs on none"
    else:
        text = f"- **{one.title}** makes no clear difference on any set"
    if one.inverts:
        inverted = ", ".join(titles[n] for n in one.inverts)
        text += f", and finds {inverted} *more normal than normal* (below 0.5)"
    if wavers:
        text += f"; **on {wavers} another seed says the opposite**"
    return text + "."


def _moved(moved: Mapping[str, tuple[float, float]], titles: Mapping[str, str]) -> str:
    return ", ".join(
        f"{titles[n]} ({before:.3f} → {after:.3f})" for n, (before, after) in moved.items()
    )


def unlike(rows: Sequence[DetectorRow]) -> str:
    """In what the training of models differs, by their cards; "" if in nothing."""
    alike: dict[str, list[str]] = {}
    for row in rows:
        if row.card is not None:
            alike.setdefault(_fact(row), []).append(row.title)
    if len(alike) < 2:
        return ""
    listed = "; ".join(f"{fact} ({', '.join(titles)})" for fact, titles in alike.items())
    return f"Not alike in training: {listed}. One that had less may be worse for that alone."


def _fact(row: DetectorRow) -> str:
    card = row.card
    assert card is not None
    n = card.config.get("steps", 0)
    steps = f", {counted(n, 'flow step')} a scale" if n else ""
    return f"{minutes(card.training.minutes)}{steps}"


def against_study(stem: str, scenario: Scenario, auroc: float) -> str:
    """Why the study of a detector has another figure for it than its shipped models have."""
    try:
        result = read_study(stem)
    except StudyMissing:
        return ""
    source = str(scenario.normal.source)
    if source not in result.data:
        return ""
    mean = result.row(result.reference, source).value
    if f"{mean:.3f}" == f"{auroc:.3f}":
        return ""
    place = "".join(f" on the page {page.title}" for page in PAGES if page.stem == stem)
    return (
        f" The ablation{place} says {mean:.3f} of the same method: it trains each class anew with "
        "settings of its own; these are the shipped weights."
    )
