"""Where to start: a link to each state of a page that the scenario names."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.service import StartTile
from pages._shared import links
from pages._shared.pages import row_of

__all__ = ["tiles"]


def tiles(shown: Sequence[StartTile]) -> None:
    """A tile each: what it is called, what is to be seen, on which page.

    Links, not buttons: what is done in the browser alone is one step of its Back button.
    """
    with st.container(key="overview_start"), st.grid(min_column_width=230):
        for tile in shown:
            page = row_of(tile.page)
            with st.container(border=True, gap="xxsmall", height="stretch"):
                st.page_link(
                    f"{tile.page}.py",
                    label=f"**{tile.title}**",
                    icon=page.icon,
                    query_params=links.query_of(tile.page, tile.state),
                )
                st.markdown(tile.text)
