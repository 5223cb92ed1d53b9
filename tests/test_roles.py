"""Sets have roles: strange ones stand against a normal set, unjudged ones count nowhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from conftest import Call, Tiny, _settle, change, forget_everything
from streamlit.testing.v1 import AppTest

from core import service
from core.answers.loaded import loaded, stored_scores
from core.atlas import Landing
from core.data.reference import Pictures, read_reference, write_reference
from core.evaluate.metrics import auroc, bootstrap_auroc
from core.scenario import ScenarioError, load_scenario
from core.service import (
    CellQuery,
    LatentQuery,
    LikelihoodsQuery,
    PairQuery,
    Target,
    Threshold,
    VerdictsQuery,
)
from core.train import maps, run
from pages._shared.pages import PAGES

pytestmark = pytest.mark.slow

GLOW = Target("tiny", "glow")
EACH = tiny.TEST_IMAGES // 3  # images of a class


@pytest.fixture(scope="module")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the scenario of `tiny.roles_json` once."""
    root = tmp_path_factory.mktemp("roles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(bootstrap_auroc.__kwdefaults__, "draws", 20)
        patch.setattr("core.train.streams.source_named", tiny.source_named)
        found = _settle(patch, root)
        found.folder.mkdir(parents=True)
        (found.folder / "scenario.json").write_text(json.dumps(tiny.roles_json()))
        scenario = load_scenario("tiny")
        run.train(scenario, "glow", training=scenario.training_of("glow"))
    forget_everything()
    return root


@pytest.fixture
def roles(
    _root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_draws: None
) -> Iterator[Tiny]:
    shutil.copytree(_root / "checkpoints", tmp_path / "checkpoints")
    yield _settle(monkeypatch, tmp_path)
    forget_everything()


# Figures ----------------------------------------------------------------------------------------


def test_a_threshold_counts_the_normal_set_that_a_strange_one_stands_against(roles: Tiny) -> None:
    scores = stored_scores(GLOW)
    part = loaded(GLOW)[1].score.part
    for strange, normal in (("ones", "boxes-one"), ("twos", "boxes"), ("all", "boxes")):
        threshold = Threshold("percentile", 50.0)
        found = service.ask(VerdictsQuery("tiny", strange, ("glow",), threshold))
        one = found.of("glow")
        assert found.normal_set == normal
        assert one.alarms == (scores[normal][part] > one.raw).sum()
        assert one.alarms + one.passed == len(scores[normal][part])
        assert one.hits == (scores[strange][part] > one.raw).sum()
        cell = service.ask(CellQuery("tiny", strange, "glow", threshold, "alarms", count=200))
        assert set(cell.sets) == {normal}
        pictures = load_scenario("tiny").pictures(normal).images
        assert np.array_equal(cell.images, np.stack([pictures[i] for i in cell.indices.tolist()]))


def test_a_report_names_the_normal_set_on_which_it_was_measured(roles: Tiny) -> None:
    image = load_scenario("tiny").pictures("ones").images[0]
    batch = service.ask(service.BatchQuery("tiny", ("glow",), 1), image.tobytes())
    about = service.Reported("tiny", Threshold("percentile", 50.0), "today", strange="ones")
    entries = [service.ReportEntry.of("a.png", image)]
    report = service.report_of(about, entries, batch=batch)
    scenario = load_scenario("tiny")
    assert report.normal == scenario.normal.title
    assert report.against == scenario.set_named("boxes-one").title != report.normal


def test_no_threshold_counts_images_that_nobody_judged(roles: Tiny) -> None:
    with pytest.raises(ScenarioError, match="'doubtful' is unjudged"):
        service.ask(VerdictsQuery("tiny", "doubtful", ("glow",)))
    data = "\n".join(["image,score", "doubtful#0,1", "boxes#0,1", "twos#0,2"]).encode()
    read = service.own_scores("tiny", "twos", data=data)
    assert (read.elsewhere, read.matched_normal, read.matched_strange) == (1, 1, 1)


def test_a_strange_set_is_measured_against_the_normal_set_that_it_names(roles: Tiny) -> None:
    card = loaded(GLOW)[1]
    stored = stored_scores(GLOW)
    assert set(card.metrics) == {"all", "ones", "twos", "flipped"}
    rows = np.arange(tiny.TEST_IMAGES) % 3 == 1
    boxes, flipped = stored["boxes"]["total"], stored["flipped"]["total"]
    assert np.array_equal(stored["boxes-one"]["total"], boxes[rows])
    figures = card.metrics["flipped"]["total"]
    assert (figures.n_normal, figures.n_strange) == (EACH, tiny.TEST_IMAGES)
    assert figures.auroc == pytest.approx(auroc(boxes[rows], flipped), abs=1e-4)
    assert figures.auroc != pytest.approx(auroc(boxes, flipped), abs=1e-3)
    assert card.metrics["ones"]["total"].n_normal == EACH
    assert card.metrics["twos"]["total"].n_normal == tiny.TEST_IMAGES


def test_unjudged_images_are_scored_and_joined_with_none(roles: Tiny) -> None:
    card, stored = loaded(GLOW)[1], stored_scores(GLOW)
    assert stored["doubtful"]["total"].shape == (EACH,)
    joined = [stored[name]["total"] for name in ("ones", "twos", "flipped")]
    assert np.array_equal(stored["all"]["total"], np.concatenate(joined))
    assert card.metrics["all"]["total"].n_strange == 2 * EACH + tiny.TEST_IMAGES


@pytest.mark.parametrize("stored", [True, False])
def test_evaluate_counts_what_the_card_counts(roles: Tiny, stored: bool) -> None:
    found = service.evaluate(GLOW, stored=stored)
    card = loaded(GLOW)[1]
    assert list(found.figures) == ["all", "ones", "twos", "flipped"]
    for name, parts in found.figures.items():
        assert parts["total"].n_normal == card.metrics[name]["total"].n_normal
        assert parts["total"].auroc == pytest.approx(card.metrics[name]["total"].auroc, abs=1e-4)
    assert set(found.parts) == {"boxes", "boxes-one", "doubtful", *found.figures}


def test_the_command_line_lists_all_sets_and_counts_the_judged(roles: Tiny, call: Call) -> None:
    said = call("evaluate", "tiny/glow", "--stored", "--json")
    assert list(json.loads(said.out)["strange"]) == ["all", "ones", "twos", "flipped"]
    listed = call("scenarios").out
    assert "strange: all, ones, twos, flipped" in listed
    assert "boxes-one (normal), doubtful (unjudged)" in listed


# Answers and pages ------------------------------------------------------------------------------


def test_a_map_shows_the_unjudged_and_measures_the_judged(roles: Tiny) -> None:
    view = service.ask(LatentQuery(GLOW))
    assert view.sets == ("boxes", "ones", "twos", "flipped", "doubtful")
    roles = np.array(("normal", "strange", "strange", "strange", "unjudged"))
    assert np.array_equal(view.role, roles[view.which])
    strange = np.isin(np.array(view.sets)[view.which], ("ones", "twos", "flipped"))
    assert np.array_equal(view.strange, strange)
    assert (view.role == "unjudged").sum() == (view.which == 4).sum() > 0


def test_likelihoods_and_pairs_stand_against_the_same_normal_set(roles: Tiny) -> None:
    found = service.ask(LikelihoodsQuery(GLOW, "ones"))
    part = next(p for p in found.parts if p.name == "total")
    stored = stored_scores(GLOW)["boxes-one"]["total"]
    shown = loaded(GLOW)[0].to_display("total", stored)
    assert part.means[0] == pytest.approx(shown.mean(), rel=1e-5)
    assert set(service.ask(PairQuery(GLOW, GLOW, "ones")).rank) == {"both", "boxes-one", "ones"}
    with pytest.raises(ScenarioError, match="'doubtful' is unjudged: it is measured against noth"):
        service.ask(LikelihoodsQuery(GLOW, "doubtful"))
    with pytest.raises(ScenarioError, match="'boxes-one' is the normal set, not a strange one"):
        service.ask(LikelihoodsQuery(GLOW, "boxes-one"))


@pytest.mark.usefixtures("quick_apps")
@pytest.mark.parametrize("page", [page.stem for page in PAGES])
def test_every_page_opens_on_a_scenario_with_all_roles(roles: Tiny, page: str) -> None:
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60)
    app = app.switch_page(f"{page}.py").run()
    assert not app.exception
    assert not app.error
    if page == "overview":
        text = "\n".join(m.value for m in app.markdown)
        for words in ("**Boxes** (normal, ", "**Doubtful** (unjudged, ", "**Ones** (strange, "):
            assert words in text
        shown = "\n".join(h.proto.body for h in app.get("html"))
        assert "Neither normal nor strange: shown and scored, never counted." in shown


