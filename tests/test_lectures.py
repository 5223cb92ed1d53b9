"""Lectures: their files, the figures that sentences cite, and whether the shipped ones hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from conftest import Tiny, forget_everything

from core import lectures
from core.answers.cited import check_claim, filled, value_of
from core.answers.lectures import LectureQuery, lecture_rows
from core.lectures import LectureError, LectureFile, LectureStep, Link, link_of, load, save
from core.scenario import load_scenario, scenario_names
from core.service import ask
from core.settings import ROOT
from pages._shared import addresses

SHIPPED = sorted(path.stem for path in (ROOT / "lectures").glob("*.json"))
STEP = {"link": "mirror?scenario=tiny", "text": "Look."}


def lecture_of(*steps: dict, **more: object) -> str:
    return json.dumps({"title": "Mine", "steps": list(steps) or [STEP], **more})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of lectures of one's own."""
    found = tmp_path / "lectures"
    found.mkdir()
    monkeypatch.setenv("OUTSKIRTS_LECTURES", str(found))
    forget_everything()
    return found


# Files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("mirror", Link("mirror", ())),
        ("/latent?a=1&a=2", Link("latent", (("a", "1"), ("a", "2")))),
        ("https://host/base/cards?seed=3", Link("cards", (("seed", "3"),))),
        ("http://h:8501/?present=1&lecture=x&step=9&seed=3", Link("", (("seed", "3"),))),
        ("explain?explain_image=mnist%230", Link("explain", (("explain_image", "mnist#0"),))),
    ],
)  # fmt: skip
def test_a_link_may_be_an_address_as_it_was_copied(text: str, link: Link) -> None:
    assert link_of(text) == link
    assert link_of(link.text) == link


