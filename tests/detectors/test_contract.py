"""What every detector keeps, whatever its paper: one suite over all of them.

A new detector joins by one entry in `TINY`; one that can be built in several ways by several.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
import torch.nn.functional as F
from torch import Tensor

from core import checkpoint
from core.card import CardError, Weights
from core.data.picture import as_tensor
from core.data.stream import Stream
from core.data.transforms import noise_images
from core.detectors import detector_class, detector_names
from core.detectors._base import Batch, Detector, Phase, Player
from core.explain.methods import METHODS, explain, refusal
from core.nn.sizes import enlarged
from core.shape import Shape
from core.train.loop import fit


@dataclass(frozen=True)
class Tiny:
    """How to build a detector in a second, and what a little training must do for it.

    Attributes:
        cost: a number that training lowers on held-out images of the normal family.
        gain: by how much, at least.
        without_gradient: parameters that cannot have one, each with the reason.
        auxiliaries: configs of the auxiliary_models, by role.
    """

    config: dict[str, Any]
    cost: Callable[[Detector, Tensor], float]
    gain: float
    without_gradient: dict[str, str] = field(default_factory=dict)
    auxiliaries: dict[str, dict[str, Any]] = field(default_factory=dict)


def total(glow: Detector, x: Tensor) -> float:
    return float(glow.parts(x)["total"].mean())


def vae_error(outskirts: Detector, x: Tensor) -> float:
    return float(outskirts.parts(x)["reconstruction"].mean())


def distilled(outskirts: Detector, x: Tensor) -> float:
    """Mean squared error of the autoencoders, summed over descriptors of variance 1."""
    return sum(float(v) for v in outskirts._distil(Batch(x, x, x), torch.Generator()).values())


def class_error(novelty: Detector, x: Tensor) -> float:
    """Of the encoder, on classes that are dealt out blindly: their shares can be learned."""
    batch = Batch(x, x, torch.arange(len(x)) % 3)
    return float(novelty._classify(batch, torch.Generator())["classes"])


def background_error(novelty: Detector, x: Tensor) -> float:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        terms = novelty._tell_background(Batch(x, x, x), generator)
    return sum(map(float, terms.values()))


def esad_loss(esad: Detector, x: Tensor) -> float:
    """Of normal images: all three terms."""
    terms = esad._terms(Batch(x, torch.ones(len(x)), torch.zeros(len(x))), torch.Generator())
    return sum(float(value) for value in terms.values())


def scattered(deep_sad: Detector, x: Tensor) -> float:
    """How far codes lie from their middle, beside how far that lies from 0: free of scale."""
    codes = deep_sad.encoder(x)
    return float(codes.var(0).sum() / codes.mean(0).square().sum())


def mirror_error(ama: Detector, x: Tensor) -> float:
    return float(ama.parts(x)["reconstruction"].mean())


def nothing_learned(novelty: Detector, x: Tensor) -> float:
    """Of who has no player: what it holds is read off images, and nothing gets better by steps."""
    assert not any(phase.players for phase in novelty.phases())
    return 0.0


NARROW = {"hidden": 16, "code": 4, "regions": 2, "latent": 4, "fuse_hidden": 16, "exemplars": 48}
FEW = {"classes": 3, "width": 1, "bank": 24, "explained": 32, "rank": 4, "fields": 2}
MIRROR = {"code": 4, "width": 2, "critic_width": 4, "critic_steps": 2, "epochs": 6.0, "fitted": 64}
SMALL = {"steps": 1, "hidden": 8, "training_dtype": "float32"}
TINY = {  # by the name of a checkpoint: DETECTOR or DETECTOR.MODEL
    "glow": Tiny(
        config={**SMALL, "steps": 2},
        cost=total,
        gain=60.0,  # nats, here and below: half of what a hundred steps bring
    ),
    "glow.outliers": Tiny(
        config={**SMALL, "leaves": "second", "general": "glow.general", "outliers": "ratio"},
        cost=total,
        gain=100.0,
        auxiliaries={"general": {**SMALL, "data": "general"}},
    ),
    "glow.patches": Tiny(
        config={**SMALL, "flow": "patches", "mutation": 0.1},
        cost=total,
        gain=170.0,
    ),
    "glow.dense": Tiny(
        config={**SMALL, "flow": "dense"},
        cost=total,
        gain=13.0,
    ),
    "outskirts": Tiny(
        config={**NARROW, "classifier_hidden": 8},
        cost=distilled,
        gain=0.19,  # variances, half of what training brings
    ),
    "outskirts.single": Tiny(
        config={**NARROW, "levels": 1, "negatives": "noise", "rho": 1.0},
        cost=vae_error,
        gain=15.0,  # of some 440, half of what training brings
    ),
    "novelty": Tiny(
        config={**FEW, "epochs": 12},
        cost=class_error,
        gain=0.07,  # nats, half of what training brings
    ),
    "novelty.asking": Tiny(
        config={**FEW, "encoder": "novelty.encoder", "background_epochs": 40},
        cost=background_error,
        gain=0.007,  # nats, half of what training brings: a logit lies between -1 and 1
        auxiliaries={"encoder": {**FEW, "data": "general"}},
    ),
    "novelty.pretrained": Tiny(
        config={
            "backbone": "efficientnet_lite0",
            "resolution": 64,
            "bank": 24,
            "explained": 32,
            "rank": 4,
        },
        cost=nothing_learned,
        gain=-math.inf,
    ),
    "esad": Tiny(
        config={
            "code": 4,
            "width": 4,
            "epochs": 20.0,
            "norm_weight": 0.01,
            "consistency_weight": 30.0,
        },
        cost=esad_loss,
        gain=30.0,  # half of what training brings
    ),
    "deep_sad": Tiny(
        config={"code": 4, "width": 2, "first_epochs": 15.0, "epochs": 30.0},
        cost=scattered,
        gain=0.1,
    ),
    "ama": Tiny(
        config=MIRROR,
        cost=mirror_error,
        gain=0.045,  # half of what training brings
    ),
    "ama.ordinary": Tiny(
        config={**MIRROR, "critic": "ordinary", "atypical": "none"},
        cost=mirror_error,
        gain=0.045,
    ),
}
DETECTORS = detector_names()


def test_every_detector_takes_part() -> None:
    missing = sorted(set(DETECTORS) - set(TINY))
    assert not missing, f"add a Tiny entry here for: {', '.join(missing)}"


# What takes long in training, maps or passes through a backbone. Of each other detector one model
# and more are asked without a wait.
HEAVY = (
    *("ama", "ama.ordinary", "outskirts"),
    *("glow.outliers", "glow.patches", "novelty.asking", "novelty.pretrained"),
)


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.slow] if name in HEAVY else [])
        for name in TINY
        if name.partition(".")[0] in DETECTORS
    ]
)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps along a path of 8 steps for 32: what they sum to and who has them hangs on no number."""
    monkeypatch.setattr("core.detectors.outskirts.STEPS", 8)


