"""The page Few labels as a link opens it, for the tests of all its sections."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

__all__ = ["opened"]


def opened(scenario: str = "tiny-one", normal: str = "one", **state: object) -> AppTest:
    """The page as a link opens it, without an exception."""
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60)
    app.query_params["scenario"], app.query_params["normal"] = scenario, normal
    for key, value in state.items():
        app.query_params[f"labels_{key}"] = str(value)
    app = app.switch_page("labels.py").run()
    assert not app.exception
    return app
