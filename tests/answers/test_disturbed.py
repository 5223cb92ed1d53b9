"""What models say of a disturbed image, and along one slider while the others stand still."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from conftest import Tiny

from core import service
from core.data.disturbance import disturbed
from core.data.picture import png
from core.errors import OutskirtsError
from core.service import (
    AcrossQuery,
    AlongQuery,
    Disturbance,
    DisturbedQuery,
    ImageQuery,
    Patch,
    Target,
)

GLOW = Target("tiny", "glow")
MODELS = ("glow.outliers", "glow", "glow.general")
BOX = ImageQuery(GLOW, "boxes", 3)
STROKE = ImageQuery(GLOW, "strokes", 5)
PLAIN = DisturbedQuery("tiny", MODELS, BOX)
ALL_AT_ONCE = Disturbance(
    turn=40,
    shift_x=0.1,
    shift_y=-0.1,
    blur=0.02,
    noise=12,
    contrast=1.3,
    patch=Patch(0.2, 0.7, 0.2, 90),
    mix=0.3,
)


def test_an_image_that_is_left_alone_has_the_numbers_that_it_has_elsewhere(models: Tiny) -> None:
    found = service.ask(PLAIN)
    cards = {r.name: r.card for r in service.ask(service.OverviewQuery("tiny")).detectors}
    assert list(found.percentiles) == list(MODELS)
    for model in MODELS:
        view = service.ask(replace(BOX, target=Target.of("tiny", model)))
        part = cards[model].score.part
        assert np.array_equal(found.image, view.image)
        assert found.raw[model] == pytest.approx(view.parts[part], rel=1e-6)
        assert found.displayed[model] == pytest.approx(view.displayed[part], rel=1e-6)
        assert found.percentiles[model] == pytest.approx(view.percentiles[part], abs=1e-4)
        assert found.flagged[model] == view.flagged
        assert found.foreign[model] == view.foreign


def test_the_visitors_own_image_has_the_numbers_that_all_detectors_give_it(models: Tiny) -> None:
    data = png(service.ask(STROKE).image)
    across = service.ask(AcrossQuery("tiny", MODELS), data)
    own = ImageQuery(GLOW, "mine.png", None)
    found = service.ask(DisturbedQuery("tiny", MODELS, own), data)
    assert list(found.percentiles) == list(MODELS)
    for model in MODELS:
        assert found.percentiles[model] == across.percentiles[model][0]
        assert found.flagged[model] == across.flagged[model][0]
        assert found.foreign[model] == across.foreign[model][0]
        assert found.units[model] == across.units[model]


def test_the_picture_is_disturbed_as_asked_and_a_patch_hides_what_is_bare(models: Tiny) -> None:
    asked = replace(PLAIN, disturbance=ALL_AT_ONCE, other=STROKE, seed=3)
    found = service.ask(asked)
    box, stroke = service.ask(BOX).image, service.ask(STROKE).image
    assert np.array_equal(found.image, disturbed(box, ALL_AT_ONCE, other=stroke, seed=3))
    without = replace(ALL_AT_ONCE, patch=None)
    assert np.array_equal(found.bare, disturbed(box, without, other=stroke, seed=3))
    assert not np.array_equal(found.image, found.bare)


@pytest.mark.parametrize("name", sorted(service.NEUTRAL))
def test_a_curve_at_what_the_slider_is_now_says_what_is_said_of_the_image(
    models: Tiny, name: str
) -> None:
    now = ALL_AT_ONCE.values()[name]
    asked = replace(PLAIN, disturbance=ALL_AT_ONCE, other=STROKE, seed=3)
    single = service.ask(asked)
    curve = service.ask(AlongQuery.along_of(asked, name, positions=(0.0, now, 1.0)))
    assert list(curve.percentiles) == list(MODELS)
    assert np.array_equal(curve.images[1], single.image)
    assert curve.positions.tolist() == [0.0, now, 1.0]
    for model in MODELS:
        assert curve.raw[model][1] == pytest.approx(single.raw[model], rel=1e-6)
        assert curve.percentiles[model][1] == pytest.approx(single.percentiles[model], abs=1e-4)


def test_moving_one_slider_alone_asks_for_the_same_curve_and_another_for_another(
    models: Tiny,
) -> None:
    positions = (0.0, 45.0)
    here, there, elsewhere = (
        AlongQuery.along_of(replace(PLAIN, disturbance=d), "turn", positions=positions)
        for d in (Disturbance(turn=3), Disturbance(turn=99), Disturbance(turn=3, noise=1))
    )
    assert here == there
    assert service.ask(here) is service.ask(there)
    assert here != elsewhere


def test_mixing_takes_a_reference_image_and_says_so_where_there_is_none(models: Tiny) -> None:
    mixed = replace(PLAIN, disturbance=Disturbance(mix=0.5))
    with pytest.raises(OutskirtsError, match="reference image"):
        service.ask(mixed)
    with pytest.raises(OutskirtsError, match="reference image"):
        service.ask(AlongQuery.along_of(PLAIN, "mix", positions=(0.0, 1.0)))
    with pytest.raises(OutskirtsError, match="has images 0 to"):
        service.ask(replace(mixed, other=replace(STROKE, index=99_999)))
    whole = AlongQuery.along_of(replace(PLAIN, other=STROKE), "mix", positions=(0.0, 1.0))
    assert np.array_equal(service.ask(whole).images[1], service.ask(STROKE).image)


def test_the_image_that_is_mixed_in_is_of_the_same_scenario_and_of_its_files(models: Tiny) -> None:
    other = replace(STROKE, target=Target.of("tiny", "glow.seed-0"))
    asked = replace(PLAIN, models=("glow",), disturbance=Disturbance(mix=0.5), other=other)
    assert set(other.files()) <= set(asked.files())
    folder = models.folder.parent / "elsewhere"
    shutil.copytree(models.folder, folder)
    text = (folder / "scenario.json").read_text()
    (folder / "scenario.json").write_text(text.replace('"tiny"', '"elsewhere"'))
    elsewhere = replace(asked, other=replace(STROKE, target=Target("elsewhere", "glow")))
    words = "image of tiny cannot be mixed with one of elsewhere"
    with pytest.raises(OutskirtsError, match=words):
        service.ask(elsewhere)
    with pytest.raises(OutskirtsError, match=words):
        service.ask(AlongQuery.along_of(elsewhere, "mix", positions=(0.0, 1.0)))


def test_a_slider_that_is_none_and_a_place_outside_of_it_are_said(models: Tiny) -> None:
    with pytest.raises(ValueError, match="no disturbance 'tilt'"):
        AlongQuery.along_of(PLAIN, "tilt", positions=(0.0,))
    with pytest.raises(OutskirtsError, match="mix must be 0 to 1, got 2"):
        service.ask(AlongQuery.along_of(replace(PLAIN, other=STROKE), "mix", positions=(2.0,)))
    with pytest.raises(OutskirtsError, match="needs a position"):
        service.ask(AlongQuery.along_of(PLAIN, "turn", positions=()))


def test_a_model_that_cannot_be_loaded_is_said_and_the_others_go_on(models: Tiny) -> None:
    (models.folder / "glow.outliers.json").write_text("{}")
    service.forget()
    found = service.ask(PLAIN)
    assert list(found.failed) == ["glow.outliers"]
    assert list(found.percentiles) == list(MODELS[1:])
    curve = service.ask(AlongQuery.along_of(PLAIN, "turn", positions=(0.0, 9.0)))
    assert list(curve.failed) == ["glow.outliers"]
    assert list(curve.percentiles) == list(MODELS[1:])


def test_another_seed_draws_other_noise(models: Tiny) -> None:
    noisy = replace(PLAIN, disturbance=Disturbance(noise=30))
    one, other = (service.ask(replace(noisy, seed=s)).image for s in (0, 1))
    assert not np.array_equal(one, other)
