"""Any study: one file, cells shared and resumed, settings chosen fairly, intervals paired."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Call, forget_everything
from streamlit.testing.v1 import AppTest

from core import studies
from core.errors import OutskirtsError
from core.evaluate.metrics import auroc
from core.files import alone
from core.results import Row, StudyMissing, StudyResult, read_study, study_path
from core.studies import _base, _cells, _collect, study, study_names
from core.studies._base import Arm, Case, Study, plan_of
from core.studies._cells import cells_of, compute, folder_of, missing
from core.studies._collect import collect, measure, stored
from pages._shared import study as page_study

LIGHTER = Arm("darkness", "twice the light", "as light", {"times": 2})


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Study]:
    """The file toy.py beside this one, among the studies, with folders of its own."""
    for name in ("checkpoints", "runs", "data"):
        monkeypatch.setenv(f"OUTSKIRTS_{name.upper()}", str(tmp_path / name))
    monkeypatch.setattr(studies, "__path__", [*studies.__path__, str(Path(__file__).parent)])
    forget_everything()
    yield replace(study("toy"), draws=50)
    forget_everything()


def with_arm(toy: Study, *more: Arm, **other: object) -> Study:
    """The toy with further arms, or with other cases or tuning."""
    changed = replace(toy)
    for name, value in {"arms": (*toy.arms, *more), **other}.items():
        object.__setattr__(changed, name, value)
    return changed


def times(toy: Study) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder_of(toy).glob("*.*")}


# One file -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_second_study_is_one_file_and_one_line_on_a_page(toy: Study, call: Call) -> None:
    assert {"outskirts", "toy"} <= set(study_names())
    rows = json.loads(call("bench", "toy", "--json").out)
    assert [(row["benchmark"], row["arm"], row["data"]) for row in rows] == [
        ("toy", "mean", "squares"),
        ("toy", "light", "squares"),
    ]
    result = read_study("toy")
    assert [row["auroc"] for row in rows] == [
        result.row(arm, "squares").value for arm in ("mean", "light")
    ]
    assert "twice the light" not in (table := call("bench", "toy").out)
    assert "far from the mean" in table
    app = AppTest.from_string("from pages._shared import study\nstudy.show('toy')").run()
    assert not app.exception
    assert app.subheader[0].value == "Does the mean picture help?"
    assert any(page_study.verdict(result) in m.value for m in app.markdown)
    assert list(app.table[0].value.columns) == ["arm", "grained squares"]


def test_an_unknown_study_lists_those_there_are(toy: Study) -> None:
    with pytest.raises(LookupError, match=r"no study 'nothing'; there are: .*outskirts"):
        study("nothing")


# Cells --------------------------------------------------------------------------------------------


def test_a_cell_is_one_arm_of_one_variant_and_what_arms_share_is_made_once(
    toy: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = []
    original = type(toy).share
    monkeypatch.setattr(
        type(toy), "share", lambda self, s, stream: (shared.append(s), original(self, s, stream))[1]
    )
    compute(toy)
    stems = sorted(path.name.rpartition("-")[0] for path in folder_of(toy).glob("*.*"))
    assert stems == [
        "shared-squares-0",
        "shared-squares-1",
        "squares-0-light",
        "squares-0-mean",
        "squares-1-light",
        "squares-1-mean",
        "tune-squares-0-light",
        "tune-squares-0-mean",
    ]
    assert shared == ["mean", "mean"]  # a class each, for tuning and measuring together


def test_a_new_arm_costs_its_own_cells_alone(toy: Study) -> None:
    before = collect_all(toy)
    known = times(toy)
    more = with_arm(toy, LIGHTER)
    assert sorted(str(cell) for cell in missing(more)) == [
        "squares, class 0, measuring: twice the light",
        "squares, class 0, tuning: twice the light",
        "squares, class 1, measuring: twice the light",
    ]
    result = collect_all(more)
    assert known.items() <= times(more).items()
    assert set(before.rows) < set(result.rows)
    assert [arm.name for arm in result.arms] == ["mean", "light", "darkness"]


def collect_all(toy: Study) -> StudyResult:
    compute(toy)
    return collect(toy)


def test_other_conditions_lie_elsewhere_and_more_cases_or_draws_do_not(toy: Study) -> None:
    assert folder_of(replace(toy, seed=1)) != folder_of(toy)
    assert folder_of(replace(toy, draws=51)) == folder_of(toy)
    assert folder_of(with_arm(toy, cases=toy.cases[:1])) == folder_of(toy)
    assert plan_of(replace(toy, draws=51)) != plan_of(toy)


def test_an_arm_with_other_settings_to_choose_from_has_other_cells(toy: Study) -> None:
    compute(toy)
    other = replace(toy.arms[0], grid=[{"power": 1.0}, {"power": 2.0}])
    changed = with_arm(toy, arms=(other, toy.arms[1]))
    assert {cell.label.partition(": ")[2] for cell in missing(changed)} == {"far from the mean"}


def test_a_cell_that_another_process_is_at_is_left_to_it(
    toy: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = next(cell for cell in cells_of(toy) if str(cell).endswith("tuning: light"))
    waited = []

    def done_by_the_other(seconds: float) -> None:
        waited.append([str(cell) for cell in missing(toy)])
        elsewhere.__exit__(None, None, None)

    monkeypatch.setattr(_cells.time, "sleep", done_by_the_other)
    elsewhere = alone(taken.path.parent / "locks" / taken.path.stem, "work")
    elsewhere.__enter__()
    compute(toy)
    assert waited == [
        [
            "squares, class 0, tuning: light",
            "squares, class 0, measuring: light",
            "squares, class 1, measuring: light",
        ]
    ]
    assert missing(toy) == []


def test_cases_are_shares_with_what_they_need(toy: Study) -> None:
    compute(toy, cases=[Case("squares", "1")])
    assert {str(cell).partition(":")[0] for cell in missing(toy)} == {"squares, class 0, measuring"}
    compute(toy)
    assert missing(toy) == []


def test_an_interrupted_cell_is_no_cell_and_the_rest_goes_on(
    toy: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure(toy)
    last = cells_of(toy)[-1]
    last.path.unlink()

    def stopped(study: Study, start: float) -> dict:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_cells, "_facts", stopped)
        with pytest.raises(KeyboardInterrupt):
            compute(toy)
    assert not last.path.exists()
    with pytest.raises(StudyMissing, match="1 cells were not computed yet: squares, class 1, meas"):
        collect(toy)
    known = times(toy)
    again = measure(toy)
    assert (again.rows, again.arms) == (whole.rows, whole.arms)
    assert known.items() <= times(toy).items()


def test_cells_of_another_machine_are_collected_with_its_name(
    toy: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_base, "processor", lambda: "a far processor")
    compute(toy, cases=toy.cases[:1])
    monkeypatch.setattr(_base, "processor", lambda: "a near one")
    compute(toy)
    run = collect(toy).run
    assert run.processor == "a far processor; a near one"
    assert set(run.versions) == {"torch", "numpy"}
    assert run.training_images == 80
    assert run.test_images == {"squares": 120}


def test_cells_come_home_without_what_they_share(
    toy: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(0, 6000, 30))  # half a minute each time that anybody looks
    monkeypatch.setattr(_cells.time, "monotonic", lambda: next(ticks))
    whole = collect_all(toy)
    assert whole.run.minutes == 4  # two trainings, two cells that tuned, four that measured
    for path in folder_of(toy).glob("shared-*"):
        path.unlink()
    known = times(toy)
    assert collect_all(toy) == whole
    assert times(toy) == known


def test_a_cell_of_another_setting_than_is_chosen_now_is_refused_by_name(toy: Study) -> None:
    compute(toy)
    tuned = cells_of(toy)[0]
    values = json.loads(tuned.path.read_text())
    values["faults"].reverse()
    tuned.path.write_text(json.dumps(values))
    with pytest.raises(OutskirtsError, match=r"squares-0-mean-\w+\.npz was computed by .*: delete"):
        collect(toy)


def test_training_is_on_the_processor_whatever_the_machine_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    @contextmanager
    def noted(devices: int, *, accelerator: str) -> Iterator[None]:
        asked.append((devices, accelerator))
        yield

    monkeypatch.setattr(_base, "processes", noted)
    monkeypatch.setattr(_base, "fit", lambda *a, **k: None)
    _base.fit_here(None, None, seed=0)  # type: ignore[arg-type]
    assert asked == [(1, "cpu")]


# The table ----------------------------------------------------------------------------------------


def test_values_are_those_of_the_scores_on_disk_and_means_are_of_the_variants(toy: Study) -> None:
    result, labels = collect_all(toy), toy.test("squares")[1]
    for arm in toy.arms:
        areas = []
        for case in toy.cases:
            scores = _cells.scores_of(toy, arm, case)
            normal = labels == int(case.variant)
            areas.append(auroc(scores[normal], scores[~normal]))
            row = result.row(arm.name, "squares", variant=case.variant)
            assert row.value == pytest.approx(areas[-1], abs=1e-6)
            assert row.low < row.value < row.high
        assert result.row(arm.name, "squares").value == pytest.approx(np.mean(areas), abs=1e-6)


def test_the_setting_is_the_best_on_the_faults_and_scores_are_of_it(toy: Study) -> None:
    result = collect_all(toy)
    mean = result.arm("mean")
    best = max(mean.trials, key=lambda trial: trial.faults["squares"])
    assert mean.trials[0].faults != mean.trials[1].faults
    assert mean.chosen == {"squares": best.setting}
    assert _cells.facts_of(cells_of(toy)[-2])["setting"] == best.setting


def test_choosing_without_a_case_to_choose_on_is_refused(toy: Study) -> None:
    with pytest.raises(ValueError, match="mean has settings to choose, and no case of squares"):
        compute(with_arm(toy, tuning=()))


def test_settings_are_chosen_before_any_test_image_is_read(
    toy: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(self: Study, data: str) -> None:
        raise AssertionError(f"a test image was read, {len(missing(toy))} cells left")

    monkeypatch.setattr(type(toy), "test", read)
    with pytest.raises(AssertionError, match="a test image was read, 4 cells left"):
        compute(toy)


def test_the_reference_differs_from_itself_and_from_its_copy_by_nothing(toy: Study) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    own = np.stack([rng.normal(labels != c, 1) for c in range(2)])
    scores = np.stack([own, own, own + rng.normal(0, 0.1, own.shape)], 1)  # (C, A, N)
    measures = toy.measures["auroc"][1]
    alone_, drawn = _collect.resampled(toy, list(toy.cases), scores, labels, measure=measures)
    assert alone_.shape == (2, 3)
    assert drawn.shape == (50, 2, 3)
    first, copy, near = (
        Row(arm="a", data="d", variant=None, measure="auroc",
            **_collect._figures(alone_.mean(0), drawn.mean(1), a))
        for a in range(3)
    )  # fmt: skip
    for row in (first, copy):
        assert (row.difference, row.difference_low, row.difference_high) == (0, 0, 0)
        assert row.low < row.value < row.high
    # Paired: what both share is not in the difference.
    assert near.difference_low < near.difference < near.difference_high
    assert near.difference_high - near.difference_low < 0.5 * (near.high - near.low)


# Stored -------------------------------------------------------------------------------------------


def edit(toy: Study, old: str, new: str) -> None:
    path = study_path("toy")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_what_is_stored_is_shown_without_cells_and_force_computes(
    toy: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure(toy)
    shutil.rmtree(folder_of(toy))
    monkeypatch.setattr(_collect, "compute", lambda *a, **k: pytest.fail("computed"))
    assert measure(toy) == whole == read_study("toy") == stored(toy)
    with pytest.raises(pytest.fail.Exception, match="computed"):
        measure(toy, force=True)
    with pytest.raises(pytest.fail.Exception, match="computed"):
        measure(replace(toy, draws=51))


def test_cells_that_came_after_what_is_stored_are_put_together(toy: Study) -> None:
    whole, path = measure(toy), study_path("toy")
    edit(toy, "50 paired", "51 paired")
    assert "51 paired" in measure(toy).run.interval  # what is stored, cells or not
    newest = cells_of(toy)[0].path
    os.utime(newest, (path.stat().st_mtime + 5,) * 2)
    assert measure(toy) == whole == read_study("toy")


def test_a_computation_that_was_begun_goes_on_whatever_is_stored(toy: Study) -> None:
    whole = measure(toy)
    cells_of(toy)[-1].path.unlink()
    edit(toy, "50 paired", "51 paired")
    assert measure(toy).run.interval == whole.run.interval


def test_what_was_computed_by_another_plan_is_said_to_be(toy: Study) -> None:
    measure(toy)
    with pytest.raises(StudyMissing, match=r"toy.json was computed with other settings than the"):
        stored(with_arm(toy, LIGHTER))