def build(name: str, shape: Shape = tiny.SHAPE) -> Detector:
    torch.manual_seed(0)
    detector = checkpoint.from_config(name, TINY[name].config, shape)
    for role in TINY[name].auxiliaries:
        detector.attach_auxiliary(role, copy.deepcopy(_auxiliary(name, role, shape)))
    return detector


@cache
def _auxiliary(name: str, role: str, shape: Shape) -> Detector:
    """An auxiliary model fitted without its players."""
    torch.manual_seed(1)
    other = checkpoint.from_config(name, TINY[name].auxiliaries[role], shape)
    fitting = [replace(phase, players=()) for phase in other.phases()]
    fit_by(other, fitting)
    return other


def fit_by(detector: Detector, phases: Sequence[Phase], *, seed: int = 0) -> None:
    """Fit by other phases than the detector's own, to as few images as every phase can do with."""
    whole = detector.phases
    detector.phases = lambda: phases  # type: ignore[method-assign]
    fit(detector, few_streams(detector.shape), seed=seed)
    detector.phases = whole  # type: ignore[method-assign]


def pictures(n: int, shape: Shape, *, seed: int) -> np.ndarray:
    """Another normal family, of any shape: grained ramps, brighter to the right, each of a hue."""
    rng = np.random.default_rng(seed)
    hue = rng.uniform(60, 190, (n, 1, 1, shape.channels))
    ramp = np.linspace(-50, 50, shape.width)[:, None]
    grain = rng.normal(0, 8, (n, *shape.pixels))
    return (hue + ramp + grain).clip(0, 255).astype(np.uint8)


@cache
def streams() -> dict[str, Stream]:
    """Boxes and strokes, enough to learn something from."""
    whole, general = tiny.boxes(224, seed=0), tiny.strokes(128, seed=0)
    return {
        "train": tiny.stream_of(whole[:128]),
        "calibration": tiny.stream_of(whole[128:]),
        "auxiliary": tiny.stream_of(general, kind=0),
        "train+auxiliary": tiny.mixed(whole[:64], general[:64]),
    }


