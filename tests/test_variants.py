"""Scenarios in which each class is normal in turn: what is normal, trained, and said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny
from conftest import Call, Tiny, _settle, forget_everything
from streamlit.testing.v1 import AppTest

from core import checkpoint, service
from core.answers.loaded import loaded, stored_scores
from core.evaluate.metrics import bootstrap_auroc
from core.scenario import ScenarioError, build_reference, load_scenario
from core.service import LatentQuery, Target, parse_target
from core.train import run
from core.train.streams import streams_of
from pages._shared.pages import PAGES

pytestmark = pytest.mark.slow

CLASSES = ("zero", "one", "two")
SHARED = "glow.general"


def family_json() -> dict:
    """A flow of each class, and a general one that all of them ask."""
    training = {"minutes": 0.003, "batch_size": 16, **tiny.MAPS}
    asking, asked = ({**tiny.CONFIG, **more} for more in ({"general": SHARED}, {"data": "general"}))
    return tiny.scenario_json(()) | {
        "name": "tiny-one",
        "title": "One kind of box",
        "strange": [],
        "images": "scenario:tiny",
        "variants": list(CLASSES),
        "training": {
            "glow": {"title": "Glow", "config": asking, **training},
            SHARED: {"title": "General flow", "text": "Of all.", "config": asked, **training},
        },
        "sources": tiny.models_json()["sources"],
    }


@pytest.fixture(scope="session")
def _family_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train every variant by one call of the command line's own function."""
    from core import __main__ as cli

    root = tmp_path_factory.mktemp("family")
    with pytest.MonkeyPatch.context() as patch:
        found = _settle(patch, root)
        patch.setattr("core.train.streams.source_named", tiny.source_named)
        patch.setitem(bootstrap_auroc.__kwdefaults__, "draws", 20)
        tiny.write_scenario(found.checkpoints, ())
        (found.checkpoints / "tiny-one").mkdir()
        (found.checkpoints / "tiny-one" / "scenario.json").write_text(json.dumps(family_json()))
        sources = {
            name: tiny.public_set(source, found.data, train=False)
            for name, source in (("boxes", "FashionMNIST"), ("strokes", "MNIST"))
        }
        build_reference(load_scenario("tiny"), sources)
        patch.setattr("sys.argv", ["core", "train", "tiny-one/glow"])
        assert cli.main() == 0
    forget_everything()
    return root


