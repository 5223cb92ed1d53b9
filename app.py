"""Entry of the browser workbench: ``make app``, or ``streamlit run app.py``.

The script lives in pages/_frame.py behind `st.App`, because Streamlit would otherwise run a file of
pages/ without its frame when the first visit of a fresh server is a deep link.
"""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st


@asynccontextmanager
async def warm(app: st.App) -> AsyncIterator[None]:
    """Load detectors beside the first visit, so that it does not wait for torch on every page."""
    threading.Thread(target=load, daemon=True).start()
    yield


def load() -> None:
    from core import service

    service.warm_up()


app = st.App("pages/_frame.py", lifespan=warm)
