"""Novelty: distances to a bank, what lies off a span, and which pixels make them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny
import torch
from torch import Tensor

from core.data.picture import as_tensor
from core.detectors._base import Batch, NotFitted
from core.detectors.novelty import MEASURED, Novelty
from core.nn.bcos import both_signs
from core.nn.spans import off_span, widest
from core.shape import Shape

SMALL = Novelty.Config(classes=2, width=2, bank=24, explained=32, rank=4, fields=2)


def batch(x: Tensor, label: Tensor | None = None) -> Batch:
    label = torch.zeros(len(x), dtype=torch.long) if label is None else label
    return Batch(x, torch.ones(len(x)), label)


@pytest.fixture(scope="module")
def fitted() -> Novelty:
    """Of random weights, fitted to boxes: everything but the encoder's training."""
    torch.manual_seed(0)
    detector = Novelty(SMALL, tiny.SHAPE).eval().requires_grad_(False)
    boxes = as_tensor(tiny.boxes(64, seed=0))
    with torch.no_grad():
        detector._fit_normal([batch(boxes[:32]), batch(boxes[32:])])
        detector._fit_scales([batch(as_tensor(tiny.boxes(32, seed=1)))])
    return detector


@pytest.fixture(scope="module")
def held_out() -> Tensor:
    return as_tensor(tiny.boxes(32, seed=2))


# Familiarity ------------------------------------------------------------------------------------


def test_familiarity_is_the_mean_distance_to_the_two_nearest(fitted: Novelty) -> None:
    features = torch.zeros(1, 20)
    features[0, 0] = 5.0  # at length 1: the first axis
    bank = torch.zeros(24, 20)
    bank[:, 1] = 1.0  # all at a right angle, sqrt 2 away, but for two
    bank[3, :2] = torch.tensor([0.6, 0.8])
    bank[7, :2] = torch.tensor([0.8, -0.6])
    held = fitted.bank.clone(), fitted.bank_step.clone()
    fitted.bank.copy_((bank * 100).round())
    fitted.bank_step.fill_(0.01)
    distances, rows = fitted._nearest(features)
    fitted.bank.copy_(held[0])
    fitted.bank_step.copy_(held[1])
    assert rows.tolist() == [[7, 3]]
    torch.testing.assert_close(distances, torch.tensor([[0.4**0.5, 0.8**0.5]]))


def test_a_training_image_is_the_most_familiar(fitted: Novelty, held_out: Tensor) -> None:
    known = fitted.parts(as_tensor(tiny.boxes(24, seed=0)))["familiarity"]
    assert known.median() < fitted.parts(held_out)["familiarity"].median()
    assert (fitted._nearest(fitted.embed(as_tensor(tiny.boxes(24, seed=0))))[1][:, 0]).tolist() == [
        *range(24)
    ]


def test_an_empty_bank_is_told() -> None:
    with pytest.raises(NotFitted, match="features of training images"):
        Novelty(SMALL, tiny.SHAPE).eval().parts(torch.zeros(1, *tiny.SHAPE))


# Novelty ----------------------------------------------------------------------------------------


def test_what_lies_in_the_span_is_explained_and_what_lies_across_is_not(fitted: Novelty) -> None:
    v = torch.rand(3, 2, 28, 28, generator=torch.Generator().manual_seed(0))
    inside = (v.flatten(1) @ fitted.span.T @ fitted.span).reshape(v.shape)
    assert fitted._rest(inside).norm() < 1e-4 * inside.norm()
    across = v - inside
    torch.testing.assert_close(fitted._rest(across), across, rtol=0, atol=1e-4)


def test_the_span_is_that_of_explanations_of_normal_images(fitted: Novelty) -> None:
    weights = fitted.weights(as_tensor(tiny.boxes(32, seed=0))).flatten(1)
    shares = off_span(weights, fitted.span).norm(dim=1) / weights.norm(dim=1)
    strange = fitted.weights(as_tensor(tiny.strokes(32, seed=0))).flatten(1)
    others = off_span(strange, fitted.span).norm(dim=1) / strange.norm(dim=1)
    assert shares.mean() < 0.8 * others.mean()


