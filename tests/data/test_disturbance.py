"""Disturbances by hand: what each step does to pixels that one can count."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.data.disturbance import (
    NEUTRAL,
    UNDISTURBED,
    Disturbance,
    Patch,
    disturbed,
    with_value,
)

SIZES = [(28, 28, 1), (32, 32, 3), (21, 34, 3), (29, 41, 1)]


def picture(*size: int) -> np.ndarray:
    """An image (H, W, C) in which hardly a value is like its neighbours."""
    return (np.arange(math.prod(size)).reshape(size) * 7 % 251).astype(np.uint8)


def moved(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """Shifted by whole pixels amid the median of the rim, by slices alone."""
    height, width, _ = image.shape
    inside = np.zeros((height, width), bool)
    inside[1:-1, 1:-1] = True
    found = np.empty_like(image)
    found[:] = np.median(image[~inside], 0).round()
    rows = slice(max(down, 0), height + min(down, 0))
    columns = slice(max(right, 0), width + min(right, 0))
    found[rows, columns] = image[
        max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
    ]
    return found


@pytest.mark.parametrize("size", SIZES)
def test_nothing_done_changes_no_value_and_no_disturbance_writes_into_its_image(size) -> None:
    image = picture(*size)
    assert np.array_equal(disturbed(image, UNDISTURBED), image)
    for name in NEUTRAL:
        changed = with_value(UNDISTURBED, name, value=0.25)
        found = disturbed(image, changed, other=image[::-1])
        assert found.shape == image.shape
        assert found.dtype == np.uint8
    assert np.array_equal(image, picture(*size))


@pytest.mark.parametrize("size", [(28, 28, 1), (33, 33, 3)])
@pytest.mark.parametrize("quarters", [-2, -1, 1, 2])
def test_quarter_turns_are_exact_and_go_against_the_clock(size, quarters: int) -> None:
    image = picture(*size)
    found = disturbed(image, Disturbance(turn=90 * quarters))
    assert np.array_equal(found, np.rot90(image, quarters))


def test_a_turn_reads_between_pixels_by_hand() -> None:
    """By 45 degrees a corner lies further out by root 2, at the rim: the rest is bilinear."""
    image = np.zeros((3, 3, 1), np.uint8)
    image[1, 1] = 200
    found = disturbed(image, Disturbance(turn=45))[..., 0]
    # Whoever stands at (0, 1) reads 0.707 up and 0.707 aside of the middle: (1 - 0.707)^2 of it.
    near = round(200 * (1 - math.sqrt(0.5)) ** 2)
    assert near == 17
    assert found.tolist() == [[0, near, 0], [near, 200, near], [0, near, 0]]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("down", "right"), [(3, 0), (0, -5), (-2, 4), (7, 7)])
def test_a_shift_by_whole_pixels_is_a_roll_amid_the_rim(size, down: int, right: int) -> None:
    image = picture(*size)
    height, width, _ = size
    found = disturbed(image, Disturbance(shift_x=right / width, shift_y=down / height))
    assert np.array_equal(found, moved(image, down, right))


def test_half_a_pixel_is_the_mean_of_two_and_of_the_median_at_the_rim() -> None:
    image = np.array([[[100], [50], [20], [80]]], np.uint8)
    found = disturbed(image, Disturbance(shift_x=0.4 / 4))
    assert found.ravel().tolist() == [86, 70, 32, 56]  # the first of 65, (50 + 80) / 2, and 100


def test_what_lies_on_grey_is_turned_on_grey_and_a_speck_at_the_rim_is_none_of_it() -> None:
    image = np.full((9, 9, 3), (150, 160, 170), np.uint8)
    image[3:6, 2:7] = 40
    image[0, 4] = 255
    for moves in (Disturbance(turn=45), Disturbance(shift_x=0.3), Disturbance(shift_y=-0.3)):
        found = disturbed(image, moves)
        assert (found[[0, -1, 0, -1], [0, 0, -1, -1]] == (150, 160, 170)).all()


def test_the_picture_is_turned_before_it_is_shifted() -> None:
    image = picture(28, 28, 1)
    found = disturbed(image, Disturbance(turn=90, shift_x=4 / 28))
    assert np.array_equal(found, moved(np.rot90(image), 0, 4))


def test_mixing_by_half_is_the_mean_of_both_images() -> None:
    one, other = (np.array(v, np.uint8).reshape(1, 3, 1) for v in ([0, 100, 255], [10, 50, 0]))
    assert disturbed(one, Disturbance(mix=0.5), other=other).ravel().tolist() == [5, 75, 128]
    assert disturbed(one, Disturbance(mix=1.0), other=other).ravel().tolist() == [10, 50, 0]
    assert disturbed(one, Disturbance(mix=0.25), other=other).ravel().tolist() == [2, 88, 191]


@pytest.mark.parametrize("other", [None, np.zeros((2, 3, 1), np.uint8)])
def test_mixing_with_nothing_or_with_another_size_is_refused(other) -> None:
    with pytest.raises(ValueError, match="second image must be"):
        disturbed(picture(2, 2, 1), Disturbance(mix=0.1), other=other)


def test_without_contrast_each_channel_is_flat_at_its_own_mean() -> None:
    image = np.array([[[0, 10, 9], [4, 30, 9]]], np.uint8)
    assert disturbed(image, Disturbance(contrast=0)).tolist() == [[[2, 20, 9], [2, 20, 9]]]
    doubled = disturbed(image, Disturbance(contrast=2))
    assert doubled.tolist() == [[[0, 0, 9], [6, 40, 9]]]  # -2 and 0: what is below black is black


@pytest.mark.parametrize("size", SIZES)
def test_a_blurred_point_is_the_gaussian_of_its_share_of_the_shorter_side(size) -> None:
    """Against the density itself: scipy's own filter is what is tested."""
    height, width, channels = size
    image = np.zeros(size, np.uint8)
    row, column = height // 2, width // 2
    image[row, column] = 255
    share = 1.5 / 28
    found = disturbed(image, Disturbance(blur=share)).astype(float)
    sigma = share * min(height, width)
    near = np.exp(-0.5 * (np.arange(-20, 21) / sigma) ** 2)
    near /= near.sum()
    for down, right in ((0, 0), (1, 0), (0, 1), (-2, 1), (3, 3)):
        expected = 255 * near[20 + down] * near[20 + right]
        for channel in range(channels):
            assert found[row + down, column + right, channel] == pytest.approx(expected, abs=0.6)


