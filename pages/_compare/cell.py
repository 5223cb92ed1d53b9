"""The images of a cell of the confusion matrix."""

from __future__ import annotations

import streamlit as st

from core.service import CellQuery, Verdict
from pages._compare import looked
from pages._compare.deciding import CELL, CELLS, NONE, press
from pages._compare.models import Compared, among
from pages._shared import gallery, history, links
from pages._shared.ask import ask
from pages._shared.controls import choice, chosen, pager
from pages._shared.text import counted

__all__ = ["open_cell", "show"]

COUNT = 12
ORDERS = {"nearest": "nearest to the threshold", "farthest": "farthest from it"}
WHAT = {  # of which role, and what became of them
    "hits": ("strange", "flagged"),
    "misses": ("strange", "not flagged"),
    "alarms": ("normal", "flagged"),
    "passed": ("normal", "not flagged"),
}


def open_cell() -> str:
    """The cell whose images are open, by the address or kept; "": none."""
    cell = chosen("Cell of the confusion matrix", {NONE: "none", **CELLS}, key=CELL)
    links.write(CELL, None if cell == NONE else cell)
    return "" if cell == NONE else cell


def show(c: Compared, verdict: Verdict, cell: str) -> None:
    """Its pictures, a page of them; or how to open one."""
    history.show_new("compare_cell_images", cell)
    if not cell:
        st.caption("Press a cell of the confusion matrix and its images open here.")
        return
    role, become = WHAT[cell]
    count = getattr(verdict, cell)
    with st.container(key="compare_cell_images"):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            title = c.sets[c.strange if role == "strange" else c.against]
            st.subheader(
                f"{CELLS[cell]}: {counted(count, 'image')} of “{title}” {become}", width="content"
            )
            order = choice("Which first", ORDERS, key="compare_order")
            st.button(
                "Close", icon=":material/close:", key="compare_close", on_click=press, args=(cell,)
            )
        if not count:
            st.caption("No image is in this cell.")
            return
        _pictures(c, cell, order=order, count=count)


def _pictures(c: Compared, cell: str, *, order: str, count: int) -> None:
    pages = -(-count // COUNT)
    paged = (c.scenario.name, c.strange, c.model, cell, order, c.line)
    page = pager(pages, key="compare_cells", order=paged) if pages > 1 else 1
    shown = ask(
        CellQuery(
            c.scenario.name,
            c.strange,
            c.model,
            c.line.threshold,
            cell,
            count=COUNT,
            page=page,
            order=order,
            **c.stakes,
        ),
        c.data,
    )
    image = looked.picked(c)
    gallery.tiles(
        shown,
        scenario=c.scenario.name,
        titles=c.sets,
        key="compare_cell",
        what="score",
        on_click=looked.press,
        picked=image,
        side=104,
        among=among(c.model),
    )
