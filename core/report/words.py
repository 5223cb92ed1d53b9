"""What a report says in sentences; each number in them is one of the report's own."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.evaluate.binomial import exceedance_range, exceedance_under
from core.evaluate.operating import Estimate
from core.numerals import counted, numeral
from core.report.contents import Report, ReportModel

__all__ = [
    "about",
    "asked",
    "begun",
    "budget",
    "elsewhere",
    "expected",
    "figure",
    "hits_and_alarms",
    "interval",
    "mapped",
    "percent",
    "place",
    "surprise",
    "threshold",
]


def percent(share: float) -> str:
    r"""A share as per cent; none that is not 0 or 1 is said to be.

    Example:
        >>> percent(0.05), percent(1.0), percent(0.99996), percent(0.00001), percent(0.1234)
        ('5\xa0%', '100\xa0%', 'over 99.9\xa0%', 'under 0.01\xa0%', '12.3\xa0%')
        >>> percent(0.00724)
        '0.72\xa0%'
    """
    if 0 < share < 1e-4:
        return "under 0.01\u00a0%"
    if 0.9995 <= share < 1:
        return "over 99.9\u00a0%"
    return f"{100 * share:{'.3g' if share >= 0.0995 else '.2g'}}\u00a0%"


def elsewhere(share: float) -> str:
    r"""How much of a score is in no pixel, by its share; "" where that is half of it or less.

    Example:
        >>> [elsewhere(s) for s in (0.5, 0.75, 106.2, float("inf"), float("nan"))]
        ['', '75\xa0%', 'over 1,000\xa0%', 'over 1,000\xa0%', 'an unknown share']
    """
    if math.isnan(share):
        return "an unknown share"
    if share >= 10:
        return "over 1,000\u00a0%"
    return percent(share) if share > 0.5 else ""


def about(number: float) -> str:
    """An expected number of images.

    Example:
        >>> about(1234.5), about(10.2), about(2.18), about(0.04), about(0.0)
        ('1,234', '10', '2.2', 'under 0.1', '0')
    """
    if 0 < number < 0.05:
        return "under 0.1"
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.1f}".removesuffix(".0")


def interval(estimate: Estimate) -> str:
    """A share with its 95 % interval; a dash where it is not defined.

    Example:
        >>> interval(Estimate(0.5, 0.25, 0.75))
        '50\xa0% (25\xa0% to 75\xa0%)'
    """
    if math.isnan(estimate.value):
        return "–"
    return f"{percent(estimate.value)} ({percent(estimate.low)} to {percent(estimate.high)})"


def place(percentile: float) -> str:
    """A percentile to a tenth; none below 100 is said to be.

    Example:
        >>> place(99.97), place(100.0), place(0.01), place(4.26)
        ('>99.9', '100', '<0.1', '4.3')
    """
    if 99.9 < percentile < 100:
        return ">99.9"
    if 0 < percentile < 0.05:
        return "<0.1"
    return f"{percentile:.1f}".removesuffix(".0")


def figure(value: float) -> str:
    """The value of a score, to four digits, with a minus that is one.

    Example:
        >>> figure(-4.306597), figure(12345.6)
        ('\u22124.307', '12,346')
    """
    return numeral(value, ",.0f" if 1e4 <= abs(value) < 1e9 else ".4g")


# Sentences --------------------------------------------------------------------------------------


def asked(report: Report) -> str:
    """What was asked of which images."""
    one, single = len(report.entries) == 1, len(report.models) == 1
    images, models = counted(len(report.entries), "image"), counted(len(report.models), "model")
    return (
        f"{'Does' if one else 'Do'} {images} look like {report.normal}? {models} that learned what "
        f"these look like {'scores' if single else 'score'} how strange each image is: larger is "
        "stranger."
    )


def threshold(report: Report) -> str:
    """Where flagging begins, as it was set."""
    chosen = report.threshold
    named = {model.name: model for model in report.models}.get(chosen.model)
    where = f"above a score of {chosen.value:.6g}"
    if named is not None:
        where = f"above {figure(named.threshold)} {named.unit} of {named.title}"
    miss, alarm = report.costs
    return {
        "percentile": f"An image is flagged where its score lies above percentile "
        f"{chosen.value:g} of held-out normal images.",
        "alarms": f"An image is flagged where its score lies above those of all but "
        f"{percent(chosen.value)} of held-out normal images.",
        "score": f"An image is flagged {where}, and by other models above the same percentile.",
        "cost": f"Each model flags where errors cost least on {report.strange}: a miss {miss:g}, "
        f"a false alarm {alarm:g}, with {percent(report.prevalence)} of images strange.",
    }[chosen.by]


def budget(model: ReportModel) -> str:
    """What the threshold lets through of normal images: of so many, so many by mistake."""
    n = len(model.raw)
    low, high = _of_normal(model)
    said = (
        f"{percent(model.budget)} of normal images are flagged by mistake. Of "
        f"{counted(n, 'normal image')} that is about {about(n * model.budget)}; {low:,} to {high:,}"
    )
    if not model.above:
        said = (
            f"none of {counted(model.calibration, 'held-out normal image')} is above the "
            f"threshold, so that probably under {percent(exceedance_under(model.calibration))} of "
            f"normal images are flagged by mistake. Of {counted(n, 'normal image')} {low:,} to "
            f"{high:,}"
        )
    return f"The false-alarm budget: {said} in 95 of 100 such batches."


def surprise(model: ReportModel) -> str:
    """Whether as many are flagged as normal images alone would be."""
    low, high = _of_normal(model)
    count = int(model.flagged.sum())
    if count > high:
        return (
            f"{count:,} are flagged, more than normal images alone would be: some are strange, or "
            "these are not taken as the normal ones were."
        )
    if count < low:
        return f"{count:,} are flagged, fewer than of normal images alone."
    return f"{count:,} are flagged, as many as may be of normal images alone."


def _of_normal(model: ReportModel) -> tuple[int, int]:
    """How many of as many normal images are flagged: the budget itself was only measured."""
    return exceedance_range(len(model.raw), model.above, model.calibration)


def expected(report: Report) -> str:
    """How many of the images are strange, if as many are as one expects; and what follows."""
    n = len(report.entries)
    said = (
        f"You expect {percent(report.prevalence)} of images to be strange: about "
        f"{about(n * report.prevalence)} of these {n:,}. "
    )
    if not report.strange:
        return said + (
            "This scenario has no strange images on which to measure: how many of the flagged are "
            "strange cannot be said."
        )
    return said + (
        f"If yours are as easy to tell from {report.against} as {report.strange} are, this follows "
        "for each model."
    )


def mapped(ranks: Sequence[int]) -> str:
    """Which of the strangest images have maps, by their ranks in the table; "" where none has.

    Example:
        >>> mapped([1, 2, 3]), mapped([1])
        ('The 3 strangest images.', 'The strangest image.')
        >>> mapped([2, 4])
        'Of the 4 strangest images those 2 that have a map, by their places in the table below.'
    """
    if not ranks:
        return ""
    last, n = max(ranks), len(ranks)
    if last == n:
        return "The strangest image." if n == 1 else f"The {n} strangest images."
    has = (
        "the one that has a map, by its place"
        if n == 1
        else f"those {n} that have a map, by their places"
    )
    return f"Of the {last} strangest images {has} in the table below."


def begun(count: int) -> str:
    """What is said of a count of maps whose colours do not begin at zero; "": there is none.

    Example:
        >>> begun(1)
        'A map with * is of one sign: its colours begin where its quietest quarter ends.'
        >>> begun(0)
        ''
    """
    said = "A map with * is of one sign: its colours begin where its quietest quarter ends."
    return said if count else ""


def hits_and_alarms(report: Report, model: ReportModel) -> tuple[str, str]:
    """How many of the images one should expect to see flagged, rightly and by mistake."""
    if model.recall is None or model.false_alarm_rate is None:
        return "–", "–"
    n = len(report.entries)
    strange = n * report.prevalence
    hits, alarms = strange * model.recall.value, (n - strange) * model.false_alarm_rate.value
    return about(hits), about(alarms)
