"""What the numbers of a threshold mean, in words; every number in them is computed."""

from __future__ import annotations

import math

from core.service import Estimate, Verdict
from pages._compare.models import Compared
from pages._shared.text import SPACE

__all__ = [
    "MANY",
    "about",
    "among",
    "expected",
    "in_percent",
    "interval",
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


def interval(found: Estimate) -> str:
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


def expected(verdict: Verdict, prevalence: float) -> dict[str, float]:
    """How many of `MANY` images are in each cell of the confusion matrix, and how many strange."""
    strange = MANY * prevalence
    return {
        "strange": strange,
        "hits": strange * verdict.recall.value,
        "misses": strange * (1 - verdict.recall.value),
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
    share = share_of(c.line.prevalence)
    precision = verdict.precision.value
    only = "only " if precision < 0.5 and verdict.metrics.finds else ""
    return (
        f"{text}Where {share} of the images are strange, **{only}{about(100 * precision)} of 100 "
        f"flagged images are strange**{_as_measured(verdict)}."
    )


def _apart(verdict: Verdict, normal: str, strange: str) -> str:
    """How well a model tells both kinds apart, as far as the interval of its AUROC allows."""
    m = verdict.metrics
    if m.fooled:
        return f"{verdict.title} finds {strange} more normal than {normal} (AUROC {m.auroc:.3f})"
    if m.finds or not m.has_interval:
        return f"{verdict.title} tells {strange} from {normal} with an AUROC of {m.auroc:.3f}"
    return f"{verdict.title} cannot tell {strange} from {normal} (AUROC {m.auroc:.3f})"


def _as_measured(verdict: Verdict) -> str:
    """The same among the test images, whose share of strange ones is another."""
    flagged = verdict.hits + verdict.alarms
    total = flagged + verdict.misses + verdict.passed
    share = (verdict.hits + verdict.misses) / total
    return (
        f"; among the test images, of which {100 * share:.0f}{SPACE}% are strange, "
        f"{about(100 * verdict.hits / flagged)} are"
    )


def why(c: Compared, verdict: Verdict) -> str:
    """Which of hits and false alarms outnumber the others, and that AUROC does not count them."""
    many = expected(verdict, c.line.prevalence)
    normal = MANY - many["strange"]
    text = (
        f"**Why:** in {MANY:,} images {about(many['strange'])} are strange and {about(normal)} normal: "
        f"that makes {about(many['hits'])} hits and {about(many['alarms'])} false alarms"
    )
    if many["alarms"] > many["hits"] > 0:
        return (
            f"{text}, {about(many['alarms'] / many['hits'])} for each hit. AUROC sets one strange "
            "image against one normal image, and never asks how many there are of each."
        )
    if many["hits"] > many["alarms"]:
        return f"{text}. With strange images this frequent, hits outnumber false alarms."
    return f"{text}."


def among(c: Compared) -> str:
    """Among which images the numbers were measured."""
    normal, strange = _sets(c)
    return f"{strange} and {normal}"


def _sets(c: Compared) -> tuple[str, str]:
    return c.sets[c.against].lower(), c.sets[c.strange].lower()
