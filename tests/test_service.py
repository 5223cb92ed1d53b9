"""The one door: what pages are told are the stored numbers, and wrong questions are said."""

from __future__ import annotations

import io
import json
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
import tiny
from conftest import Tiny, forget_everything
from PIL import Image

from core import checkpoint, service
from core.detectors.glow import Glow
from core.errors import OutskirtsError
from core.evaluate.calibration import percentile
from core.evaluate.scoring import parts_of
from core.scenario import ScenarioError, load_scenario
from core.service import GalleryQuery, ImageQuery, LikelihoodsQuery, Target

TARGET = Target("tiny", "glow")


def stored(found: Tiny) -> dict:
    card = checkpoint.read_card(found.folder, "glow")
    return checkpoint.read_scores(found.folder, card).sets


def test_histograms_share_out_every_image_and_stand_where_the_medians_do(
    tiny_scenario: Tiny,
) -> None:
    found = service.likelihoods(LikelihoodsQuery(TARGET, "turned"))
    kept = stored(tiny_scenario)
    detector, card = checkpoint.load(tiny_scenario.folder, "glow")
    assert [view.name for view in found.parts] == list(Glow(Glow.Config(**tiny.CONFIG)).described)
    for view in found.parts:
        for shares, median, name in zip(
            (view.normal, view.strange), view.medians, ("boxes", "turned"), strict=True
        ):
            shown = detector.shown(view.name, kept[name][view.name])
            assert shares.sum() == pytest.approx(1)
            assert median == pytest.approx(np.median(shown))
            # Of an even number of images the median lies between two, maybe of different bins.
            low, high = np.searchsorted(shares.cumsum(), [0.5 - 1e-9, 0.5 + 1e-9])
            drawn = np.float32(
                np.clip(median, view.edges[0], view.edges[-1])
            )  # beyond: at the edge
            assert np.float32(view.edges[low]) <= drawn <= np.float32(view.edges[high + 1])
        assert view.figures == card.metrics["turned"][view.name]
        assert view.is_score == (view.name == card.score.part)


def test_a_histogram_leaves_the_normal_images_a_ninth_of_its_width_at_least(
    tiny_scenario: Tiny,
) -> None:
    found = service.likelihoods(LikelihoodsQuery(TARGET, "noise"))  # hundreds of boxes away
    total = found.parts[0]
    assert total.medians[1] > total.edges[-1]
    assert total.strange[-1] == 1
    used = total.edges[1:][total.normal > 0]
    assert (used[-1] - used[0]) / (total.edges[-1] - total.edges[0]) > 1 / 9.5


def test_a_scenario_that_trains_an_unknown_detector_is_said_in_a_line(tiny_scenario: Tiny) -> None:
    path = tiny_scenario.folder / "scenario.json"
    values = json.loads(path.read_text())
    values["training"]["gloww"] = values["training"]["glow"]
    path.write_text(json.dumps(values))
    forget_everything()
    with pytest.raises(ScenarioError, match=r"trains 'gloww': no detector 'gloww'.*: glow"):
        service.overview("tiny")


def test_one_image_has_the_numbers_that_are_stored_of_it(tiny_scenario: Tiny) -> None:
    found = service.image(ImageQuery(TARGET, "strokes", 5))
    kept = stored(tiny_scenario)["strokes"]
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    assert (found.id, found.label) == ("strokes#5", "2")
    assert np.array_equal(found.image, load_scenario("tiny").pictures("strokes").images[5])
    for part, value in found.parts.items():
        # Scored alone here, in a batch of 128 there: float32 sums in another order.
        assert value == pytest.approx(kept[part][5], rel=1e-5)
        assert found.percentiles[part] == percentile(np.array([value]), card.quantiles(part))[0]
    assert found.flagged == (found.parts[card.score.part] > card.score.threshold)
    assert found.flagged


