"""What the triangle of Mirror asks of the server itself: its scripts, and more mixtures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from pages._mirror.sent import FINER, finer
from pages._shared.scripts import Scripts

__all__ = ["ROUTES", "SIMPLEX"]

SIMPLEX = Scripts(Path(__file__).with_name("browser"), "simplex")
ROUTES: Mapping[str, Callable[[Request], Response]] = dict([SIMPLEX.route, (FINER, finer)])
