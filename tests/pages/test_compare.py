"""The page Compare: its threshold, its sentences, its tables, and what it does with bad links."""

from __future__ import annotations

import base64
import csv
import io
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from apps import figure_of, headings, html_of, text_of
from conftest import Tiny
from streamlit.testing.v1 import AppTest

from core.service import (
    OWN,
    Committee,
    CommitteeQuery,
    DetectorRow,
    Disagree,
    DisagreeQuery,
    Estimate,
    Judgement,
    OperatingQuery,
    OverviewQuery,
    Share,
    Threshold,
    Verdict,
    VerdictsQuery,
    ask,
)
from pages._compare import (
    committee,
    disagree,
    files,
    line,
    looked,
    models,
    own_scores,
    said,
    sent,
    table,
)
from pages._compare.models import Compared
from pages._shared.theme import LIGHT
from pages._shared.threshold import Costs, Line

pytestmark = pytest.mark.usefixtures("quick_apps")

SECTIONS = [
    "All models at this threshold",
    "Where two of them disagree",
    "A committee",
    "Scores of your own",
]
BOTH = ("glow", "glow.outliers")


def opened(**state: object) -> AppTest:
    """The page as a link opens it, without an exception."""
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    for key, value in state.items():
        values = value if isinstance(value, list) else str(value)
        app.query_params[f"compare_{key}"] = values
    app = app.switch_page("compare.py").run()
    assert not app.exception
    assert [e.value for e in app.error] == []
    return app


OPENS = Line()


def verdict(threshold: Threshold = OPENS.threshold, model: str = "glow") -> Verdict:
    return ask(VerdictsQuery("tiny", "strokes", (model,), threshold)).models[0]


def compared(line_: Line = OPENS, data: bytes | None = None, shown=BOTH) -> Compared:
    overview = ask(OverviewQuery("tiny"))
    rows = models.trained(overview)
    return Compared(overview, rows, "strokes", shown[0], shown, data, line_)


# What is there ------------------------------------------------------------------------------------


def test_sections_stand_in_their_order(models: Tiny) -> None:
    app = opened()
    assert [h for h in headings(app) if h in SECTIONS] == SECTIONS
    assert said.seen(compared(), verdict()) in text_of(app)
    assert said.why(compared(), verdict()) in text_of(app)


def test_a_scenario_without_trained_models_says_so(untrained: Tiny) -> None:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app = app.switch_page("compare.py").run()
    assert not app.exception
    assert headings(app) == []


@pytest.mark.slow
def test_the_table_has_every_figure_of_every_model(models: Tiny) -> None:
    app = opened(models=list(BOTH))
    found = ask(VerdictsQuery("tiny", "strokes", BOTH))
    [drawn] = re.findall(
        r"<table class=compare-table aria-label='Every model.*?</table>", html_of(app)
    )
    rows = re.findall(r"<tr.*?</tr>", drawn)[1:]
    assert len(rows) == 2
    for row, one in zip(rows, found.models, strict=True):
        for name in ("recall", "precision", "f1", "false_alarm_rate"):
            assert said.in_percent(getattr(one, name).value) in row
            assert said.interval(getattr(one, name)) in row


def bold_of(*found: Verdict) -> list[str]:
    return re.findall(r"<b>(.*?)</b>", table.html(compared(), found))


def test_bold_is_what_no_other_models_interval_meets_and_false_alarms_have_no_best(
    models: Tiny,
) -> None:
    one = replace(verdict(), recall=Estimate(0.9, 0.85, 0.95))
    close = replace(one, name="glow.outliers", recall=Estimate(0.8, 0.75, 0.86))
    worse = replace(close, recall=Estimate(0.8, 0.75, 0.84))
    less = replace(worse, false_alarm_rate=Estimate(0.0, 0.0, 0.0))
    assert bold_of(one, close) == []
    assert bold_of(one, worse) == bold_of(one, less) == ["90.0\u00a0%"]
    cheap = replace(close, cost=Estimate(0.0, 0.0, 0.0))
    assert bold_of(one, cheap) == ["0"]
    few = replace(worse, name=OWN, own=True, misses=worse.misses - 1)
    assert bold_of(one, few) == []


