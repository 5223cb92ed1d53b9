"""Images come to training by their roles, from files, and no second copy of them is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from conftest import Tiny, _settle, forget_everything

from core.data.sources import DataMissing
from core.data.splits import calibration_split
from core.data.views import Chosen, Joined
from core.scenario import Scenario, ScenarioError, load_scenario
from core.train.streams import reference_sets, streams_of

LABELS = np.arange(40) % 3
Edit = Callable[[dict[str, Any]], object]


def numbered(first: int, n: int = 40) -> np.ndarray:
    """Images (n, 28, 28, 1) of one level each."""
    return np.broadcast_to(
        np.arange(first, first + n, dtype=np.uint8)[:, None, None, None], (n, 28, 28, 1)
    ).copy()


def levels(images: np.ndarray) -> list[int]:
    return images[:, 0, 0, 0].tolist()


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scenario]:
    """A scenario of four sets in files: levels 0 to 39, and others from 50, 100 and 150 on."""
    found = _settle(monkeypatch, tmp_path)
    for name, first in (("normal", 0), ("many", 50), ("held", 100), ("known", 150)):
        (found.data / name).mkdir(parents=True)
        arrays = {"images": numbered(first), "labels": LABELS, "classes": ["a", "b", "c"]}
        np.savez(found.data / name / "train.npz", **arrays)
        np.savez(found.data / name / "test.npz", **arrays)
    yield lambda edit=lambda values: None: _written(found, edit)
    forget_everything()


def _written(found: Tiny, edit: Edit) -> Scenario:
    values = tiny.scenario_json(())
    values["normal"]["source"], values["split"]["calibration"] = "npz:normal", 10
    values["strange"][0]["source"] = "npz:known"
    edit(values)
    found.folder.mkdir(parents=True, exist_ok=True)
    (found.folder / "scenario.json").write_text(json.dumps(values))
    forget_everything()
    return load_scenario("tiny")


def listed(**roles: str) -> Edit:
    """Sources by name, each with the role that is said."""
    words = {"title": "T", "text": "T", "licence": "MIT"}
    sources = {n: {"role": r, "source": f"npz:{n}", **words} for n, r in roles.items()}
    return lambda values: values.update(sources=sources)


def test_training_and_held_out_images_are_split_by_the_seed(scenario) -> None:
    streams = streams_of(scenario(), ["train"], 4)
    train, held_out = calibration_split(40, calibration=10, seed=0)
    assert list(streams) == ["train", "calibration"]
    assert levels(streams["train"].images[:]) == train.tolist()
    assert levels(streams["calibration"].images[:]) == held_out.tolist()
    assert streams["train"].label.tolist() == LABELS[train].tolist()
    assert set(streams["train"].kind) == set(streams["calibration"].kind) == {1}
    assert isinstance(streams["train"].images, Chosen)


def test_a_split_that_leaves_nothing_to_train_is_said_with_both_numbers(scenario) -> None:
    def all_held_out(values: dict[str, Any]) -> None:
        values["split"]["calibration"] = 40

    with pytest.raises(ScenarioError, match=r"there are 40 training images.* holds out 40 of them"):
        streams_of(scenario(all_held_out), ["train"], 8)


def test_a_class_is_chosen_after_the_split(scenario) -> None:
    streams = streams_of(scenario(lambda v: v["normal"].update(only=1)), ["train"], 2)
    for name, rows in zip(
        ("train", "calibration"), calibration_split(40, calibration=10, seed=0), strict=True
    ):
        assert levels(streams[name].images[:]) == [i for i in rows.tolist() if i % 3 == 1]


def test_auxiliary_images_are_of_no_kind_alone_and_anomalies_among_training_images(
    scenario,
) -> None:
    streams = streams_of(scenario(listed(many="auxiliary")), ["auxiliary", "train+auxiliary"], 4)
    alone, mixed = streams["auxiliary"], streams["train+auxiliary"]
    assert levels(alone.images[:]) == list(range(50, 90))
    assert set(alone.kind) == {0}
    assert alone.label.tolist() == LABELS.tolist()  # classes of their source
    assert len(mixed.images) == 70
    assert levels(mixed.images[mixed.kind == -1]) == list(range(50, 90))
    assert levels(mixed.images[mixed.kind == 1]) == levels(streams["train"].images[:])
    assert mixed.label[:30].tolist() == streams["train"].label.tolist()
    assert set(mixed.label[30:]) == {-1}  # the source's class 0 is not the scenario's
    assert isinstance(mixed.images, Joined)
    assert mixed.images.parts[0] is streams["train"].images  # no second copy
    assert mixed.images.parts[1] is alone.images


def test_labelled_images_are_known_anomalies_of_their_classes(scenario) -> None:
    streams = streams_of(scenario(listed(known="labelled")), ["labelled", "train+labelled"], 4)
    assert set(streams["labelled"].kind) == {-1}
    assert streams["labelled"].label.tolist() == LABELS.tolist()
    assert streams["train+labelled"].label[30:].tolist() == LABELS.tolist()


# A share of known anomalies ----------------------------------------------------------------------


def one_class(values: dict[str, Any]) -> None:
    """Each class in turn is normal, and a detector has models of three shares."""
    training = {"batch_size": 4, "shares": ["00", "10", "50"]}
    variants = {"variants": ["a", "b", "c"], "strange": []}
    values.update(variants | {"training": {"ama": training}})
    values["normal"]["classes"] = ["a", "b", "c"]


def of_share(scenario, share: float | None, variant: str = "b") -> dict[str, Any]:
    member = scenario(one_class).member(variant)
    return streams_of(member, ["train", "train+labelled"], 2, share=share)


def test_a_share_of_known_anomalies_is_of_one_other_class_and_of_those_that_train(
    scenario,
) -> None:
    streams, labelled = of_share(scenario, 0.5), scenario(one_class).member("b").labelled
    train, held_out = calibration_split(40, calibration=10, seed=0)
    mixed = streams["train+labelled"]
    known = levels(mixed.images[mixed.kind == -1])
    n = int((LABELS[train] == 1).sum())
    assert len(known) == n  # half of all
    assert labelled in (0, 2)
    assert set(LABELS[known]) == set(mixed.label[mixed.kind == -1]) == {labelled}
    assert set(known) <= set(train) - set(held_out)
    assert levels(mixed.images[mixed.kind == 1]) == levels(streams["train"].images[:])
    assert set(LABELS[levels(streams["calibration"].images[:])]) == {1}
    fewer = of_share(scenario, 0.1)["train+labelled"]
    assert levels(fewer.images[fewer.kind == -1]) == known[: round(n / 9)]


def test_a_share_of_none_is_the_training_images_alone(scenario) -> None:
    streams = of_share(scenario, 0.0)
    assert set(streams["train+labelled"].kind) == {1}
    assert streams["train+labelled"].sha256 == streams["train"].sha256


def test_a_share_that_cannot_be_is_said(scenario) -> None:
    with pytest.raises(
        ScenarioError, match=r"tiny/scenario.json: a share of 0.9 needs \d+ anomalies"
    ):
        of_share(scenario, 0.9)
    with pytest.raises(ScenarioError, match=r"scenario tiny.b names no labelled images"):
        of_share(scenario, None)
    member = scenario(one_class).member("b")
    with pytest.raises(ScenarioError, match="has a share of known anomalies and learns from none"):
        streams_of(member, ["train"], 4, share=0.1)
    with pytest.raises(ScenarioError, match="scenario tiny has no class of known anomalies"):
        streams_of(scenario(), ["train+labelled"], 4, share=0.1)


# Sources of roles ---------------------------------------------------------------------------------


def test_sources_of_one_role_stand_one_after_the_other(scenario) -> None:
    edit = listed(many="auxiliary", held="auxiliary")
    stream = streams_of(scenario(edit), ["auxiliary"], 4)["auxiliary"]
    assert levels(stream.images[:]) == [*range(50, 90), *range(100, 140)]


def test_a_class_of_one_auxiliary_source_is_none_of_another(scenario) -> None:
    edit = listed(many="auxiliary", held="auxiliary")
    stream = streams_of(scenario(edit), ["auxiliary"], 4)["auxiliary"]
    assert stream.label.tolist() == [*LABELS, *(LABELS + 3)]  # of three classes each


def test_training_images_of_several_sources_are_of_the_scenarios_classes(scenario) -> None:
    edit = listed(many="train", held="train")
    streams = streams_of(scenario(edit), ["train"], 4)
    both = np.concatenate([streams[role].label for role in ("train", "calibration")])
    assert sorted(both.tolist()) == sorted([*LABELS, *LABELS])


def test_held_out_images_may_have_a_source_of_their_own(scenario) -> None:
    streams = streams_of(scenario(listed(held="calibration")), ["train"], 4)
    assert levels(streams["calibration"].images[:]) == list(range(100, 140))
    assert levels(streams["train"].images[:]) == list(range(40))


def test_training_images_may_have_another_source_than_those_that_are_shown(scenario) -> None:
    streams = streams_of(scenario(listed(many="train")), ["train"], 4)
    assert sorted(
        levels(streams["train"].images[:]) + levels(streams["calibration"].images[:])
    ) == [*range(50, 90)]
    shown = reference_sets(scenario(listed(many="train")), download=False)
    assert levels(shown["boxes"][0]) == list(range(40))


def test_what_the_scenario_does_not_name_is_said(scenario) -> None:
    with pytest.raises(ScenarioError, match="scenario tiny names no labelled images"):
        streams_of(scenario(listed(many="auxiliary")), ["train+labelled"], 4)
    with pytest.raises(DataMissing, match="no source 'FashionM'"):
        streams_of(scenario(lambda v: v["normal"].update(source="FashionM")), ["train"], 4)
    with pytest.raises(
        ScenarioError, match=r"^tiny/scenario.json: there are 40 training images, and split"
    ):
        streams_of(scenario(lambda v: v["split"].update(calibration=40)), ["train"], 4)
    with pytest.raises(ScenarioError, match="30 images do not fill a batch of 31"):
        streams_of(scenario(), ["train"], 31)


def test_a_stream_of_a_view_has_the_batches_and_the_sha256_of_its_array(scenario) -> None:
    from core.data.stream import Stream

    view = streams_of(scenario(listed(many="auxiliary")), ["train+auxiliary"], 8)["train+auxiliary"]
    array = Stream(view.images[:], view.kind, view.label, 8)
    assert view.sha256 == array.sha256
    assert view.sha256_of_images == array.sha256_of_images != view.sha256
    pairs = zip(view.epoch(1, 2), array.epoch(1, 2), strict=True)
    assert all(a.x.equal(b.x) and a.kind.equal(b.kind) for a, b in pairs)
    assert np.array_equal(view.first(5, 0), array.first(5, 0))


# What is shown ----------------------------------------------------------------------------------


def test_shown_sets_are_test_images_of_their_class(scenario) -> None:
    sets = reference_sets(scenario(lambda v: v["strange"][0].update(only=2)), download=False)
    assert levels(sets["boxes"][0]) == list(range(40))
    assert levels(sets["strokes"][0]) == [150 + i for i in range(40) if i % 3 == 2]
    assert [len(arrays) for arrays in sets.values()] == [2, 2]


def test_a_set_without_images_or_masks_is_named(scenario) -> None:
    with pytest.raises(ScenarioError, match="set 'strokes' has no class 7"):
        reference_sets(scenario(lambda v: v["strange"][0].update(only=7)), download=False)
    with pytest.raises(ScenarioError, match="'strokes' is to have masks, npz:known has none"):
        reference_sets(scenario(lambda v: v["strange"][0].update(masks=True)), download=False)


# How missing images are had ---------------------------------------------------------------------

HAD = "cut the characters out of photographs"


def test_a_set_that_is_not_there_says_how_it_is_had_in_the_scenarios_words(scenario) -> None:
    def edit(values: dict[str, Any]) -> None:
        values["strange"][0].update(source="npz:gone", title="Signs", had=HAD)

    with pytest.raises(DataMissing) as error:
        reference_sets(scenario(edit), download=False)
    text = str(error.value)
    assert text.startswith("gone is not in ")
    assert text.endswith(f"; Signs: {HAD}")


def test_images_to_learn_from_that_are_not_there_say_how_they_are_had(scenario) -> None:
    def edit(values: dict[str, Any]) -> None:
        listed(gone="auxiliary")(values)
        values["sources"]["gone"].update(title="General", had=HAD)

    with pytest.raises(DataMissing, match=rf"^gone is not in .*; General: {HAD}$"):
        streams_of(scenario(edit), ["auxiliary"], 4)
