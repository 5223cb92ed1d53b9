"""Who is taught when: one lesson at a time in a process of its own, the others wait for their turn.

Nothing of a lesson is on disk. What came of it is kept until it is fetched, and not for long.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, cast

import numpy as np

from core.cache import freeze
from core.errors import OutskirtsError
from core.settings import ROOT
from core.train.pipe import PipeEnds, read_message, write_message

__all__ = ["COMMAND", "LessonState", "Message", "Queue", "QueueFull"]

COMMAND = (sys.executable, "-m", "core.train.lesson")
NICE = 5  # below everything that a visitor waits for
MOST = 40  # lessons that wait or are kept: a class of thirty, and some
PATIENCE = 150.0  # seconds; a tab in the background asks once a minute
KEEP = 600.0  # seconds that a result waits for a visitor who looks at another page
END = 5.0  # seconds that a process has to end after its last word
LIMIT = 600.0  # seconds that a lesson may take, whatever holds it up

Message = tuple[Mapping[str, Any], Mapping[str, np.ndarray]]  # facts, arrays
OPEN = ("waiting", "starting", "training")
Stage = Literal["waiting", "starting", "training", "done", "failed", "gone"]


class QueueFull(OutskirtsError):
    """More lessons are waited for than the server takes on."""


@dataclass(frozen=True)
class LessonState:
    """Where a lesson stands.

    Attributes:
        place: lessons before it, the one that is taught now among them; 0: it is its turn.
        share: done, in [0, 1].
        losses: of each training so far, the loss at each of its steps.
        text: why it failed, or is gone.
        result: what came of one that is done.
        seconds: since its turn came.
    """

    stage: Stage
    place: int = 0
    share: float = 0.0
    losses: tuple[tuple[float, ...], ...] = ()
    text: str = ""
    result: Any = None
    seconds: float = 0.0

    @property
    def open(self) -> bool:
        """Whether something is still to come."""
        return self.stage in OPEN


GONE = LessonState(
    "gone", text="The lesson is no more: it was cancelled, or nobody asked for it for a while."
)


@dataclass(eq=False)
class _Lesson:
    """One lesson in the queue."""

    make: Callable[[], Message]
    read: Callable[[Mapping[str, np.ndarray]], Any]
    seen: float  # when it was last asked for
    stage: Stage = "waiting"
    share: float = 0.0
    losses: list[list[float]] = field(default_factory=list)
    text: str = ""
    result: Any = None
    begun: float = 0.0
    ended: float = 0.0
    process: subprocess.Popen[bytes] | None = None


class Queue:
    """Lessons by ticket, in the order in which they came.

    A thread teaches one after the other while there are any, each in one process. Nobody who asks
    waits for it. A lesson that nobody asked for in ``patience`` seconds is dropped, whether it
    waits or has begun: its visitor is gone. One that has ended is kept for ``keep`` seconds.

    Args:
        command: starts the process, which reads a `Message` and tells how it goes.
        patience, keep, limit: in seconds, of visitors, of results, of a process.
        most: lessons at once.
        clock: tells the time in seconds.
    """

    def __init__(
        self,
        *,
        command: Sequence[str] = COMMAND,
        patience: float = PATIENCE,
        keep: float = KEEP,
        limit: float = LIMIT,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.command, self.patience, self.keep = tuple(command), patience, keep
        self.limit, self.most, self.clock = limit, most, clock
        self._lessons: dict[str, _Lesson] = {}
        self._changed = threading.Condition()  # of the above; never held while a pipe is read
        self._teacher: threading.Thread | None = None

    def enter(
        self,
        make: Callable[[], Message],
        read: Callable[[Mapping[str, np.ndarray]], Any] = dict,
    ) -> str:
        """Join the queue; the ticket, which nobody else can guess.

        Args:
            make: makes the job when its turn has come.
            read: makes the result of the arrays that come back, of any shape ().

        Raises:
            QueueFull: too many wait.
        """
        with self._changed:
            self._drop_abandoned()
            if len(self._lessons) >= self.most:
                raise QueueFull(
                    f"{len(self._lessons)} lessons are waited for, which is the most that this "
                    "server takes on: try again in some minutes"
                )
            ticket = secrets.token_urlsafe(16)
            self._lessons[ticket] = _Lesson(make, read, self.clock())
            if self._teacher is None:
                self._teacher = threading.Thread(target=self._teach, daemon=True, name="lessons")
                self._teacher.start()
            self._changed.notify_all()
        return ticket

    def state(self, ticket: str) -> LessonState:
        """Where the lesson of a ticket stands."""
        with self._changed:
            self._drop_abandoned()
            lesson = self._lessons.get(ticket)
            if lesson is None:
                return GONE
            lesson.seen = now = self.clock()
            return LessonState(
                stage=lesson.stage,
                place=self._place(lesson),
                share=lesson.share,
                losses=tuple(map(tuple, lesson.losses)),
                text=lesson.text,
                result=lesson.result,
                seconds=(lesson.ended or now) - lesson.begun if lesson.begun else 0.0,
            )

    def leave(self, ticket: str) -> None:
        """Forget the lesson of a ticket, whatever its stage; whom nobody knows is left in peace."""
        with self._changed:
            if (lesson := self._lessons.pop(ticket, None)) is not None:
                _end(lesson)
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return len(self._lessons)

    def _place(self, lesson: _Lesson) -> int:
        """How many lessons are to be held before this one."""
        still = [o for o in self._lessons.values() if o.stage in OPEN]
        return still.index(lesson) if lesson in still else 0

    def _drop_abandoned(self) -> None:
        now = self.clock()
        for ticket, lesson in list(self._lessons.items()):
            if now - lesson.seen > (self.patience if lesson.stage in OPEN else self.keep):
                _end(self._lessons.pop(ticket))

    # In the teacher's thread --------------------------------------------------------------------

    def _teach(self) -> None:
        while True:
            with self._changed:
                self._drop_abandoned()
                if not self._lessons:
                    self._teacher = None
                    return
                waiting = (o for o in self._lessons.values() if o.stage == "waiting")
                lesson = next(waiting, None)
                if lesson is None:  # what is done waits to be fetched
                    self._changed.wait(self.patience / 10)
                    continue
                lesson.stage, lesson.begun = "starting", self.clock()
            self._hold(lesson)

    def _hold(self, lesson: _Lesson) -> None:
        """Teach one lesson; whatever becomes of it, the next one has its turn."""
        try:
            message = lesson.make()
            with self._process(lesson) as process:
                if process is None:
                    return
                self._follow(lesson, process, message)
        except OutskirtsError as error:
            self._fail(lesson, str(error))
        except Exception as error:  # of a job that cannot be made, or a process that cannot start
            self._fail(lesson, f"The lesson went wrong: {type(error).__name__}: {error}")

    @contextmanager
    def _process(self, lesson: _Lesson) -> Iterator[subprocess.Popen[bytes] | None]:
        """A process for a lesson, None if it was left; none outlives this."""
        with self._changed:
            if lesson not in self._lessons.values():
                yield None
                return
            process = lesson.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        with contextlib.suppress(OSError):  # it has ended, or this system has no such thing
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        alarm = threading.Timer(self.limit, process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            yield process
        finally:
            alarm.cancel()
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):  # what it did not read is not written any more
                    assert pipe is not None
                    pipe.close()

    def _follow(self, lesson: _Lesson, process: subprocess.Popen[bytes], message: Message) -> None:
        """Give the job, and note what is told until there is a result, or no more."""
        try:
            write_message(cast(BinaryIO, process.stdin), *message)
            while lesson.stage in ("starting", "training"):
                self._note(lesson, *read_message(cast(BinaryIO, process.stdout)))
        except (PipeEnds, BrokenPipeError):
            try:
                status = process.wait(timeout=END)  # its pipe is closed an instant before its end
            except subprocess.TimeoutExpired:  # it lives, and says what is no message
                process.kill()
                status = 0
            self._fail(lesson, self._why(status, lesson))

    def _note(
        self, lesson: _Lesson, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> None:
        """What the process tells: a step, the result, or why there is none."""
        result = lesson.read(arrays) if arrays else None
        with self._changed:
            self._drop_abandoned()
            if "failed" in facts:
                lesson.stage, lesson.text = "failed", f"The training failed: {facts['failed']}"
            elif arrays:
                lesson.stage, lesson.share, lesson.result = "done", 1.0, freeze(result)
            else:
                lesson.stage, lesson.share = "training", float(facts["share"])
                while len(lesson.losses) <= int(facts["training"]):
                    lesson.losses.append([])
                lesson.losses[-1].append(float(facts["loss"]))
            lesson.ended = 0.0 if lesson.stage == "training" else self.clock()

    def _fail(self, lesson: _Lesson, text: str) -> None:
        with self._changed:
            lesson.stage, lesson.text, lesson.ended = "failed", text, self.clock()

    def _why(self, status: int, lesson: _Lesson) -> str:
        """In words, why a process ended before its time."""
        if self.clock() - lesson.begun > self.limit:
            return (
                f"The lesson was ended after {self.limit:.0f} seconds: the machine is too busy. "
                "Try again later."
            )
        if status >= 0:
            return f"The process that trained gave no result (status {status}). Start it again."
        return (
            f"The process that trained was ended from outside (by signal {-status}): by somebody, "
            "or by the system for want of memory. Start it again."
        )


def _end(lesson: _Lesson) -> None:
    """Stop the process of a lesson, if it has one."""
    if lesson.process is not None:
        lesson.process.kill()
