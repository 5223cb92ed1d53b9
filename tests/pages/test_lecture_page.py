"""A lecture on the pages: the step and its sentences, ways to the others, one of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from apps import figure_of, text_of
from conftest import Tiny, forget_everything
from streamlit.testing.v1 import AppTest

from core import lectures
from pages._shared import addresses, lecture_own, links, presenting
from pages._shared.pages import PAGES

pytestmark = pytest.mark.usefixtures("quick_apps")
STEPS = [
    {"link": "likelihoods?scenario=tiny&likelihoods_order=most+normal", "text": "First *x*."},
    {"link": "nonsense?scenario=tiny", "text": "No such page."},
    {"link": "likelihoods?likelihoods_nonsense=1", "text": "No such control."},
    {"link": "likelihoods?scenario=gone", "text": "No such scenario."},
    {"link": "?scenario=tiny", "text": "It has {auroc tiny/glow strokes}."},
]


@pytest.fixture
def folder(tiny_scenario: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a lecture, for a server with one scenario."""
    found = tmp_path / "lectures"
    found.mkdir()
    whole = {"title": "On *boxes*", "steps": STEPS}
    (found / "boxes.json").write_text(json.dumps(whole))
    monkeypatch.setenv("OUTSKIRTS_LECTURES", str(found))
    forget_everything()
    return found


def fine(app: AppTest) -> AppTest:
    assert not app.exception, [e.value for e in app.exception]
    return app


def visit(page: str = "overview", **query: str) -> AppTest:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app.query_params.update(query)
    app = fine(app.run())
    if page == "overview":
        return app
    app = app.switch_page(f"{page}.py")
    app.query_params.update(query)
    return fine(app.run())


def ways(app: AppTest, key: str = "lecture_ways") -> dict:
    """What the browser's half of the links is given."""
    [given] = [e.proto for e in app.get("bidi_component") if key in e.proto.id]
    return json.loads(given.json)


def infos(app: AppTest) -> str:
    return "\n".join(info.value for info in app.info)


def test_a_step_says_where_one_is_and_what_is_left_out(folder: Path) -> None:
    app = visit("likelihoods", **{"likelihoods_order": "most normal", "lecture": "boxes"})
    said = text_of(app)
    assert r"Step 1 of 2 · On \*boxes\*" in said
    assert r"First \*x\*\." in said
    for why in (
        "step 4 needs gone, which is not here; step 2: there is no page “nonsense”; "
        "step 3: the page knows no “likelihoods",
    ):
        assert why in said.replace("\\", "")
    assert "end of the lecture" not in said
    data = ways(app)
    assert data["steps"] == [
        "likelihoods?scenario=tiny&likelihoods_order=most+normal&lecture=boxes&step=1",
        "./?scenario=tiny&lecture=boxes&step=2",
    ]
    assert [link["href"] for link in data["links"]] == ["", data["steps"][1]]
    assert data["keys"] is False
    assert "".join(app.query_params["step"]) == "1"


def test_the_last_step_says_so_and_cites_a_number(folder: Path) -> None:
    app = visit(lecture="boxes", step="2", present="1")
    card = json.loads((folder.parent / "checkpoints/tiny/glow.json").read_text())
    auroc = card["metrics"]["strokes"][card["score"]["part"]]["auroc"]
    said = text_of(app).replace("\\", "")
    assert f"It has {auroc:.3f}. *This is the end of the lecture.*" in said
    data = ways(app)
    assert data["keys"] is True
    assert data["links"][1]["href"] == ""
    assert all(step.endswith("&present=1") for step in data["steps"])


