"""Benchmarks and studies are found by name; stored ones are shown, computed when asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Call, forget_everything

from core import bench
from core.bench._base import Benchmark, Row, row_of
from core.results import read_study, study_path
from core.studies import _collect, study_names
from core.studies.outskirts import Ablation

FLOWS = ("glow-training", "glow-scoring", "glow-fused")
NAMES = (*FLOWS, "pages", "maps", "draws", "grouped", "thresholds")
NAMES += ("disturbing", "dragging", "uploads")
ON_DEMAND = ("crowd", "patchcore", "patchcore-solar", "patchcore-speed", "scale")


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Benchmarks that take no time; the names of those that ran."""
    ran: list[str] = []

    def timing(name: str) -> Benchmark:
        def run(watch: object) -> list[Row]:
            ran.append(name)
            return [row_of(name, "steps", [3.0, 1.0, 2.0], "s")]

        return run

    subjects = {"flows": FLOWS, **{name: (name,) for name in NAMES[3:]}}
    benchmarks = {s: {n: timing(n) for n in names} for s, names in subjects.items()}
    monkeypatch.setattr(bench, "benchmarks", lambda: benchmarks)
    return ran


@pytest.fixture
def nothing_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("checkpoints", "runs"):
        monkeypatch.setenv(f"OUTSKIRTS_{name.upper()}", str(tmp_path / name))
    monkeypatch.setattr(_collect, "compute", lambda *a, **k: pytest.fail("computed"))
    forget_everything()
    yield tmp_path
    forget_everything()


@pytest.fixture
def as_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped table as what the code would compute, whatever the code is at."""
    monkeypatch.setattr(_collect, "plan_of", lambda study: read_study(study.name).plan)
    monkeypatch.setattr(_collect, "_begun", lambda study: False)
    monkeypatch.setattr(_collect, "compute", lambda *a, **k: pytest.fail("computed"))


def test_every_subject_is_a_file_that_offers_its_benchmarks() -> None:
    subjects = bench.benchmarks()
    assert list(subjects) == sorted({"crowd", "flows", "patchcore", "scale", *NAMES[3:]})
    offered = {name for subject in subjects.values() for name in subject}
    assert offered == {*NAMES, *ON_DEMAND}


@pytest.mark.parametrize("name", [*NAMES, "flows"])
def test_a_benchmark_runs_by_its_name_or_its_subject(
    timed: list[str], call: Call, name: str
) -> None:
    rows = json.loads(call("bench", name, "--json").out)
    assert timed == (list(FLOWS) if name == "flows" else [name])
    assert [row["benchmark"] for row in rows] == timed
    assert (rows[0]["median"], rows[0]["low"], rows[0]["high"], rows[0]["runs"]) == (2, 1, 3, 3)
    assert "median" in call("bench", name).out


@pytest.mark.usefixtures("as_stored")
def test_a_study_is_printed_arm_by_arm_as_it_is_stored(call: Call) -> None:
    said = call("bench", "outskirts", "--json")
    assert said.status == 0
    rows, result = json.loads(said.out), read_study("outskirts")
    assert [row["arm"] for row in rows] == [arm.name for _ in result.data for arm in result.arms]
    for row in rows:
        mean = result.row(row["arm"], row["data"])
        assert row["benchmark"] == "outskirts"
        assert (row["auroc"], row["low"], row["high"]) == (mean.value, mean.low, mean.high)
        assert row["difference"] == mean.difference
    table = call("bench", "outskirts").out
    assert all(arm.title.split()[0] in table for arm in result.arms)
    assert "to full" in table
    assert Ablation.title in table


@pytest.mark.usefixtures("as_stored")
def test_all_benchmarks_show_studies_as_stored(timed: list[str], call: Call) -> None:
    rows = json.loads(call("bench", "--json").out)
    assert timed == list(NAMES)
    assert len(rows) == len(NAMES) + sum(len(read_study(s).means()) for s in study_names())


@pytest.mark.usefixtures("nothing_stored")
def test_all_benchmarks_never_compute_a_study(timed: list[str], call: Call) -> None:
    said = call("bench", "--json")
    assert (said.status, len(json.loads(said.out))) == (0, len(NAMES))
    assert "`python -m core bench outskirts` computes it" in " ".join(said.err.split())
    assert not study_path("outskirts").exists()


def test_force_goes_with_studies_alone(call: Call) -> None:
    words = f"--force is of bench {' or '.join(study_names())} alone"
    assert words in call("bench", "--force").error()
    assert words in call("bench", "maps", "--force").error()


@pytest.mark.parametrize("name", ["maps", "outskirts", None])
def test_minutes_go_with_the_crowd_alone(call: Call, name: str | None) -> None:
    said = call("bench", *([name] if name else []), "--minutes", "1")
    assert "--minutes is of bench crowd alone" in said.error()
    assert "--minutes must be above 0, got -1" in call("bench", "crowd", "--minutes", "-1").error()


def test_an_unknown_name_lists_benchmarks_subjects_and_studies(call: Call) -> None:
    said = call("bench", "nonsense").error()
    assert "no benchmark 'nonsense'; there are:" in said
    assert all(name in said for name in (*NAMES, "flows", "outskirts"))