def test_a_map_has_its_parts_shown_value_as_its_mean(tiny_scenario: Tiny) -> None:
    found = service.image(ImageQuery(TARGET, "boxes", 0))
    assert list(found.maps) == ["total", "scale_16", "scale_8", "scale_4"]
    for part, pixels in found.maps.items():
        assert pixels.shape == (32, 32)
        assert pixels.mean() == pytest.approx(found.shown[part], rel=1e-4, abs=1e-5)
    scales = sum(found.shown[f"scale_{n}"] for n in (16, 8, 4))
    assert scales == pytest.approx(found.shown["total"], rel=1e-5)


def test_a_changed_garment_keeps_its_class_and_noise_has_none(tiny_scenario: Tiny) -> None:
    labels = [service.image(ImageQuery(TARGET, s, 4)).label for s in ("boxes", "turned", "noise")]
    assert labels == ["one", "one", ""]


def test_ones_own_image_is_decoded_padded_and_scored(tiny_scenario: Tiny) -> None:
    picture = tiny.boxes(1, seed=9)[0]
    stream = io.BytesIO()
    Image.fromarray(picture).convert("RGB").save(stream, "PNG")
    found = service.image(ImageQuery(TARGET, "own", None), stream.getvalue())
    assert np.array_equal(found.image, tiny.padded(picture[None])[0])
    assert found.notes == ("RGB made grey",)
    detector, _ = checkpoint.load(tiny_scenario.folder, "glow")
    expected = parts_of(detector, found.image[None])
    for part, value in found.parts.items():
        assert value == pytest.approx(float(expected[part][0]), rel=1e-5)


# Galleries --------------------------------------------------------------------------------------

GALLERY = GalleryQuery(TARGET, ("boxes", "strokes"), "scale_8", "strangest", 10)


def test_orders_do_what_they_say(tiny_scenario: Tiny) -> None:
    kept = stored(tiny_scenario)
    values = np.concatenate([kept[s]["scale_8"] for s in GALLERY.sets])

    def ordered(order: str) -> np.ndarray:
        found = service.gallery(replace(GALLERY, order=order, count=192))
        of = [kept[s]["scale_8"][i] for s, i in zip(found.sets, found.indices, strict=True)]
        assert sorted(of) == sorted(values)
        return np.array(of)

    assert (np.diff(ordered("strangest")) <= 0).all()
    assert (np.diff(ordered("most normal")) >= 0).all()
    assert (np.diff(np.abs(ordered("typical") - np.median(values))) >= 0).all()


def test_pages_follow_each_other_and_show_the_images_they_name(tiny_scenario: Tiny) -> None:
    whole = service.gallery(replace(GALLERY, count=192))
    pages = [service.gallery(replace(GALLERY, page=p)) for p in range(1, 21)]
    assert {page.pages for page in pages} == {20}
    assert [i for page in pages for i in page.indices] == whole.indices.tolist()
    assert len(pages[-1].images) == 2
    for name, index, image in zip(whole.sets, whole.indices, whole.images, strict=True):
        assert np.array_equal(image, load_scenario("tiny").pictures(name).images[index])
    beyond = service.gallery(replace(GALLERY, page=99))
    assert beyond.indices.tolist() == pages[-1].indices.tolist()


