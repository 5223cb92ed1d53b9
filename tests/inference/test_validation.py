"""Choosing the score on synthetic faults, and scoring in batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import tiny
import torch
from torch import Tensor

from core.data import transforms
from core.data.picture import as_tensor
from core.data.transforms import FAULTS
from core.detectors import _base
from core.detectors._base import Detector, Paper, Part
from core.detectors.glow import Glow
from core.evaluate.metrics import auroc
from core.inference import validation
from core.inference.scoring import BATCH, codes_of, parts_of
from core.inference.validation import recommend, validate


class Edges(Detector):
    """A detector one can check by eye: how uneven an image is, and a number that knows nothing."""

    paper = Paper("", "", 2020, "", (), "")
    about = {p: Part(p, "levels", p) for p in ("smooth", "blind")}  # noqa: RUF012

    @dataclass(frozen=True)
    class Config(_base.Config):
        score: str = "smooth"

    def phases(self):
        return []

    def parts(self, x: Tensor) -> dict[str, Tensor]:
        steps = (x[..., 1:] - x[..., :-1]).square().sum((1, 2, 3))
        return {"smooth": -steps, "blind": torch.zeros(len(x))}

    def embed(self, x: Tensor) -> Tensor:
        return x.flatten(1)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return tiny.boxes(40, seed=0)


def test_a_blurred_image_is_told_by_its_missing_edges_and_a_blind_part_tells_nothing(
    images: np.ndarray,
) -> None:
    found = validate(Edges(Edges.Config(), tiny.SHAPE), images, seed=0)
    assert list(found) == list(FAULTS) == ["patch swap", "block shuffle", "blur", "elastic bend"]
    assert found["blur"]["smooth"] > 0.95
    assert found["block shuffle"]["smooth"] < 0.3  # shuffling makes edges: less smooth
    assert {f: parts["blind"] for f, parts in found.items()} == dict.fromkeys(FAULTS, 0.5)


def test_the_same_seed_damages_the_same_way(images: np.ndarray) -> None:
    detector = Edges(Edges.Config(), tiny.SHAPE)
    first = validate(detector, images, seed=3)
    assert validate(detector, images, seed=3) == first
    assert validate(detector, images, seed=4) != first


def test_only_the_first_images_are_used(
    images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = Edges(Edges.Config(), tiny.SHAPE)
    monkeypatch.setattr(validation, "IMAGES", 20)
    found = validate(detector, images[:20], seed=0)
    assert validate(detector, images, seed=0) == found
    whole = parts_of(detector, images)  # of whoever has them, the first are taken, too
    assert validate(detector, images, seed=0, whole=whole) == found
    assert validation.IMAGES == 20


def test_the_whole_images_and_each_fault_of_them_are_scored_as_they_are(
    images: np.ndarray,
) -> None:
    seen = []

    class Watching(Edges):
        def parts(self, x: Tensor) -> dict[str, Tensor]:
            seen.append(x)
            return super().parts(x)

    validate(Watching(Edges.Config(), tiny.SHAPE), images, seed=5)
    damaged = [f(images, np.random.default_rng([5, i])) for i, f in enumerate(FAULTS.values())]
    for x, expected in zip(seen, [images, *damaged], strict=True):
        assert torch.equal(x, as_tensor(expected))


def test_the_limit_is_two_thousand() -> None:
    assert validation.IMAGES == 2000


def test_no_fault_is_a_strange_set() -> None:
    assert not set(FAULTS) & set(transforms.CONTROLS)


def test_the_part_with_the_highest_mean_is_recommended_and_every_mean_is_said() -> None:
    part, why = recommend({"one": {"a": 0.9, "b": 0.6}, "two": {"a": 0.5, "b": 0.7}})
    assert part == "a"  # .70 against .65; on the second fault alone it would be b
    assert "a 0.700, b 0.650" in why
    assert "one, two" in why


def test_parts_come_in_order_over_the_borders_of_batches(fitted_glow: Glow) -> None:
    images = tiny.boxes(BATCH + 3, seed=1)
    told: list[int] = []
    found = parts_of(fitted_glow, images, watch=told.append)
    assert told == [BATCH, BATCH + 3]
    with torch.inference_mode():
        last = fitted_glow.parts(as_tensor(images[-3:]))
    for name, values in found.items():
        assert values.shape == (BATCH + 3,)
        assert values.dtype == np.float32
        # One image in another batch: float32 sums in another order.
        np.testing.assert_allclose(values[-3:], last[name].numpy(), rtol=1e-4, atol=0.02)


def test_bfloat16_is_asked_for_and_stays_near(fitted_glow: Glow) -> None:
    images = tiny.boxes(64, seed=1)
    exact, rough = parts_of(fitted_glow, images), parts_of(fitted_glow, images, bf16=True)
    off = np.abs(exact["total"] - rough["total"])
    assert 0 < off.max() < 5 * exact["total"].std()
    assert np.array_equal(parts_of(fitted_glow, images)["total"], exact["total"])
    strokes = parts_of(fitted_glow, tiny.strokes(64, seed=1), bf16=True)
    assert auroc(rough["total"], strokes["total"]) == 1


def test_large_pictures_go_through_the_network_a_few_at_once() -> None:
    sizes = []

    class Watching(Edges):
        def parts(self, x: Tensor) -> dict[str, Tensor]:
            sizes.append(len(x))
            return super().parts(x)

        def embed(self, x: Tensor) -> Tensor:
            sizes.append(len(x))
            return x[..., 0].flatten(1)

    images = np.arange(5 * 300 * 300, dtype=np.uint8).reshape(5, 300, 300, 1)
    told: list[int] = []
    detector = Watching(Edges.Config(), tiny.SHAPE)
    found = parts_of(detector, images, watch=told.append)["smooth"]
    codes = codes_of(detector, images)
    assert (sizes, told) == ([2, 2, 1, 2, 2, 1], [2, 4, 5])
    np.testing.assert_array_equal(found, detector.parts(as_tensor(images))["smooth"].numpy())
    np.testing.assert_array_equal(codes, detector.embed(as_tensor(images)).numpy())
