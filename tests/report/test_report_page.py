"""A report says what its numbers say, needs nobody, and shows names of others as they are."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from core.evaluate.binomial import binomial_range, exceedance_range
from core.evaluate.operating import Estimate
from core.evaluate.threshold import Threshold
from core.report import report_csv, report_html, words
from core.report.contents import Report, ReportEntry, ReportMap, ReportModel
from core.report.histogram import bars

VOID = {"meta", "img"}
HOSTILE = "<img src=http://evil.example/a.png onerror=alert(1)>'\"&\x1b[31m\u202e.png"


def model(name: str, percentiles: list[float], **changes: object) -> ReportModel:
    values = np.array(percentiles)
    half = Estimate(0.5, 0.4, 0.6)
    made = ReportModel(
        name=name, title=name.title(), unit="nats", raw=values / 10, displayed=values / 10,
        percentiles=values, flagged=values > 95, foreign=values > 99.5, threshold=9.5,
        threshold_raw=9.5, standing=95.0, above=250, calibration=5000,
        trained_on="55,000 images of A", sha256="ab" * 32, seal="cd" * 32,
        licence=f"Weights: as the training images, CC <{name}> 4.0",
        false_alarm_rate=Estimate(0.05, 0.04, 0.06), recall=half,
        precision=Estimate(0.0917, 0.07, 0.12),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def entry(name: str, level: int, **said: tuple[str, ...]) -> ReportEntry:
    return ReportEntry.of(name, np.full((28, 28, 1), level, np.uint8), **said)


@pytest.fixture
def report() -> Report:
    """Four images under two models, of which the second is the stranger."""
    entries = [
        entry("a.png", 1, notes=("RGB made grey",)),
        entry(HOSTILE, 2, warnings=("nearly black: <level> 2",)),
        entry("=1+2.png", 3),
        entry("d.png", 4),
    ]
    models = [model("glow", [50, 99.97, 96, 10]), model("mirror", [60, 100, 94, 20])]
    return Report(
        scenario="tiny", title="Boxes <&>", normal="Boxes", strange="Strokes", against="Test boxes",
        date="26 November 2026", threshold=Threshold("percentile", 95.0), prevalence=0.01,
        costs=(1.0, 1.0), entries=entries, models=models, order=np.array([1, 2, 0, 3]),
        maps=[ReportMap(1, "glow", "Glow", np.eye(28), 0.0)],
        errors=[("<script>e</script>.png", "no image"), ("f.zip", "a link")],
        tags={"<b>odd</b>": ["a.png", "boxes#3"]}, lines=["**Line** <i>three</i>"],
        versions={"outskirts": "0.1.0", "python": "3.11"},
    )  # fmt: skip


class Page(HTMLParser):
    """Tags of a page, and whether they close in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def said(self) -> str:
        """All text, with one space wherever there is some."""
        return " ".join(" ".join(self.text).split())


def test_the_page_says_under_which_licence_each_model_is(report: Report) -> None:
    said = Page(report_html(report)).said
    for name in ("glow", "mirror"):
        assert said.count(f"Weights: as the training images, CC <{name}> 4.0.") == 1


def test_the_page_is_whole_and_asks_nothing_of_anybody(report: Report) -> None:
    html = report_html(report)
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base", "use"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href", "srcset", "action", "xlink:href"):
            if value := attributes.get(name):
                assert value.startswith(("data:image/png;base64,", "#")), value
    style = html[html.index("<style>") : html.index("</style>")]
    assert not re.search(r"url\(|@import|//", style)
    (policy,) = [attributes for _, attributes in page.tags if "http-equiv" in attributes]
    assert str(policy["content"]).startswith("default-src 'none'; img-src data:;")


def test_names_of_others_are_text(report: Report) -> None:
    html = report_html(report)
    page = Page(html)
    assert "onerror=alert(1)&gt;" in html
    assert "<script>e" not in html
    assert "<script>e</script>.png" in page.said
    assert "**Line** <i>three</i>" in page.said
    assert "<b>odd</b> 2 images: a.png, boxes#3" in page.said
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "Boxes <&>: 4 images" in page.said