def test_a_percentile_below_100_is_not_said_to_be_100(models: Tiny) -> None:
    places = [said.place(p) for p in (99.99, 99.99999, 99.9, 100.0, 0.0, 0.04)]
    assert places == ["99.99", "99.999", "99.9", "100, beyond all", "0, below all", "0.04"]
    text = table.html(compared(), [replace(verdict(), percentile=99.99)])
    assert "percentile 99.99<" in text


# The threshold ------------------------------------------------------------------------------------


def test_a_link_sets_the_threshold_of_the_session(models: Tiny) -> None:
    app = opened(by="alarms", at=0.1, prevalence=0.02, miss=7.0, alarm=2.0)
    kept = app.session_state["_threshold"]
    assert kept == Line(Threshold("alarms", 0.1), 0.02, Costs(7.0, 2.0))
    stakes = {"prevalence": 0.02, "miss_cost": 7.0, "alarm_cost": 2.0}
    query = VerdictsQuery("tiny", "strokes", ("glow",), Threshold("alarms", 0.1), **stakes)
    assert said.seen(compared(kept), ask(query).models[0]) in text_of(app)


def test_what_another_page_sets_is_taken_over_and_shown(models: Tiny) -> None:
    app = opened()
    app.session_state["_threshold"] = Line(Threshold("percentile", 80.0), 0.013, Costs(5.0, 1.0))
    app.run()
    assert not app.exception
    assert app.session_state["compare_at"] == 80.0
    assert app.session_state["compare_prevalence"] == "0.013"
    assert app.session_state["_threshold"] == Line(
        Threshold("percentile", 80.0), 0.013, Costs(5.0, 1.0)
    )


@pytest.mark.slow
def test_another_scenarios_score_is_no_threshold_here(models: Tiny) -> None:
    app = opened()
    app.session_state["_threshold"] = Line(Threshold("score", 3.0, "elsewhere"))
    app.run()
    assert not app.exception
    assert app.session_state["_threshold"].threshold == Threshold("percentile", 95.0)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["percentile", "alarms", "score"])
def test_where_the_line_is_let_go_the_service_counts_what_the_drag_showed(
    models: Tiny, by: str
) -> None:
    rows = ask(OperatingQuery("tiny", "strokes", "glow")).rows
    inside = np.flatnonzero((rows.percentile > 0) & (rows.percentile < 100))
    assert len(inside) > 100
    for k in inside.tolist():
        at = line.restated(by, (float(rows.percentile[k]), float(rows.raw[k])))
        found = verdict(Threshold(by, at, "glow"))
        assert (found.hits, found.alarms) == (rows.hits[k], rows.alarms[k]), k


@pytest.mark.parametrize("by", ["alarms", "score"])
def test_the_line_stays_where_it_is_when_it_is_set_otherwise(models: Tiny, by: str) -> None:
    app = opened(at=80.0)
    before = verdict(Threshold("percentile", 80.0))
    app.selectbox("compare_by").set_value(by).run()
    after = app.session_state["_threshold"].threshold
    assert after.by == by
    assert after.value == pytest.approx({"alarms": 0.2, "score": before.raw}[by])
    asked = verdict(Threshold(by, after.value, "glow"))
    assert (asked.hits, asked.alarms) == (before.hits, before.alarms)


@pytest.mark.slow
def test_a_score_becomes_the_other_models_where_that_stands(models: Tiny) -> None:
    app = opened(at=80.0, models=list(BOTH))
    app.selectbox("compare_by").set_value("score").run()
    other = verdict(Threshold("percentile", 80.0), "glow.outliers")
    app.selectbox("compare_model").set_value("glow.outliers").run()
    assert not app.exception
    kept = app.session_state["_threshold"].threshold
    assert kept == Threshold("score", other.raw, "glow.outliers")


