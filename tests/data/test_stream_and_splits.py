"""Which images train, which calibrate, and in which order they are dealt."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.picture import as_tensor
from core.data.splits import calibration_split, labelled_class, semi_supervised_rows
from core.data.stream import Stream


def numbered(n: int, *, batch_size: int) -> Stream:
    """Images that carry their number in their pixels, kinds and labels."""
    images = np.zeros((n, 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(n)
    kind = (np.arange(n) % 3 - 1).astype(np.int8)
    return Stream(images, kind, np.arange(n), batch_size)


def dealt(stream: Stream, seed: int, epoch: int, **place: int) -> list[list[int]]:
    """Numbers of the images in each batch."""
    return [batch.label.tolist() for batch in stream.epoch(seed, epoch, **place)]


# Splits -----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.integers(2, 300), st.data(), st.integers(0, 5))
def test_every_image_trains_or_calibrates_and_none_does_both(n: int, data, seed: int) -> None:
    calibration = data.draw(st.integers(1, n - 1))
    train, held_out = calibration_split(n, calibration=calibration, seed=seed)
    assert len(held_out) == calibration
    assert sorted([*train, *held_out]) == list(range(n))


def test_the_seed_decides_the_split() -> None:
    first, again, other = (calibration_split(50, calibration=20, seed=s)[1] for s in (0, 0, 1))
    assert first.tolist() == again.tolist()
    assert set(first) != set(other)
    assert set(first) != set(range(20))  # drawn, not cut off: public sets are often sorted


@pytest.mark.parametrize("calibration", [0, 5, 6, -1])
def test_a_split_that_leaves_nothing_on_one_side_is_refused(calibration: int) -> None:
    with pytest.raises(ValueError, match=f"between 1 and 4, got {calibration}"):
        calibration_split(5, calibration=calibration, seed=0)


# Known anomalies --------------------------------------------------------------------------------


def test_the_labelled_class_is_another_one_and_each_draw_is_its_own() -> None:
    for normal in range(10):
        draws = [labelled_class(normal, 10, seed=3, draw=draw) for draw in range(9)]
        assert sorted([normal, *draws]) == list(range(10))
        assert draws[0] == labelled_class(normal, 10, seed=3)
    firsts = {seed: [labelled_class(n, 10, seed=seed) for n in range(10)] for seed in (0, 1)}
    assert firsts[0] != firsts[1]  # the seed draws it
    assert len(set(firsts[0])) > 3  # and not one class for all


def test_with_two_classes_the_other_one_is_labelled() -> None:
    assert [labelled_class(normal, 2, seed=0) for normal in (0, 1)] == [1, 0]


@pytest.mark.parametrize(
    ("normal", "draw", "words"),
    [
        (10, 0, "normal must be one of 10 classes, 0 to 9: 10"),
        (-1, 0, "normal must be one of 10"),
        (0, 9, "draw must be between 0 and 8, got 9"),
        (0, -1, "draw must be between 0 and 8, got -1"),
    ],
)
def test_a_class_or_a_draw_that_is_not_there_is_said(normal: int, draw: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        labelled_class(normal, 10, seed=0, draw=draw)


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(
    st.floats(0, 0.3),
    st.floats(0, 0.3),
    st.integers(0, 5),
    st.permutations(range(3)),
)
def test_whatever_the_shares_no_image_is_taken_twice_and_none_that_calibrates(
    share: float, pollution: float, seed: int, classes: list[int]
) -> None:
    labels = np.arange(600) % 3
    train, held_out = calibration_split(600, calibration=60, seed=seed)
    normal, labelled = classes[:2]
    found = semi_supervised_rows(
        labels, train, normal=normal, labelled=labelled, share=share, pollution=pollution, seed=seed
    )
    every = [*found.normal, *found.labelled, *found.polluting]
    assert len(set(every)) == len(every)
    assert not set(every) & set(held_out)
    assert found.normal.tolist() == [i for i in train if labels[i] == normal]
    assert set(labels[found.labelled]) <= {labelled}
    assert normal not in labels[found.polluting]
    unlabelled = len(found.normal) + len(found.polluting)
    assert len(found.labelled) / len(every) == pytest.approx(share, abs=0.5 / unlabelled)
    assert len(found.polluting) / unlabelled == pytest.approx(pollution, abs=0.5 / unlabelled)


def rows_of_ten(share: float, pollution: float = 0.0, **what: int):
    """Of a hundred images each of classes 0 to 9 in turn, a class nine of whose tenths train."""
    labels, rows = np.arange(1000) % 10, np.arange(900)
    how = {"normal": 4, "labelled": 7, "seed": 0} | what
    return semi_supervised_rows(labels, rows, share=share, pollution=pollution, **how)


@pytest.mark.parametrize(
    ("share", "pollution", "counts"),
    [
        (0.0, 0.0, (90, 0, 0)),
        (0.1, 0.0, (90, 10, 0)),  # 10 of 100
        (0.25, 0.0, (90, 30, 0)),  # 30 of 120
        (0.0, 0.1, (90, 0, 10)),  # 10 of 100 unlabelled
        (0.2, 0.1, (90, 25, 10)),  # 25 of 125
    ],
)
def test_a_share_is_of_all_and_pollution_of_the_unlabelled(
    share: float, pollution: float, counts: tuple[int, int, int]
) -> None:
    found = rows_of_ten(share, pollution)
    assert (len(found.normal), len(found.labelled), len(found.polluting)) == counts


def test_known_anomalies_of_a_smaller_share_are_the_first_of_a_larger_one() -> None:
    few, many = rows_of_ten(0.05).labelled, rows_of_ten(0.4).labelled
    assert len(few) == 5
    assert many[:5].tolist() == few.tolist()
    assert rows_of_ten(0.4, 0.1).labelled[:60].tolist() == many.tolist()  # polluted or not
    assert set(rows_of_ten(0.05, seed=1).labelled) != set(few)
    assert few.tolist() != sorted(few)  # drawn, not cut off


def test_unknown_anomalies_are_of_all_other_classes() -> None:
    polluting = rows_of_ten(0.1, 0.5).polluting % 10
    assert set(polluting) == set(range(10)) - {4}


@pytest.mark.parametrize(
    ("share", "pollution", "what", "words"),
    [
        (0.6, 0.0, {}, "a share of 0.6 needs 135 anomalies, 90 of that kind may train"),
        (0.0, 0.95, {}, "a pollution of 0.95 needs 1710 anomalies, 810 of that kind may train"),
        (1.0, 0.0, {}, r"share must be in \[0, 1\), got 1.0"),
        (0.0, -0.1, {}, r"pollution must be in \[0, 1\), got -0.1"),
        (0.1, 0.0, {"labelled": 4}, "class 4 cannot be both the normal and the labelled one"),
    ],
)
def test_shares_that_the_images_do_not_allow_are_refused_in_words(
    share: float, pollution: float, what: dict[str, int], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        rows_of_ten(share, pollution, **what)


# Streams ----------------------------------------------------------------------------------------


def test_an_epoch_deals_each_image_at_most_once() -> None:
    stream = numbered(23, batch_size=5)
    batches = dealt(stream, 0, 1)
    assert [len(b) for b in batches] == [5, 5, 5, 5]
    seen = [i for batch in batches for i in batch]
    assert len(set(seen)) == 20
    assert stream.batches() == 4


def test_what_misses_one_epoch_comes_in_another() -> None:
    stream = numbered(23, batch_size=5)
    seen = {i for epoch in range(20) for batch in dealt(stream, 0, epoch) for i in batch}
    assert seen == set(range(23))


def test_seed_and_epoch_decide_the_order() -> None:
    stream = numbered(40, batch_size=8)
    assert dealt(stream, 3, 1) == dealt(stream, 3, 1)
    assert dealt(stream, 3, 1) != dealt(stream, 3, 2)
    assert dealt(stream, 3, 1) != dealt(stream, 4, 1)
    # Seed and epoch are two numbers, not their sum.
    assert dealt(stream, 3, 1) != dealt(stream, 1, 3)


def test_an_epoch_leaves_the_global_generators_alone() -> None:
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    list(numbered(20, batch_size=4).epoch(0, 0))
    assert np.array_equal(numpy_state, np.random.get_state()[1])
    assert torch.equal(torch_state, torch.get_rng_state())


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_an_epoch_without_overlap(world: int) -> None:
    stream = numbered(50, batch_size=4)
    shares = [dealt(stream, 0, 1, rank=r, world=world) for r in range(world)]
    assert {len(share) for share in shares} == {stream.batches(world=world)} == {50 // (4 * world)}
    seen = [i for share in shares for batch in share for i in batch]
    assert len(seen) == len(set(seen))


def test_two_processes_see_together_what_one_sees_in_batches_of_twice_the_size() -> None:
    two = [dealt(numbered(48, batch_size=4), 0, 1, rank=r, world=2) for r in (0, 1)]
    whole = dealt(numbered(48, batch_size=8), 0, 1)
    assert [a + b for a, b in zip(*two, strict=True)] == whole


def test_image_kind_and_label_stay_together() -> None:
    for batch in numbered(30, batch_size=10).epoch(0, 0):
        assert torch.equal((batch.x[:, 0, 0, 0] * 255).round().long(), batch.label)
        assert torch.equal(batch.kind.long(), batch.label % 3 - 1)


def test_a_stream_that_cannot_be_dealt_is_refused() -> None:
    with pytest.raises(ValueError, match="3 images do not fill a batch of 4"):
        numbered(3, batch_size=4)
    with pytest.raises(ValueError, match="5 images are no batch of 4 for each of 2"):
        numbered(5, batch_size=4).batches(world=2)
    with pytest.raises(ValueError, match=r"one length, got \(2, 3, 2\)"):
        Stream(np.zeros((2, 4, 4, 1), np.uint8), np.zeros(3, np.int8), np.zeros(2), 1)


def test_black_is_0_white_is_1_and_nothing_else_is_taken() -> None:
    x = as_tensor(np.array([[[[0], [255]], [[51], [102]]]], np.uint8))
    assert x.shape == (1, 1, 2, 2)
    assert x.dtype == torch.float32
    torch.testing.assert_close(x.flatten(), torch.tensor([0, 1, 0.2, 0.4]))
    with pytest.raises(ValueError, match="float64"):
        as_tensor(np.zeros((1, 2, 2, 1)))
    with pytest.raises(ValueError, match=r"\(1, 2, 2\)"):
        as_tensor(np.zeros((1, 2, 2), np.uint8))
    with pytest.raises(ValueError, match=r"\(1, 2, 2, 2\)"):  # neither grey nor colour
        as_tensor(np.zeros((1, 2, 2, 2), np.uint8))


def test_a_view_that_is_turned_or_reversed_becomes_the_tensor_it_looks_like() -> None:
    image = tiny.boxes(1, seed=0)
    x = as_tensor(np.rot90(image, axes=(1, 2)))
    assert torch.equal(x[0, 0], torch.from_numpy(image[0, ..., 0].copy()).rot90().float() / 255)
