"""The table of a study: tidy rows, found by what they are of; a damaged file is one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import forget_everything

from core.results import Row, StudyMissing, StudyResult, read_study, study_path, write_study

RESULT = StudyResult.model_validate(
    {
        "schema": 1,
        "name": "tiny",
        "title": "Tiny",
        "question": "Which?",
        "text": "One beside the other.",
        "plan": {"seed": 0},
        "reference": "one",
        "data": {"a": "As", "b": "Bs"},
        "over": "two classes",
        "measures": {"auroc": "AUROC"},
        "arms": [
            {"name": n, "title": n, "text": "", "trials": [], "chosen": {}} for n in ("one", "two")
        ],
        "rows": [
            {"arm": arm, "data": data, "variant": v, "measure": "auroc", "value": value}
            | ({"difference": value - 0.5, "low": value, "high": value} if v is None else {})
            for data in ("a", "b")
            for arm, value in (("one", 0.5), ("two", 0.75))
            for v in (None, "0")
        ],
        "run": {
            "minutes": 1.0,
            "processor": "",
            "versions": {"torch": "2"},
            "choice": "none",
            "interval": "none",
            "training_images": 1.0,
            "test_images": {"a": 2, "b": 2},
        },
    }
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("OUTSKIRTS_CHECKPOINTS", str(tmp_path))
    forget_everything()
    yield tmp_path
    forget_everything()


def test_a_table_is_one_file_that_reads_back_whole(folder: Path) -> None:
    write_study(RESULT)
    assert read_study("tiny") == RESULT
    assert [p.relative_to(folder).as_posix() for p in folder.rglob("*.json")] == [
        "studies/tiny.json"
    ]


def test_a_row_is_found_by_what_it_is_of() -> None:
    assert RESULT.row("two", "b").value == 0.75
    assert RESULT.row("two", "b").variant is None
    assert RESULT.row("one", "a", variant="0", measure="auroc") == Row(
        arm="one", data="a", variant="0", measure="auroc", value=0.5
    )
    for wrong in (("three", "a"), ("one", "c")):
        with pytest.raises(KeyError):
            RESULT.row(*wrong)
    with pytest.raises(KeyError):
        RESULT.row("one", "a", measure="aupr")


def test_means_are_listed_flat_under_their_measure_by_data_set() -> None:
    listed = list(RESULT.listed())
    assert [(row["data"], row["arm"], row["auroc"]) for row in listed] == [
        ("a", "one", 0.5),
        ("a", "two", 0.75),
        ("b", "one", 0.5),
        ("b", "two", 0.75),
    ]
    assert listed[1] == {
        "arm": "two",
        "title": "two",
        "data": "a",
        "auroc": 0.75,
        "low": 0.75,
        "high": 0.75,
        "difference": 0.25,
        "difference_low": None,
        "difference_high": None,
    }


def test_a_missing_file_is_one_line_with_the_way_out(folder: Path) -> None:
    with pytest.raises(StudyMissing, match="`python -m core bench tiny` computes it") as error:
        read_study("tiny")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["cut", "unknown key", "no number"])
def test_a_damaged_file_is_one_line(folder: Path, damage: str) -> None:
    write_study(RESULT)
    path = study_path("tiny")
    text = path.read_text()
    values = json.loads(text)
    values["rows"][0]["value"] = "high"
    texts = {
        "cut": text[:-20],
        "unknown key": text.replace('"data"', '"more": 1, "data"', 1),
        "no number": json.dumps(values),
    }
    path.write_text(texts[damage])
    with pytest.raises(StudyMissing, match=r"is damaged .*bench tiny --force` computes") as error:
        read_study("tiny")
    assert "\n" not in str(error.value)
