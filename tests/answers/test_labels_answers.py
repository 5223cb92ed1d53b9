"""What known anomalies buy: groups, spreads, gains, changed sides, curves; by hand where it can."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import tiny
import torch
from conftest import Tiny, forget_everything

from core import service
from core.answers import bought as gains
from core.answers import images, rebuilt, sides
from core.answers import labels as groups
from core.answers.loaded import loaded, stored_scores
from core.data.picture import as_images, as_tensor
from core.evaluate.metrics import auroc, bootstrap_auroc
from core.results import ArmResult, Published, Row, Run, StudyResult, write_study
from core.scenario import ScenarioError, load_scenario
from core.service import (
    BoughtQuery,
    ChangedQuery,
    ExamplesQuery,
    FirstChangedQuery,
    GammaQuery,
    ImageQuery,
    OutskirtsError,
    RebuiltQuery,
    ScoreSplitQuery,
    SpreadQuery,
    Target,
    ask,
    changed_table,
    groups_of,
)

ZERO, ONE, TEN = (Target("tiny-one", "esad", f"one-{share}") for share in ("00", "01", "10"))
SAD = Target("tiny-one", "deep_sad", "one-10")
KNOWN, NEVER = "zero", "two"  # of normal class "one": tiny.labels_json draws it so


# By hand ------------------------------------------------------------------------------------------

TABLES = {  # flagged is what lies above 1; percentiles are 10 times the score, at most 100
    "esad.one-00": {
        "one": {"sum": [0.2, 0.4, 1.5, 0.6], "reconstruction": [0.1, 0.1, 0.3, 0.2]},
        "zero": {"sum": [0.5, 2.0, 0.9], "reconstruction": [0.2, 0.4, 0.5]},
        "two": {"sum": [0.3, 0.7, 3.0, 0.8, 1.2], "reconstruction": [0.2, 0.3, 0.6, 0.4, 0.4]},
    },
    "esad.one-10": {
        "one": {"sum": [0.2, 1.4, 0.5, 0.6], "reconstruction": [0.1, 0.2, 0.1, 0.3]},
        "zero": {"sum": [4.0, 5.0, 6.0], "reconstruction": [0.5, 0.5, 0.6]},
        "two": {"sum": [5.0, 1.1, 0.1, 0.9, 1.3], "reconstruction": [0.5, 0.4, 0.4, 0.5, 0.4]},
    },
}


def _table(target: Target) -> dict[str, dict[str, np.ndarray]]:
    found = {}
    for name, parts in TABLES[target.stem].items():
        arrays = {part: np.array(values) for part, values in parts.items()}
        found[name] = arrays | {"norm": arrays["sum"] - arrays["reconstruction"]}
    return found


@pytest.fixture
def by_hand(labels: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of a few images in place of the stored ones, and a threshold of 1."""
    for module in (groups, gains, sides, images, rebuilt):
        monkeypatch.setattr(module, "stored_scores", _table)
    monkeypatch.setattr(groups, "limit_of", lambda card, part: 1.0)
    for target in (ZERO, TEN):
        score = loaded(target)[1].score
        monkeypatch.setitem(score.__dict__, "threshold", 1.0)
    for module in (sides, images):
        monkeypatch.setattr(module, "percentile", lambda values, stored: 10 * np.asarray(values))


def test_the_known_class_is_the_scenarios_and_all_others_were_never_seen(labels: Tiny) -> None:
    member = load_scenario("tiny-one.one")
    found = groups_of(member)
    assert (found.normal, found.known, found.never) == ("one", KNOWN, (NEVER,))
    assert member.set_named(found.known).only == member.labelled
    assert [found.of(name) for name in ("one", KNOWN, NEVER)] == ["normal", "known", "never"]


def test_a_scenario_without_labels_has_no_groups(labels: Tiny) -> None:
    with pytest.raises(ScenarioError, match="tiny: no class of known anomalies"):
        groups_of(load_scenario("tiny"))


