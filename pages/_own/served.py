"""The browser's half of Own images, as the server sends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from pages._shared.scripts import Scripts

__all__ = ["OWN", "ROUTES"]

OWN = Scripts(Path(__file__).with_name("browser"), "own-drawing")
ROUTES: Mapping[str, Callable[[Request], Response]] = dict([OWN.route])
