"""A visitor's file of scores: read id by id, and what does not fit is named."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from columns_by_hand import show
from conftest import Tiny, change

from core import service
from core.answers import own_scores as answers
from core.answers.own_scores import OwnScoresError
from core.evaluate.metrics import auroc
from core.service import (
    OperatingQuery,
    OutskirtsError,
    OwnScores,
    Threshold,
    VerdictsQuery,
    own_scores,
)

NORMAL, STRANGE = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [5.0, 7.0, 8.0, 9.0, 10.0]
By = Callable[..., None]


def lines(**changed: str) -> list[str]:
    """A line an image; ``boxes_2="x"`` gives boxes#2 another score."""
    named = {f"boxes#{i}": str(v) for i, v in enumerate(NORMAL)}
    named |= {f"strokes#{i}": str(v) for i, v in enumerate(STRANGE)}
    named |= {name.replace("_", "#"): value for name, value in changed.items()}
    return [f"{image},{score}" for image, score in named.items()]


def text(*more: str, **changed: str) -> bytes:
    return "\n".join(["image,score", *lines(**changed), *more, ""]).encode()


def read(data: bytes) -> OwnScores:
    return own_scores("tiny", "strokes", data=data)


def problems(data: bytes) -> dict[str, tuple[tuple[str, ...], int]]:
    return {one.kind: (one.ids, one.count) for one in read(data).problems}


@pytest.fixture(autouse=True)
def world(scored: By) -> None:
    scored(a=(NORMAL, STRANGE))


# What fits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        text(),
        b"\xef\xbb\xbf" + text(),  # as spreadsheets begin UTF-8
        text().replace(b"\n", b"\r\n"),
        text().replace(b"\n", b"\r"),
        text().replace(b",", b";"),
        text().replace(b",", b"\t"),
        text().decode().replace(",", "\t").encode("utf-16"),
        text().replace(b"image,score", b' Image , "SCORE"'),
        b"\n\r\n  \n" + text(),
        b"\xef\xbb\xbf\n,,\n" + text(),  # a table's empty rows
        text().replace(b",", b";").replace(b"image", b"\n;\nimage", 1),
        text().replace(b"boxes#2,3.0", b'"boxes#2","3.0"'),
        text().replace(b"boxes#2,3.0", b"\n,\n boxes#2 , 3e0 \n\n"),
        text().replace(b"boxes#2", b"'boxes#2"),  # as a table keeps it from computing
        b"\n".join(line + b",more" for line in text().splitlines()),
        b"\n".join(b"x," + line for line in text().splitlines()),
    ],
)  # fmt: skip
def test_a_table_of_all_images_is_read_however_it_was_saved(data: bytes) -> None:
    found = read(data)
    assert found.normal.tolist() == NORMAL
    assert found.strange.tolist() == STRANGE
    assert found.problems == ()
    assert found.complete
    assert (found.matched_normal, found.matched_strange) == (6, 5)


def test_lines_of_other_sets_of_the_scenario_are_counted_and_say_nothing() -> None:
    found = read(text("turned#0,1", "turned#5,2"))
    assert (found.elsewhere, found.problems) == (2, ())


def test_ones_own_scores_are_a_column_whose_percentiles_are_among_the_test_images() -> None:
    threshold = Threshold("percentile", 50.0)
    asked = VerdictsQuery("tiny", "strokes", ("a", "own"), threshold)
    found = service.ask(asked, text()).of("own")
    assert found.own
    assert found.raw == found.displayed == 3.5  # the median of 1 to 6
    assert (found.hits, found.alarms) == (5, 3)
    assert found.metrics.auroc == auroc(NORMAL, STRANGE)
    rows = service.ask(OperatingQuery("tiny", "strokes", "own"), text()).rows
    assert np.isin(NORMAL, rows.raw).all()
    other = service.ask(asked, text(boxes_0="5.5")).of("own")  # another file is another answer
    assert other.raw != found.raw


