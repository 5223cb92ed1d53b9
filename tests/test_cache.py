"""Values are made once a version, those that are there are had at once, and bytes are bounded."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from core.cache import Cache, stamp


def of_length(*, limit: int) -> Cache[str]:
    return Cache(limit=limit, sized=len)


def test_a_value_is_made_once_a_version() -> None:
    cache, made = of_length(limit=100), []

    def make(text: str) -> str:
        made.append(text)
        return text

    assert [cache.get("a", version, lambda v=version: make(v)) for version in ("1", "1", "2", "2")]
    assert made == ["1", "2"]
    assert cache.get("b", "2", lambda: make("other")) == "other"
    cache.cache_clear()
    cache.get("a", "2", lambda: make("again"))
    assert made == ["1", "2", "other", "again"]


def test_those_asked_for_longest_ago_go_when_all_weigh_too_much() -> None:
    cache, made = of_length(limit=10), []

    def ask(key: str, weight: int = 4) -> None:
        cache.get(key, "", lambda: made.append(key) or key * weight)

    for key in "abacab":  # c drives out b, which was asked for before a; then b drives out c
        ask(key)
    assert made == ["a", "b", "c", "b"]
    ask("a")
    assert made == ["a", "b", "c", "b"]
    ask("d", 100)  # more than all may weigh: the newest stays alone
    ask("d", 100)
    ask("a")
    assert made == ["a", "b", "c", "b", "d", "a"]


def test_another_version_of_a_value_takes_the_place_of_the_older_one() -> None:
    cache = of_length(limit=10)
    for version in range(20):
        cache.get("a", version, lambda: "eight---")
    made: list[str] = []
    cache.get("b", 0, lambda: "b")
    cache.get("a", 19, lambda: made.append("a") or "a")
    assert made == []


def test_who_asks_for_what_is_there_does_not_wait_for_what_is_being_made() -> None:
    cache, begun, go_on = of_length(limit=100), threading.Event(), threading.Event()
    cache.get("there", "", lambda: "value")

    def slow() -> str:
        begun.set()
        assert go_on.wait(60)
        return "slow"

    found: list[str] = []
    waiting = [
        threading.Thread(target=lambda: found.append(cache.get("made", "", slow))) for _ in range(3)
    ]
    asking = threading.Thread(target=lambda: found.append(cache.get("there", "", lambda: "again")))
    try:
        for thread in waiting:
            thread.start()
        assert begun.wait(60)
        asking.start()
        asking.join(60)
        assert found == ["value"]
    finally:
        go_on.set()
        for thread in waiting:
            thread.join()
    assert found == ["value", "slow", "slow", "slow"]


def test_what_cannot_be_made_leaves_nothing_and_is_tried_again() -> None:
    cache = of_length(limit=100)

    def fail() -> str:
        raise ValueError("no")

    for key in range(5):
        with pytest.raises(ValueError, match="no"):
            cache.get(key, "", fail)
    assert not cache.size
    assert cache.get(0, "", lambda: "now") == "now"
    with pytest.raises(ValueError, match="no"):
        cache.get(0, "2", fail)
    assert cache.get(0, "", lambda: "again") == "now"  # the older version is still there


def test_a_stamp_tells_files_apart_and_knows_none_where_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / "a"
    assert stamp(file) == stamp(tmp_path / "a\0") == stamp(tmp_path / "\ud800") == "-"
    file.write_bytes(b"1")
    first = stamp(file)
    assert stamp(file) == first != "-"
    other = tmp_path / "b"
    other.write_bytes(b"2")
    other.replace(file)
    assert stamp(file) != first
