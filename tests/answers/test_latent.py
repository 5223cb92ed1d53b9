"""What the service says of codes on a map: every number comes out of a loop of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import tiny
from conftest import Call, Tiny, change, forget_everything

from core import checkpoint, service
from core.answers import images
from core.data.picture import png
from core.errors import OutskirtsError
from core.evaluate.calibration import percentile
from core.inference import scoring
from core.inference.scoring import codes_of
from core.scenario import ScenarioError, load_scenario
from core.service import AcrossQuery, ImageQuery, LatentMap, LatentQuery, Near, NearQuery, Target

TARGET = Target("tiny", "glow")
SETS = ("boxes", "strokes", *tiny.CHANGES)
SET_KEY = 10_000_000
MODELS = ("glow", "glow.general", "glow.outliers", "glow.seed-0")


def arrays_of(found: Tiny) -> dict[str, np.ndarray]:
    """What glow's file of scores and maps holds."""
    with np.load(found.folder / "glow.atlas.npz") as stored:
        return dict(stored)


def rewrite(found: Tiny, edit: Callable[[dict[str, np.ndarray]], object]) -> None:
    arrays = arrays_of(found)
    edit(arrays)
    np.savez(found.folder / "glow.atlas.npz", **arrays)


def without_map(arrays: dict[str, np.ndarray]) -> None:
    for name in [name for name in arrays if "/" not in name and name != "weights"]:
        del arrays[name]


def stored(found: Tiny, stem: str = "glow") -> dict:
    return checkpoint.read_scores(found.folder, checkpoint.read_card(found.folder, stem)).sets


def codes(found: Tiny, picks: list[tuple[str, int]]) -> np.ndarray:
    """Codes by the detector itself."""
    detector, _ = checkpoint.load(found.folder, "glow")
    return codes_of(detector, service.pictures_of("tiny", picks)).astype(np.float64)


def picks_of(view: LatentMap) -> list[tuple[str, int]]:
    return [(view.sets[s], int(i)) for s, i in zip(view.which, view.indices, strict=True)]


def off_the_map(view: LatentMap) -> int:
    """The first box that is not on the map."""
    return min(set(range(tiny.TEST_IMAGES)) - set(view.indices[view.which == 0].tolist()))


def near(set_name: str, index: int | None, data: bytes | None = None) -> Near:
    return service.ask(NearQuery(ImageQuery(TARGET, set_name, index)), data)


# A map that is not there, or not this model's ---------------------------------------------------


def test_a_map_of_other_weights_is_refused(tiny_scenario: Tiny) -> None:
    assert len(service.ask(LatentQuery(TARGET)).keys) == 64
    rewrite(tiny_scenario, lambda arrays: arrays.update(weights=np.array("0" * 64)))
    with pytest.raises(OutskirtsError, match=r"tiny/glow\.atlas\.npz belongs to other weights"):
        service.ask(LatentQuery(TARGET))
    with pytest.raises(OutskirtsError, match="belongs to other weights"):
        near("boxes", 0)


def test_a_model_without_a_map_says_which_command_makes_it(tiny_scenario: Tiny) -> None:
    rewrite(tiny_scenario, without_map)
    for ask in (lambda: service.ask(LatentQuery(TARGET)), lambda: near("boxes", 0)):
        with pytest.raises(OutskirtsError) as error:
            ask()
        assert str(error.value) == (
            "tiny/glow has no map of its codes: make it with "
            "`python -m core train tiny/glow --atlas-only`"
        )
    # Its scores are there, and what needs them alone goes on.
    found = service.ask(AcrossQuery("tiny", ("glow",), (0,)))
    assert found.scores["glow"].shape == (1,)


def test_a_file_that_is_gone_is_said(tiny_scenario: Tiny) -> None:
    (tiny_scenario.folder / "glow.atlas.npz").unlink()
    with pytest.raises(OutskirtsError, match=r"tiny/glow\.atlas\.npz is missing"):
        service.ask(LatentQuery(TARGET))


