"""Models of one class with a share of known anomalies: what they learn, are called, and lack."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from conftest import Call, Tiny, _settle, forget_everything

from core import checkpoint, service
from core.answers.loaded import loaded
from core.evaluate.metrics import bootstrap_auroc
from core.scenario import ScenarioError, build_reference, load_scenario
from core.service import Target, parse_target

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
