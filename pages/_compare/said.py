"""What the numbers of a threshold mean, in words; every number in them is computed."""

from __future__ import annotations

import math
from typing import Any

from core.service import Estimate, Rates, Share, Verdict
from pages._compare.models import Compared
from pages._shared.text import SPACE
from pages._shared.threshold import DEFAULT, Line

__all__ = [
    "MANY",
    "about",
    "among",
    "between",
    "chosen_here",
    "expected",
    "header",
    "in_hundred",
    "in_percent",
    "interval",
    "place",
    "seen",
    "share_of",
    "why",
]

MANY = 10_000  # images that are imagined, at the expected share of strange ones


def in_percent(share: float) -> str:
    r"""A share in percent, or that there is none.

    Example:
        >>> in_percent(0.165), in_percent(float("nan"))
        ('16.5\xa0%', 'none')
    """
    return f"{100 * share:.1f}{SPACE}%" if math.isfinite(share) else "none"


def interval(found: Estimate | Share) -> str:
    r"""The interval of a share.

    Example:
        >>> interval(Estimate(0.165, 0.158, 0.172)), interval(Estimate(*[float("nan")] * 3))
        ('15.8 to 17.2\xa0%', 'no interval')
    """
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return "no interval"
    return f"{100 * found.low:.1f} to {100 * found.high:.1f}{SPACE}%"


def about(number: float) -> str:
    """So many, as an expectation: small ones keep a digit.

    Example:
        >>> about(4.96), about(1234.5), about(0.0)
        ('5.0', '1,234', '0')
    """
    return f"{number:.1f}" if 0 < number < 9.95 else f"{number:,.0f}"


def share_of(prevalence: float) -> str:
    r"""A prevalence in percent.

    Example:
        >>> share_of(0.01), share_of(0.0015)
        ('1\xa0%', '0.15\xa0%')
    """
    return f"{100 * prevalence:.3g}{SPACE}%"


def header(name: str, line: Line) -> str:
    """The header of a figure's column in a file: what is expected is part of what it means.

    Example:
        >>> header("precision", Line()), header("recall", Line())
        ('precision at 1 % strange', 'recall')
        >>> header("cost", Line())
        'cost of one image at 1 % strange, miss 1, alarm 1'
    """
    at = f"at {100 * line.prevalence:.3g} % strange"
    stakes = f"miss {line.costs.miss:g}, alarm {line.costs.alarm:g}"
    titles = {
        "precision": f"precision {at}",
        "f1": f"f1 {at}",
        "cost": f"cost of one image {at}, {stakes}",
    }
    return titles.get(name, name)


def in_hundred(share: float) -> str:
    """So many of 100; what is not all of them or none is never rounded to it.

    Example:
        >>> in_hundred(0.154), in_hundred(0.0412), in_hundred(0.997), in_hundred(1.0)
        ('15', '4.1', '99.7', '100')
        >>> in_hundred(0.9999), in_hundred(0.0001)
        ('more than 99.9', 'fewer than 0.1')
    """
    if 0.9995 <= share < 1:
        return "more than 99.9"
    if 0 < share < 0.0005:
        return "fewer than 0.1"
    return about(100 * share) if share < 0.995 or share == 1 else f"{100 * share:.1f}"


def between(one: Estimate) -> str:
    """The interval of a share, as so many of 100.

    Example:
        >>> between(Estimate(1.0, 0.41, 1.0))
        '41 to 100'
    """
    return f"{in_hundred(one.low)} to {in_hundred(one.high)}"


def place(percentile: float) -> str:
    """A percentile; what has one is never rounded to that of all or of none.

    Example:
        >>> place(95.04), place(99.937), place(99.9999), place(100.0), place(0.02)
        ('95.0', '99.937', '99.999', '100, beyond all', '0.02')
    """
    if percentile >= 100:
        return "100, beyond all"
    if percentile <= 0:
        return "0, below all"
    if 0.1 <= percentile <= 99.9:
        return f"{percentile:.1f}"
    return f"{min(max(percentile, 0.001), 99.999):.3f}".rstrip("0")


def expected(verdict: Verdict | Rates, prevalence: float) -> dict[str, Any]:
    """How many of `MANY` images are in each cell of the confusion matrix, and how many strange.

    Each a number, or (K,) where there are rates of so many thresholds.
    """
    recall = verdict.recall.value
    strange = MANY * prevalence + 0 * recall
    return {
        "strange": strange,
        "hits": strange * recall,
        "misses": strange * (1 - recall),
        "alarms": (MANY - strange) * verdict.false_alarm_rate.value,
        "passed": (MANY - strange) * (1 - verdict.false_alarm_rate.value),
    }


