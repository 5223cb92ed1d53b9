"""Glow with auxiliary models: ratios, losses on general images, mutation, the controls."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from torch import Tensor

from core.data.picture import as_tensor
from core.detectors._base import Batch, Detector, NotFitted
from core.detectors.glow import Glow
from core.nn.outlier_losses import margin_loss, outlier_loss
from core.nn.pixels import mutate
from core.train.loop import fit

LN2, D = math.log(2), 1024
# Differences of sums of 1,024 float32 terms, of strokes that cost 100,000 nats and more.
SUM = {"rtol": 1e-5, "atol": 0.1}


def made(*, seed: int = 0, **config: Any) -> Glow:
    """A flow of one step a scale, initialised on boxes, whose couplings do something."""
    torch.manual_seed(seed)
    glow = Glow(Glow.Config(**{**tiny.CONFIG, **config}), tiny.SHAPE)
    stream = tiny.stream_of(tiny.boxes(128, seed=seed))
    with torch.no_grad():
        for scale in glow.flow.scales:
            scale.steps.net.last += 0.05 * torch.randn_like(scale.steps.net.last)
        for phase in glow.phases():
            if phase.prepare is not None:
                phase.prepare(stream.epoch(0, 0))
    return glow.eval()


@pytest.fixture(scope="module")
def family() -> dict[str, Glow]:
    """A general and a background model, and one that asks both; none is to be changed."""
    general, background = made(seed=1), made(seed=2)
    both = made(general="glow.general", background="glow.background")
    both.attach_auxiliary("general", general)
    both.attach_auxiliary("background", background)
    return {"general": general, "background": background, "both": both.requires_grad_(False)}


def with_auxiliaries(family: dict[str, Glow], **config: Any) -> Glow:
    glow = made(general="glow.general", **config)
    glow.attach_auxiliary("general", copy.deepcopy(family["general"]))
    return glow


def mixture() -> Batch:
    """Eight boxes and five faint strokes, shuffled: their kind alone says which is which.

    White strokes would cost so much that no loss asks for more.
    """
    images = np.concatenate([tiny.boxes(8, seed=3), tiny.strokes(5, seed=3) // 10])
    x = as_tensor(images)
    kind = torch.tensor([1] * 8 + [-1] * 5)
    order = torch.randperm(13, generator=torch.Generator().manual_seed(0))
    return Batch(x[order], kind[order], torch.full((13,), -1))


def terms_and_input(glow: Glow, batch: Batch, seed: int = 0) -> tuple[dict[str, Tensor], Tensor]:
    """Loss terms of a batch, and what the flow was given for them."""
    seen: list[Tensor] = []
    hook = glow.flow.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    found = tiny.terms_of(glow, batch, torch.Generator().manual_seed(seed))
    hook.remove()
    return found, seen[0]


def nll(glow: Glow, given: Tensor) -> Tensor:
    """-log p in nats, (N,), of what a flow is given."""
    return -sum(code.log_prob.sum((1, 2)) for code in glow.flow(given))


# Losses by hand ---------------------------------------------------------------------------------


def test_the_outlier_loss_by_hand() -> None:
    log_p = torch.tensor([-5000.0, 0.0, 1000.0], dtype=torch.float64, requires_grad=True)
    found = outlier_loss(log_p, torch.zeros(3), weight=6000.0, temperature=1000.0)
    # 6000 log(1 + e^-5), 6000 log 2, 6000 log(1 + e)
    expected = [40.2920910, 4158.8830834, 7879.5701251]
    np.testing.assert_allclose(found.tolist(), expected, rtol=1e-7)
    found.sum().backward()
    # 6000 / 1000 * sigmoid: at a ratio of one, a nat of a general image weighs three.
    np.testing.assert_allclose(log_p.grad, [0.0401571, 3.0, 4.3863515], rtol=1e-5)
    moved = outlier_loss(log_p + 77, torch.full((3,), 77.0), weight=6000.0, temperature=1000.0)
    torch.testing.assert_close(moved, found)  # the ratio alone counts


def test_the_margin_loss_by_hand() -> None:
    out = torch.tensor([5.0, 1.0, 4.0], requires_grad=True)
    normal = torch.tensor([2.0, 4.0], requires_grad=True)
    found = margin_loss(out, normal, margin=2.0)  # relu(2 + 3 - out)
    assert found.tolist() == [0, 4, 1]
    found.sum().backward()
    assert out.grad.tolist() == [0, -1, -1]
    assert normal.grad is None


# Losses of a batch ------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["ratio", "margin"])
def test_likelihood_is_learned_of_normal_images_and_the_outlier_term_is_of_the_others(
    family: dict[str, Glow], loss: str
) -> None:
    glow, batch = with_auxiliaries(family, outliers=loss, margin=60.0), mixture()
    found, given = terms_and_input(glow, batch)
    assert list(found) == ["scale_16", "scale_8", "scale_4", "outliers"]
    costs, normal = nll(glow, given), batch.kind > 0
    learned = sum(value for name, value in found.items() if name != "outliers")
    torch.testing.assert_close(learned, costs[normal].mean() / LN2 / D, rtol=1e-5, atol=1e-5)
    if loss == "ratio":
        difference = nll(glow.auxiliaries["general"], given)[~normal] - costs[~normal]
        expected = 6000 * torch.log1p(torch.exp(difference.double() / 1000))
    else:
        expected = (60 * D * LN2 + costs[normal].mean() - costs[~normal]).double().relu()
    assert expected.min() > 0
    torch.testing.assert_close(
        found["outliers"].double(), expected.mean() / LN2 / D, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("loss", ["ratio", "margin"])
def test_a_step_on_the_outlier_term_makes_general_images_unlikelier_and_moves_no_auxiliary_model(
    family: dict[str, Glow], loss: str
) -> None:
    glow, batch = with_auxiliaries(family, outliers=loss, margin=60.0), mixture()
    glow.auxiliaries["general"].requires_grad_(
        True
    )  # even an auxiliary model that somebody let loose
    found, given = terms_and_input(glow, batch)
    before = nll(glow, given).detach()
    found["outliers"].backward()
    assert all(p.grad is None for p in glow.auxiliaries["general"].parameters())
    norm = math.sqrt(sum(p.grad.square().sum().item() for p in glow.flow.parameters()))
    with torch.no_grad():
        for p in glow.flow.parameters():
            p -= 1e-3 / norm * p.grad
    rise = (nll(glow, given) - before)[batch.kind < 0]
    assert rise.mean() > 0


@pytest.mark.parametrize("loss", ["ratio", "margin"])
def test_normal_images_get_no_gradient_from_the_outlier_term_nor_general_ones_from_the_others(
    family: dict[str, Glow], loss: str
) -> None:
    glow, batch = with_auxiliaries(family, outliers=loss, margin=60.0), mixture()
    normal = batch.kind > 0

    def reaches(names: set[str]) -> Tensor:
        """Whether each image receives gradient from these terms."""
        x = batch.x.clone().requires_grad_(True)
        found, _ = terms_and_input(glow, Batch(x, batch.kind, batch.label))
        sum(found[name] for name in names).backward()
        return x.grad.flatten(1).any(1)

    assert torch.equal(reaches({"outliers"}), ~normal)
    assert torch.equal(reaches({"scale_16", "scale_8", "scale_4"}), normal)


@pytest.mark.slow
def test_a_little_training_with_the_outlier_loss_sets_general_images_farther_apart() -> None:
    """Twins of one start, the same batches and noise: only the loss's weight differs."""
    normal, general = tiny.boxes(96, seed=0), tiny.strokes(96, seed=0) // 10
    streams = {
        "train": tiny.stream_of(normal),
        "calibration": tiny.stream_of(tiny.boxes(64, seed=1)),
        "train+auxiliary": tiny.mixed(normal, general),
    }
    start = made()
    new = [as_tensor(i) for i in (tiny.boxes(64, seed=50), tiny.strokes(64, seed=50) // 10)]

    def gap(glow: Glow) -> float:
        """How much more general images cost than normal ones, in nats."""
        with torch.no_grad():
            return float(glow.total(new[1]).mean() - glow.total(new[0]).mean())

    gaps = {}
    for weight in (0.0, 6000.0):
        config = {"starts_from": "glow.general", "general": "glow.general", "outliers": "ratio"}
        glow = Glow(Glow.Config(**tiny.CONFIG, **config, outlier_weight=weight), tiny.SHAPE)
        glow.load_state_dict(start.state_dict())
        glow.attach_auxiliary("general", copy.deepcopy(start))
        short = [replace(p, epochs=5) if p.players else p for p in glow.phases()]
        glow.phases = lambda short=short: short  # type: ignore[method-assign]
        fit(glow, streams, seed=0)
        gaps[weight] = gap(glow.eval())
    # Fifteen steps bring some 5,700 nats with the loss and 80 without it.
    assert gaps[6000.0] > max(gaps[0.0], gap(start)) + 2500


# Ratios -----------------------------------------------------------------------------------------


def test_a_ratio_is_the_total_minus_the_auxiliary_models_total(
    family: dict[str, Glow], x: Tensor
) -> None:
    with torch.no_grad():
        parts = family["both"].parts(x)
        for role in ("general", "background"):
            expected = parts["total"] - family[role].parts(x)["total"]
            torch.testing.assert_close(parts[f"ratio_{role}"], expected, **SUM)
    assert (parts["ratio_general"] - parts["ratio_background"]).abs().min() > 1


def test_a_ratios_map_is_the_difference_of_both_maps_and_sums_to_the_ratio(
    family: dict[str, Glow], x: Tensor
) -> None:
    both = family["both"]
    with torch.no_grad():
        for role in ("general", "background"):
            found = both.explain(x, f"ratio_{role}")
            assert not found.offset.any()
            assert not found.residual.any()
            summed = found.map.sum((1, 2)) + found.padding
            torch.testing.assert_close(summed, both.parts(x)[f"ratio_{role}"], **SUM)
            ours, theirs = (glow.explain(x, "total") for glow in (both, family[role]))
            expected = ours.map - theirs.map
            torch.testing.assert_close(found.map, expected, rtol=1e-5, atol=1e-3)
            around = ours.padding - theirs.padding
            torch.testing.assert_close(found.padding, around, **SUM)


def test_a_ratio_is_shown_in_bits_per_dimension_without_the_eight_that_cancel(
    family: dict[str, Glow],
) -> None:
    found = family["both"].to_display("ratio_general", np.array([0.0, D * LN2]))
    np.testing.assert_allclose(found, [0, 1])


@pytest.mark.parametrize("role", ["general", "background"])
def test_a_ratio_without_its_auxiliary_model_says_which_model_is_missing(
    x: Tensor, role: str
) -> None:
    glow = made(**{role: "glow.somebody"})
    assert glow.score(x).isfinite().all()  # the total needs no other model
    part = f"ratio_{role}"
    for ask in (glow.parts, lambda x: glow.part(x, part), lambda x: glow.explain(x, part)):
        with pytest.raises(NotFitted, match=f"needs the {role} model 'glow.somebody'"):
            ask(x)


def test_the_outlier_loss_without_its_auxiliary_model_says_so() -> None:
    glow = made(general="glow.general", outliers="ratio")
    with pytest.raises(NotFitted, match=r"glow\.general"):
        tiny.terms_of(glow, mixture(), torch.Generator())


def test_auxiliary_models_are_frozen_and_move_along_but_are_no_weights_of_ours(
    family: dict[str, Glow],
) -> None:
    glow = with_auxiliaries(family)
    other = glow.auxiliaries["general"]
    assert not any(p.requires_grad for p in other.parameters())
    assert list(glow.state_dict()) == list(made().state_dict())
    glow.train()
    assert not other.training
    glow.double()
    assert {t.dtype for t in other.state_dict().values()} == {torch.float64}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"outliers": "ratio"}, "needs a general model"),
        ({"outliers": "margin", "data": "general"}, "for a model of normal images"),
        ({"mutation": 1.5}, r"0 to 1, got 1\.5"),
        ({"mutation": -0.1}, "0 to 1"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(config: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Glow(Glow.Config(**tiny.CONFIG, **config), tiny.SHAPE)


# Mutation ---------------------------------------------------------------------------------------

SHARE, N = 0.2, 64
BETWEEN = torch.full((N, 1, 28, 28), 76.5 / 255)  # no level: a hit always shows


def inside(x: Tensor) -> Tensor:
    return x[..., 2:30, 2:30]


def test_mutation_hits_the_stated_share_of_pixels_everywhere_in_the_picture() -> None:
    hit = mutate(BETWEEN, SHARE, generator=torch.Generator().manual_seed(0)) != BETWEEN
    spread = SHARE * (1 - SHARE)
    share = hit.double().mean().item()
    assert share == pytest.approx(SHARE, abs=4 * math.sqrt(spread / hit.numel()))
    rim = torch.cat([hit[..., 0, :], hit[..., -1, :], hit[..., 0], hit[..., -1]], -1)
    share = rim.double().mean().item()
    assert share == pytest.approx(SHARE, abs=4 * math.sqrt(spread / rim.numel()))
    each = hit.double().mean((1, 2, 3))  # pixels by themselves, not images as a whole
    assert each.std() == pytest.approx(math.sqrt(SHARE * (1 - SHARE) / 784), rel=0.4)  # 4 of .09


def test_mutated_pixels_take_every_grey_level_equally_often() -> None:
    mutated = mutate(BETWEEN, 1.0, generator=torch.Generator().manual_seed(0))
    values = (mutated.double() * 255).flatten()
    torch.testing.assert_close(values, values.round(), rtol=0, atol=1e-4)
    counts = torch.bincount(values.round().long(), minlength=256).double()
    expected = N * 784 / 256
    assert len(counts) == 256
    # Chi-square with 255 degrees of freedom: four standard deviations of sqrt(2 * 255).
    assert ((counts - expected) ** 2 / expected).sum() < 255 + 4 * math.sqrt(510)


def test_mutation_is_in_training_alone_and_never_in_the_padding(x: Tensor) -> None:
    plain, mutating = made(), made(mutation=SHARE)
    mutating.load_state_dict(plain.state_dict())
    batch = Batch(BETWEEN, torch.ones(N), torch.zeros(N))
    for glow, expected in ((plain, 0.0), (mutating, SHARE)):
        with torch.no_grad():
            _, given = terms_and_input(glow, batch)
        level = (given + 0.5) * 256  # 76.5 and noise of up to one level
        share = ((inside(level) - 77).abs() > 0.51).double().mean().item()
        # A mutated pixel lands within the original's level twice in 256 times.
        assert share == pytest.approx(expected, abs=0.01)
        around = level.clone()
        inside(around).zero_()
        assert around.max() < 1.001  # black, and noise of up to one level in float32
    with torch.no_grad():
        for part, values in plain.parts(x).items():
            assert torch.equal(mutating.parts(x)[part], values), part
        total = {"total": plain.total(x).numpy()}
        figures = [g.figures(total) for g in (plain, mutating)]
    for name, values in figures[0].items():
        assert np.array_equal(values, figures[1][name]), name


def test_mutation_repeats_with_its_generator() -> None:
    drawn = [mutate(BETWEEN, SHARE, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


# Phases and controls ----------------------------------------------------------------------------


def named(detector: Detector) -> list[tuple[str, str]]:
    return [(phase.name, phase.data) for phase in detector.phases()]


def test_phases_follow_the_images_and_the_start_that_the_config_names() -> None:
    def phases(**config: Any) -> list[tuple[str, str]]:
        return named(Glow(Glow.Config(**{**tiny.CONFIG, **config}), tiny.SHAPE))

    typicality = ("typicality", "calibration")
    assert phases() == [("initialise", "train"), ("likelihood", "train"), typicality]
    assert phases(data="general") == [
        ("initialise", "auxiliary"),
        ("likelihood", "auxiliary"),
        typicality,
    ]
    # Whoever starts from weights keeps their norms.
    started = phases(starts_from="glow.general", general="glow.general", outliers="ratio")
    assert started == [("likelihood", "train+auxiliary"), typicality]
    assert phases(flow="dense") == [("initialise", "train"), ("likelihood", "train")]


@pytest.mark.parametrize("flow", ["patches", "dense"])
def test_a_control_has_its_total_and_complexity_and_ratios_if_named(
    family: dict[str, Glow], x: Tensor, flow: str
) -> None:
    config = {**tiny.CONFIG, "flow": flow, "score": "total"}
    torch.manual_seed(0)
    alone = Glow(Glow.Config(**config), tiny.SHAPE).eval()
    with torch.no_grad():
        assert list(alone.parts(x)) == list(alone.described) == ["total", "complexity"]
        ratio = Glow(Glow.Config(**config, general="glow.general"), tiny.SHAPE).eval()
        ratio.load_state_dict(alone.state_dict())
        ratio.attach_auxiliary("general", family["general"])  # of another kind: a total is a total
        parts = ratio.parts(x)
        assert list(parts) == list(ratio.described) == ["total", "complexity", "ratio_general"]
        expected = alone.total(x) - family["general"].total(x)
        torch.testing.assert_close(parts["ratio_general"], expected, **SUM)
        found = ratio.explain(x, "ratio_general")
        torch.testing.assert_close(found.map.sum((1, 2)) + found.padding, expected, **SUM)
    with pytest.raises(ValueError, match="scale_4"):
        alone.explain(x, "scale_4")


def test_the_scales_have_all_parts_in_the_order_of_their_descriptions(
    family: dict[str, Glow], x: Tensor
) -> None:
    scales = ["scale_16", "scale_8", "scale_4"]
    own = ["total", *scales, "complexity", "typicality"]
    asking = [*own, "ratio_general", "ratio_background"]
    for name, expected in (("general", own), ("both", asking)):
        assert list(family[name].described) == list(family[name].parts(x)) == expected


def test_both_sides_of_a_ratio_see_the_same_draws(family: dict[str, Glow], x: Tensor) -> None:
    general = family["general"]
    asking = made(general="glow.general", draws=2, draw_seed=1)
    asking.load_state_dict(general.state_dict())  # the same flow on both sides: nothing is left
    asking.attach_auxiliary("general", general)
    with torch.no_grad():
        assert not torch.equal(asking.noise, general.noise[:2])
        parts = asking.parts(x)
        torch.testing.assert_close(parts["ratio_general"], torch.zeros(len(x)), rtol=0, atol=1e-2)
        assert not asking.explain(x, "ratio_general").map.abs().amax() > 1e-3
        assert (asking.total(x) - general.total(x)).abs().max() > 0.1  # of its own draws
