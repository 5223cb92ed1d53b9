"""Views hand out the images that an array would, and hold no second copy of any."""

from __future__ import annotations

import numpy as np
import pytest

from core.data.views import Chosen, Files, Images, Joined, chunks, fitted
from core.shape import Shape


def numbered(n: int, first: int = 0) -> np.ndarray:
    """Images (n, 2, 3, 1) whose pixels are all their number."""
    return np.broadcast_to(
        np.arange(first, first + n, dtype=np.uint8)[:, None, None, None], (n, 2, 3, 1)
    ).copy()


def numbers(images: np.ndarray) -> list[int]:
    assert images.shape[1:] == (2, 3, 1)
    assert images.dtype == np.uint8
    assert (images == images[:, :1, :1]).all()
    return images[:, 0, 0, 0].tolist()


VIEWS: dict[str, Images] = {
    "chosen": Chosen(numbered(9), np.array([8, 0, 3, 3, 5])),
    "joined": Joined([numbered(1, 8), numbered(0), numbered(1), numbered(3, 3)]),
    "files": Files((5, 2, 3, 1), lambda row: numbered(1, [8, 0, 3, 3, 5][row])[0]),
    "both": Joined([Chosen(numbered(9), np.array([8, 0])), numbered(3, 3)]),
}
EXPECTED = {"chosen": [8, 0, 3, 3, 5], "joined": [8, 0, 3, 4, 5], "files": [8, 0, 3, 3, 5],
            "both": [8, 0, 3, 4, 5]}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_indexed_as_the_array_of_its_images_is(name: str) -> None:
    view, array = VIEWS[name], np.array(EXPECTED[name])
    assert (len(view), view.shape) == (5, (5, 2, 3, 1))
    for index in (
        slice(None), slice(1, 4), slice(None, None, -2), slice(7, 9),
        np.array([4, 0, 0, -1]), np.array([], int), array > 3,
    ):  # fmt: skip
        assert numbers(view[index]) == array[index].tolist()
    assert np.array_equal(view[-1], view[:][4])
    for outside in (5, np.array([5])):
        with pytest.raises(IndexError):
            view[outside]


def test_chunks_are_all_images_in_order() -> None:
    pieces = [numbers(piece) for piece in chunks(VIEWS["joined"], 2)]
    assert pieces == [[8, 0], [3, 4], [5]]


def test_parts_are_neither_copied_nor_read_until_they_are_asked_for() -> None:
    asked: list[int] = []

    def read(row: int) -> np.ndarray:
        asked.append(row)
        return numbered(1, row)[0]

    base = numbered(4, 100)
    view = Joined([Files((4, 2, 3, 1), read), Chosen(base, np.array([3, 1]))])
    assert asked == []
    assert numbers(view[np.array([5, 2])]) == [101, 2]
    assert asked == [2]
    base[1] = 7
    assert numbers(view[5:]) == [7]


def test_images_of_different_shapes_are_not_joined() -> None:
    with pytest.raises(ValueError, match=r"one shape, got \[\(2, 3, 1\), \(3, 3, 1\)\]"):
        Joined([numbered(1), np.zeros((1, 3, 3, 1), np.uint8)])
    with pytest.raises(ValueError, match=r"one shape, got \[\]"):
        Joined([])


def test_files_keep_what_was_read_first_within_their_memory() -> None:
    asked: list[int] = []

    def read(row: int) -> np.ndarray:
        asked.append(row)
        return numbered(1, row)[0]

    view = Files((4, 2, 3, 1), read, memory=13)  # two images of six bytes, and not a third
    for _ in range(3):
        assert numbers(view[:]) == [0, 1, 2, 3]
    assert asked == [0, 1, 2, 3, 2, 3, 2, 3]


def test_images_of_the_shape_are_given_back_and_others_fitted_when_asked_for() -> None:
    images = numbered(3, 50)
    assert fitted(images, Shape(1, 2, 3)) is images
    view = fitted(images, Shape(3, 4, 3))
    assert view.shape == (3, 4, 3, 3)
    expected = np.zeros((2, 4, 3, 3), np.uint8)
    expected[:, 1:3] = np.array([52, 50])[:, None, None, None]
    assert np.array_equal(view[np.array([2, 0])], expected)
