"""The randomisation check: what ignores what was learned fails it, and no model is touched."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import torch
from toy_scores import Mapped, images

from core.detectors.glow import Glow
from core.explain import randomisation
from core.explain.randomisation import randomised, randomised_maps
from core.shape import Shape


def small_glow(*, seed: int = 0) -> Glow:
    torch.manual_seed(seed)
    glow = Glow(Glow.Config(steps=1, hidden=8, scales=2), Shape(1, 8, 8))
    with torch.no_grad():
        for scale in glow.flow.scales:
            scale.steps.net.last += 0.05 * torch.randn_like(scale.steps.net.last)
    return glow.eval().requires_grad_(False)


def test_a_map_that_ignores_the_weights_fails_and_one_of_the_weights_does_not() -> None:
    toy = Mapped(shape=Shape(1, 16, 16))  # of 16 pixels, chance alone has ranks above 0.5
    x = 1 - 0.1 * images(1, shape=toy.shape)
    blind = randomised_maps(toy, x, part="blind")
    assert [stage.rank for stage in blind] == [1, 1, 1, 1]
    assert blind[-1].alike
    seeing = randomised_maps(toy, x, part="line")
    assert not seeing[-1].alike
    assert abs(seeing[-1].rank) < 0.25  # four standard errors of no correlation


def test_nothing_is_shuffled_of_the_detector_itself() -> None:
    glow = small_glow()
    glow.attach_auxiliary("general", small_glow(seed=1))
    whole = [glow, glow.auxiliaries["general"]]
    before = [{k: v.clone() for k, v in d.state_dict().items()} for d in whole]
    torch.manual_seed(5)
    state = torch.get_rng_state()
    with torch.inference_mode():
        randomised_maps(glow, images(1, shape=glow.shape), part="total")
    assert torch.equal(state, torch.get_rng_state())
    for detector, kept in zip(whole, before, strict=True):
        assert all(torch.equal(v, kept[k]) for k, v in detector.state_dict().items())


def test_shuffling_keeps_every_tensors_numbers_and_moves_those_that_differ() -> None:
    glow = small_glow()
    twin = randomised(glow, 1.0)
    moved = 0
    for key, value in glow.state_dict().items():
        shuffled = twin.state_dict()[key]
        assert torch.equal(shuffled.flatten().sort().values, value.flatten().sort().values), key
        moved += not torch.equal(shuffled, value)
    assert moved > 4
    assert torch.equal(twin.noise, glow.noise)  # no checkpoint holds it: the seed says it all


def changed(glow: Glow, share: float) -> list[str]:
    twin = randomised(glow, share)
    every = {**glow.state_dict(), "other": _numbers(glow.auxiliaries.values())}
    others = {**twin.state_dict(), "other": _numbers(twin.auxiliaries.values())}
    return [k for k, v in every.items() if not torch.equal(v, others[k])]


def _numbers(detectors) -> torch.Tensor:
    return torch.cat([p.flatten() for d in detectors for p in d.state_dict().values()])


def test_knowledge_goes_from_the_score_downwards_and_auxiliary_models_last() -> None:
    glow = small_glow()
    glow.config = replace(glow.config, general="glow.general")
    glow.attach_auxiliary("general", small_glow(seed=1))
    shares = [s.share for s in randomised_maps(glow, images(1, shape=glow.shape), part="total")]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    first, third, last = (changed(glow, share) for share in (shares[0], shares[2], shares[3]))
    assert any(".1." in key for key in first), first  # of the coarsest scale
    assert not any(".0." in key for key in first), first
    assert set(first) < set(third)
    assert "other" not in third
    assert "other" in last


def test_a_map_that_overflows_is_alike_to_nothing() -> None:
    class Overflowing(Mapped):
        def explain(self, x, part="score"):
            found = super().explain(x, part)
            whole = torch.equal(self.weight, Mapped().weight)
            return found if whole else replace(found, map=found.map / 0)

    stages = randomised_maps(Overflowing(), images(1), part="line")
    assert math.isnan(stages[-1].rank)
    assert not stages[-1].alike


def test_the_seed_decides_what_is_shuffled() -> None:
    x = images(1)
    one, same = (randomised_maps(Mapped(), x)[-1].map for _ in range(2))
    other = randomised_maps(Mapped(), x, seed=1)[-1].map
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_what_forgets_is_kept_while_one_detector_is_asked_and_its_maps_stay_the_same(
    fitted_glow, x
):
    other = copy.deepcopy(fitted_glow)
    randomisation._twins.clear()
    fresh = randomised_maps(fitted_glow, x[:1], part="total")
    kept = list(randomisation._twins[fitted_glow].values())
    again = randomised_maps(fitted_glow, x[:1], part="total")
    assert all(np.array_equal(a.map, b.map) for a, b in zip(fresh, again, strict=True))
    assert list(randomisation._twins[fitted_glow].values()) == kept
    seeded = randomised_maps(fitted_glow, x[:1], part="total", seed=1)
    assert not np.array_equal(seeded[-1].map, fresh[-1].map)
    randomised_maps(other, x[:1], part="total")
    assert list(randomisation._twins) == [other]  # one detector's alone: they take memory
