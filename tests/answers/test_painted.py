"""A visitor erases and paints pixels: what the detector then sees, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Tiny

from core import service
from core.answers.painted import painted_over
from core.data.images import ImageError
from core.service import ImageQuery, OutskirtsError, PaintedQuery, Strokes, Target

GLOW = Target("tiny", "glow")
BOX = ImageQuery(GLOW, "boxes", 3)


def bits(*pixels: tuple[int, int], side: int = 28) -> bytes:
    mask = np.zeros((side, side), bool)
    for row, column in pixels:
        mask[row, column] = True
    return np.packbits(mask).tobytes()


def test_erased_pixels_are_the_baselines_and_painted_ones_have_their_levels_in_order():
    image = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    white = np.full_like(image, 255)
    found, changed = painted_over(image, white, Strokes(b"\x40", b"\x30", b"\x09\x0b"))
    assert found.tolist() == [[[0, 1], [255, 255]], [[9, 9], [11, 11]]]
    assert changed == 3
    assert image.max() == 7  # its own image is as it was


@pytest.mark.parametrize(
    "strokes",
    [
        Strokes(erased=b"\xff"),
        Strokes(painted=bytes(99)),
        Strokes(levels=b"\x01"),
        Strokes(painted=bits((0, 0), (0, 1)), levels=b"\x01"),
    ],
)
def test_strokes_of_another_size_are_refused(models: Tiny, strokes: Strokes):
    with pytest.raises(ImageError, match="pixels"):
        service.ask(PaintedQuery(BOX, strokes))


def test_without_strokes_the_image_and_its_percentile_are_what_they_are(models: Tiny):
    view, found = service.ask(BOX), service.ask(PaintedQuery(BOX))
    assert np.array_equal(found.image, view.image)
    assert found.changed == 0
    for part, place in found.percentiles.items():
        assert place == pytest.approx(view.percentiles[part], abs=0.2), part


def test_what_is_painted_changes_the_score_and_erasing_it_again_takes_that_back(models: Tiny):
    before = service.ask(PaintedQuery(BOX))
    dark = [(r, c) for r in range(28) for c in range(28) if not before.image[r, c, 0]][:60]
    levels = bytes(range(100, 160))
    painted = service.ask(PaintedQuery(BOX, Strokes(painted=bits(*dark), levels=levels)))
    assert painted.changed == 60
    assert [int(painted.image[r, c, 0]) for r, c in dark] == list(levels)
    assert painted.score > before.score
    erased = service.ask(PaintedQuery(BOX, Strokes(erased=bits(*dark))))
    assert erased.score == before.score


@pytest.mark.parametrize(("baseline", "level"), [("black", 0), ("white", 255)])
def test_the_eraser_shows_the_baseline(models: Tiny, baseline: str, level: int):
    found = service.ask(PaintedQuery(BOX, Strokes(erased=bits((5, 7))), baseline))
    assert found.image[5, 7].tolist() == [level]
    assert set(np.unique(found.baseline)) == {level}


def test_a_baseline_that_does_not_exist_is_refused_with_those_that_do(models: Tiny):
    with pytest.raises(OutskirtsError, match="black"):
        service.ask(PaintedQuery(BOX, Strokes(), "grey"))
