"""The ablation on the page Outskirts: its sentences are those that the numbers carry."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.scenario import load_scenario
from core.service import StudyResult, StudyRow, read_study
from core.settings import settings
from pages._outskirts import ablation as words
from pages._shared import study


def mean(gap: float, *, low: float | None = None, high: float | None = None) -> StudyRow:
    """A mean that is this far from a full method of 0.9, give or take 0.002."""
    return StudyRow(
        arm="some",
        data="MNIST",
        variant=None,
        measure="auroc",
        value=0.9 + gap,
        low=0.89 + gap,
        high=0.91 + gap,
        difference=gap,
        difference_low=gap - 0.002 if low is None else low,
        difference_high=gap + 0.002 if high is None else high,
    )


def ablation(**gaps: tuple[float, float]) -> StudyResult:
    """The stored one, with these differences on both sets and no other arms."""
    result = read_study("outskirts")
    rows = [result.row("full", data) for data in result.data]
    rows += [
        mean(gap).model_copy(update={"arm": name, "data": data})
        for name, both in gaps.items()
        for data, gap in zip(result.data, both, strict=True)
    ]
    arms = tuple(arm for arm in result.arms if arm.name in ("full", *gaps))
    return result.model_copy(update={"arms": arms, "rows": tuple(rows)})


@pytest.mark.parametrize(
    ("means", "kind"),
    [
        ([mean(-0.01), mean(-0.05)], "worse"),
        ([mean(0.01), mean(0.05)], "better"),
        ([mean(0.01), mean(-0.05)], "mixed"),
        ([mean(-0.01, high=0.001), mean(-0.05)], "mixed"),  # an interval holds 0
        ([mean(0.01, low=-0.001), mean(0.05)], "mixed"),
    ],
)
def test_an_arm_is_better_or_worse_only_beyond_every_interval(means: list, kind: str) -> None:
    assert study.kind_of(means) == kind


def said_of(result: StudyResult) -> str:
    return f"{study.verdict(result)} {words.why(result)}"


def test_the_verdict_names_every_arm_with_its_numbers_and_claims_no_more() -> None:
    said = said_of(ablation(all=(-0.01, -0.02), noise=(-0.05, -0.06), svm=(0.01, 0.03)))
    assert "Against “full method”, with the difference in mean AUROC on digits and garments" in said
    worse = "“noise around the prior” (−0.050 and −0.060) and “all generate” (−0.010 and −0.020)"
    assert f"- **Worse on both:** {worse}." in said
    assert "- **Better on both:** “one-class SVM” (+0.010 and +0.030)." in said
    assert "choosing the outermost helps" in said
    assert "plain detectors on them do better" in said
    without = said_of(ablation(all=(0.001, -0.02), noise=(-0.05, -0.06)))
    assert "choosing the outermost helps" not in without
    assert "**Neither better nor worse on both:** “all generate”" in without
    assert "plain detectors" not in said_of(ablation(all=(-0.01, -0.02), noise=(-0.1, -0.1)))


def test_every_arm_is_drawn_on_both_sets() -> None:
    result = read_study("outskirts")
    drawn = study.figure(result).data
    assert [trace.name for trace in drawn] == ["digits", "garments"]
    for trace, data in zip(drawn, result.data, strict=True):
        means = [result.row(arm.name, data) for arm in result.arms]
        assert list(trace.x) == [row.value for row in means]
        assert list(trace.y) == [arm.title for arm in result.arms]
        low = [x - minus for x, minus in zip(trace.x, trace.error_x.arrayminus, strict=True)]
        assert low == pytest.approx([row.low for row in means])


def test_the_stored_ablation_is_that_of_the_code() -> None:
    from core.studies import study
    from core.studies._collect import stored

    assert stored(study("outskirts")) == read_study("outskirts")


def test_the_full_method_is_said_to_be_another_training_than_the_models_that_ship() -> None:
    result = read_study("outskirts")
    said = words.which_is_which(result)
    for data, title in result.data.items():
        assert f"{result.row('full', data).value:.3f} on {title}" in said
    assert "trained for this table" in said
    assert "one other training" in said


@pytest.mark.slow
@pytest.mark.usefixtures("quick_apps")
def test_the_page_shows_it_or_says_what_computes_it(tmp_path, monkeypatch) -> None:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app.switch_page("outskirts.py").run()
    assert not app.exception
    result = read_study("outskirts")
    shown = "\n".join(m.value for m in app.markdown)
    assert f"**What you see:** {study.verdict(result)}" in shown
    assert words.why(result) in shown
    assert result.text in shown
    assert result.question == "Does choosing the outskirts help?"
    assert result.question in [s.value for s in app.subheader]
    assert words.which_is_which(result) in [c.value for c in app.caption]
    assert any("Mean AUROC over ten classes" in c.value for c in app.caption)
    full = result.row("full", "MNIST").value
    assert app.table[-1].value["digits"][0].startswith(f"{full:.3f}")
    values = json.loads((settings().checkpoints / "studies" / "outskirts.json").read_text())
    del values["arms"]
    (tmp_path / "outskirts.json").write_text(json.dumps(values))
    monkeypatch.setattr("core.results.study_path", lambda name: tmp_path / f"{name}.json")
    app.run()
    assert "bench outskirts --force" in app.info[0].value
    (tmp_path / "outskirts.json").unlink()
    app.run()
    assert "`python -m core bench outskirts` computes it" in app.info[0].value
    assert str(tmp_path) not in app.info[0].value


@pytest.mark.parametrize(
    ("name", "scenario", "here"),
    [
        ("outskirts", "digits-one.0", True),
        ("outskirts", "fashion", True),
        ("outskirts", "screws", False),
        ("ama", "photos", False),
        ("novelty", "fashion", True),
        ("novelty", "solar", False),
        ("explain", "fashion", True),
        ("explain", "screws", False),
        ("retakes", "screws", True),
        ("retakes", "solar", True),
        ("retakes", "fashion", False),
    ],
)
def test_a_page_says_where_a_study_is_not_of_its_images(
    name: str, scenario: str, here: bool
) -> None:
    said = study.elsewhere(read_study(name), load_scenario(scenario))
    assert here == (said == ""), said


def test_a_study_is_of_the_scenario_that_it_names_whatever_a_title_says():
    result = read_study("explain")
    own, other = load_scenario("fashion"), load_scenario("photos")
    assert other.title not in result.data["planted"]
    renamed = other.model_copy(update={"title": "Garments"})
    assert study.elsewhere(result, own) == ""
    assert study.elsewhere(result, renamed).endswith("not on garments.**")