@cache
def few_streams(shape: Shape) -> dict[str, Stream]:
    """As few as every phase can do with, of any shape."""
    whole, general = pictures(96, shape, seed=0), noise_images(32, shape, seed=0)
    return {
        "train": tiny.stream_of(whole[:64]),
        "calibration": tiny.stream_of(whole[64:]),
        "auxiliary": tiny.stream_of(general, kind=0),
        "train+auxiliary": tiny.mixed(whole[:32], general),
    }


@cache
def _twins(name: str) -> tuple[Detector, Detector]:
    """A detector fitted without its players, and one trained in full from the same start."""
    trained = build(name)
    untrained = build(name)
    fitting = [replace(phase, players=()) for phase in untrained.phases()]
    untrained.phases = lambda: fitting  # type: ignore[method-assign]
    for detector in (untrained, trained):
        fit(detector, streams(), seed=0)
    return untrained, trained


@pytest.fixture
def detector(name: str) -> Detector:
    """Trained, frozen; a copy that the test may spoil."""
    return copy.deepcopy(_twins(name)[1]).eval().requires_grad_(False)


def everything(detector: Detector, x: Tensor) -> dict[str, Tensor]:
    """All that a detector says of x, by name."""
    said = {"score": detector.score(x), "embed": detector.embed(x)}
    said |= {f"part {k}": v for k, v in detector.parts(x).items()}
    if detector.can("explain"):
        said |= {f"map {part}": detector.explain(x, part).map for part in detector.described}
    return said


# Scores -----------------------------------------------------------------------------------------


def test_scores_and_codes_are_finite_and_tell_images_apart(detector: Detector, x: Tensor) -> None:
    for what, values in everything(detector, x).items():
        assert torch.isfinite(values).all(), what
        assert (values.flatten(1) if values.ndim > 1 else values).std(0).max() > 0, what


@pytest.mark.parametrize("shade", [0.0, 0.5, 1.0])
def test_a_picture_of_one_shade_has_numbers_too(
    detector: Detector, x: Tensor, shade: float
) -> None:
    for what, values in everything(detector, torch.full_like(x[:1], shade)).items():
        assert torch.isfinite(values).all(), what


def test_parts_are_one_number_an_image_and_the_score_is_one_of_them(
    detector: Detector, x: Tensor
) -> None:
    parts = detector.parts(x)
    assert list(parts) == list(detector.described)
    assert {k: tuple(v.shape) for k, v in parts.items()} == {k: (len(x),) for k in parts}
    assert detector.config.score in parts
    assert torch.equal(detector.score(x), parts[detector.config.score])
    assert all(torch.equal(detector.part(x, name), values) for name, values in parts.items())
    with pytest.raises(KeyError, match="nonsense"):
        detector.part(x, "nonsense")
    assert detector.embed(x).shape[:-1] == (len(x),)


def test_any_part_can_be_made_the_score(detector: Detector, x: Tensor) -> None:
    for part in detector.described:
        detector.config = replace(detector.config, score=part)
        assert torch.equal(detector.score(x), detector.parts(x)[part])


def test_an_image_gets_the_same_numbers_alone_and_among_any_others(
    detector: Detector, x: Tensor
) -> None:
    asked = x[[0, 4, 7]]  # two boxes and a stroke
    noise = torch.rand(5, *x.shape[1:], generator=torch.Generator().manual_seed(0))
    crowd = everything(detector, torch.cat([noise, asked, torch.ones_like(x[:3])]))
    each = [everything(detector, image[None]) for image in asked]
    for what, together in crowd.items():
        alone = torch.cat([found[what] for found in each])
        # Float32 sums of a thousand terms in another order differ by some 2e-7 of the largest (a
        # stroke costs thirty boxes), and a dozen layers add theirs; a statistic of the batch is of
        # the size of the scores.
        torch.testing.assert_close(
            together[5 : 5 + len(asked)],
            alone,
            rtol=1e-5,
            atol=1e-5 * float(alone.abs().max()),
            msg=lambda text, what=what: f"{what}: {text}",
        )


def test_scoring_is_deterministic_and_changes_nothing(detector: Detector, x: Tensor) -> None:
    before, images = copy.deepcopy(detector.state_dict()), x.clone()
    torch.manual_seed(1)
    first = everything(detector, x)
    torch.manual_seed(2)
    seeded = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    second = everything(detector, x)
    drawn = torch.get_rng_state(), np.random.get_state()[1], random.getstate()
    for what, values in first.items():
        assert torch.equal(values, second[what]), what
    assert torch.equal(seeded[0], drawn[0]), "drew from torch's global generator"
    assert np.array_equal(seeded[1], drawn[1]), "drew from numpy's global generator"
    assert seeded[2] == drawn[2], "drew from Python's global generator"
    assert torch.equal(x, images)
    after = detector.state_dict()
    assert list(before) == list(after)
    for key, value in before.items():
        assert torch.equal(value, after[key]), key
    assert not any(module.training for module in detector.modules())


