"""Explain of pictures of 256 pixels a side draws all its maps, of every method, through a backbone.

Other tests of pages have maps of nothing there: these take half a minute and more.
"""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_apps")]


def test_explain_draws_all_maps_of_a_large_picture():
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=300)
    app.query_params["scenario"] = "screws"
    app.query_params["explain_model"] = "novelty"
    app.query_params["explain_image"] = "scratch-neck#0"
    app.switch_page("explain.py").run()
    assert not app.exception
    assert [e.value for e in app.error] == []
    assert app.session_state["explain_image"] == "scratch-neck#0"
