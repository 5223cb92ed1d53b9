"""Batches say what single images say, and steps end in what every model sees."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
from conftest import Tiny
from handmade import CORNER, encoded, grey
from PIL import Image

from core.data.decode import decode
from core.data.images import ImageError
from core.data.picture import png
from core.data.steps import SIDE, steps_of
from core.service import BatchQuery, ImageQuery, StepsQuery, Target, ask, join_batches
from core.shape import Shape

# Batches ----------------------------------------------------------------------------------------


def asked(images: np.ndarray) -> BatchQuery:
    return BatchQuery("tiny", ("glow",), len(images))


def test_a_batch_says_of_every_image_what_is_said_of_it_alone(tiny_scenario: Tiny) -> None:
    images = np.concatenate([tiny.boxes(4, seed=7), tiny.strokes(3, seed=7)])
    scores = ask(asked(images), images.tobytes()).models["glow"]
    target = Target("tiny", "glow")
    for i, image in enumerate(images):
        view = ask(ImageQuery(target, "own", None), png(image))
        part = "typicality" if "typicality" in view.parts else next(iter(view.parts))
        np.testing.assert_allclose(scores.parts[part][i], view.percentiles[part], atol=0.2)
        assert bool(scores.foreign[i]) == view.foreign
        assert bool(scores.flagged[i]) == view.flagged
    assert (scores.flagged == (scores.raw > scores.threshold)).all()


def test_a_batch_in_pieces_is_the_batch_as_a_whole(tiny_scenario: Tiny) -> None:
    images = tiny.boxes(10, seed=3)
    whole = ask(asked(images), images.tobytes()).models["glow"]
    pieces = [ask(asked(p), p.tobytes()) for p in (images[:4], images[4:8], images[8:])]
    joined = join_batches(pieces)
    scores = joined.models["glow"]
    assert joined.count == 10
    for name in ("raw", "displayed", "percentiles", "flagged", "foreign"):
        np.testing.assert_allclose(getattr(scores, name), getattr(whole, name), rtol=1e-5)
    assert {k: len(v) for k, v in scores.parts.items()} == dict.fromkeys(whole.parts, 10)
    assert (scores.unit, scores.threshold) == (whole.unit, whole.threshold)


def test_batches_of_other_models_or_none_are_not_joined(tiny_scenario: Tiny) -> None:
    with pytest.raises(ValueError, match="same models"):
        join_batches([])


@pytest.mark.parametrize(("count", "length"), [(2, 784), (0, 0), (1, 783), (-1, 784)])
def test_bytes_that_are_not_so_many_pictures_are_refused(
    tiny_scenario: Tiny, count: int, length: int
) -> None:
    with pytest.raises(ImageError, match="the pictures must be"):
        ask(BatchQuery("tiny", ("glow",), count), bytes(length))


# Steps ------------------------------------------------------------------------------------------


def test_each_thing_that_was_done_is_a_step_and_the_last_is_what_models_see(
    tiny_scenario: Tiny,
) -> None:
    tags = Image.Exif()
    tags[274] = 6  # lies on its left side
    image = Image.new("RGBA", (40, 20), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 10, 20))
    steps = ask(StepsQuery("tiny"), encoded(image, exif=tags))
    assert [(step.title, step.note) for step in steps.steps] == [
        ("As the file has it", "PNG, 40x20, RGBA"),
        ("Colours and levels", "RGBA made grey; transparent pixels became white"),
        ("Upright", "turned upright by its EXIF tag"),
        ("Fitted", "20x40 to 14x28, shrunk 1.4 times each way"),
        ("On black", "14x28 in the middle of 28x28"),
    ]
    assert [step.image.shape for step in steps.steps] == [
        (20, 40, 4), (20, 40, 1), (40, 20, 1), (28, 14, 1), (28, 28, 1),
    ]  # fmt: skip
    assert steps.steps[0].image[0, 0].tolist() == [0, 0, 0, 0]
    assert steps.steps[1].image[0, [0, 39], 0].tolist() == [255, 76]  # white, and red as grey
    assert steps.steps[2].image[[0, 39], 0, 0].tolist() == [255, 76]  # the left is up
    assert np.array_equal(steps.steps[-1].image, steps.image)
    assert not steps.image[:, :7].any()


def test_a_picture_that_fits_as_it_is_has_one_step(tiny_scenario: Tiny) -> None:
    steps = ask(StepsQuery("tiny"), encoded(grey(CORNER)))
    assert [step.title for step in steps.steps] == ["As the file has it"]
    assert np.array_equal(steps.steps[0].image, steps.image)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
@pytest.mark.parametrize("shape", [Shape(1, 28, 28), Shape(3, 48, 64)], ids=str)
def test_watching_changes_nothing_and_keeps_little(mode: str, shape: Shape) -> None:
    base = np.linspace(0, 255, 700 * 300).reshape(300, 700).astype(np.uint8)
    image = Image.fromarray(base)
    image = Image.fromarray(base.astype(np.uint16)) if mode == "I;16" else image.convert(mode)
    kind = "TIFF" if mode in ("CMYK", "I;16", "I", "F", "LA") else "PNG"
    data = encoded(image, kind)
    steps, picture = steps_of(data, shape)
    plain = decode(data, shape)
    assert np.array_equal(picture.image, plain.image)
    assert (picture.notes, picture.warnings) == (plain.notes, plain.warnings)
    assert all(max(step.image.shape[:2]) <= SIDE for step in steps)
    assert steps[0].image.shape[:2] == (110, 256)


@pytest.mark.parametrize("data", [b"", b"x", encoded(grey(CORNER))[:60]])
def test_a_file_that_is_none_says_the_same_step_by_step(tiny_scenario: Tiny, data: bytes) -> None:
    with pytest.raises(ImageError) as alone:
        decode(data, Shape(1, 28, 28))
    with pytest.raises(ImageError) as watched:
        ask(StepsQuery("tiny"), data)
    assert str(watched.value) == str(alone.value)


def test_steps_without_a_file_are_refused(tiny_scenario: Tiny) -> None:
    with pytest.raises(ImageError, match="no image was given"):
        ask(StepsQuery("tiny"))