@pytest.mark.slow
def test_a_score_becomes_that_of_a_model_that_was_not_compared(models: Tiny) -> None:
    app = opened(at=80.0, models=["glow"])
    app.selectbox("compare_by").set_value("score").run()
    other = verdict(Threshold("percentile", 80.0), "glow.outliers")
    assert other.raw != verdict(Threshold("percentile", 80.0)).raw
    app.selectbox("compare_model").set_value("glow.outliers").run()
    kept = app.session_state["_threshold"].threshold
    assert kept == Threshold("score", other.raw, "glow.outliers")


def test_a_score_that_another_page_set_is_that_models(models: Tiny) -> None:
    app = opened()
    score = verdict(Threshold("percentile", 70.0), "glow.outliers").raw
    app.session_state["_threshold"] = Line(Threshold("score", score, "glow.outliers"))
    app.run()
    assert not app.exception
    kept = app.session_state["_threshold"].threshold
    assert (kept.by, kept.model) == ("score", "glow")
    assert verdict(kept).percentile == pytest.approx(70.0, abs=0.001)


def test_beyond_all_normal_images_it_is_a_score_until_it_is_back(models: Tiny) -> None:
    state: dict = {"compare_by": "alarms", "compare_at": 0.1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamlit.session_state", state)
        line.moved((100.0, 7.0))
        assert (state["compare_by"], state["compare_at"]) == ("score", 7.0)
        line.moved((0.0, -7.0))
        assert (state["compare_by"], state["compare_at"]) == ("score", -7.0)
        line.moved((80.0, 2.0))
        assert (state["compare_by"], state["compare_at"]) == ("alarms", 0.2)
        state["compare_by"] = "score"  # by choice
        line.moved((70.0, 1.0))
        assert (state["compare_by"], state["compare_at"]) == ("score", 1.0)


@pytest.mark.slow
def test_a_cost_may_be_nothing_but_not_both(models: Tiny) -> None:
    app = opened(miss=0.0, alarm=2.0)
    assert app.session_state["_threshold"].costs == Costs(0.0, 2.0)
    app.number_input("compare_alarm").set_value(0.0).run()
    assert not app.exception
    assert app.session_state["_threshold"].costs == Costs(1.0, 1.0)
    assert "Both cost nothing" in text_of(app)
    app.session_state["_threshold"] = Line(costs=Costs(1e9, 1.0))
    app.run()
    assert not app.exception
    assert app.session_state["_threshold"].costs == Costs(1e6, 1.0)


def test_the_share_of_strange_test_images_is_that_of_the_set(models: Tiny) -> None:
    shown = opened().select_slider("compare_prevalence").help
    assert "Of the test images shown here 50\u00a0% are strange" in shown
    few = line.Scored("tiny", "strokes", "glow", share=0.09)
    assert (few.share, few.whose) == (0.09, ("tiny", "glow"))


def test_least_cost_is_found_on_the_images(models: Tiny) -> None:
    app = opened(by="cost", miss=100.0)
    query = VerdictsQuery(
        "tiny", "strokes", ("glow",), Threshold("cost", 0.0), miss_cost=100.0, alarm_cost=1.0
    )
    kept = app.session_state["_threshold"]
    assert said.seen(compared(kept), ask(query).models[0]) in text_of(app)


@pytest.mark.parametrize(
    "state",
    [
        {"by": "nope"},
        {"at": "abc"},
        {"at": "250"},
        {"by": "alarms", "at": "7"},
        {"prevalence": "3"},
        {"prevalence": "x"},
        {"cell": "nope"},
        {"quadrant": "nope"},
        {"image": "nope#0"},
        {"set": "nope"},
        {"model": "nope"},
        {"a": "nope"},
    ],
)
def test_a_link_to_what_is_not_here_says_so_and_shows_the_rest(models: Tiny, state: dict) -> None:
    app = opened(**state)
    assert any("asks for what is not here" in i.value for i in app.info)
    assert [h for h in headings(app) if h in SECTIONS] == SECTIONS


# What the browser gets ----------------------------------------------------------------------------


def test_the_browser_gets_the_rows_and_exactly_what_holds_now(models: Tiny) -> None:
    c, now = compared(), verdict()
    found = ask(OperatingQuery("tiny", "strokes", "glow"))
    given = sent.given(c, found, now, colours=LIGHT)
    rows = {n: np.frombuffer(base64.b64decode(t), "<f8") for n, t in given["rows"].items()}
    assert np.array_equal(rows["hits"], found.rows.hits)
    assert np.array_equal(rows["at"], found.rows.displayed)
    assert np.array_equal(rows["cost_high"], found.rows.rates.cost.high)
    assert np.array_equal(rows["f1"], found.rows.rates.f1.value, equal_nan=True)
    assert given["now"]["hits"] == now.hits
    assert given["now"]["precision_low"] == now.precision.low
    many = said.expected(now, 0.01)
    assert given["now"]["alarms_expected"] == many["alarms"]
    assert given["many"] == said.MANY
    k = 7
    assert rows["hits_expected"][k] == pytest.approx(100 * found.rows.hits[k] / 96)
    assert rows["passed_expected"][k] == pytest.approx(9900 * (1 - found.rows.alarms[k] / 96))
    assert given["sizes"] == {"normal": 96, "strange": 96}


def test_what_is_undefined_travels_as_nothing(models: Tiny) -> None:
    nothing = verdict(Threshold("score", 1e9, "glow"))
    assert math.isnan(nothing.precision.value)
    assert sent.now_of(nothing, prevalence=0.01)["precision"] is None
    assert "**Nothing is flagged**" in said.seen(compared(), nothing)


def test_other_costs_and_another_prevalence_are_other_rows(models: Tiny) -> None:
    tokens = {
        sent.token_of(compared(one))
        for one in (Line(), Line(prevalence=0.02), Line(costs=Costs(2.0)), Line(costs=Costs(1, 2)))
    }
    assert len(tokens) == 4
    moved = Line(Threshold("percentile", 50.0))
    assert sent.token_of(compared(moved)) == sent.token_of(compared())


# What is said -------------------------------------------------------------------------------------


@pytest.fixture
def one(models: Tiny) -> Verdict:
    """Counts by hand: of 100 strange 90 are flagged, of 1,000 normal 50."""
    found = verdict()
    return replace(
        found,
        title="It",
        hits=90,
        misses=10,
        alarms=50,
        passed=950,
        recall=Estimate(0.9, 0.8, 1.0),
        false_alarm_rate=Estimate(0.05, 0.04, 0.06),
        precision=Estimate(9 / 58.5, 0.1, 0.2),
        metrics=replace(found.metrics, auroc=0.97, low=0.96, high=0.98),
    )


def test_the_sentence_says_what_precision_is_worth(one: Verdict) -> None:
    text = said.seen(compared(), one).replace("\u00a0", " ")
    assert "It tells strokes from boxes with an AUROC of 0.970" in text
    assert "flags 90.0 % of strokes and 5.0 % of boxes" in text
    assert "Where 1 % of the images are strange, **only 15 of 100 flagged images" in text
    assert "are strange** (10 to 20)" in text
    assert "among the test images, of which 9 % are strange, 64 are." in text
    why = said.why(compared(), one)
    assert "100 are strange and 9,900 normal: that makes 90 hits and 495 false alarms" in why
    assert "5.5 for each hit" in why
    half = said.why(compared(Line(prevalence=0.5)), one)
    assert "4,500 hits and 250 false alarms, 18 hits for each." in half


def test_hits_outnumber_false_alarms_for_no_reason_that_was_not_measured(one: Verdict) -> None:
    high = replace(one, hits=45, alarms=1, recall=Estimate(0.45, 0.4, 0.5))
    high = replace(high, false_alarm_rate=Estimate(0.001, 0.0005, 0.002))
    assert "45 hits and 9.9 false alarms, 4.5 hits for each." in said.why(compared(), high)


def test_no_false_alarm_among_the_test_images_is_no_certainty(one: Verdict) -> None:
    none = replace(one, hits=40, alarms=0, passed=1000, precision=Estimate(1.0, 0.41, 1.0))
    none = replace(none, false_alarm_rate=Estimate(0.0, 0.0, 0.0038))
    text = said.seen(compared(), none)
    assert "100 of 100" not in text
    assert "**None of 1,000 normal images is flagged**" in text
    assert "of 100 flagged ones 41 to 100 may be." in text
    assert "it may be 38 of these" in said.why(compared(), none)
    near = replace(one, precision=Estimate(0.9968, 0.99, 0.9999))
    assert "**99.7 of 100 flagged images are strange** (99 to more than 99.9)" in said.seen(
        compared(), near
    )


def test_the_least_cost_says_that_it_was_chosen_here(one: Verdict, models: Tiny) -> None:
    cheap, usual = replace(one, cost=Estimate(0.01, 0, 1)), replace(one, cost=Estimate(0.03, 0, 1))
    text = said.chosen_here(compared(), cheap, usual)
    assert "10,000 of them would cost 100, others a little more. At percentile 95" in text
    assert text.endswith("it would be 300.")
    assert "**Chosen on these images:**" in text_of(opened(by="cost"))
    assert "**Chosen on these images:**" not in text_of(opened())


def test_which_images_were_flagged_is_counted_without_an_article(one: Verdict) -> None:
    words = disagree.said_of(compared(), ask(DisagreeQuery("tiny", "strokes", *BOTH)))
    assert words.startswith("of “Strokes”, Glow catches ")


@pytest.mark.parametrize(
    ("low", "high", "said_of_it"),
    [
        (0.96, 0.98, "It tells strokes from boxes"),
        (0.45, 0.55, "It cannot tell strokes from boxes"),
        (0.2, 0.4, "It finds strokes more normal than boxes"),
        (0.45, 0.9, "these images do not say whether It can tell strokes from boxes"),
        (math.nan, math.nan, "these images do not say whether It can tell strokes from boxes"),
    ],
)
def test_a_model_tells_apart_only_what_its_interval_allows(
    one: Verdict, low: float, high: float, said_of_it: str
) -> None:
    metrics = replace(one.metrics, auroc=(low + high) / 2, low=low, high=high)
    assert said_of_it in said.seen(compared(), replace(one, metrics=metrics))


@pytest.fixture
def pair(models: Tiny) -> Disagree:
    return replace(
        ask(DisagreeQuery("tiny", "strokes", *BOTH)),
        titles=("A", "B"),
        auroc=(0.9, 0.8),
        correlations={"normal": 0.5, "strange": float("nan"), "all": 0.25},
    )


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.1, 0.05, 0.15, "**A is better than B** on these images (difference +0.1000, +0.0500 to"),
        (-0.1, -0.15, -0.05, "**B is better than A**"),
        (0.1, -0.05, 0.25, "**no clear difference** (difference +0.1000, −0.0500 to +0.2500"),
        (0.1, math.nan, math.nan, "there is no interval"),
    ],
)
def test_one_model_is_better_only_where_the_interval_says_so(
    pair: Disagree, value: float, low: float, high: float, text: str
) -> None:
    words = disagree.paired(replace(pair, difference=Estimate(value, low, high)))
    assert text in words
    assert (
        "a rank correlation of 0.50, strange ones to none, as all scores of one are alike" in words
    )


