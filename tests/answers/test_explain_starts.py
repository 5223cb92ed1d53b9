"""What the tiles that lead to Explain say is true of the models that ship."""

from __future__ import annotations

import pytest

from core.answers.explain import MapQuery
from core.answers.faithfulness import RandomisedQuery
from core.answers.images import ImageQuery
from core.answers.planting import PlantedQuery
from core.scenario import load_scenario
from core.schema import StartTile
from core.service import Target, ask


def tile(title: str) -> StartTile:
    return next(t for t in load_scenario("fashion").start if t.title == title)


def image_of(tile: StartTile) -> ImageQuery:
    set_name, index = tile.state["image"].split("#")
    return ImageQuery(Target.of("fashion", tile.model), set_name, int(index))


def test_the_fault_that_only_novelty_sees_leaves_features_familiar_and_pixels_ordinary() -> None:
    chosen = tile("A fault that only novelty sees")
    seen = ask(PlantedQuery(image_of(chosen), chosen.state["fault"]))
    after, before = seen.percentiles_after, seen.percentiles_before
    assert after[chosen.state["part"]] > 95  # flagged at 5 % false alarms
    assert after["familiarity"] < 95
    assert after["pixels"] < 95
    assert before[chosen.state["part"]] < 95


@pytest.mark.slow
@pytest.mark.parametrize("method", ["occlusion", "own"])
def test_the_map_that_fails_its_check_does_and_the_detectors_own_does_not(method: str) -> None:
    chosen = tile("A map that fails its check")
    asked = MapQuery(image_of(chosen), part=chosen.state["part"], method=method)
    assert ask(RandomisedQuery(asked)).fails == (method == chosen.state["method"])
