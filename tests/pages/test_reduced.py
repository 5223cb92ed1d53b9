"""Large pictures are sent as small as they are shown."""

from __future__ import annotations

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request

from pages._cards import essentials
from pages._latent import served
from pages._overview import picture
from pages._shared import draw, gallery

LARGE = np.random.default_rng(0).integers(0, 256, (256, 256, 1), dtype=np.uint8)


def size_of(html: str) -> tuple[int, int]:
    """Width and height of the first picture in HTML."""
    source = html.partition("base64,")[2].partition('"')[0]
    return Image.open(io.BytesIO(b64decode(source))).size


def test_a_large_picture_is_the_mean_of_its_blocks() -> None:
    small = draw.reduced(LARGE, 128)
    means = LARGE[..., 0].reshape(128, 2, 128, 2).mean((1, 3))
    assert small.shape == (128, 128, 1)
    assert small.dtype == np.uint8
    assert np.abs(small[..., 0] - means).max() <= 0.5


@pytest.mark.parametrize(("side", "most"), [(300, 112), (256, 160), (161, 160)])
@pytest.mark.parametrize("channels", [1, 3])
def test_none_is_larger_than_it_may_be(side: int, most: int, channels: int) -> None:
    small = draw.reduced(np.zeros((side, side - 1, channels), np.uint8), most)
    assert max(small.shape[:2]) <= most
    assert small.shape[2] == channels


def test_a_small_picture_is_itself() -> None:
    assert draw.reduced(LARGE[:28, :28], 28).tobytes() == LARGE[:28, :28].tobytes()


def test_pages_send_large_pictures_small(monkeypatch: pytest.MonkeyPatch) -> None:
    eight = np.stack([LARGE] * 8)
    wide, high = size_of(picture._strip(eight, "Large", 20))
    assert high <= 2 * picture.SIDE
    assert wide <= 8 * high + 7 * 3
    assert size_of(gallery.row([(LARGE, "", "")], width=56)) == (86, 86)
    monkeypatch.setattr("core.service.pictures_of", lambda *_: eight[:2])
    asked = {"type": "http", "query_string": b"of=a.1,a.2", "path_params": {"scenario": "large"}}
    sent = bytes(served.sprite(Request(asked)).body)
    assert Image.open(io.BytesIO(sent)).size == (256, 128)


def test_a_card_sends_large_pictures_small() -> None:
    class Named:
        title = "Large"

    html = essentials._cell(Named(), np.stack([LARGE] * 4), (8, 8), "0.5", "")  # type: ignore[arg-type]
    assert size_of(html) == (256, 256)
