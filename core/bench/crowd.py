"""Fifty visitors of one server at once: 30 on pages, 20 with images of their own.

They come within a minute, and each looks at a page for 20 to 40 seconds before it asks for more:
5 pages in 3 seconds, all together. Every page that any of them was sent is afterwards asked for
alone, of a fresh server, and must be the same to the last number. The visitors speak Streamlit's
protocol; a browser's drawing is not in the times, nor does it save any by what it was sent before.
Run it on an idle machine.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.bench._base import Benchmark, Row, Say, row_of
from core.bench._browser import resident_mb, served
from core.bench._visitor import PATIENCE, Seen, Visitor
from core.data.picture import png
from core.errors import OutskirtsError
from core.scenario import load_scenario

__all__ = ["BENCHMARKS", "ON_DEMAND", "crowd"]

ON_DEMAND = True  # ten minutes and more: by its name alone
MINUTES = 10.0
ON_PAGES, WITH_IMAGES = 30, 20
COMING = 60.0  # seconds in which all have come
REST = (20.0, 40.0)  # seconds that a visitor looks at a page, drawn evenly
SETTLED = 120.0  # seconds, or a fifth of the whole, after which memory should stay
SAMPLE = 5.0
LONG = 1.0  # second: who waits longer should be told for what
SCENARIOS = ("fashion", "photos", "fashion-one")
PAGES = (
    "overview", "latent", "outskirts", "likelihoods", "mirror", "labels", "explain", "compare",
    "own", "cards",
)  # fmt: skip
OF_IMAGES = ("own", "explain", "likelihoods", "latent")  # look at the visitor's own image


@dataclass(frozen=True)
class Visit:
    """What a visitor asks for: a page, the query of its link, and the image it has with it."""

    page: str
    query: str
    image: int | None = None

    @property
    def address(self) -> str:
        return "" if self.page == PAGES[0] else self.page


@dataclass
class Log:
    """What visitors saw; they share it."""

    seen: list[tuple[Visit, Seen]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds, MB


def crowd(watch: Say, *, minutes: float = MINUTES) -> list[Row]:
    """Fifty sessions at once for some minutes, and each of their pages alone.

    Args:
        watch: told how far it came.
        minutes: that the crowd is there.

    Raises:
        OutskirtsError: the server does not start, or two own images have one answer.
    """
    images = _images()
    with served() as (address, process):
        log = _gather(address, images, seconds=60 * minutes, pid=process.pid, watch=watch)
    distinct = list(dict.fromkeys(visit for visit, _ in log.seen))
    with served() as (address, _):
        alone = _alone(address, distinct, images, watch=watch)
    _check_told_apart(alone)
    for line in _complaints(log, alone):
        watch(f"crowd: {line}")
    return _rows(log, alone, seconds=60 * minutes)


def _images() -> list[bytes]:
    """An image of one's own for each who brings one: PNGs of strange garments, no two alike."""
    scenario = load_scenario("fashion")
    sets = ("mnist", "turned", "inverted", "noise")
    return [
        png(scenario.pictures(sets[i % len(sets)]).images[100 + 37 * i]) for i in range(WITH_IMAGES)
    ]


def _tour(number: int) -> Iterator[Visit]:
    """What the visitor of a number asks for, one page after the other, never one twice in a row.

    Who brings an image begins where one is brought, and goes on with it.
    """
    chosen = random.Random(number)
    image = number - ON_PAGES if number >= ON_PAGES else None
    pages = PAGES if image is None else OF_IMAGES
    scenario = SCENARIOS[number % len(SCENARIOS)] if image is None else "fashion"
    page = chosen.choice(pages) if image is None else "own"
    while True:
        yield Visit(page, f"scenario={scenario}&seed={number % 2}", image)
        page = chosen.choice([other for other in pages if other != page])


# The crowd ----------------------------------------------------------------------------------------


def _gather(address: str, images: Sequence[bytes], *, seconds: float, pid: int, watch: Say) -> Log:
    """Let all visitors in, and keep what each saw until the time is over."""
    log, ends = Log(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=_stay, args=(address, number, images, ends, log), daemon=True)
        for number in range(ON_PAGES + WITH_IMAGES)
    ]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    while (left := ends - time.monotonic()) > 0:
        log.memory.append((time.monotonic() - began, resident_mb(pid)))
        watch(f"crowd: {len(log.seen)} pages drawn, {left:.0f} s to go")
        time.sleep(min(SAMPLE, left))
    for number, thread in enumerate(threads):
        thread.join(timeout=PATIENCE)
        if thread.is_alive():
            log.failed.append(f"visitor {number} waits for ever")
    log.memory.append((time.monotonic() - began, resident_mb(pid)))
    return log


