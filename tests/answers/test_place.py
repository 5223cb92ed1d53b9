"""Why a fully connected flow finds what Glow does not: numbers that need no network, by loops."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Tiny
from scipy import stats

from core import checkpoint, service
from core.answers import place as module
from core.answers.place import Place
from core.data.picture import as_tensor
from core.errors import OutskirtsError
from core.evaluate.gaussian import Gaussian
from core.evaluate.metrics import auroc
from core.inference.scoring import parts_of
from core.nn.compressor import png_bits_of
from core.scenario import load_scenario
from core.service import PlaceQuery, Target

pytestmark = pytest.mark.slow

GLOW, GENERAL = (Target.of("tiny", stem) for stem in ("glow", "glow.general"))
DENSE, SHIPPED = (Target.of("fashion", stem) for stem in ("glow.dense", "glow"))
QUERY = PlaceQuery(GLOW, GENERAL, "strokes")


def sets() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes that are known, boxes that are measured, and strokes, (n, 784) levels."""
    scenario = load_scenario("tiny")
    boxes, strokes = (scenario.pictures(n).images[:].reshape(-1, 784) for n in ("boxes", "strokes"))
    return boxes[::2].astype(float), boxes[1::2].astype(float), strokes.astype(float)


def totals(models: Tiny, stem: str) -> tuple[np.ndarray, np.ndarray]:
    found = checkpoint.read_scores(models.folder, checkpoint.read_card(models.folder, stem)).sets
    return found["boxes"]["total"][1::2], found["strokes"]["total"]


def dark_of(known: np.ndarray) -> list[int]:
    """Values that are dark in 95 of 100 known pictures."""
    return [i for i in range(784) if sum(known[:, i] <= 25) >= 0.95 * len(known)]


def test_the_numbers_that_need_no_network_are_those_of_the_pictures(models: Tiny) -> None:
    found = service.ask(QUERY)
    known, boxes, strokes = sets()
    assert found.images == (len(boxes), len(strokes)) == (48, 96)
    dark = dark_of(known)
    assert found.dark.shape == (28, 28, 1)
    assert np.flatnonzero(found.dark).tolist() == dark
    assert len(dark) > 100
    near = Gaussian.of(known / 255, ridge=1 / (12 * 255**2))
    shorter = [-png_bits_of(as_tensor(s.reshape(-1, 28, 28, 1).astype(np.uint8))).numpy()
               for s in (boxes, strokes)]  # fmt: skip
    expected = {
        "lit": ([sum(row > 25) for row in boxes], [sum(row > 25) for row in strokes]),
        "unlit": ([sum(row[dark]) for row in boxes], [sum(row[dark]) for row in strokes]),
        "gaussian": (near.distances(boxes / 255), near.distances(strokes / 255)),
        "png": tuple(shorter),
    }
    for name, (normal, strange) in expected.items():
        simple = getattr(found, name)
        assert simple.auroc == pytest.approx(auroc(normal, strange), abs=1e-3), name
        both = np.concatenate([normal, strange])
        for stem, rank in simple.rank.items():
            costs = np.concatenate(totals(models, stem))
            assert rank == pytest.approx(stats.spearmanr(both, costs).statistic, abs=5e-3), name
        assert list(simple.rank) == ["glow", "glow.general"]


def test_aurocs_are_those_of_the_cards(models: Tiny) -> None:
    found = service.ask(QUERY)
    for stem in ("glow", "glow.general"):
        card = checkpoint.read_card(models.folder, stem)
        parts = card.metrics["strokes"]
        assert found.likelihood[stem] == parts["total"].auroc
        assert found.complexity[stem] == parts["complexity"].auroc
        assert found.score[stem] == parts[card.score.part].auroc


def test_blackened_images_are_scored_anew_without_what_is_never_lit(models: Tiny) -> None:
    found = service.ask(QUERY)
    known, _, strokes = sets()
    black = strokes.copy()
    black[:, dark_of(known)] = 0
    assert (black != strokes).any()
    detector, _ = checkpoint.load(models.folder, "glow")
    normal = checkpoint.read_scores(
        models.folder, checkpoint.read_card(models.folder, "glow")
    ).sets["boxes"]["total"]  # fmt: skip
    for kept, images in zip(found.blackened, (strokes, black), strict=True):
        costs = parts_of(detector, images.reshape(-1, 28, 28, 1).astype(np.uint8))["total"]
        assert kept == pytest.approx(auroc(normal, costs), abs=1e-3)


def test_of_many_images_some_are_taken_evenly(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IMAGES", 20)
    assert service.ask(PlaceQuery(GLOW, GENERAL, "turned")).images == (20, 20)


def test_what_cannot_be_measured_is_said(models: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutskirtsError, match="is the normal set"):
        service.ask(PlaceQuery(GLOW, GENERAL, "boxes"))
    monkeypatch.setattr(module, "VALUES", 783)
    with pytest.raises(OutskirtsError, match="too large for one Gaussian"):
        service.ask(QUERY)


# What pages say of the models that ship ---------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> dict[str, Place]:
    return {
        name: service.ask(PlaceQuery(DENSE, SHIPPED, name))
        for name in ("mnist", "turned", "flipped")
    }


def test_a_model_without_a_likelihood_is_named() -> None:
    with pytest.raises(OutskirtsError, match="fashion/outskirts has no part 'total'"):
        service.ask(PlaceQuery(DENSE, Target.of("fashion", "outskirts"), "mnist"))


def test_a_scenario_names_its_fully_connected_flows() -> None:
    assert service.fully_connected("fashion") == ("glow.dense",)
    assert service.fully_connected("digits-one") == ()


def test_glows_likelihood_counts_lit_pixels_and_the_fully_connected_flows_does_not(
    shipped: dict[str, Place],
) -> None:
    digits = shipped["mnist"]
    assert digits.lit.auroc < 0.05  # digits have fewer
    assert digits.lit.rank["glow"] > 0.9
    assert digits.lit.rank["glow.dense"] < 0
    for found in shipped.values():
        assert found.lit.rank["glow"] > found.gaussian.rank["glow"] + 0.2
        assert found.gaussian.rank["glow.dense"] > found.lit.rank["glow.dense"] + 0.2


def test_one_gaussian_of_whole_pictures_does_what_the_fully_connected_flows_likelihood_does(
    shipped: dict[str, Place],
) -> None:
    for found in shipped.values():
        assert abs(found.gaussian.auroc - found.likelihood["glow.dense"]) < 0.06
        assert found.gaussian.auroc > found.likelihood["glow"] + 0.2
        assert found.gaussian.rank["glow.dense"] > 0.7


def test_it_is_not_what_is_bright_where_garments_are_dark(shipped: dict[str, Place]) -> None:
    assert shipped["mnist"].unlit.auroc < 0.5  # digits are darker there than garments
    for found in shipped.values():
        before, after = found.blackened
        assert abs(before - after) < 0.02
        assert before == pytest.approx(found.likelihood["glow.dense"], abs=0.03)


def test_on_digits_the_length_of_a_png_does_most_of_what_the_score_does(
    shipped: dict[str, Place],
) -> None:
    assert shipped["mnist"].png.auroc > 0.98
    assert min(shipped["mnist"].complexity.values()) > 0.99
    assert shipped["mnist"].likelihood["glow"] < 0.2
    for name in ("turned", "flipped"):
        assert abs(shipped[name].png.auroc - 0.5) < 0.03