def test_a_histogram_counts_scores_in_units_of_the_threshold(
    by_hand: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "limit_of", lambda card, part: 0.5)
    edges = np.array([0.25, 1.0, 4.0, 16.0])
    monkeypatch.setattr(groups, "_edges", lambda models: edges)
    found = groups.spread(SpreadQuery(TEN))
    # Normal: 0.4, 2.8, 1.0, 1.2; known: 8, 10, 12; never seen: 10, 2.2, 0.2, 1.8, 2.6.
    assert found.shares["normal"].tolist() == [0.25, 0.75, 0.0]
    assert found.shares["known"].tolist() == [0.0, 0.0, 1.0]
    assert found.shares["never"].tolist() == [0.2, 0.6, 0.2]  # the lowest counts in the first bin
    counts = {group: (s.count, s.of) for group, s in found.flagged.items()}
    assert counts == {"normal": (2, 4), "known": (3, 3), "never": (4, 5)}
    assert found.areas["never"].auroc == pytest.approx((4 + 3 + 0 + 3 + 3) / 20)


def test_all_models_of_a_detector_are_drawn_on_one_axis() -> None:
    one, other = np.linspace(0.1, 1.5, 1001), np.linspace(0.8, 40.0, 1001)
    edges = groups._edges([one, other])
    assert edges[0] == pytest.approx(np.quantile(one, 0.005))
    assert edges[-1] == pytest.approx(np.quantile(other, 0.995))
    ratios = edges[1:] / edges[:-1]
    assert ratios == pytest.approx(np.full(len(ratios), ratios[0]))
    narrow = groups._edges([np.full(10, 0.9)])
    assert (narrow[0], narrow[-1]) == (0.5, 2.0)  # the threshold, 1, is always in sight
    assert groups._edges([np.zeros(10)])[0] == pytest.approx(1e-3)  # zero has no place on it


def test_a_gain_is_the_difference_of_both_areas(by_hand: None) -> None:
    found = gains.bought(BoughtQuery(ZERO, TEN))
    never = found.gains["never"]
    # Of 20 pairs of normal 0.2 0.4 1.5 0.6: 0.3 is above 1, 0.7 above 3, 3.0 above 4, 0.8 3, 1.2 3.
    assert never.before == pytest.approx(14 / 20)
    # Of normal 0.2 1.4 0.5 0.6: 5.0 is above 4, 1.1 above 3, 0.1 above 0, 0.9 above 3, 1.3 above 3.
    assert never.after == pytest.approx(13 / 20)
    assert never.value == pytest.approx(-1 / 20)
    assert never.low <= never.value <= never.high
    known = found.gains["known"]
    assert (known.before, known.after) == pytest.approx((9 / 12, 1.0))
    assert list(found.classes) == [KNOWN, NEVER]


def test_a_gain_has_a_sign_only_beyond_its_interval() -> None:
    rng = np.random.default_rng(0)
    normal, strange = rng.normal(size=400), rng.normal(1.0, size=400)
    before = {"n": normal, "s": strange}
    better = gains.paired(before, {"n": normal, "s": strange + 0.5}, normal="n")
    assert better.sign == 1
    assert gains.paired({"n": normal, "s": strange + 0.5}, before, normal="n").sign == -1
    same = gains.paired(before, {k: 3 * v for k, v in before.items()}, normal="n")
    assert (same.value, same.low, same.high, same.sign) == (0.0, 0.0, 0.0, 0)  # ranks are the same
    alone = gains.paired(
        {"n": normal, "s": strange[:1]}, {"n": normal, "s": strange[:1]}, normal="n"
    )
    assert math.isnan(alone.low)
    assert alone.sign == 0


def test_paired_intervals_are_narrower_than_those_of_models_apart() -> None:
    rng = np.random.default_rng(1)
    normal, strange = rng.normal(size=300), rng.normal(1.0, size=300)
    noise = 0.05 * rng.normal(size=600)
    after = {"n": normal + noise[:300], "s": strange + 0.1 + noise[300:]}
    found = gains.paired({"n": normal, "s": strange}, after, normal="n")
    low, high = bootstrap_auroc(normal, strange)
    assert found.high - found.low < 0.3 * (high - low)


