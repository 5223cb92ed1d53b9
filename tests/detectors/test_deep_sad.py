"""Deep SAD's own truths: its centre, its two terms, and what known anomalies do."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import tiny
import torch
from torch import Tensor, nn

from core.data.picture import as_tensor
from core.data.stream import Stream
from core.detectors._base import Batch, NotFitted
from core.detectors.deep_sad import DeepSAD, clear_of_zero
from core.detectors.esad import ESAD
from core.shape import Shape
from core.train.loop import fit

SHAPE, SMALL = Shape(1, 20, 20), Shape(1, 8, 8)


def build(shape: Shape = SHAPE, **config: object) -> DeepSAD:
    torch.manual_seed(0)
    return DeepSAD(DeepSAD.Config(**{"code": 4, "width": 4, **config}), shape)  # type: ignore[arg-type]


class Corners(nn.Module):
    """Codes that are the first two pixels of a picture."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :2]


def pictures(*codes: tuple[float, float]) -> Tensor:
    x = torch.zeros(len(codes), 1, 8, 8)
    x[:, 0, 0, :2] = torch.tensor(codes)
    return x


def draw() -> torch.Generator:
    return torch.Generator().manual_seed(0)


# The centre ---------------------------------------------------------------------------------------


def test_the_centre_is_the_mean_code_of_what_is_not_known_as_an_anomaly() -> None:
    detector = build(SMALL, code=2)
    detector.encoder = Corners()  # type: ignore[assignment]
    first = Batch(pictures((0.5, 0.25), (9, 9)), torch.tensor([1, -1]), torch.zeros(2))
    second = Batch(pictures((1, 0.75)), torch.tensor([0]), torch.zeros(1))
    detector._find_centre([first, second])
    assert detector.centre.tolist() == [0.75, 0.5]


def test_no_number_of_the_centre_lies_near_zero_and_signs_stay() -> None:
    centre = clear_of_zero(torch.tensor([0.02, -0.02, 0.3, -0.3, 0.1, -0.1]))
    assert centre.tolist() == pytest.approx([0.1, -0.1, 0.3, -0.3, 0.1, -0.1])


def test_a_number_that_is_zero_leaves_it_too() -> None:
    assert clear_of_zero(torch.zeros(2)).abs().tolist() == pytest.approx([0.1, 0.1])


def test_the_centre_is_found_once_and_stays_while_the_encoder_learns() -> None:
    detector = build(first_epochs=2.0, epochs=2.0)
    names = [phase.name for phase in detector.phases()]
    assert names == ["autoencoder", "centre", "draw in, push away", "round to 16 bits"]
    last = detector.phases()[2]
    moved = {id(p) for player in last.players for p in player.parameters()}
    assert moved == {id(p) for p in detector.encoder.parameters()}


# The terms ----------------------------------------------------------------------------------------


def test_the_terms_are_those_computed_by_hand() -> None:
    detector = build(SMALL, code=2, eta=3.0)
    detector.encoder = Corners()  # type: ignore[assignment]
    detector.centre.copy_(torch.tensor([1.0, 0.0]))
    x = pictures((1, 2), (0, 0), (3, 0))  # squared distances 4, 1, 4
    terms = detector._draw_in(Batch(x, torch.tensor([1, 0, -1]), torch.zeros(3)), draw())
    assert float(terms["normal"]) == pytest.approx((4 + 1) / 3)
    assert float(terms["known"]) == pytest.approx(3 / (4 + 1e-6) / 3)
    assert detector.parts(x)["distance"].tolist() == [4, 1, 4]


def test_a_known_anomaly_at_the_centre_has_a_finite_loss_and_gradient() -> None:
    detector = build(SMALL, code=2)
    detector.encoder = Corners()  # type: ignore[assignment]
    detector.centre.copy_(torch.tensor([0.5, 0.5]))
    x = pictures((0.5, 0.5)).requires_grad_()
    terms = detector._draw_in(Batch(x, torch.tensor([-1]), torch.zeros(1)), draw())
    sum(terms.values()).backward()  # type: ignore[union-attr]
    assert x.grad is not None
    assert bool(torch.isfinite(x.grad).all())


def test_the_encoder_has_no_bias_so_that_nothing_but_weights_of_zero_makes_codes_constant() -> None:
    encoder = build().encoder
    assert not [name for name, _ in encoder.named_parameters() if "bias" in name or "norm" in name]
    encoder.eval()
    for norm in encoder.norms:
        norm.running_mean.zero_()
    assert encoder(torch.zeros(1, 1, 20, 20)).abs().max() == 0


def test_it_has_the_layers_of_esad_and_as_many_weights() -> None:
    shape = Shape(1, 28, 28)
    mine, theirs = (
        sum(p.numel() for p in kind(kind.Config(), shape).parameters()) for kind in (DeepSAD, ESAD)
    )
    assert abs(mine - theirs) < 0.03 * theirs


def test_without_a_centre_there_is_no_score() -> None:
    with pytest.raises(NotFitted, match="centre"):
        build().parts(torch.zeros(1, 1, 20, 20))


@pytest.mark.parametrize(
    ("config", "words"),
    [({"width": 0}, "sizes"), ({"first_epochs": 0.0}, "epochs"), ({"eta": -1.0}, "eta")],
)
def test_settings_that_make_no_sense_are_refused(config: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(**config)


# What known anomalies do --------------------------------------------------------------------------


def boxes(n: int, seed: int) -> np.ndarray:
    return tiny.boxes(n, seed=seed, size=20)


def strokes(n: int, seed: int) -> np.ndarray:
    return tiny.strokes(n, seed=seed)[:, 4:24, 4:24]


@cache
def _twins() -> tuple[DeepSAD, DeepSAD]:
    """One that learned boxes and half as many strokes as normal, one that knows the strokes."""
    images, twins = np.concatenate([boxes(96, 0), strokes(48, 0)]), []
    for known in (1, -1):
        kind = np.repeat(np.array([1, known], np.int8), [96, 48])
        every = Stream(images, kind, np.zeros(144, np.int64), 16)
        detector = build(data="train+labelled", first_epochs=4.0, epochs=10.0)
        fit(detector, {"train": tiny.stream_of(boxes(96, 0)), "train+labelled": every}, seed=0)
        twins.append(detector.requires_grad_(False))
    return twins[0], twins[1]


def test_known_anomalies_move_outward() -> None:
    twin, knowing = _twins()
    seen, others = as_tensor(strokes(64, 9)), as_tensor(boxes(64, 9))
    before = float(twin.score(seen).mean() / twin.score(others).mean())
    after = float(knowing.score(seen).mean() / knowing.score(others).mean())
    assert after > 3 * before


def test_the_code_that_is_shown_starts_at_the_centre() -> None:
    _, knowing = _twins()
    x = as_tensor(boxes(3, 1))
    torch.testing.assert_close(knowing.embed(x).square().sum(1), knowing.score(x))
    torch.testing.assert_close(knowing.embed(x) + knowing.centre, knowing.encoder(x))
