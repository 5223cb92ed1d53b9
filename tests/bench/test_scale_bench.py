"""What a million images cost, from a measured rate: the row of the bench, and README.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import core
from core.bench import scale

README = (Path(core.__file__).parent.parent / "README.md").read_text(encoding="utf-8")
RATE = re.compile(
    r"one worker scores ([\d.]+) images/s of `(\S+)`, so a\s+million images cost ([\d.]+) CPU "
    r"hours: (\d+)\s+workers take ([\d.]+) hours?"
)


def test_gains_are_of_runs_side_by_side_and_the_cost_is_of_one_worker() -> None:
    rows = scale._rows({"one": [10.0, 20.0, 40.0], "two": [16.0, 40.0, 60.0], "plain": [8, 20, 30]})
    found = {row.what: (row.median, row.unit) for row in rows}
    assert found["fashion/glow, one"] == (20, "images/s")
    assert found["2 workers against 1 worker"] == (1.6, "times")
    assert found["2 workers against the plain command, 2 threads"] == (2, "times")
    hours, unit = found["fashion/glow, a million images"]
    assert (hours, unit) == (pytest.approx(1e6 / 20 / 3600), "CPU hours")


def test_the_clock_runs_from_when_each_worker_has_delivered_once() -> None:
    assert scale._rate([(2.0, 64), (4.0, 128), (6.0, 192)]) == 32


def test_what_a_million_images_cost_in_the_readme_is_what_its_rate_gives() -> None:
    (said,) = RATE.findall(README)
    rate, target, hours, workers, with_them = said
    assert target == str(scale.TARGET)
    cost = scale.MILLION / (3600 * float(rate))
    assert hours == f"{cost:.1f}"
    assert with_them == f"{cost / int(workers):.1f}"
