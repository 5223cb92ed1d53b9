"""The ablation on the page Outskirts: its sentences are those that the numbers carry."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.service import Ablation, ArmFigures, read_ablation
from core.settings import settings
from pages import _ablation


def figures(gap: float, *, low: float | None = None, high: float | None = None) -> ArmFigures:
    """An arm that is this far from a full method of 0.9, give or take 0.002."""
    return ArmFigures(
        mean=0.9 + gap,
        low=0.89 + gap,
        high=0.91 + gap,
        difference=gap,
        difference_low=gap - 0.002 if low is None else low,
        difference_high=gap + 0.002 if high is None else high,
        classes=(0.9 + gap,),
        chosen={},
    )


def ablation(**gaps: tuple[float, float]) -> Ablation:
    """The stored one, with these differences on both sets and no other arms."""
    found = read_ablation()
    arms = [found.arms[0]]
    for arm in found.arms[1:]:
        if arm.name in gaps:
            both = dict(zip(found.sets, map(figures, gaps[arm.name]), strict=True))
            arms.append(arm.model_copy(update={"figures": both}))
    return found.model_copy(update={"arms": tuple(arms)})


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ([figures(-0.01), figures(-0.05)], "worse"),
        ([figures(0.01), figures(0.05)], "better"),
        ([figures(0.01), figures(-0.05)], "mixed"),
        ([figures(-0.01, high=0.001), figures(-0.05)], "mixed"),  # an interval holds 0
        ([figures(0.01, low=-0.001), figures(0.05)], "mixed"),
    ],
)
def test_an_arm_is_better_or_worse_only_beyond_every_interval(found: list, kind: str) -> None:
    assert _ablation.kind_of(found) == kind


def test_the_verdict_names_every_arm_with_its_numbers_and_claims_no_more() -> None:
    said = _ablation.verdict(ablation(all=(-0.01, -0.02), noise=(-0.05, -0.06), svm=(0.01, 0.03)))
    assert "Worse than the full method on both: all generate (-0.010 and -0.020)" in said
    assert "noise around the prior (-0.050 and -0.060)" in said
    assert "Better on both: one-class SVM (+0.010 and +0.030)" in said
    assert "choosing the outermost helps" in said
    assert "plain detectors on them do better" in said
    without = _ablation.verdict(ablation(all=(0.001, -0.02), noise=(-0.05, -0.06)))
    assert "choosing the outermost helps" not in without
    assert "Neither on both: all generate" in without
    assert "plain detectors" not in _ablation.verdict(
        ablation(all=(-0.01, -0.02), noise=(-0.1, -0.1))
    )


def test_every_arm_is_drawn_on_both_sets() -> None:
    found = read_ablation()
    drawn = _ablation.figure(found).data
    assert [trace.name for trace in drawn] == ["digits", "garments"]
    for trace, data in zip(drawn, found.sets, strict=True):
        assert list(trace.x) == [arm.figures[data].mean for arm in found.arms]
        low = [x - minus for x, minus in zip(trace.x, trace.error_x.arrayminus, strict=True)]
        assert low == pytest.approx([arm.figures[data].low for arm in found.arms])


def test_the_stored_ablation_is_that_of_the_code() -> None:
    from core.studies.outskirts import stored

    assert stored() == read_ablation()


def test_the_full_method_is_said_to_be_another_training_than_the_models_that_ship() -> None:
    found = read_ablation()
    said = _ablation.which_is_which(found)
    for data, name in _ablation.TITLES.items():
        assert f"{found.arms[0].figures[data].mean:.3f} on {name}" in said
    assert "trained for this table" in said
    assert "one other training" in said


@pytest.mark.usefixtures("quick_apps")
def test_the_page_shows_it_or_says_what_computes_it(tmp_path, monkeypatch) -> None:
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60).run()
    app.switch_page("outskirts.py").run()
    assert not app.exception
    assert _ablation.verdict(read_ablation()) in "\n".join(m.value for m in app.markdown)
    assert _ablation.which_is_which(read_ablation()) in [c.value for c in app.caption]
    full = read_ablation().arms[0].figures["MNIST"]
    assert app.table[-1].value["digits"][0].startswith(f"{full.mean:.3f}")
    stored = json.loads((settings().checkpoints / "outskirts-ablation.json").read_text())
    del stored["arms"]
    (tmp_path / "outskirts-ablation.json").write_text(json.dumps(stored))
    monkeypatch.setattr("core.results.ablation_path", lambda: tmp_path / "outskirts-ablation.json")
    app.run()
    assert "bench outskirts --force" in app.info[0].value
    (tmp_path / "outskirts-ablation.json").unlink()
    app.run()
    assert "`python -m core bench outskirts` computes it" in app.info[0].value
    assert str(tmp_path) not in app.info[0].value
