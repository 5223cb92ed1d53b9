"""Maps as answers: of images of a set, of a visitor's, and of those with a fault."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
import tiny
import torch
from conftest import Tiny

from core import service
from core.answers import faithfulness
from core.answers.explain import _share
from core.answers.loaded import loaded
from core.data.picture import as_tensor, png
from core.data.transforms import planted
from core.evaluate.calibration import percentile
from core.explain import costs
from core.explain.methods import METHODS, explain
from core.service import (
    CurvesQuery,
    ImageQuery,
    MapQuery,
    MethodsQuery,
    OutskirtsError,
    PlantedQuery,
    RandomisedQuery,
    SteadinessQuery,
    Target,
)

TARGET = Target("tiny", "glow")
IMAGE = ImageQuery(TARGET, "boxes", 4)
STROKE = ImageQuery(TARGET, "strokes", 2)
SMOOTH = [m for m in METHODS if m not in ("own", "occlusion")]


def test_all_methods_are_listed_in_words_with_those_that_cannot(tiny_scenario: Tiny) -> None:
    found = service.ask(MethodsQuery(TARGET, "complexity"))
    assert [row.key for row in found.methods] == list(METHODS)
    assert all(row.title and row.text and row.formula and row.source for row in found.methods)
    refused = {row.key for row in found.methods if row.refusal}
    assert refused == set(SMOOTH)
    assert (found.part, found.unit) == ("complexity", "bits")
    assert next(iter(found.parts)) == "total"
    assert [b.key for b in found.baselines] == ["black", "white", "mean", "blurred"]
    score = service.ask(MethodsQuery(TARGET))
    assert score.part == loaded(TARGET)[0].config.score
    assert not any(row.refusal for row in score.methods)
    assert {row.key: row.looks for row in score.methods if row.looks > 1} == {
        "integrated": 32,
        "gradient_shap": 16,
        "smooth": 16,
        "occlusion": 169,
    }
    assert not score.slow


@pytest.mark.slow
def test_maps_that_take_a_core_more_than_two_seconds_wait_and_the_first_never_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screws = service.ask(MethodsQuery(Target("screws", "novelty")))
    waiting = [row.key for row in screws.methods if row.waits]
    assert waiting == ["integrated", "gradient_shap", "smooth", "occlusion"]
    assert screws.slow
    assert not service.ask(MethodsQuery(Target("screws", "novelty"), "pixels")).slow
    assert not service.ask(MethodsQuery(Target("photos", "glow"))).slow
    monkeypatch.setattr(costs, "PATIENCE", 0)
    found = service.ask(MethodsQuery(Target("fashion", "glow"), "scale_16"))
    assert [row.waits for row in found.methods] == [False] + [True] * 6


@pytest.mark.parametrize("method", METHODS)
def test_a_map_is_the_methods_own_and_adds_up_to_the_stored_score(
    tiny_scenario: Tiny, method: str
) -> None:
    found = service.ask(MapQuery(IMAGE, part="total", method=method, baseline="white"))
    detector, card = loaded(TARGET)
    x = as_tensor(TARGET.world.pictures("boxes").images[4:5])
    expected = explain(detector, x, part="total", method=method, baseline=torch.ones(tiny.SHAPE))
    assert np.array_equal(found.map, expected.map[0])
    assert found.map.dtype == np.float32
    assert found.score == pytest.approx(float(detector.part(x, "total")))
    summed = found.offset + found.padding + found.map.sum(dtype=float) + found.residual
    size = float(np.abs(found.map).sum()) + abs(found.offset)
    assert summed == pytest.approx(found.score, abs=1e-5 * size)
    assert found.percentile == percentile(np.array([found.score]), card.quantiles("total"))[0]
    assert np.array_equal(found.image, TARGET.world.pictures("boxes").images[4])
    assert (found.id, found.unit, found.mask) == ("boxes#4", "nats", None)
    assert found.seconds > 0
    whole = abs(found.score - found.offset)
    assert found.residual_share == pytest.approx(abs(found.residual) / whole)
    assert found.marked == (found.residual_share > 0.5)
    assert not found.map.flags.writeable


def test_a_refused_method_is_an_answer_with_the_score_and_a_reason(tiny_scenario: Tiny) -> None:
    found = service.ask(MapQuery(IMAGE, part="complexity", method="integrated"))
    assert found.refusal.startswith("Complexity-corrected has no gradient")
    assert np.isfinite([found.score, found.percentile]).all()
    assert np.isnan([found.offset, found.residual, found.residual_share]).all()
    assert not found.map.any()
    assert not found.marked


@pytest.mark.parametrize(
    ("residual", "whole", "share"),
    [(1.0, -4.0, 0.25), (-3.0, 2.0, 1.5), (0.0, 0.0, 0.0), (1.0, 0.0, float("inf"))],
)
def test_a_residual_is_a_share_of_what_the_pixels_should_add_up_to(
    residual: float, whole: float, share: float
) -> None:
    assert _share(residual, whole) == share


def test_the_mean_baseline_is_that_of_the_normal_images(tiny_scenario: Tiny) -> None:
    found = service.ask(MapQuery(IMAGE, part="total", method="input_gradient", baseline="mean"))
    mean = TARGET.world.pictures("boxes").images[:].mean(0) / 255
    x = torch.from_numpy(np.moveaxis(mean, -1, 0)).float()[None]
    assert found.offset == pytest.approx(float(loaded(TARGET)[0].part(x, "total")), rel=1e-5)


def test_a_visitors_file_is_explained_as_the_image_of_a_set_is(tiny_scenario: Tiny) -> None:
    data = png(TARGET.world.pictures("boxes").images[4])
    own = ImageQuery(TARGET, "mine.png", None)
    found = service.ask(MapQuery(own), data)
    assert found.id == "mine.png"
    assert np.array_equal(found.map, service.ask(MapQuery(IMAGE)).map)
    other = png(TARGET.world.pictures("strokes").images[2])
    assert not np.array_equal(service.ask(MapQuery(own), other).map, found.map)
    with pytest.raises(OutskirtsError, match="no image was given"):
        service.ask(MapQuery(own))


def test_masks_of_a_set_are_the_true_place(tiny_scenario: Tiny) -> None:
    world = TARGET.world
    pictures = world.pictures("strokes")
    masks = pictures.images[..., 0] > 200
    packed = np.packbits(masks.reshape(len(masks), -1), axis=1)
    known = dataclasses.replace(pictures, packed=packed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(world), "pictures", lambda self, name: known)
        found = service.ask(MapQuery(STROKE))
    assert found.mask.dtype == bool
    assert np.array_equal(found.mask, masks[2])


# Planted faults ---------------------------------------------------------------------------------


def test_a_planted_fault_is_a_patch_of_the_donor_at_the_masks_place(tiny_scenario: Tiny) -> None:
    images = TARGET.world.pictures("boxes").images
    found = service.ask(PlantedQuery(IMAGE, 5))
    donor = int(found.donor.partition("#")[2])
    assert found.donor == f"boxes#{donor}"
    assert donor != 4
    assert np.array_equal(found.donor_image, images[donor])
    assert np.array_equal(found.image[found.mask], images[donor][found.mask])
    assert np.array_equal(found.image[~found.mask], images[4][~found.mask])
    assert np.array_equal(found.before, images[4])
    assert found.mask.sum() == 81
    assert found.change >= 32
    detector, card = loaded(TARGET)
    for image, parts, places in (
        (found.before, found.parts_before, found.percentiles_before),
        (found.image, found.parts_after, found.percentiles_after),
    ):
        values = detector.parts(as_tensor(image[None]))
        for part, value in values.items():
            assert parts[part] == pytest.approx(float(value), rel=1e-5, abs=1e-3)
            rank = percentile(np.array([parts[part]]), card.quantiles(part))
            assert places[part] == float(rank[0])


def test_the_map_of_a_fault_is_of_the_image_with_it_and_knows_its_place(
    tiny_scenario: Tiny,
) -> None:
    fault = service.ask(PlantedQuery(IMAGE, 5))
    found = service.ask(MapQuery(IMAGE, fault=5))
    assert np.array_equal(found.image, fault.image)
    assert np.array_equal(found.mask, fault.mask)
    assert found.id == "boxes#4 with fault 5"
    assert found.score == pytest.approx(fault.parts_after[found.part], rel=1e-5)
    other = service.ask(MapQuery(IMAGE, fault=6))
    assert not np.array_equal(other.image, found.image)


def test_a_fault_is_planted_in_a_visitors_image_too(tiny_scenario: Tiny) -> None:
    image = TARGET.world.pictures("strokes").images[2]
    found = service.ask(PlantedQuery(ImageQuery(TARGET, "mine.png", None), 1), png(image))
    expected = planted(image, TARGET.world.pictures("boxes").images, fault=1)
    assert np.array_equal(found.image, expected.image)


def test_faults_raise_the_score_and_deleting_their_patches_drops_it(tiny_scenario: Tiny) -> None:
    detector, before, after, deleted = loaded(TARGET)[0], [], [], []
    for fault in range(12):
        found = service.ask(PlantedQuery(IMAGE, fault))
        before.append(found.parts_before["total"])
        after.append(found.parts_after["total"])
        rest = np.where(found.mask[..., None], found.before, found.image)
        deleted.append(float(detector.part(as_tensor(rest[None]), "total")))
    assert np.mean(after) > np.mean(before) + 1
    assert np.mean(np.array(after) > before) >= 0.75
    np.testing.assert_allclose(deleted, before, rtol=1e-5)


# Whether to believe it --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["own", "integrated"])
def test_curves_go_from_the_image_to_the_baseline_and_back(
    tiny_scenario: Tiny, method: str
) -> None:
    query = MapQuery(STROKE, part="total", method=method, baseline="mean")
    seen, found = service.ask(query), service.ask(CurvesQuery(query))
    assert found.deletion[0] == pytest.approx(seen.score, rel=1e-5)
    assert found.insertion[-1] == pytest.approx(seen.score, rel=1e-5)
    assert found.deletion[-1] == pytest.approx(found.insertion[0], rel=1e-5)
    assert np.allclose(found.random[:, 0], seen.score, rtol=1e-5)
    assert (found.orders, found.unit) == (20, "nats")
    assert found.shares[[0, -1]].tolist() == [0, 1]
    assert found.deletion_beats_chance == (found.deletion_area < found.random_low)
    assert found.insertion_beats_chance == (found.insertion_area > found.random_high)


def test_random_orders_are_drawn_once_for_all_methods_of_an_image(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.explain import faithfulness as measures

    asked = []
    draw = measures.random_orders
    monkeypatch.setattr(measures, "random_orders", lambda *a, **k: asked.append(1) or draw(*a, **k))
    faithfulness._random.cache_clear()
    for method in ("own", "input_gradient"):
        service.ask(CurvesQuery(MapQuery(STROKE, method=method)))
    assert len(asked) == 1
    service.ask(CurvesQuery(MapQuery(STROKE, baseline="white")))
    assert len(asked) == 2


def test_steadiness_and_the_randomisation_check_answer(tiny_scenario: Tiny) -> None:
    query = MapQuery(STROKE)
    steady = service.ask(SteadinessQuery(query))
    assert steady.infidelity >= 0
    assert steady.sensitivity > 0
    assert (steady.squares, steady.shifts) == (24, 4)
    shuffled = service.ask(RandomisedQuery(query))
    assert shuffled.maps.shape == (4, 28, 28)
    assert shuffled.shares[-1] == 1
    assert shuffled.fails == (abs(shuffled.ranks[-1]) > shuffled.alike)
    assert service.ask(MapQuery(STROKE)).score == pytest.approx(
        float(loaded(TARGET)[0].score(as_tensor(TARGET.world.pictures("strokes").images[2:3])))
    )


# What is asked amiss, and of a model that is replaced --------------------------------------------


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (MapQuery(IMAGE, part="depth"), "no part 'depth'; there are: total"),
        (MapQuery(IMAGE, method="dream"), "no method 'dream'"),
        (MapQuery(IMAGE, method="integrated", baseline="red"), "no baseline 'red'"),
        (MapQuery(ImageQuery(TARGET, "boxes", 10_000)), "boxes has images 0 to"),
        (MapQuery(ImageQuery(TARGET, "shoes", 0)), "no set 'shoes'"),
        (PlantedQuery(ImageQuery(TARGET, "boxes", -1)), "asked for -1"),
        (MethodsQuery(TARGET, "depth"), "no part 'depth'"),
        (CurvesQuery(MapQuery(IMAGE, part="complexity", method="linear")), "Occlusion only"),
    ],
)
def test_what_is_asked_amiss_is_said(tiny_scenario: Tiny, query, words: str) -> None:
    with pytest.raises(OutskirtsError, match=words):
        service.ask(query)


def test_a_map_is_made_anew_when_its_model_is_replaced(tiny_scenario: Tiny) -> None:
    before = service.ask(MapQuery(IMAGE))
    assert service.ask(MapQuery(IMAGE)) is before
    weights = tiny_scenario.folder / "glow.safetensors"
    weights.write_bytes(weights.read_bytes())
    after = service.ask(MapQuery(IMAGE))
    assert after is not before
    assert np.array_equal(after.map, before.map)


@pytest.mark.slow
def test_maps_are_the_same_while_a_model_is_replaced_again_and_again(tiny_scenario: Tiny) -> None:
    expected = service.ask(MapQuery(IMAGE)).map
    weights = tiny_scenario.folder / "glow.safetensors"
    data, done, failures = weights.read_bytes(), threading.Event(), []

    def ask() -> None:
        try:
            for _ in range(15):
                if not np.array_equal(service.ask(MapQuery(IMAGE)).map, expected):
                    failures.append("another map")
        except OutskirtsError as error:
            failures.append(str(error))
        finally:
            done.set()

    thread = threading.Thread(target=ask)
    thread.start()
    while not done.is_set():
        part = weights.with_name(".glow.safetensors.1.part")
        part.write_bytes(data)
        part.replace(weights)
    thread.join()
    assert failures == []