def seen(c: Compared, verdict: Verdict) -> str:
    """How well scores tell both kinds apart, and what that is worth at this prevalence."""
    normal, strange = _sets(c)
    text = (
        f"**What you see:** {_apart(verdict, normal, strange)}; this threshold flags "
        f"{in_percent(verdict.recall.value)} of {strange} and "
        f"{in_percent(verdict.false_alarm_rate.value)} of {normal}. "
    )
    if not verdict.hits and not verdict.alarms:
        return f"{text}**Nothing is flagged**, so every strange image is missed."
    share, precision = share_of(c.line.prevalence), verdict.precision
    if not verdict.alarms:
        return (
            f"{text}**None of {verdict.passed:,} normal images is flagged**, so that where {share} of "
            f"the images are strange, of 100 flagged ones {between(precision)} may be."
        )
    only = "only " if precision.value < 0.5 and verdict.metrics.finds else ""
    return (
        f"{text}Where {share} of the images are strange, **{only}{in_hundred(precision.value)} of "
        f"100 flagged images are strange** ({between(precision)}){_as_measured(verdict)}."
    )


NEAR = 0.1  # of 0.5: an AUROC whose interval goes no further is that of a coin


def _apart(verdict: Verdict, normal: str, strange: str) -> str:
    """How well a model tells both kinds apart, as far as the interval of its AUROC allows."""
    m = verdict.metrics
    if m.fooled:
        return f"{verdict.title} finds {strange} more normal than {normal} (AUROC {m.auroc:.3f})"
    if m.finds:
        return f"{verdict.title} tells {strange} from {normal} with an AUROC of {m.auroc:.3f}"
    if m.has_interval and m.high <= 0.5 + NEAR and m.low >= 0.5 - NEAR:
        return f"{verdict.title} cannot tell {strange} from {normal} (AUROC {m.auroc:.3f})"
    ends = f", {m.low:.2f} to {m.high:.2f}" if m.has_interval else ""
    return (
        f"these images do not say whether {verdict.title} can tell {strange} from {normal} "
        f"(AUROC {m.auroc:.3f}{ends})"
    )


def _as_measured(verdict: Verdict) -> str:
    """The same among the test images, whose share of strange ones is another."""
    flagged = verdict.hits + verdict.alarms
    total = flagged + verdict.misses + verdict.passed
    share = (verdict.hits + verdict.misses) / total
    return (
        f"; among the test images, of which {100 * share:.0f}{SPACE}% are strange, "
        f"{in_hundred(verdict.hits / flagged)} are"
    )


def why(c: Compared, verdict: Verdict) -> str:
    """How many hits and false alarms there are, and that AUROC does not count them."""
    many = expected(verdict, c.line.prevalence)
    normal = MANY - many["strange"]
    text = (
        f"**Why:** in {MANY:,} images {about(many['strange'])} are strange and {about(normal)} normal: "
        f"that makes {about(many['hits'])} hits and {about(many['alarms'])} false alarms"
    )
    if not verdict.alarms:
        most = about(normal * verdict.false_alarm_rate.high)
        return f"{text}; as few normal images were tried, it may be {most} of these."
    if many["alarms"] > many["hits"] > 0:
        return (
            f"{text}, {about(many['alarms'] / many['hits'])} for each hit. AUROC sets one strange "
            "image against one normal image, and never asks how many there are of each."
        )
    if many["hits"] > many["alarms"]:
        return f"{text}, {about(many['hits'] / many['alarms'])} hits for each."
    return f"{text}."


def chosen_here(c: Compared, cheapest: Verdict, usual: Verdict) -> str:
    """What the least cost is worth: it was chosen on the images that measure it.

    Args:
        cheapest: the verdict at the least cost; usual: at the percentile that pages open with.
    """
    least, other = (about(MANY * one.cost.value) for one in (cheapest, usual))
    return (
        f"**Chosen on these images:** {MANY:,} of them would cost {least}, others a little more. "
        f"At percentile {DEFAULT.threshold.value:g} it would be {other}."
    )


def among(c: Compared) -> str:
    """Among which images the numbers were measured."""
    normal, strange = _sets(c)
    return f"{strange} and {normal}"


def _sets(c: Compared) -> tuple[str, str]:
    return c.sets[c.against].lower(), c.sets[c.strange].lower()