def test_a_map_and_what_it_leaves_out_sum_to_the_part(detector: Detector, x: Tensor) -> None:
    if detector.can("explain"):
        assert_maps_sum_to_parts(detector, x)


def assert_maps_sum_to_parts(detector: Detector, x: Tensor) -> None:
    """Score = offset + padding + sum of the map + residual, of every part of x (N, C, H, W)."""
    parts = {**detector.parts(x), "score": detector.score(x)}
    for part, values in parts.items():
        found = detector.explain(x, part)
        assert found.map.shape == (len(x), *x.shape[2:]), part
        assert torch.isfinite(found.map).all(), part
        padding = torch.zeros(len(x)) if found.padding is None else found.padding
        beside = found.offset, padding, found.residual
        assert [tuple(numbers.shape) for numbers in beside] == [(len(x),)] * 3, part
        assert found.pixels in (0, *range(x.shape[2] * x.shape[3], 4 * x[0, 0].numel())), part
        summed = found.map.double().sum((1, 2)) + sum(numbers.double() for numbers in beside)
        # Offset and map may be a thousand times the part and cancel, in float32.
        size = float(found.map.abs().sum((1, 2)).max() + found.offset.abs().max())
        torch.testing.assert_close(
            summed.float(),
            values,
            rtol=1e-5,
            atol=1e-6 * size,
            msg=lambda text, part=part: f"{part}: {text}",
        )


def test_an_unknown_part_cannot_be_explained(detector: Detector, x: Tensor) -> None:
    if detector.can("explain"):
        with pytest.raises(ValueError, match="nonsense"):
            detector.explain(x, "nonsense")


def test_a_sum_is_that_of_its_summands_in_standard_deviations(
    detector: Detector, x: Tensor
) -> None:
    parts = detector.parts(x)
    for part in detector.described:
        summands = detector.summands(part)
        if summands:
            scaled = [(parts[p] - centre) / scale for p, (centre, scale) in summands.items()]
            torch.testing.assert_close(sum(scaled), parts[part], msg=part)
    assert detector.summands() == detector.summands(detector.config.score)
    with pytest.raises(ValueError, match="nonsense"):
        detector.summands("nonsense")


def test_weights_have_two_channels_for_each_of_the_picture(detector: Detector, x: Tensor) -> None:
    if detector.can("weights"):
        weights = detector.weights(x)
        assert weights.shape == (len(x), 2 * x.shape[1], *x.shape[2:])
        assert torch.isfinite(weights).all()
        assert (weights[0] != weights[-1]).any(), "they do not depend on the image"


def test_a_part_that_says_it_has_a_gradient_has_one(detector: Detector, x: Tensor) -> None:
    images = x.requires_grad_()
    for part, values in detector.parts(images).items():
        if detector.differentiable(part):
            (gradient,) = torch.autograd.grad(values.sum(), images, retain_graph=True)
            assert gradient.isfinite().all(), part
            assert (gradient.abs().amax((1, 2, 3)) > 0).all(), part
    assert detector.differentiable() == detector.differentiable(detector.config.score)
    assert detector.without_gradient <= set(detector.about)
    with pytest.raises(ValueError, match="nonsense"):
        detector.differentiable("nonsense")


# What a method may have -------------------------------------------------------------------------

OPTIONAL = ("explain", "reconstruct", "sample", "resample")


def ask(detector: Detector, method: str, x: Tensor) -> Any:
    """Call an optional method, on images x or to draw three."""
    generator = torch.Generator().manual_seed(0)
    if method == "sample":
        return detector.sample(3, generator, temperature=0.5)
    if method == "resample":
        return detector.resample(x[:1], 3, generator=generator, temperature=0.5)
    return getattr(detector, method)(x)


def assert_pictures(images: Tensor, n: int, shape: Shape) -> None:
    """n images of a shape, in [0, 1] but for those where the model overflows."""
    assert images.shape == (n, *shape)
    finite = images[images.isfinite()]
    assert len(finite)
    assert finite.min() >= 0
    assert finite.max() <= 1


def assert_optional_methods(detector: Detector, x: Tensor) -> None:
    """What a detector says it can gives what it should; what it says it cannot is refused."""
    for method in OPTIONAL:
        if not detector.can(method):
            with pytest.raises(NotImplementedError, match=type(detector).__name__):
                ask(detector, method, x)
        elif method == "resample":
            drawn = ask(detector, method, x)
            assert drawn
            assert set(drawn) <= set(detector.described)
            for images in drawn.values():
                assert_pictures(images, 3, detector.shape)
        elif method in ("reconstruct", "sample"):
            n = len(x) if method == "reconstruct" else 3
            assert_pictures(ask(detector, method, x), n, detector.shape)