def judged(name: str, recall: tuple[int, float, float], best: Judgement | None = None) -> Judgement:
    count, low, high = recall
    share = Share(count, 100, count / 100, low, high)
    return Judgement(name, name.title(), share, Share(5, 100, 0.05, 0.02, 0.1), None, best)


def committee_of(*rules: Judgement) -> Committee:
    singles = (judged("a", (50, 0.4, 0.6)), judged("b", (50, 0.4, 0.6)))
    return Committee("boxes", "strokes", 95.0, singles, rules, {"normal": 0, "strange": 3})


def test_a_committee_gains_only_where_the_intervals_do_not_meet() -> None:
    best = judged("a", (60, 0.5, 0.7))
    close = committee_of(judged("mean", (65, 0.55, 0.75), best))
    assert "no committee of the 2 models finds clearly more or less" in committee.said_of(close)
    better = committee_of(judged("mean", (90, 0.8, 0.95), best))
    text = committee.said_of(better).replace("\u00a0", " ")
    assert "the 2 models gain: “mean” finds 90.0 % at 5.0 % false alarms, A alone 60.0 %" in text
    worse = committee_of(judged("any", (30, 0.2, 0.4), best))
    assert "gains anything, and “any” finds 30.0" in committee.said_of(worse)


@pytest.mark.slow
def test_a_committee_leaves_out_own_scores_that_it_is_not_asked_to_take(models: Tiny) -> None:
    app = opened(models=list(BOTH))
    app.session_state["_compare_scores"] = own_scores._Given("a.csv", scores_csv()[:400])
    app.session_state["_compare_scores"] = own_scores._Given(
        "a.csv", b"image,score\nboxes#1,1\nboxes#2,2\nstrokes#1,3\nstrokes#2,4\n"
    )
    app.session_state["compare_models"] = [*BOTH, OWN]
    app.run()
    assert not app.exception
    assert html_of(app).count("96 strange, 96 normal images") == 2 + 3 + 2
    assert html_of(app).count("2 strange, 2 normal images") == 1
    app.checkbox("compare_with_own").check().run()
    assert not app.exception
    assert html_of(app).count("2 strange, 2 normal images") == 1 + 3 + 3


