"""`new` makes a scenario of folders, says what it proposes, and leaves nothing where it cannot."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from conftest import Call, Tiny, _settle, forget_everything
from PIL import Image

from core.data.sources import source_named
from core.detectors import detector_class
from core.files import Busy
from core.scenario import load_scenario
from core.train.streams import reference_sets, streams_of
from core.train.turn import turn


def picture(seed: int, height: int = 40, width: int = 40) -> np.ndarray:
    """A picture (H, W) uint8 of a few soft blobs, no two seeds alike."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6), np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def save(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    """Folders of an installation with nothing in them."""
    found = _settle(monkeypatch, tmp_path)
    found.checkpoints.mkdir()
    yield found
    forget_everything()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's folders: 20 normal images, three cut and two bent ones, and masks of those."""
    root = tmp_path / "mine"
    for i in range(20):
        save(root / f"normal/{i:02}.png", picture(i))
    mask = np.zeros((40, 40), np.uint8)
    mask[10:20, 5:15] = 255
    for kind, n, first in (("Cut Edge", 3, 100), ("bent", 2, 200)):
        for i in range(n):
            save(root / f"strange/{kind}/{i}.png", picture(first + i))
            save(root / f"masks/{kind}/{i}{'_mask' if i % 2 else ''}.png", mask)
    return root