def test_images_that_changed_sides_are_counted_by_group(by_hand: None) -> None:
    found = sides.changed(ChangedQuery(ZERO, TEN))
    assert found.counts == {"normal": (1, 1), "known": (2, 0), "never": (2, 1)}
    assert found.sizes == {"normal": 4, "known": 3, "never": 5}
    shown = {
        name: [(s, int(i)) for s, i in zip(m.pictures.sets, m.pictures.indices, strict=True)]
        for name, m in found.moved.items()
    }
    assert shown == {
        "found": [("two", 0), ("two", 1)],  # 3 -> 50, 7 -> 11: furthest first
        "missed": [("two", 2)],
        "alarm": [("one", 1)],
        "cleared": [("one", 2)],
    }
    assert found.moved["found"].before.tolist() == [3.0, 7.0]
    assert found.moved["found"].pictures.percentiles.tolist() == [50.0, 11.0]


def test_at_most_so_many_are_shown_and_the_seed_draws_others(by_hand: None) -> None:
    one = sides.changed(ChangedQuery(ZERO, TEN, each=1))
    assert [len(m.pictures.sets) for m in one.moved.values()] == [1, 1, 1, 1]
    drawn = {
        int(
            sides.changed(ChangedQuery(ZERO, TEN, 1, "random", seed))
            .moved["found"]
            .pictures.indices[0]
        )
        for seed in range(12)
    }
    assert drawn == {0, 1}
    with pytest.raises(ScenarioError, match="no order 'best'; there are: furthest, random"):
        sides.changed(ChangedQuery(ZERO, TEN, which="best"))


def test_the_first_image_is_newly_found_else_newly_missed_else_typical(by_hand: None) -> None:
    assert sides.first_changed(FirstChangedQuery(ZERO, TEN)) == ("two", 0, "found")
    assert sides.first_changed(FirstChangedQuery(TEN, ZERO)) == ("two", 2, "found")
    assert sides.first_changed(FirstChangedQuery(TEN, TEN)) == ("two", 1, "typical")  # 1.1: median


def test_the_table_of_changes_holds_every_image_that_changed(by_hand: None) -> None:
    table = changed_table(ZERO, TEN)
    assert table["image"].tolist() == [
        "one#1",
        "one#2",
        "zero#0",
        "zero#2",
        *(f"two#{i}" for i in range(3)),
    ]
    assert table["change"].tolist() == [
        "newly flagged", "no longer flagged", "newly flagged", "newly flagged",
        "newly flagged", "newly flagged", "no longer flagged",
    ]  # fmt: skip
    assert table["esad.one-10 sum percentile"].tolist() == pytest.approx([14, 5, 40, 60, 50, 11, 1])
    assert table["esad.one-00 sum percentile"].tolist() == pytest.approx([4, 15, 5, 9, 3, 7, 30])


def test_the_sum_is_set_against_its_better_part(by_hand: None) -> None:
    found = gains.score_split(ScoreSplitQuery(TEN))
    assert found is not None
    assert list(found.parts) == ["sum", "reconstruction", "norm"]
    parts = {part: figures["never"].auroc for part, figures in found.parts.items()}
    # Reconstruction: normal 0.1 0.2 0.1 0.3; never 0.5 0.4 0.4 0.5 0.4: all above. Norm: normal
    # 0.1 1.2 0.4 0.3; 4.5 is above 4, 0.7 above 3, -0.3 above 0, 0.4 above 2 and half, 0.9 above 3.
    assert parts == pytest.approx({"sum": 13 / 20, "reconstruction": 1.0, "norm": 12.5 / 20})
    assert found.better["never"] == "reconstruction"
    assert found.gains["never"].value == pytest.approx(13 / 20 - 1)
    weights = found.weights["known"]
    assert weights["reconstruction"] == pytest.approx((0.5 / 4 + 0.5 / 5 + 0.6 / 6) / 3)
    assert sum(weights.values()) == pytest.approx(1)


# Of trained models --------------------------------------------------------------------------------


def test_figures_are_those_of_the_card_and_of_the_stored_scores(labels: Tiny) -> None:
    found, (_, card) = ask(SpreadQuery(TEN)), loaded(TEN)
    stored = stored_scores(TEN)
    assert found.part == "sum"
    assert found.areas["known"] == card.metrics[KNOWN]["sum"]
    assert found.areas["rest"] == card.metrics["rest"]["sum"]
    assert found.areas["never"].auroc == auroc(stored["one"]["sum"], stored[NEVER]["sum"])
    assert found.limit == card.score.threshold
    for group in ("normal", "known", "never"):
        assert found.shares[group].sum() == pytest.approx(1)
    lengths = ask(SpreadQuery(TEN, "norm"))
    assert lengths.flagged["normal"].count == int((stored["one"]["norm"] > lengths.limit).sum())


