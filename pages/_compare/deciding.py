"""The threshold that one drags, and what it does; `browser/deciding.js` is the browser's half.

The browser gets what about 1,300 thresholds do, so that a drag asks the server nothing. It tells
where the line is let go; what is shown then is what the service says of exactly that threshold.
Where it cannot draw, a slider and a figure do the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import streamlit as st

from core.service import Operating, Verdict
from pages._compare import figures, line, sent
from pages._compare.models import Compared
from pages._compare.served import DECIDING
from pages._shared import draw, history
from pages._shared.scripts import DRAW_OR_SAY
from pages._shared.theme import palette

__all__ = ["CELL", "CELLS", "NONE", "STAGE", "press", "show"]

STAGE, CELL = "compare_stage", "compare_cell"
_SERIAL, _TOKEN, _PLACES = "_compare_serial", "_compare_token", "_compare_places"
_PLAIN = "compare_plain"
CELLS = {  # of the confusion matrix
    "hits": "Hits",
    "misses": "Misses",
    "alarms": "False alarms",
    "passed": "Let pass",
}
NONE = "none"

_draw = st.components.v2.component("outskirts.deciding", js=DECIDING.loader(draw=DRAW_OR_SAY))


def show(c: Compared, found: Operating, verdict: Verdict, *, cell: str) -> None:
    """The histogram with its line, matrix, rates and curves; in plain widgets where scripts fail.

    Args:
        cell: whose images are open, or "".
    """
    sending = sent.given(c, found, verdict, colours=palette())
    st.session_state[_TOKEN] = sending["token"]
    st.session_state[_PLACES] = (found.rows.percentile, found.rows.raw, found.rows.displayed)
    told = _draw(
        key=STAGE,
        data={**sending, "cell": cell, "serial": st.session_state.get(_SERIAL, 0)},
        on_failed_change=lambda: None,
        on_moved_change=_moved,
        on_cell_change=_pressed,
    )
    if told.get("failed"):
        _plain(c, found, verdict)


def _moved() -> None:
    """The browser says where the line was let go, or what was typed; of other rows it is too late."""
    told = (st.session_state.get(STAGE) or {}).get("moved")
    if not isinstance(told, Mapping) or told.get("token") != st.session_state.get(_TOKEN):
        return
    serial, row, typed = told.get("serial"), told.get("row"), told.get("typed")
    percentiles, raw, displayed = st.session_state[_PLACES]
    if isinstance(serial, int):
        st.session_state[_SERIAL] = serial
    if isinstance(row, int) and 0 <= row < len(raw):
        line.moved((float(percentiles[row]), float(raw[row])))
    elif isinstance(typed, int | float) and math.isfinite(typed):
        line.typed(float(typed), raw=_raw(float(typed), raw, displayed))


def _raw(shown: float, raw: np.ndarray, displayed: np.ndarray) -> float:
    """The score that pages show as this number: the one unit is a multiple of the other."""
    step = (raw[-1] - raw[0]) / (displayed[-1] - displayed[0]) if len(raw) > 1 else 1.0
    return float(raw[0] + (shown - displayed[0]) * step)


def _pressed() -> None:
    cell = (st.session_state.get(STAGE) or {}).get("cell")
    if cell in CELLS:
        press(cell)


def press(cell: str) -> None:
    """A cell was pressed: its images open, or close where they are open."""
    st.session_state[CELL] = NONE if st.session_state.get(CELL) == cell else cell
    history.show("compare_cell_images")


# Where the browser cannot -------------------------------------------------------------------------


def _plain(c: Compared, found: Operating, verdict: Verdict) -> None:
    """The same with widgets of Streamlit's: a slider, a figure, a table, a button a cell."""
    stands = str(round(min(max(verdict.percentile, 0.0), 100.0), 1))
    st.session_state[_PLAIN] = float(stands)
    st.slider(
        "Threshold, as a percentile of held-out normal images",
        0.0,
        100.0,
        step=0.1,
        key=_PLAIN,
        on_change=_slid,
    )
    draw.chart(
        figures.whole(c, found, verdict),
        key="compare_plain_figure",
        name=f"{c.scenario.name}-{c.model}-{c.strange}-scores",
        alt=f"Histogram of the scores of {found.title} with its threshold",
    )
    with st.container(horizontal=True):
        for cell, title in CELLS.items():
            st.button(
                f"{title}: {getattr(verdict, cell):,}",
                key=f"compare_plain_{cell}",
                on_click=press,
                args=(cell,),
            )


def _slid() -> None:
    line.set_percentile(st.session_state[_PLAIN])
