"""What the map asks of the server itself, past Streamlit: scripts, points, numbers, pictures."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from pages._shared.scripts import FOREVER, Scripts, none

__all__ = ["MAP", "ROUTES", "SCRIPTS", "scripts_version"]

MAP = Scripts(Path(__file__).with_name("browser"), "map")
SCRIPTS = MAP.names
scripts_version = MAP.version
MOST = 60  # pictures that one request may ask for
HOUR = {"Cache-Control": "max-age=3600"}


def points(request: Request) -> Response:
    """All points of a map, or a number of each; see `core.answers.points.pack`."""
    from core import service

    at = request.path_params
    target = service.Target.of(at["scenario"], at["model"])
    try:
        found: service.Points | service.Column = (
            service.ask(service.ColumnQuery(target, at["layout"], at["what"]))
            if "what" in at
            else service.ask(service.PointsQuery(target, at["layout"]))
        )
    except service.OutskirtsError as error:
        return none(str(error))
    return _packed(request, found.data, found.version)


def _packed(request: Request, data: bytes, version: str) -> Response:
    tag = f'"{version}"'
    asked = request.query_params.get("v") == version
    headers = {"ETag": tag, "Vary": "Accept-Encoding"}
    headers |= FOREVER if asked else {"Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        data = gzip.decompress(data)
    return Response(data, media_type="application/octet-stream", headers=headers)


def thumbnail(request: Request) -> Response:
    """A reference image as the tooltips of maps ask for it."""
    at = request.path_params
    return _strip(at["scenario"], [(at["set_name"], at["index"])])


def sprite(request: Request) -> Response:
    """Reference images side by side: "?of=mnist.3,garments.17"."""
    asked = request.query_params.get("of", "").split(",")
    picks = [name.rpartition(".") for name in asked]
    if len(picks) > MOST:
        return none(f"at most {MOST} images at once")
    return _strip(request.path_params["scenario"], [(name, index) for name, _, index in picks])


def _strip(scenario: str, named: list[tuple[str, str]]) -> Response:
    from core import service
    from pages._shared import draw

    if not all(i.isascii() and i.isdigit() and len(i) < 9 for _, i in named):
        return none("no image has such a number")
    try:
        images = service.pictures_of(scenario, [(name, int(index)) for name, index in named])
    except service.OutskirtsError as error:
        return none(str(error))
    picture = np.concatenate([draw.reduced(image) for image in images], axis=1)
    return Response(draw.png([picture]), media_type="image/png", headers=HOUR)


ROUTES: Mapping[str, Callable[[Request], Response]] = {
    "/thumbnail/{scenario}/{set_name}/{index}.png": thumbnail,
    "/sprite/{scenario}.png": sprite,
    "/points/{scenario}/{model}/{layout}.bin": points,
    "/points/{scenario}/{model}/{layout}/{what}.bin": points,
    MAP.route[0]: MAP.route[1],
}