def test_a_model_against_itself_has_gained_nothing(labels: Tiny) -> None:
    found = ask(BoughtQuery(TEN, TEN))
    assert [(g.value, g.low, g.high) for g in found.gains.values()] == [(0, 0, 0)] * 2
    changed = ask(ChangedQuery(TEN, TEN))
    assert set(changed.counts.values()) == {(0, 0)}
    assert len(changed_table(TEN, TEN)["image"]) == 0


def test_changed_images_are_flagged_by_one_of_the_cards_alone(labels: Tiny) -> None:
    flags = {}
    for target in (ZERO, TEN):
        limit = loaded(target)[1].score.threshold
        flags[target] = stored_scores(target)[NEVER]["sum"] > limit
    found = ask(ChangedQuery(ZERO, TEN)).counts["never"]
    assert found == (int((flags[TEN] & ~flags[ZERO]).sum()), int((flags[ZERO] & ~flags[TEN]).sum()))


def test_a_score_that_adds_nothing_has_no_split(labels: Tiny) -> None:
    assert ask(ScoreSplitQuery(SAD)) is None


def test_an_image_is_rebuilt_and_scored_as_the_model_does(labels: Tiny) -> None:
    detector, card = loaded(TEN)
    picture = tiny.public_set("FashionMNIST", labels.data, train=False)[0][2::3][4]  # of class two
    with torch.inference_mode():
        drawn = as_images(detector.reconstruct(as_tensor(picture[None])))[0]
    view = ask(RebuiltQuery(ImageQuery(TEN, "two", 4)))
    assert (view.image == picture).all()
    assert view.rebuilt is not None
    assert (view.rebuilt == drawn).all()
    for part, value in view.parts.items():
        assert value == pytest.approx(float(stored_scores(TEN)["two"][part][4]), rel=1e-3)
    assert view.parts["sum"] == pytest.approx(view.parts["reconstruction"] + view.parts["norm"])
    assert view.flagged == (view.parts["sum"] > card.score.threshold)
    assert ask(RebuiltQuery(ImageQuery(SAD, "two", 4))).rebuilt is None


def test_examples_are_those_that_their_rules_name(labels: Tiny) -> None:
    found = ask(ExamplesQuery(TEN))
    assert found is not None
    assert found.rules == ("typical", "random", "worst") * 3
    assert found.groups == ("normal",) * 3 + ("known",) * 3 + ("never",) * 3
    stored = {
        g: stored_scores(TEN)[s]["sum"]
        for g, s in (("normal", "one"), ("known", KNOWN), ("never", NEVER))
    }
    for i, (group, rule) in enumerate(zip(found.groups, found.rules, strict=True)):
        values, at = stored[group], int(found.indices[i])
        if rule == "typical":
            assert abs(values[at] - np.median(values)) == abs(values - np.median(values)).min()
        if rule == "worst":
            assert values[at] == (values.max() if group == "normal" else values.min())
        pair = ask(RebuiltQuery(ImageQuery(TEN, found.sets[i], at)))
        assert (found.images[i] == pair.image).all()
        assert (found.rebuilt[i] == pair.rebuilt).all()
    others = [ask(ExamplesQuery(TEN, seed)).indices[1::3].tolist() for seed in range(4)]
    assert len({tuple(o) for o in others}) > 1
    assert ask(ExamplesQuery(SAD)) is None


def test_answers_cannot_be_written_to(labels: Tiny) -> None:
    found, moved = ask(SpreadQuery(TEN)), ask(ChangedQuery(ZERO, TEN)).moved["found"]
    for array in (found.edges, found.shares["never"], moved.before, moved.pictures.images):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_a_model_that_is_not_trained_is_said(labels: Tiny) -> None:
    (labels.checkpoints / "tiny-one" / "esad.one-10.json").unlink()
    forget_everything()
    for query in (
        SpreadQuery(TEN),
        BoughtQuery(ZERO, TEN),
        ChangedQuery(ZERO, TEN),
        ExamplesQuery(TEN),
    ):
        with pytest.raises(OutskirtsError, match=r"core train tiny-one/esad\.one-10"):
            ask(query)
    with pytest.raises(OutskirtsError, match="has no part 'length'"):
        ask(SpreadQuery(ZERO, "length"))


