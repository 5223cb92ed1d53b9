"""Models of one class with a share of known anomalies: what they learn, are called, and lack."""

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
from core.service import Target, parse_target
from core.train import maps
from pages._overview import picture
from pages._shared.pages import PAGES
from pages._shared.theme import LIGHT

pytestmark = pytest.mark.slow

CLASSES = ("zero", "one", "a-10")  # of which one looks as if it named a share
SHARES = ("00", "10")
TITLES = {"00": "AMA, no known anomalies", "10": "AMA, 10 % known anomalies"}


def family_json() -> dict:
    """A mirrored autoencoder of each class and share, and a flow of each class."""
    config = {"code": 4, "width": 2, "critic_width": 4, "critic_steps": 2, "epochs": 1.0}
    flow = {"minutes": 0.003, "batch_size": 16, "config": tiny.CONFIG, **tiny.MAPS}
    return tiny.scenario_json(()) | {
        "name": "tiny-one",
        "title": "One kind of box",
        "strange": [],
        "images": "scenario:tiny",
        "variants": list(CLASSES),
        "training": {
            "ama": {
                "title": "AMA",
                "batch_size": 32,
                "shares": list(SHARES),
                "config": config | {"data": "train+labelled"},
                **tiny.MAPS,
            },
            "glow": {"title": "Glow", **flow},
        },
    }


def write_family(root: Path, values: dict) -> None:
    (root / "tiny-one").mkdir(exist_ok=True)
    (root / "tiny-one" / "scenario.json").write_text(json.dumps(values))
    forget_everything()


@pytest.fixture(scope="session")
def _shares_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train every class and share by one call of the command line's own function."""
    from core import __main__ as cli

    root = tmp_path_factory.mktemp("shares")
    with pytest.MonkeyPatch.context() as patch:
        found = _settle(patch, root)
        patch.setattr("core.train.streams.source_named", tiny.source_named)
        patch.setitem(bootstrap_auroc.__kwdefaults__, "draws", 20)
        tiny.write_scenario(found.checkpoints, ())
        write_family(found.checkpoints, family_json())
        sources = {
            name: tiny.public_set(source, found.data, train=False)
            for name, source in (("boxes", "FashionMNIST"), ("strokes", "MNIST"))
        }
        build_reference(load_scenario("tiny"), sources)
        for target in ("tiny-one/ama", "tiny-one/glow.one"):
            patch.setattr("sys.argv", ["core", "train", target])
            assert cli.main() == 0
    forget_everything()
    return root


