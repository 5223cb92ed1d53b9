"""Pictures of a signed map, looked at pixel by pixel."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from core.explain.rendering import (
    ABOVE,
    BELOW,
    coloured,
    floor_of,
    limit_of,
    map_npy,
    map_png,
    map_svg,
)

MAP = np.array([[-4.0, 0.0, 1.0], [2.0, np.nan, 8.0]])
DISTANCES = np.array([[10.0, 11.0, np.inf], [12.0, np.nan, 14.0], [16.0, 11.0, 11.0]])
NAME = "{http://www.w3.org/2000/svg}"


def test_a_scale_is_symmetric_and_zero_is_transparent() -> None:
    found = coloured(MAP)
    assert limit_of(MAP) == 8
    assert found[0, 0].tolist() == [*BELOW, 128]
    assert found[0, 1, 3] == 0
    assert found[0, 2].tolist() == [*ABOVE, 32]
    assert found[1, 1, 3] == 0
    assert found[1, 2].tolist() == [*ABOVE, 255]


@pytest.mark.parametrize(("sign", "colour"), [(1, ABOVE), (-1, BELOW)])
def test_a_map_of_one_sign_is_coloured_from_its_quietest_quarter_on(
    sign: int, colour: tuple[int, int, int]
) -> None:
    values = sign * DISTANCES
    assert floor_of(values, 16.0) == 11  # of 10, 11, 11, 11, 12, 14, 16
    found = coloured(values)
    assert found[..., 3].tolist() == [[0, 0, 0], [51, 0, 153], [255, 0, 0]]
    assert found[2, 0].tolist() == [*colour, 255]


@pytest.mark.parametrize("kind", ["of both signs", "mostly zero", "alike", "zero"])
def test_every_other_map_is_coloured_from_zero_on_to_the_last_bit(kind: str) -> None:
    values = np.random.default_rng(0).normal(size=(40, 40)).astype(np.float32)
    if kind == "mostly zero":  # as where a mask or a patch is what made the score
        values = np.abs(values) * (np.arange(40) < 20)
    if kind == "alike":  # 0.9 % apart, all that a log-determinant of the whole picture leaves
        values = 5.408 + 0.009 * 5.408 * np.abs(values) / np.abs(values).max()
    if kind == "zero":
        values = 0 * np.abs(values)
    share = (values / limit_of(values)).clip(-1, 1)
    expected = np.concatenate(
        [
            np.where(share[..., None] < 0, BELOW, ABOVE),
            np.round(255 * np.abs(share))[..., None],
        ],
        axis=-1,
    )
    assert np.array_equal(coloured(values), expected.astype(np.uint8))


def test_beyond_a_given_limit_a_pixel_is_opaque() -> None:
    assert coloured(MAP, 2.0)[..., 3].tolist() == [[255, 0, 128], [255, 0, 255]]


def test_a_map_of_zeros_has_a_scale_too() -> None:
    assert limit_of(np.zeros((2, 2))) == 1
    assert coloured(np.zeros((2, 2)))[..., 3].max() == 0


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_that_is_none_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="limit must be above 0"):
        coloured(MAP, limit)


def test_what_is_no_map_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(H, W\), got \(2, 3, 1\)"):
        coloured(MAP[..., None])


def test_a_png_holds_every_value_as_a_square() -> None:
    image = Image.open(io.BytesIO(map_png(MAP, factor=5)))
    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (15, 10))
    pixels = np.asarray(image)
    assert np.array_equal(pixels[::5, ::5], coloured(MAP))
    assert np.array_equal(pixels[4::5, 4::5], coloured(MAP))
    assert Image.open(io.BytesIO(map_png(np.zeros((28, 28))))).size == (448, 448)
    assert Image.open(io.BytesIO(map_png(np.zeros((600, 500))))).size == (500, 600)


def test_an_svg_has_the_values_a_title_and_a_scale_and_escapes_what_it_is_given() -> None:
    root = ET.fromstring(map_svg(MAP, title="<b> & co", unit="nats"))
    squares = [r for r in root.iter(f"{NAME}rect") if r.get("class") == "value"]
    assert len(squares) == 4
    assert squares[0].get("fill") == "#0072B2"
    assert squares[0].get("fill-opacity") == "0.502"
    texts = [text.text for text in root.iter(f"{NAME}text")]
    assert texts == ["<b> & co", "\u22128 nats", "0", "8 nats"]
    assert root.find(f"{NAME}title").text == "<b> & co"


@pytest.mark.parametrize(
    ("sign", "said", "first", "last"),
    [
        (1, ["11 nats", "16 nats"], ("#D55E00", "0"), ("#D55E00", "1")),
        (-1, ["\u221216 nats", "\u221211 nats"], ("#0072B2", "1"), ("#D55E00", "0")),
    ],
)
def test_the_scale_of_an_svg_of_one_sign_says_where_it_begins(
    sign: int, said: list[str], first: tuple[str, str], last: tuple[str, str]
) -> None:
    root = ET.fromstring(map_svg(sign * DISTANCES, unit="nats"))
    assert [text.text for text in root.iter(f"{NAME}text")][1:] == said
    bar = [r for r in root.iter(f"{NAME}rect") if r.get("height") == "12"]
    assert len(bar) == 33
    for swatch, expected in ((bar[0], first), (bar[-1], last)):
        assert (swatch.get("fill"), swatch.get("fill-opacity")) == expected


def test_an_npy_is_the_map_itself() -> None:
    found = np.load(io.BytesIO(map_npy(MAP)))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, MAP)
