"""How a server bears many visitors: answers by turns, and no search for garbage in what stays."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from core import service
from core.cache import Cache, size_of
from core.service import Query


@pytest.fixture(autouse=True)
def _no_answers_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_answers", Cache(limit=10**6, sized=size_of))


@dataclass(frozen=True)
class Slow(Query[int]):
    """A question that waits to be told before it is answered."""

    number: int

    def files(self) -> Iterable[Path]:
        return ()


def test_answers_are_computed_by_turns_and_those_that_are_there_wait_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on, found = threading.Semaphore(0), threading.Event(), list[int]()

    def slow(query: Slow) -> int:
        if query.number:
            begun.release()
            go_on.wait(10)
        return query.number

    monkeypatch.setitem(service.ANSWERED, Slow, slow)
    monkeypatch.setattr(service, "_turns", threading.BoundedSemaphore(2))
    there = service.ask(Slow(0))
    askers = [
        threading.Thread(target=lambda n=n: found.append(service.ask(Slow(n)))) for n in (1, 2, 3)
    ]
    for thread in askers:
        thread.start()
    try:
        assert begun.acquire(timeout=10)
        assert begun.acquire(timeout=10)
        assert not begun.acquire(timeout=0.2), "three at a time"
        assert service.ask(Slow(0)) == there
    finally:
        go_on.set()
        for thread in askers:
            thread.join(10)
    assert sorted(found) == [1, 2, 3]


def test_an_answer_that_fails_gives_its_turn_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(query: Slow) -> int:
        raise service.OutskirtsError(f"no {query.number}")

    monkeypatch.setitem(service.ANSWERED, Slow, failing)
    monkeypatch.setattr(service, "_turns", threading.BoundedSemaphore(1))
    for number in (1, 2, 1):
        with pytest.raises(service.OutskirtsError, match=f"no {number}"):
            service.ask(Slow(number))


@pytest.mark.slow
def test_garbage_that_was_settled_with_what_stays_is_found_when_it_is_settled_again() -> None:
    import app

    class Knot:
        pass

    knot = Knot()
    knot.itself = knot  # type: ignore[attr-defined]
    gone = weakref.ref(knot)
    app.settle()
    del knot
    gc.collect()
    assert gone() is not None, "what is settled is no longer looked through"
    app.settle()
    assert gone() is None
