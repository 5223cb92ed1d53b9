"""What Mirror asks: an image and its mirror, its ray, R over whole sets; by hand where it can."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import tiny
import torch
from conftest import Tiny
from PIL import Image

from core import service
from core.answers import mirror as mirrors
from core.answers.distances import Distances, DistancesQuery, shares_between
from core.answers.images import ImageQuery
from core.answers.loaded import loaded, stored_scores
from core.answers.mirror import (
    DISTANCE,
    FACTORS,
    TWO_SIDED,
    FirstMirrorQuery,
    MirroredQuery,
    MirrorQuery,
    MirrorRayQuery,
)
from core.data.picture import ImageError, as_images, as_tensor
from core.errors import OutskirtsError
from core.service import Target, ask

AMA = Target("tiny", "ama")


def image(index: int = 3, set_name: str = "strokes") -> ImageQuery:
    return ImageQuery(AMA, set_name, index)


def stored(set_name: str, part: str = DISTANCE) -> np.ndarray:
    return stored_scores(AMA)[set_name][part]


# One image ----------------------------------------------------------------------------------------


def test_the_map_of_an_image_sums_to_its_distance(ama: Tiny) -> None:
    for index in range(4):
        view = ask(MirrorQuery(image(index)))
        assert view.map.shape == (28, 28)
        assert view.map.sum() == pytest.approx(view.parts[DISTANCE], rel=1e-4)


def test_the_numbers_of_an_image_are_those_that_are_stored_with_the_weights(ama: Tiny) -> None:
    view = ask(MirrorQuery(image(7)))
    assert len(view.parts) == 6
    for part, value in view.parts.items():
        assert value == pytest.approx(float(stored("strokes", part)[7]), rel=1e-4)
    assert view.id == "strokes#7"
    assert view.label == "1"  # of three classes in turn


def test_the_deviation_is_the_score_with_a_sign(ama: Tiny) -> None:
    for set_name in ("boxes", "strokes"):
        view = ask(MirrorQuery(image(0, set_name)))
        assert abs(view.deviation) == pytest.approx(view.parts[TWO_SIDED], rel=1e-3)
        assert (view.deviation > 0) == (view.parts[DISTANCE] > view.mean)
        assert view.flagged == (view.parts[view.score] > loaded(AMA)[1].score.threshold)


def test_the_mirror_is_what_the_detector_rebuilds(ama: Tiny) -> None:
    detector, _ = loaded(AMA)
    picture = tiny.strokes(tiny.TEST_IMAGES, seed=0)[5]
    with torch.inference_mode():
        rebuilt = as_images(detector.reconstruct(as_tensor(picture[None])))[0]
    pair = ask(MirroredQuery(image(5)))
    assert (pair.image == picture).all()
    assert (pair.mirror == rebuilt).all()
    assert (ask(MirrorQuery(image(5))).mirror == rebuilt).all()
    assert (rebuilt != picture).any()


def png(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 90)).save(stream, "PNG")
    return stream.getvalue()


def test_an_image_of_another_shape_is_fitted_and_that_is_said(ama: Tiny) -> None:
    own = ImageQuery(AMA, "mine.png", None)
    view = ask(MirrorQuery(own), png(90, 30))
    assert view.image.shape == view.mirror.shape == (28, 28, 1)
    assert view.notes
    assert len(ask(MirrorRayQuery(own), png(90, 30)).images) == len(FACTORS)


def test_what_is_no_image_is_refused(ama: Tiny) -> None:
    own = ImageQuery(AMA, "mine.png", None)
    for query in (MirrorQuery(own), MirroredQuery(own), MirrorRayQuery(own)):
        with pytest.raises(ImageError):
            ask(query, b"no image")
        with pytest.raises(ImageError):
            ask(query)
    with pytest.raises(OutskirtsError, match="0 to 95"):
        ask(MirrorQuery(image(10**8)))


def test_answers_cannot_be_written_to(ama: Tiny) -> None:
    view, walked = ask(MirrorQuery(image())), ask(MirrorRayQuery(image()))
    found = ask(DistancesQuery(AMA, "strokes"))
    for array in (view.map, view.mirror, walked.images, found.edges, found.shares["training"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_another_detector_has_no_mirror(tiny_scenario: Tiny) -> None:
    glow = ImageQuery(Target("tiny", "glow"), "strokes", 0)
    with pytest.raises(OutskirtsError, match="tiny/glow is no mirrored autoencoder"):
        ask(MirrorQuery(glow))


# Which opens --------------------------------------------------------------------------------------


def first(rule: str) -> tuple[str, int]:
    return ask(FirstMirrorQuery(AMA, "strokes", rule))


def test_the_image_that_opens_is_the_one_that_its_rule_names(ama: Tiny) -> None:
    r = stored("strokes")
    name, index = first("too-good")
    assert (name, r[index]) == ("strokes", r.min())
    name, index = first("typical")
    assert name == "strokes"
    assert abs(r[index] - np.median(r)) == abs(r - np.median(r)).min()
    name, index = first("worst-normal")
    assert (name, stored("boxes")[index]) == ("boxes", stored("boxes").max())
    with pytest.raises(OutskirtsError, match="no rule 'best'"):
        first("best")


def test_the_strange_image_mirrored_as_normal_is_the_least_strange_of_all_mirrors(
    ama: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "CANDIDATES", 10)
    worst = np.argsort(-stored("strokes"))[:10]
    detector, _ = loaded(AMA)
    with torch.inference_mode():
        rebuilt = [as_tensor(ask(MirroredQuery(image(int(i)))).mirror[None]) for i in worst]
        scores = [float(detector.score(x)[0]) for x in rebuilt]
    assert first("as-normal") == ("strokes", int(worst[int(np.argmin(scores))]))


# The ray ------------------------------------------------------------------------------------------


def test_a_ray_goes_from_the_origin_through_the_mirror(ama: Tiny) -> None:
    one, other = ask(MirrorRayQuery(image(1))), ask(MirrorRayQuery(image(2, "boxes")))
    assert (one.images[0] == other.images[0]).all()  # the origin is one for all
    assert (one.images[FACTORS.index(1.0)] == ask(MirroredQuery(image(1))).mirror).all()
    assert one.norm == pytest.approx(float(stored("strokes", "latent_norm")[1]), rel=1e-4)
    assert one.norms == pytest.approx(one.norm * np.array(FACTORS), rel=1e-4)


def test_each_picture_of_a_ray_is_scored_as_an_image_of_its_own(ama: Tiny) -> None:
    walked, (detector, card) = ask(MirrorRayQuery(image())), loaded(AMA)
    with torch.inference_mode():
        scores = detector.score(as_tensor(np.array(walked.images))).numpy()
    assert walked.scores == pytest.approx(scores, rel=1e-4)
    assert (walked.flagged == (scores > card.score.threshold)).all()


def test_a_ray_says_which_codes_training_knew(ama: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    detector, _ = loaded(AMA)
    walked = mirrors.mirror_ray(MirrorRayQuery(image()))
    assert (walked.inward, walked.outward) == ((0.0, 0.5), (2.0, float("inf")))
    assert walked.usual == (float(detector.norm_quantiles[1]), float(detector.norm_quantiles[99]))
    for kind, there in (("inward", (1, 0)), ("outward", (0, 1)), ("none", (0, 0))):
        config = dataclasses.replace(detector.config, atypical=kind)
        monkeypatch.setattr(detector, "config", config)
        walked = mirrors.mirror_ray(MirrorRayQuery(image()))
        assert (walked.inward is not None, walked.outward is not None) == there


# Whole sets ---------------------------------------------------------------------------------------


def found() -> Distances:
    return ask(DistancesQuery(AMA, "strokes"))


def test_a_histogram_of_quantiles_is_that_of_the_images() -> None:
    values = np.random.default_rng(0).gamma(4.0, size=20_000)
    edges = np.linspace(0, 20, 41)
    drawn = shares_between(np.quantile(values, np.linspace(0, 1, 101)), edges)
    counted = np.histogram(values, edges)[0] / len(values)
    assert drawn == pytest.approx(counted, abs=0.01)  # a bin holds up to 11 %
    assert drawn.sum() == pytest.approx(1)


def test_quantiles_that_are_all_one_number_fill_one_bin() -> None:
    shares = shares_between(np.full(101, 2.5), np.array([0.0, 1.0, 2.0, 3.0, 4.0]))
    assert shares.sum() == pytest.approx(1)
    assert shares.max() == pytest.approx(1)


def test_every_histogram_holds_all_images(ama: Tiny) -> None:
    one = found()
    for side in ("training", "normal", "strange"):
        assert one.shares[side].sum() == pytest.approx(1)
        assert (one.shares[side] >= 0).all()
    assert one.normal == "boxes"


def test_both_tails_hold_what_the_two_sided_score_flags(ama: Tiny) -> None:
    one = found()
    low, high = one.bounds
    for side, name in (("normal", "boxes"), ("strange", "strokes")):
        flagged = int((stored(name, TWO_SIDED) > one.limit).sum())
        assert one.lower[side].count + one.upper[side].count == flagged
        assert one.lower[side].count == int((stored(name) < low).sum())
        assert one.upper[side].count == int((stored(name) > high).sum())
    assert one.bounds == pytest.approx(
        (one.mean - one.limit * one.std, one.mean + one.limit * one.std)
    )


def test_what_the_second_side_gains_is_the_difference_of_both_figures(ama: Tiny) -> None:
    one, (_, card) = found(), loaded(AMA)
    two, r = (card.metrics["strokes"][part] for part in (TWO_SIDED, DISTANCE))
    assert one.gain == two.auroc - r.auroc
    assert one.gain_low <= one.gain <= one.gain_high
    assert one.better.count == int((stored("strokes") < np.median(stored("boxes"))).sum())


def test_every_question_of_the_page_is_known_to_the_service() -> None:
    for query in (MirrorQuery, MirroredQuery, FirstMirrorQuery, MirrorRayQuery, DistancesQuery):
        assert query in service.ANSWERED