def test_what_a_detector_can_it_does_and_what_it_cannot_it_refuses(
    detector: Detector, x: Tensor
) -> None:
    assert_optional_methods(detector, x)
    with pytest.raises(ValueError, match="'dream' is none of explain, reconstruct, sample"):
        detector.can("dream")


# Shapes -----------------------------------------------------------------------------------------


def first_at_once(shapes: Sequence[Shape]) -> list[Any]:
    """Parameters of a fixture: the first shape is asked without a wait."""
    first, *others = shapes
    return [first, *(pytest.param(shape, marks=[pytest.mark.slow]) for shape in others)]


# Sides that no halving goes into, sides that all do, and sides that differ.
SHAPES = (Shape(1, 28, 28), Shape(3, 32, 32), Shape(3, 32, 48))


@pytest.fixture(params=first_at_once(SHAPES), ids=str)
def shape(request: pytest.FixtureRequest) -> Shape:
    return request.param


@cache
def _of_shape(name: str, shape: Shape, seed: int = 0) -> Detector:
    """A detector for pictures of a shape, after one epoch of each of its phases."""
    detector = build(name, shape)
    fit_by(detector, [replace(phase, epochs=1) for phase in detector.phases()], seed=seed)
    return detector.eval().requires_grad_(False)


def test_a_detector_of_any_shape_scores_encodes_and_explains(name: str, shape: Shape) -> None:
    detector = _of_shape(name, shape)
    assert detector.shape == shape
    x = as_tensor(np.concatenate([pictures(3, shape, seed=9), noise_images(2, shape, seed=9)]))
    parts = detector.parts(x)
    assert (
        list(parts)
        == list(detector.described)
        == list(type(detector).describe(detector.config, shape))
    )
    assert {k: tuple(v.shape) for k, v in parts.items()} == dict.fromkeys(parts, (5,))
    codes = detector.embed(x)
    assert codes.ndim == 2
    assert len(codes) == 5
    for what, values in {**parts, "score": detector.score(x), "embed": codes}.items():
        assert torch.isfinite(values).all(), what
    if detector.can("explain"):
        assert_maps_sum_to_parts(detector, x)
    assert_optional_methods(detector, x)


def test_every_channel_counts(name: str) -> None:
    detector = _of_shape(name, Shape(3, 32, 32))
    x = as_tensor(pictures(2, detector.shape, seed=9))
    before = detector.score(x)
    for channel in range(3):
        other = x.clone()
        other[:, channel] = 1 - other[:, channel]
        assert (detector.score(other) - before).abs().min() > 1e-4, channel


def test_a_card_says_of_which_pictures_and_the_detector_is_built_for_them_again(
    name: str, shape: Shape, tmp_path: Path
) -> None:
    detector, folder = _of_shape(name, shape), tmp_path / "tiny"
    folder.mkdir()
    save_whole(detector, name, folder)
    loaded, card = checkpoint.load(folder, name)
    assert card.input.shape == loaded.shape == shape
    x = as_tensor(pictures(3, shape, seed=9))
    again = loaded.parts(x)
    for part, values in detector.parts(x).items():
        assert torch.equal(again[part], values), part


# Training ---------------------------------------------------------------------------------------


def stages(detector: Detector) -> Iterator[Phase]:
    """Phases of a detector, each fitted when it is given."""
    for phase in detector.phases():
        if phase.prepare is not None:
            with torch.no_grad():
                phase.prepare(few_streams(detector.shape)[phase.data].epoch(0, 0))
        yield phase


def step(player: Player, batch: Batch) -> None:
    """Move a player's parameters once, without its schedule, which may begin at zero."""
    parameters = player.parameters()
    optimizer = player.optimizer(parameters)
    optimizer.zero_grad()
    sum(player.terms(batch, torch.Generator().manual_seed(0)).values()).backward()
    optimizer.step()
    optimizer.zero_grad()


def test_every_parameter_of_a_player_receives_gradient_after_one_step(name: str) -> None:
    detector = build(name)
    names = {id(p): key for key, p in detector.named_parameters()}
    for phase in stages(detector):
        batch = next(few_streams(detector.shape)[phase.data].epoch(0, 1))
        for player in phase.players:
            step(player, batch)  # layers that start at zero hide all that lies before them
            terms = player.terms(batch, torch.Generator().manual_seed(1))
            sum(terms.values()).backward()
            without = {
                names[id(p)] for p in player.parameters() if p.grad is None or not p.grad.any()
            }
            assert without == set(TINY[name].without_gradient), f"{phase.name}/{player.name}"