@pytest.fixture
def family(_shares_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    shutil.copytree(_shares_root / "checkpoints", tmp_path / "checkpoints")
    found = _settle(monkeypatch, tmp_path)
    monkeypatch.setattr("core.train.streams.source_named", tiny.source_named)
    monkeypatch.setitem(bootstrap_auroc.__kwdefaults__, "draws", 20)
    yield found
    forget_everything()


# What they are called -----------------------------------------------------------------------------


def test_a_member_has_a_model_of_each_share_and_one_of_what_has_none(family: Tiny) -> None:
    member = load_scenario("tiny-one.one")
    assert list(member.training) == ["ama.one-00", "ama.one-10", "glow.one"]
    assert [t.share for t in member.training.values()] == [0.0, 0.1, None]
    assert not any(t.shares for t in member.training.values())
    titles = [t.titled("Default") for t in member.training.values()]
    assert titles == [TITLES["00"], TITLES["10"], "Glow"]


def test_every_class_and_share_is_a_variant_by_name(family: Tiny) -> None:
    names = [t.variant for t in service.variants_of(parse_target("tiny-one/ama"))]
    assert names == ["zero-00", "zero-10", "one-00", "one-10", "a-10-00", "a-10-10"]
    assert [t.variant for t in service.variants_of(parse_target("tiny-one/glow"))] == [*CLASSES]
    assert Target("tiny-one", "ama", "a-10-10").world.normal.name == "a-10"
    assert Target("tiny-one", "glow", "a-10").world.normal.name == "a-10"
    assert parse_target("tiny-one/ama.a-10-00").stem == "ama.a-10-00"


@pytest.mark.parametrize("target", ["ama.one", "ama.one-05", "ama.a-10", "glow.one-10"])
def test_a_class_or_share_that_a_detector_has_not_is_named_with_those_that_it_has(
    family: Tiny, target: str
) -> None:
    known = "zero-00, zero-10" if target.startswith("ama") else "zero, one, a-10"
    detector, _, variant = target.partition(".")
    with pytest.raises(ScenarioError, match=f"{detector} has no variant '{variant}'; has: {known}"):
        parse_target(f"tiny-one/{target}")


def test_a_target_without_class_and_share_is_no_single_model(family: Tiny) -> None:
    with pytest.raises(ScenarioError, match=r"name which, such as tiny-one/ama\.zero-00"):
        loaded(parse_target("tiny-one/ama"))


def test_one_class_is_labelled_for_each_and_only_where_there_are_shares(family: Tiny) -> None:
    labelled = [load_scenario(f"tiny-one.{name}").labelled for name in CLASSES]
    assert all(found in {0, 1, 2} - {i} for i, found in enumerate(labelled))
    values = family_json()
    del values["training"]["ama"]
    write_family(family.checkpoints, values)
    assert [load_scenario(f"tiny-one.{name}").labelled for name in CLASSES] == [None] * 3


def changed(**training: object) -> dict:
    values = family_json()
    values["training"]["ama"] |= training
    return values


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (changed(shares=["1"]), "training.ama.shares.0: String should match pattern"),
        (changed(shares=["10", "10"]), "shares must differ from each other, got 10, 10"),
        (changed(share=0.1), "share is said by shares"),
        (family_json() | {"labelled": 1}, "labelled is drawn by the seed"),
        (
            family_json() | {"variants": ["zero", "one", "one-10"]},
            "variant one-10 is called as one with a share is",
        ),
        (
            family_json() | {"variants": []},
            "shares of known anomalies are of variants, and there are none",
        ),
        (
            family_json() | {"training": {"ama.all": family_json()["training"]["ama"]}},
            "ama.all is of all variants: it has no shares",
        ),
    ],
)
def test_shares_that_do_not_fit_a_scenario_are_refused(
    family: Tiny, values: dict, words: str
) -> None:
    write_family(family.checkpoints, values)
    with pytest.raises(ScenarioError, match=words):
        load_scenario("tiny-one")


# What they learn ----------------------------------------------------------------------------------


def test_a_card_says_how_many_anomalies_were_known_and_of_which_class(family: Tiny) -> None:
    for target in service.variants_of(parse_target("tiny-one/ama")):
        data, member = loaded(target)[1].data, target.world
        normal = checkpoint.read_card(family.checkpoints / "tiny-one", "glow.one").data.images
        if target.stem.endswith("-00"):
            assert (data.known, data.known_class) == (0, "")
            continue
        assert data.known == round((data.images - data.known) / 9)
        assert data.known_class == member.set_named(CLASSES[member.labelled]).title
        if member.normal.name == "one":
            assert data.images == normal + data.known


def test_a_card_without_known_anomalies_is_written_as_it_always_was(family: Tiny) -> None:
    texts = {
        name: (family.checkpoints / "tiny-one" / f"{name}.json").read_text()
        for name in ("glow.one", "ama.one-00", "ama.one-10")
    }
    assert ["known" in json.loads(text)["data"] for text in texts.values()] == [False, False, True]


def test_other_known_anomalies_make_other_weights(family: Tiny) -> None:
    shas = {loaded(t)[1].weights.sha256 for t in service.variants_of(parse_target("tiny-one/ama"))}
    assert len(shas) == len(CLASSES) * len(SHARES)


def test_one_share_of_one_class_is_trained_by_its_name(family: Tiny, call: Call) -> None:
    before = {p.name: p.read_bytes() for p in (family.checkpoints / "tiny-one").iterdir()}
    (family.checkpoints / "tiny-one" / "ama.one-10.json").unlink()
    forget_everything()
    assert call("train", "tiny-one/ama.one-10", "--restart").status == 0
    after = {p.name: p.read_bytes() for p in (family.checkpoints / "tiny-one").iterdir()}
    assert set(after) == set(before)
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {f"ama.one-10.{end}" for end in ("json", "safetensors", "atlas.npz")}


# What they lack -----------------------------------------------------------------------------------


def test_a_model_of_a_share_stores_its_scores_and_no_map(family: Tiny) -> None:
    card = loaded(Target("tiny-one", "ama", "one-10"))[1]
    stored = stored_scores(Target("tiny-one", "ama", "one-10"))
    sizes = {name: len(parts[card.score.part]) for name, parts in stored.items()}
    assert sizes == {"one": 32, "rest": 64, "zero": 32, "a-10": 32}
    with np.load(family.checkpoints / "tiny-one" / "ama.one-10.atlas.npz") as arrays:
        names = {name.partition("/")[0] for name in arrays.files}
    assert names == {"weights", "one", "zero", "a-10"}


