"""Steps through the browser's history that another run overtakes before theirs has begun."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit.proto.ClientState_pb2 import ClientState

from pages._shared import links, steps


class Session:
    """What is asked of a visitor's session, which had the page "old" last."""

    def __init__(self) -> None:
        self.id = "one"
        self.asked: list[tuple[bool, str]] = []
        self._client_state = SimpleNamespace(page_script_hash="old")

    def request_rerun(self, client_state: ClientState | None) -> None:
        if client_state is not None:
            self.asked.append((client_state.is_history_navigation, client_state.page_script_hash))


@pytest.fixture
def session(monkeypatch) -> Session:
    class Asked(Session):
        pass

    steps.outlive_their_run(Asked)
    monkeypatch.setattr(steps, "_UNTAKEN", {})
    return Asked()


def asked(page: str, *, step: bool = False, part: str = "") -> ClientState:
    return ClientState(page_script_hash=page, is_history_navigation=step, fragment_id=part)


def take(monkeypatch, session: Session) -> None:
    """The run of a step comes to where it follows the address."""
    context = SimpleNamespace(session_id=session.id, is_history_navigation=True)
    state: dict[str, object] = {}
    fake = SimpleNamespace(session_state=state, query_params={})
    for module in (links, steps):
        monkeypatch.setattr(module, "get_script_run_ctx", lambda: context)
    monkeypatch.setattr(links, "st", fake)
    links.arrive("new")
    assert links.followed()


def test_the_step_is_asked_again_of_what_overtakes_it_until_a_run_has_taken_it(
    session, monkeypatch
):
    session.request_rerun(asked("new", step=True))
    for page in ("old", "new"):  # the browser may not know yet where it is
        session.request_rerun(asked(page))
    assert session.asked == [(True, "new")] * 3
    take(monkeypatch, session)
    session.request_rerun(asked("new"))
    assert session.asked[-1] == (False, "new")


def test_who_chose_another_page_since_gets_that_one(session):
    session.request_rerun(asked("new", step=True))
    session.request_rerun(asked("third"))
    session.request_rerun(asked("new"))
    assert session.asked[1:] == [(False, "third"), (False, "new")]


def test_a_part_of_a_page_that_runs_alone_and_another_session_change_nothing(session):
    session.request_rerun(asked("new", step=True))
    session.request_rerun(asked("old", part="a"))
    session.request_rerun(None)
    other = type(session)()
    other.id = "other"
    other.request_rerun(asked("old"))
    assert session.asked[1:] == [(False, "old")]
    assert other.asked == [(False, "old")]


def test_no_step_is_awaited_for_ever(session, monkeypatch):
    session.request_rerun(asked("new", step=True))
    now = steps.monotonic() + steps.LONG
    monkeypatch.setattr(steps, "monotonic", lambda: now)
    session.request_rerun(asked("old"))
    assert session.asked[-1] == (False, "old")


def test_a_step_of_a_visitor_who_left_is_forgotten(session, monkeypatch):
    session.request_rerun(asked("new", step=True))
    now = steps.monotonic() + steps.LONG
    monkeypatch.setattr(steps, "monotonic", lambda: now)
    other = type(session)()
    other.id = "other"
    other.request_rerun(asked("new", step=True))
    assert list(steps._UNTAKEN) == ["other"]
