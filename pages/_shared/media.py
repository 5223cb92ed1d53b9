"""What a page shows, and offers to take away, outlives its run for as long as a browser may take to ask.

Streamlit lets go of a session's files when its page begins to run, and deletes at the end of any
visitor's run what no session shows then. A browser that asks between the two, or after a run that
was overtaken before it came to a picture, was told that there is none.
"""

from __future__ import annotations

from itertools import count
from time import monotonic

from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

__all__ = ["KEPT", "outlive_their_run"]

KEPT = 30.0  # seconds


def outlive_their_run(manager: MediaFileManager, seconds: float = KEPT) -> None:
    """Let the files of a run stay so many seconds after its session let go of them.

    Args:
        manager: of the server's files; what a session shows stands in it under the session's id,
            and what it showed until now stands beside that from here on, under an id of its own.
    """
    let_go, shown, lock = (
        manager.clear_session_refs,
        manager._files_by_session_and_coord,
        manager._lock,
    )
    until: dict[str, float] = {}  # by the id under which it stands
    numbers = count()

    def keep_and_let_go(session_id: str | None = None) -> None:
        context = get_script_run_ctx()
        session = session_id or (context.session_id if context else "")
        now = monotonic()
        with lock:
            for name in [name for name, end in until.items() if end <= now]:
                shown.pop(name, None)
                del until[name]
            if files := shown.get(session):
                name = f"{session}, before {next(numbers)}"
                shown[name], until[name] = dict(files), now + seconds
        let_go(session_id)

    manager.clear_session_refs = keep_and_let_go  # type: ignore[method-assign]
