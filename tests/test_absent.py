"""Pages and answers go on where the pictures of a set are not here: numbers, tiles and words."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
import tiny
from conftest import Tiny, forget_everything
from streamlit.testing.v1 import AppTest

from core import service
from core.answers.loaded import stored_scores
from core.data.picture import no_picture, png
from core.data.reference import read_reference, write_reference
from core.scenario import ScenarioError, load_scenario
from core.service import (
    GalleryQuery,
    ImageQuery,
    LatentQuery,
    NearQuery,
    PicturesElsewhere,
    StoredQuery,
    Target,
)

pytestmark = pytest.mark.slow

GLOW = Target("tiny", "glow")


@pytest.fixture
def away(models: Tiny, few_draws: None) -> Iterator[Tiny]:
    """The trained scenario, and its strange pictures taken away; its scores stay."""
    path = models.folder / "scenario.json"
    scenario = json.loads(path.read_text())
    name = scenario["strange"][0]["name"]
    scenario["strange"][0] |= {"source": "npz:scenes", "shipped": False, "had": "ask the author"}
    reference = models.folder / "reference.npz"
    sets = {
        key: (np.asarray(p.images[:]), p.labels)
        for key, p in read_reference(reference, "tiny").items()
    }
    write_reference(reference, sets, elsewhere={name})
    path.write_text(json.dumps(scenario))
    forget_everything()
    yield models
    forget_everything()


def strange() -> str:
    return load_scenario("tiny").strange[0].name


def test_of_an_image_without_a_picture_the_stored_numbers_are_said(away: Tiny) -> None:
    asked = ImageQuery(GLOW, strange(), 3)
    with pytest.raises(PicturesElsewhere):
        service.ask(asked)
    view = service.ask(StoredQuery(asked))
    assert view.parts["total"] == stored_scores(GLOW)[strange()]["total"][3]
    assert np.array_equal(view.image, no_picture(tiny.SHAPE))
    assert view.warnings == ("its picture is not shipped, its scores are: ask the author",)
    assert not view.maps
    with pytest.raises(ScenarioError, match="of no set"):
        service.ask(StoredQuery(ImageQuery(GLOW, "own.png", None)))


def test_of_an_image_with_a_picture_the_stored_numbers_are_those_of_its_pixels(away: Tiny) -> None:
    asked = ImageQuery(GLOW, load_scenario("tiny").normal.name, 2)
    stored, now = service.ask(StoredQuery(asked)), service.ask(asked)
    assert dict(stored.parts) == pytest.approx(dict(now.parts), rel=1e-4, abs=1e-2)
    assert dict(stored.displayed) == pytest.approx(dict(now.displayed), rel=1e-4, abs=1e-4)
    assert (stored.id, stored.label, stored.flagged) == (now.id, now.label, now.flagged)
    assert stored.warnings == ()


def test_a_gallery_says_how_what_is_crossed_is_had(away: Tiny) -> None:
    normal = load_scenario("tiny").normal.name
    both = service.ask(GalleryQuery(GLOW, (normal, strange()), "total", "random", count=500))
    assert len(both.absent) == 1
    assert both.absent[0].endswith("not shipped, their scores are: ask the author.")
    assert service.ask(GalleryQuery(GLOW, (normal,), "total", "random", count=5)).absent == ()


def test_a_map_keeps_the_neighbours_of_its_own_images_without_a_picture(away: Tiny) -> None:
    view = service.ask(LatentQuery(GLOW))
    row = int(np.flatnonzero(view.strange)[0])
    set_name = view.sets[view.which[row]]
    near = service.ask(NearQuery(ImageQuery(GLOW, set_name, int(view.indices[row]))))
    assert near.row == row
    if set_name == strange():
        assert np.array_equal(near.image, no_picture(tiny.SHAPE))


def test_no_stand_in_is_a_neighbour_of_an_image_of_ones_own(away: Tiny) -> None:
    view = service.ask(LatentQuery(GLOW))
    own = png(no_picture(tiny.SHAPE))  # nearest of all to what stands in for others
    near = service.ask(NearQuery(ImageQuery(GLOW, "own.png", None)), own)
    assert {view.sets[view.which[r]] for r in near.rows}.isdisjoint({strange()})
    assert any("whose pictures are not here" in note for note in near.notes)


@pytest.mark.usefixtures("quick_apps")
@pytest.mark.parametrize("view", ["scales", "models", "drawn", "claims"])
def test_likelihoods_goes_on_without_the_pictures(away: Tiny, view: str) -> None:
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60).run()
    app.session_state["likelihoods_view"] = view
    app.session_state["likelihoods_strange"] = strange()
    app = app.switch_page("likelihoods.py").run()
    assert not app.exception, [e.value for e in app.exception]
    assert not app.error, [e.value for e in app.error]
    if view == "scales":
        assert any("not shipped" in w.value for w in app.warning)
        assert any("not shipped" in c.value for c in app.caption)


@pytest.mark.usefixtures("quick_apps")
@pytest.mark.parametrize("page", ["overview", "latent", "compare", "cards"])
def test_other_pages_go_on_without_the_pictures(away: Tiny, page: str) -> None:
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60).run()
    app.session_state["latent_image"] = f"{strange()}#1"
    app.session_state["compare_image"] = f"{strange()}#1"
    app = app.switch_page(f"{page}.py").run()
    assert not app.exception, [e.value for e in app.exception]
    assert not app.error, [e.value for e in app.error]
    if page == "overview":
        assert "strange, pictures not shipped" in "".join(h.proto.body for h in app.get("html"))
    if page == "compare":
        assert any("ask the author" in c.value for c in app.caption)