def test_the_mean_of_percentiles_says_above_which_it_flags(models: Tiny) -> None:
    asked = CommitteeQuery("tiny", "strokes", BOTH, Threshold("percentile", 60.0))
    assert "flags above 60.0<" in committee.html(ask(asked))


# Two models ---------------------------------------------------------------------------------------


def test_the_buttons_count_who_flags_what_and_open_it(models: Tiny) -> None:
    app = opened(models=list(BOTH), a="glow", b="glow.outliers", at=60.0)
    found = ask(DisagreeQuery("tiny", "strokes", *BOTH, Threshold("percentile", 60.0)))
    for role, counts in found.counts.items():
        for name, count in counts.items():
            label = app.button(f"compare_quadrant_{role}_{name}").label
            assert label.startswith(f"**{count}** ")
    role, name = next((r, q) for r, counts in found.counts.items() for q, n in counts.items() if n)
    app.button(f"compare_quadrant_{role}_{name}").click().run()
    assert not app.exception
    assert app.session_state["_show"][0] == "compare_quadrant_images"
    assert app.button(f"compare_quadrant_{role}_{name}").label.endswith(" (shown below)")
    tiles = [b for b in app.button if re.fullmatch(r"compare_pair_\d", b.key or "")]
    assert len(tiles) == min(found.counts[role][name], disagree.COUNT)


