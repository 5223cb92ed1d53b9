"""True pixels beside maps: the card, the command line, and what the service answers."""

from __future__ import annotations

import json
import shutil
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny
from conftest import Call, Tiny, _settle, forget_everything
from explain_page import opened
from streamlit.testing.v1 import AppTest

from core import service
from core.answers.loaded import loaded
from core.card import Card
from core.evaluate.pixels import aupimo, measure_pixels
from core.explain import truth as file
from core.explain.methods import ExplainError, explain
from core.explain.truth import kinds_of, maps_of, masked_sets, owners_of
from core.scenario import load_scenario
from core.service import (
    ImageQuery,
    MapQuery,
    PixelPieceQuery,
    PixelTruthQuery,
    StoredTruthQuery,
    Target,
    ask,
)
from pages._explain import truth

pytestmark = pytest.mark.slow

GLOW = Target("tiny", "glow")


@pytest.fixture
def masked(
    _masked_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_draws: None
) -> Iterator[Tiny]:
    shutil.copytree(_masked_root / "checkpoints", tmp_path / "checkpoints")
    yield _settle(monkeypatch, tmp_path)
    forget_everything()


def by_hand(name: str, method: str = "own") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps and masks of a set, and maps of normal images, each image by itself."""
    scenario, detector = load_scenario("tiny"), loaded(GLOW)[0]
    maps = [
        np.concatenate([
            explain(detector, as_one(image), method=method).map.numpy()
            for image in scenario.pictures(s).images
        ])
        for s in (name, "boxes")
    ]  # fmt: skip
    masks = scenario.pictures(name).masks
    assert masks is not None
    return maps[0], masks.astype(bool), maps[1]


def as_one(image: np.ndarray):
    from core.data.picture import as_tensor

    return as_tensor(image[None])


def test_sets_with_masks_are_asked_and_each_image_once(masked: Tiny) -> None:
    scenario = load_scenario("tiny")
    assert [s.name for s in masked_sets(scenario)] == ["strokes", "zeros", "ones"]
    assert [s.name for s in kinds_of(scenario)] == ["zeros", "ones"]
    assert owners_of(scenario) == ("boxes", "strokes")


def test_the_card_holds_the_figures_of_the_own_map_of_its_score(masked: Tiny) -> None:
    card = loaded(GLOW)[1]
    assert card.pixels is not None
    assert set(card.pixels.figures) == {"strokes", "zeros", "ones"}
    assert card.pixels.images == 2 * tiny.TEST_IMAGES
    maps, masks, normal = by_hand("ones")
    black = np.zeros(normal.shape, bool)
    expected = measure_pixels(np.concatenate([maps, normal]), np.concatenate([masks, black]))
    found = card.pixels.figures["ones"]
    assert found.auroc == pytest.approx(expected.auroc, abs=1e-4)
    assert found.aupro == pytest.approx(expected.aupro, abs=1e-3)
    some = int(masks.any((1, 2)).sum())  # a stroke that is nowhere bright has an empty mask
    assert 0 < some < tiny.TEST_IMAGES // 3
    assert found.n_strange == some
    assert found.n_normal == tiny.TEST_IMAGES + tiny.TEST_IMAGES // 3 - some
    assert set(card.pixels.aupimo) == {"zeros", "ones"}
    stored = np.array([np.nan if v is None else v for v in card.pixels.aupimo["ones"]])
    assert stored == pytest.approx(aupimo(maps, masks, normal), abs=1e-2, nan_ok=True)
    assert np.isnan(stored).tolist() == (~masks.any((1, 2))).tolist()
    again = Card.model_validate_json(card.text())
    assert again.pixels == card.pixels


def test_a_card_without_true_pixels_is_the_text_that_it_was(masked: Tiny) -> None:
    card = loaded(GLOW)[1].model_copy(update={"pixels": None})
    assert '"pixels"' not in card.text()


def test_the_service_says_the_same_as_the_card_and_of_other_maps_too(masked: Tiny) -> None:
    stored, found = ask(StoredTruthQuery(GLOW)), ask(PixelTruthQuery(GLOW))
    assert found.figures == stored.figures
    assert found.n_images == stored.n_images == 2 * tiny.TEST_IMAGES
    for name, values in found.aupimo.items():
        assert values == pytest.approx(stored.aupimo[name], abs=1e-4, nan_ok=True)
        assert found.alarms[name] == stored.alarms[name]
    n = tiny.TEST_IMAGES * 28 * 28
    assert found.alarms["ones"] == (1e-5 * n, 1e-4 * n)
    maps, masks, normal = by_hand("zeros", "input_gradient")
    other = ask(PixelTruthQuery(GLOW, method="input_gradient"))
    expected = aupimo(maps, masks, normal)
    assert other.aupimo["zeros"] == pytest.approx(expected, abs=1e-2, nan_ok=True)
    mean = ask(PixelTruthQuery(GLOW, method="input_gradient", baseline="mean"))
    assert mean.figures["ones"].auroc != other.figures["ones"].auroc


def test_pieces_say_how_far_the_maps_have_come_and_are_made_once(
    masked: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    made = file.maps_of
    monkeypatch.setattr(
        file, "maps_of", lambda d, x, **given: (calls.append(len(x)), made(d, x, **given))[1]
    )
    whole = PixelTruthQuery(GLOW, method="linear")
    first = ask(PixelPieceQuery(whole, 0))
    assert (first.done, first.images, first.pieces) == (16, 192, 12)
    for number in range(1, first.pieces):
        last = ask(PixelPieceQuery(whole, number))
    assert last.done == last.images == sum(calls)
    ask(whole)
    assert sum(calls) == last.images
    with pytest.raises(service.OutskirtsError, match="12 pieces, none of number 12"):
        ask(PixelPieceQuery(whole, 12))


def test_without_masks_or_without_the_map_nothing_is_said(tiny_scenario: Tiny) -> None:
    found = ask(PixelTruthQuery(GLOW))
    assert (found.figures, found.n_images) == ({}, 0)
    assert found.refusal == "No image's true place of a defect is known."
    assert ask(StoredTruthQuery(GLOW)).refusal.startswith("No figures of its maps")
    assert loaded(GLOW)[1].pixels is None


def test_maps_that_are_not_finite_are_refused(
    masked: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = loaded(GLOW)[0]

    def broken(*given: object, **more: object):
        made = explain(*given, **more)  # type: ignore[arg-type]
        made.map[0, 0, 0] = float("nan")
        return made

    monkeypatch.setattr(file, "explain", broken)
    with pytest.raises(ExplainError, match="the maps of 1 of 3 images are not finite"):
        maps_of(detector, load_scenario("tiny").pictures("boxes").images[:3])


def test_evaluate_prints_them_and_json_has_them_by_set(masked: Tiny, call: Call) -> None:
    figures = ask(StoredTruthQuery(GLOW)).figures["ones"]
    [said] = [json.loads(call("evaluate", "tiny/glow", "--stored", "--json").out)]
    assert said["pixels"]["ones"] == {
        "auroc": figures.auroc,
        "aupro": figures.aupro,
        "f1": figures.f1,
    }
    assert set(said["pixels"]) == {"strokes", "zeros", "ones"}
    table = call("evaluate", "tiny/glow", "--stored").out
    assert "pixel AUROC" in table
    assert f"{figures.aupro:.3f}" in table


# The page -----------------------------------------------------------------------------------------


def page(**state: object) -> AppTest:
    return opened(scenario="tiny", model="glow", **state)


def given(app: AppTest, kind: str) -> list[dict]:
    protos = (e.proto for e in app.get("bidi_component"))
    told = [json.loads(p.json) for p in protos if p.component_name == "outskirts.overlay"]
    return [data for data in told if data["kind"] == kind]


def bright() -> int:
    """Number of a stroke whose mask is not empty."""
    masks = load_scenario("tiny").pictures("ones").masks
    assert masks is not None
    return int(np.flatnonzero(masks.any((1, 2)))[0])


def test_the_page_outlines_the_true_place_and_says_how_much_of_it_the_map_finds(
    masked: Tiny,
) -> None:
    index = bright()
    app = page(image=f"ones#{index}")
    mask = load_scenario("tiny").pictures("ones").masks[index].astype(bool)
    [stage] = given(app, "stage")
    assert b64decode(stage["place"]) == np.packbits(mask).tobytes()
    view = ask(MapQuery(ImageQuery(GLOW, "ones", index)))
    share = f"{100 * mask.mean():.1f}\u00a0%"
    inside = 100 * service.overlap_of(view.map, mask).inside
    said = f"true defect covers {share} of the picture; {inside:.0f}\u00a0% of the map's"
    assert said in "\n".join(m.value for m in app.markdown)
    assert f"{inside:.0f}\u00a0% of the map's strongest {share} lie in it" in stage["map"]["place"]
    assert all("covers" in t["map"]["place"] for t in given(app, "tile"))
    assert given(page(image="boxes#3"), "stage")[0]["map"]["place"] == ""
    planted = page(image="boxes#3", fault=1)
    assert "true place of the fault covers" in "\n".join(m.value for m in planted.markdown)


def test_the_page_shows_the_cards_figures_and_computes_others_when_asked(masked: Tiny) -> None:
    app = page(image=f"ones#{bright()}")
    assert "Does the map find the defect?" in [s.value for s in app.subheader]
    figures = ask(StoredTruthQuery(GLOW)).figures
    assert f"{figures['ones'].aupro:.3f}" in [v for t in app.table for v in t.value["AUPRO"]]
    app = page(image=f"ones#{bright()}", truth="input_gradient")
    assert not [t for t in app.table if "AUPRO" in t.value]
    app.button(key="explain_truth_go").click().run()
    assert not app.exception
    other = ask(PixelTruthQuery(GLOW, method="input_gradient")).figures["ones"]
    assert f"{other.aupro:.3f}" in [v for t in app.table for v in t.value.get("AUPRO", [])]


def test_a_point_is_its_image_and_the_image_above_is_a_star(masked: Tiny) -> None:
    found, index = ask(StoredTruthQuery(GLOW)), bright()
    titles = {"zeros": "Zeros", "ones": "Ones"}
    zeros, ones, star = truth.figure(found, titles, looked=("ones", index)).data
    for strip, name in ((zeros, "zeros"), (ones, "ones")):
        known = np.flatnonzero(np.isfinite(found.aupimo[name]))
        assert [tuple(c) for c in strip.customdata] == [(name, i) for i in known]
        assert np.array_equal(strip.x, found.aupimo[name][known])
    assert star.x[0] == found.aupimo["ones"][index]
    row = [c[1] for c in ones.customdata].index(index)
    assert star.y[0] == ones.y[row]
    rows = truth.strips_csv(found).decode().splitlines()
    assert rows[0] == "image,aupimo"
    assert len(rows) == 1 + sum(map(len, found.aupimo.values()))


def test_a_scenario_without_masks_has_no_such_section(tiny_scenario: Tiny) -> None:
    app = opened(scenario="tiny", model="glow")
    assert "Does the map find the defect?" not in [s.value for s in app.subheader]


def test_overlap_counts_ties_at_the_edge_in_part() -> None:
    mask = np.array([[True, True, False, False]])
    assert service.overlap_of(np.array([[5.0, 1.0, 1.0, 0.0]]), mask).inside == pytest.approx(0.75)
    assert service.overlap_of(np.zeros((1, 4)), ~mask & mask) is None
    assert service.overlap_of(np.full((1, 4), np.nan), mask) is None