def _stay(address: str, number: int, images: Sequence[bytes], ends: float, log: Log) -> None:
    """A visitor's stay: a page, a look at it, the next page, until the time is over."""
    rests = random.Random(1000 + number)
    try:
        time.sleep(rests.uniform(0, min(COMING, (ends - time.monotonic()) / 2)))
        visitor = Visitor(address)
        for step, visit in enumerate(_tour(number)):
            if time.monotonic() >= ends:
                break
            if step == 0 and visit.image is not None:
                log.seen.append((visit, _brought(visitor, visit, images)))
            else:
                log.seen.append((visit, visitor.open(visit.address, visit.query)))
            time.sleep(max(0.0, min(rests.uniform(*REST), ends - time.monotonic())))
        visitor.close()
    except Exception as error:  # whatever ends a visit is an error of the crowd's, and is counted
        log.failed.append(f"visitor {number}: {type(error).__name__}: {error}")


def _brought(visitor: Visitor, visit: Visit, images: Sequence[bytes]) -> Seen:
    """The page once the visitor's image is on it."""
    visitor.open(visit.address, visit.query)
    assert visit.image is not None
    return visitor.bring(f"visitor{visit.image}.png", images[visit.image])


# Alone --------------------------------------------------------------------------------------------


def _alone(
    address: str, visits: Sequence[Visit], images: Sequence[bytes], *, watch: Say
) -> dict[Visit, str]:
    """The digest of each visit, asked for by a visitor of its own with nobody else there."""
    found = {}
    for i, visit in enumerate(visits):
        watch(f"crowd: page {i + 1} of {len(visits)}, asked for alone")
        visitor = Visitor(address)
        if visit.image is None:
            seen = visitor.open(visit.address, visit.query)
        else:
            seen = _brought(visitor, Visit("own", visit.query, visit.image), images)
            if visit.page != "own":
                seen = visitor.open(visit.address, visit.query)
        found[visit] = seen.digest
        visitor.close()
    return found


def _check_told_apart(alone: Mapping[Visit, str]) -> None:
    """Refuse answers that could be another's without anybody noticing.

    Raises:
        OutskirtsError: two images of visitors' own have the same page.
    """
    digests: dict[str, Visit] = {}
    for visit, digest in alone.items():
        if visit.image is not None and (other := digests.setdefault(digest, visit)) != visit:
            raise OutskirtsError(f"{visit} and {other} show the same: nothing tells them apart")


# Rows ---------------------------------------------------------------------------------------------


def _complaints(log: Log, alone: Mapping[Visit, str]) -> list[str]:
    """What went wrong, a line for each that is another."""
    errors = [f"{visit}: {error}" for visit, seen in log.seen for error in seen.errors]
    wrong = [f"{visit} differs" for visit, seen in log.seen if seen.digest != alone[visit]]
    return list(dict.fromkeys([*log.failed, *errors, *wrong]))


def _rows(log: Log, alone: Mapping[Visit, str], *, seconds: float) -> list[Row]:
    """The figures of a crowd."""
    times = [seen.seconds for _, seen in log.seen]
    wrong = sum(seen.digest != alone[visit] for visit, seen in log.seen)
    errors = len(log.failed) + sum(len(seen.errors) for _, seen in log.seen)
    long = [seen for _, seen in log.seen if seen.seconds > LONG]
    told = [float(seen.first <= LONG) for seen in long] or [1.0]
    images = [seen.seconds for visit, seen in log.seen if visit.image is not None]
    settled, highest, grown = _memory(log.memory, seconds)
    figures: list[tuple[str, list[float], str]] = [
        (f"page switch, {ON_PAGES + WITH_IMAGES} sessions", times or [float("nan")], "s"),
        ("page switch, 95th percentile", [_percentile(times)], "s"),
        ("page with an own image, 95th percentile", [_percentile(images)], "s"),
        (f"waits above {LONG:g} s that were answered by a word within it", _mean(told), "share"),
        ("pages drawn", [float(len(times))], ""),
        ("pages that differ from the same asked alone", [float(wrong)], ""),
        ("errors", [float(errors)], ""),
        ("server's memory when settled", [settled], "MB"),
        ("server's memory at its highest from then on", [highest], "MB"),
        ("growth from then to the end", [grown], "%"),
    ]
    return [row_of("crowd", what, values, unit) for what, values, unit in figures]


def _percentile(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95)) if values else float("nan")


def _mean(values: Sequence[float]) -> list[float]:
    return [float(np.mean(values))]


def _memory(samples: Sequence[tuple[float, float]], seconds: float) -> tuple[float, float, float]:
    """Memory in MB when settled and at its highest since, and by how many per cent it grew.

    What counts is the median of the minute after it settled and of the last minute: an answer needs
    a few MB for a moment, and gives them back.

    Args:
        samples: seconds since the crowd came, MB.
        seconds: that it was there.
    """
    settled = min(SETTLED, seconds / 5)
    minute = min(60.0, seconds / 5)
    since = np.array([mb for at, mb in samples if at >= settled])
    first = np.median([mb for at, mb in samples if settled <= at <= settled + minute])
    last = np.median([mb for at, mb in samples if at >= seconds - minute])
    return float(first), float(since.max()), float(100 * (last / first - 1))


BENCHMARKS: Mapping[str, Benchmark] = {"crowd": crowd}
