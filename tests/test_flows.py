"""Flows beside each other and what they draw, as pages are told of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import Tiny
from scipy import stats

from core import checkpoint, service
from core.answers.overview import corrections
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
    for images in cold.drawn.values():
        assert np.array_equal(images[0], images[1])
        assert np.array_equal(images[0], images[2])
    warm = service.resample(ResampleQuery(DIGIT, 3, temperature=1.0))
    assert not np.array_equal(*warm.drawn["16x16 scale"][:2])


def test_an_image_from_its_own_latents_is_itself_but_for_rounding(models: Tiny) -> None:
    found = service.resample(ResampleQuery(DIGIT, 1))
    assert np.array_equal(found.image, load_scenario("tiny").pictures("strokes").images[3])
    # Float32 through an inverse: a grey level at most.
    assert np.abs(found.image.astype(int) - found.rebuilt.astype(int)).max() <= 1


def test_only_the_drawn_scale_changes_its_latent(models: Tiny) -> None:
    flow, _ = checkpoint.load(models.folder, "glow")
    import torch

    from core.data.stream import as_tensor

    x = as_tensor(load_scenario("tiny").pictures("strokes").images[3:4])
    kept = flow.latents(x)
    generator = torch.Generator().manual_seed(0)
    changed = list(kept)
    changed[1] = torch.randn(changed[1].shape, generator=generator) * 0.5
    expected = flow.decode(changed)[0, 0]
    found = service.resample(ResampleQuery(DIGIT, 1, temperature=0.5, seed=0))
    assert np.abs(found.drawn["8x8 scale"][0] - 255 * expected.numpy()).max() <= 0.51


def test_samples_hang_on_seed_and_temperature_alone(models: Tiny) -> None:
    query = SamplesQuery(GENERAL, 4, 0.7, seed=1)
    first = service.samples(query)
    assert first.shape == (4, 32, 32)
    assert first.dtype == np.uint8
    assert np.array_equal(service.samples(query), first)
    assert not np.array_equal(service.samples(replace(query, seed=2)), first)
    assert not np.array_equal(service.samples(replace(query, temperature=0.2)), first)


def test_twins_are_listed_apart_from_the_models_whose_card_they_serve(models: Tiny) -> None:
    found = service.overview("tiny")
    assert [r.name for r in found.detectors] == ["glow.general", "glow", "glow.outliers"]
    assert [r.name for r in found.twins] == ["glow.seed-0", "glow.seed-1"]


def figures(auroc: float) -> Metrics:
    return Metrics(auroc, auroc - 0.01, auroc + 0.01, 0.5, 0.5, 10, 10)


def test_a_correction_helps_where_it_clears_the_interval_and_fails_below_chance(
    models: Tiny,
) -> None:
    row = next(r for r in service.overview("tiny").detectors if r.name == "glow")
    assert row.card is not None
    totals = {"a": 0.2, "b": 0.6, "c": 0.7, "d": 0.3}
    ratios = {"a": 0.9, "b": 0.615, "c": 0.4, "d": 0.35}  # b: intervals overlap; d: helps, fails
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
    assert found.fails == {"c": 0.4, "d": 0.35}
    assert corrections(replace(row, card=None)) == ()
