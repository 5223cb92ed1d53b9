"""What the map asks of the server itself, past Streamlit: scripts, points, numbers, pictures."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

__all__ = ["BUNDLE", "ROUTES", "SCRIPTS", "scripts_version"]

FOLDER = Path(__file__).with_name("browser")
SCRIPTS = tuple(sorted(path.name for path in FOLDER.glob("*.js")))
KINDS = {".js": "text/javascript", ".css": "text/css"}
BUNDLE = "all.js"
MOST = 60  # pictures that one request may ask for
HOUR = {"Cache-Control": "max-age=3600"}
FOREVER = {"Cache-Control": "max-age=31536000, immutable"}  # its address names its version


@cache
def scripts_version() -> str:
    """Names what the browser's half of the map is: another where a byte of it is."""
    whole = b"".join(path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.is_file())
    return hashlib.sha256(whole).hexdigest()[:16]


IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)


@cache
def bundle() -> str:
    """All scripts as one module: a fresh browser would wait for each of them.

    Each becomes a function that is called once and returns what it exports.
    """
    written: list[str] = []
    whole: list[str] = []

    def write(name: str) -> None:
        if name in written:
            return
        written.append(name)
        text = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
        for _, other in IMPORT.findall(text):
            write(other)
        names = ", ".join(EXPORT.findall(text))
        body = EXPORT.sub("", IMPORT.sub(r"const \1 = $\2;", text))
        whole.append(f"const ${name} = (() => {{\n{body}\nreturn {{ {names} }};\n}})();\n")

    write("main")
    return "".join(whole) + "export const draw = $main.draw;\n"


def script(request: Request) -> Response:
    """A file of the browser's half, or all scripts as one."""
    if request.path_params["name"] == BUNDLE:
        kept = FOREVER if request.path_params["version"] == scripts_version() else {}
        return Response(bundle(), media_type=KINDS[".js"], headers=kept)
    path = FOLDER / request.path_params["name"]
    if path.parent != FOLDER or path.suffix not in KINDS or not path.is_file():
        return _none("there is no such script")
    kept = FOREVER if request.path_params["version"] == scripts_version() else {}
    return Response(path.read_bytes(), media_type=KINDS[path.suffix], headers=kept)


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
        return _none(str(error))
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
        return _none(f"at most {MOST} images at once")
    return _strip(request.path_params["scenario"], [(name, index) for name, _, index in picks])


def _strip(scenario: str, named: list[tuple[str, str]]) -> Response:
    from core import service
    from pages._shared import draw

    if not all(i.isascii() and i.isdigit() and len(i) < 9 for _, i in named):
        return _none("no image has such a number")
    try:
        images = service.pictures_of(scenario, [(name, int(index)) for name, index in named])
    except service.OutskirtsError as error:
        return _none(str(error))
    picture = np.concatenate(list(images), axis=1)
    return Response(draw.png([picture]), media_type="image/png", headers=HOUR)


def _none(why: str) -> Response:
    return Response(why, 404, media_type="text/plain")


ROUTES: Mapping[str, Callable[[Request], Response]] = {
    "/thumbnail/{scenario}/{set_name}/{index}.png": thumbnail,
    "/sprite/{scenario}.png": sprite,
    "/points/{scenario}/{model}/{layout}.bin": points,
    "/points/{scenario}/{model}/{layout}/{what}.bin": points,
    "/map/{version}/{name}": script,
}
