"""Flows beside each other and what they draw, as pages are told of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import Tiny
from scipy import stats

from core import checkpoint, service
from core.answers.corrections import corrections
from core.answers.models import samples
from core.data.picture import as_tensor
from core.detectors.glow import Glow
from core.errors import OutskirtsError
from core.evaluate.metrics import Metrics
from core.scenario import load_scenario
from core.service import (
    GalleryQuery,
    ImageQuery,
    LikelihoodsQuery,
    PairQuery,
    ResampleQuery,
    SamplesQuery,
    Target,
)

GLOW, GENERAL, SEED = (Target.of("tiny", s) for s in ("glow", "glow.general", "glow.seed-0"))
DIGIT = ImageQuery(GLOW, "strokes", 3)


def stored(models: Tiny, stem: str) -> dict:
    return checkpoint.read_scores(models.folder, checkpoint.read_card(models.folder, stem)).sets


def test_a_target_of_a_name_says_that_name_again() -> None:
    assert Target.of("tiny", "glow") == Target("tiny", "glow")
    assert Target.of("tiny", "glow.general") == Target("tiny", "glow", "general")
    assert Target.of("tiny", "glow.general").stem == "glow.general"


def test_a_pair_ranks_all_images_and_draws_the_same_ones_of_both_models(models: Tiny) -> None:
    found = service.ask(PairQuery(GLOW, GENERAL, "strokes", points=20, seed=3))
    one, other = stored(models, "glow"), stored(models, "glow.general")
    for name, of in (("both", ("boxes", "strokes")), ("boxes", ("boxes",))):
        a, b = (np.concatenate([s[n]["total"] for n in of]) for s in (one, other))
        assert found.rank[name] == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-6)
    assert found.images == sum(len(one[n]["total"]) for n in ("boxes", "strokes"))
    detector, _ = checkpoint.load(models.folder, "glow.general")
    for name, indices in found.indices.items():
        assert len(set(indices.tolist())) == 20
        shown = detector.to_display("total", other[name]["total"][indices])
        assert np.array_equal(found.up[name], shown)
    again = service.ask(PairQuery(GLOW, GENERAL, "strokes", points=20, seed=4))
    assert not np.array_equal(again.indices["boxes"], found.indices["boxes"])
    assert again.rank == found.rank


def test_a_model_ranks_as_itself(models: Tiny) -> None:
    found = service.ask(PairQuery(SEED, SEED, "turned"))
    assert set(found.rank.values()) == {1.0}


def test_a_part_that_a_model_lacks_is_named_with_those_it_has(models: Tiny) -> None:
    with pytest.raises(OutskirtsError, match=r"glow.general has no part 'ratio_general'.*scale_4"):
        service.ask(PairQuery(GLOW, GENERAL, "strokes", part="ratio_general"))


def test_at_temperature_zero_a_drawn_scale_is_the_priors_mean_every_time(models: Tiny) -> None:
    cold = service.ask(ResampleQuery(DIGIT, 3, temperature=0.0))
    assert list(cold.drawn) == ["16x16 scale", "8x8 scale", "4x4 scale"]
    for drawn in cold.drawn.values():
        images = drawn.images
        assert np.array_equal(images[0], images[1])
        assert np.array_equal(images[0], images[2])
    warm = service.ask(ResampleQuery(DIGIT, 3, temperature=1.0))
    assert not np.array_equal(*warm.drawn["16x16 scale"].images[:2])


def test_only_the_drawn_scale_changes_its_latent(models: Tiny) -> None:
    flow, _ = checkpoint.load(models.folder, "glow")
    image = load_scenario("tiny").pictures("strokes").images[3:4]
    kept = flow.latents(as_tensor(image))
    generator = torch.Generator().manual_seed(0)
    found = service.ask(ResampleQuery(DIGIT, 2, temperature=0.5, seed=0))
    assert np.array_equal(found.image, image[0])
    for i, drawn in enumerate(found.drawn.values()):
        changed = [z.expand(2, *z.shape[1:]) for z in kept]
        changed[i] = 0.5 * torch.randn(2, *kept[i].shape[1:], generator=generator)
        expected = flow.decode(changed).permute(0, 2, 3, 1).numpy()
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
    found = service.ask(SamplesQuery(GENERAL, 3))
    assert found.overflowed.tolist() == [False, True, False]
    assert set(found.images[1].ravel().tolist()) == {128}


def test_samples_hang_on_seed_and_temperature_alone(models: Tiny) -> None:
    query = SamplesQuery(GENERAL, 4, 0.7, seed=1)
    first = service.ask(query)
    assert first.images.shape == (4, 28, 28, 1)
    assert first.images.dtype == np.uint8
    assert np.array_equal(samples(query).images, first.images)  # drawn anew
    for other in (replace(query, seed=2), replace(query, temperature=0.2)):
        assert not np.array_equal(service.ask(other).images, first.images)


def test_twins_are_listed_apart_from_the_models_whose_card_they_serve(models: Tiny) -> None:
    found = service.ask(service.OverviewQuery("tiny"))
    assert [r.name for r in found.detectors] == ["glow.general", "glow", "glow.outliers"]
    assert [r.name for r in found.seed_replicates] == ["glow.seed-0", "glow.seed-1"]


def figures(auroc: float) -> Metrics:
    return Metrics(auroc, auroc - 0.01, auroc + 0.01, 0.5, 0.5, 10, 10)


def test_a_correction_helps_where_it_clears_the_interval_and_costs_where_it_falls_below(
    models: Tiny,
) -> None:
    row = next(r for r in service.ask(service.OverviewQuery("tiny")).detectors if r.name == "glow")
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
    (found,) = corrections(replace(row, card=card), {})
    assert found.helps == {"a": (0.2, 0.9), "d": (0.3, 0.35)}
    assert found.costs == {"c": (0.7, 0.4), "e": (0.9, 0.6)}
    assert found.inverts == ("c",)
    assert corrections(replace(row, card=None), {}) == ()


# Tables that are taken away -------------------------------------------------------------------


@pytest.mark.parametrize("stem", ["glow", "glow.general"])
def test_a_table_holds_what_the_page_shows_and_names_each_unit(models: Tiny, stem: str) -> None:
    target = Target.of("tiny", stem)
    table = service.display_table(target, ["boxes", "strokes"])
    units = {name.partition(" (")[2] for name in table if "(" in name}
    assert units == {"bits per dimension)", "standard deviations)"}
    row = table["image"].tolist().index("strokes#3")
    view = service.ask(ImageQuery(target, "strokes", 3))
    card = checkpoint.read_card(models.folder, stem)
    shown = {name.partition(" (")[0]: values[row] for name, values in table.items() if "(" in name}
    assert list(shown) == list(card.calibration.quantiles)
    for part, value in shown.items():
        assert value == pytest.approx(view.displayed[part], rel=1e-4, abs=1e-4)
        assert table[f"{part} percentile"][row] == pytest.approx(view.percentiles[part], abs=0.5)
    flagged = table[f"flagged by {card.score.part}"]
    assert flagged[row] == int(view.flagged)
    raw = service.per_image_table(target, ["boxes", "strokes"])[card.score.part]
    assert flagged.tolist() == (raw > card.score.threshold).astype(int).tolist()


def test_the_table_of_two_models_agrees_with_each_models_own(models: Tiny) -> None:
    both = service.pair_table(PairQuery(GLOW, GENERAL, "strokes"))
    assert list(both) == [
        *("image", "set", "label"),
        "glow total (bits per dimension)",
        "glow.general total (bits per dimension)",
    ]
    for target in (GLOW, GENERAL):
        own = service.display_table(target, ["boxes", "strokes"])
        column = both[f"{target.stem} total (bits per dimension)"]
        assert np.array_equal(column, own["total (bits per dimension)"])
        assert both["image"].tolist() == own["image"].tolist()
    found = service.ask(PairQuery(GLOW, GENERAL, "strokes", points=20))
    first = found.indices["boxes"]
    assert both["glow total (bits per dimension)"][first] == pytest.approx(found.across["boxes"])


def test_a_ratio_is_the_sum_of_what_its_scales_say(models: Tiny) -> None:
    found = service.ask(LikelihoodsQuery(GLOW, "strokes"))
    (ratio,) = (part for part in found.parts if part.name == "ratio_general")
    scales = found.ratios["ratio_general"]
    assert [scale.title for scale in scales] == ["16x16 scale", "8x8 scale", "4x4 scale"]
    gap = ratio.means[1] - ratio.means[0]
    assert sum(scale.gap for scale in scales) == pytest.approx(gap, rel=1e-4, abs=1e-3)
    own, other = stored(models, "glow"), stored(models, "glow.general")
    normal, strange = (own[s]["scale_8"] - other[s]["scale_8"] for s in ("boxes", "strokes"))
    above = (strange[:, None] > normal[None]).mean() + 0.5 * (strange[:, None] == normal).mean()
    assert scales[1].auroc == pytest.approx(above, abs=1e-6)
    assert found.mutations == {"ratio_general": 0.0}
    assert service.ask(LikelihoodsQuery(GENERAL, "strokes")).ratios == {}


# Sets of few images ---------------------------------------------------------------------------


def few(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Leave n strokes in what every model stores."""
    from core.answers import images, likelihoods, models

    plain = images.stored_scores

    def fewer(target: Target, **how: Target | None) -> dict:
        sets = plain(target, **how)
        cut = {part: values[:n] for part, values in sets["strokes"].items()}
        return {**sets, "strokes": cut}

    for module in (images, likelihoods, models):
        monkeypatch.setattr(module, "stored_scores", fewer)


def test_one_strange_image_has_no_rank_correlation_and_that_is_no_error(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, 1)
    found = service.ask(PairQuery(GLOW, GENERAL, "strokes"))
    assert np.isnan(found.rank["strokes"])
    assert np.isfinite(found.rank["both"])
    assert len(found.across["strokes"]) == 1
    views = service.ask(LikelihoodsQuery(GLOW, "strokes")).parts
    assert all(np.isfinite(view.strange).all() for view in views)


@pytest.mark.parametrize("order", service.ORDERS)
def test_a_gallery_of_no_image_says_so(
    models: Tiny, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    few(monkeypatch, 0)
    with pytest.raises(OutskirtsError, match="there are no images in strokes"):
        service.ask(GalleryQuery(GLOW, ("strokes",), "total", order, 8))
    found = service.ask(GalleryQuery(GLOW, ("boxes", "strokes"), "total", order, 8))
    assert set(found.sets) == {"boxes"}
