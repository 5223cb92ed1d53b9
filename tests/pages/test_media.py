"""Pictures of a page in Streamlit's store, while runs begin, are overtaken, and end elsewhere."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from pages._shared import media

PICTURE, OTHER = b"\x89PNG a picture", b"\x89PNG another"


class Session:
    """One visitor's session, as the script runner and the manager see it."""

    def __init__(self, manager: MediaFileManager, name: str, monkeypatch) -> None:
        self._manager, self._name, self._patch = manager, name, monkeypatch

    def begins(self) -> None:
        self._manager.clear_session_refs(self._name)

    def shows(self, data: bytes) -> str:
        self._patch.setattr(
            "streamlit.runtime.media_file_manager._get_session_id", lambda: self._name
        )
        address = self._manager.add(data, "image/png", "1.0.0")
        return address.rsplit("/", 1)[-1].removesuffix(".png")

    def ends(self) -> None:
        self._manager.remove_orphaned_files()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(media, "monotonic", found)
    return found


@pytest.fixture
def manager(clock) -> MediaFileManager:
    found = MediaFileManager(MemoryMediaFileStorage("/media"))
    media.outlive_their_run(found)
    return found


def there(manager: MediaFileManager, file: str) -> bool:
    return manager.read_file(file) is not None


def test_a_picture_outlives_a_run_that_is_overtaken_and_others_that_end(manager, monkeypatch):
    one, other = (Session(manager, name, monkeypatch) for name in ("one", "other"))
    one.begins()
    file = one.shows(PICTURE)
    one.ends()
    one.begins()
    one.ends()  # overtaken before it came to the picture
    assert there(manager, file)
    other.begins()
    other.shows(OTHER)
    other.ends()
    assert there(manager, file)


def test_what_nobody_shows_any_longer_goes_when_its_time_is_over(manager, clock, monkeypatch):
    one = Session(manager, "one", monkeypatch)
    one.begins()
    file = one.shows(PICTURE)
    clock.now += 1
    one.begins()
    new = one.shows(OTHER)
    one.ends()
    clock.now += media.KEPT - 0.1
    one.begins()
    one.shows(OTHER)
    one.ends()
    assert there(manager, file)
    clock.now += 0.2
    one.begins()
    one.shows(OTHER)
    one.ends()
    assert not there(manager, file)
    assert there(manager, new)
    clock.now += media.KEPT
    one.ends()
    assert there(manager, new)  # however long it is shown
    one.begins()
    one.ends()
    clock.now += media.KEPT
    Session(manager, "other", monkeypatch).ends()
    assert not manager._file_metadata


def test_a_picture_stays_as_long_when_another_takes_its_place(manager, clock, monkeypatch):
    one = Session(manager, "one", monkeypatch)
    one.begins()
    file = one.shows(PICTURE)
    one.ends()
    one.shows(OTHER)  # where a part of the page runs alone, nothing begins
    one.ends()
    assert there(manager, file)
    clock.now += media.KEPT / 2
    one.shows(PICTURE)  # and again: from now on it is counted anew
    one.ends()
    one.shows(OTHER)
    one.ends()
    clock.now += media.KEPT - 0.1
    one.ends()
    assert there(manager, file)
    clock.now += 0.2
    one.ends()
    assert not there(manager, file)


def test_a_file_to_take_away_stays_as_long(manager, clock, monkeypatch):
    one, other = (Session(manager, name, monkeypatch) for name in ("one", "other"))
    one.begins()
    monkeypatch.setattr("streamlit.runtime.media_file_manager._get_session_id", lambda: "one")
    file = manager.add_deferred(lambda: b"figures", "text/csv", "2.0", "figures.csv")
    one.ends()
    one.begins()  # and runs for a while, when others end
    other.ends()
    other.ends()
    assert file in manager._deferred_callables
    clock.now += media.KEPT
    other.ends()
    assert not manager._deferred_callables
    assert not manager._deferred_ids_by_session


def test_the_server_keeps_its_files_so(monkeypatch, clock):
    import app

    manager = MediaFileManager(MemoryMediaFileStorage("/media"))
    monkeypatch.setattr(
        app.runtime, "get_instance", lambda: SimpleNamespace(media_file_mgr=manager)
    )
    monkeypatch.setattr(app, "load", lambda: None)
    before = AppSession.request_rerun
    monkeypatch.setattr(AppSession, "request_rerun", before)  # and as it was, in the end
    monkeypatch.setattr(app, "keep_house", lambda: None)

    async def start() -> None:
        async with app.warm(app.app):
            pass

    asyncio.run(start())
    assert AppSession.request_rerun is not before  # test_steps.py says what it is then
    one = Session(manager, "one", monkeypatch)
    one.begins()
    file = one.shows(PICTURE)
    one.begins()
    one.ends()
    assert there(manager, file)