@pytest.fixture
def family(_family_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    shutil.copytree(_family_root / "checkpoints", tmp_path / "checkpoints")
    found = _settle(monkeypatch, tmp_path)
    monkeypatch.setattr("core.train.streams.source_named", tiny.source_named)
    monkeypatch.setitem(bootstrap_auroc.__kwdefaults__, "draws", 20)
    yield found
    forget_everything()


# What is normal ---------------------------------------------------------------------------------


def test_one_class_is_normal_and_each_other_one_strange(family: Tiny) -> None:
    member = load_scenario("tiny-one.one")
    assert member.normal.name == "one"
    assert [s.name for s in member.strange] == ["rest", "zero", "two"]
    assert member.folder == family.checkpoints / "tiny-one"
    images, labels = tiny.public_set("FashionMNIST", family.data, train=False)
    for i, name in enumerate(CLASSES):
        pictures = member.pictures(name)
        assert np.array_equal(pictures.images, images[labels == i]), name
        assert set(pictures.labels) == {i}


def test_the_rest_are_the_other_sets_one_after_the_other(family: Tiny) -> None:
    member = load_scenario("tiny-one.one")
    rest, zero, two = (member.pictures(name) for name in ("rest", "zero", "two"))
    assert np.array_equal(rest.images, np.concatenate([zero.images, two.images]))
    assert rest.labels.tolist() == [0] * len(zero.images) + [2] * len(two.images)
    numbers = {n: {"p": np.arange(3.0) + i} for i, n in enumerate(CLASSES)}
    joined = member.joined(numbers)
    assert list(joined) == ["one", "rest", "zero", "two"]
    assert joined["rest"]["p"].tolist() == [0, 1, 2, 2, 3, 4]


def test_the_images_are_stored_once(family: Tiny) -> None:
    assert not (family.checkpoints / "tiny-one" / "reference.npz").exists()
    card = checkpoint.read_card(family.checkpoints / "tiny-one", "glow.one")
    stored = checkpoint.read_scores(family.checkpoints / "tiny-one", card).sets
    assert list(stored) == ["one", "zero", "two"]  # the rest are made of these


def test_a_class_that_is_not_there_is_named_with_those_that_are(family: Tiny) -> None:
    with pytest.raises(ScenarioError, match="no variant 'three'; has: zero, one, two"):
        load_scenario("tiny-one.three")
    with pytest.raises(ScenarioError, match="no variant 'one'; has: none"):
        load_scenario("tiny.one")


@pytest.mark.parametrize(
    "change",
    [{"variants": ["zero"]}, {"strange": tiny.scenario_json(())["strange"]}],
    ids=["fewer than classes", "a strange set"],
)
def test_a_family_that_does_not_fit_together_is_refused(family: Tiny, change: dict) -> None:
    path = family.checkpoints / "tiny-one" / "scenario.json"
    path.write_text(json.dumps(family_json() | change))
    forget_everything()
    with pytest.raises(ScenarioError, match="one for each of several classes"):
        load_scenario("tiny-one")


def test_a_source_that_the_other_scenario_has_not_is_one_clear_error(family: Tiny) -> None:
    path = family.checkpoints / "tiny" / "scenario.json"
    scenario = json.loads(path.read_text())
    scenario["normal"]["source"], scenario["strange"] = "KMNIST", []
    path.write_text(json.dumps(scenario))
    forget_everything()
    with pytest.raises(ScenarioError, match=r"tiny/reference\.npz holds no set 'boxes' of F"):
        load_scenario("tiny-one.one").pictures("one")


# What is trained --------------------------------------------------------------------------------


def test_training_and_calibration_see_the_normal_class_alone(family: Tiny) -> None:
    member = load_scenario("tiny-one.two")
    streams = streams_of(member, ["train"], 32)
    whole = streams_of(load_scenario("tiny"), ["train"], 32)
    for name, stream in streams.items():
        assert set(stream.label.tolist()) == {2}
        # Split first, then the class: nobody's calibration image trains another class's model.
        assert np.array_equal(stream.images[:], whole[name].images[whole[name].label == 2])


def test_one_call_trains_every_class_and_each_card_says_which(family: Tiny) -> None:
    for name in CLASSES:
        _, card = loaded(Target("tiny-one", "glow", name))
        assert (card.scenario, card.variant) == ("tiny-one", name)
        assert set(card.metrics) == {"rest", *CLASSES} - {name}
        assert f"of {name.capitalize()}" in card.data.name
        rest = card.metrics["rest"]["total"]
        others = [card.metrics[n]["total"] for n in CLASSES if n != name]
        assert rest.n_strange == sum(m.n_strange for m in others)


def test_the_weights_differ_from_class_to_class(family: Tiny) -> None:
    assert len({loaded(t)[1].weights.sha256 for t in variants()}) == 3


def variants() -> list[Target]:
    return service.variants_of(parse_target("tiny-one/glow"))


def test_a_map_shows_every_image_once(family: Tiny) -> None:
    view = service.ask(LatentQuery(Target("tiny-one", "glow", "one")))
    assert view.sets == ("one", "zero", "two")
    assert len(set(view.keys.tolist())) == len(view.keys)
    key = service.keys_of_ids("tiny-one.one", ["two#3"])
    assert view.id(int(view.rows(key)[0])) == "two#3" if len(view.rows(key)) else True


# What all classes share -------------------------------------------------------------------------


def test_a_shared_model_learns_once_and_the_whole_normal_set_is_normal_to_it(family: Tiny) -> None:
    target = parse_target(f"tiny-one/{SHARED}")
    assert target.shared
    assert target.world.name == "tiny-one"
    card = loaded(target)[1]
    assert (card.data.name, card.data.images) == ("Lines", tiny.GENERAL_IMAGES)
    assert card.data.calibration == card.calibration.images == tiny.CALIBRATION_IMAGES
    assert not card.metrics
    assert card.training.test_evaluations == 0  # nobody looked at what is strange to a class
    (whole,) = stored_scores(target).items()
    assert (whole[0], len(whole[1]["total"])) == ("boxes", tiny.TEST_IMAGES)


def test_every_class_asks_the_shared_model_and_has_it_not_among_its_own(family: Tiny) -> None:
    shared = loaded(parse_target(f"tiny-one/{SHARED}"))[1]
    for target in variants():
        detector, card = loaded(target)
        assert card.auxiliary_models == {SHARED: shared.weights.sha256}
        assert not target.shared
        assert detector.auxiliaries["general"].config.data == "general"
        assert list(target.world.training) == [target.stem]
        assert target.world.shared == ()
    assert [str(t) for t in service.shared_of(parse_target("tiny-one/glow"))] == [
        f"tiny-one/{SHARED}"
    ]


def test_a_shared_models_numbers_of_a_class_are_its_numbers_of_these_images(family: Tiny) -> None:
    shared, one = parse_target(f"tiny-one/{SHARED}"), Target("tiny-one", "glow", "one")
    found, own = stored_scores(shared, beside=one), stored_scores(one)
    whole, labels = stored_scores(shared)["boxes"]["total"], np.arange(tiny.TEST_IMAGES) % 3
    assert list(found) == list(own) == ["one", "rest", "zero", "two"]
    for i, name in enumerate(CLASSES):
        assert np.array_equal(found[name]["total"], whole[labels == i])
        # The ratio is what the class's model pays more than the shared one, image by image.
        ratio = own[name]["total"] - found[name]["total"]
        digits = 2**-17 * np.abs(ratio).max()  # a class's numbers are rounded
        np.testing.assert_allclose(own[name]["ratio_general"], ratio, atol=2 * digits)


def test_a_class_whose_shared_model_was_trained_anew_asks_to_be_measured_anew(
    family: Tiny, call: Call
) -> None:
    training = load_scenario("tiny-one").training_of(SHARED)
    run.train(load_scenario("tiny-one"), SHARED, training=training.model_copy(update={"seed": 5}))
    forget_everything()
    with pytest.raises(checkpoint.CardError, match=r"measured with other weights of glow\.general"):
        loaded(Target("tiny-one", "glow", "one"))
    assert call("train", "tiny-one/glow.one", "--keep-weights").status == 0
    assert loaded(Target("tiny-one", "glow", "one"))


def test_a_shared_model_alone_is_trained_by_its_name_and_is_no_class(
    family: Tiny, call: Call
) -> None:
    for path in (family.checkpoints / "tiny-one").glob("glow.*"):
        path.unlink()
    forget_everything()
    line = call("train", "tiny-one/glow.one").error()
    assert f"no checkpoint tiny-one/{SHARED}: train it with" in line
    said = call("train", f"tiny-one/{SHARED}")
    assert said.status == 0, said.err
    assert f"tiny-one/{SHARED}: " in said.out
    assert sorted(p.name for p in (family.checkpoints / "tiny-one").glob("*.safetensors")) == [
        f"{SHARED}.safetensors"
    ]
    (row,) = (r for r in service.scenarios() if r["scenario"] == "tiny-one")
    assert (row["detectors"], row["models"], row["shared"]) == ([], [SHARED], [SHARED])
    assert f"  asked by every variant: {SHARED}\n" in call("scenarios").out


def test_one_call_trains_what_all_classes_ask_before_they_ask_it(
    family: Tiny, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []
    monkeypatch.setattr(run, "train", lambda scenario, name, **how: trained.append(name))
    assert call("train", "tiny-one/glow").status == 0
    assert trained == [SHARED, *(f"glow.{name}" for name in CLASSES)]


def test_a_shared_model_has_no_strange_sets_but_ones_own(
    family: Tiny, call: Call, tmp_path: Path
) -> None:
    line = call("evaluate", f"tiny-one/{SHARED}").error()
    assert f"tiny-one/{SHARED} judges no class" in line
    np.save(tmp_path / "strange.npy", tiny.strokes(8, seed=3))
    said = call(
        "evaluate", f"tiny-one/{SHARED}", "--against", f"mine={tmp_path}/strange.npy", "--json"
    )
    assert said.status == 0, said.err
    assert json.loads(said.out)["strange"]["mine"]["score"]["n_normal"] == tiny.TEST_IMAGES


@pytest.mark.parametrize("name", ["glow.one", "glow.one-05"])
def test_a_shared_model_cannot_have_the_name_of_a_classs_model(family: Tiny, name: str) -> None:
    path, values = family.checkpoints / "tiny-one" / "scenario.json", family_json()
    values["training"][name] = values["training"][SHARED]
    path.write_text(json.dumps(values))
    forget_everything()
    with pytest.raises(ScenarioError, match=f"{name} in training is called as the model of a"):
        load_scenario("tiny-one")


def test_an_overview_lists_what_is_shared_apart_and_a_change_of_its_card_is_noticed(
    family: Tiny,
) -> None:
    for name, own in (("tiny-one.one", ["glow.one"]), ("tiny-one", ["glow"])):
        found = service.ask(service.OverviewQuery(name))
        assert [row.name for row in found.detectors] == own
        assert [row.name for row in found.shared] == [SHARED]
    assert list(service.ask(service.ClassesQuery("tiny-one")).cards) == ["glow"]
    assert not service.ask(service.OverviewQuery("tiny")).shared
    (family.checkpoints / "tiny-one" / f"{SHARED}.json").unlink()
    (row,) = service.ask(service.OverviewQuery("tiny-one.one")).shared
    assert row.card is None
    assert "train it with" in row.missing


# What is stored ---------------------------------------------------------------------------------


def test_a_classs_model_stores_rounded_scores_and_its_card_says_what_was_measured(
    family: Tiny,
) -> None:
    for target in (*variants(), parse_target(f"tiny-one/{SHARED}")):
        card = loaded(target)[1]
        for name, parts in checkpoint.read_scores(target.world.folder, card).sets.items():
            for part, values in parts.items():
                short = values.view(np.uint32) & 0b1111111 == 0  # of 23 digits after the first, 16
                assert short.all() == (not target.shared)
                golden = dict(zip(card.golden.ids, card.golden.parts[part], strict=True))
                np.testing.assert_allclose(values[0], golden[f"{name}#0"], rtol=2**-17 + 1e-6)


# What is said -----------------------------------------------------------------------------------


def test_a_target_without_a_class_stands_for_all_and_is_no_single_model(family: Tiny) -> None:
    assert [t.variant for t in variants()] == list(CLASSES)
    assert service.variants_of(parse_target("tiny-one/glow.two")) == [
        Target("tiny-one", "glow", "two")
    ]
    with pytest.raises(ScenarioError, match=r"one of 3: name which, such as tiny-one/glow\.zero"):
        loaded(parse_target("tiny-one/glow"))
    with pytest.raises(ScenarioError, match=r"tiny-one/glow\.one is meant"):
        parse_target("tiny-one.one/glow")


def test_evaluate_without_a_class_prints_all_and_their_mean(family: Tiny, call: Call) -> None:
    said = call("evaluate", "tiny-one/glow", "--stored", "--json")
    assert said.status == 0, said.err
    found = json.loads(said.out)
    assert list(found["variants"]) == list(CLASSES)
    assert list(found["mean"]) == ["rest"]  # the only strange set that all have
    areas = [found["variants"][n]["strange"]["rest"]["score"]["auroc"] for n in CLASSES]
    assert found["mean"]["rest"]["score"]["auroc"] == pytest.approx(np.mean(areas))
    assert found["mean"]["rest"]["score"]["models"] == 3
    stored = stored_scores(Target("tiny-one", "glow", "one"))
    assert len(stored["rest"]["total"]) == len(stored["zero"]["total"]) + len(
        stored["two"]["total"]
    )
    table = call("evaluate", "tiny-one/glow", "--stored")
    assert "mean" in table.out
    assert f"{np.mean(areas):.4f}" in table.out


@pytest.mark.parametrize(
    "more", [["--scores", "x.csv"], ["--against", "a=b"], ["--compare-with", "tiny-one/glow.one"]]
)
def test_what_needs_one_model_asks_for_a_class(family: Tiny, call: Call, more: list[str]) -> None:
    line = call("evaluate", "tiny-one/glow", *more).error()
    assert "has 3 variants: name one, such as tiny-one/glow.zero" in line


def test_the_overview_counts_all_classes_and_takes_a_mean_only_of_all(family: Tiny) -> None:
    found = service.ask(service.ClassesQuery("tiny-one.one"))
    assert found is not None
    assert found.titles == {"zero": "Zero", "one": "One", "two": "Two"}
    cards = found.cards["glow"]
    areas = [c.metrics["rest"][c.score.part].auroc for c in cards.values() if c is not None]
    assert found.means["glow"].auroc == pytest.approx(np.mean(areas))
    (family.checkpoints / "tiny-one" / "glow.one.json").unlink()
    forget_everything()
    less = service.ask(service.ClassesQuery("tiny-one"))
    assert less is not None
    assert less.cards["glow"]["one"] is None
    assert not less.means
    assert service.ask(service.ClassesQuery("tiny")) is None


# On pages ---------------------------------------------------------------------------------------


@pytest.fixture
def app(family: Tiny, quick_apps: None) -> AppTest:
    return AppTest.from_file("../pages/_frame.py", default_timeout=60).run()


def test_whole_sets_stand_before_those_of_one_class(
    family: Tiny, quick_apps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{**row, "models": ["glow"]} for row in service.scenarios()]
    monkeypatch.setattr(service, "scenarios", lambda: rows)
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60).run()
    assert app.selectbox(key="scenario").options == ["Boxes", "One kind of box"]


def test_the_normal_class_is_chosen_beside_the_scenario(app: AppTest) -> None:
    # Of the boxes no model is trained: what has some stands first.
    assert app.selectbox(key="scenario").options == ["One kind of box", "Boxes"]
    app.selectbox(key="scenario").set_value("tiny").run()
    assert not [s for s in app.selectbox if s.key == "normal"]
    app.selectbox(key="scenario").set_value("tiny-one").run()
    assert not app.exception
    assert app.selectbox(key="normal").value == "zero"
    app.selectbox(key="normal").set_value("two").run()
    assert not app.exception
    shown = "\n".join(m.value for m in app.markdown)
    assert "**Two** (normal, " in shown
    assert "**All others** (strange, " in shown
    assert app.session_state["world"] == "tiny-one.two"
    app.selectbox(key="scenario").set_value("tiny").run()
    assert app.session_state["world"] == "tiny"


@pytest.mark.parametrize("page", [page.stem for page in PAGES])
@pytest.mark.usefixtures("family", "quick_apps")
def test_every_page_knows_a_scenario_of_one_class(page: str) -> None:
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60)
    app.query_params.update({"scenario": "tiny-one", "normal": "one"})
    app.switch_page(f"{page}.py").run()
    assert not app.exception
    assert not app.error
    if page == "latent":
        assert "rest" not in app.session_state["latent_sets"]  # it has no images of its own