def test_a_link_to_what_one_misses_leads_there(models: Tiny) -> None:
    app = opened(a="glow", b="glow.outliers", at=60.0, quadrant="strange:both")
    assert app.session_state["_show"] == ("compare_quadrant_images", 1)
    app.run()
    assert app.session_state["_show"] == ("compare_quadrant_images", 1)


def test_the_scatter_draws_both_thresholds_where_both_flag(models: Tiny) -> None:
    spec = figure_of(opened(a="glow", b="glow.outliers", at=60.0), "compare_scatter")
    lines = spec["layout"]["shapes"]
    at = float(disagree.along(np.array(60.0)))
    assert [s["x0"] for s in lines if s["x0"] == s["x1"]] == [pytest.approx(at)]
    assert [s["y0"] for s in lines if s["y0"] == s["y1"]] == [pytest.approx(at)]
    found = ask(DisagreeQuery("tiny", "strokes", *BOTH, Threshold("percentile", 60.0)))
    for trace, role in zip(spec["data"], ("normal", "strange"), strict=True):
        assert [c[1] for c in trace["customdata"]] == found.points[role].indices.tolist()


def test_percentiles_rise_along_the_axis_and_end_at_one() -> None:
    places = disagree.along(np.linspace(0, 100, 1001))
    assert (np.diff(places) >= 0).all()
    assert (np.diff(places[:-1]) > 0).all()
    assert (places[0], places[-1]) == (0.0, pytest.approx(1.0))