def test_an_older_map_is_gone_once_a_model_of_a_share_is_measured_anew(
    family: Tiny, call: Call
) -> None:
    folder = family.checkpoints / "tiny-one"
    plain = load_scenario("tiny-one.one")
    settings = plain.training["ama.one-10"].model_copy(update={"share": None})
    detector, card = loaded(Target("tiny-one", "ama", "one-10"))
    atlas = maps.lay_out(plain, detector, settings, stage=lambda text: None)
    scores = checkpoint.read_scores(folder, card)
    checkpoint.save_atlas(card, folder, scores=scores, atlas=atlas)
    assert checkpoint.read_atlas(folder, card)
    assert call("train", "tiny-one/ama.one-10", "--keep-weights").status == 0
    with pytest.raises(checkpoint.CardError, match="has no map"):
        checkpoint.read_atlas(folder, checkpoint.read_card(folder, "ama.one-10"))


def test_latent_space_says_that_there_is_no_map_and_who_has_one(family: Tiny) -> None:
    words = (
        r"^AMA, 10 % known anomalies, has no map of its own: models of a share of known anomalies "
        r"are many, and kept small\. These have one: Glow\.$"
    )
    with pytest.raises(ScenarioError, match=words):
        service.ask(service.LatentQuery(Target("tiny-one", "ama", "one-10")))
    values = family_json()
    del values["training"]["glow"]
    write_family(family.checkpoints, values)
    with pytest.raises(ScenarioError, match=r"kept small\. None here has one\.$"):
        service.ask(service.LatentQuery(Target("tiny-one", "ama", "one-00")))


def test_no_map_is_made_for_it_afterwards(family: Tiny, call: Call) -> None:
    line = call("train", "tiny-one/ama.one-10", "--atlas-only").error()
    assert "tiny-one/ama.one-10 is kept small, without a map" in line


# How good they are --------------------------------------------------------------------------------


def test_evaluate_takes_the_mean_over_classes_of_each_share_apart(family: Tiny, call: Call) -> None:
    said = call("evaluate", "tiny-one/ama", "--stored", "--json")
    assert said.status == 0, said.err
    found = json.loads(said.out)
    assert list(found["variants"]) == [f"{name}-{share}" for name in CLASSES for share in SHARES]
    assert list(found["mean"]) == [*SHARES]
    for share in SHARES:
        rests = [found["variants"][f"{n}-{share}"]["strange"]["rest"]["score"] for n in CLASSES]
        mean = found["mean"][share]["rest"]["score"]
        assert mean["auroc"] == pytest.approx(np.mean([figures["auroc"] for figures in rests]))
        assert mean["models"] == len(CLASSES)
    table = call("evaluate", "tiny-one/ama", "--stored").out
    assert "mean of 00 %" in table
    assert "mean of 10 %" in table
    assert f"{found['mean']['10']['rest']['score']['auroc']:.4f}" in table


def test_evaluate_of_one_share_of_one_class_is_that_model_alone(family: Tiny, call: Call) -> None:
    found = json.loads(call("evaluate", "tiny-one/ama.one-10", "--stored", "--json").out)
    assert found["detector"] == "tiny-one/ama.one-10"
    assert set(found["strange"]) == {"rest", "zero", "a-10"}


def test_score_takes_a_model_of_a_share(family: Tiny, call: Call, tmp_path: Path) -> None:
    np.save(tmp_path / "some.npy", tiny.boxes(3, seed=5))
    said = call("score", "tiny-one/ama.a-10-10", str(tmp_path / "some.npy"))
    assert said.status == 0, said.err
    assert len(said.out.splitlines()) == 3
    assert "one of 6: name which" in call("score", "tiny-one/ama", "x").error()


def test_scenarios_lists_shares_and_every_model(family: Tiny, call: Call) -> None:
    (row,) = (r for r in service.scenarios() if r["scenario"] == "tiny-one")
    assert row["shares"] == {"ama": [*SHARES]}
    assert row["variants"] == [*CLASSES]
    assert "ama.a-10-10" in row["models"]
    assert "  shares of known anomalies: ama 00, 10 %\n" in call("scenarios").out
    (whole,) = (r for r in service.scenarios() if r["scenario"] == "tiny")
    assert "shares" not in whole