def test_the_seed_decides_a_random_gallery(tiny_scenario: Tiny) -> None:
    drawn = [
        service.gallery(replace(GALLERY, order="random", seed=seed)).indices.tolist()
        for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


# Wrong questions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: service.likelihoods(LikelihoodsQuery(TARGET, "nope")), "no set 'nope'"),
        (
            lambda: service.likelihoods(LikelihoodsQuery(TARGET, "boxes")),
            "'boxes' is the normal set",
        ),
        (lambda: service.gallery(replace(GALLERY, sets=("nope",))), "no set 'nope'"),
        (lambda: service.gallery(replace(GALLERY, sets=())), "needs sets and a count"),
        (lambda: service.gallery(replace(GALLERY, count=0)), "needs sets and a count"),
        (lambda: service.gallery(replace(GALLERY, part="nope")), "no part 'nope'"),
        (lambda: service.gallery(replace(GALLERY, order="nope")), "no order 'nope'"),
        (lambda: service.image(ImageQuery(TARGET, "boxes", 96)), "images 0 to 95, asked for 96"),
        (lambda: service.image(ImageQuery(TARGET, "boxes", -1)), "asked for -1"),
        (lambda: service.image(ImageQuery(TARGET, "own", None)), "no image was given"),
        (lambda: service.image(ImageQuery(TARGET, "own", None), b"x"), "not an image"),
        (lambda: service.per_image_table(TARGET, ["nope"]), "no set 'nope'"),
        (lambda: service.overview("nope"), "no scenario 'nope'"),
        (lambda: service.evaluate(Target("tiny", "glow", "boot")), "glow.boot"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_question_for_what_is_not_there_is_said(tiny_scenario: Tiny, ask, words: str) -> None:
    with pytest.raises(OutskirtsError, match=words):
        ask()


def test_a_damaged_scenario_leaves_the_others_alone(tiny_scenario: Tiny) -> None:
    (tiny_scenario.checkpoints / "bad").mkdir()
    (tiny_scenario.checkpoints / "bad" / "scenario.json").write_text("{}")
    bad, good = service.scenarios()
    assert (bad["scenario"], good["scenario"]) == ("bad", "tiny")
    assert "bad/scenario.json" in bad["error"]
    service.warm_up()
    assert service.overview("tiny").detectors[0].card is not None
    with pytest.raises(ScenarioError, match=r"bad/scenario\.json"):
        service.overview("bad")


def test_a_detector_without_a_checkpoint_says_so_in_the_overview(tiny_scenario: Tiny) -> None:
    (tiny_scenario.folder / "glow.json").unlink()
    (row,) = service.overview("tiny").detectors
    assert row.card is None
    assert "train it with" in row.missing


def test_a_scenario_whose_sets_changed_asks_for_training(tiny_scenario: Tiny) -> None:
    path = tiny_scenario.folder / "scenario.json"
    path.write_text(json.dumps(tiny.scenario_json(("turned", "flipped"))))
    with pytest.raises(checkpoint.CardError, match=r"flat, inverted, noise.*train it again"):
        service.likelihoods(LikelihoodsQuery(TARGET, "turned"))


# Loading ----------------------------------------------------------------------------------------


def test_thirty_first_visitors_load_a_detector_once(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    load = checkpoint.load

    def counted(folder, stem):
        loads.append(stem)
        return load(folder, stem)

    monkeypatch.setattr(checkpoint, "load", counted)
    answers: list[float] = []

    def visit() -> None:
        answers.append(service.image(ImageQuery(TARGET, "boxes", 1)).parts["total"])

    visitors = [threading.Thread(target=visit) for _ in range(30)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert loads == ["glow"]
    assert len(answers) == 30
    assert len(set(answers)) == 1


def test_a_checkpoint_that_was_trained_anew_is_loaded_anew(tiny_scenario: Tiny) -> None:
    query = ImageQuery(TARGET, "boxes", 1)
    before = service.image(query).parts["total"]
    detector, card = checkpoint.load(tiny_scenario.folder, "glow")
    other = Glow(detector.config)
    other.load_state_dict(detector.state_dict())
    other.flow.scales[0].prior.log_scale.data += 0.1
    data, weights = checkpoint.pack(other)
    scores = checkpoint.ReferenceScores(stored(tiny_scenario))
    fresh = card.model_copy(update={"weights": weights})
    checkpoint.save(fresh, tiny_scenario.folder, weights=data, scores=scores)
    assert service.image(query).parts["total"] != before


def test_answers_do_not_hang_on_which_copy_of_a_checkpoint_is_asked(tiny_scenario: Tiny) -> None:
    # Two scenarios of one detector's name are two entries of every cache.
    other = tiny_scenario.checkpoints / "twin"
    shutil.copytree(tiny_scenario.folder, other)
    scenario = tiny.scenario_json() | {"name": "twin"}
    (other / "scenario.json").write_text(json.dumps(scenario))
    with pytest.raises(checkpoint.CardError, match="belongs to tiny/glow, not here"):
        service.image(ImageQuery(Target("twin", "glow"), "boxes", 1))
    assert service.image(ImageQuery(TARGET, "boxes", 1)).parts