# Pictures ---------------------------------------------------------------------------------------


def test_sets_hold_the_images_of_their_class_with_masks(roles: Tiny) -> None:
    scenario = load_scenario("tiny")
    images, labels = tiny.public_set("MNIST", roles.data, train=False)
    ones = scenario.pictures("ones")
    assert np.array_equal(ones.images, images[labels == 1])
    assert ones.masks is not None
    assert np.array_equal(ones.masks, images[labels == 1, ..., 0] > 200)
    assert scenario.pictures("boxes").masks is None
    part = scenario.pictures("boxes-one")
    assert part.ids()[0] == "boxes-one#0"
    assert np.array_equal(part.images, scenario.pictures("boxes").images[1::3])
    assert scenario.pictures("all").masks is None  # flipped boxes have none
    with np.load(roles.folder / "reference.npz") as stored:
        assert set(stored.files) == {
            f"{name}/{what}"
            for name, *more in (("boxes",), ("ones", 1), ("twos", 1), ("doubtful", 1))
            for what in ("images", "labels", *(["masks"] if more else []))
        }


def test_masks_are_stored_at_one_bit_a_pixel(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 2, (3, 5, 7), np.uint8)
    images = rng.integers(0, 256, (3, 5, 7, 3), np.uint8)
    path = tmp_path / "reference.npz"
    write_reference(path, {"a": (images, np.arange(3), masks), "b": (images[:1], np.zeros(1))})
    sets = read_reference(path, "x")
    assert sets["a"].packed is not None
    assert sets["a"].packed.shape == (3, 5)  # 35 bits are five bytes
    assert np.array_equal(sets["a"].masks, masks)
    assert np.array_equal(sets["a"].chosen("c", np.array([2, 0])).masks, masks[[2, 0]])
    assert sets["b"].masks is None
    assert isinstance(sets["b"], Pictures)


