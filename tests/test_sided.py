"""A scenario whose detectors see its pictures averaged down: trained, and asked as pages ask."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny
from conftest import Call, Tiny, _settle, _with_models, forget_everything, train_all

from core import checkpoint
from core import service as answers
from core.answers.faithfulness import CurvesQuery
from core.answers.mirror import MirrorQuery, MirrorRayQuery
from core.answers.outskirts import DrawsQuery, FieldQuery, Recipe
from core.answers.rays import RayQuery, RayScoresQuery
from core.answers.simplex import Corner, CornersQuery, SimplexQuery
from core.card import CardError
from core.evaluate.metrics import bootstrap_auroc
from core.service import ImageQuery, LikelihoodsQuery, MapQuery, PlaneQuery, SamplesQuery, Target

pytestmark = pytest.mark.slow

SIDE = 16
SEES = f"It sees the pictures at {SIDE}x{SIDE}, averaged down."
GLOW, OUTSKIRTS, AMA = (Target("tiny", name) for name in ("glow", "outskirts", "ama"))
PICTURE = (28, 28, 1)


def scenario_json() -> dict:
    narrow = {"hidden": 16, "code": 4, "regions": 2, "latent": 4, "fuse_hidden": 16}
    configs = {
        "glow.general": {**tiny.CONFIG, "data": "general"},
        "glow": {**tiny.CONFIG, "general": "glow.general"},
        "outskirts": {**narrow, "exemplars": 48, "classifier_hidden": 8},
        "ama": {"code": 4, "width": 2, "critic_width": 4, "critic_steps": 2, "epochs": 1.0},
    }
    settings = {"minutes": 0.003, "batch_size": 32, "points": 40, "layouts": ["pca"]}
    return tiny.models_json() | {
        "training": {n: {**settings, "config": {**c, "side": SIDE}} for n, c in configs.items()}
    }


@pytest.fixture(scope="module")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(bootstrap_auroc.__kwdefaults__, "draws", 20)
        return train_all(tmp_path_factory.mktemp("sided"), scenario_json())


@pytest.fixture
def sided(
    _root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_draws: None
) -> Iterator[Tiny]:
    shutil.copytree(_root / "checkpoints", tmp_path / "checkpoints")
    found = _settle(monkeypatch, tmp_path)
    _with_models(monkeypatch, found, scenario_json())
    yield found
    forget_everything()


def test_cards_are_of_the_scenarios_pictures_and_say_at_which_size_they_are_seen(
    sided: Tiny,
) -> None:
    for name in ("glow", "outskirts", "ama"):
        card = checkpoint.read_card(sided.folder, name)
        assert (card.input.shape, card.config["side"]) == (tiny.SHAPE, SIDE)
        assert SEES in card.limits
    parts = checkpoint.read_card(sided.folder, "glow").calibration.quantiles
    assert {"scale_8", "scale_4", "scale_2", "ratio_general"} <= set(parts)


def test_a_flows_map_covers_the_picture_and_means_its_bits_per_dimension(sided: Tiny) -> None:
    view = answers.ask(ImageQuery(GLOW, "boxes", 0))
    assert view.image.shape == PICTURE
    assert view.extra["dimensions"] == SIDE**2
    for part, pixels in view.maps.items():
        assert pixels.shape == PICTURE[:2]
        if part in ("total", "ratio_general", "scale_4"):
            mean = float(pixels.mean())
            assert mean == pytest.approx(view.displayed[part], rel=1e-4, abs=1e-4), part
    assert answers.ask(SamplesQuery(GLOW, 2, 0.5)).images.shape == (2, *PICTURE)
    assert answers.ask(LikelihoodsQuery(GLOW, "turned")).parts


@pytest.mark.parametrize("target", [GLOW, OUTSKIRTS, AMA], ids=lambda target: target.detector)
@pytest.mark.parametrize("method", ["own", "integrated"])
def test_maps_are_drawn_and_judged_at_the_pictures_size(
    sided: Tiny, target: Target, method: str
) -> None:
    part = {"glow": "total", "outskirts": "logit", "ama": "one_sided"}[target.detector]
    query = MapQuery(ImageQuery(target, "strokes", 0), part=part, method=method)
    assert answers.ask(query).map.shape == PICTURE[:2]
    assert np.isfinite(answers.ask(CurvesQuery(query)).deletion).all()


def test_what_outskirts_makes_has_the_size_of_the_scenarios_pictures(sided: Tiny) -> None:
    plane = answers.ask(PlaneQuery(OUTSKIRTS))
    assert plane.images.shape == (48, *PICTURE)
    assert np.isfinite(answers.ask(FieldQuery(OUTSKIRTS)).logit).all()
    drawn = answers.ask(DrawsQuery(OUTSKIRTS, Recipe("prior", 0.5, 1.0, 1.2), 5))
    assert drawn.images.shape == (5, *PICTURE)
    ray = RayQuery(OUTSKIRTS, "prior", 1)
    assert answers.ask(ray).images.shape[1:] == PICTURE
    asked = answers.ask(RayScoresQuery(ray, ("glow", "outskirts", "ama")))
    assert (set(asked.scores), dict(asked.failed)) == ({"glow", "outskirts", "ama"}, {})


def test_mirrors_and_mixtures_have_the_size_of_the_scenarios_pictures(sided: Tiny) -> None:
    image = ImageQuery(AMA, "strokes", 0)
    assert answers.ask(MirrorQuery(image)).mirror.shape == PICTURE
    assert answers.ask(MirrorRayQuery(image)).images.shape[1:] == PICTURE
    found = answers.ask(CornersQuery(AMA))
    first, second, third = (Corner(found.set_name, index) for index in found.indices)
    mixed = answers.ask(SimplexQuery(AMA, (first, second, third), side=10))
    assert mixed.images.shape[1:] == PICTURE


def test_a_model_that_sees_another_size_is_neither_asked_nor_started_from(
    sided: Tiny, call: Call
) -> None:
    other = {"side": 8, "general": "glow.general", **tiny.CONFIG}
    detector = checkpoint.from_config("glow", other, tiny.SHAPE)
    with pytest.raises(CardError, match="sees pictures at 16x16 grey, who asks it at 8x8 grey"):
        checkpoint.attach_auxiliaries(detector, sided.folder)
    settings = ("general=", "side=8", "starts_from=glow.general")
    given = [word for setting in settings for word in ("--set", setting)]
    said = call("train", "tiny/glow", "--restart", *given)
    assert said.status == 2
    assert "cannot start from glow.general: they differ in side" in said.err