@pytest.mark.parametrize(
    "text",
    ["javascript:alert(1)", "mirror?seed=1e999", "own?own_turn=nan", "../Etc", "http://[x",
     "a?" + "b&" * 200],
)  # fmt: skip
def test_what_is_no_link_or_names_no_finite_number_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(LectureError) as told:
        link_of(text)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "data",
    [
        "", "[]", "{", '{"title": "x", "steps": []}', lecture_of(extra=1),
        lecture_of({"link": "mirror"}),
        lecture_of(STEP | {"text": "x" * (lectures.LONGEST_TEXT + 1)}),
        lecture_of(*[STEP] * (lectures.MAX_STEPS + 1)), " " * (lectures.MAX_FILE + 1), b"\xff\xfe",
        lecture_of(title=""), lecture_of(schema=2), "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_lecture_is_refused_in_a_short_line(data: str | bytes) -> None:
    with pytest.raises(LectureError) as told:
        load(data)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 200


def test_a_lecture_comes_back_from_its_file_as_it_was() -> None:
    claimed = LectureStep(link="mirror", text="ö", holds=("1 < 2",))
    whole = LectureFile(title="Mine", steps=(LectureStep(link="?seed=3", text="Look."), claimed))
    assert load(save(whole)) == whole
    assert save(whole).count("holds") == 1


def test_the_longest_lecture_can_be_loaded_again() -> None:
    link = "mirror?" + "x" * (lectures.LONGEST_LINK - 7)
    step = LectureStep(link=link, text="ö€" * (lectures.LONGEST_TEXT // 2))
    whole = LectureFile(title="T", steps=(step,) * lectures.MAX_STEPS)
    assert load(save(whole).encode()) == whole


def test_a_damaged_file_is_named_and_the_others_are_there(
    tiny_scenario: Tiny, folder: Path
) -> None:
    (folder / "good.json").write_text(lecture_of({"link": "cards", "text": "Look."}))
    (folder / "bad.json").write_text("{")
    (folder / "own.json").write_text(lecture_of())
    (folder / "No Name.json").write_text(lecture_of())
    rows = {row.name: row for row in lecture_rows()}
    assert list(rows) == ["bad", "good", "own"]  # no scenario here has anything to try
    assert (rows["good"].title, rows["good"].error) == ("Mine", "")
    assert rows["bad"].error.startswith("lectures/bad.json: it is no lecture")
    assert "another name" in rows["own"].error
    with pytest.raises(LectureError, match="there is no lecture “nonsense”; there are: start, bad"):
        ask(LectureQuery("nonsense"))
    for name in ("../good", "..", ""):
        with pytest.raises(LectureError, match="there is no lecture"):
            ask(LectureQuery(name))
    with pytest.raises(LectureError, match="kept in another browser"):
        ask(LectureQuery("own"))
    assert ask(LectureQuery("own"), lecture_of().encode()).title == "Mine"


def test_a_step_that_cannot_be_shown_is_named_and_left_out(
    tiny_scenario: Tiny, folder: Path
) -> None:
    steps = [
        STEP,
        {"link": "mirror?scenario=gone", "text": "x"},
        {"link": "mirror?scenario=tiny&normal=none", "text": "x"},
        {"link": "mirror", "text": "{auroc tiny/glow nothing} and {auroc tiny/none strokes}"},
        {"link": "mirror", "text": "x", "holds": ["auroc tiny/glow strokes > 2"]},
        {"link": "mirror", "text": "x", "holds": ["nonsense"]},
        {"link": "Mirror!", "text": "x"},
        {"link": "cards", "text": "It has {auroc tiny/glow strokes}."},
    ]
    (folder / "mixed.json").write_text(lecture_of(*steps))
    found = ask(LectureQuery("mixed"))
    assert [step.link.page for step in found.steps] == ["mirror", "cards"]
    reasons = dict(line.split(": ", 1) for line in found.left_out)
    assert list(reasons) == [f"step {n}" for n in range(3, 8)]
    assert found.absent == ("step 2 needs gone, which is not here",)
    assert "has no variant 'none'" in reasons["step 3"]
    assert "auroc tiny/glow nothing" in reasons["step 4"]
    assert "does not hold here" in reasons["step 5"]
    assert "needs one < or >" in reasons["step 6"]
    card = json.loads((tiny_scenario.folder / "glow.json").read_text())
    auroc = card["metrics"]["strokes"][card["score"]["part"]]["auroc"]
    assert found.steps[1].text == f"It has {auroc:.3f}."


def test_steps_of_a_scenario_that_is_not_here_are_counted_in_one_line(
    tiny_scenario: Tiny, folder: Path
) -> None:
    steps = [
        {"link": "mirror?scenario=gone", "text": "x"},
        {"link": "cards", "text": "It has {known gone.2/esad}."},
        {"link": "cards?scenario=gone&normal=2", "text": "x", "holds": ["auroc gone/ama a > 0.5"]},
        {"link": "cards", "text": "x", "holds": ["auroc other/ama a > auroc tiny/glow strokes"]},
        {"link": "cards", "text": "Look."},
    ]
    (folder / "away.json").write_text(lecture_of(*steps))
    found = ask(LectureQuery("away"))
    assert found.left_out == ()
    assert found.absent == (
        "3 steps need gone, which is not here", "step 4 needs other, which is not here",
    )  # fmt: skip
    assert [step.number for step in found.steps] == [5]


def test_a_lecture_is_said_anew_when_a_card_or_its_file_changes(
    tiny_scenario: Tiny, folder: Path
) -> None:
    path = folder / "one.json"
    path.write_text(lecture_of({"link": "cards", "text": "First {auroc tiny/glow strokes}."}))
    assert len(ask(LectureQuery("one")).steps) == 1
    (tiny_scenario.folder / "glow.json").unlink()
    [why] = ask(LectureQuery("one")).left_out
    assert "no checkpoint tiny/glow" in why
    path.write_text(lecture_of({"link": "cards", "text": "Second."}))
    assert ask(LectureQuery("one")).steps[0].text == "Second."


# Figures ----------------------------------------------------------------------------------------


def card(name: str) -> dict:
    return json.loads((ROOT / "checkpoints" / f"{name}.json").read_text(encoding="utf-8"))


def test_figures_are_those_of_cards_and_studies() -> None:
    glow, esad = card("fashion/glow"), card("digits-one/esad.2-01")
    score = glow["score"]["part"]
    assert value_of("auroc fashion/glow mnist") == glow["metrics"]["mnist"][score]["auroc"]
    assert value_of("aupr fashion/glow flat total") == glow["metrics"]["flat"]["total"]["aupr"]
    low = glow["metrics"]["mnist"][score]["fpr95"]
    assert filled("{fpr95 fashion/glow mnist}") == f"{100 * low:.1f}\u00a0%"
    assert value_of("images digits-one/esad.2-01") == esad["data"]["images"]
    assert filled("{known digits-one/esad.2-01} of {class digits-one/esad.2-01}") == (
        f"{esad['data']['known']} of {esad['data']['known_class'].lower()}"
    )
    [row] = [
        row
        for row in card("studies/ama")["rows"]
        if (row["arm"], row["data"], row["variant"]) == ("features", "MNIST", None)
    ]
    assert filled("{study ama features MNIST}") == f"{row['value']:.3f}"


@pytest.mark.parametrize(
    "figure",
    ["", "nonsense", "auroc", "auroc fashion/glow", "auroc fashion/glow mnist total more",
     "auroc gone/glow mnist", "auroc fashion/../x mnist", "study gone a b", "study ama full gone",
     "class", "class fashion/gone", "images fashion"],
)  # fmt: skip
def test_a_figure_that_is_not_there_is_named_in_a_line(figure: str) -> None:
    with pytest.raises(LectureError) as told:
        filled(f"It has {{{figure}}}.")
    assert "\n" not in str(told.value)


def test_a_claim_is_checked_with_both_its_numbers() -> None:
    check_claim("1 < 2")
    check_claim("auroc fashion/glow mnist total < auroc fashion/glow mnist")
    with pytest.raises(LectureError, match=r"does not hold here: 2\.000 and 1\.000"):
        check_claim("2 < 1")
    with pytest.raises(LectureError, match="does not hold"):
        check_claim("1 > 1")


# What ships -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_every_sentence_of_a_shipped_lecture_holds_and_every_link_leads_somewhere(
    name: str,
) -> None:
    found = ask(LectureQuery(name))
    assert (found.left_out, found.absent) == ((), ())
    assert 4 <= len(found.steps) <= 8
    assert {addresses.stranger(step.link) for step in found.steps} == {""}
    assert not any("{" in step.text for step in found.steps)


@pytest.mark.parametrize("name", SHIPPED)
def test_no_sentence_holds_a_number_of_its_own(name: str) -> None:
    for step in lectures.read_lecture(name).steps:
        own = re.sub(r"\{[^}]*\}|Digit \d|A coin has 0\.5", "", step.text)
        assert not re.search(r"\d", own), step.text


def test_one_lecture_a_paper() -> None:
    assert SHIPPED == ["few-labels", "mirror", "novelty", "outskirts", "paradox"]


def test_the_first_lecture_is_made_of_what_every_page_proposes_to_try() -> None:
    found = ask(LectureQuery(lectures.TILES))
    assert found.left_out == ()
    shown = {(step.link.page, step.link.query) for step in found.steps}
    scenario, other = load_scenario("fashion"), load_scenario("digits-one").member("0")
    tiles = [t for t in scenario.start if t.text]
    tiles += [t for t in other.start if t.text and t.page == "labels"]
    assert {tile.page for tile in tiles} == set(addresses.NAMES) - {"overview"}
    assert len(shown) == len(tiles)
    for tile in tiles:
        [text] = [
            s.text
            for s in found.steps
            if s.text.startswith(tile.title) and s.text.endswith(tile.text)
        ]
        assert text


def test_every_page_knows_what_start_tiles_set() -> None:
    for name in scenario_names():
        for tile in load_scenario(name).start:
            pairs = tuple((f"{tile.page}_{key}", "x") for key in tile.state)
            assert addresses.stranger(Link(tile.page, pairs)) == ""


@pytest.mark.parametrize(
    ("title", "step"), [("A fault that only novelty sees", 1), ("A map that fails its check", 2)]
)
def test_what_a_lecture_says_of_an_image_is_what_its_tile_is_tested_for(
    title: str, step: int
) -> None:
    """tests/answers/test_explain_starts.py computes both."""
    [tile] = [t for t in load_scenario("fashion").start if t.title == title]
    link = lectures.read_lecture("novelty").steps[step].link
    query = dict(parse_qsl(link.partition("?")[2]))
    assert {f"explain_{k}": str(v) for k, v in tile.state.items()} | {
        "scenario": "fashion"
    } == query