@pytest.mark.slow
def test_the_pair_follows_the_model_on_top_until_it_is_chosen(models: Tiny) -> None:
    app = opened(models=list(BOTH))
    app.selectbox("compare_model").set_value("glow.outliers").run()
    pair = app.session_state["compare_a"], app.session_state["compare_b"]
    assert pair == ("glow.outliers", "glow")
    assert not {"compare_a", "compare_b"} & set(app.query_params)
    app.selectbox("compare_a").set_value("glow").run()
    app.selectbox("compare_model").set_value("glow").run()
    assert app.session_state["compare_a"] == "glow"


def test_the_same_model_twice_is_said(models: Tiny) -> None:
    app = opened(a="glow", b="glow")
    assert any("two different models" in i.value for i in app.info)


# Cells and images ---------------------------------------------------------------------------------


def test_an_image_of_a_set_that_others_join_is_named_by_its_own() -> None:
    overview = ask(OverviewQuery("digits-one.4"))
    rows = models.trained(overview)
    c = Compared(overview, rows, "rest", next(iter(rows)), tuple(rows), None, OPENS)
    sizes = overview.sizes
    assert looked._own(c, "rest", 5) == ("0", 5)
    assert looked._own(c, "rest", sizes["0"]) == ("1", 0)
    assert looked._own(c, "rest", sizes["rest"] - 1) == ("9", sizes["9"] - 1)
    assert looked._own(c, "4", 7) == ("4", 7)
    whole = overview.scenario.pictures("rest").images[sizes["0"] + 3]
    assert np.array_equal(whole, overview.scenario.pictures("1").images[3])


@pytest.mark.slow
def test_a_cell_that_a_link_names_is_open_with_its_count(models: Tiny) -> None:
    app = opened(cell="passed", image="boxes#3")
    now = verdict()
    assert f"Let pass: {now.passed} images of “Boxes” not flagged" in headings(app)
    assert app.session_state["_show"][0] == "compare_cell_images"
    assert "Boxes 3" in text_of(app)
    tiles = [b for b in app.button if re.fullmatch(r"compare_cell_\d+", b.key or "")]
    assert len(tiles) == 12
    tiles[0].click().run()
    assert not app.exception
    assert re.fullmatch(r"boxes#\d+", app.session_state["compare_image"])
    app.button("compare_close").click().run()
    assert not [h for h in headings(app) if h.startswith("Let pass")]


# Own scores and files -----------------------------------------------------------------------------


def scores_csv(**wrong: str) -> bytes:
    c = compared()
    ids = [i for s in ("boxes", "strokes") for i in c.scenario.pictures(s).ids()]
    rows = [("image", "score"), *((i, str(k)) for k, i in enumerate(ids)), *wrong.items()]
    return "\n".join(",".join(row) for row in rows).encode()