def test_the_page_is_the_same_for_the_same(report: Report) -> None:
    later = replace(report, date="27 November 2026")
    first, second = report_html(report), report_html(later)
    assert first == report_html(report)
    assert first == second.replace("27 November", "26 November")
    assert report_csv(report) == report_csv(later)


def test_rows_are_strangest_first_with_each_models_verdict(report: Report) -> None:
    html = report_html(report)
    table = html[html.index("<tbody>", html.index("All images, strangest first")) :]
    rows = re.findall(r"<tr>(<td.*?)</tr>", table, flags=re.S)[:4]
    names = [re.search(r'class="name">(.*?)(?:<|$)', row)[1].strip() for row in rows]  # type: ignore[index]
    assert [name[:6] for name in names] == ["&lt;im", "=1+2.p", "a.png", "d.png"]
    assert [row.count('class="flagged"') for row in rows] == [2, 1, 0, 0]
    assert rows[0].count("not its kind of image") == 2
    assert "&gt;99.9" in rows[0]  # 99.97 is not 100
    assert html.count('class="large"><span class="flagged">2</span> of 4 flagged (50\u00a0%)') == 1
    assert html.count('class="large"><span class="flagged">1</span> of 4 flagged (25\u00a0%)') == 1


def test_what_to_expect_is_computed_by_hand(report: Report) -> None:
    many = replace(
        report,
        entries=[entry(f"{i}.png", i % 256) for i in range(1000)],
        models=[model("glow", [float(i % 100) for i in range(1000)])],
        order=np.arange(1000),
        prevalence=0.1,
        maps=[],
    )
    page = Page(report_html(many)).said
    assert "You expect 10 % of images to be strange: about 100 of these 1,000." in page
    # 100 strange of which half are flagged; 900 normal of which a twentieth is
    assert "50 % (40 % to 60 %) 5 % (4 % to 6 %) 50 45 " in page
    assert "Of 1,000 normal images that is about 50; 36 to 66 in 95 of 100 such batches." in page
    assert "40 are flagged, as many as may be of normal images alone." in page


@pytest.mark.parametrize(
    ("count", "words_said"),
    [(66, "as many as may be"), (67, "more than normal images"), (35, "fewer than of normal")],
)
def test_a_surprise_is_what_normal_images_alone_would_hardly_give(
    count: int, words_said: str
) -> None:
    values = [99.0] * count + [50.0] * (1000 - count)
    assert words_said in words.surprise(model("glow", values))


def test_normal_batches_alone_are_called_a_surprise_no_more_often_than_said() -> None:
    draws = np.random.default_rng(0)
    surprises = 0
    for _ in range(400):  # a threshold on 500 held-out images, and 1,000 others like them
        threshold = np.sort(draws.random(500))[474]
        flagged = np.arange(1000) < (draws.random(1000) > threshold).sum()
        judged = model("glow", [50.0] * 1000, flagged=flagged, above=25, calibration=500)
        surprises += "as many as may be" not in words.surprise(judged)
    assert surprises <= 30  # 20 are due; with the share taken as exact they are 107


@pytest.mark.parametrize("standing", [100.0, 99.99])
def test_a_budget_of_no_held_out_image_is_not_nothing(standing: float) -> None:
    judged = model("glow", [100.0] * 2000, standing=standing, above=0, calibration=500)
    said = words.budget(judged)
    assert (
        "none of 500 held-out normal images is above the threshold, so that probably under 0.6"
        in said
    )
    assert "Of 2,000 normal images 0 to 16 in 95 of 100 such batches." in said
    assert "0\u00a0% of normal" not in said.replace("0.6\u00a0%", "")


def test_rates_are_of_the_normal_set_that_was_measured(report: Report) -> None:
    page = Page(report_html(report)).said
    assert "Do 4 images look like Boxes?" in page
    assert "as easy to tell from Test boxes as Strokes are" in page
    assert "Flagged of Strokes Flagged of Test boxes" in page


