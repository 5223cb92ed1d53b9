"""A scenario whose models are still to be trained: every page says the command that trains one."""

from __future__ import annotations

import pytest
from conftest import Tiny, forget_everything
from streamlit.testing.v1 import AppTest

from pages._shared.pages import PAGES

COMMAND = "python -m core train tiny/"


@pytest.mark.usefixtures("quick_apps")
def test_every_page_says_how_a_model_is_trained(tiny_scenario: Tiny) -> None:
    for file in tiny_scenario.folder.glob("glow*"):
        file.unlink()
    forget_everything()
    for page in [row.stem for row in PAGES]:
        app = AppTest.from_file("../../pages/_frame.py", default_timeout=120)
        app.query_params["scenario"] = "tiny"
        app = app.switch_page(f"{page}.py").run()
        assert not app.exception, page
        said = [x.value for kind in (app.info, app.warning, app.error) for x in kind]
        assert said, page
        if page not in ("outskirts", "mirror", "labels"):  # of detectors that are not to learn here
            assert any(COMMAND in text for text in said), (page, said)
