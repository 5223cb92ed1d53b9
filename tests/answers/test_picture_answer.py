"""The picture of an image, before any detector is asked."""

from __future__ import annotations

import io

import numpy as np
import pytest
from conftest import Tiny
from PIL import Image

from core import service
from core.data.picture import png
from core.errors import OutskirtsError
from core.scenario import load_scenario
from core.service import ImageQuery, PictureQuery, Target

GLOW = Target.of("tiny", "glow")


def test_a_reference_image_is_shown_as_its_set_holds_it(models: Tiny) -> None:
    view = service.ask(PictureQuery(ImageQuery(GLOW, "strokes", 3)))
    assert view.id == "strokes#3"
    np.testing.assert_array_equal(view.image, load_scenario("tiny").pictures("strokes").images[3])
    assert view.notes == view.warnings == ()


def test_a_file_is_shown_as_detectors_see_it_and_what_was_done_is_said(models: Tiny) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (56, 56), (30, 30, 30)).save(stream, "PNG")
    view = service.ask(PictureQuery(ImageQuery(GLOW, "mine.png", None)), stream.getvalue())
    assert view.id == "mine.png"
    assert view.image.shape == (28, 28, 1)
    assert (view.image == 30).all()
    assert view.notes


def test_a_picture_of_the_right_shape_comes_back_as_it_is(models: Tiny) -> None:
    image = load_scenario("tiny").pictures("boxes").images[0]
    view = service.ask(PictureQuery(ImageQuery(GLOW, "b.png", None)), png(image))
    np.testing.assert_array_equal(view.image, image)
    assert view.notes == ()


@pytest.mark.parametrize(
    ("query", "data", "words"),
    [
        (ImageQuery(GLOW, "strokes", 10_000), None, "asked for 10000"),
        (ImageQuery(GLOW, "mine.png", None), b"no image", "image"),
        (ImageQuery(GLOW, "mine.png", None), None, "no image was given"),
    ],
)
def test_what_is_no_image_is_refused_in_words(
    models: Tiny, query: ImageQuery, data: bytes | None, words: str
) -> None:
    with pytest.raises(OutskirtsError, match=words):
        service.ask(PictureQuery(query), data)
