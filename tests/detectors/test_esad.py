"""ESAD's own truths: its three terms, its two encoders, its score, and what known anomalies do."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import tiny
import torch
from torch import Tensor, nn

from core.data.picture import as_tensor
from core.data.stream import Stream
from core.detectors._base import Batch
from core.detectors.esad import ESAD
from core.shape import Shape
from core.train.loop import fit

SHAPE, SMALL = Shape(1, 20, 20), Shape(1, 8, 8)


def build(shape: Shape = SHAPE, *, seed: int = 0, **config: object) -> ESAD:
    torch.manual_seed(seed)
    return ESAD(ESAD.Config(**{"code": 4, "width": 4, **config}), shape)  # type: ignore[arg-type]


def boxes(n: int, seed: int) -> np.ndarray:
    return tiny.boxes(n, seed=seed, size=20)


def strokes(n: int, seed: int) -> np.ndarray:
    return tiny.strokes(n, seed=seed)[:, 4:24, 4:24]


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Says(nn.Module):
    """A network that always says the same, and remembers what it was asked."""

    def __init__(self, *values: object) -> None:
        super().__init__()
        self.says = torch.tensor(values, dtype=torch.float32)

    def forward(self, x: Tensor) -> Tensor:
        self.asked = x
        return self.says


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> ESAD:
    """Of two images the first is normal, the second known; all networks say what is written."""
    detector = build(SMALL, code=2, norm_weight=3.0, consistency_weight=5.0)
    detector.encoder = Says([3, 4], [0, 1])  # type: ignore[assignment]
    detector.second_encoder = Says([0, 2], [0, 0.5])  # type: ignore[assignment]
    rebuilt = np.stack([np.full((1, 8, 8), 0.5), np.full((1, 8, 8), 0.25)]).tolist()
    detector.decoder = Says(*rebuilt)  # type: ignore[assignment]
    monkeypatch.setattr(detector, "_noise", lambda x, generator: torch.ones_like(x))
    return detector


BATCH = Batch(torch.zeros(2, 1, 8, 8), torch.tensor([1, -1]), torch.zeros(2))


# The three terms ----------------------------------------------------------------------------------


def test_the_terms_are_those_computed_by_hand(stubbed: ESAD) -> None:
    terms = stubbed._terms(BATCH, draw())
    # 64 pixels: the normal one is 0.5 from itself, the known one 0.75 from its noise of ones.
    assert float(terms["reconstruction"]) == pytest.approx((64 * 0.25 + 64 * 0.5625) / 2)
    assert float(terms["norm"]) == pytest.approx(3 * (2 + 1 / (0.5 + 1e-6)) / 2)
    assert float(terms["consistency"]) == pytest.approx(5 * (9 + 4 + 0 + 0.25) / 4)


def test_unlabelled_images_are_learned_as_normal_ones_are(stubbed: ESAD) -> None:
    unlabelled = Batch(BATCH.x, torch.tensor([0, -1]), BATCH.label)
    first, second = (stubbed._terms(batch, draw()) for batch in (BATCH, unlabelled))
    assert {k: float(v) for k, v in first.items()} == {k: float(v) for k, v in second.items()}


def test_a_code_of_no_length_has_a_finite_loss_and_gradient() -> None:
    detector = build(SMALL)
    with torch.no_grad():
        for tensor in detector.second_encoder.code.parameters():
            tensor.zero_()
    detector.train()
    terms = detector._terms(Batch(torch.rand(2, 1, 8, 8), -torch.ones(2), BATCH.label), draw())
    sum(terms.values()).backward()  # type: ignore[union-attr]
    grads = [p.grad for p in detector.parameters() if p.grad is not None]
    assert grads
    assert all(bool(torch.isfinite(grad).all()) for grad in grads)


def test_of_the_mean_error_a_picture_s_pixels_count_as_one(stubbed: ESAD) -> None:
    summed = stubbed._terms(BATCH, draw())["reconstruction"]
    stubbed.config = ESAD.Config(code=2, width=4, error="mean")
    mean = stubbed._terms(BATCH, draw())["reconstruction"]
    assert float(summed) == pytest.approx(64 * float(mean))


def test_known_anomalies_become_noise_that_a_generator_draws_anew() -> None:
    x = torch.full((3, 1, 8, 8), 0.9)
    noise, noisy = build(SMALL, target="noise"), build(SMALL, target="noisy", noise=0.1)
    assert torch.equal(noise._noise(x, draw(1)), noise._noise(x, draw(1)))
    assert not torch.equal(noise._noise(x, draw(1)), noise._noise(x, draw(2)))
    even = noise._noise(x, draw(1))
    assert 0.4 < float(even.mean()) < 0.6
    assert torch.equal(even, noise._noise(0 * x, draw(1)))
    near = noisy._noise(x, draw(1))
    assert float((near - x).abs().max()) < 0.6
    assert float(near.max()) <= 1
    assert 0.05 < float((near - x).abs().mean()) < 0.1


# The two encoders ---------------------------------------------------------------------------------


def test_the_encoders_share_no_weight_and_start_apart() -> None:
    detector = build()
    first, second = (
        dict(network.named_parameters()) for network in (detector.encoder, detector.second_encoder)
    )
    assert first.keys() == second.keys()
    assert not {p.data_ptr() for p in first.values()} & {p.data_ptr() for p in second.values()}
    assert not torch.equal(first["code.weight"], second["code.weight"])


def test_the_second_encoder_sees_the_rebuilt_picture_and_no_other(stubbed: ESAD) -> None:
    code = stubbed.embed(BATCH.x)
    assert stubbed.second_encoder.asked is stubbed.decoder.says
    assert torch.equal(code, stubbed.second_encoder.says)
    assert torch.equal(stubbed.reconstruct(BATCH.x), stubbed.decoder.says)


# The score ----------------------------------------------------------------------------------------


def test_the_score_is_mean_squared_error_plus_length(stubbed: ESAD) -> None:
    parts = {name: values.tolist() for name, values in stubbed.parts(BATCH.x).items()}
    assert parts["reconstruction"] == pytest.approx([0.25, 0.0625])
    assert parts["norm"] == pytest.approx([2, 0.5])
    assert parts["sum"] == pytest.approx([2.25, 0.5625])
    assert torch.equal(stubbed.score(BATCH.x), stubbed.parts(BATCH.x)["sum"])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"code": 0}, "sizes"),
        ({"epochs": 0.0}, "epochs"),
        ({"norm_weight": -1.0}, "0 or more, got"),
    ],
)
def test_settings_that_make_no_sense_are_refused(config: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build(**config)


def test_pictures_smaller_than_three_halvings_are_refused() -> None:
    with pytest.raises(ValueError, match="8x8 or more, got"):
        build(Shape(1, 7, 9))


# What known anomalies do --------------------------------------------------------------------------


@cache
def _taught(known: int) -> ESAD:
    """One that learned boxes and half as many strokes: as normal (1), or as anomalies (-1)."""
    images = np.concatenate([boxes(96, 0), strokes(48, 0)])
    kind = np.repeat(np.array([1, known], np.int8), [96, 48])
    every = Stream(images, kind, np.zeros(144, np.int64), 16)
    detector = build(data="train+labelled", epochs=15.0)
    fit(detector, {"train": tiny.stream_of(boxes(96, 0)), "train+labelled": every}, seed=0)
    return detector.requires_grad_(False)


@pytest.mark.slow
def test_known_anomalies_move_outward_and_are_rebuilt_worse() -> None:
    twin, knowing = _taught(1), _taught(-1)
    seen, others = as_tensor(strokes(64, 9)), as_tensor(boxes(64, 9))
    for part, factor in (("norm", 3), ("reconstruction", 1.5)):
        before = float(twin.part(seen, part).mean() / twin.part(others, part).mean())
        after = float(knowing.part(seen, part).mean() / knowing.part(others, part).mean())
        assert after > factor * before, part


# Which pixels -------------------------------------------------------------------------------------


def test_the_error_belongs_to_its_pixel_and_the_length_to_rebuilt_pixels() -> None:
    detector = _taught(-1)
    x = as_tensor(boxes(4, 5))
    rebuilt = detector.reconstruct(x)
    error = detector.explain(x, "reconstruction").map
    torch.testing.assert_close(error, (x - rebuilt)[:, 0].square() / 400)
    told = detector.explain(x, "norm")
    # Piecewise linear in x': a pixel's share is x'_p times the slope, taken here by differences.
    changed = rebuilt.double().clone()
    changed[:, 0, 10, 10] *= 1 + 1e-4
    double = detector.second_encoder.double()
    gain = (double(changed).norm(dim=1) - double(rebuilt.double()).norm(dim=1)) / 1e-4
    detector.second_encoder.float()
    torch.testing.assert_close(told.map[:, 10, 10], gain.float(), rtol=1e-2, atol=1e-4)
    both = detector.explain(x, "sum")
    torch.testing.assert_close(both.map, told.map + error)


def test_what_is_said_of_known_anomalies_is_said_only_where_it_may_be_shown_some() -> None:
    alone, shown = build(), build(data="train+labelled")
    assert not [said for said in alone.limits if "known anomalies" in said]
    assert [said for said in alone.deviations if "was shown no anomaly" in said]
    assert [said for said in shown.limits if "known anomalies" in said]
    assert [said for said in shown.deviations if "are to be rebuilt as themselves" in said]
    assert not [said for said in shown.deviations if "was shown no anomaly" in said]