def test_where_images_are_missing_the_others_alone_are_counted() -> None:
    data = "\n".join(["image,score", *lines()[:3], *lines()[7:]]).encode()
    found = service.ask(VerdictsQuery("tiny", "strokes", ("own",), Threshold("alarms", 0.0)), data)
    own = found.of("own")
    assert (own.hits + own.misses, own.alarms + own.passed) == (4, 3)
    assert (own.metrics.n_strange, own.metrics.n_normal) == (4, 3)
    assert problems(data) == {"missing": (("boxes#3", "boxes#4", "boxes#5", "strokes#0"), 4)}


# What does not fit --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "image",
    [
        "shoes#1", "boxes#6", "boxes#-1", "boxes", "boxes#", "#1", "boxes#1.0", "boxes#１",
        "boxes#1e0", "boxes#99999999999999999999", "Boxes#1", "boxes/1", "",
    ],
)  # fmt: skip
def test_an_id_of_no_image_is_named_with_its_line(image: str) -> None:
    assert problems(text(f"{image},1")) == {"unknown": ((f"line 13, {image}",), 1)}


@pytest.mark.parametrize(
    ("score", "said"),
    [
        ("nan", "nan"),
        ("NaN", "NaN"),
        ("inf", "inf"),
        ("-inf", "-inf"),
        ("1e999", "1e999"),
        ("1e200", "1e200"),
        ("1_000", "1_000"),
        ('"0,5"', "0,5"),
        ("0x10", "0x10"),
        ("high", "high"),
        ("", "nothing"),
        ("  ", "nothing"),
        ("=1+2", "=1+2"),
    ],
)
def test_a_score_that_is_no_finite_number_is_named_and_not_counted(score: str, said: str) -> None:
    data = text(boxes_2=score)
    assert problems(data) == {"no number": ((f"line 4, boxes#2: {said}",), 1)}
    assert read(data).matched_normal == 5


def test_a_line_that_ends_before_its_score_has_none() -> None:
    assert problems(text().replace(b"boxes#2,3.0", b"boxes#2")) == {
        "no number": (("line 4, boxes#2: nothing",), 1)
    }


def test_of_an_image_named_twice_the_first_score_counts_and_the_second_is_named() -> None:
    found = read(text("boxes#2,99"))
    assert found.normal.tolist() == NORMAL
    assert [(one.kind, one.ids) for one in found.problems] == [("twice", ("line 13, boxes#2",))]


def test_of_an_image_named_first_without_a_score_the_score_that_follows_counts() -> None:
    found = read(text("boxes#2,99", "boxes#2,98", boxes_2="x"))
    assert found.normal.tolist() == [*NORMAL[:2], 99, *NORMAL[3:]]
    assert [(one.kind, one.ids) for one in found.problems] == [
        ("twice", ("line 14, boxes#2",)),
        ("no number", ("line 4, boxes#2: x",)),
    ]


def test_empty_lines_without_end_are_no_table_and_take_no_time() -> None:
    with pytest.raises(OwnScoresError, match="your file is empty"):
        read(b"," * 4_000_000 + b"\n" * 4_000_000)


def test_every_problem_is_named_at_once_a_few_ids_of_each_and_all_are_counted() -> None:
    more = [f"shoes#{i},1" for i in range(500)]
    found = problems(text(*more, "boxes#0,1", boxes_1="x"))
    assert [*found] == ["unknown", "twice", "no number"]
    ids, count = found["unknown"]
    assert (len(ids), count) == (answers.SHOWN_IDS, 500)
    assert ids[0] == "line 13, shoes#0"


def test_an_id_is_shown_in_a_few_letters_and_without_what_is_no_letter() -> None:
    ((said,), _) = problems(text("x" * 5000 + "#1,1"))["unknown"]
    assert len(said) < 100
    ((said,), _) = problems(text("a\x1b[31m\u202eb#1,1"))["unknown"]
    assert said == "line 13, a�[31m�b#1"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "your file is empty"),
        (b"\n", "your file is empty"),
        (
            b"boxes#0,1\n",
            "begins with 'boxes#0,1': it needs a first line image,score and then .* boxes#0,0.25",
        ),
        (b"image\nboxes#0\n", "begins with 'image'"),
        (b"image score\nboxes#0 1\n", "begins with 'image score'"),
        (b"PK\x03\x04\xff\xfe\x00", "no CSV text in UTF-8"),
        (b"\xff\xfe\x00", "no CSV text in UTF-8"),
        ("image,score\nböxes,1".encode("latin-1"), "no CSV text in UTF-8"),
        (b"image,score\nboxes#0," + b"1" * 200_000, "line 2 of your file: field larger"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_in_one_line(data: bytes, words: str) -> None:
    with pytest.raises(OwnScoresError, match=words) as error:
        read(data)
    assert len(str(error.value)) < 300
    assert "\n" not in str(error.value)


def test_a_file_is_bounded_in_bytes_and_in_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OwnScoresError, match=r"your file has 8\.0 MB, at most 8 are read"):
        read(b"image,score\n" + b"\n" * answers.MAX_SCORES_BYTES)
    monkeypatch.setattr(answers, "MAX_ROWS", 5)
    with pytest.raises(OwnScoresError, match="more than 5 lines"):
        read(text())


