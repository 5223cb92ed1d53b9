"""The one door: what pages are told are the stored numbers, and wrong questions are said."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from conftest import Tiny, forget_everything

from core import checkpoint, service
from core.answers.images import gallery
from core.answers.loaded import loaded, version
from core.data.picture import as_pil
from core.detectors.glow import Glow
from core.errors import OutskirtsError
from core.evaluate.calibration import percentile
from core.inference.scoring import parts_of
from core.scenario import ScenarioError, build_reference, load_scenario
from core.service import GalleryQuery, ImageQuery, LikelihoodsQuery, Target

ROOT = Path(__file__).parent.parent
TARGET = Target("tiny", "glow")


def stored(found: Tiny) -> dict:
    card = checkpoint.read_card(found.folder, "glow")
    return checkpoint.read_scores(found.folder, card).sets


def test_histograms_share_out_every_image_and_stand_where_the_medians_do(
    tiny_scenario: Tiny,
) -> None:
    found = service.ask(LikelihoodsQuery(TARGET, "turned"))
    kept = stored(tiny_scenario)
    detector, card = checkpoint.load(tiny_scenario.folder, "glow")
    assert [view.name for view in found.parts] == list(
        Glow(Glow.Config(**tiny.CONFIG), tiny.SHAPE).described
    )
    for view in found.parts:
        for shares, median, name in zip(
            (view.normal, view.strange), view.medians, ("boxes", "turned"), strict=True
        ):
            shown = detector.to_display(view.name, kept[name][view.name])
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
    found = service.ask(LikelihoodsQuery(TARGET, "noise"))  # hundreds of boxes away
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
    with pytest.raises(
        ScenarioError, match=r"trains 'gloww': no detector 'gloww'.*: ama, deep_sad, esad,"
    ):
        service.ask(service.OverviewQuery("tiny"))


def test_one_image_has_the_numbers_that_are_stored_of_it(tiny_scenario: Tiny) -> None:
    found = service.ask(ImageQuery(TARGET, "strokes", 5))
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


def test_a_maps_mean_with_what_lies_on_the_flows_margin_is_its_parts_displayed_value(
    tiny_scenario: Tiny,
) -> None:
    found = service.ask(ImageQuery(TARGET, "boxes", 0))
    assert list(found.maps) == list(found.padding) == ["total", "scale_16", "scale_8", "scale_4"]
    for part, pixels in found.maps.items():
        assert pixels.shape == (28, 28)
        whole = pixels.sum() / 32**2 + found.padding[part]
        assert whole == pytest.approx(found.displayed[part], rel=1e-4, abs=1e-5)
    assert abs(found.padding["scale_16"]) > 0.01  # two pixels of noise on each side
    scales = sum(found.displayed[f"scale_{n}"] for n in (16, 8, 4))
    assert scales == pytest.approx(found.displayed["total"], rel=1e-5)


def test_a_changed_garment_keeps_its_class_and_noise_has_none(tiny_scenario: Tiny) -> None:
    labels = [service.ask(ImageQuery(TARGET, s, 4)).label for s in ("boxes", "turned", "noise")]
    assert labels == ["one", "one", ""]


def test_ones_own_image_is_decoded_padded_and_scored(tiny_scenario: Tiny) -> None:
    picture = tiny.boxes(1, seed=9)[0]
    stream = io.BytesIO()
    as_pil(picture).convert("RGB").save(stream, "PNG")
    found = service.ask(ImageQuery(TARGET, "own", None), stream.getvalue())
    assert np.array_equal(found.image, picture[None][0])
    assert found.notes == ("RGB made grey",)
    detector, _ = checkpoint.load(tiny_scenario.folder, "glow")
    expected = parts_of(detector, found.image[None])
    for part, value in found.parts.items():
        assert value == pytest.approx(float(expected[part][0]), rel=1e-5)


def test_an_image_is_not_of_a_detectors_kind_where_most_parts_lie_beyond_what_it_was_shown(
    tiny_scenario: Tiny,
) -> None:
    black = io.BytesIO()
    as_pil(np.zeros((28, 28, 1), np.uint8)).save(black, "PNG")
    asked = [ImageQuery(TARGET, "boxes", 3), ImageQuery(TARGET, "noise", 3)]
    box, noise = (service.ask(query) for query in asked)
    square = service.ask(ImageQuery(TARGET, "black.png", None), black.getvalue())
    for view in (box, noise, square):
        ends = [part for part, p in view.percentiles.items() if p < 0.1 or p > 99.9]
        assert list(view.outside) == ends
        assert view.foreign == (2 * len(ends) > len(view.parts))
    assert [view.foreign for view in (box, noise, square)] == [False, True, True]
    assert not box.warnings
    assert not noise.warnings
    assert square.warnings[0].startswith("all black")


# Galleries --------------------------------------------------------------------------------------

GALLERY = GalleryQuery(TARGET, ("boxes", "strokes"), "scale_8", "strangest", 10)


def test_orders_do_what_they_say(tiny_scenario: Tiny) -> None:
    kept = stored(tiny_scenario)
    values = np.concatenate([kept[s]["scale_8"] for s in GALLERY.sets])

    def ordered(order: str) -> np.ndarray:
        found = service.ask(replace(GALLERY, order=order, count=192))
        of = [kept[s]["scale_8"][i] for s, i in zip(found.sets, found.indices, strict=True)]
        assert sorted(of) == sorted(values)
        return np.array(of)

    assert (np.diff(ordered("strangest")) <= 0).all()
    assert (np.diff(ordered("most normal")) >= 0).all()
    assert (np.diff(np.abs(ordered("typical") - np.median(values))) >= 0).all()


def test_pages_follow_each_other_and_show_the_images_they_name(tiny_scenario: Tiny) -> None:
    whole = service.ask(replace(GALLERY, count=192))
    pages = [service.ask(replace(GALLERY, page=p)) for p in range(1, 21)]
    assert {page.pages for page in pages} == {20}
    assert [i for page in pages for i in page.indices] == whole.indices.tolist()
    assert len(pages[-1].images) == 2
    for name, index, image in zip(whole.sets, whole.indices, whole.images, strict=True):
        assert np.array_equal(image, load_scenario("tiny").pictures(name).images[index])
    beyond = service.ask(replace(GALLERY, page=99))
    assert beyond.indices.tolist() == pages[-1].indices.tolist()


def test_the_seed_decides_a_random_gallery(tiny_scenario: Tiny) -> None:
    drawn = [
        gallery(replace(GALLERY, order="random", seed=seed)).indices.tolist() for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


# Wrong questions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: service.ask(LikelihoodsQuery(TARGET, "nope")), "no set 'nope'"),
        (
            lambda: service.ask(LikelihoodsQuery(TARGET, "boxes")),
            "'boxes' is the normal set",
        ),
        (lambda: service.ask(replace(GALLERY, sets=("nope",))), "no set 'nope'"),
        (lambda: service.ask(replace(GALLERY, sets=())), "needs sets and a count"),
        (lambda: service.ask(replace(GALLERY, count=0)), "needs sets and a count"),
        (lambda: service.ask(replace(GALLERY, part="nope")), "no part 'nope'"),
        (lambda: service.ask(replace(GALLERY, order="nope")), "no order 'nope'"),
        (lambda: service.ask(ImageQuery(TARGET, "boxes", 96)), "images 0 to 95, asked for 96"),
        (lambda: service.ask(ImageQuery(TARGET, "boxes", -1)), "asked for -1"),
        (lambda: service.ask(ImageQuery(TARGET, "own", None)), "no image was given"),
        (lambda: service.ask(ImageQuery(TARGET, "own", None), b"x"), "not an image"),
        (lambda: service.per_image_table(TARGET, ["nope"]), "no set 'nope'"),
        (lambda: service.ask(service.OverviewQuery("nope")), "no scenario 'nope'"),
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
    assert service.ask(service.OverviewQuery("tiny")).detectors[0].card is not None
    with pytest.raises(ScenarioError, match=r"bad/scenario\.json"):
        service.ask(service.OverviewQuery("bad"))


def test_a_detector_without_a_checkpoint_says_so_in_the_overview(tiny_scenario: Tiny) -> None:
    (tiny_scenario.folder / "glow.json").unlink()
    (row,) = service.ask(service.OverviewQuery("tiny")).detectors
    assert row.card is None
    assert "train it with" in row.missing


def test_a_scenario_whose_sets_changed_asks_for_training(tiny_scenario: Tiny) -> None:
    path = tiny_scenario.folder / "scenario.json"
    path.write_text(json.dumps(tiny.scenario_json(("turned", "flipped"))))
    with pytest.raises(checkpoint.CardError, match=r"flat, inverted, noise.*train it again"):
        service.ask(LikelihoodsQuery(TARGET, "turned"))


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
        answers.append(service.ask(ImageQuery(TARGET, "boxes", 1)).parts["total"])

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
    before = service.ask(query).parts["total"]
    detector, card = checkpoint.load(tiny_scenario.folder, "glow")
    other = Glow(detector.config, detector.shape)
    other.load_state_dict(detector.state_dict())
    other.flow.scales[0].prior.log_scale.data += 0.1
    data, weights = checkpoint.pack(other)
    scores = checkpoint.ReferenceScores(stored(tiny_scenario))
    fresh = card.model_copy(update={"weights": weights})
    checkpoint.save(fresh, tiny_scenario.folder, weights=data, scores=scores)
    assert service.ask(query).parts["total"] != before


def test_a_loaded_model_answers_while_another_is_loading(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = loaded(Target("tiny", "glow", "seed-0"))
    load, begun, go_on = checkpoint.load, threading.Event(), threading.Event()

    def slow(folder, stem):
        begun.set()
        assert go_on.wait(60)
        return load(folder, stem)

    monkeypatch.setattr(checkpoint, "load", slow)
    found: list[object] = []
    loading = threading.Thread(target=lambda: loaded(Target("tiny", "glow", "seed-1")))
    asking = threading.Thread(target=lambda: found.append(loaded(Target("tiny", "glow", "seed-0"))))
    try:
        loading.start()
        assert begun.wait(60)
        asking.start()
        asking.join(20)
        assert found == [there]
    finally:
        go_on.set()
        loading.join()
        asking.join()


def again(path: Path) -> None:
    """Write a file anew, with what it holds."""
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


def test_a_model_is_loaded_again_for_its_own_files_and_those_of_its_auxiliary_models_alone(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = [Target("tiny", "glow"), Target("tiny", "glow", "seed-0")]
    loads: list[str] = []
    load = checkpoint.load
    monkeypatch.setattr(checkpoint, "load", lambda f, stem: loads.append(stem) or load(f, stem))
    for file, expected in (
        (None, ["glow", "glow.seed-0"]),
        ("glow.seed-1.safetensors", []),
        ("glow.seed-0.json", ["glow.seed-0"]),
        ("glow.general.safetensors", ["glow"]),  # glow asks it
        ("scenario.json", ["glow", "glow.seed-0"]),
    ):
        if file:
            again(models.folder / file)
        loads.clear()
        for target in targets:
            loaded(target)
        assert loads == expected, file


def test_files_that_are_being_written_or_are_gone_do_not_break_a_version(
    tiny_scenario: Tiny,
) -> None:
    before = version(TARGET)
    (tiny_scenario.folder / ".glow.json.77-0a1b2c3d.part").write_bytes(b"half a card")
    (tiny_scenario.folder / "glow.json.part").write_bytes(b"half a card")
    assert version(TARGET) == before
    again(tiny_scenario.folder / "glow.json")
    assert version(TARGET) != before
    (tiny_scenario.folder / "glow.json").unlink()
    assert version(TARGET)


@pytest.mark.parametrize("moment", ["before the card", "after the card"])
def test_a_checkpoint_that_is_replaced_while_it_is_read_is_read_again(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    load, tried = checkpoint.load, []
    part = tiny_scenario.folder / ".glow.json.77-0a1b2c3d.part"
    if moment == "before the card":
        part.write_bytes((tiny_scenario.folder / "glow.json").read_bytes())

    def torn(folder, stem):
        tried.append(stem)
        if len(tried) == 1:  # the weights are those of the next card
            if moment == "after the card":
                again(folder / "glow.json")
            raise checkpoint.CardError("weights are not those of their card")
        part.unlink(missing_ok=True)
        return load(folder, stem)

    monkeypatch.setattr(checkpoint, "load", torn)
    assert loaded(TARGET)[1].name == "glow"
    assert tried == ["glow", "glow"]


def test_what_a_killed_writer_left_does_not_hide_what_is_wrong(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.answers.loaded.PAUSE", 0)
    (tiny_scenario.folder / ".glow.json.77-0a1b2c3d.part").write_bytes(b"half a card")
    (tiny_scenario.folder / "glow.safetensors").write_bytes(b"no weights")
    with pytest.raises(checkpoint.CardError, match="not those of their card"):
        loaded(TARGET)


@pytest.mark.parametrize(
    ("part", "age"), [(".glow.json.77-0a.part", 60), (".glow.patches.json.77-0a.part", 0)]
)
def test_a_damaged_model_is_said_at_once_where_nobody_writes_its_files(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch, part: str, age: int
) -> None:
    def slept(seconds: float) -> None:
        raise AssertionError(f"waited {seconds} seconds for a writer that there is not")

    monkeypatch.setattr("core.answers.loaded.time.sleep", slept)
    left = tiny_scenario.folder / part
    left.write_bytes(b"half a card")
    os.utime(left, (left.stat().st_mtime - age,) * 2)
    (tiny_scenario.folder / "glow.safetensors").write_bytes(b"no weights")
    with pytest.raises(checkpoint.CardError, match="not those of their card"):
        loaded(TARGET)


def test_answers_show_the_reference_images_that_are_there_now(tiny_scenario: Tiny) -> None:
    query = ImageQuery(TARGET, "boxes", 3)
    before, seen = service.ask(query), version(TARGET)
    images = tiny.boxes(tiny.TEST_IMAGES, seed=9)
    labels = np.arange(len(images)) % 3
    sources = {"boxes": (images, labels), "strokes": (images, labels)}
    build_reference(load_scenario("tiny"), sources)
    assert version(TARGET) != seen
    found = service.ask(query)
    assert np.array_equal(found.image, images[3])
    assert found.parts != before.parts


def test_only_the_detectors_of_the_first_scenario_are_warmed(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tiny_scenario.checkpoints / "a-family"  # first by name, but of several variants
    shutil.copytree(tiny_scenario.folder, other)
    family = tiny.scenario_json(()) | {"name": "a-family", "strange": []}
    family["variants"] = ["zero", "one", "two"]
    (other / "scenario.json").write_text(json.dumps(family))
    for variant in family["variants"]:
        shutil.copy(other / "glow.json", other / f"glow.{variant}.json")
    shutil.copytree(tiny_scenario.folder, tiny_scenario.checkpoints / "twin")
    scenario = tiny.scenario_json() | {"name": "twin"}
    (tiny_scenario.checkpoints / "twin" / "scenario.json").write_text(json.dumps(scenario))
    loads: list[str] = []
    load = checkpoint.load

    def counted(folder, stem):
        loads.append(f"{folder.name}/{stem}")
        return load(folder, stem)

    monkeypatch.setattr(checkpoint, "load", counted)
    service.warm_up()
    assert loads == ["tiny/glow"]


def test_a_set_that_joins_fewer_images_than_are_shown_shows_them_all(tiny_scenario: Tiny) -> None:
    images, labels = tiny.boxes(9, seed=1), np.arange(9) % 3
    build_reference(load_scenario("tiny"), {"boxes": (images, labels)})
    folder = tiny_scenario.checkpoints / "tiny-one"
    folder.mkdir()
    family = tiny.scenario_json(()) | {"name": "tiny-one", "images": "scenario:tiny"}
    family |= {"strange": [], "variants": ["zero", "one", "two"]}
    (folder / "scenario.json").write_text(json.dumps(family))
    examples = service.ask(service.OverviewQuery("tiny-one.one")).examples
    expected = np.concatenate([images[labels == 0], images[labels == 2]])
    assert np.array_equal(examples["rest"], expected)


def test_stored_scores_without_a_set_of_the_scenario_ask_for_training(
    tiny_scenario: Tiny,
) -> None:
    path = tiny_scenario.folder / "glow.atlas.npz"
    with np.load(path) as found:
        arrays = {key: found[key] for key in found.files if not key.startswith("strokes/")}
    np.savez_compressed(path, **arrays)
    with pytest.raises(checkpoint.CardError, match="no stored scores of strokes: train it again"):
        service.ask(LikelihoodsQuery(TARGET, "turned"))


@pytest.mark.parametrize("text", ["../fashion/glow", "tiny/glow/", "/tiny/glow", "tiny/../glow"])
def test_a_path_is_no_target_and_is_told_what_one_looks_like(
    tiny_scenario: Tiny, text: str
) -> None:
    with pytest.raises(ScenarioError) as error:
        service.parse_target(text)
    assert str(error.value) == (
        f"{text!r} is not SCENARIO/DETECTOR[.VARIANT], such as fashion/glow: names, no path"
    )


def test_answers_do_not_hang_on_which_copy_of_a_checkpoint_is_asked(tiny_scenario: Tiny) -> None:
    # Two scenarios of one detector's name are two entries of every cache.
    other = tiny_scenario.checkpoints / "twin"
    shutil.copytree(tiny_scenario.folder, other)
    scenario = tiny.scenario_json() | {"name": "twin"}
    (other / "scenario.json").write_text(json.dumps(scenario))
    with pytest.raises(checkpoint.CardError, match="belongs to tiny/glow, not here"):
        service.ask(ImageQuery(Target("twin", "glow"), "boxes", 1))
    assert service.ask(ImageQuery(TARGET, "boxes", 1)).parts


# The served process -----------------------------------------------------------------------------

ASKING = """
import sys, threading
from pathlib import Path
import app
import torch
from torch.nn.functional import conv2d

def threads():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Threads:"))

x, weight = torch.rand(8, 16, 32, 32), torch.rand(16, 16, 3, 3)
asked, counted = threading.Barrier(11), threading.Barrier(11)

def ask():
    with torch.inference_mode():
        (conv2d(x, weight).exp().flatten(1) @ torch.rand(14400, 64)).sort(1)
    asked.wait()
    counted.wait()

before = threads()
askers = [threading.Thread(target=ask) for _ in range(10)]
for asker in askers:
    asker.start()
asked.wait()  # all have asked, and none has gone: neither have the teams that they brought
sys.stdout.write(str(threads() - before))
counted.wait()
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="counts threads in /proc")
def test_ten_visitors_are_ten_threads_and_bring_no_teams_of_their_own() -> None:
    env = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", ASKING], cwd=ROOT, env=env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "10"


def test_stored_numbers_and_reference_images_are_read_only(tiny_scenario: Tiny) -> None:
    parts = service.evaluate(TARGET, stored=True).parts["boxes"]
    with pytest.raises(ValueError, match="read-only"):
        parts["total"][0] = 0
    with pytest.raises(ValueError, match="read-only"):
        load_scenario("tiny").pictures("boxes").images[0, 0, 0, 0] = 1
