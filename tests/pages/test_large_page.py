"""Explain of pictures of 256 pixels a side draws the maps that wait for nobody, through a backbone.

Other tests of pages have maps of nothing there.
"""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.studies import study

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_apps")]


def test_explain_draws_a_large_picture_and_the_study_of_its_bank():
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=300)
    app.query_params["scenario"] = "screws"
    app.query_params["explain_model"] = "novelty"
    app.query_params["explain_image"] = "scratch-neck#0"
    app.switch_page("explain.py").run()
    assert not app.exception
    assert [e.value for e in app.error] == []
    assert app.session_state["explain_image"] == "scratch-neck#0"
    asked = [e.value for e in app.subheader]
    assert study("retakes").question in asked  # on garments it is left out
