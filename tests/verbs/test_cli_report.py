"""`score … --report`: the same numbers, one file that stands alone, and a line where it cannot."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tiny
from conftest import Call, Tiny, change

from core import checkpoint
from core.answers.report import Reported, report_of, strangest_first
from core.data.picture import png
from core.report import report_csv, report_html
from core.report.contents import ReportEntry
from core.report.words import place
from core.scenario import ScenarioError, load_scenario
from core.service import Batch, BatchQuery, Scored, Target, Threshold, ask
from core.verbs import reporting


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Six boxes and two strokes, and a file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, image in enumerate(np.concatenate([tiny.boxes(6, seed=9), tiny.strokes(2, seed=9)])):
        (folder / f"{i}.png").write_bytes(png(image))
    (folder / "<b>.png").write_bytes(b"no image")
    return folder


@pytest.fixture(autouse=True)
def _two_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps of two images and no more, which take most of a report's time."""
    monkeypatch.setattr("core.answers.report.MAPPED", 2)


def rows_of(page: str) -> list[tuple[str, str, str]]:
    """Name, percentile and verdict of each row of a report on one model."""
    table = page[page.index("All images, strangest first") :]
    table = table[: table.index("</table>")]
    pattern = r'class="name">([^<]*)<.*?class="group">.*?>(flagged|passed)<.*?"number">([^<]*)<'
    return [(n.strip(), html.unescape(p), v) for n, v, p in re.findall(pattern, table, re.S)]


def test_a_report_has_the_numbers_that_are_printed(
    tiny_scenario: Tiny, pictures: Path, tmp_path: Path, call: Call
) -> None:
    said = call("score", "tiny/glow", pictures, "--report", tmp_path / "r.html", "--threshold", 90)
    assert said.status == 1  # a file could not be read
    printed = {row["image"]: row["percentile"] for row in said.lines()}
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    rows = rows_of(page)
    assert {name: p for name, p, _ in rows} == {n: place(p) for n, p in printed.items()}
    assert [printed[name] for name, *_ in rows] == sorted(printed.values(), reverse=True)
    flagged = {name for name, _, verdict in rows if verdict == "flagged"}
    assert flagged == {name for name, p in printed.items() if p > 90}
    assert f'<span class="flagged">{len(flagged)}</span> of 8 flagged' in page
    assert "percentile 90" in page
    assert "<td>not an image file that can be read</td>" in page
    assert '<td class="name">&lt;b&gt;.png</td>' in page
    assert page.count("data:image/png") == 8 + 2 * 2  # thumbnails; images with their maps
    card = checkpoint.read_card(tiny_scenario.folder, "glow")
    assert card.weights.sha256 in page
    assert card.seal in page
    assert f"{card.licence}." in page


def test_printing_is_the_same_with_a_report_and_without(
    tiny_scenario: Tiny, pictures: Path, tmp_path: Path, call: Call
) -> None:
    plain = call("score", "tiny/glow", pictures)
    with_report = call("score", "tiny/glow", pictures, "--report", tmp_path / "r.html")
    assert (plain.out, plain.err, plain.status) == (
        with_report.out, with_report.err, with_report.status,
    )  # fmt: skip