def test_every_parameter_belongs_to_a_player(name: str) -> None:
    detector = build(name)
    owned = {id(p) for ph in detector.phases() for pl in ph.players for p in pl.parameters()}
    assert not [key for key, p in detector.named_parameters() if id(p) not in owned]


def test_auxiliary_models_are_no_part_of_the_weights_and_training_leaves_them_alone(
    name: str,
) -> None:
    detector = _of_shape(name, tiny.SHAPE)
    assert (
        set(detector.auxiliaries) == set(detector.auxiliary_models) == set(TINY[name].auxiliaries)
    )
    before = {
        role: _auxiliary(name, role, tiny.SHAPE).state_dict() for role in detector.auxiliaries
    }
    own = {id(t) for t in (*detector.parameters(), *detector.buffers())}
    for role, other in detector.auxiliaries.items():
        assert not own & {id(t) for t in (*other.parameters(), *other.buffers())}
        assert not any(p.requires_grad or p.grad is not None for p in other.parameters())
        assert not any(module.training for module in other.modules())
        for key, value in other.state_dict().items():
            assert torch.equal(value, before[role][key]), f"{role}: {key}"


def test_a_phase_moves_what_its_players_own_and_nothing_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = build(name)
    for phase in stages(detector):
        if not phase.players:
            continue
        modules = [m for player in phase.players for m in player.modules]
        owned = {id(t) for m in modules for t in (*m.parameters(), *m.buffers())}
        tensors = dict([*detector.named_parameters(), *detector.named_buffers()])
        before = {key: t.detach().clone() for key, t in tensors.items()}
        short = replace(phase, epochs=2, prepare=None)  # where rates rise from 0, one moves little
        monkeypatch.setattr(detector, "phases", lambda short=short: [short])
        fit(detector, few_streams(detector.shape), seed=0)
        moved = {key for key, t in tensors.items() if not torch.equal(t, before[key])}
        assert not {k for k in moved if id(tensors[k]) not in owned}, "moved, but not owned"
        parameters = {key for key, p in detector.named_parameters() if id(p) in owned}
        assert parameters - moved == set(TINY[name].without_gradient), "owned, but not moved"


def test_a_little_training_beats_the_untrained_twin(name: str) -> None:
    untrained, trained = _twins(name)
    held_out = as_tensor(tiny.boxes(64, seed=50))
    with torch.no_grad():
        before, after = (TINY[name].cost(d, held_out) for d in (untrained, trained))
    assert after < before - TINY[name].gain


def test_training_again_from_the_same_seed_gives_the_same_weights(name: str) -> None:
    again = _of_shape.__wrapped__(name, tiny.SHAPE)  # the first is the one of the tests of shapes
    other = _of_shape.__wrapped__(name, tiny.SHAPE, seed=1)
    found = [d.state_dict() for d in (_of_shape(name, tiny.SHAPE), again, other)]
    for key, value in found[0].items():
        assert torch.equal(value, found[1][key]), key
    assert any(not torch.equal(value, found[2][key]) for key, value in found[0].items())


# Cards ------------------------------------------------------------------------------------------


