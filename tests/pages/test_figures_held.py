"""What a figure of the pages holds, and how it holds it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pages._shared import draw


def points(**known: object) -> dict:
    return {"type": "scatter", "x": [1.0, 2.0], "y": [3.0, 4.0], **known}


def test_values_of_points_are_held_as_an_array_and_sent_letter_by_letter():
    rows = [["boxes", 5, 1.5], ["boxes", 9, 2.0]]
    drawn = draw.figure([points(customdata=rows)], height=200)
    (trace,) = drawn.data
    assert isinstance(trace.customdata, np.ndarray)  # a list would be copied number by number
    sent = json.loads(drawn.to_json())["data"][0]["customdata"]
    assert sent == rows
    assert [type(value) for value in sent[0]] == [str, int, float]


@pytest.mark.parametrize("known", [{}, {"customdata": np.array([1, 2])}, {"customdata": []}])
def test_other_traces_are_drawn_as_they_come(known: dict):
    (trace,) = draw.figure([points(**known)], height=200).data
    expected = known.get("customdata", [])
    found = [] if trace.customdata is None else list(trace.customdata)
    assert found == list(expected)


def test_a_legend_hangs_below_the_title_however_many_rows_it_has() -> None:
    several = [points(name="a"), points(name="b")]
    for title, above in (("", 8), ("What it shows", 38)):
        legend = draw.figure(several, height=200, title=title).layout.legend
        assert (legend.yref, legend.yanchor) == ("container", "top")
        assert 200 * (1 - legend.y) == pytest.approx(above)
