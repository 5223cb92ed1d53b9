"""A scenario whose models are still to be trained: every page says the command that trains one."""

from __future__ import annotations

import json

import pytest
from conftest import Tiny, change, forget_everything
from streamlit.testing.v1 import AppTest

from pages._shared.pages import PAGES

COMMAND = "python -m core train tiny/"

pytestmark = pytest.mark.usefixtures("quick_apps")


def visit(page: str, **query: str) -> AppTest:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=120)
    app.query_params.update(query)
    app = app.switch_page(f"{page}.py").run()
    assert not app.exception, page
    return app


def test_every_page_says_how_a_model_is_trained(tiny_scenario: Tiny) -> None:
    for file in tiny_scenario.folder.glob("glow*"):
        file.unlink()
    forget_everything()
    for page in [row.stem for row in PAGES]:
        app = visit(page, scenario="tiny")
        said = [x.value for kind in (app.info, app.warning, app.error) for x in kind]
        assert said, page
        if page not in ("outskirts", "mirror", "labels"):  # of detectors that are not to learn here
            assert any(COMMAND in text for text in said), (page, said)


def test_a_scenario_before_its_first_training_stands_last_and_each_page_keeps_its_title(
    tiny_scenario: Tiny,
) -> None:
    own = tiny_scenario.checkpoints / "cells"
    own.mkdir()
    values = json.loads((tiny_scenario.folder / "scenario.json").read_text())
    (own / "scenario.json").write_text(json.dumps(values | {"name": "cells", "title": "Cells"}))
    forget_everything()
    assert visit("overview").session_state["world"] == "tiny"
    for row in PAGES:
        app = visit(row.stem, scenario="cells")
        assert [t.value for t in app.title] == [row.title]
        assert [i.value for i in app.info] == [
            "No model of cells is trained yet: `python -m core train cells/glow` trains one."
        ], row.stem
        assert not app.error


def test_what_more_can_be_trained_is_a_quiet_line_and_a_damaged_card_is_red(
    tiny_scenario: Tiny,
) -> None:
    change(
        tiny_scenario,
        lambda values: values["training"].update({"glow.more": values["training"]["glow"]}),
    )
    app = visit("overview", scenario="tiny")
    line = "1 more model can be trained: glow.more; by `python -m core train tiny/glow.more`."
    assert [c.value for c in app.caption].count(line) == 1
    assert not app.error
    for page, name in (("likelihoods", "likelihoods_model"), ("cards", "cards_model")):
        app = visit(page, scenario="tiny", **{name: "glow.more"})
        assert not app.error, page
        [said] = [i.value for i in app.info if "glow.more" in i.value]
        assert said.startswith("No checkpoint tiny/glow.more: train it with `python -m core"), page
    (tiny_scenario.folder / "glow.more.json").write_text("{")
    forget_everything()
    app = visit("overview", scenario="tiny")
    [wrong] = [e.value for e in app.error]
    assert wrong.startswith("card tiny/glow.more.json is damaged")
    assert not [c for c in app.caption if "can be trained" in c.value]
