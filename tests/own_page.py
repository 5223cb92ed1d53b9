"""The page Own images as a link opens it, for tests that need no browser."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

__all__ = ["listing", "names", "opened", "png_of", "upload"]

LISTING = "own_listing"


def opened(**state: object) -> AppTest:
    """The page as a link opens it, without an exception."""
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60)
    if "scenario" in state:
        app.query_params["scenario"] = str(state.pop("scenario"))
    for key, value in state.items():
        app.query_params[f"own_{key}"] = str(value)
    app = app.switch_page("own.py").run()
    assert not app.exception
    return app


def png_of(image: np.ndarray) -> bytes:
    """An image (H, W, 1) as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(image[..., 0]).save(stream, "PNG")
    return stream.getvalue()


def upload(app: AppTest, files: Mapping[str, bytes]) -> AppTest:
    """Bring these files, by their names, to the view of many images."""
    given = [(name, data, "application/octet-stream") for name, data in files.items()]
    app.file_uploader[0].set_value(given).run()
    assert not app.exception
    return app


def listing(app: AppTest) -> dict[str, Any]:
    """What the table of many images was sent."""
    protos = (e.proto for e in app.get("bidi_component"))
    [found] = [json.loads(p.json) for p in protos if LISTING in p.id]
    return found


def names(app: AppTest) -> list[str]:
    """The images of the table, from the top."""
    return [row["name"] for row in listing(app)["rows"]]