@pytest.fixture
def saved(name: str, detector: Detector, tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    save_whole(detector, name, folder)
    return folder


def save_whole(detector: Detector, name: str, folder: Path) -> None:
    """Write a checkpoint, and those of its auxiliary models."""
    auxiliary_models = {}
    for role, stem in detector.auxiliary_models.items():
        auxiliary_models[stem] = save(detector.auxiliaries[role], stem, folder).sha256
    save(detector, name, folder, auxiliary_models=auxiliary_models)


def save(detector: Detector, name: str, folder: Path, **known: Any) -> Weights:
    """Write a checkpoint whose card says no more than it must."""
    data, weights = checkpoint.pack(detector)
    card = tiny.card_of(detector, name, weights).model_copy(update=known)
    checkpoint.save(card, folder, weights=data, scores=checkpoint.ReferenceScores({}))
    return weights


def test_a_saved_detector_gives_the_same_numbers_when_loaded(
    name: str, detector: Detector, saved: Path, x: Tensor
) -> None:
    loaded, card = checkpoint.load(saved, name)
    assert loaded.config == detector.config
    assert not any(m.training for m in loaded.modules())
    assert not any(p.requires_grad for p in loaded.parameters())
    assert card.weights.parameters == sum(p.numel() for p in detector.parameters())
    again = everything(loaded, x)
    for what, values in everything(detector, x).items():
        assert torch.equal(values, again[what]), what


def test_packing_twice_gives_the_same_bytes(name: str, detector: Detector, saved: Path) -> None:
    data, _ = checkpoint.pack(copy.deepcopy(detector))
    assert (saved / f"{name}.safetensors").read_bytes() == data


@pytest.mark.parametrize("place", [0.0, 0.001, 0.5, 0.999999])
def test_one_flipped_bit_of_the_weights_is_refused(name: str, saved: Path, place: float) -> None:
    file = saved / f"{name}.safetensors"
    data = bytearray(file.read_bytes())
    data[int(place * len(data))] ^= 1
    file.write_bytes(data)
    with pytest.raises(CardError, match=f"{name}.safetensors"):
        checkpoint.load(saved, name)


@pytest.mark.parametrize("step", range(8))
def test_one_flipped_bit_of_the_card_is_refused(name: str, saved: Path, step: int) -> None:
    file = saved / f"{name}.json"
    whole = file.read_bytes()
    for place in range(step * len(whole) // 8, (step + 1) * len(whole) // 8, 41):
        data = bytearray(whole)
        data[place] ^= 1
        file.write_bytes(data)
        with pytest.raises(CardError, match=f"{name}.json"):
            checkpoint.read_card(saved, name)


def test_an_unknown_setting_is_refused_by_name(name: str) -> None:
    with pytest.raises(CardError, match="hiden"):
        checkpoint.from_config(name, {**TINY[name].config, "hiden": 8}, tiny.SHAPE)


def test_a_config_of_another_class_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="Config"):
        detector_class(name.partition(".")[0])(object(), tiny.SHAPE)


def test_the_card_can_say_all_that_a_page_shows(detector: Detector) -> None:
    paper = detector.paper
    assert all((paper.title, paper.authors, paper.year, paper.url, paper.bibtex))
    assert paper.url.startswith("https://")
    assert all(part.title and part.unit and part.text for part in detector.about.values())
    assert detector.described.keys() >= {detector.config.score}
    assert all(part.title and part.unit and part.text for part in detector.described.values())
    extra = detector.extra(torch.zeros(1, *detector.shape))
    assert all(math.isfinite(number) for number in extra.values())


# Another size than the pictures' -----------------------------------------------------------------

LARGE, SIDE = Shape(1, 24, 20), 8  # 24 is a multiple of 8; 20 is none, so that averages overlap
EVEN = Shape(3, 32, 16)


@dataclass(frozen=True)
class Sided:
    """A detector that sees pictures averaged down, and its twin that is given them like that."""

    detector: Detector
    twin: Detector


@cache
def _sided(name: str, shape: Shape) -> Sided:
    """Both of the same weights, after one epoch of each of its phases."""
    found = []
    for side, pixels in ((SIDE, shape), (0, Shape(shape.channels, SIDE, SIDE))):
        torch.manual_seed(0)
        config = {**TINY[name].config, "side": side}
        detector = checkpoint.from_config(name, config, pixels)
        for role, other in TINY[name].auxiliaries.items():
            torch.manual_seed(1)
            auxiliary = checkpoint.from_config(name, {**other, "side": side}, pixels)
            if not side:
                auxiliary.load_state_dict(found[0].auxiliaries[role].state_dict())
            else:
                fit_by(auxiliary, [replace(phase, players=()) for phase in auxiliary.phases()])
            detector.attach_auxiliary(role, auxiliary)
        if side:
            fit_by(detector, [replace(phase, epochs=1) for phase in detector.phases()])
        else:
            detector.load_state_dict(found[0].state_dict())
        found.append(detector.eval().requires_grad_(False))
    return Sided(*found)


@pytest.fixture(params=first_at_once((LARGE, EVEN)), ids=str)
def sided(name: str, request: pytest.FixtureRequest) -> Sided:
    return _sided(name, request.param)


def some_of(shape: Shape) -> Tensor:
    return as_tensor(np.concatenate([pictures(3, shape, seed=9), noise_images(2, shape, seed=9)]))


def test_who_sees_pictures_averaged_down_says_of_them_what_it_says_of_the_averages(
    sided: Sided,
) -> None:
    detector, twin = sided.detector, sided.twin
    x = some_of(detector.shape)
    small = F.adaptive_avg_pool2d(x, SIDE)
    assert (detector.seen, detector.shape) == (twin.shape, Shape(*x.shape[1:]))
    assert list(detector.described) == list(twin.described)
    found = detector.parts(x)
    for part, values in twin.parts(small).items():
        assert torch.equal(found[part], values), part
    for part in found:
        assert torch.equal(detector.part(x, part), found[part]), part
    assert torch.equal(detector.score(x), twin.score(small))
    assert torch.equal(detector.embed(x), twin.embed(small))
    assert detector.extra(x[:1]) == twin.extra(small[:1])
    assert detector.code == twin.code


def test_its_maps_are_those_of_the_averages_shared_out_over_their_pixels(sided: Sided) -> None:
    detector, x = sided.detector, some_of(sided.detector.shape)
    assert_maps_sum_to_parts(detector, x)
    small = F.adaptive_avg_pool2d(x, SIDE)
    shared = torch.zeros_like(x[:, 0]).requires_grad_()
    every = detector.explanations(x, list(detector.described))
    for part, found in sided.twin.explanations(small, list(detector.described)).items():
        pooled = F.adaptive_avg_pool2d(shared, SIDE)  # its gradient is the transpose of averaging
        (wanted,) = torch.autograd.grad(pooled, shared, found.map)
        size = float(found.map.abs().max())
        torch.testing.assert_close(every[part].map, wanted, rtol=1e-5, atol=1e-6 * size)
        assert torch.equal(every[part].offset, found.offset), part
        if found.channels is not None:
            assert torch.equal(every[part].channels, found.channels), part


def test_its_pictures_have_the_size_of_the_scenarios_and_average_to_what_it_made(
    sided: Sided,
) -> None:
    detector, x = sided.detector, some_of(sided.detector.shape)
    assert_optional_methods(detector, x)
    small = F.adaptive_avg_pool2d(x, SIDE)
    for method in ("reconstruct", "sample", "resample"):
        if detector.can(method):
            large, seen = ask(detector, method, x), ask(sided.twin, method, small)
            if method != "resample":
                large, seen = {method: large}, {method: seen}
            for key, images in seen.items():
                if detector.shape == EVEN:  # else a pixel lies in two averages
                    again = F.adaptive_avg_pool2d(large[key], SIDE)
                    torch.testing.assert_close(again, images, equal_nan=True)
                kept = enlarged(large[key], SIDE, SIDE)
                torch.testing.assert_close(kept, images, rtol=0, atol=0, equal_nan=True)
    if detector.can("weights"):
        weights, v = detector.weights(x), torch.cat([x, 1 - x], 1)
        of_small = sided.twin.weights(small) * torch.cat([small, 1 - small], 1)
        torch.testing.assert_close((weights * v).sum((1, 2, 3)), of_small.sum((1, 2, 3)))


def test_its_parts_have_gradients_at_every_pixel_and_can_be_explained_by_other_methods(
    sided: Sided,
) -> None:
    detector, x = sided.detector, some_of(sided.detector.shape)[:2].requires_grad_()
    for part, values in detector.parts(x).items():
        if detector.differentiable(part):
            (gradient,) = torch.autograd.grad(values.sum(), x, retain_graph=True)
            assert gradient.isfinite().all(), part
            assert (gradient.abs().amax((1, 2, 3)) > 0).all(), part
    for method in METHODS:
        if refusal(detector, "score", method) is None:
            found = explain(detector, x[:1].detach(), method=method)
            assert found.map.shape == (1, *x.shape[2:]), method
            assert found.map.isfinite().all(), method


def test_it_says_so_once_and_of_no_other_size(sided: Sided) -> None:
    said = f"It sees the pictures at {SIDE}x{SIDE}, averaged down."
    assert sided.detector.limits.count(said) == 1
    assert sided.twin.limits == tuple(line for line in sided.detector.limits if line != said)


def test_pictures_smaller_than_what_it_sees_and_others_than_the_scenarios_are_refused(
    name: str, sided: Sided
) -> None:
    config = {**TINY[name].config, "side": 25}
    with pytest.raises(CardError, match="needs pictures of 25x25 or more to see"):
        checkpoint.from_config(name, config, LARGE)
    with pytest.raises(CardError, match="side must be 0 or more"):
        checkpoint.from_config(name, {**config, "side": -1}, LARGE)
    x = some_of(Shape(sided.detector.shape.channels, 28, 28))
    with pytest.raises(ValueError, match=r"got 5 x [13] x 28 x 28"):
        sided.detector.score(x)


def test_a_card_holds_the_size_that_it_sees(name: str, sided: Sided, tmp_path: Path) -> None:
    detector, folder = sided.detector, tmp_path / "tiny"
    folder.mkdir()
    save_whole(detector, name, folder)
    loaded, _ = checkpoint.load(folder, name)
    assert (loaded.shape, loaded.seen) == (detector.shape, detector.seen)
    x = some_of(detector.shape)
    again = loaded.parts(x)
    for part, values in detector.parts(x).items():
        assert torch.equal(again[part], values), part