def test_a_share_of_false_alarms_is_the_percentile_that_leaves_it(
    tiny_scenario: Tiny, pictures: Path, tmp_path: Path, call: Call
) -> None:
    call("score", "tiny/glow", pictures, "--report", tmp_path / "a.html", "--threshold", 90)
    call("score", "tiny/glow", pictures, "--report", tmp_path / "b.html", "--false-alarms", 0.1)
    pages = [(tmp_path / name).read_text(encoding="utf-8") for name in ("a.html", "b.html")]
    assert rows_of(pages[0]) == rows_of(pages[1])
    assert "all but 10\u00a0% of held-out normal images" in pages[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--report", "gone/r.html"], "there is no folder gone"),
        (["--report", "r.pdf"], "'r.pdf' must end in .html"),
        (["--report", "folder.html"], "folder.html is a folder, not a file"),
        (["--report", "r.html", "--threshold", "101"], "percentile must be 0 to 100, got 101.0"),
        (["--report", "r.html", "--threshold", "nan"], "must be finite"),
        (["--report", "r.html", "--false-alarms", "1.5"], "alarms must be 0 to 1, got 1.5"),
        (["--report", "r.html", "--prevalence", "2"], "prevalence"),
        (["--report", "r.html", "--threshold", "9", "--false-alarms", "0.1"], "--threshold or"),
        (["--threshold", "95"], "--threshold says something of a --report only"),
    ],
)
def test_what_cannot_be_reported_is_said_before_any_work(
    tiny_scenario: Tiny,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.html").mkdir()
    before = sorted(tmp_path.iterdir())
    assert words in call("score", "tiny/glow", pictures, *arguments).error()
    assert sorted(tmp_path.iterdir()) == before


def test_an_older_report_stays_where_nothing_can_be_read(
    tiny_scenario: Tiny, tmp_path: Path, call: Call
) -> None:
    (tmp_path / "r.html").write_text("older")
    (tmp_path / "x.png").write_bytes(b"no image")
    said = call("score", "tiny/glow", tmp_path / "x.png", "--report", tmp_path / "r.html")
    assert (said.status, "nothing could be read" in said.err) == (2, True)
    assert (tmp_path / "r.html").read_text() == "older"


def test_a_zip_is_scored_and_reported(tiny_scenario: Tiny, tmp_path: Path, call: Call) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.png", png(tiny.boxes(1, seed=1)[0]))
    (tmp_path / "x.zip").write_bytes(stream.getvalue())
    said = call("score", "tiny/glow", tmp_path / "x.zip", "--report", tmp_path / "r.html")
    assert said.status == 0
    assert json.loads(said.out)["image"] == "x.zip/a.png"
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Does 1 image look like" in page


def test_of_very_many_images_only_the_strangest_keep_their_pixels(
    tiny_scenario: Tiny,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
) -> None:
    monkeypatch.setattr(reporting, "HELD", 5)
    monkeypatch.setattr(reporting, "SHOWN", 3)
    call("score", "tiny/glow", pictures, "--report", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    rows = re.findall(r"<tr><td.*?</tr>", page[page.index("All images") :], re.S)[:8]
    shown = ["thumbnail" in row for row in rows]
    assert shown[:3] == [True] * 3  # the strangest three have theirs, whenever they came
    assert sum(shown) <= 5
    assert len(rows_of(page)) == 8


def test_of_images_at_the_same_percentile_those_that_score_most_keep_their_pixels(
    tiny_scenario: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "HELD", 4)
    monkeypatch.setattr(reporting, "SHOWN", 2)
    keeping = reporting.reporter(
        tmp_path / "r.html", Target("tiny", "glow"), at=(None, None), prevalence=None
    )
    assert isinstance(keeping, reporting.Reporter)
    pixels = np.zeros((28, 28, 1), np.uint8)
    scores = [9.0, 3.0, 7.0, 1.0, 5.0, 2.0, 4.0, 7.0]
    for i, score in enumerate(scores):
        keeping.add(Scored(f"{i}", score, 100.0, {"score": score}, pixels=pixels))
    held = [i for i, entry in enumerate(keeping.entries) if entry.image is not None]
    assert held == [0, 2]  # the second 7 came later, and stands lower in the table


# Reports of pages -------------------------------------------------------------------------------


def entries_and_batch(count: int) -> tuple[list[ReportEntry], Batch]:
    images = tiny.boxes(count, seed=4)
    batch = ask(BatchQuery("tiny", ("glow",), count), images.tobytes())
    return [ReportEntry.of(f"{i}.png", image) for i, image in enumerate(images)], batch


def about(**changes: object) -> Reported:
    given = {"scenario": "tiny", "threshold": Threshold("percentile", 95.0), "date": "today"}
    return Reported(**{**given, **changes})  # type: ignore[arg-type]


def test_a_report_is_the_same_for_the_same(tiny_scenario: Tiny) -> None:
    entries, batch = entries_and_batch(5)
    first, second = (report_of(about(), entries, batch=batch) for _ in range(2))
    assert report_html(first) == report_html(second)
    assert report_csv(first) == report_csv(second)


def test_progress_is_told_image_by_image(tiny_scenario: Tiny) -> None:
    entries, batch = entries_and_batch(5)
    told: list[int] = []
    report = report_of(about(), entries, batch=batch, watch=told.append)
    assert told == [1, 2]
    assert [one.row for one in report.maps] == report.order[:2].tolist()


def test_equal_percentiles_are_told_apart_by_the_score(tiny_scenario: Tiny) -> None:
    _, batch = entries_and_batch(4)
    scores = batch.models["glow"]
    scores.percentiles.flags.writeable = True
    scores.percentiles[:] = 100.0
    assert strangest_first(batch).tolist() == np.argsort(-scores.raw, kind="stable").tolist()


def test_a_report_of_nothing_or_of_other_images_is_refused(tiny_scenario: Tiny) -> None:
    entries, batch = entries_and_batch(3)
    for some in ([], entries[:2]):
        with pytest.raises(ScenarioError, match="needs images"):
            report_of(about(), some, batch=batch)


def test_prevalence_moves_precision_as_bayes_has_it(tiny_scenario: Tiny) -> None:
    entries, batch = entries_and_batch(3)
    for prevalence in (0.01, 0.3):
        (model,) = report_of(about(prevalence=prevalence), entries, batch=batch).models
        assert model.recall is not None
        assert model.false_alarm_rate is not None
        assert model.precision is not None
        hits, alarms = model.recall.value, model.false_alarm_rate.value
        right = prevalence * hits / (prevalence * hits + (1 - prevalence) * alarms)
        assert model.precision.value == pytest.approx(right)


def test_a_scenario_without_strange_images_still_has_a_report(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries, batch = entries_and_batch(3)
    with_strange = report_of(about(), entries, batch=batch).models[0]
    bare = load_scenario("tiny").model_copy(update={"strange": ()})
    monkeypatch.setattr("core.answers.report.load_scenario", lambda name: bare)
    model = report_of(about(), entries, batch=batch).models[0]
    assert model.precision is None
    assert model.threshold_raw == pytest.approx(with_strange.threshold_raw)
    with pytest.raises(ScenarioError, match="no threshold costs least"):
        report_of(about(threshold=Threshold("cost", 0.0)), entries, batch=batch)


def test_titles_of_a_scenario_are_text_in_a_report(tiny_scenario: Tiny) -> None:
    change(tiny_scenario, lambda values: values.update(title="<script>alert(1)</script>"))
    entries, batch = entries_and_batch(2)
    page = report_html(report_of(about(), entries, batch=batch))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;: 2 images" in page
