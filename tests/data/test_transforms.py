"""Controls by hand; faults that come out the same and leave few images as they were."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from core.data.transforms import CONTROLS, FAULTS, flat_images, noise_images

PICTURE = np.array([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], np.uint8)


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ("turned", [[3, 6, 9], [2, 5, 8], [1, 4, 7]]),  # counter-clockwise: the right side is up
        ("flipped", [[7, 8, 9], [4, 5, 6], [1, 2, 3]]),  # upside down, left stays left
        ("inverted", [[254, 253, 252], [251, 250, 249], [248, 247, 246]]),
    ],
)
def test_controls_by_hand(control: str, expected: list[list[int]]) -> None:
    before = PICTURE.copy()
    found = CONTROLS[control](PICTURE)
    assert found[0].tolist() == expected
    assert found.dtype == np.uint8
    assert np.array_equal(PICTURE, before)


def test_controls_treat_each_image_by_itself() -> None:
    images = tiny.boxes(3, seed=0)
    for change in CONTROLS.values():
        assert np.array_equal(change(images)[1], change(images[1:2])[0])


def test_four_turns_two_flips_and_two_inversions_give_the_picture_back() -> None:
    for control, times in (("turned", 4), ("flipped", 2), ("inverted", 2)):
        found = PICTURE
        for _ in range(times):
            found = CONTROLS[control](found)
        assert np.array_equal(found, PICTURE), control


def test_noise_is_uniform_and_independent() -> None:
    noise = noise_images(200, 28, seed=0).astype(float)
    assert noise.shape == (200, 28, 28)
    # 156,800 draws on 0..255: mean 127.5, deviation 73.9, standard error .19; five of them.
    assert noise.mean() == pytest.approx(127.5, abs=0.95)
    assert noise.std() == pytest.approx(73.9, abs=0.7)
    assert (noise.min(), noise.max()) == (0, 255)
    neighbours = np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1]
    assert abs(neighbours) < 0.0127  # five standard errors of 1 / sqrt(N)


def test_flat_images_have_one_level_each_and_different_levels() -> None:
    flat = flat_images(500, 28, seed=0)
    assert (flat == flat[:, :1, :1]).all()
    levels = flat[:, 0, 0].astype(float)
    assert len(np.unique(levels)) > 150  # of 256, in 500 draws 219 are expected
    assert levels.mean() == pytest.approx(127.5, abs=16.5)  # five standard errors


@pytest.mark.parametrize("make", [noise_images, flat_images])
def test_the_seed_decides_noise_and_levels(make) -> None:
    assert np.array_equal(make(5, 8, seed=3), make(5, 8, seed=3))
    assert not np.array_equal(make(5, 8, seed=3), make(5, 8, seed=4))


# Faults -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return tiny.boxes(60, seed=0)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_changes_nearly_every_image_and_is_the_same_for_the_same_seed(
    whole: np.ndarray, fault: str
) -> None:
    before = whole.copy()
    first, again, other = (FAULTS[fault](whole, np.random.default_rng(s)) for s in (0, 0, 1))
    assert first.shape == whole.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.array_equal(whole, before)
    changed = (first != whole).any((1, 2)).mean()
    assert changed > 0.9  # a patch may come to lie on black on both sides
    if fault != "blur":  # which has nothing to draw
        assert not np.array_equal(first, other)


def test_a_swapped_patch_is_another_images_at_the_same_place(whole: np.ndarray) -> None:
    n, side = 6, 10  # a third of 32
    # One level an image, to read the donor off the patch.
    levels = np.arange(1, n + 1, dtype=np.uint8) * 20
    images = np.broadcast_to(levels[:, None, None], (n, 32, 32)).copy()
    found = FAULTS["patch swap"](images, np.random.default_rng(0))
    for image, level in zip(found, levels, strict=True):
        rows, columns = np.nonzero(image != level)
        assert len(rows) == side * side
        assert np.ptp(rows) == np.ptp(columns) == side - 1
        donor = np.unique(image[rows, columns])
        assert len(donor) == 1
        assert donor[0] in levels


def test_shuffled_blocks_keep_every_pixel_and_every_block(whole: np.ndarray) -> None:
    image = (np.arange(1024) % 251).astype(np.uint8).reshape(1, 32, 32)
    found = FAULTS["block shuffle"](image, np.random.default_rng(0))

    def blocks(picture: np.ndarray) -> list[bytes]:
        return [
            picture[r : r + 8, c : c + 8].tobytes()
            for r in range(0, 32, 8)
            for c in range(0, 32, 8)
        ]

    assert sorted(blocks(found[0])) == sorted(blocks(image[0]))
    assert blocks(found[0]) != blocks(image[0])


def test_a_blurred_point_becomes_a_gaussian_of_one_and_a_half_pixels() -> None:
    image = np.zeros((1, 32, 32), np.uint8)
    image[0, 16, 16] = 255
    found = FAULTS["blur"](image, np.random.default_rng(0))[0]
    peak = 255 / (2 * np.pi * 1.5**2)  # 18.04
    assert found[16, 16] == round(peak)
    assert found[16, 18] == round(peak * np.exp(-(2**2) / (2 * 1.5**2)))


def test_images_are_blurred_apart() -> None:
    images = np.zeros((2, 32, 32), np.uint8)
    images[0] = 255
    assert not FAULTS["blur"](images, np.random.default_rng(0))[1].any()


def test_a_bend_moves_pixels_by_some_three_pixels_and_makes_no_new_levels(
    whole: np.ndarray,
) -> None:
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8) * 8, (20, 32, 32)).copy()
    found = FAULTS["elastic bend"](ramp, np.random.default_rng(0)).astype(float)
    inner = found[:, 10:22, 10:22] / 8 - np.arange(10, 22)  # displacement in columns
    # Displacements are scaled to a deviation of 3 an image; the middle shows most of them.
    assert 1.5 < inner.std() < 4.5
    assert found.max() <= 31 * 8
