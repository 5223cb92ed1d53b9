"""The paper's claims on Likelihoods: each hangs on its own number, whichever way that falls."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Tiny
from streamlit.testing.v1 import AppTest

from core.service import Metrics, PartView
from pages._likelihoods import figures
from pages._likelihoods.claims import alike, cured, taught, upside_down
from pages._shared import presenting

SIDES = ("photos", "street signs")


def part(auroc: float, *, wide: float = 0.01, name: str = "total") -> PartView:
    """A part of this AUROC, whose interval reaches so far to either side."""
    nothing, none = np.zeros(1), (0.0, 0.0)
    found = Metrics(auroc, auroc - wide, auroc + wide, 0.5, 0.5, 10, 10)
    words = ("Full likelihood", "bits per dimension", "")
    return PartView(name, *words, nothing, nothing, nothing, none, none, found, False)


@pytest.mark.parametrize(
    ("auroc", "holds", "said"),
    [
        (0.2, True, "below chance, for street signs cost fewer bits than photos"),
        (0.8, False, "above chance, for street signs cost more bits than photos"),
        (0.505, False, "it cannot tell street signs from photos"),
    ],
)
def test_the_likelihood_is_upside_down_only_below_chance(
    auroc: float, holds: bool, said: str
) -> None:
    claim = upside_down(part(auroc), SIDES)
    assert claim.holds == holds
    assert said in claim.number
    assert f"**{auroc:.3f}**" in claim.number


def test_a_part_notices_where_its_whole_interval_is_above_a_coin_and_above_the_likelihood() -> None:
    assert cured(part(0.7), part(0.2), "x").holds
    assert not cured(part(0.45), part(0.2), "x").holds  # better, and no better than a coin
    assert not cured(part(0.805), part(0.8), "x").holds  # better within its interval
    assert "0.700** (0.690–0.710), where the full likelihood has 0.200" in (
        cured(part(0.7), part(0.2), "x").number
    )


def test_an_outlier_loss_helps_where_its_interval_is_above_what_one_has_without() -> None:
    without, margin = part(0.6), ("with the margin loss", part(0.5))
    better = taught(without, [("with the outlier loss", part(0.9)), margin])
    assert better.holds
    assert "without AUROC **0.600**" in better.number
    assert "with the outlier loss AUROC **0.900**" in better.number
    assert "with the margin loss AUROC **0.500**" in better.number
    assert not taught(without, [("with the outlier loss", part(0.605))]).holds


def test_flows_order_images_alike_from_a_rank_correlation_of_nine_tenths_of_every_one_on() -> None:
    assert alike({"General": 0.98, "Patches": 0.9}).holds
    assert not alike({"General": 0.98, "Patches": 0.899}).holds
    assert not alike({"General": 0.98, "Patches": float("nan")}).holds
    assert "with General 0.980, with Patches 0.899" in (
        alike({"General": 0.98, "Patches": 0.899}).number
    )


def test_a_claim_says_first_whether_it_holds() -> None:
    assert upside_down(part(0.2), SIDES).text(1).startswith("**1. The likelihood is upside down")
    assert "**Holds here:** AUROC" in upside_down(part(0.2), SIDES).text(1)
    assert "**Does not hold here:** AUROC" in upside_down(part(0.8), SIDES).text(1)


@pytest.mark.usefixtures("quick_apps")
def test_the_view_draws_a_figure_for_each_claim_that_the_models_can_be_asked_about(
    models: Tiny,
) -> None:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60).run()
    app.session_state["likelihoods_view"] = "claims"
    app = app.switch_page("likelihoods.py").run()
    assert not app.exception
    text = "\n".join(m.value for m in app.markdown)
    claimed = [n for n in range(1, 6) if f"**{n}. " in text]
    assert claimed[:2] == [1, 2]
    assert text.count("old here:**") + text.count("olds here:**") >= len(claimed)
    assert len(app.get("plotly_chart")) >= len(claimed)


def test_what_three_panels_in_a_row_measure_is_said_in_two_lines() -> None:
    three = [("x", part(0.7)), ("y", part(0.7)), ("z", part(0.7))]
    narrow = figures.panels(three, SIDES, columns=3).layout
    wide = figures.panels(three[:2], SIDES, columns=2).layout
    assert narrow.xaxis3.title.text == "bits per<br>dimension"  # a phone gives each 90 pixels
    assert wide.xaxis2.title.text == "bits per dimension"
    assert narrow.margin.b == wide.margin.b + figures.LINE


@pytest.mark.parametrize("count", [2, 4, 7])
def test_larger_words_get_larger_gaps_between_panels(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = 1 if count == 2 else 2
    gaps, heights = [], []
    for scale in (1.0, 1.5):
        monkeypatch.setattr(presenting, "scale", lambda scale=scale: scale)
        many = [(f"part {i}", part(0.7)) for i in range(count)]
        layout = figures.panels(many, SIDES, columns=columns).layout
        inner = layout.height - layout.margin.t - layout.margin.b
        upper, lower = layout.yaxis.domain, layout[f"yaxis{columns + 1}"].domain
        gaps.append((upper[0] - lower[1]) * inner)
        heights.append((upper[1] - upper[0]) * inner)
    assert gaps[1] == pytest.approx(1.5 * gaps[0], abs=4)
    assert heights[1] > 60
