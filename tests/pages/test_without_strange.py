"""A scenario without strange images works on every page, and says so where they would stand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from conftest import Call, Tiny, _settle, _with_models, forget_everything, train_all
from streamlit.testing.v1 import AppTest

from pages._shared.pages import PAGES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_apps")]

NONE = "no strange images in this scenario"


def scenario_json() -> dict:
    """The scenario of three detectors, and nothing that is strange."""
    models = [tiny.novelty_json(), tiny.ama_json(), tiny.scenario_json(())]
    training = {name: one for values in models for name, one in values["training"].items()}
    return tiny.scenario_json(()) | {"strange": [], "training": training}


@pytest.fixture(scope="module")
def trained_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_all(tmp_path_factory.mktemp("normal"), scenario_json())


@pytest.fixture
def alone(trained_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    found = _settle(monkeypatch, trained_root)
    _with_models(monkeypatch, found)
    yield found
    forget_everything()


def opened(page: str, **query: str) -> AppTest:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=120)
    app.query_params["scenario"] = "tiny"
    for key, value in query.items():
        app.query_params[key] = value
    return app.switch_page(f"{page}.py").run()


def said(app: AppTest) -> str:
    shown = [app.markdown, app.caption, app.info, app.warning, app.error]
    return "\n".join(element.value for kind in shown for element in kind)


STEMS = [page.stem for page in PAGES]


@pytest.mark.parametrize("page", STEMS)
def test_a_page_opens_without_strange_images(alone: Tiny, page: str) -> None:
    app = opened(page)
    assert not app.exception, app.exception
    assert not [e.value for e in app.error]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("compare", "nothing can be counted as found or missed"),
        ("likelihoods", "likelihoods are compared with those of strange ones"),
    ],
)
def test_a_page_of_strange_images_says_in_a_line_that_there_are_none(
    alone: Tiny, page: str, words: str
) -> None:
    (line,) = [one.value for one in opened(page).info]
    assert line.startswith("There are no strange images in this scenario: ")
    assert words in line


@pytest.mark.parametrize("page", ["compare", "explain", "own"])
def test_a_page_without_models_says_the_command_that_trains_one(
    alone: Tiny, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "checkpoints" / "tiny"
    bare.mkdir(parents=True)
    for name in ("scenario.json", "reference.npz"):
        if (alone.folder / name).exists():
            shutil.copy(alone.folder / name, bare / name)
    _settle(monkeypatch, tmp_path)
    (line,) = [one.value for one in opened(page).info]
    assert "No model of this scenario is trained yet" in line
    assert "`python -m core train tiny/novelty` trains one" in line


def test_evaluate_says_that_there_is_nothing_strange(alone: Tiny, call: Call) -> None:
    assert NONE in call("evaluate", "tiny/glow").error()