# Curves -------------------------------------------------------------------------------------------


def study(
    *rows: tuple[str, str | None, float], published: tuple[Published, ...] = ()
) -> StudyResult:
    """A study of these cells: arm, variant and AUROC, each 0.01 to either side."""
    arms = dict.fromkeys([arm for arm, *_ in rows] + ["esad-20"])
    return StudyResult(
        schema=1,
        name="esad_labels",
        title="Labels",
        question="What do they buy?",
        text="",
        plan={},
        reference="esad-00",
        data={"FashionMNIST": "garments"},
        over="three classes",
        measures={"auroc": "AUROC"},
        arms=tuple(ArmResult(name=a, title=a, text="", trials=(), chosen={}) for a in arms),
        rows=tuple(
            Row(
                arm=arm, data="FashionMNIST", variant=v, measure="auroc",
                value=x, low=x - 0.01, high=x + 0.01,
            )
            for arm, v, x in rows
        ),
        run=Run(
            minutes=1, processor="", versions={}, choice="", interval="", training_images=None,
            test_images={},
        ),
        published=published,
    )  # fmt: skip


CELLS = (
    ("esad-00", None, 0.8),
    ("esad-00", "0", 0.7),
    ("esad-00", "1", 0.9),
    ("esad-00-norm", None, 0.1),  # another reading, no curve
    ("esad-10-polluted", None, 0.2),
    ("esad-10", None, 0.9),
    ("deep_sad-10", None, 0.85),
    ("deep_sad-10", "1", 0.75),
)


def curves() -> service.Gamma:
    return ask(GammaQuery("tiny-one.one", ("esad", "deep_sad")))


def test_curves_hold_the_cells_of_the_study_and_say_which_were_not_run(labels: Tiny) -> None:
    told = Published(arm="esad-05", data="FashionMNIST", value=0.95, std=0.04, source="They")
    elsewhere = Published(arm="esad-20", data="MNIST", value=0.99, std=0.01, source="They")
    write_study(study(*CELLS, published=(told, elsewhere)))
    found = curves()
    assert found.shares.tolist() == [0.0, 0.05, 0.1]
    by_name = {(c.detector, c.of): c for c in found.curves}
    assert set(by_name) == {
        ("esad", "mean"), ("esad", "class"), ("esad", "published"),
        ("deep_sad", "mean"), ("deep_sad", "class"),
    }  # fmt: skip
    mean = by_name["esad", "mean"]
    assert np.array_equal(mean.values, [0.8, np.nan, 0.9], equal_nan=True)
    assert mean.low[0] == pytest.approx(0.79)
    assert mean.spread[0] == pytest.approx(0.02**0.5)  # of 0.7 and 0.9, as the table has it
    assert by_name["esad", "class"].values[0] == 0.9  # "one" is class 1
    assert by_name["deep_sad", "class"].values[2] == 0.75
    published = by_name["esad", "published"]
    assert (published.low[1], published.high[1]) == pytest.approx((0.91, 0.99))
    assert found.not_run == {"esad": (0.05,), "deep_sad": (0.0, 0.05)}
    assert found.value("esad", "mean", 0.1) == 0.9
    assert math.isnan(found.value("esad", "mean", 0.05))
    assert math.isnan(found.value("deep_sad", "published", 0.1))
    assert (found.missing, found.over, found.source) == ("", "three classes", "They")


def test_without_a_study_there_are_no_curves_and_the_command_is_named(labels: Tiny) -> None:
    found = curves()
    assert found.curves == ()
    assert "`python -m core bench esad_labels` computes it" in found.missing
    write_study(study(*CELLS))
    assert curves().missing == ""  # a study that comes is seen
    path = labels.checkpoints / "studies" / "esad_labels.json"
    path.write_text(json.dumps({"schema": 1}))
    assert "is damaged" in curves().missing


def test_every_question_of_the_page_is_known_to_the_service() -> None:
    for query in (
        SpreadQuery, BoughtQuery, ScoreSplitQuery, ChangedQuery, FirstChangedQuery, RebuiltQuery,
        ExamplesQuery, GammaQuery,
    ):  # fmt: skip
        assert query in service.ANSWERED
