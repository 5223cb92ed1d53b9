"""Mixtures of three codes: where they lie, what is scored, which edge leaves the normal images."""

from __future__ import annotations

import dataclasses
import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from conftest import Tiny
from triangles import by_hand

from core import service
from core.answers import simplex as answers
from core.answers.simplex import (
    SIDES,
    Corner,
    CornersQuery,
    SimplexQuery,
    apart,
    edges_of,
    node_of,
    simplex,
    steps_of,
)
from core.data.picture import as_images, as_tensor
from core.detectors.ama import AMA
from core.errors import OutskirtsError
from core.inference.scoring import parts_of
from core.nn.mirror import simplex_weights

TARGET = service.Target("tiny", "glow")
THREE = (Corner("boxes", 0), Corner("boxes", 1), Corner("strokes", 0))
STORED = np.linspace(0, 255, 1001)


class Linear:
    """Its code is the picture, and so is what it decodes; its score is the mean grey level."""

    config = SimpleNamespace(simplex=0.2)
    described: dict[str, Any] = {  # noqa: RUF012
        "bright": SimpleNamespace(title="Brightness", displayed_unit="levels"),
        "dark": SimpleNamespace(title="Darkness", displayed_unit="levels"),
    }

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        return codes.reshape(-1, *tiny.SHAPE)

    def parts(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        bright = 255 * x.mean((1, 2, 3))
        return {"bright": bright, "dark": 255 - bright}

    def to_display(self, part: str, values: np.ndarray) -> np.ndarray:
        return values


def card_of(part: str, threshold: float) -> SimpleNamespace:
    score = SimpleNamespace(part=part, threshold=threshold)
    return SimpleNamespace(score=score, quantiles=lambda part: STORED)


@pytest.fixture
def linear(tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny scenario under a detector whose every number can be had by hand."""
    known = (Linear(), card_of("bright", 51.0))
    monkeypatch.setattr(answers, "mirroring", lambda target: known)


@pytest.fixture
def mirror(tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch) -> AMA:
    """A mirrored autoencoder that never learned, which is as good here."""
    torch.manual_seed(0)
    found = AMA(AMA.Config(width=2, critic_width=2, code=3), tiny.SHAPE).eval()
    found.distance_quantiles.fill_(1.0)
    known = (found.requires_grad_(False), card_of("two_sided", 1.0))
    monkeypatch.setattr(answers, "mirroring", lambda target: known)
    return found


def flat(level: int) -> Corner:
    return Corner("own.png", None, bytes([level]) * 28 * 28)


# The triangle -------------------------------------------------------------------------------------


def test_a_linear_autoencoder_mixes_codes_as_pixels_are_mixed(linear: None) -> None:
    found = simplex(SimplexQuery(TARGET, (flat(0), flat(100), flat(200)), 10))
    shown = dict(zip(map(tuple, found.steps.tolist()), found.images, strict=True))
    assert {steps: int(image[0, 0, 0]) for steps, image in shown.items() if 5 in steps} == {
        # (10 - b - c) x 0 + b x 100 + c x 200, in tenths
        (a, b, c): 10 * b + 20 * c
        for a, b, c in shown
        if 5 in (a, b, c)
    }
    assert np.array_equal(found.images, found.averages)
    bright = found.parts["bright"]
    assert bright.values == pytest.approx(found.images[:, 0, 0, 0].astype(float), abs=1e-3)
    assert bright.average_values == pytest.approx(bright.values)
    assert (bright.flagged == (found.images[:, 0, 0, 0] > 51)).all()
    assert bright.percentiles == pytest.approx(100 * bright.values / 255, abs=0.1)


def test_the_score_has_its_threshold_and_any_other_part_flags_as_many_normals(linear: None) -> None:
    found = simplex(SimplexQuery(TARGET, THREE, 10))
    assert found.score == "bright"
    assert found.parts["bright"].level == 51.0
    assert found.parts["dark"].level == pytest.approx(0.95 * 255)


def test_the_level_of_a_part_is_that_of_every_other_answer(
    linear: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.answers.sums.FALSE_ALARMS", 10.0)  # there alone
    found = simplex(SimplexQuery(TARGET, THREE, 10))
    assert found.parts["dark"].level == pytest.approx(0.9 * 255)


@pytest.mark.parametrize("side", SIDES)
def test_each_corner_shows_the_mirror_of_its_image(mirror: AMA, side: int) -> None:
    found = simplex(SimplexQuery(TARGET, THREE, side))
    mirrors = as_images(mirror.reconstruct(as_tensor(found.originals)))
    for k in range(3):
        steps = [0, 0, 0]
        steps[k] = side
        row = node_of((steps[0], steps[1], steps[2]))
        assert np.abs(found.images[row].astype(int) - mirrors[k]).max() <= 1
        assert np.array_equal(found.averages[row], found.originals[k])


def test_a_mixture_is_scored_as_the_picture_that_it_shows(mirror: AMA) -> None:
    found = simplex(SimplexQuery(TARGET, THREE, 10))
    assert list(found.parts) == list(mirror.described)
    for name, values in parts_of(mirror, found.images).items():
        assert found.parts[name].values == pytest.approx(values, rel=1e-4, abs=1e-5)
    for name, values in parts_of(mirror, found.averages).items():
        assert found.parts[name].average_values == pytest.approx(values, rel=1e-4, abs=1e-5)


def test_the_finer_triangle_holds_the_coarser_one(mirror: AMA) -> None:
    coarse, fine = (simplex(SimplexQuery(TARGET, THREE, side)) for side in SIDES)
    rows = [node_of((2 * a, 2 * b, 2 * c)) for a, b, c in coarse.steps.tolist()]
    assert np.abs(fine.images[rows].astype(int) - coarse.images).max() <= 1


def test_three_times_the_same_image_is_one_picture_everywhere(mirror: AMA) -> None:
    found = simplex(SimplexQuery(TARGET, (THREE[0],) * 3, 10))
    assert found.same
    assert np.abs(found.images.astype(int) - found.images[0]).max() <= 1
    assert np.array_equal(found.averages, np.broadcast_to(found.originals[0], found.averages.shape))
    assert not simplex(SimplexQuery(TARGET, THREE, 10)).same


def test_what_cannot_be_mixed_is_refused_in_words(tiny_scenario: Tiny) -> None:
    with pytest.raises(OutskirtsError, match="tiny/glow is no mirrored autoencoder"):
        service.ask(SimplexQuery(TARGET, THREE))
    with pytest.raises(OutskirtsError, match="tiny/glow is no mirrored"):
        service.ask(CornersQuery(TARGET))


def test_corners_that_are_not_there_are_refused_in_words(linear: None) -> None:
    short = Corner("own.png", None, b"\x00" * 5)
    with pytest.raises(OutskirtsError, match=r"own.png: an image of 28x28 grey has 784 values"):
        simplex(SimplexQuery(TARGET, (THREE[0], THREE[1], short)))
    with pytest.raises(OutskirtsError, match="shoes"):
        simplex(SimplexQuery(TARGET, (THREE[0], THREE[1], Corner("shoes", 0))))
    with pytest.raises(OutskirtsError, match="asked for 4000"):
        simplex(SimplexQuery(TARGET, (THREE[0], THREE[1], Corner("boxes", 4000))))
    with pytest.raises(OutskirtsError, match="a side has 10 or 20 steps, not 500"):
        simplex(SimplexQuery(TARGET, THREE, 500))


def test_training_draws_half_of_its_mixtures_in_the_middle_quarter() -> None:
    weights = simplex_weights(20_000, torch.Generator().manual_seed(0)).numpy()
    # The three images come in any order: so may the weights.
    weights = np.random.default_rng(0).permuted(weights, axis=1)
    in_middle = (weights < 0.5).all(1)
    assert in_middle.mean() == pytest.approx(0.5, abs=0.02)
    for k in range(3):  # and each corner's own quarter has a sixth
        assert (weights[:, k] > 0.5).mean() == pytest.approx(1 / 6, abs=0.02)
        assert weights[:, k].max() > 0.95


# Edges --------------------------------------------------------------------------------------------


def test_an_edge_leaves_the_normals_where_its_inside_is_flagged_and_no_end_is() -> None:
    # A is flagged itself; between B and C something is, too.
    values = {(4, 0, 0): 9.0, (3, 1, 0): 8.0, (0, 3, 1): 6.0, (2, 1, 1): 9.9}
    first, *others = edges_of(by_hand(values, 5.0), "p")
    assert (first.ends, first.leaves, first.flagged, first.percentile) == ((1, 2), True, True, 60.0)
    assert steps_of(4)[first.highest].tolist() == [0, 3, 1]
    assert steps_of(4)[first.middle].tolist() == [0, 2, 2]
    assert [(e.ends, e.leaves) for e in others] == [((0, 1), False), ((0, 2), False)]


def test_where_no_edge_leaves_the_strangest_stands_first() -> None:
    first, *others = edges_of(by_hand({(2, 0, 2): 3.0, (1, 3, 0): 2.0}, 5.0), "p")
    assert (first.ends, first.leaves, first.flagged) == ((0, 2), False, False)
    assert not any(edge.leaves for edge in others)


# Which three --------------------------------------------------------------------------------------


def test_the_page_opens_with_typical_images_that_are_farthest_apart(
    linear: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = TARGET.world.pictures("boxes")
    score = pictures.images.mean((1, 2, 3))
    monkeypatch.setattr(answers, "stored_scores", lambda target: {"boxes": {"bright": score}})
    found = answers.corners(CornersQuery(TARGET))
    assert (found.set_name, found.candidates, found.by_class) == ("boxes", 3, True)
    labels = pictures.labels[list(found.indices)]
    assert labels.tolist() == [0, 1, 2]
    for index, label in zip(found.indices, labels, strict=True):
        off = np.abs(score - np.median(score[pictures.labels == label]))
        assert off[index] == off[pictures.labels == label].min()


def test_where_one_class_is_normal_they_come_from_the_most_typical(
    linear: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = TARGET.world.pictures("boxes")
    score = pictures.images.mean((1, 2, 3))
    one = dataclasses.replace(pictures, labels=np.zeros_like(pictures.labels))
    monkeypatch.setattr(answers, "stored_scores", lambda target: {"boxes": {"bright": score}})
    monkeypatch.setattr(answers, "TYPICAL", 9)
    monkeypatch.setattr(type(TARGET.world), "pictures", lambda self, name: one)
    found = answers.corners(CornersQuery(TARGET))
    assert (found.candidates, found.by_class) == (9, False)
    typical = np.argsort(np.abs(score - np.median(score)), kind="stable")[:9]
    codes = pictures.images[typical].reshape(9, -1) / 255

    def smallest(three: tuple[int, ...]) -> float:
        return min(np.linalg.norm(codes[i] - codes[j]) for i, j in itertools.combinations(three, 2))

    best = max(itertools.combinations(range(9), 3), key=smallest)
    assert set(found.indices) == {int(typical[k]) for k in best}


def test_three_that_are_farthest_apart_are_not_two_that_are_near_each_other() -> None:
    codes = np.array([[0.0, 0.0], [0.1, 0.0], [10.0, 0.0], [5.0, 4.0]])
    assert apart(codes).tolist() in ([0, 2, 3], [1, 2, 3])
    assert apart(codes[:2]).tolist() == [0, 1, 1]
