"""Entry of the browser workbench: ``make app``, or ``streamlit run app.py``.

The script lives in pages/_frame.py behind `st.App`, because Streamlit would otherwise run a file of
pages/ without its frame when the first visit of a fresh server is a deep link.
"""

import ctypes
import gc
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route
from streamlit import runtime

from core.errors import OutskirtsError
from core.settings import settings
from pages._compare.served import ROUTES as DECIDING
from pages._explain.served import ROUTES as OVERLAY
from pages._latent.served import ROUTES as MAP
from pages._mirror.served import ROUTES as SIMPLEX
from pages._mirror.thumbnails import ROUTES as MIRRORS
from pages._own.served import ROUTES as DRAWING
from pages._shared import media, steps
from pages._shared.links import FiniteLinks
from pages._shared.login import BehindLogin, ClosedMetrics
from pages._shared.uploads import BoundedUploads

# Before torch is loaded: else each thread that asks it for something brings a team of its own, as
# many as there are processors, and the teams of thirty visitors wait for each other. One picture
# under a flow takes 50 ms so, and above 500 with a team of two on a machine that is busy already.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A thread of Python's that lets another one run waits so long to go on. A flow lets others run at
# each of its hundreds of steps: at 5 ms, as it is, one picture takes seconds when pages are drawn.
sys.setswitchinterval(0.0005)
TRIM = 5.0  # seconds
SETTLE = 12  # times that


@asynccontextmanager
async def warm(app: st.App) -> AsyncIterator[None]:
    """Load detectors beside the first visit, so that it does not wait for torch on every page.

    And keep house meanwhile.
    """
    media.outlive_their_run(runtime.get_instance().media_file_mgr)
    steps.outlive_their_run()
    for work in (load, keep_house):
        threading.Thread(target=work, daemon=True).start()
    yield


def load() -> None:
    from core import service

    service.warm_up()
    settle()


def settle() -> None:
    """Let no collection of garbage look again through what stays.

    Streamlit collects after every run of a page: 0.2 s, if it looked through what torch and the
    models have made, and 0.1 s of fifty visitors' pages and answers. Whatever of that was garbage
    since is looked for here.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def keep_house() -> None:
    """Again and again, settle what came, and give back to the system what was needed for a moment.

    glibc keeps that, an arena a thread: a tenth of all memory after a visitor of every page.
    """
    trim = None
    with suppress(OSError, AttributeError):  # another system's library
        trim = ctypes.CDLL("libc.so.6").malloc_trim
    while True:
        for _ in range(SETTLE):
            time.sleep(TRIM)
            if trim is not None:
                trim(0)
        settle()


def below_base(path: str) -> str:
    """A path below that of the server, which Streamlit adds to its own routes alone."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{path}" if base else path


OWN = {**DECIDING, **MAP, **OVERLAY, **MIRRORS, **SIMPLEX, **DRAWING}
try:
    provider = settings().provider()
except OutskirtsError as error:  # before the first visitor, not at each
    sys.exit(f"error: {error}")
app = st.App(
    "pages/_frame.py",
    secrets={"auth": provider} if provider else None,
    lifespan=warm,
    middleware=[
        Middleware(ClosedMetrics),
        Middleware(BehindLogin, routes=tuple(OWN)),
        Middleware(FiniteLinks),
        Middleware(BoundedUploads),
    ],
    routes=[Route(below_base(path), answer) for path, answer in OWN.items()],
)