@pytest.mark.usefixtures("numpy_leaves_files_open")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_file_is_one_line(tiny_scenario: Tiny, damage: str) -> None:
    path = tiny_scenario.folder / "glow.atlas.npz"
    data = bytearray(path.read_bytes())
    if damage == "cut":
        del data[len(data) // 2 :]
    else:  # within the pixels of a compressed array, not in a header that nobody reads
        at = data.index(b"pca.xy.npy") + 60
        data[at] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(OutskirtsError, match=r"tiny/glow\.atlas\.npz cannot be read") as error:
        service.ask(LatentQuery(TARGET))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("lost", ["codes", "pca.xy", "pca.landing", "neighbours", "seed"])
def test_a_map_of_which_a_part_is_missing_is_one_line(tiny_scenario: Tiny, lost: str) -> None:
    rewrite(tiny_scenario, lambda arrays: arrays.pop(lost))
    with pytest.raises(OutskirtsError, match=r"tiny/glow\.atlas\.npz holds no whole map"):
        service.ask(LatentQuery(TARGET))


@pytest.mark.parametrize("edit", ["one more", "other order"])
def test_a_map_made_before_the_scenarios_sets_changed_says_what_to_do(
    tiny_scenario: Tiny, edit: str
) -> None:
    def changed(scenario: dict) -> None:
        sets = scenario["strange"]
        if edit == "one more":
            sets.append({**sets[-1], "name": "flat-too", "title": "Flat too"})
        else:
            sets[0], sets[1] = sets[1], sets[0]

    change(tiny_scenario, changed)
    with pytest.raises(
        OutskirtsError, match=r"before its scenario's sets changed.*train tiny/glow --atlas-only"
    ):
        service.ask(LatentQuery(TARGET))


def test_a_map_that_was_made_anew_is_read_anew(tiny_scenario: Tiny) -> None:
    before = service.ask(LatentQuery(TARGET))
    rewrite(tiny_scenario, lambda a: a.update({"pca.xy": 2 * a["pca.xy"].astype(np.float32)}))
    np.testing.assert_array_equal(service.ask(LatentQuery(TARGET)).xy, 2 * before.xy)


# train --atlas-only -----------------------------------------------------------------------------


def test_a_map_alone_is_made_anew_and_nothing_else_is_touched(
    tiny_scenario: Tiny, call: Call
) -> None:
    before, scores = arrays_of(tiny_scenario), stored(tiny_scenario)
    rewrite(tiny_scenario, without_map)
    files = {p.name: p.read_bytes() for p in tiny_scenario.folder.iterdir()}
    forget_everything()
    said = call("train", "tiny/glow", "--atlas-only")
    assert said.status == 0, said.err
    landing = before["pca.landing"]
    trusted = before["pca.local"].mean()
    assert said.out == (
        f"pca: 64 images, trustworthiness {trusted:.3f}, "
        f"of normal images it never saw {landing[2]:.3f}\n"
    )
    assert {p.name for p in tiny_scenario.folder.iterdir()} == set(files)
    for name, data in files.items():
        same = (tiny_scenario.folder / name).read_bytes() == data
        assert same == (name != "glow.atlas.npz"), name
    after = arrays_of(tiny_scenario)
    assert list(after) == list(before)
    for name, values in before.items():  # of the same seed and codes the same map, to the bit
        assert np.array_equal(after[name], values), name
        assert after[name].dtype == values.dtype, name
    for set_name, parts in stored(tiny_scenario).items():
        for part, values in parts.items():
            assert np.array_equal(values, scores[set_name][part]), (set_name, part)


def test_a_map_of_another_size_takes_the_place_of_the_old_one(
    tiny_scenario: Tiny, call: Call
) -> None:
    before = service.ask(LatentQuery(TARGET))
    change(tiny_scenario, lambda s: s["training"]["glow"].update(points=38))
    assert call("train", "tiny/glow", "--atlas-only").status == 0
    after = service.ask(LatentQuery(TARGET))
    assert np.bincount(after.which).tolist() == [20, 3, 3, 3, 3, 3, 3]
    assert set(after.keys.tolist()) <= set(before.keys.tolist())


@pytest.mark.parametrize(
    "option", [["--restart"], ["--keep-weights"], ["--minutes", "0.1"], ["--set", "hidden=8"]]
)
def test_a_map_alone_cannot_be_asked_for_with_anything_else(
    tiny_scenario: Tiny, call: Call, option: list[str]
) -> None:
    before = (tiny_scenario.folder / "glow.atlas.npz").read_bytes()
    line = call("train", "tiny/glow", "--atlas-only", *option).error()
    assert "--atlas-only changes nothing else: give it alone" in line
    assert (tiny_scenario.folder / "glow.atlas.npz").read_bytes() == before


def test_without_weights_there_is_nothing_to_map(untrained: Tiny, call: Call) -> None:
    said = call("train", "tiny/glow", "--atlas-only")
    assert said.status == 2
    assert "no checkpoint tiny/glow: train it with" in said.err.splitlines()[-1]


def test_codes_that_cannot_be_mapped_leave_the_old_map_alone(
    tiny_scenario: Tiny, call: Call
) -> None:
    before = (tiny_scenario.folder / "glow.atlas.npz").read_bytes()
    change(tiny_scenario, lambda s: s["training"]["glow"].update(points=12))
    said = call("train", "tiny/glow", "--atlas-only")
    assert said.status == 2
    assert "no map: a map needs more than 20 codes, got 12" in said.err
    assert said.err.splitlines()[-1] == "error: tiny/glow has no codes to map"
    assert (tiny_scenario.folder / "glow.atlas.npz").read_bytes() == before


# The map ----------------------------------------------------------------------------------------


def test_each_row_of_a_map_says_of_its_image_what_is_stored_of_it(tiny_scenario: Tiny) -> None:
    view, kept = service.ask(LatentQuery(TARGET)), stored(tiny_scenario)
    detector, card = checkpoint.load(tiny_scenario.folder, "glow")
    assert view.sets == SETS
    assert np.bincount(view.which).tolist() == [34, 5, 5, 5, 5, 5, 5]
    assert list(view.parts) == list(view.percentiles) == list(detector.described)
    scenario, score = load_scenario("tiny"), card.score.part
    assert view.score == score
    for row, (set_name, index) in enumerate(picks_of(view)):
        assert view.id(row) == f"{set_name}#{index}"
        assert view.keys[row] == SETS.index(set_name) * SET_KEY + index
        label = scenario.pictures(set_name).labels[index]
        names = {"boxes": ["zero", "one", "two"], "strokes": ["0", "1", "2"]}
        expected = names.get(set_name, names["boxes"])[label] if label >= 0 else ""
        assert view.labels[row] == expected
        assert view.strange[row] == (set_name != "boxes")
        assert view.flagged[row] == (kept[set_name][score][index] > card.score.threshold)
        for part in view.parts:
            raw = kept[set_name][part][[index]]
            assert view.parts[part][row] == detector.to_display(part, raw)[0]
            assert view.percentiles[part][row] == percentile(raw, card.quantiles(part))[0]
    assert 0 < view.flagged.sum() < 64
    assert "" in view.labels.tolist()  # noise and flat images have no class


def test_a_map_carries_its_pictures_own_numbers(tiny_scenario: Tiny) -> None:
    view, arrays = service.ask(LatentQuery(TARGET)), arrays_of(tiny_scenario)
    assert (view.layout, view.layouts) == ("pca", ("pca",))
    assert np.array_equal(view.xy, arrays["pca.xy"].astype(np.float32))
    assert np.array_equal(view.local, arrays["pca.local"])
    assert view.trustworthiness == pytest.approx(float(arrays["pca.local"].mean()))
    np.testing.assert_array_equal(dataclasses.astuple(view.landing), arrays["pca.landing"])
    assert view.recall == float(arrays["recall"])
    assert np.array_equal(view.axes, (arrays["codes"] * arrays["step"])[:, :3])
    assert view.code == "256 latent numbers of the coarsest scale, 4x4 cells"


def test_rows_of_keys_are_those_on_the_map_in_its_order(tiny_scenario: Tiny) -> None:
    view = service.ask(LatentQuery(TARGET))
    asked = np.array([view.keys[50], 96 * SET_KEY, off_the_map(view), view.keys[3]])
    assert view.rows(asked).tolist() == [3, 50]
    assert view.rows(np.array([], np.int64)).tolist() == []


def test_all_models_of_a_scenario_show_the_same_images(models: Tiny) -> None:
    names = (*MODELS, "glow.seed-1")  # whose training has a seed of its own
    views = [service.ask(LatentQuery(Target.of("tiny", name))) for name in names]
    for view in views[1:]:
        assert np.array_equal(view.keys, views[0].keys)
        assert view.labels.tolist() == views[0].labels.tolist()
    assert not np.array_equal(views[0].xy, views[1].xy)


# Neighbours -------------------------------------------------------------------------------------


def test_neighbours_of_a_map_image_are_those_of_its_code_among_all_codes(
    tiny_scenario: Tiny,
) -> None:
    view = service.ask(LatentQuery(TARGET))
    whole = codes(tiny_scenario, picks_of(view))
    for row in (0, 17, 33, 34, 63):
        set_name, index = picks_of(view)[row]
        found = near(set_name, index)
        exact = np.array([np.linalg.norm(whole[row] - code) for code in whole])
        expected = [i for i in np.argsort(exact, kind="stable").tolist() if i != row][:10]
        assert found.rows.tolist() == expected
        # Kept to 11 bits: half of the last is one part in 4,096.
        np.testing.assert_allclose(found.distances, exact[expected], rtol=2**-11)
        assert (found.row, found.key) == (row, view.keys[row])
        assert (found.id, found.label) == (f"{set_name}#{index}", view.labels[row])
        assert np.array_equal(found.xy, view.xy[row])
        assert found.local == view.local[row]
        assert np.array_equal(found.image, service.pictures_of("tiny", [(set_name, index)])[0])


def placed(whole: np.ndarray, code: np.ndarray, xy: np.ndarray):
    """Neighbours of a code (D,) among all codes of the map, their distances, and its place."""
    far = np.linalg.norm(whole.astype(np.float64) - code, axis=1)
    rows = np.argsort(far, kind="stable")[:10].tolist()
    weights = 1 / np.maximum(far[rows], 1e-9)
    return rows, far[rows], (weights[:, None] * xy[rows]).sum(0) / weights.sum()


def test_an_image_that_is_not_on_the_map_is_placed_by_its_whole_code(tiny_scenario: Tiny) -> None:
    view = service.ask(LatentQuery(TARGET))
    index = off_the_map(view)
    found = near("boxes", index)
    whole = codes(tiny_scenario, picks_of(view))
    rows, distances, xy = placed(whole, codes(tiny_scenario, [("boxes", index)])[0], view.xy)
    assert found.rows.tolist() == rows
    # The code alone here, in float32 among others there; places are float32 too.
    np.testing.assert_allclose(found.distances, distances, rtol=1e-3)
    np.testing.assert_allclose(found.xy, xy, rtol=1e-3, atol=1e-3 * np.ptp(view.xy))
    assert (found.row, found.key, found.local) == (None, index, None)
    assert found.id == f"boxes#{index}"


def test_ones_own_picture_of_a_map_image_lands_where_that_image_is(tiny_scenario: Tiny) -> None:
    view = service.ask(LatentQuery(TARGET))
    side = np.ptp(view.xy, axis=0).max()
    for row in (5, 36, 60):  # a box, a stroke, flat grey
        set_name, index = picks_of(view)[row]
        image = service.pictures_of("tiny", [(set_name, index)])[0]
        found = near("mine.png", None, png(image))
        assert (found.id, found.row, found.key) == ("mine.png", None, None)
        assert np.array_equal(found.image, image)
        assert found.rows[0] == row
        # Itself, as exactly as two batches of float32 agree on squares of thousands.
        assert found.distances[0] < 0.02 * found.distances[1]
        assert np.linalg.norm(found.xy - view.xy[row]) < 0.05 * side


def lying_nearer(view: LatentMap, found: Near) -> list[int]:
    """How many of the map's images lie nearer on the picture than each neighbour."""
    far = [float(np.linalg.norm(place - found.xy)) for place in view.xy]
    others = [i for i in range(len(far)) if i != found.row]
    return [sum(far[i] < far[row] for i in others) for row in found.rows]


def every_near(view: LatentMap) -> list[Near]:
    found = [near(*pick) for pick in picks_of(view)]
    index = off_the_map(view)
    image = service.pictures_of("tiny", [("strokes", 0)])[0]
    return [*found, near("boxes", index), near("mine.png", None, png(image))]


def test_the_place_of_a_neighbour_is_counted_on_the_picture(tiny_scenario: Tiny) -> None:
    view = service.ask(LatentQuery(TARGET))
    all_places = []
    for found in every_near(view):
        assert found.places.tolist() == [1 + n for n in lying_nearer(view, found)]
        all_places += found.places.tolist()
    assert min(all_places) == 1
    assert max(all_places) > 10


def test_a_neighbour_is_misplaced_where_more_than_a_twentieth_of_the_map_lies_nearer(
    tiny_scenario: Tiny,
) -> None:
    view = service.ask(LatentQuery(TARGET))
    for found in every_near(view):
        assert found.misplaced.tolist() == [n > 0.05 * 64 for n in lying_nearer(view, found)]


def test_a_neighbour_with_a_tenth_of_the_map_nearer_is_misplaced_and_the_nearest_is_not(
    tiny_scenario: Tiny,
) -> None:
    view = service.ask(LatentQuery(TARGET))
    for found in every_near(view):
        assert found.misplaced[found.places > 7].all()
        assert not found.misplaced[found.places < 4].any()


def test_a_code_that_is_not_finite_has_no_place_and_that_is_said(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "codes_of", lambda detector, images: np.full((1, 256), np.nan))
    data = png(service.pictures_of("tiny", [("strokes", 0)])[0])
    with pytest.raises(ScenarioError, match="tiny/glow gives this image a code that is not finite"):
        near("mine.png", None, data)


# Every model's word -----------------------------------------------------------------------------

ASKED = (0 * SET_KEY + 5, 1 * SET_KEY + 7, 2 * SET_KEY + 0, 0 * SET_KEY + 95, 1 * SET_KEY + 5)
NAMED = (("boxes", 5), ("strokes", 7), ("turned", 0), ("boxes", 95), ("strokes", 5))


def test_every_model_says_of_an_image_what_it_says_of_it_alone(models: Tiny) -> None:
    found = service.ask(AcrossQuery("tiny", MODELS, ASKED))
    assert list(zip(found.sets.tolist(), found.indices.tolist(), strict=True)) == list(NAMED)
    assert list(found.scores) == list(found.percentiles) == list(found.flagged) == list(MODELS)
    for model in MODELS:
        target = Target.of("tiny", model)
        detector, card = checkpoint.load(models.folder, model)
        part, kept = card.score.part, stored(models, model)
        for i, (set_name, index) in enumerate(NAMED):
            alone = service.ask(ImageQuery(target, set_name, index))
            # Scored alone there, in a batch of 128 here: float32 sums in another order, and a ratio
            # is a small difference of large sums.
            assert found.scores[model][i] == pytest.approx(alone.displayed[part], rel=1e-3)
            # A step from one of the 128 calibration images to the next is 0.8.
            assert found.percentiles[model][i] == pytest.approx(alone.percentiles[part], abs=0.5)
            assert found.flagged[model][i] == alone.flagged
            assert found.labels[i] == alone.label
            raw = kept[set_name][part][[index]]
            assert found.scores[model][i] == detector.to_display(part, raw)[0]
            assert found.percentiles[model][i] == percentile(raw, card.quantiles(part))[0]
        about = detector.described[part]
        assert found.units[model] == (about.display_unit or about.unit)
    assert found.scores["glow"].tolist() != found.scores["glow.general"].tolist()


def test_a_map_that_is_replaced_while_it_is_read_is_read_again(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, tried = checkpoint.read_atlas, []
    part = tiny_scenario.folder / ".glow.atlas.npz.77-0a1b2c3d.part"
    part.write_bytes(b"the next map, whose card is there already")

    def torn(folder, card):
        tried.append(card.name)
        if len(tried) == 1:
            raise checkpoint.CardError("the map belongs to other weights; train again")
        part.unlink(missing_ok=True)
        return read(folder, card)

    monkeypatch.setattr(checkpoint, "read_atlas", torn)
    assert service.ask(LatentQuery(TARGET)).sets == SETS
    assert tried == ["glow", "glow"]


def test_a_blank_image_of_ones_own_is_warned_of_beside_its_neighbours(tiny_scenario: Tiny) -> None:
    found = near("flat.png", None, png(np.full((28, 28, 1), 40, np.uint8)))
    assert [warning.partition(":")[0] for warning in found.warnings] == ["blank"]
    assert near("boxes", 3).warnings == ()


def test_ones_own_file_that_is_no_image_is_looked_at_once(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[int] = []
    decode = images.decode
    monkeypatch.setattr(images, "decode", lambda *given: times.append(1) or decode(*given))
    data = b"no image at all"
    query = ImageQuery(TARGET, "", None)
    said = []
    for asked in (query, query, NearQuery(query)):
        with pytest.raises(images.ImageError) as caught:
            service.ask(asked, data)
        said.append(str(caught.value))
    assert times == [1]
    assert len(set(said)) == 1


def test_ones_own_image_is_decoded_once_for_all_models_and_maps(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, times = png(service.pictures_of("tiny", [("boxes", 3)])[0]), []
    decode = images.decode
    monkeypatch.setattr(images, "decode", lambda *given: times.append(1) or decode(*given))
    found = service.ask(AcrossQuery("tiny", MODELS), data)
    assert len(found.scores) == len(MODELS)
    near("own", None, data)
    assert len(times) == 1
    with pytest.raises(OutskirtsError):  # another file is another picture
        near("own", None, data[:50])
    assert len(times) == 2


def test_ids_of_keys_are_those_that_the_keys_are_of() -> None:
    ids = ["mnist#0", "garments#9999", "flat#17"]
    assert service.ids_of_keys("fashion", service.keys_of_ids("fashion", ids)) == ids


def test_every_models_score_of_ones_own_image_is_that_of_the_reference_image(models: Tiny) -> None:
    kept = service.ask(AcrossQuery("tiny", MODELS, ASKED[1:2]))
    data = png(service.pictures_of("tiny", [NAMED[1]])[0])
    own = service.ask(AcrossQuery("tiny", MODELS), data)
    assert own.sets.tolist() == own.indices.tolist() == own.labels.tolist() == []
    assert own.units == kept.units
    for model in MODELS:
        assert own.scores[model].shape == (1,)
        # Scored alone here, in a batch of 128 there: see above.
        assert own.scores[model] == pytest.approx(kept.scores[model], rel=1e-3)
        assert own.percentiles[model] == pytest.approx(kept.percentiles[model], abs=0.5)
        assert own.flagged[model].tolist() == kept.flagged[model].tolist()


def test_each_model_says_of_ones_own_image_whether_it_is_of_its_kind(models: Tiny) -> None:
    seen = set()
    pictures = service.pictures_of("tiny", [("boxes", 3), ("strokes", 1), ("turned", 2)])
    for picture in (*pictures, pictures[0] // 2):
        data = png(picture)
        found = service.ask(AcrossQuery("tiny", MODELS), data)
        for model in MODELS:
            alone = service.ask(ImageQuery(Target.of("tiny", model), "own", None), data)
            assert found.foreign[model].tolist() == [alone.foreign]
            beyond = not 0.1 <= found.percentiles[model][0] <= 99.9
            seen.add((alone.foreign, beyond))
    assert {(True, True), (False, False)} <= seen
    assert len(seen) > 2  # most parts, and the score alone, do not always agree
    assert service.ask(AcrossQuery("tiny", MODELS, ASKED)).foreign == {}


def test_of_no_images_every_model_says_nothing(tiny_scenario: Tiny) -> None:
    found = service.ask(AcrossQuery("tiny", ("glow",)))
    assert found.scores["glow"].tolist() == found.sets.tolist() == []


def test_pictures_come_in_the_order_that_they_are_asked_for(tiny_scenario: Tiny) -> None:
    picks = [("strokes", 3), ("boxes", 9), ("strokes", 3), ("noise", 999)]
    found = service.pictures_of("tiny", picks)
    assert found.shape == (4, 28, 28, 1)
    assert found.dtype == np.uint8
    for image, (set_name, index) in zip(found, picks, strict=True):
        assert np.array_equal(image, load_scenario("tiny").pictures(set_name).images[index])


def test_names_of_images_are_read_as_the_keys_that_the_map_gives_them(tiny_scenario: Tiny) -> None:
    view = service.ask(LatentQuery(TARGET))
    names = [view.id(row) for row in range(64)]
    assert service.keys_of_ids("tiny", names).tolist() == view.keys.tolist()
    assert service.keys_of_ids("tiny", []).tolist() == []


# Wrong questions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: service.ask(LatentQuery(TARGET, "tsne")), "no layout 'tsne'; it has: pca"),
        (lambda: service.ask(LatentQuery(Target("nope", "glow"))), "no scenario 'nope'"),
        (lambda: service.ask(LatentQuery(Target("tiny", "nope"))), "no checkpoint tiny/nope"),
        (
            lambda: service.ask(NearQuery(ImageQuery(TARGET, "boxes", 0), "umap")),
            "no layout 'umap'",
        ),
        (lambda: near("nope", 0), "no set 'nope'"),
        (lambda: near("boxes", 96), "images 0 to 95, asked for 96"),
        (lambda: near("boxes", -1), "asked for -1"),
        (lambda: near("mine.png", None), "no image was given"),
        (lambda: near("mine.png", None, b"x"), "not an image"),
        (lambda: service.ask(AcrossQuery("tiny", ("glow",), (0, -1))), "not in scenario tiny"),
        (lambda: service.ask(AcrossQuery("tiny", ("glow",), (5 - SET_KEY,))), "not in"),
        (lambda: service.ask(AcrossQuery("tiny", ("glow",), (0, 96))), "not in scenario tiny"),
        (lambda: service.ask(AcrossQuery("tiny", ("glow",), (5 * SET_KEY + 1000,))), "not in"),
        (lambda: service.ask(AcrossQuery("tiny", ("glow",), (7 * SET_KEY,))), "not in"),
        (lambda: service.ask(AcrossQuery("tiny", ("nope",), (0,))), "no checkpoint tiny/nope"),
        (lambda: service.ask(AcrossQuery("nope", (), (0,))), "no scenario 'nope'"),
        (lambda: service.ask(AcrossQuery("tiny", ("glow",)), b"x"), "not an image"),
        (lambda: service.pictures_of("tiny", [("nope", 0)]), "no set 'nope'"),
        (lambda: service.pictures_of("tiny", [("boxes", 0), ("boxes", 96)]), "0 to 95, not 96"),
        (lambda: service.pictures_of("tiny", [("boxes", -1)]), "0 to 95, not -1"),
        (lambda: service.pictures_of("nope", [("boxes", 0)]), "no scenario 'nope'"),
        (lambda: service.keys_of_ids("tiny", ["boxes#0", "boxes#96"]), "has no image 'boxes#96'"),
        (lambda: service.keys_of_ids("tiny", ["boxes#-1"]), "has no image 'boxes#-1'"),
        (lambda: service.keys_of_ids("tiny", ["nope#0"]), "has no image 'nope#0'"),
        (lambda: service.keys_of_ids("tiny", ["boxes"]), "has no image 'boxes'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_question_for_what_is_not_there_is_said(tiny_scenario: Tiny, ask, words: str) -> None:
    with pytest.raises(OutskirtsError, match=words):
        ask()