def test_the_control_is_a_principal_component_analysis_of_pixels(
    fitted: Novelty, held_out: Tensor
) -> None:
    raw = as_tensor(tiny.boxes(64, seed=0))[:32].flatten(1).double()
    axes = torch.linalg.eigh(torch.cov(raw.T))[1][:, -4:]
    rest = held_out.flatten(1).double() - raw.mean(0)
    rest = rest - rest @ axes @ axes.T
    torch.testing.assert_close(
        fitted.parts(held_out)["pixels"], rest.norm(dim=1).float(), rtol=1e-3, atol=1e-3
    )


def test_a_planted_patch_is_novel_where_it_lies(fitted: Novelty, held_out: Tensor) -> None:
    planted = held_out.clone()
    planted[:, :, 0:5, 0:5] = 1.0  # black in every box
    before, after = fitted.parts(held_out), fitted.parts(planted)
    for part in ("novelty_input", "novelty_map", "pixels"):
        assert (after[part] > before[part]).all(), part
        change = fitted.explain(planted, part).map - fitted.explain(held_out, part).map
        # A few hundredths may show elsewhere: directions of a span reach over the whole picture.
        assert change[:, 0:5, 0:5].sum() > 0.8 * change.clamp_min(0).sum(), part


def test_a_pixel_is_standardised_by_what_held_out_images_leave_there(fitted: Novelty) -> None:
    rest = torch.zeros(1, 2, 28, 28)
    rest[0, 0] = fitted.rest_mean + 3 * fitted.rest_std
    rest[0, 0, 0, 0] = 0.0  # less than normal ones leave: not novel
    found = fitted._stranger(rest)[0]
    assert found[0, 0] == 0
    torch.testing.assert_close(found.flatten()[1:], torch.full((783,), 3.0), rtol=1e-3, atol=0)


def test_sums_add_what_the_config_names_in_standard_deviations(
    fitted: Novelty, held_out: Tensor
) -> None:
    parts = fitted.parts(held_out)
    for reading in ("input", "map", "inner", "background"):
        other = Novelty(replace(SMALL, reading=reading), tiny.SHAPE).eval()
        other.load_state_dict(fitted.state_dict())
        z = {
            name: (parts[name] - centre) / scale
            for name, centre, scale in zip(MEASURED, fitted.centre, fitted.scale, strict=True)
        }
        found = other.parts(held_out)
        torch.testing.assert_close(found["sum"], z["familiarity"] + z[f"novelty_{reading}"])
        torch.testing.assert_close(found["sum_pixels"], z["familiarity"] + z["pixels"])
        assert other.differentiable("sum") == (reading != "background")
    assert not fitted.differentiable("novelty_background")


def test_held_out_images_have_mean_0_and_deviation_1(fitted: Novelty) -> None:
    parts = fitted.parts(as_tensor(tiny.boxes(32, seed=1)))
    for name, centre, scale in zip(MEASURED, fitted.centre, fitted.scale, strict=True):
        z = (parts[name] - centre) / scale
        assert abs(float(z.mean())) < 1e-2, name
        assert float(z.std()) == pytest.approx(1, abs=1e-2), name


# Explanations -----------------------------------------------------------------------------------


def test_weights_times_the_input_are_the_features_length(fitted: Novelty, held_out: Tensor) -> None:
    v = both_signs(held_out)
    features = fitted.net.activations(v)[-1].mean((2, 3))
    summed = (fitted.weights(held_out) * v).sum((1, 2, 3))
    torch.testing.assert_close(summed, features.norm(dim=1), rtol=1e-4, atol=1e-6)


def test_familiarity_is_explained_by_the_likeness_to_the_two_nearest(
    fitted: Novelty, held_out: Tensor
) -> None:
    """Assembled here from one W(x) for each feature."""
    from core.nn.bcos import linear_map

    x = held_out[:1]
    v = both_signs(x)
    features = fitted.net.activations(v)[-1].mean((2, 3))
    distances, rows = fitted._nearest(features)
    likeness = torch.zeros(28, 28)
    for i in range(20):
        w = linear_map(lambda u, i=i: fitted.net.activations(u)[-1].mean((2, 3))[:, i], v)
        contribution = (w * v).sum(1)[0] / features.norm()
        for j in range(2):
            likeness += contribution * fitted.held_features[rows[0, j], i] / distances[0, j]
    torch.testing.assert_close(
        fitted.explain(x, "familiarity").map[0], -likeness, rtol=1e-3, atol=1e-5
    )


