"""What the threshold of Compare asks of the server itself: its scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from pages._shared.scripts import Scripts

__all__ = ["DECIDING", "ROUTES"]

DECIDING = Scripts(Path(__file__).with_name("browser"), "deciding")
ROUTES: Mapping[str, Callable[[Request], Response]] = dict([DECIDING.route])
