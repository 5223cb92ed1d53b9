"""The page Explain as a link opens it, for tests that need no browser."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

__all__ = ["opened"]


def opened(**state: object) -> AppTest:
    """The page as a link opens it: without an exception, and without an error that it says."""
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60)
    if "scenario" in state:
        app.query_params["scenario"] = str(state.pop("scenario"))
    for key, value in state.items():
        app.query_params[f"explain_{key}"] = str(value)
    app = app.switch_page("explain.py").run()
    assert not app.exception
    assert [e.value for e in app.error] == []
    return app
