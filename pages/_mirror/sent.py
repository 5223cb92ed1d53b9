"""What the browser is sent of a triangle of mixtures, and where it asks for the finer one."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core import service
from core.service import SIDES, MixedPart, Simplex, SimplexQuery
from pages._mirror import simplex_files
from pages._shared.scripts import FOREVER, none

__all__ = ["FINER", "SHOWN", "finer", "remember", "shown", "triangle"]

SHOWN = ("two_sided", "one_sided", "features", "reconstruction")  # parts beside each other
FINER = "/simplex-finer/{token}.json"
MOST = 2000  # triangles that can be asked for, the last ones: some kilobytes each at most
_asked: OrderedDict[str, SimplexQuery] = OrderedDict()
_lock = Lock()


def remember(query: SimplexQuery, version: str) -> str:
    """Names three images of a model, of whose mixtures the browser may ask for more.

    Args:
        version: of the model: one that was trained anew mixes them in another way.
    """
    given = (query.target, query.corners, version)
    token = hashlib.sha256(repr(given).encode()).hexdigest()[:32]
    with _lock:
        _asked[token] = query
        _asked.move_to_end(token)
        while len(_asked) > MOST:
            _asked.popitem(last=False)
    return token


def finer(request: Request) -> Response:
    """The finer triangle: whoever drags in the coarse one meanwhile waits for nothing."""
    with _lock:
        query = _asked.get(request.path_params["token"])
    if query is None:
        return none("nobody asked for this triangle")
    try:
        found = service.ask(replace(query, side=SIDES[1]))
    except service.OutskirtsError as error:
        return none(str(error))
    return JSONResponse(triangle(found), headers=FOREVER)


def shown(found: Simplex) -> list[str]:
    """The parts that stand beside each other, the score among them."""
    return [part for part in found.parts if part in SHOWN or part == found.score]


def triangle(found: Simplex) -> dict[str, Any]:
    """All mixtures as one sheet of pictures, row by row, and their numbers."""
    columns = found.side + 1
    return {
        "side": found.side,
        "columns": columns,
        "sheet": b64encode(simplex_files.sheet(found.images, columns)).decode(),
        "parts": [_numbers(part, found.parts[part]) for part in shown(found)],
    }


def _numbers(name: str, part: MixedPart) -> dict[str, Any]:
    """What the browser draws of a part: six digits are more than it shows."""
    columns = {
        "values": part.values,
        "percentiles": part.percentiles,
        "averages": part.average_values,
        "averagePercentiles": part.average_percentiles,
    }
    numbers = {key: [float(f"{v:.6g}") for v in column] for key, column in columns.items()}
    return {"key": name, "title": part.title, "unit": part.unit, "level": part.level, **numbers}
