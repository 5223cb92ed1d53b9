"""Flows beside each other and what they draw, as pages are told of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import Tiny
from scipy import stats

from core import checkpoint, service
from core.answers.overview import corrections
from core.data.stream import as_tensor
from core.detectors.glow import Glow
from core.errors import OutskirtsError
from core.evaluate.metrics import Metrics
from core.scenario import load_scenario
from core.service import ImageQuery, PairQuery, ResampleQuery, SamplesQuery, Target

GLOW, GENERAL, SEED = (Target.of("tiny", s) for s in ("glow", "glow.general", "glow.seed-0"))
DIGIT = ImageQuery(GLOW, "strokes", 3)


def stored(models: Tiny, stem: str) -> dict:
    return checkpoint.read_scores(models.folder, checkpoint.read_card(models.folder, stem)).sets


def test_a_target_of_a_name_says_that_name_again() -> None:
    assert Target.of("tiny", "glow") == Target("tiny", "glow")
    assert Target.of("tiny", "glow.general") == Target("tiny", "glow", "general")
    assert Target.of("tiny", "glow.general").stem == "glow.general"


def test_a_pair_ranks_all_images_and_draws_the_same_ones_of_both_models(models: Tiny) -> None:
    found = service.pair(PairQuery(GLOW, GENERAL, "strokes", points=20, seed=3))
    one, other = stored(models, "glow"), stored(models, "glow.general")
    for name, of in (("both", ("boxes", "strokes")), ("boxes", ("boxes",))):
        a, b = (np.concatenate([s[n]["total"] for n in of]) for s in (one, other))
        assert found.rank[name] == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-6)
    assert found.images == sum(len(one[n]["total"]) for n in ("boxes", "strokes"))
    detector, _ = checkpoint.load(models.folder, "glow.general")
    for name, indices in found.indices.items():
        assert len(set(indices.tolist())) == 20
        shown = detector.shown("total", other[name]["total"][indices])
        assert np.array_equal(found.up[name], shown)
    again = service.pair(PairQuery(GLOW, GENERAL, "strokes", points=20, seed=4))
    assert not np.array_equal(again.indices["boxes"], found.indices["boxes"])
    assert again.rank == found.rank


def test_a_model_ranks_as_itself(models: Tiny) -> None:
    found = service.pair(PairQuery(SEED, SEED, "turned"))
    assert set(found.rank.values()) == {1.0}


def test_a_part_that_a_model_lacks_is_named_with_those_it_has(models: Tiny) -> None:
    with pytest.raises(OutskirtsError, match=r"glow.general has no part 'ratio_general'.*scale_4"):
        service.pair(PairQuery(GLOW, GENERAL, "strokes", part="ratio_general"))


def test_at_temperature_zero_a_drawn_scale_is_the_priors_mean_every_time(models: Tiny) -> None:
    cold = service.resample(ResampleQuery(DIGIT, 3, temperature=0.0))
    assert list(cold.drawn) == ["16x16 scale", "8x8 scale", "4x4 scale"]
    for drawn in cold.drawn.values():
        images = drawn.images
        assert np.array_equal(images[0], images[1])
        assert np.array_equal(images[0], images[2])
    warm = service.resample(ResampleQuery(DIGIT, 3, temperature=1.0))
    assert not np.array_equal(*warm.drawn["16x16 scale"].images[:2])


def test_only_the_drawn_scale_changes_its_latent(models: Tiny) -> None:
    flow, _ = checkpoint.load(models.folder, "glow")
    image = load_scenario("tiny").pictures("strokes").images[3:4]
    kept = flow.latents(as_tensor(image))
    generator = torch.Generator().manual_seed(0)
    found = service.resample(ResampleQuery(DIGIT, 2, temperature=0.5, seed=0))
    assert np.array_equal(found.image, image[0])
    for i, drawn in enumerate(found.drawn.values()):
        changed = [z.expand(2, *z.shape[1:]) for z in kept]
        changed[i] = 0.5 * torch.randn(2, *kept[i].shape[1:], generator=generator)
        expected = flow.decode(changed)[:, 0].numpy()
        assert not drawn.overflowed.any()
        assert np.abs(drawn.images - 255 * expected).max() <= 0.51  # rounding


def test_what_overflows_in_the_inverse_is_grey_and_counted(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Glow.decode

    def overflowing(self: Glow, latents: list[torch.Tensor]) -> torch.Tensor:
        latents[0] = latents[0].clone()
        latents[0][1] = torch.inf
        return plain(self, latents)

    monkeypatch.setattr(Glow, "decode", overflowing)
    found = service.samples(SamplesQuery(GENERAL, 3))
    assert found.overflowed.tolist() == [False, True, False]
    assert set(found.images[1].ravel().tolist()) == {128}


def test_samples_hang_on_seed_and_temperature_alone(models: Tiny) -> None:
    query = SamplesQuery(GENERAL, 4, 0.7, seed=1)
    first = service.samples(query)
    assert first.images.shape == (4, 32, 32)
    assert first.images.dtype == np.uint8
    assert np.array_equal(service.samples(query).images, first.images)
    for other in (replace(query, seed=2), replace(query, temperature=0.2)):
        assert not np.array_equal(service.samples(other).images, first.images)


def test_twins_are_listed_apart_from_the_models_whose_card_they_serve(models: Tiny) -> None:
    found = service.overview("tiny")
    assert [r.name for r in found.detectors] == ["glow.general", "glow", "glow.outliers"]
    assert [r.name for r in found.twins] == ["glow.seed-0", "glow.seed-1"]


def figures(auroc: float) -> Metrics:
    return Metrics(auroc, auroc - 0.01, auroc + 0.01, 0.5, 0.5, 10, 10)


def test_a_correction_helps_where_it_clears_the_interval_and_costs_where_it_falls_below(
    models: Tiny,
) -> None:
    row = next(r for r in service.overview("tiny").detectors if r.name == "glow")
    assert row.card is not None
    totals = {"a": 0.2, "b": 0.6, "c": 0.7, "d": 0.3, "e": 0.9}
    ratios = {"a": 0.9, "b": 0.615, "c": 0.4, "d": 0.35, "e": 0.6}  # of b the intervals overlap
    metrics = {
        name: {"total": figures(totals[name]), "ratio_general": figures(ratios[name])}
        for name in totals
    }
    card = row.card.model_copy(
        update={
            "metrics": metrics,
            "calibration": row.card.calibration.model_copy(
                update={"quantiles": {"total": (), "ratio_general": ()}}
            ),
        }
    )
    (found,) = corrections(replace(row, card=card))
    assert found.helps == {"a": (0.2, 0.9), "d": (0.3, 0.35)}
    assert found.costs == {"c": (0.7, 0.4), "e": (0.9, 0.6)}
    assert found.inverts == ("c",)
    assert corrections(replace(row, card=None)) == ()