def everything(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def arguments(own: Path, name: str = "mine") -> tuple[str | Path, ...]:
    folders = ("--normal", own / "normal", "--strange", own / "strange", "--masks", own / "masks")
    return ("new", name, *folders)


def left(place: Tiny) -> list[Path]:
    """What lies in the installation's folders, hidden or not."""
    roots = (place.checkpoints, place.data, place.runs)
    return [p for root in roots if root.exists() for p in root.rglob("*") if p.name != "mvtec"]


# What is made -----------------------------------------------------------------------------------


def test_a_scenario_is_made_of_folders_and_the_proposal_is_said(
    place: Tiny, own: Path, call: Call
) -> None:
    before = everything(own)
    said = call(*arguments(own))
    assert said.status == 0, said.err
    assert said.out.splitlines() == [
        "pictures: 40x40 grey (images seen: 40x40; 0 of 25 in colours)",
        "normal: 10 train, 5 calibrate, 5 test, drawn by seed 0",
        "strange: bent 2, cut-edge 3; each with a mask",
        "scenario mine is made. Now train it: python -m core train mine/novelty",
    ]
    assert everything(own) == before
    scenario = load_scenario("mine")
    assert [s.name for s in scenario.sets] == ["good", "bent", "cut-edge", "all"]
    assert scenario.set_named("cut-edge").title == "Cut Edge"
    sets = reference_sets(scenario, download=False)
    assert {name: len(arrays[0]) for name, arrays in sets.items()} == {
        "good": 5, "bent": 2, "cut-edge": 3
    }  # fmt: skip
    images, _, masks = sets["cut-edge"]
    assert np.array_equal(images[1, ..., 0], picture(101))
    assert masks[1].sum() == 100
    text = (place.checkpoints / "mine" / "scenario.json").read_text(encoding="utf-8")
    assert str(place.data.parent) not in text


def test_every_image_is_on_one_side_of_the_split(place: Tiny, own: Path, call: Call) -> None:
    call(*arguments(own))
    scenario = load_scenario("mine")
    streams = streams_of(scenario, (), 3)
    test = reference_sets(scenario, download=False)["good"][0]
    sides = [streams["train"].images[:], streams["calibration"].images[:], test]
    every = [image.tobytes() for side in sides for image in side]
    assert [len(side) for side in sides] == [10, 5, 5]
    assert sorted(every) == sorted(picture(i).tobytes() for i in range(20))


def test_the_seed_draws_the_split(place: Tiny, own: Path, call: Call) -> None:
    def tested(name: str, *options: str) -> set[bytes]:
        assert call(*arguments(own, name), *options).status == 0
        return {i.tobytes() for i in reference_sets(load_scenario(name), download=False)["good"][0]}

    first = tested("one")
    assert tested("two") == first
    assert tested("three", "--seed", "1") != first
    assert load_scenario("three").split.seed == 1


@pytest.mark.parametrize("what", ["train", "calibration", "test"])
def test_copies_byte_for_byte_stay_on_one_side(
    place: Tiny, own: Path, call: Call, what: str
) -> None:
    """Eleven more images, each there three times: wherever one goes, its copies go."""
    for i in range(20, 31):
        for copy in "abc":
            save(own / f"normal/{i}{copy}.png", picture(i))
    said = call("new", "mine", "--normal", own / "normal")
    assert "22 normal files repeat another, byte for byte" in said.out
    scenario = load_scenario("mine")
    streams = streams_of(scenario, (), 3)
    sides = {name: streams[name].images[:] for name in ("train", "calibration")}
    sides["test"] = reference_sets(scenario, download=False)["good"][0]
    mine = {image.tobytes() for image in sides.pop(what)}
    assert not mine & {image.tobytes() for side in sides.values() for image in side}


def test_near_copies_across_the_split_are_named_in_output_and_limits(
    place: Tiny, own: Path, call: Call
) -> None:
    call("new", "first", "--normal", own / "normal")
    was = json.loads((place.data / "mvtec/first/made-by-new.json").read_text(encoding="utf-8"))
    tested = next(name for place_, name in was.items() if place_.startswith("test/"))
    for copy in range(8):  # brighter each: some of nine are on another side
        brighter = (picture(int(tested[:2])) * (1 - 0.02 * (copy + 1))).astype(np.uint8)
        save(own / f"normal/copy-{copy}.png", brighter)
    said = call("new", "mine", "--normal", own / "normal")
    (line,) = [s for s in said.out.splitlines() if s.startswith("near copies") and "test" in s]
    assert "copy-" in line
    assert " ~ " in line
    limits = load_scenario("mine").limits
    assert any("test image" in text and "near cop" in text and " ~ " in text for text in limits)


def test_different_images_are_no_near_copies(place: Tiny, own: Path, call: Call) -> None:
    assert "near copies" not in call(*arguments(own)).out
    assert load_scenario("mine").limits == ()


def test_images_in_the_strange_folder_itself_are_of_one_kind_without_masks(
    place: Tiny, own: Path, call: Call
) -> None:
    said = call("new", "mine", "--normal", own / "normal", "--strange", own / "strange" / "bent")
    assert "strange: strange 2; without masks" in said.out
    scenario = load_scenario("mine")
    assert [s.name for s in scenario.sets] == ["good", "strange"]
    assert source_named("mvtec:mine").read(place.data, scenario.shape, train=False).masks is None
    assert len(reference_sets(scenario, download=False)["strange"]) == 2


def test_without_strange_images_there_is_a_scenario_too(place: Tiny, own: Path, call: Call) -> None:
    said = call("new", "mine", "--normal", own / "normal", "--title", "My own")
    assert "strange: none; what is found is seen on pages" in said.out
    scenario = load_scenario("mine")
    assert (scenario.title, scenario.strange) == ("My own", ())
    assert "  normal: good; strange: none\n" in call("scenarios").out


@pytest.mark.slow
def test_size_and_colour_follow_the_images_or_the_user(place: Tiny, own: Path, call: Call) -> None:
    def shape(name: str, *options: str) -> tuple[int, ...]:
        assert call("new", name, "--normal", own / "wide", *options).status == 0
        return tuple(load_scenario(name).shape)

    for i in range(12):
        save(own / f"wide/{i}.png", picture(i, 300, 600))
    assert shape("a") == (1, 128, 256)
    assert shape("b", "--size", "100", "--colour") == (3, 50, 100)
    assert shape("c", "--size", "64x48") == (1, 64, 48)
    red = np.repeat(picture(99, 300, 600)[..., None], 3, 2)
    red[..., 1] //= 2
    save(own / "wide/red.png", red)
    assert shape("d") == (3, 128, 256)
    assert shape("e", "--grey") == (1, 128, 256)


def test_files_left_out_are_named_and_the_rest_go_on(place: Tiny, own: Path, call: Call) -> None:
    (own / "normal/broken.png").write_bytes(b"no image")
    (own / "normal/notes.txt").write_bytes(b"text")
    (own / "strange/good").mkdir()
    save(own / "strange/good/0.png", picture(300))
    said = call(*arguments(own))
    assert said.status == 1
    assert "normal: 10 train, 5 calibrate, 5 test" in said.out
    assert said.err.splitlines() == [
        "1 file of another kind left out: .txt",
        "strange/good is left out: normal images are of --normal",
        "normal/broken.png: not an image file that can be read",
    ]


def test_what_models_will_see_is_said_before_any_is_trained(
    place: Tiny, tmp_path: Path, call: Call
) -> None:
    """12-bit pictures in 16-bit files: all but black, as `score` says of each."""
    for i in range(12):
        deep = picture(i).astype(np.uint16) * 12 + 140
        deep[0, 0] = 3200
        save(tmp_path / f"deep/{i}.png", deep)
    save(tmp_path / "deep/plain.png", picture(50))
    said = call("new", "mine", "--normal", tmp_path / "deep")
    assert said.status == 0
    assert said.err.splitlines() == [
        "16-bit grey made grey, levels 0..65535 as 0..255 (12 of 13)",
        "warning: nearly black (12 of 13), such as: its lightest pixel has level 12 of 255",
    ]


def test_status_1_is_in_the_help(call: Call) -> None:
    assert "Exit status 1: the scenario is made, but some files" in call("new", "--help").out


@pytest.mark.slow
def test_16_bit_and_4000_pixel_images_are_taken(place: Tiny, own: Path, call: Call) -> None:
    save(own / "normal/deep.png", picture(50).astype(np.uint16) * 200)
    save(own / "normal/large.png", picture(51, 4000, 4000))
    said = call("new", "mine", "--normal", own / "normal")
    assert said.status == 0, said.err
    assert "pictures: 40x40 grey (images seen: 40x40 to 4000x4000, 2 sizes" in said.out


@pytest.mark.parametrize("height_width", ["16", "1024", "16x256", "33x57"])
def test_twelve_images_of_any_size_are_enough_for_every_proposed_detector(
    place: Tiny, own: Path, call: Call, height_width: str
) -> None:
    """Each takes its settings, and asks for no more images than there are."""
    for i in range(12):
        save(own / f"few/{i}.png", picture(i))
    assert call("new", "few", "--normal", own / "few", "--size", height_width).status == 0
    scenario = load_scenario("few")
    for name, training in scenario.training.items():
        cls = detector_class(name).for_settings(training.config)
        detector = cls(cls.Config(**training.config), scenario.shape)
        for phase in detector.phases():
            there = 4 if phase.data == "calibration" else 6
            assert phase.least <= there, (name, phase.name)


def test_of_masks_that_lost_detail_it_is_said_how_they_are_read(
    place: Tiny, own: Path, call: Call
) -> None:
    assert "masks are" not in call(*arguments(own, "sharp")).err
    for i in range(2):
        whole = own / f"masks/bent/{i}{'_mask' if i % 2 else ''}.png"
        with Image.open(whole) as mask:
            mask.save(whole.with_suffix(".jpg"), quality=75)
        whole.unlink()
    said = call(*arguments(own))
    assert said.status == 0, said.err
    assert (
        "2 of 5 masks are JPEG or other files that lose detail: strange in those is what is at "
        "least half bright"
    ) in said.err.splitlines()
    sets = reference_sets(load_scenario("mine"), download=False)
    assert sets["bent"][2].sum((1, 2)).tolist() == [100, 100]
    dark = own / "masks/bent/0.jpg"
    save(dark, np.full((40, 40), 90, np.uint8))
    assert refused(place, call, *arguments(own, "dark")).endswith(
        "0.jpg marks nothing: nothing in it is half bright"
    )


def test_a_joined_set_has_masks_where_its_kinds_have(place: Tiny, own: Path, call: Call) -> None:
    call(*arguments(own))
    assert all(one.masks for one in load_scenario("mine").strange)
    call("new", "bare", "--normal", own / "normal", "--strange", own / "strange")
    assert not any(one.masks for one in load_scenario("bare").strange)


# What is refused --------------------------------------------------------------------------------


def refused(place: Tiny, call: Call, *words: str | Path) -> str:
    """What is said, in one line, where nothing is made."""
    before = left(place)
    line = call(*words).error()
    assert left(place) == before
    return line


def test_a_name_that_is_taken_is_refused_but_by_force(place: Tiny, own: Path, call: Call) -> None:
    assert call(*arguments(own)).status == 0
    assert "there is a scenario mine already" in refused(place, call, *arguments(own))
    (place.checkpoints / "mine" / "novelty.json").write_text("{}", encoding="utf-8")
    (place.runs / "mine" / "novelty").mkdir(parents=True)
    assert call("new", "mine", "--normal", own / "normal", "--force").status == 0
    assert load_scenario("mine").strange == ()
    assert [p.name for p in (place.checkpoints / "mine").iterdir()] == ["scenario.json"]
    assert not (place.runs / "mine").exists()


def test_force_waits_for_a_model_that_is_being_trained(place: Tiny, own: Path, call: Call) -> None:
    assert call(*arguments(own)).status == 0
    before = everything(place.checkpoints) | everything(place.data)
    (place.runs / "mine" / "glow").mkdir(parents=True)  # another, which was interrupted
    words = ("new", "mine", "--normal", own / "normal", "--force")
    with turn(load_scenario("mine"), "novelty"):
        state = place.runs / "mine" / "novelty" / "state.pt"
        state.write_bytes(b"half")
        line = call(*words).error()
        assert f"mine stays while mine/novelty is being trained by process {os.getpid()}" in line
        assert state.read_bytes() == b"half"
        with pytest.raises(Busy), turn(load_scenario("mine"), "novelty"):
            pass
    assert everything(place.checkpoints) | everything(place.data) == before
    assert call(*words).status == 0
    assert not (place.runs / "mine").exists()


def test_force_leaves_what_a_training_reads_that_began_meanwhile(
    place: Tiny, own: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.founding import laying

    assert call(*arguments(own)).status == 0
    before = everything(place.checkpoints) | everything(place.data)
    with ExitStack() as training:

        def lay(*arguments: object, **named: object) -> None:
            training.enter_context(turn(load_scenario("mine"), "novelty"))

        monkeypatch.setattr(laying, "_lay", lay)
        said = call("new", "mine", "--normal", own / "normal", "--force")
        assert "mine/novelty is being trained" in said.error()
        assert (place.runs / "mine" / "novelty" / "lock").exists()
    assert everything(place.checkpoints) | everything(place.data) == before


def test_force_never_replaces_what_new_did_not_make(place: Tiny, own: Path, call: Call) -> None:
    save(place.data / "mvtec/screw/train/good/0.png", picture(0))
    words = arguments(own, "screw")
    assert "was not laid by `new`: it stays" in refused(place, call, *words)
    assert "was not laid by `new`: it stays" in refused(place, call, *words, "--force")
    (place.checkpoints / "shipped").mkdir()
    (place.checkpoints / "shipped/scenario.json").write_text("{}", encoding="utf-8")
    line = refused(place, call, *arguments(own, "shipped"), "--force")
    assert "shipped was not made by `new` here, and stays" in line


def test_the_folder_that_would_be_replaced_is_no_source(place: Tiny, own: Path, call: Call) -> None:
    assert call(*arguments(own)).status == 0
    mine = place.data / "mvtec/mine/train/good"
    assert "which would be replaced" in refused(
        place, call, "new", "mine", "--normal", mine, "--force"
    )


@pytest.mark.parametrize("name", ["My screws", "../up", "a.b", "", "a/b", "studies", "x" * 65])
def test_a_name_that_is_none_is_refused(place: Tiny, own: Path, call: Call, name: str) -> None:
    line = refused(place, call, *arguments(own, name))
    assert "lower-case letters, digits and hyphens" in line or "no scenario can be called" in line


def test_folders_that_are_missing_empty_or_too_small_are_refused(
    place: Tiny, own: Path, call: Call
) -> None:
    (own / "empty").mkdir()
    for i in range(2):
        save(own / f"two/{i}.png", picture(i))
        save(own / f"same/{i}.png", picture(0))

    def told(folder: str, *more: str | Path) -> str:
        return refused(place, call, "new", "mine", "--normal", own / folder, *more)

    assert f"--normal {own / 'none'} is not there" in told("none")
    assert "is a file, not a folder" in told("normal/00.png")
    assert "no image in it can be read; it is empty" in told("empty")
    assert "2 normal images are too few: at least 12 are needed" in told("two")
    assert "1 normal image that differ" not in told("two")
    assert "too few" in told("same")
    assert f"--strange {own / 'none'} is not there" in told("normal", "--strange", own / "none")
    assert "no image in it can be read" in told("normal", "--strange", own / "empty")
    assert "give --strange, too" in told("normal", "--masks", own / "masks")
    assert "--size takes SIDE or HEIGHTxWIDTH" in told("normal", "--size", "big")
    assert "sides are 16 to 1024" in told("normal", "--size", "4000")
    both = told("normal", "--grey", "--colour")
    assert "either --grey or --colour" in both


def test_an_empty_folder_of_a_kind_is_refused(place: Tiny, own: Path, call: Call) -> None:
    (own / "strange/dented").mkdir()
    assert "strange/dented is empty" in refused(place, call, *arguments(own))


def test_two_folders_of_one_name_are_refused(place: Tiny, own: Path, call: Call) -> None:
    save(own / "strange/cut-edge/0.png", picture(400))
    line = refused(
        place, call, "new", "m", "--normal", own / "normal", "--strange", own / "strange"
    )
    assert "would both be the kind 'cut-edge'" in line


def test_a_file_that_is_normal_and_strange_is_refused(place: Tiny, own: Path, call: Call) -> None:
    save(own / "strange/bent/7.png", picture(3))
    save(own / "masks/bent/7.png", np.full((40, 40), 255, np.uint8))
    line = refused(place, call, *arguments(own))
    assert "bent/7.png of --strange is the same file as 03.png of --normal" in line


def test_masks_that_do_not_fit_are_refused(place: Tiny, own: Path, call: Call) -> None:
    words, mask = arguments(own), own / "masks/bent/0.png"
    whole = mask.read_bytes()
    mask.unlink()
    assert "bent/0.png or 0_mask.png is missing: 1 of 5 strange images" in refused(
        place, call, *words
    )
    save(mask, np.full((20, 40), 255, np.uint8))
    assert "bent/0.png is 40x20, and its image 40x40" in refused(place, call, *words)
    save(mask, np.zeros((40, 40), np.uint8))
    assert "marks nothing" in refused(place, call, *words)
    mask.write_bytes(b"no image")
    assert "cannot be read" in refused(place, call, *words)
    mask.write_bytes(whole)
    save(own / "masks/bent/9.png", np.full((40, 40), 255, np.uint8))
    assert "has no image in" in refused(place, call, *words)


@pytest.mark.parametrize("what", ["copy_whole", "write_whole"])
@pytest.mark.parametrize("force", [False, True])
def test_a_disk_that_fills_up_leaves_what_was_there(
    place: Tiny, own: Path, call: Call, monkeypatch: pytest.MonkeyPatch, what: str, force: bool
) -> None:
    if force:
        assert call(*arguments(own)).status == 0
    before = everything(place.data) | everything(place.checkpoints) if force else {}
    from core.founding import laying

    calls, real = [], getattr(laying, what)

    def full(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 2:  # the last file of write_whole's, some image of copy_whole's
            raise OSError(28, "No space left on device", "here")
        real(*arguments)

    monkeypatch.setattr(laying, what, full)
    assert "No space left" in refused(place, call, *arguments(own), *(["--force"] if force else []))
    if force:
        assert everything(place.data) | everything(place.checkpoints) == before
