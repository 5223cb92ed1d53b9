"""A picture is the same one as an array, a tensor and a file, and is fitted whole on black."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from core.data.picture import (
    ImageError,
    as_images,
    as_pil,
    as_tensor,
    fit,
    fitted_size,
    pixels_of,
    png,
)
from core.shape import Shape

SMALL = Shape(1, 28, 28)
WIDE = Shape(3, 48, 64)


def levels(channels: int) -> np.ndarray:
    """Two images (2, 8, 16, C) that hold every level."""
    one = np.arange(256 * channels, dtype=np.uint16).reshape(1, -1, 16, channels)
    return np.concatenate([one[:, :8], one[:, -8:]]).astype(np.uint8)


def test_colours_come_before_rows_in_a_tensor() -> None:
    image = np.array([[[[0, 51, 255], [255, 102, 0]]]], np.uint8)  # one row of two pixels
    x = as_tensor(image)
    assert x.dtype == torch.float32
    assert x.tolist() == torch.tensor([[[[0, 1]], [[0.2, 0.4]], [[1, 0]]]]).tolist()


@pytest.mark.parametrize("channels", [1, 3])
def test_every_level_comes_back_from_a_tensor(channels: int) -> None:
    images = levels(channels)
    x = as_tensor(images)
    assert x.is_contiguous()
    # Divided as torch divides: what detectors learned from.
    assert torch.equal(x, torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255)
    assert np.array_equal(as_images(x), images)


def test_images_that_may_not_be_written_become_a_tensor_that_may() -> None:
    images = np.zeros((1, 2, 2, 1), np.uint8)
    images.flags.writeable = False
    as_tensor(images).add_(1)
    assert not images.any()


def test_between_two_levels_the_nearer_is_taken_and_none_wraps() -> None:
    x = torch.tensor([-0.1, 100.4 / 255, 100.6 / 255, 1.2]).reshape(1, 1, 2, 2)
    assert as_images(x).flatten().tolist() == [0, 100, 101, 255]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 4, 4), np.uint8), "got (2, 4, 4) uint8"),
        (np.zeros((2, 4, 4, 2), np.uint8), "got (2, 4, 4, 2) uint8"),
        (np.zeros((2, 4, 4, 1)), "got (2, 4, 4, 1) float64"),
    ],
)
def test_what_is_no_set_of_images_is_refused(images: np.ndarray, words: str) -> None:
    with pytest.raises(
        ValueError, match=re.escape(f"images must be (N, H, W, 1|3) uint8, {words}")
    ):
        as_tensor(images)
    with pytest.raises(ValueError, match=r"an image must be \(H, W, 1\|3\) uint8, got"):
        as_pil(images)


def test_what_is_no_tensor_of_images_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^x must be \(N, 1\|3, H, W\), got \(1, 4, 4, 1\)$"):
        as_images(torch.zeros(1, 4, 4, 1))
    with pytest.raises(ValueError, match="x holds NaN"):
        as_images(torch.full((1, 1, 2, 2), torch.nan))


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_picture_comes_back_from_its_file(channels: int, mode: str) -> None:
    image = levels(channels)[0]
    with Image.open(io.BytesIO(png(image))) as opened:
        assert (opened.format, opened.mode, opened.size) == ("PNG", mode, (16, 8))
        assert np.array_equal(pixels_of(opened), image)


# Fitted -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "shape", "fitted"),
    [
        ((28, 28), SMALL, (28, 28)),
        ((100, 50), SMALL, (28, 14)),
        ((50, 100), SMALL, (14, 28)),
        ((100, 50), WIDE, (64, 32)),
        ((100, 80), WIDE, (60, 48)),
        ((128, 96), WIDE, (64, 48)),
        ((57, 1), SMALL, (28, 0)),
        ((1, 97), WIDE, (0, 48)),
    ],
)
def test_a_picture_is_as_large_as_the_shape_holds_it_whole(
    size: tuple[int, int], shape: Shape, fitted: tuple[int, int]
) -> None:
    assert fitted_size(*size, shape) == fitted
    image = Image.new("L", size, 200)
    if not min(fitted):
        with pytest.raises(ImageError, match=f"^{size[0]}x{size[1]}: nothing of it is left at"):
            fit(image, shape)
        return
    rows, columns = np.nonzero(np.asarray(fit(image, shape)))
    assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == fitted


def test_a_fitted_picture_stands_in_the_middle_of_black_in_its_own_mode() -> None:
    found = fit(Image.new("RGB", (20, 40), (9, 99, 199)), WIDE)  # 24x48, twenty columns each side
    pixels = pixels_of(found)
    assert pixels.shape == WIDE.pixels
    assert (pixels[:, 20:44] == [9, 99, 199]).all()
    assert not pixels[:, :20].any()
    assert not pixels[:, 44:].any()


def test_a_picture_that_was_made_smaller_is_fitted_by_the_sides_that_it_had() -> None:
    half = Image.new("L", (16, 9), 200)  # of 31x17: 28x15 of it, not 28x16
    rows, columns = np.nonzero(np.asarray(fit(half, SMALL, full=(31, 17))))
    assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == (28, 15)


def test_a_mask_is_fitted_where_its_picture_is_and_no_value_arises_between_two() -> None:
    mask = np.zeros((30, 70), np.uint8)
    mask[:, 35:] = 255
    found = pixels_of(fit(Image.fromarray(mask), SMALL, mask=True))
    assert set(np.unique(found)) == {0, 255}
    assert found[8:20, 14:].all()
    assert not found[:, :14].any()
    assert not found[[7, 20]].any()


def test_a_scratch_thinner_than_a_pixel_stays_in_a_smaller_mask() -> None:
    mask = np.zeros((1024, 1024), np.uint8)
    mask[500:504, 100:900] = 255
    small = np.asarray(fit(Image.fromarray(mask), Shape(1, 64, 64), mask=True))
    assert set(np.unique(small)) == {0, 255}
    assert np.flatnonzero(small.any(1)).tolist() == [31]
    assert np.flatnonzero(small.any(0)).tolist() == list(range(6, 57))
