"""Hundreds of hostile inputs, by kind: each ends in one clear line or a picture.

None ends in a traceback, a lost result, a request to elsewhere, or a gigabyte more memory. Inputs
of a kind are tried one after another in one test, whose failure names each that failed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import hostile_places as places
import hostile_words as words
import pytest
import tiny
from conftest import Call, Tiny, change
from hostile_arrays import archives, arrays
from hostile_cards import cards, weights
from hostile_guard import Trial, complaint_of
from hostile_images import images
from hostile_scenarios import scenarios
from hostile_stored import reference_images, stored_scores
from streamlit.testing.v1 import AppTest

from core import notebook
from core.data.decode import decode
from core.data.picture import as_pil
from core.data.uploads import uploaded_items
from core.errors import OutskirtsError
from core.service import LatentQuery, Target, ask
from pages._shared.links import only_finite

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_apps")]

WANTED = 500
KINDS: dict[str, Callable[[], dict]] = {
    "image files": images,
    "arrays": arrays,
    "archives": archives,
    "names": lambda: places.NAMES,
    "links": lambda: places.LINKS,
    "folders": lambda: places.FOLDERS,
    "scenario files": scenarios,
    "cards": cards,
    "weights": weights,
    "stored scores": stored_scores,
    "reference images": reference_images,
    "own folders": lambda: words.FOLDERS,
    "notebooks": lambda: words.NOTEBOOKS,
    "queries": lambda: words.QUERIES,
    "mixed queries": lambda: words.MIXED,
}


def test_there_are_five_hundred_and_more() -> None:
    """Each test below tries all inputs of its kinds, or fails."""
    assert sum(len(inputs()) for inputs in KINDS.values()) >= WANTED


def beside(folder: Path) -> tuple[Path, Path]:
    """Two good pictures, which stand before and after a hostile file and must not be lost."""
    folder.mkdir(parents=True, exist_ok=True)
    found = folder / "first.png", folder / "last.png"
    for path, image in zip(found, tiny.boxes(2, seed=3), strict=True):
        as_pil(image).save(path)
    return found


# What is scored ---------------------------------------------------------------------------------


def scored(call: Call, first: Path, path: Path, last: Path) -> str:
    """What is wrong with the scores of a hostile place between two good ones, or ""."""
    said = call("score", "tiny/glow", first, path, last)
    if wrong := complaint_of(said.status, said.out, said.err):
        return wrong
    names = [row["image"] for row in said.lines()]
    lost = [one.name for one in (first, last) if not any(n.endswith(one.name) for n in names)]
    if lost:
        return f"lost: {lost}"
    if len(names) == 2 and (not said.status or not said.err):
        return f"no picture, status {said.status}, and {said.err[:300]!r}"
    return ""


@pytest.mark.parametrize("kind", ["image files", "arrays", "archives"])
def test_a_hostile_file_is_a_picture_or_a_line_and_loses_nothing(
    tiny_scenario: Tiny, tmp_path: Path, call: Call, kind: str
) -> None:
    trial, inputs = Trial(), KINDS[kind]()
    first, last = beside(tmp_path / "good")
    for name, data in inputs.items():
        path = tmp_path / name
        path.write_bytes(data)
        trial.run(name, lambda: scored(call, first, path, last))  # noqa: B023 - called at once
        path.unlink()
    trial.check(inputs)


def test_a_hostile_upload_is_a_picture_or_a_line() -> None:
    """The same bytes by the door of the pages, which has bounds of its own."""
    trial = Trial()
    more = {"million-names.npz"}  # than are read at a time: all after them is left out, and said
    whole = {name: data for name, data in images().items() if not name.startswith("cut")}
    inputs = whole | arrays() | archives()

    def uploaded(name: str, data: bytes) -> str:
        items = list(uploaded_items([(name, data), ("last.png", last)], tiny.SHAPE))
        long = [
            item.error for item in items if len(item.error) > 1_000 or "Traceback" in item.error
        ]
        good = [item for item in items if item.id.startswith("last.png") and item.picture]
        good = good or [i for i in items if name in more and "left out, with all after" in i.error]
        return "" if good and not long and len(items) > 1 else f"{items[:2]} {long[:1]}"

    last = images()["whole-grey.png"]
    for name, data in inputs.items():
        trial.run(name, lambda: uploaded(name, data))  # noqa: B023
    trial.check(inputs)


def test_a_hostile_name_stays_a_name(tiny_scenario: Tiny, tmp_path: Path, call: Call) -> None:
    trial = Trial()
    first, last = beside(tmp_path / "good")
    root = tmp_path / "named"
    root.mkdir()

    def named(path: Path) -> str:
        out, report = tmp_path / "o.csv", tmp_path / "o.html"
        said = call("score", "tiny/glow", path, "--out", out, "--report", report)
        wrong = complaint_of(said.status, said.out, said.err)
        if not wrong and said.status == 0 and "<img src=x" in report.read_text(encoding="utf-8"):
            wrong = "the report has its markup"
        return wrong or scored(call, first, path, last)

    for name, text in places.NAMES.items():
        path = Path(os.fsdecode(os.path.join(os.fsencode(root), os.fsencode(text))))
        path.write_bytes(first.read_bytes())
        trial.run(name, lambda: named(path))  # noqa: B023
        path.unlink()
    trial.check(places.NAMES)


@pytest.mark.parametrize("kind", ["links", "folders"])
def test_a_hostile_place_ends_and_loses_nothing(
    tiny_scenario: Tiny, tmp_path: Path, call: Call, kind: str
) -> None:
    trial, inputs = Trial(), KINDS[kind]()
    first, last = beside(tmp_path / "good")
    for number, (name, lay) in enumerate(inputs.items()):
        root = tmp_path / f"place{number}"
        root.mkdir()
        path = lay(root, first)
        trial.run(name, lambda: scored(call, first, path, last))  # noqa: B023
        for closed in root.glob("folder/x"):
            closed.chmod(0o700)
        shutil.rmtree(root)
    trial.check(inputs)


# What a scenario's folder holds -----------------------------------------------------------------


# The verbs that read what is spoiled; all of them know the list of scenarios.
READING = {
    "scenario files": ("score", "evaluate"),
    "cards": ("score", "evaluate", "explain"),
    "weights": ("score", "explain"),
    "stored scores": ("evaluate",),
    "reference images": ("evaluate", "explain"),
}


def used(call: Call, picture: Path, kind: str) -> str:
    """What is wrong with what verbs say of a hostile scenario, or ""."""
    verbs: dict[str, tuple[str | Path, ...]] = {
        "scenarios": (),
        "score": ("tiny/glow", picture, "--parts"),
        "evaluate": ("tiny/glow", "--stored", "--json"),
        "explain": ("tiny/glow", "boxes#3", "--out", picture.with_name("map.png")),
    }
    if kind == "reference images":
        verbs["evaluate"] = ("tiny/glow", "--against", f"x={picture}", "--json")
    for verb in ("scenarios", *READING[kind]):
        said = call(verb, *verbs[verb])
        if wrong := complaint_of(said.status, said.out, said.err):
            return f"{verb}: {wrong}"
    if kind == "stored scores":
        try:
            ask(LatentQuery(Target("tiny", "glow")))
        except OutskirtsError as error:
            return complaint_of(2, "", f"error: {error}")
    return ""


@pytest.mark.parametrize("kind", READING)
def test_a_hostile_scenario_is_used_or_a_line(
    tiny_scenario: Tiny, tmp_path: Path, call: Call, few_draws: None, kind: str
) -> None:
    trial, inputs, whole = Trial(), KINDS[kind](), tmp_path / "whole"
    picture, _ = beside(tmp_path / "good")
    shutil.copytree(tiny_scenario.folder, whole)
    for name, spoil in inputs.items():
        shutil.rmtree(tiny_scenario.folder)
        shutil.copytree(whole, tiny_scenario.folder)
        spoil(tiny_scenario.folder)
        trial.run(name, lambda: used(call, picture, kind))
    trial.check(inputs)


def test_hostile_folders_of_ones_own_are_a_scenario_or_a_line(
    tiny_scenario: Tiny, tmp_path: Path, call: Call
) -> None:
    trial = Trial()
    normal = tmp_path / "normal"
    words.normal_images(normal)
    for number, (name, lay) in enumerate(words.FOLDERS.items()):
        root = tmp_path / f"own{number}"
        shutil.copytree(normal, root / "normal")

        def founded() -> str:
            options = lay(root)  # noqa: B023
            said = call("new", f"n{number}", "--normal", root / "normal", *options)  # noqa: B023
            if wrong := complaint_of(said.status, said.out, said.err):
                return wrong
            listed = call("scenarios")
            return complaint_of(listed.status, listed.out, listed.err) or (
                "the scenario cannot be read" if listed.status else ""
            )

        trial.run(name, founded)
    trial.check(words.FOLDERS)


# What visitors bring ----------------------------------------------------------------------------


def test_a_hostile_notebook_is_read_or_a_line() -> None:
    trial = Trial()

    def loaded(data: bytes | str) -> str:
        try:
            notebook.load(data) if isinstance(data, bytes) else notebook.salvaged(data)
        except OutskirtsError as error:
            return complaint_of(2, "", f"error: {error}")
        return ""

    for name, data in words.NOTEBOOKS.items():
        trial.run(name, lambda: loaded(data))  # noqa: B023
    trial.check(words.NOTEBOOKS)


def keys(page: str) -> list[str]:
    """Every key of a control of a page that an address may name, and those of all pages."""
    folder = Path(words.__file__).parents[2] / "pages"
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    named = set(re.findall(rf'"({page}_\w+)"', text))
    return [*sorted(named), "scenario", "normal", "seed", "lecture", "present", "x"]


def opened(page: str, pairs: Mapping[str, str]) -> str:
    """What is wrong with a page that an address opens, as the server lets it pass, or ""."""
    let_pass = parse_qsl(only_finite(urlencode(pairs)), keep_blank_values=True)
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app.query_params.update(dict(let_pass))
    app = app.switch_page(f"{page}.py").run()
    return f"{app.exception[0].message}" if app.exception else ""


def test_a_hostile_value_of_every_key_opens_the_page_and_asks_nobody(tiny_scenario: Tiny) -> None:
    """On the two pages that cost least."""
    trial = Trial()
    change(tiny_scenario, lambda s: s.update(training={}))
    for name, (page, value) in words.QUERIES.items():
        pairs = dict.fromkeys(keys(page), value)
        trial.run(name, lambda: opened(page, pairs))  # noqa: B023
    trial.check(words.QUERIES)


def test_a_query_of_many_hostile_values_opens_every_page(tiny_scenario: Tiny) -> None:
    """Each key has another value: what a control makes of it stands on its page alone."""
    trial, values = Trial(), list(words.VALUES.values())
    for name, (page, first) in words.MIXED.items():
        chosen = {key: values[(first + i) % len(values)] for i, key in enumerate(keys(page))}
        trial.run(name, lambda: opened(page, chosen))  # noqa: B023
    trial.check(words.MIXED)


# One fault a kind -------------------------------------------------------------------------------


def test_a_damaged_tiff_has_no_line_but_its_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OutskirtsError):
        decode(images()["predictor-99.tif"], tiny.SHAPE)
    assert capfd.readouterr().err == ""