def test_no_bytes_whatever_end_in_another_error() -> None:
    rng, whole = np.random.default_rng(0), np.frombuffer(text("boxes#0,\u202e", "☃,1"), np.uint8)
    for _ in range(500):
        broken = whole.copy()
        places = rng.integers(0, len(broken), rng.integers(1, 8))
        broken[places] = rng.choice(
            np.frombuffer(b"\x00\n\r\",;\t\xff#'=_e9", np.uint8), len(places)
        )
        data = broken[: rng.integers(1, len(broken) + 1)].tobytes()
        with suppress(OwnScoresError):
            found = read(data)
            assert found.matched_normal + found.matched_strange <= 11


def test_scores_of_one_set_alone_measure_nothing() -> None:
    data = "\n".join(["image,score", *lines()[:6]]).encode()
    assert read(data).matched_strange == 0  # what was read is said all the same
    with pytest.raises(OutskirtsError, match="no score of an image of strokes, such as strokes#0"):
        service.ask(OperatingQuery("tiny", "strokes", "own"), data)


def test_a_number_without_a_file_is_asked_for() -> None:
    with pytest.raises(OwnScoresError, match="no file of scores was given"):
        service.ask(OperatingQuery("tiny", "strokes", "own"))


# The table to take away ---------------------------------------------------------------------------


def test_the_table_holds_every_image_with_every_models_numbers() -> None:
    table = service.comparison_table(
        "tiny", "strokes", models=("a", "own"), data=text(), threshold=Threshold("percentile", 50.0)
    )
    assert [*table] == [
        "image", "set", "label",
        "a score (tens)", "a percentile", "a flagged",
        "own score (as in your file)", "own percentile", "own flagged",
    ]  # fmt: skip
    assert table["image"].tolist() == [line.partition(",")[0] for line in lines()]
    assert table["set"].tolist() == ["boxes"] * 6 + ["strokes"] * 5
    assert table["label"].tolist()[:3] == ["zero", "one", "two"]
    assert table["a score (tens)"].tolist() == [10 * v + 1 for v in NORMAL + STRANGE]
    assert table["a flagged"].tolist() == [0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1]
    assert table["own score (as in your file)"].tolist() == NORMAL + STRANGE
    assert table["own flagged"].tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]


def test_a_cell_without_a_score_is_empty() -> None:
    data = text(boxes_2="nan")
    table = service.comparison_table("tiny", "strokes", models=("own",), data=data)
    row = [table[name].tolist()[2] for name in [*table][3:]]
    assert row == ["", "", ""]


def test_no_text_of_the_table_is_a_formula(untrained: Tiny, scored: By) -> None:
    def dangerous(values: dict) -> None:
        values["strange"][0]["classes"] = ["=1+2", "@cmd", "fine"]
        values["strange"][0]["name"] = "-strokes"

    change(untrained, dangerous)
    scored(a=(NORMAL, STRANGE))
    (untrained.folder / "reference.npz").unlink()
    show("-strokes")
    table = service.comparison_table("tiny", "-strokes", models=("a",))
    assert table["image"].tolist()[6:8] == ["'-strokes#0", "'-strokes#1"]
    assert table["label"].tolist()[6:9] == ["'=1+2", "'@cmd", "fine"]
    # And what was taken away so comes back.
    data = "\n".join(["image,score", *(f"{image},1" for image in table["image"])]).encode()
    assert own_scores("tiny", "-strokes", data=data).complete
