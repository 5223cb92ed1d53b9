"""Images beside their mirrors, as the tiles of the page ask the server itself for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from pages._shared.scripts import FOREVER, none

__all__ = ["ROUTES", "mirrored"]


def mirrored(request: Request) -> Response:
    """A reference image and its mirror side by side; the version in its address names the weights."""
    from core import service
    from pages._shared import draw

    at = request.path_params
    index = at["index"]
    if not (index.isascii() and index.isdigit() and len(index) < 9):
        return none("no image has such a number")
    target = service.Target.of(at["scenario"], at["model"])
    image = service.ImageQuery(target, at["set_name"], int(index))
    try:
        pair = service.ask(service.MirroredQuery(image))
        pictures = np.stack([pair.image, pair.mirror])
    except service.PicturesElsewhere:  # what stands in its place, and for its mirror
        pictures = service.pictures_of(at["scenario"], ((at["set_name"], int(index)),) * 2)
    except service.OutskirtsError as error:
        return none(str(error))
    picture = np.concatenate([draw.reduced(one) for one in pictures], axis=1)
    return Response(draw.png([picture]), media_type="image/png", headers=FOREVER)


ROUTES: Mapping[str, Callable[[Request], Response]] = {
    "/mirrored/{version}/{scenario}/{model}/{set_name}/{index}.png": mirrored,
}