def test_images_with_maps_have_the_ranks_of_the_table(report: Report) -> None:
    maps = [ReportMap(row, "glow", "Glow", np.eye(28), 0.0) for row in (2, 3)]
    page = Page(report_html(replace(report, maps=maps))).said
    assert "Of the 4 strangest images those 2 that have a map, by their places" in page
    assert "2. =1+2.png" in page
    assert "4. d.png" in page
    assert "The strangest image. Each model's own map" in Page(report_html(report)).said


def test_a_map_whose_colours_do_not_begin_at_zero_is_marked(report: Report) -> None:
    distances = np.linspace(1.0, 1.4, 784).reshape(28, 28)
    maps = [ReportMap(1, "glow", "Glow", np.eye(28), 0.0), ReportMap(1, "a", "Near", distances, 0)]
    page = Page(report_html(replace(report, maps=maps))).said
    assert "A map with * is of one sign: its colours begin where its quietest quarter" in page
    assert "Near*" in page
    assert "Glow*" not in page
    assert "A map with *" not in Page(report_html(report)).said


def test_without_strange_images_nothing_is_promised(report: Report) -> None:
    bare = [replace(m, recall=None, precision=None, false_alarm_rate=None) for m in report.models]
    page = Page(report_html(replace(report, models=bare, strange=""))).said
    assert "how many of the flagged are strange cannot be said" in page
    assert "rightly flagged" not in page


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        (Threshold("percentile", 99.5), "lies above percentile 99.5 of held-out normal images."),
        (Threshold("alarms", 0.02), "above those of all but 2\u00a0% of held-out normal images."),
        (Threshold("score", 9.5, "glow"), "above 9.5 nats of Glow, and by other models above"),
        (Threshold("cost", 0.0), "cost least on Strokes: a miss 5, a false alarm 1, with 1\u00a0%"),
    ],
)
def test_the_threshold_is_said_as_it_was_set(
    report: Report, threshold: Threshold, said: str
) -> None:
    assert said in words.threshold(replace(report, threshold=threshold, costs=(5.0, 1.0)))


def test_the_table_holds_every_number_and_no_formula(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(report_csv(report), newline="")))
    assert [row["image"] for row in rows] == [
        HOSTILE, "'=1+2.png", "a.png", "d.png", "<script>e</script>.png", "f.zip",
    ]  # fmt: skip
    assert float(rows[0]["glow percentile"]) == 99.97
    assert [row["glow flagged"] for row in rows[:4]] == ["1", "1", "0", "0"]
    assert [row["mirror flagged"] for row in rows[:4]] == ["1", "0", "0", "0"]
    assert rows[2]["tags"] == "<b>odd</b>"
    assert rows[2]["notes"] == "RGB made grey"
    assert rows[2]["sha256 of pixels"] == report.entries[0].sha256
    assert rows[5]["error"] == "a link"
    assert rows[5]["glow score"] == ""
    assert not any(cell.startswith(tuple("=+@")) for row in rows for cell in row.values())


def test_rows_beyond_the_bound_are_counted_and_stand_in_the_table(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.report.page.SHOWN", 3)
    page = Page(report_html(report)).said
    assert "1 more, less strange than these, are in the table of numbers." in page
    assert "d.png" not in page
    assert "d.png" in report_csv(report)


def test_a_bar_is_as_high_as_its_images_and_100_is_in_the_last() -> None:
    svg = bars(np.array([100.0, 100.0, 97.0, 3.0]), 95.0, label="x")
    heights = [float(h) for h in re.findall(r'class="bar".*?height="([\d.]+)"', svg)]
    assert len(heights) == 2
    assert heights[1] == pytest.approx(3 * heights[0], abs=0.2)


def test_ranges_are_those_of_scipy() -> None:
    from scipy.stats import betabinom, binom

    for n in (1, 7, 109, 2000):
        for chance in (0.001, 0.05, 0.5, 0.99):
            low, high = binomial_range(n, chance)
            assert (low, high) == (binom.ppf(0.025, n, chance), binom.ppf(0.975, n, chance))
    for n, above, measured in ((2000, 25, 500), (464, 0, 464), (7, 3, 9), (5000, 250, 5000)):
        found = exceedance_range(n, above, measured)
        assert found == tuple(betabinom.ppf([0.025, 0.975], n, above + 1, measured - above))