def test_a_blur_keeps_channels_apart() -> None:
    image = np.zeros((9, 9, 3), np.uint8)
    image[4, 4, 1] = 255
    found = disturbed(image, Disturbance(blur=0.1))
    assert found[..., 1].any()
    assert not found[..., [0, 2]].any()


def test_noise_has_one_pattern_which_the_slider_scales() -> None:
    image = np.full((28, 28, 1), 128, np.uint8)
    weak, strong = (disturbed(image, Disturbance(noise=n)).astype(int) - 128 for n in (10, 20))
    assert np.abs(strong - 2 * weak).max() <= 2  # both are rounded
    assert weak.std() == pytest.approx(10, rel=0.1)
    assert np.array_equal(weak, disturbed(image, Disturbance(noise=10)).astype(int) - 128)
    another = disturbed(image, Disturbance(noise=10), seed=1).astype(int) - 128
    assert not np.array_equal(weak, another)


@pytest.mark.parametrize(
    ("patch", "rows", "columns"),
    [
        (Patch(0.5, 0.5, 0.25), (11, 18), (11, 18)),
        (Patch(0.5, 0.5, 8 / 28), (10, 18), (10, 18)),
        (Patch(0.0, 1.0, 0.5), (0, 14), (14, 28)),  # it is kept inside
        (Patch(1.0, 0.0, 1.0), (0, 28), (0, 28)),
        (Patch(0.3, 0.3, 0.01), (0, 0), (0, 0)),  # less than half a pixel is none
    ],
)
def test_a_patch_hides_a_square_inside_the_picture(patch: Patch, rows, columns) -> None:
    image = np.full((28, 28, 3), 9, np.uint8)
    found = disturbed(image, Disturbance(patch=Patch(**{**vars(patch), "level": 200})))
    hidden = np.zeros((28, 28), bool)
    hidden[slice(*rows), slice(*columns)] = True
    assert np.array_equal(found, np.where(hidden, 200, 9)[..., None].repeat(3, -1))


def test_a_patch_of_a_wide_picture_is_a_square_of_its_shorter_side() -> None:
    hidden = disturbed(picture(20, 40, 1) // 2, Disturbance(patch=Patch(0.5, 0.75, 0.5, 255)))
    rows, columns = np.nonzero(hidden[..., 0] == 255)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 14, 25, 34)


def test_a_patch_stays_flat_under_noise_and_blur() -> None:
    found = disturbed(
        picture(28, 28, 1), Disturbance(noise=50, blur=0.1, patch=Patch(size=0.5, level=77))
    )
    assert set(found[7:21, 7:21].ravel().tolist()) == {77}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mix", 1.1),
        ("mix", -0.1),
        ("blur", -0.01),
        ("noise", math.nan),
        ("turn", math.inf),
        ("contrast", -1.0),
        ("patch_level", 256.0),
        ("patch_size", 2.0),
        ("turned", 0.0),
    ],
)
def test_what_it_cannot_be_is_refused_with_its_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        with_value(UNDISTURBED, name, value=value)


def test_the_numbers_of_a_disturbance_are_those_that_make_it() -> None:
    made = UNDISTURBED
    given = {name: 0.1 * i for i, name in enumerate(NEUTRAL, 1)}
    for name, value in given.items():
        made = with_value(made, name, value=value)
    assert made.values() == given
    assert Disturbance(patch=Patch(0.5, 0.5, 0.0, 0.0)).values() == dict(NEUTRAL)