def test_the_list_has_a_quiet_line_for_a_lecture_of_other_scenarios(folder: Path) -> None:
    steps = [{"link": "mirror?scenario=gone", "text": "{auroc gone/ama x} and {known gone/b}."}] * 3
    (folder / "away.json").write_text(json.dumps({"title": "Away", "steps": steps}))
    app = visit()
    app = fine(app.button("lectures_open").click().run())
    captions = [c.value.replace("\\", "") for c in app.caption]
    assert captions.count("Away: 3 steps need gone, which is not here.") == 1
    [warned] = [w.value.replace("\\", "") for w in app.warning]
    assert warned.startswith("On *boxes*: Left out here: step 4 needs gone")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"lecture": "nonsense", "step": "99"}, "there is no lecture “nonsense”"),
        ({"lecture": "boxes", "step": "99"}, "Step: “99”"),
        ({"lecture": "boxes", "step": "-1"}, "Step: “-1”"),
        ({"lecture": "boxes", "step": "²"}, "Step: “²”"),
        ({"lecture": "bad", "step": "1"}, "lectures/bad.json: it is no lecture"),
        ({"lecture": "nowhere"}, "Nothing of Nowhere can be shown"),
        ({"lecture": "own", "step": "2"}, "kept in another browser"),
        ({"lecture": "../boxes", "present": "x"}, "there is no lecture"),
    ],
)
def test_a_link_to_no_step_says_so_in_a_line(folder: Path, query: dict, told: str) -> None:
    (folder / "bad.json").write_text("{")
    nowhere = {"title": "Nowhere", "steps": STEPS[1:2]}
    (folder / "nowhere.json").write_text(json.dumps(nowhere))
    app = visit(**query)
    assert told in infos(app).replace("\\", "")
    assert len(app.info) == 1


@pytest.mark.slow
def test_who_goes_elsewhere_by_the_menu_finds_the_way_back(folder: Path) -> None:
    app = visit(lecture="boxes", step="2")
    app.query_params.clear()
    app = fine(app.switch_page("likelihoods.py").run())
    assert "Step 2 of 2" in text_of(app)
    assert ways(app)["links"][2]["label"] == "This step is on Overview"
    app = fine(app.button("lecture_end").click().run())
    assert "Step 2 of 2" not in text_of(app)
    assert "lecture" not in app.query_params


@pytest.mark.slow
def test_the_presenters_view_has_larger_words_and_is_left_as_it_is_taken_up(folder: Path) -> None:
    def size(app: AppTest) -> int:
        layout = figure_of(app, "likelihoods_total")["layout"]
        return layout["template"]["layout"]["font"]["size"]

    app = visit("likelihoods")
    before = size(app)
    assert app.button("present_begin").proto.shortcut.lower() == "p"
    app = fine(app.button("present_begin").click().run())
    assert size(app) == pytest.approx(presenting.LARGER * before, abs=1)
    assert "".join(app.query_params["present"]) == "1"
    assert [b.key for b in app.button if b.key and b.key.startswith("present_")] == [
        "present_leave"
    ]
    app = fine(app.button("present_leave").click().run())
    assert size(app) == before
    assert "present" not in app.query_params


# One's own --------------------------------------------------------------------------------------


def keep(app: AppTest, text: str) -> AppTest:
    """Keep the view that is open, with a sentence."""
    app = fine(app.button("lectures_open").click().run())
    app.text_area("lecture_own_text").set_value(text)
    [button] = [b for b in app.button if b.label == "Keep this view"]
    return fine(button.click().run())


def held(app: AppTest) -> lectures.LectureFile | None:
    return app.session_state.get("_lecture_own", None)


