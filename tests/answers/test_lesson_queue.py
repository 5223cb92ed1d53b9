"""Lessons one after the other: whose turn it is, who leaves when, and what no visitor may break."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core.answers.lesson_queue import NICE, LessonState, Message, Queue, QueueFull

# Tells a step, waits for the gate's file, then tells what it was given; or does something bad.
STAND_IN = """
import os, sys, time
from pathlib import Path
import numpy as np
from core.train.pipe import read_message, write_message
told = sys.stdout.buffer
facts, arrays = read_message(sys.stdin.buffer)
if facts["does"] == "quiet":
    time.sleep(120)
write_message(told, {"training": 0, "share": 0.25, "loss": 3.0})
write_message(told, {"training": 1, "share": 0.75, "loss": 2.0})
for _ in range(12_000):  # who waits for a test that was broken off is not to wait for ever
    if Path(facts["gate"]).exists():
        break
    time.sleep(0.01)
if facts["does"] == "garbage":
    told.write(b"hello"); told.flush()
elif facts["does"] == "fail":
    write_message(told, {"failed": "the loss is not finite"})
else:
    write_message(told, {"done": True}, {"twice": 2 * arrays["x"]})
"""
COMMAND = (sys.executable, "-c", STAND_IN)
Start = Callable[..., str]


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> Iterator[Queue]:
    held = Queue(command=COMMAND, patience=100, keep=150, clock=clock, most=4)
    yield held
    for ticket in list(held._lessons):
        held.leave(ticket)


@pytest.fixture
def start(queue: Queue, tmp_path: Path) -> Start:
    """Queue for a lesson that ends when the file of its name is there."""

    def started(name: str, does: str = "learn") -> str:
        message: Message = (
            {"gate": str(tmp_path / name), "does": does},
            {"x": np.array([len(name)])},
        )
        return queue.enter(lambda: message)

    return started


def until(queue: Queue, ticket: str, stage: str) -> LessonState:
    """The state of a ticket once it has come to a stage: it must, in a minute."""
    for _ in range(6000):
        state = queue.state(ticket)
        if state.stage == stage:
            return state
        assert state.open, state
        time.sleep(0.01)
    raise AssertionError(f"{state} never came to {stage}")


def pid_of(queue: Queue, ticket: str) -> int:
    process = queue._lessons[ticket].process
    assert process is not None
    return process.pid


def ended(pid: int) -> bool:
    """Whether a process is no more: it was waited for, too."""
    for _ in range(1000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_of_two_visitors_one_is_taught_and_the_other_sees_one_lesson_before_it(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    one, other = start("a"), start("bcd")
    state = until(queue, one, "training")
    assert (state.place, state.share) in ((0, 0.25), (0, 0.75))
    assert (queue.state(other).stage, queue.state(other).place) == ("waiting", 1)
    (tmp_path / "bcd").touch()  # ready before its turn
    (tmp_path / "a").touch()
    first, second = until(queue, one, "done"), until(queue, other, "done")
    assert first.result["twice"].tolist() == [2]
    assert second.result["twice"].tolist() == [6]
    assert first.losses == ((3.0,), (2.0,))
    assert not first.result["twice"].flags.writeable


def test_who_leaves_the_queue_lets_those_behind_come_nearer(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    tickets = [start(name) for name in "abc"]
    until(queue, tickets[0], "training")
    assert [queue.state(t).place for t in tickets] == [0, 1, 2]
    queue.leave(tickets[1])
    assert [queue.state(t).place for t in tickets] == [0, 0, 1]
    assert queue.state(tickets[1]).stage == "gone"
    (tmp_path / "c").touch()
    (tmp_path / "a").touch()
    until(queue, tickets[2], "done")


@pytest.mark.parametrize(("stage", "does"), [("starting", "quiet"), ("training", "learn")])
def test_who_cancels_a_lesson_that_began_ends_its_process_and_the_next_has_its_turn(
    queue: Queue, start: Start, tmp_path: Path, stage: str, does: str
) -> None:
    ticket, after = start("a", does), start("b")
    until(queue, ticket, stage)
    while queue._lessons[ticket].process is None:
        time.sleep(0.01)
    pid = pid_of(queue, ticket)
    queue.leave(ticket)
    assert queue.state(ticket).stage == "gone"
    assert ended(pid)
    (tmp_path / "b").touch()
    until(queue, after, "done")


def test_who_cancels_before_the_process_is_there_starts_none(queue: Queue, clock: Clock) -> None:
    tickets: list[str] = []

    def leave() -> Message:
        queue.leave(tickets[0])
        return {"gate": "", "does": "quiet"}, {}

    with queue._changed:  # so that the job is not made before the ticket is known
        tickets.append(queue.enter(leave))
        lesson = queue._lessons[tickets[0]]
    teacher = queue._teacher
    if teacher is not None:
        teacher.join(20)
    assert len(queue) == 0
    assert lesson.process is None


def test_a_result_that_is_cancelled_or_fetched_is_forgotten(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "a").touch()
    ticket = start("a")
    until(queue, ticket, "done")
    queue.leave(ticket)
    assert queue.state(ticket).result is None
    assert len(queue) == 0
    queue.leave(ticket)  # a second press does nothing
    queue.leave("nobody's")


def test_a_process_that_is_killed_from_outside_is_told_in_words_and_the_queue_goes_on(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    ticket, after = start("a"), start("b")
    until(queue, ticket, "training")
    os.kill(pid_of(queue, ticket), signal.SIGKILL)
    state = until(queue, ticket, "failed")
    assert "ended from outside (by signal 9)" in state.text
    assert "Start it again" in state.text
    (tmp_path / "b").touch()
    until(queue, after, "done")


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("garbage", "gave no result (status 0)"),
        ("fail", "The training failed: the loss is not finite"),
    ],
)
def test_a_process_that_gives_no_result_fails_and_the_queue_goes_on(
    queue: Queue, start: Start, tmp_path: Path, does: str, words: str
) -> None:
    ticket, after = start("a", does), start("b")
    for name in "ab":
        (tmp_path / name).touch()
    assert words in until(queue, ticket, "failed").text
    until(queue, after, "done")


def test_a_job_that_cannot_be_made_fails_and_the_queue_goes_on(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    def broken() -> Message:
        raise KeyError("reference.npz")

    ticket, after = queue.enter(broken), start("b")
    assert "KeyError" in until(queue, ticket, "failed").text
    (tmp_path / "b").touch()
    until(queue, after, "done")


def test_whom_nobody_asks_for_is_dropped_and_who_asks_is_kept(
    queue: Queue, start: Start, tmp_path: Path, clock: Clock
) -> None:
    gone, waits = start("a"), start("b")
    until(queue, gone, "training")
    pid = pid_of(queue, gone)
    clock.now = 60
    assert queue.state(waits).stage == "waiting"
    clock.now = 120  # 60 s after one was asked for, 120 after the other
    (tmp_path / "b").touch()
    until(queue, waits, "done")
    assert ended(pid)
    assert queue.state(gone).stage == "gone"
    clock.now = 260  # a result is kept for longer, while its visitor looks at something else
    queue.state(gone)
    assert waits in queue._lessons
    clock.now = 280
    assert queue.state(waits).stage == "gone"


def test_more_lessons_than_the_server_takes_on_are_refused_until_one_leaves(
    queue: Queue, start: Start
) -> None:
    tickets = [start(name) for name in "abcd"]
    with pytest.raises(QueueFull, match="4 lessons"):
        start("e")
    queue.leave(tickets[3])
    start("e")


@pytest.mark.slow
def test_a_process_that_never_ends_is_ended(start: Start, tmp_path: Path) -> None:
    held = Queue(command=COMMAND, limit=0.5)
    ticket = held.enter(lambda: ({"gate": str(tmp_path / "a"), "does": "quiet"}, {}))
    assert "the machine is too busy" in until(held, ticket, "failed").text


def test_the_process_steps_back_behind_everything_that_a_visitor_waits_for(
    queue: Queue, start: Start
) -> None:
    ticket = start("a")
    until(queue, ticket, "training")
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, pid_of(queue, ticket)) == max(NICE, own)


def test_nothing_waits_in_a_thread_once_there_is_nothing_to_wait_for(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "a").touch()
    ticket = start("a")
    until(queue, ticket, "done")
    teacher = queue._teacher
    assert teacher is not None
    queue.leave(ticket)
    teacher.join(20)
    assert not teacher.is_alive()
    until(queue, start("a"), "done")  # and the next visitor is taught again
