"""What the page Compare gives away; made when asked for, in a thread that draws nothing."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.service import Operating, Stakes, Verdicts, comparison_table
from pages._compare import figures
from pages._compare.models import Compared
from pages._compare.said import header
from pages._compare.table import csv_of_verdicts
from pages._shared import draw
from pages._shared.ask import csv_of
from pages._shared.controls import File, downloads
from pages._shared.threshold import Line

__all__ = ["images_csv", "show", "thresholds_csv"]


def show(c: Compared, found: Operating, verdicts: Verdicts) -> None:
    """Tables, and the picture as a figure whose bar takes it away."""
    stem = f"{c.scenario.name}-{c.strange}"
    downloads(
        File(
            "This table (CSV)",
            f"{stem}-models.csv",
            partial(csv_of_verdicts, c.line, verdicts.models),
        ),
        File(
            "Every image (CSV)",
            f"{stem}-images.csv",
            partial(images_csv, c),
            "Id, set and label of each image; of each model its score, percentile and verdict.",
        ),
        File(
            "Every threshold (CSV)",
            f"{stem}-{c.model}-thresholds.csv",
            partial(thresholds_csv, c.line, found),
            f"What each of {len(found.rows.raw):,} thresholds of {found.title} does.",
        ),
    )
    with st.expander("The picture as a figure"):
        draw.chart(
            figures.whole(c, found, verdicts.of(c.model)),
            key="compare_figure",
            name=f"{stem}-{c.model}-threshold",
            alt=f"Scores of {found.title} as two histograms with the threshold between them, its ROC "
            "and its precision over recall, each with the operating point",
        )


def images_csv(c: Compared, models: tuple[str, ...] = ()) -> bytes:
    """One row an image of both sets.

    Args:
        models: whose columns it has; (): all that are compared.
    """
    return csv_of(
        comparison_table(
            c.scenario.name,
            c.strange,
            models=models or c.shown,
            data=c.data,
            threshold=c.line.threshold,
            stakes=Stakes(**c.stakes),
        )
    )


def thresholds_csv(line: Line, found: Operating) -> bytes:
    """One row a threshold: counts, and each rate with the ends of its interval.

    Args:
        line: what is expected, which its headers say.
    """
    rows = found.rows
    columns = {
        f"threshold ({found.unit})": rows.displayed,
        "percentile": rows.percentile,
        "hits": rows.hits,
        "misses": found.n_strange - rows.hits,
        "alarms": rows.alarms,
        "passed": found.n_normal - rows.alarms,
    }
    for name in ("recall", "false_alarm_rate", "precision", "f1", "cost"):
        one, title = getattr(rows.rates, name), header(name, line)
        columns |= {title: one.value, f"{title} low": one.low, f"{title} high": one.high}
    return csv_of(columns)