@pytest.mark.slow
def test_a_view_is_kept_with_its_sentence_moved_removed_and_told_to_the_browser(
    folder: Path,
) -> None:
    app = visit("likelihoods", likelihoods_order="typical", seed="3")
    app = keep(app, "  ")
    assert held(app) is None
    for text in (" One\n look. ", "Two."):
        app = keep(app, text)
    own = held(app)
    assert own is not None
    assert [step.text for step in own.steps] == ["One look.", "Two."]
    link = lectures.link_of(own.steps[0].link)
    assert link.page == "likelihoods"
    assert {"scenario": "tiny", "likelihoods_order": "typical"}.items() <= dict(link.query).items()
    assert addresses.stranger(link) == ""
    app = fine(app.button("lectures_open").click().run())
    app = fine(app.button("lecture_down_0").click().run())
    assert [step.text for step in held(app).steps] == ["Two.", "One look."]
    [told] = [
        json.loads(e.proto.json)
        for e in app.get("bidi_component")
        if e.proto.component_name == "outskirts.lecture_own" and json.loads(e.proto.json)["home"]
    ]
    assert lectures.load(told["text"]) == held(app)
    app = fine(app.button("lectures_open").click().run())
    app = fine(app.button("lecture_out_0").click().run())
    assert [step.text for step in held(app).steps] == ["One look."]
    app.query_params.update({"lecture": "own", "step": "1"})
    app = fine(app.switch_page("overview.py").run())
    assert "Step 1 of 1 · My lecture" in text_of(app)


def in_a_session(act: Callable[[], None]) -> AppTest:
    return fine(AppTest.from_function(act).run())


def test_what_the_browser_kept_is_taken_over_and_what_is_damaged_is_named() -> None:
    def script() -> None:
        import streamlit as st

        from pages._shared import lecture_own

        for text in ('{"title": "T", "steps": [{"link": "mirror", "text": "x"}]}', "{", 3):
            lecture_own.take(text)
            st.write(f"{lecture_own.contents().title}; {lecture_own.trouble()}")
        lecture_own.take("")
        st.write(str(lecture_own.contents()))

    said = [m.value for m in in_a_session(script).markdown]
    assert said[0] == "T;"
    assert "cannot be read: it is no lecture" in said[1]
    assert said[3] == "None"


def test_a_lecture_has_no_more_steps_than_its_file_may_have() -> None:
    def script() -> None:
        import streamlit as st

        from core import lectures
        from pages._shared import lecture_own

        step = lectures.LectureStep(link="mirror", text="x")
        lecture_own.put(lectures.LectureFile(title="T", steps=(step,) * lectures.MAX_STEPS))
        try:
            lecture_own.keep_view("more")
        except Exception as error:
            st.write(str(error))
        lecture_own.move(0, -1)
        lecture_own.remove(999)
        st.write(str(len(lecture_own.contents().steps)))

    said = [m.value for m in in_a_session(script).markdown]
    assert said == [f"a lecture has up to {lectures.MAX_STEPS} steps", str(lectures.MAX_STEPS)]


# What an address may say ------------------------------------------------------------------------


@pytest.mark.slow
def test_every_control_that_writes_itself_into_the_address_is_known(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: set[str] = set()
    write, opens = links.write, links.opens_with

    def noted_write(key: str, value: object) -> None:
        written.add(key)
        write(key, value)  # type: ignore[arg-type]

    def noted_opens(key: str, value: object) -> object:
        written.add(key)
        return opens(key, value)

    monkeypatch.setattr(links, "write", noted_write)
    monkeypatch.setattr(links, "opens_with", noted_opens)
    app = visit()
    for page in PAGES[1:]:
        app = fine(app.switch_page(f"{page.stem}.py").run())
    own = {key for key in written if key not in (*addresses.EVERYWHERE, *lectures.WHERE)}
    assert len(own) > 40
    strangers = {
        key for key in own
        if key.partition("_")[2] not in addresses.NAMES.get(key.partition("_")[0], ())
    }  # fmt: skip
    assert strangers == set()


def test_the_view_that_is_open_is_kept_without_where_in_a_lecture_it_is() -> None:
    def script() -> None:
        import streamlit as st

        from pages._shared import lecture_own

        st.session_state["_page"], st.session_state["world"] = "mirror", "digits-one.4"
        st.query_params.from_dict(
            {"lecture": "x", "step": "2", "present": "1", "mirror_first": "too-good", "evil": "1"}
        )
        st.write(lecture_own.view().text)

    [said] = [m.value for m in in_a_session(script).markdown]
    assert said == "mirror?scenario=digits-one&normal=4&mirror_first=too-good"
    assert lecture_own.TITLE
