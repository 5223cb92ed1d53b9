"""The page Mirror as a link opens it, for the tests of all its sections."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

__all__ = ["opened"]


def opened(**state: object) -> AppTest:
    """The page as a link opens it, without an exception."""
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60)
    for key, value in state.items():
        app.query_params[f"mirror_{key}"] = str(value)
    app = app.switch_page("mirror.py").run()
    assert not app.exception
    return app