def test_the_overview_has_a_row_a_share_and_means_that_mix_none(family: Tiny) -> None:
    found = service.ask(service.OverviewQuery("tiny-one.one"))
    assert [(r.name, r.title, r.model, r.share) for r in found.detectors] == [
        ("ama.one-00", TITLES["00"], "ama-00", 0.0),
        ("ama.one-10", TITLES["10"], "ama-10", 0.1),
        ("glow.one", "Glow", "glow", None),
    ]
    classes = service.ask(service.ClassesQuery("tiny-one.one"))
    assert classes is not None
    assert list(classes.cards) == ["ama-00", "ama-10", "glow"]
    assert list(classes.means) == ["ama-00", "ama-10"]  # the flow is trained on one class alone
    for share in SHARES:
        cards = classes.cards[f"ama-{share}"]
        assert list(cards) == [*CLASSES]
        areas = [c.metrics["rest"][c.score.part].auroc for c in cards.values() if c is not None]
        assert classes.means[f"ama-{share}"].auroc == pytest.approx(np.mean(areas))


def test_a_start_names_a_model_of_a_share(family: Tiny) -> None:
    values = family_json()
    words = {"page": "cards", "title": "Try", "state": {"model": "ama.{normal}-10"}}
    values["start"] = [{**words, "model": "ama-10"}, {**words, "model": "glow"}]
    write_family(family.checkpoints, values)
    first, second = load_scenario("tiny-one.a-10").start
    assert (first.model, first.state) == ("ama.a-10-10", {"model": "ama.a-10-10"})
    assert second.model == "glow.a-10"


# On pages -----------------------------------------------------------------------------------------


@pytest.fixture
def app(family: Tiny, quick_apps: None) -> AppTest:
    opened = AppTest.from_file("../pages/_frame.py", default_timeout=60)
    opened.query_params.update({"scenario": "tiny-one", "normal": "one"})
    return opened.run()


def texts(app: AppTest) -> str:
    return "\n".join(m.value for m in app.markdown)


@pytest.mark.parametrize("page", [page.stem for page in PAGES])
def test_every_page_knows_models_of_a_share(app: AppTest, page: str) -> None:
    app.switch_page(f"{page}.py").run()
    assert not app.exception
    assert not app.error
    if page == "latent":
        assert not app.warning  # what has a map opens first
        assert app.session_state["latent_model"] == "glow.one"


def test_a_page_where_no_model_has_a_map_says_so_and_no_more(app: AppTest) -> None:
    app.switch_page("latent.py").run()
    app.selectbox(key="latent_model").set_value("ama.one-10").run()
    assert not app.exception
    assert "AMA, 10 % known anomalies, has no map of its own" in app.warning[0].value
    assert "These have one: Glow." in app.warning[0].value


def test_overview_gives_every_share_its_row_and_its_mean(app: AppTest) -> None:
    shown = texts(app) + "\n".join(html.proto.body for html in app.get("html"))
    for title in TITLES.values():
        assert f"**{title}**: mean AUROC over 3 classes" in shown
        assert f">{title}<small>" in shown  # in the table of numbers
    heads = shown.partition("What is normal, what is strange")[2].partition("</thead>")[0]
    assert TITLES["00"] in heads
    assert TITLES["10"] not in heads  # the others knew none, either


def test_a_strip_has_fewer_pictures_where_many_columns_stand_beside_it(family: Tiny) -> None:
    found = service.ask(service.OverviewQuery("tiny-one.one"))
    rows = [row for row in found.detectors if row.card is not None]
    for leading, pictures, percent in ((rows[:2], 8, "27"), (rows[:2] * 4, 5, "16.9")):
        shown = picture.table(found, leading, rows, LIGHT)
        assert f"The first {pictures} images of the set One" in shown
        assert f"min({percent}vw," in shown


def test_the_card_says_which_anomalies_were_known(app: AppTest) -> None:
    app.switch_page("cards.py").run()
    app.selectbox(key="cards_model").set_value("ama.one-10").run()
    assert not app.exception
    data = loaded(Target("tiny-one", "ama", "one-10"))[1].data
    assert f"; {data.known} of them are known anomalies, all of {data.known_class}." in texts(app)
    app.selectbox(key="cards_model").set_value("ama.one-00").run()
    assert "known anomalies, all of" not in texts(app)