@pytest.mark.slow
def test_own_scores_are_a_model_and_what_does_not_fit_is_named(models: Tiny) -> None:
    app = opened()
    app.session_state["_compare_scores"] = own_scores._Given(
        "a*b*.csv", scores_csv(**{"boxes#999": "1", "strokes#0": "2"})
    )
    app.run()
    assert not app.exception
    assert "a\\*b\\*" in text_of(app)
    assert "Scores of 96 of 96 images of “Boxes” and 96 of 96 images of “Strokes”" in text_of(app)
    assert [w.value.count("boxes\\#999") for w in app.warning if "999" in w.value] == [1]
    assert [w for w in app.warning if "named before" in w.value.replace("\\", "")]
    assert OWN in app.session_state["compare_models"]
    app.selectbox("compare_model").set_value(OWN).run()
    assert not app.exception
    assert "Your scores tells strokes from boxes with an AUROC of 1.000" in text_of(app)
    app.selectbox("compare_by").set_value("score").run()
    app.run()
    kept = app.session_state["_threshold"].threshold
    assert (kept.by, kept.model) == ("score", OWN)
    assert table.OWN_RATE in text_of(app)
    app.session_state["compare_cell"] = "alarms"
    app.session_state["compare_image"] = "boxes#95"
    app.session_state["compare_models"] = [OWN]
    app.run()
    tile = app.button("compare_cell_0")
    assert "among normal test images" in tile.help
    assert "Your score: **95**." in text_of(app)
    assert "held-out normal images: ." not in text_of(app)
    app.button("compare_scores_away").click().run()
    assert not app.exception
    assert app.session_state["compare_model"] == "glow"


@pytest.mark.slow
def test_a_file_that_is_no_table_is_one_error_and_the_page_goes_on(models: Tiny) -> None:
    app = opened()
    app.session_state["_compare_scores"] = own_scores._Given("x.csv", b"\xff\xfe\x00nothing")
    app.run()
    assert not app.exception
    assert len(app.error) == 1
    assert [h for h in headings(app) if h in SECTIONS] == SECTIONS


def test_the_template_has_the_id_of_every_image(models: Tiny) -> None:
    c = compared()
    rows = list(
        csv.DictReader(io.StringIO(own_scores.template(c.scenario, ("boxes", "strokes")).decode()))
    )
    assert len(rows) == 192
    assert rows[3] == {"image": "boxes#3", "score": ""}


def test_files_hold_what_the_page_shows(models: Tiny) -> None:
    c = compared(Line(Threshold("percentile", 60.0)))
    found = ask(VerdictsQuery("tiny", "strokes", BOTH, c.line.threshold))
    rows = list(csv.DictReader(io.StringIO(table.csv_of_verdicts(c.line, found.models).decode())))
    assert [int(r["hits"]) for r in rows] == [v.hits for v in found.models]
    assert [float(r["precision at 1 % strange high"]) for r in rows] == [
        v.precision.high for v in found.models
    ]
    images = list(csv.DictReader(io.StringIO(files.images_csv(c).decode())))
    flagged = [int(r["glow flagged"]) for r in images if r["set"] == "strokes"]
    assert (len(images), sum(flagged)) == (192, found.models[0].hits)
    every = ask(OperatingQuery("tiny", "strokes", "glow"))
    text = files.thresholds_csv(c.line, every).decode()
    assert len(text.splitlines()) == 1 + len(every.rows.raw)
    assert "cost of one image at 1 % strange, miss 1, alarm 1 low" in text.splitlines()[0]
    asked = CommitteeQuery("tiny", "strokes", BOTH, c.line.threshold)
    judged = ask(asked)
    taken = list(csv.DictReader(io.StringIO(committee.csv_of_committee(judged).decode())))
    judges = (*judged.rules, *judged.singles)
    assert [int(r["recall count"]) for r in taken] == [j.recall.count for j in judges]
    assert taken[0]["best single model"] == judged.rules[0].best_single.title
    pair = files.images_csv(c, ("glow.outliers",)).decode().splitlines()[0]
    assert "glow.outliers flagged" in pair
    assert "glow flagged" not in pair
    assert committee.html(ask(asked)).count("<tr") == 1 + 3 + 2


# Models -------------------------------------------------------------------------------------------


def row(model: str, share: float | None = None) -> DetectorRow:
    name = model if share is None else f"{model.partition('-')[0]}.4-{model[-2:]}"
    return DetectorRow(name, "X", "X", "", {}, None, "", share, model)


def test_of_each_detector_the_one_without_a_name_is_compared_and_the_one_that_knows_most() -> None:
    rows = [row("glow"), row("glow.general"), row("ama"), row("esad-00", 0.0), row("esad-10", 0.1)]
    assert models.main_of(rows) == ["glow", "ama", "esad.4-10"]