def test_compare_takes_no_models_score_for_that_of_another_class(app: AppTest) -> None:
    app.selectbox(key="scenario").set_value("tiny-one").run()
    app.switch_page("compare.py").run()
    app.selectbox(key="compare_by").set_value("score").run()
    for normal in ("two", "one", "two"):
        app.selectbox(key="normal").set_value(normal).run()
        assert not app.exception
        assert "the all others" not in "".join(m.value for m in app.markdown).lower()
        world, held = app.session_state["world"], app.session_state["_threshold"].threshold
        assert held.model == app.session_state["compare_model"]
        query = service.VerdictsQuery(world, app.session_state["compare_set"], (held.model,), held)
        assert service.ask(query).models[0].percentile == pytest.approx(95.0, abs=0.1)


def test_the_shared_models_card_is_offered_and_says_that_it_judges_nothing(app: AppTest) -> None:
    app.selectbox(key="scenario").set_value("tiny-one").run()
    app.switch_page("cards.py").run()
    assert app.selectbox(key="cards_model").options == ["Glow", "General flow"]
    app.selectbox(key="cards_model").set_value(SHARED).run()
    assert not app.exception
    assert not app.error
    shown = "\n".join(m.value for m in app.markdown)
    assert "the models of all classes ask it" in shown
    assert "How good each part is" not in shown
    assert "160 images: Lines" in shown
    everyone = next(t.value for t in app.table if "parameters" in t.value)
    assert everyone["measured"].tolist()[-1] == "never"