def test_inner_fields_are_spread_over_their_pixels(fitted: Novelty, held_out: Tensor) -> None:
    found = fitted.explain(held_out, "novelty_inner").map
    for rows in (slice(0, 14), slice(14, 28)):
        for columns in (slice(0, 14), slice(14, 28)):
            field = found[:, rows, columns].flatten(1)
            assert torch.equal(field, field[:, :1].expand_as(field))
    assert len(found[0].unique()) == 4


# Training ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_encoder_learns_classes_and_refuses_labels_that_are_none() -> None:
    torch.manual_seed(0)
    detector = Novelty(SMALL, tiny.SHAPE)
    player = detector.phases()[0].players[0]
    optimizer = player.optimizer(player.parameters())
    x = as_tensor(tiny.boxes(16, seed=0)), as_tensor(tiny.strokes(16, seed=0))
    label = torch.arange(2).repeat_interleave(16)
    detector.net.train()
    for _ in range(150):
        optimizer.zero_grad()
        sum(player.terms(batch(torch.cat(x), label), torch.Generator()).values()).backward()
        optimizer.step()
    detector.eval()
    for kind, images in enumerate((tiny.boxes(16, seed=9), tiny.strokes(16, seed=9))):
        assert (detector.net(both_signs(as_tensor(images))).argmax(1) == kind).all()
    for wrong in (label + 1, label - 1):
        with pytest.raises(ValueError, match=r"labels must be 0 to 1, got "):
            player.terms(batch(torch.cat(x), wrong), torch.Generator())


def test_the_background_lies_farther_out_than_normal_features(fitted: Novelty) -> None:
    drawn: list[Tensor] = []
    logit = fitted._normal_logit
    fitted._normal_logit = lambda units: drawn.append(units) or logit(units)  # type: ignore
    fitted._tell_background(batch(as_tensor(tiny.boxes(24, seed=0))), torch.Generator())
    fitted._normal_logit = logit  # type: ignore[method-assign]
    normal, background = drawn
    bank = fitted.held_features
    axes = widest(bank - bank.mean(0), 8)
    spread = ((bank - bank.mean(0)) @ axes.T).std(0)
    far = [(((units - bank.mean(0)) @ axes.T) / spread).square().sum(1) for units in drawn]
    assert len(normal) == len(background)
    assert far[1].mean() > 1.3 * far[0].mean()


def test_who_asks_an_encoder_has_none_and_needs_it() -> None:
    config = replace(SMALL, encoder="novelty.encoder")
    detector = Novelty(config, tiny.SHAPE).eval()
    assert not any(key.startswith("net.") for key in detector.state_dict())
    assert [p.name for phase in detector.phases() for p in phase.players] == ["background"]
    with pytest.raises(NotFitted, match=r"encoder of 'novelty\.encoder'"):
        detector.embed(torch.zeros(1, *tiny.SHAPE))
    other = Novelty(SMALL, tiny.SHAPE)
    detector.attach_auxiliary("encoder", other)
    assert detector.encoder is other.net


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rank": 0}, "sizes must be 1 or more"),
        ({"bank": 1}, "the bank 2 or more"),
        ({"rank": 40}, "32 explanations do not span 40 directions"),
        ({"inner": 4}, "a layer before the last, 0 to 3"),
        ({"encoder": "novelty.encoder", "data": "general"}, "fitted to the scenario's normal"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Novelty(replace(SMALL, **changes), tiny.SHAPE)


def test_a_picture_too_small_for_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="8x8 or more"):
        Novelty(SMALL, Shape(1, 7, 9))


def test_only_grey_pictures_are_measured_in_grey_levels() -> None:
    units = [
        {name: part.unit for name, part in Novelty.describe(Novelty.Config(), shape).items()}
        for shape in (Shape(1, 8, 8), Shape(3, 8, 8))
    ]
    assert [each.pop("pixels") for each in units] == ["grey levels", "colour levels"]
    assert units[0] == units[1]