def test_masks_of_another_size_are_no_masks_of_these_images(tmp_path: Path) -> None:
    images = np.zeros((2, 5, 7, 1), np.uint8)
    path = tmp_path / "reference.npz"
    write_reference(path, {"a": (images, np.zeros(2), np.zeros((2, 9, 9), np.uint8))})
    with pytest.raises(ScenarioError, match=r"masks of a must be \(2, 5\) uint8, got \(2, 11\)"):
        read_reference(path, "x")


def test_masks_that_are_not_stored_are_missed(roles: Tiny) -> None:
    images, labels = tiny.public_set("MNIST", roles.data, train=False)
    write_reference(roles.folder / "reference.npz", {"ones": (images, labels)})
    with pytest.raises(ScenarioError, match=r"reference\.npz holds no masks of 'ones'"):
        load_scenario("tiny").pictures("ones")


# What does not fit ------------------------------------------------------------------------------


def strange(number: int, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda scenario: scenario["strange"][number].update(values)


def other(number: int, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda scenario: scenario["others"][number].update(values)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (strange(1, against="twos"), "'ones' stands against 'twos', the normal sets are: boxes"),
        (strange(1, against="nobody"), "'ones' stands against 'nobody'"),
        (strange(1, role="unjudged", against=None), "set 'ones' of strange is unjudged"),
        (other(1, role="strange"), "set 'doubtful' of others must be normal or unjudged"),
        (other(1, against="boxes"), "set 'doubtful' is not strange: it stands against no other"),
        (other(0, part_of="nobody"), "set 'boxes-one' is part of 'nobody', which is no normal set"),
        (other(0, part_of="ones"), "set 'boxes-one' is part of 'ones', which is no normal set"),
        (other(0, only=None), "set 'boxes-one' is part of another: it needs the class, only"),
        (other(0, masks=True), "set 'boxes-one' has masks, and no source that they come from"),
        (other(0, source="MNIST"), "'boxes-one' needs either a source or a change"),
        (other(1, name="ones"), "two sets are called ones"),
        (lambda s: s["normal"].update(role="unjudged"), "the normal set needs a source"),
        (lambda s: s.update(sources={"a": {"role": "judge"}}), r"sources\.a\.role: Input"),
    ],
)  # fmt: skip
def test_roles_that_do_not_fit_together_are_one_line(
    roles: Tiny, edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    change(roles, edit)
    with pytest.raises(ScenarioError, match=words) as error:
        load_scenario("tiny")
    assert "\n" not in str(error.value)


# Maps -------------------------------------------------------------------------------------------


def test_how_unjudged_images_land_is_not_measured() -> None:
    rng = np.random.default_rng(0)
    codes = {name: rng.normal(size=(60, 4)).astype(np.float32) for name in ("n", "a")}
    rows = {name: np.arange(60) for name in codes}
    held_out = {name: rng.normal(size=(20, 4)).astype(np.float32) for name in codes}

    def landing(**roles: str) -> Landing:
        atlas = maps.build(codes, rows, held_out, roles=roles, seed=0, layouts=("pca",))
        return atlas.layouts["pca"].landing

    judged, unjudged = landing(n="normal", a="strange"), landing(n="normal", a="unjudged")
    assert np.isfinite([judged.strange, judged.strange_trust]).all()
    assert np.isnan([unjudged.strange, unjudged.strange_trust]).all()
    assert (judged.normal, judged.normal_trust) == (unjudged.normal, unjudged.normal_trust)
    both = landing(n="normal", a="normal")
    assert both.normal != judged.normal


def test_the_unjudged_have_a_verdict_of_their_own(roles: Tiny) -> None:
    from pages._latent.colours import VERDICTS, colour_by

    view = service.ask(LatentQuery(GLOW))
    verdicts = colour_by("verdict", view, GLOW, titles={}, tags={})
    unjudged = view.role == "unjudged"
    assert unjudged.any()
    assert np.array_equal(view.verdict == 4, unjudged)
    assert np.array_equal(np.array(verdicts.names)[verdicts.code] == "unjudged", unjudged)
    assert len(VERDICTS) == len(verdicts.light) == 5
