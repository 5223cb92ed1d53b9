"""How many images a second workers score, one and two of them. Run it on an idle machine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from core import scale
from core.answers.loaded import Target
from core.answers.scoring import score
from core.bench._base import Benchmark, Row, Say, row_of
from core.data.picture import png
from core.files import write_whole
from core.scale import LOCAL, Cluster, Progress
from core.scenario import load_scenario

__all__ = ["BENCHMARKS", "ON_DEMAND", "scaling"]

ON_DEMAND = True  # it needs Ray, and minutes
TARGET = Target("fashion", "glow")
PORTION = 64  # images; of real work four times as many, and the clock would tick too rarely here
IMAGES = 10 * PORTION
WORKERS = (1, 2)
THREADS = 2  # of the plain command
RUNS = 3
MILLION = 1_000_000


def scaling(watch: Say) -> list[Row]:
    """Images a second of image files, by one worker, by two, and by the plain command.

    They take turns. The clock runs from when every worker has delivered once, so that no start of
    a process is in it, until the last image; a worker that has nothing left to do at the end is.
    Ray is started once.

    Args:
        watch: told how far it came.

    Raises:
        OutskirtsError: Ray is not installed, or cannot be started.
    """
    speeds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, scale.cluster(LOCAL, max(WORKERS)):
        folder = Path(name)
        _draw(folder / "images")
        for i in range(RUNS):
            for workers in WORKERS:
                watch(f"scoring by {workers} workers, run {i + 1} of {RUNS}")
                out = folder / f"{workers}-{i}"
                what = f"{workers} local worker{'s' * (workers > 1)}"
                speeds.setdefault(what, []).append(_by_workers(folder / "images", out, workers))
            watch(f"scoring by the plain command, run {i + 1} of {RUNS}")
            what = f"plain command, {THREADS} threads"
            speeds.setdefault(what, []).append(_plainly(folder / "images"))
    return _rows(speeds)


def _rows(speeds: Mapping[str, list[float]]) -> list[Row]:
    """Images a second of one worker, of two and of the plain command, in this order; the gains."""
    one, two, plain = speeds.values()
    rows = [
        row_of("scale", f"{TARGET}, {what}", found, "images/s") for what, found in speeds.items()
    ]
    for other, values in (("1 worker", one), (f"the plain command, {THREADS} threads", plain)):
        gains = [a / b for a, b in zip(two, values, strict=True)]
        rows.append(row_of("scale", f"2 workers against {other}", gains, "times"))
    hours = [MILLION / (3600 * rate) for rate in one]
    return [*rows, row_of("scale", f"{TARGET}, a million images", hours, "CPU hours")]


def _draw(folder: Path) -> None:
    """Images of the normal set as PNG files in a folder, again from the first where they end."""
    scenario = load_scenario(TARGET.scenario)
    images = scenario.pictures(scenario.normal.name).images
    folder.mkdir()
    for i in range(IMAGES):
        write_whole(folder / f"{i:06d}.png", png(images[i % len(images)]))


def _by_workers(images: Path, out: Path, workers: int) -> float:
    """Images a second, by so many workers, into a folder, out."""
    times: list[tuple[float, int]] = []

    def step(progress: Progress) -> None:
        times.append((time.perf_counter(), progress.images))

    def there() -> AbstractContextManager[Cluster]:
        return nullcontext(Cluster(workers))  # of the Ray that runs

    scale.score(TARGET, [str(images)], out, cluster=there, files=PORTION, watch=step)
    return _rate(times[workers - 1 :])


def _plainly(images: Path) -> float:
    """Images a second, by the function behind the plain command."""
    import torch

    threads, times = torch.get_num_threads(), list[tuple[float, int]]()
    torch.set_num_threads(THREADS)
    try:
        for i, _ in enumerate(score(TARGET, [str(images)]), start=1):
            if i % PORTION == 0:
                times.append((time.perf_counter(), i))
    finally:
        torch.set_num_threads(threads)
    return _rate(times)


def _rate(times: list[tuple[float, int]]) -> float:
    """Images a second between the first of these moments and the last."""
    (began, before), (ended, after) = times[0], times[-1]
    return (after - before) / (ended - began)


BENCHMARKS: Mapping[str, Benchmark] = {"scale": scaling}
