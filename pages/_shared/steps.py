"""A step through the browser's history counts until a run has taken it, whatever overtakes the first.

Back, Forward and a turned step of a lecture are told to the server as such. Where the browser tells
something else a moment later, as that it has all maps of a page, Streamlit stops the run of the step,
which may not have begun, and runs the page without a word of it: that run would write the place that
was left into the address, and the step would be lost.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import get_script_run_ctx

__all__ = ["outlive_their_run", "taken"]

LONG = 10.0  # seconds: after that, no run of the step is awaited
_UNTAKEN: dict[str, tuple[float, Any]] = {}  # when, and what was asked, by the id of the session


def outlive_their_run(sessions: type[Any] = AppSession) -> None:
    """Ask for the run of a step again in place of one that overtakes it from the page that is left.

    Args:
        sessions: the class of what the server holds of a visitor, which is asked for runs.
    """
    request = sessions.request_rerun

    def request_rerun(session: Any, client_state: Any) -> None:
        now = monotonic()
        if client_state and client_state.is_history_navigation:
            for other in [one for one, (since, _) in list(_UNTAKEN.items()) if now - since >= LONG]:
                _UNTAKEN.pop(other, None)  # of a visitor who left
            _UNTAKEN[session.id] = now, client_state
        elif client_state and not client_state.fragment_id and session.id in _UNTAKEN:
            since, step = _UNTAKEN[session.id]
            left = session._client_state.page_script_hash
            if now - since < LONG and client_state.page_script_hash in (
                left,
                step.page_script_hash,
            ):
                client_state = step
            else:  # to a page that was chosen since
                del _UNTAKEN[session.id]
        request(session, client_state)

    sessions.request_rerun = request_rerun


def taken() -> None:
    """Note that this run has taken the step."""
    if context := get_script_run_ctx():
        _UNTAKEN.pop(context.session_id, None)
