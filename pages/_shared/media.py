"""What a page shows, and offers to take away, stays for as long as a browser may take to ask for it.

Streamlit lets go of a session's files when its page begins to run, and of a picture when another
takes its place; at the end of any visitor's run it deletes what no session shows then. A browser
that asked after that was told that there is none: of a run that was overtaken, or of a part of a
page that ran twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

from streamlit.runtime.media_file_manager import MediaFileManager

__all__ = ["KEPT", "outlive_their_run"]

KEPT = 30.0  # seconds


def outlive_their_run(manager: MediaFileManager, seconds: float = KEPT) -> None:
    """Let files stay so many seconds after they were first found to be shown by nobody.

    Args:
        manager: of the server's files; it looks for those at the end of every run.
        seconds: that a browser may take.
    """
    since: dict[str, float] = {}  # when a file was first found so

    def long_gone(unseen: Iterable[str]) -> set[str]:
        now, unseen = monotonic(), set(unseen)
        for file in since.keys() - unseen:
            del since[file]
        return {file for file in unseen if now - since.setdefault(file, now) >= seconds}

    of_files = manager._get_inactive_file_ids
    drop = manager._drop_deferred_id

    def files() -> set[str]:
        held = [set(shown.values()) for shown in manager._files_by_session_and_coord.values()]
        waiting = manager._deferred_callables.keys() - set().union(*held)
        gone = long_gone(of_files() | waiting)
        for file in gone & waiting:
            drop(file)
        return gone - waiting

    manager._get_inactive_file_ids = files  # type: ignore[method-assign]
    manager._remove_orphaned_deferred_callables = lambda: None  # type: ignore[method-assign]
