"""The page Outskirts and its answers: planes, draws and rays of a tiny trained model."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from conftest import Tiny, _settle, change, forget_everything
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import checkpoint, service
from core.answers import outskirts as answers
from core.answers.rays import KAPPAS
from core.data.picture import as_tensor
from core.detectors.outskirts import Outskirts
from core.errors import OutskirtsError
from core.evaluate.metrics import Metrics, bootstrap_auroc
from core.inference.scoring import parts_of
from core.service import (
    COLLAPSED,
    DrawsQuery,
    FieldQuery,
    PlaneQuery,
    RayQuery,
    RayScoresQuery,
    Recipe,
    Target,
)
from pages._outskirts import draws, files, plane, readings
from pages._outskirts.recipe import ORDERS
from pages._shared.theme import LIGHT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_apps")]

SIZES = {
    "hidden": 16,
    "code": 4,
    "regions": 2,
    "latent": 4,
    "fuse_hidden": 32,
    "classifier_hidden": 8,
}
CONFIG = {**SIZES, "exemplars": 100, "rho": 0.2, "tau": 1.5, "kappa": 1.3}
TRAINED = Recipe("neighbours", 0.2, 1.5, 1.3)
MODEL = Target("tiny", "outskirts")
CRITERIA = ("neighbours", "prior", "aggregate")


@pytest.fixture(scope="session")
def _outskirts_root(_trained_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny scenario with its flow, and an Outskirts model beside it, trained once."""
    from core.scenario import load_scenario
    from core.train import run

    root = tmp_path_factory.mktemp("outskirts")
    shutil.copytree(_trained_root / "checkpoints", root / "checkpoints")
    settings = {"minutes": 0.02, "batch_size": 32, "seed": 0, "config": CONFIG, **tiny.MAPS}
    with pytest.MonkeyPatch.context() as patch:
        found = _settle(patch, root)
        patch.setattr("core.train.streams.source_named", tiny.source_named)
        patch.setitem(bootstrap_auroc.__kwdefaults__, "draws", 20)
        change(found, lambda scenario: scenario["training"].update(outskirts=settings))
        scenario = load_scenario("tiny")
        run.train(scenario, "outskirts", training=scenario.training_of("outskirts"))
    forget_everything()
    return root


@pytest.fixture
def trained(
    _outskirts_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tiny]:
    """A copy, free to be damaged; pages know of no other scenario."""
    shutil.copytree(_outskirts_root / "checkpoints", tmp_path / "checkpoints")
    found = _settle(monkeypatch, tmp_path)
    yield found
    forget_everything()


@pytest.fixture
def detector(trained: Tiny) -> Outskirts:
    found, _ = checkpoint.load(trained.folder, "outskirts")
    assert isinstance(found, Outskirts)
    return found


def posteriors(detector: Outskirts) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        mean, spread = detector.posterior(detector.exemplar_codes)
    return mean.numpy(), spread.numpy()


# The plane --------------------------------------------------------------------------------------


def test_the_plane_is_that_of_the_first_two_principal_axes(detector: Outskirts) -> None:
    view = service.ask(PlaneQuery(MODEL))
    mean, _ = posteriors(detector)
    centred = mean - mean.mean(0)
    _, singular, rows = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    assert view.axes @ view.axes.T == pytest.approx(np.eye(2), abs=1e-6)
    assert np.abs((view.axes * rows[:2]).sum(1)) == pytest.approx(np.ones(2), abs=1e-4)
    assert view.share == pytest.approx(singular[:2] ** 2 / (singular**2).sum(), rel=1e-4)
    assert view.xy == pytest.approx(centred @ view.axes.T, abs=1e-5)
    assert view.xy.mean(0) == pytest.approx(np.zeros(2), abs=1e-5)
    assert view.trained == TRAINED
    assert view.kl == pytest.approx(detector.kl_per_dimension().numpy())


def test_kept_images_are_those_whose_codes_are_kept(detector: Outskirts) -> None:
    from core.data.picture import as_tensor

    images = service.ask(PlaneQuery(MODEL)).images
    with torch.no_grad():
        codes = detector.codes(as_tensor(images))
    assert codes.numpy() == pytest.approx(detector.exemplar_codes.numpy(), abs=0.02)  # 16 bits


def known(mean: list, spread: list, axes: list) -> Any:
    found = [np.array(values, np.float32) for values in (mean, spread, axes)]
    return answers.Known(None, None, *found, share=np.ones(2))  # type: ignore[arg-type]


def test_a_ring_has_the_spreads_of_a_posterior_along_its_axes() -> None:
    by_hand = known(
        [[2.0, 0.0, 5.0], [-2.0, 0.0, -5.0]],
        [[0.5, 3.0, 9.0], [1.0, 1.0, 1.0]],
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    )
    first, second = answers._outlines(by_hand, np.array([0, 1]))
    assert np.abs(first - [2.0, 0.0]).max(0) == pytest.approx([0.5, 3.0], rel=0.02)
    assert (((first - [2.0, 0.0]) / [0.5, 3.0]) ** 2).sum(1) == pytest.approx(np.ones(len(first)))
    assert ((second - [-2.0, 0.0]) ** 2).sum(1) == pytest.approx(np.ones(len(second)))


def test_a_ring_on_slanted_axes_is_the_shadow_of_the_posterior() -> None:
    slanted = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 2)))[0].T
    spread = np.array([[0.2, 1.0, 2.0, 0.1]])
    (ring,) = answers._outlines(known(np.zeros((1, 4)), spread, slanted), np.array([0]))
    covariance = slanted @ np.diag(spread[0] ** 2) @ slanted.T
    distances = (ring @ np.linalg.inv(covariance) * ring).sum(1)
    assert distances == pytest.approx(np.ones(len(ring)), abs=1e-4)


def test_the_field_is_what_the_classifiers_say_of_points_of_the_plane(detector: Outskirts) -> None:
    view, field = service.ask(PlaneQuery(MODEL)), service.ask(FieldQuery(MODEL))
    mean, _ = posteriors(detector)
    for row, column in ((0, 0), (28, 28), (40, 11)):
        z = mean.mean(0) + field.x[column] * view.axes[0] + field.y[row] * view.axes[1]
        with torch.no_grad():
            h = detector.decoder(torch.from_numpy(z[None].astype(np.float32)))
            logit = detector.parts_of_codes(h)["logit"]
        assert field.logit[row, column] == pytest.approx(float(logit), rel=1e-3, abs=1e-3)
    assert field.x[28] == pytest.approx(0, abs=1e-9)  # the centre is in the middle
    assert field.x[-1] >= 3 * np.abs(view.xy[:, 0]).max()  # and the farthest push within


def test_lines_of_the_field_run_where_it_crosses_zero() -> None:
    x = np.linspace(-2, 2, 41)
    spots = np.stack(np.meshgrid(x, x), -1)
    straight = answers._crossings(spots, spots[..., 0] - 0.33)
    assert straight[..., 0] == pytest.approx(np.full(straight.shape[:2], 0.33))
    assert np.abs(straight[:, 0, 1] - straight[:, 1, 1]).sum() == pytest.approx(4.0)
    circle = answers._crossings(spots, np.linalg.norm(spots, axis=-1) - 1.5)
    assert np.linalg.norm(circle, axis=-1) == pytest.approx(
        np.full(circle.shape[:2], 1.5), abs=2e-3
    )
    length = np.linalg.norm(circle[:, 0] - circle[:, 1], axis=1).sum()
    assert length == pytest.approx(2 * np.pi * 1.5, rel=1e-3)
    assert len(answers._crossings(spots, np.ones((41, 41)))) == 0


# Draws ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("rho", [0.01, 0.2, 1.0])
def test_draws_are_the_detectors_own_by_seed_and_recipe(
    detector: Outskirts, criterion: Any, rho: float
) -> None:
    recipe = Recipe(criterion, rho, 0.7, 1.9)
    found = service.ask(DrawsQuery(MODEL, recipe, 30, seed=5))
    assert found.generators.tolist() == detector.generators(rho, criterion).tolist()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        made = detector.synthesise(30, generator, rho=rho, tau=0.7, kappa=1.9, criterion=criterion)
        logit = detector.parts_of_codes(made.codes)["logit"].numpy()
    assert found.parents.tolist() == made.parents.tolist()
    assert set(found.parents) <= set(found.generators)
    assert found.codes == pytest.approx(made.codes.numpy(), abs=1e-5)
    assert found.latent == pytest.approx(made.latent.numpy(), abs=1e-5)
    assert found.logit == pytest.approx(logit, rel=1e-4, abs=1e-4)
    mean, _ = posteriors(detector)
    axes = service.ask(PlaneQuery(MODEL)).axes
    assert found.xy == pytest.approx((found.latent - mean.mean(0)) @ axes.T, abs=1e-4)
    assert (
        np.abs(found.images / 255.0 - made.images.permute(0, 2, 3, 1).numpy()).max() <= 0.51 / 255
    )


def test_the_nearest_real_image_is_that_of_the_nearest_code(detector: Outskirts) -> None:
    found = service.ask(DrawsQuery(MODEL, TRAINED, 40))
    kept = detector.exemplar_codes.numpy()
    for i, code in enumerate(found.codes):
        apart = np.linalg.norm(kept - code, axis=1)
        assert apart[found.nearest[i]] == pytest.approx(apart.min(), rel=1e-4)
        assert found.distances[i] == pytest.approx(apart.min(), rel=1e-3)
    assert len(set(found.nearest.tolist())) > 1


def test_percentiles_are_among_held_out_normal_images(trained: Tiny) -> None:
    found = service.ask(DrawsQuery(MODEL, TRAINED, 40))
    stored = checkpoint.read_card(trained.folder, "outskirts").quantiles("logit")
    for logit, percentile in zip(found.logit, found.percentiles, strict=True):
        assert (stored < logit).mean() * 100 == pytest.approx(percentile, abs=0.2)


def test_at_every_extreme_something_finite_is_drawn(trained: Tiny) -> None:
    corners = itertools.product((0.001, 0.01, 1.0), (0.0, 4.0), (0.0, 3.0), CRITERIA)
    for rho, tau, kappa, criterion in corners:
        found = service.ask(DrawsQuery(MODEL, Recipe(criterion, rho, tau, kappa), 5))
        assert len(found.generators) == max(1, round(rho * 100))
        for values in (found.codes, found.latent, found.xy, found.logit, found.outlines):
            assert np.isfinite(values).all()
        assert ((found.percentiles >= 0) & (found.percentiles <= 100)).all()


def test_many_generators_are_shown_by_a_sample_of_their_rings(trained: Tiny) -> None:
    few = service.ask(DrawsQuery(MODEL, TRAINED, 5))
    assert few.outlined.tolist() == few.generators.tolist()
    all_of_them = service.ask(DrawsQuery(MODEL, replace(TRAINED, rho=1.0), 5))
    assert len(set(all_of_them.outlined)) == 60
    assert set(all_of_them.outlined) <= set(all_of_them.generators)
    assert all_of_them.outlined[0] == all_of_them.generators[0]


def test_what_nobody_can_draw_is_said_in_words(trained: Tiny) -> None:
    for recipe, words in (
        (replace(TRAINED, rho=0.0), "rho is a fraction"),
        (replace(TRAINED, criterion="luck"), "criterion is prior"),
    ):
        with pytest.raises(OutskirtsError, match=words):
            service.ask(DrawsQuery(MODEL, recipe, 5))
    with pytest.raises(OutskirtsError, match="one synthetic outlier or more"):
        service.ask(DrawsQuery(MODEL, TRAINED, 0))
    with pytest.raises(OutskirtsError, match="tiny/glow keeps no posteriors"):
        service.ask(PlaneQuery(Target("tiny", "glow")))


# Rays -------------------------------------------------------------------------------------------


def test_a_ray_goes_from_the_centre_through_the_posterior(detector: Outskirts) -> None:
    mean, _ = posteriors(detector)
    for criterion, rank in (("neighbours", 1), ("prior", 3), ("aggregate", 100)):
        found = service.ask(RayQuery(MODEL, criterion, rank))
        order = detector.outlyingness(criterion).argsort(descending=True)  # type: ignore[arg-type]
        assert found.index == order[rank - 1]
        here = {float(k): i for i, k in enumerate(found.kappas)}
        for kappa, z in (
            (0.0, mean.mean(0)),
            (1.0, mean[found.index]),
            (3.0, 3 * mean[found.index] - 2 * mean.mean(0)),
        ):
            with torch.no_grad():
                h = detector.decoder(torch.from_numpy(z[None]))
                picture = 255 * detector.pictures(h)[0].permute(1, 2, 0).numpy()
                logit = float(detector.parts_of_codes(h, without=found.index)["logit"])
            assert np.abs(found.images[here[kappa]] - picture).max() <= 0.51
            assert found.logit[here[kappa]] == pytest.approx(logit, rel=1e-3, abs=1e-3)
        assert np.array_equal(found.real, service.ask(PlaneQuery(MODEL)).images[found.index])
    assert sorted(here) == list(KAPPAS)


def test_ranks_that_are_not_there_are_refused(trained: Tiny) -> None:
    for rank in (0, 101):
        with pytest.raises(OutskirtsError, match="ranks go from 1 to 100"):
            service.ask(RayQuery(MODEL, "prior", rank))


def test_every_model_scores_the_very_images_of_the_ray(trained: Tiny) -> None:
    query = RayQuery(MODEL, "prior", 2)
    walked = service.ask(query)
    found = service.ask(RayScoresQuery(query, ("glow", "outskirts")))
    for model in ("glow", "outskirts"):
        other, card = checkpoint.load(trained.folder, model)
        images = np.concatenate([walked.images, walked.real[None]])
        raw = parts_of(other, images)[card.score.part]
        if isinstance(other, Outskirts):  # it knows the training image, and looks past it
            codes = other.codes(as_tensor(images))
            past = other.parts_of_codes(codes, without=walked.index)["logit"].numpy()
            assert past[-1] > raw[-1]
            raw = past
        shown = other.to_display(card.score.part, raw)
        assert found.scores[model] == pytest.approx(shown[:-1])
        assert found.real_scores[model] == pytest.approx(shown[-1])
        stored = card.quantiles(card.score.part)
        rank = (stored < raw[-1]).mean() * 100
        assert found.real_percentiles[model] == pytest.approx(rank, abs=0.2)
        assert found.percentiles[model].shape == walked.kappas.shape


def test_a_damaged_model_does_not_silence_the_others(trained: Tiny) -> None:
    (trained.folder / "glow.safetensors").write_bytes(b"nothing")
    found = service.ask(RayScoresQuery(RayQuery(MODEL, "prior", 1), ("glow", "outskirts")))
    assert list(found.scores) == ["outskirts"]
    assert "not those of their card" in found.failed["glow"]


def test_a_damaged_map_of_a_model_that_keeps_no_codes_takes_nothing_from_a_walk(
    trained: Tiny,
) -> None:
    (trained.folder / "glow.atlas.npz").write_bytes(b"no arrays")
    found = service.ask(RayScoresQuery(RayQuery(MODEL, "prior", 1), ("glow", "outskirts")))
    assert list(found.scores) == ["glow", "outskirts"]
    assert not found.failed


def test_a_walk_is_asked_anew_when_another_model_of_it_was_trained_anew(
    trained: Tiny,
) -> None:
    query = RayScoresQuery(RayQuery(MODEL, "prior", 1), ("glow", "outskirts"))
    first = service.ask(query)
    assert service.ask(query) is first
    os.utime(trained.folder / "glow.safetensors", (1, 1))
    assert service.ask(query) is not first


# The page ---------------------------------------------------------------------------------------


def opened(**state: object) -> AppTest:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    for key, value in state.items():
        app.session_state[key] = value
    app = app.switch_page("outskirts.py").run()
    assert not app.exception
    return app


def figure(app: AppTest, key: str) -> SimpleNamespace:
    """The Plotly figure of that key, its arrays as numpy's."""
    spec = next(json.loads(c.proto.spec) for c in app.get("plotly_chart") if key in c.proto.id)
    return SimpleNamespace(data=[as_arrays(trace) for trace in spec["data"]], layout=spec["layout"])


def as_arrays(trace: dict) -> dict:
    def one(value: Any) -> Any:
        if isinstance(value, dict) and "bdata" in value:
            return np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        return np.array(value) if isinstance(value, list) else value

    return {name: one(value) for name, value in trace.items()}


def marks(app: AppTest, hover: str) -> dict:
    """The dots of the plane whose tooltip begins so."""
    traces = figure(app, "outskirts_plane").data
    return next(t for t in traces if t.get("hovertemplate", "").startswith(hover))


def pixels_of(picture: Any) -> np.ndarray:
    """A picture (H, W, 4) that a figure holds."""
    data = base64.b64decode(picture["source"].partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)))


def crowd(app: AppTest) -> tuple[np.ndarray, Any]:
    """How dense the grey dots' picture is (H, W), and the pixel of a point of the plane."""
    picture = figure(app, "outskirts_plane").layout["images"][1]  # above the tint
    alpha = pixels_of(picture)[..., 3]

    def place(xy: np.ndarray) -> tuple[int, int]:
        across = (xy[0] - picture["x"]) / picture["sizex"] * alpha.shape[1]
        down = (picture["y"] - xy[1]) / picture["sizey"] * alpha.shape[0]
        return int(down), int(across)

    return alpha, place


def captions(app: AppTest) -> str:
    return "\n".join(c.value for c in app.caption)


def text(app: AppTest) -> str:
    return "\n".join(m.value for m in app.markdown)


def test_the_page_opens_on_the_trained_recipe_and_highlights_its_generators(
    detector: Outskirts,
) -> None:
    app = opened()
    assert not app.error
    assert not app.warning
    assert "values that the classifiers were trained at" in captions(app)
    found = service.ask(DrawsQuery(MODEL, TRAINED, 200))
    view = service.ask(PlaneQuery(MODEL))
    generators = marks(app, "generator")
    assert generators["customdata"].tolist() == detector.generators().tolist()
    assert generators["x"] == pytest.approx(view.xy[detector.generators().numpy(), 0])
    others = np.setdiff1d(np.arange(100), generators["customdata"])
    alpha, place = crowd(app)
    dots = np.array([place(view.xy[i]) for i in others])
    assert (alpha[tuple(dots.T)] > 0).all()
    alone = [at for at in map(place, view.xy[generators["customdata"]])
             if np.abs(dots - at).max(1).min() > 5]  # fmt: skip
    assert alone  # no other's dot covers them
    assert not any(alpha[at] for at in alone)
    assert marks(app, "synthetic")["y"] == pytest.approx(found.xy[:, 1])
    flagged = (found.logit > view.threshold).sum()
    assert f"20 of 100 exemplar posteriors generate. The classifiers flag {flagged} of 200" in text(
        app
    )


def test_more_generators_than_one_can_point_at_are_a_picture(
    trained: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plane, "FEW", 15)
    view, made = service.ask(PlaneQuery(MODEL)), service.ask(DrawsQuery(MODEL, TRAINED, 5))
    drawn = plane.plane(view, made, None, title="", height=500)
    (picture,) = drawn.layout.images  # of two at one place Plotly would draw one
    pixels = pixels_of(picture)
    grey, green = (tuple(bytes.fromhex(c[1:])) for c in (LIGHT.neutral, LIGHT.categories[2]))
    assert {grey, green} == {tuple(p[:3]) for p in pixels[pixels[..., 3] > 0]}
    _, rings, points, _ = drawn.data
    assert len(rings.x) > 0
    assert np.isnan(points.x).all()  # there for the legend alone
    monkeypatch.setattr(plane, "FEW", 20)
    drawn = plane.plane(view, made, None, title="", height=500)
    pixels = pixels_of(drawn.layout.images[0])
    assert {grey} == {tuple(p[:3]) for p in pixels[pixels[..., 3] > 0]}
    assert len(drawn.data[2].x) == 20


def test_marks_of_the_plane_differ_in_more_than_colour_and_stand_in_its_legend(
    trained: Tiny,
) -> None:
    view, made = service.ask(PlaneQuery(MODEL)), service.ask(DrawsQuery(MODEL, TRAINED, 5))
    drawn = plane.plane(view, made, service.ask(FieldQuery(MODEL)), title="Outliers", height=500)
    looks = [
        (t.mode, t.marker.symbol, t.marker.size, t.line.width, t.line.dash) for t in drawn.data
    ]
    assert len(set(looks)) == len(looks)
    assert all(trace.showlegend is not False and trace.name for trace in drawn.data)
    names = [trace.name for trace in drawn.data]
    assert names == [
        "training image",
        "posterior",
        "generator",
        "synthetic",
        "threshold",
        "logit 0",
    ]
    assert drawn.layout.title.text == "Outliers"


def test_the_seed_of_the_sidebar_draws(trained: Tiny) -> None:
    first = marks(opened(), "synthetic")["x"]
    other = marks(opened(seed=1), "synthetic")["x"]
    assert not np.array_equal(first, other)
    assert other == pytest.approx(service.ask(DrawsQuery(MODEL, TRAINED, 200, 1)).xy[:, 0])


@pytest.mark.parametrize(
    ("name", "value"),
    [("criterion", "prior"), ("rho", 1.0), ("tau", 0.0), ("kappa", 3.0), ("kappa", 0.0)],
)
def test_away_from_the_trained_values_a_warning_names_them_and_leads_back(
    trained: Tiny, name: str, value: object
) -> None:
    app = opened(**{f"outskirts_{name}": value})
    (warning,) = app.warning
    assert "trained at “far from its neighbours”, ρ 0.2, τ 1.5, κ 1.3" in warning.value.replace(
        "\u00a0", " "
    )
    recipe = replace(TRAINED, **{name: value})
    found = service.ask(DrawsQuery(MODEL, recipe, 200))
    assert marks(app, "synthetic")["x"] == pytest.approx(found.xy[:, 0])
    assert marks(app, "generator")["customdata"].tolist() == found.generators.tolist()
    app.button("outskirts_back").click().run()
    assert not app.warning
    assert app.slider("outskirts_kappa").value == 1.3
    assert app.session_state["outskirts_criterion"] == "neighbours"


START = [
    {"page": "outskirts", "title": title, "model": "outskirts", "state": state}
    for title, state in (
        ("Push hard", {"kappa": 2.0}),
        ("Everybody generates", {"rho": 1.0}),
        ("Far from the prior", {"criterion": "prior"}),
    )
]


def press(app: AppTest, label: str) -> None:
    next(b for b in app.button if b.label == label).click().run()


def test_each_try_this_sets_what_it_promises_and_nothing_else(trained: Tiny) -> None:
    change(trained, lambda scenario: scenario.update(start=START))
    app = opened(outskirts_tau=3.0)
    for label, changed in (
        ("Push hard", {"kappa": 2.0}),
        ("Everybody generates", {"rho": 1.0}),
        ("Far from the prior", {"criterion": "prior"}),
    ):
        press(app, label)
        assert not app.exception
        now = Recipe(
            app.session_state["outskirts_criterion"],
            *(app.slider(f"outskirts_{name}").value for name in ("rho", "tau", "kappa")),
        )
        assert now == replace(TRAINED, **changed)
        assert len(app.warning) == 1


def test_the_gallery_shows_logits_in_the_chosen_order(trained: Tiny) -> None:
    found = service.ask(DrawsQuery(MODEL, TRAINED, 200))
    for order, rows in (
        ("drawn", np.arange(12)),
        ("normal", np.argsort(found.logit, kind="stable")[:12]),
        ("strange", np.argsort(-found.logit, kind="stable")[:12]),
    ):
        app = opened(outskirts_order=order)
        labels = [app.button(f"outskirts_follow_{i}").label for i in range(12)]
        assert labels == [
            f"No. {r}: {found.logit[r]:+.1f}, percentile {found.percentiles[r]:.1f}" for r in rows
        ]


def test_a_draw_is_shown_beside_its_parent_and_the_nearest_real_image(trained: Tiny) -> None:
    app = opened(outskirts_order="strange")
    made = service.ask(DrawsQuery(MODEL, TRAINED, 200))
    images = service.ask(PlaneQuery(MODEL)).images
    best = made.logit.argmax()
    expected = [made.images[best], images[made.parents[best]], images[made.nearest[best]]]
    triples = [h.proto.body for h in app.get("html") if ">synthetic<" in h.proto.body]
    assert len(triples) == 12
    found = re.findall(r'base64,([^"]+)" alt="([^"]+)"', triples[0])
    for (source, alt), picture in zip(found, expected, strict=True):
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(source))))
        assert np.array_equal(shown, picture[..., 0]), alt
    assert str(made.parents[best]) in found[1][1]
    assert str(made.nearest[best]) in found[2][1]


def test_following_a_draw_walks_through_its_parent(trained: Tiny) -> None:
    app = opened()
    found = service.ask(DrawsQuery(MODEL, TRAINED, 200))
    app.button("outskirts_follow_4").click().run()
    rank = app.number_input("outskirts_rank").value
    assert service.ask(RayQuery(MODEL, "neighbours", rank)).index == found.parents[4]


def test_the_walk_draws_the_chosen_detectors_and_the_training_image(trained: Tiny) -> None:
    app = opened(outskirts_models=["glow"])
    query = RayScoresQuery(RayQuery(MODEL, "neighbours", 1), ("glow", "outskirts"))
    walked, found = service.ask(query.ray), service.ask(query)
    thin, own, glow, star = figure(app, "outskirts_ray").data
    assert thin["y"] == pytest.approx(found.percentiles["outskirts"])  # not chosen
    assert own["y"] == pytest.approx(walked.percentiles)
    assert glow["y"] == pytest.approx(found.percentiles["glow"])
    assert star["y"] == pytest.approx([found.real_percentiles["glow"]])
    both = figure(opened(), "outskirts_ray").data
    assert len(both) == 5


def test_another_criterion_walks_through_its_own_outermost(trained: Tiny) -> None:
    app = opened()
    app.session_state["outskirts_criterion"] = "prior"
    app.run()
    expected = service.ask(RayQuery(MODEL, "prior", 1)).percentiles
    assert figure(app, "outskirts_ray").data[0]["y"] == pytest.approx(expected)


def test_collapsed_dimensions_are_counted(trained: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    kl = np.array([0.5, 0.001, 2.0, COLLAPSED / 2, COLLAPSED, 0.3])
    changed = replace(service.ask(PlaneQuery(MODEL)), kl=kl, noise=True)
    forget_everything()
    monkeypatch.setitem(service.ANSWERED, PlaneQuery, lambda query: changed)
    app = opened()
    assert "2 of 6 latent dimensions have collapsed" in text(app)
    used, collapsed = figure(app, "outskirts_kl").data
    assert (used["x"].tolist(), used["y"].tolist()) == (["3", "1", "6", "5"], [2.0, 0.5, 0.3, 0.01])
    assert collapsed["x"].tolist() == ["4", "2"]
    assert "A control" in app.info[0].value  # a model of noise has no parents


def test_what_is_taken_away_is_what_is_shown(trained: Tiny) -> None:
    recipe = replace(TRAINED, kappa=2.0)
    app = opened(outskirts_kappa=2.0, seed=3)
    with np.load(io.BytesIO(files.draws_npz(DrawsQuery(MODEL, recipe, 200, 3)))) as file:
        taken = {name: file[name] for name in file.files}
    shown = marks(app, "synthetic")
    assert taken["logit"] == pytest.approx(shown["customdata"])
    assert taken["images"].shape == (200, 28, 28, 1)
    assert taken["images"].dtype == np.uint8
    view = service.ask(PlaneQuery(MODEL))
    assert np.array_equal(taken["parent_images"], view.images[taken["parents"]])
    assert np.array_equal(taken["nearest_images"], view.images[taken["nearest"]])
    card = checkpoint.read_card(trained.folder, "outskirts")
    assert taken["weights_sha256"] == card.weights.sha256
    said = [str(taken[name]) for name in ("model", "criterion", "rho", "tau", "kappa", "seed")]
    assert said == ["tiny/outskirts", "neighbours", "0.2", "1.5", "2.0", "3"]


def test_the_table_of_a_walk_holds_every_detector(trained: Tiny) -> None:
    query = RayScoresQuery(RayQuery(MODEL, "neighbours", 1), ("glow", "outskirts"))
    rows = list(csv.DictReader(io.StringIO(files.ray_csv(query).decode())))
    assert [row["kappa"] for row in rows] == [*(f"{k:g}" for k in KAPPAS), ""]
    found = service.ask(query)
    for model in ("glow", "outskirts"):
        column = [float(row[f"{model} percentile"]) for row in rows]
        assert column == pytest.approx([*found.percentiles[model], found.real_percentiles[model]])
    own = figure(opened(), "outskirts_ray").data[0]["y"]
    code = [float(row["code under outskirts percentile"]) for row in rows[:-1]]
    assert code == pytest.approx(own.tolist())


def test_an_untrained_model_says_the_command_that_trains_it(trained: Tiny) -> None:
    for file in trained.folder.glob("outskirts.*"):
        file.unlink()
    forget_everything()
    app = opened()
    (info,) = app.info
    assert "train it with `python -m core train tiny/outskirts`" in info.value
    assert not app.get("plotly_chart")


def test_a_scenario_without_such_a_model_says_where_there_is_one(tiny_scenario: Tiny) -> None:
    app = opened()
    assert app.info[0].value.startswith("Boxes: none of its models makes outliers")


def test_a_scenario_without_such_a_model_leads_to_one_that_has_it(trained: Tiny) -> None:
    other = trained.folder.with_name("bare")
    shutil.copytree(trained.folder, other)
    for file in other.glob("outskirts.*"):
        file.unlink()
    scenario = json.loads((other / "scenario.json").read_text())
    scenario |= {"name": "bare", "title": "Bare", "training": {}}
    (other / "scenario.json").write_text(json.dumps(scenario))
    forget_everything()
    app = opened(scenario="bare")
    assert app.info[0].value.startswith("Bare: none of its models makes outliers")
    press(app, "Open Boxes")
    assert not app.exception
    assert app.session_state["scenario"] == "tiny"
    assert marks(app, "synthetic")["x"].size == 200


def test_a_checkpoint_without_its_training_images_asks_to_be_trained_again(trained: Tiny) -> None:
    path = trained.folder / "outskirts.atlas.npz"
    with np.load(path) as stored:
        rest = {name: stored[name] for name in stored.files if name != "exemplars"}
    np.savez(path, **rest)
    app = opened()
    assert "keeps 100 posteriors and 0 of their images: train it again" in app.error[0].value


# Two models -------------------------------------------------------------------------------------

PLAIN = Target("tiny", "outskirts", "plain")
WITH_TITLE, PLAIN_TITLE = "Outskirts with density", "Outskirts, the paper's reading"


@pytest.fixture(scope="session")
def _two_root(_outskirts_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with a model beside it whose classifiers know synthetic outliers alone."""
    from core.scenario import load_scenario
    from core.train import run

    root = tmp_path_factory.mktemp("two")
    shutil.copytree(_outskirts_root / "checkpoints", root / "checkpoints")
    config = {**CONFIG, "density": False, "starts_from": "outskirts"}
    settings = {"minutes": 0.02, "batch_size": 32, "seed": 0, "config": config, **tiny.MAPS}

    def both(scenario: dict[str, Any]) -> None:
        scenario["training"]["outskirts"]["title"] = WITH_TITLE
        scenario["training"]["outskirts.plain"] = {**settings, "title": PLAIN_TITLE}

    with pytest.MonkeyPatch.context() as patch:
        found = _settle(patch, root)
        patch.setattr("core.train.streams.source_named", tiny.source_named)
        patch.setitem(bootstrap_auroc.__kwdefaults__, "draws", 20)
        change(found, both)
        scenario = load_scenario("tiny")
        run.train(scenario, "outskirts.plain", training=scenario.training_of("outskirts.plain"))
    forget_everything()
    return root


@pytest.fixture
def two(_two_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    shutil.copytree(_two_root / "checkpoints", tmp_path / "checkpoints")
    found = _settle(monkeypatch, tmp_path)
    yield found
    forget_everything()


@pytest.mark.parametrize(
    ("stem", "title", "said"),
    [
        ("outskirts", WITH_TITLE, "how near the codes of known normal images lie"),
        ("outskirts.plain", PLAIN_TITLE, "these draws taught the classifiers, and nothing else"),
    ],
)
def test_either_model_can_be_chosen_and_is_called_what_it_is(
    two: Tiny, stem: str, title: str, said: str
) -> None:
    app = opened(outskirts_model=stem)
    assert app.selectbox("outskirts_model").options == [WITH_TITLE, PLAIN_TITLE]
    assert f"**{title}**: its logits" in text(app)
    assert said in text(app)
    target = Target.of("tiny", stem)
    found = service.ask(DrawsQuery(target, TRAINED, 200))
    assert marks(app, "synthetic")["customdata"] == pytest.approx(found.logit, abs=1e-3)
    lines = {trace["name"] for trace in figure(app, "outskirts_ray").data}
    assert {f"{title}, of the code itself", WITH_TITLE, PLAIN_TITLE} <= lines


def test_the_scores_of_both_models_stand_side_by_side(two: Tiny) -> None:
    app = opened()
    table = app.table[0].value
    assert list(table.columns) == ["", WITH_TITLE, PLAIN_TITLE]
    for stem, title in (("outskirts", WITH_TITLE), ("outskirts.plain", PLAIN_TITLE)):
        metrics = checkpoint.read_card(two.folder, stem).metrics
        for cell, figures in zip(table[title], metrics.values(), strict=True):
            assert f"{figures['logit'].auroc:.3f}" in cell
            assert ("▼" in cell) == (figures["logit"].high < 0.5)


def test_one_model_needs_no_table_of_models(trained: Tiny) -> None:
    assert "side by side" not in [s.value for s in opened().subheader]


def test_every_density_that_holds_the_training_image_looks_past_it(two: Tiny) -> None:
    query = RayQuery(PLAIN, "prior", 2)
    walked = service.ask(query)
    found = service.ask(RayScoresQuery(query, ("glow", "outskirts", "outskirts.plain")))
    assert found.past == ("outskirts",)
    other, _ = checkpoint.load(two.folder, "outskirts")
    assert isinstance(other, Outskirts)
    kept = service.ask(PlaneQuery(MODEL)).images
    place = int(np.flatnonzero((kept == walked.real).all((1, 2)))[0])
    codes = other.codes(as_tensor(walked.real[None]))
    past, knowing = (float(other.parts_of_codes(codes, without=w)["logit"]) for w in (place, None))
    assert past > knowing
    assert found.real_scores["outskirts"] == pytest.approx(past, rel=1e-4)
    plain, _ = checkpoint.load(two.folder, "outskirts.plain")
    raw = parts_of(plain, walked.real[None])["logit"]
    assert found.real_scores["outskirts.plain"] == pytest.approx(float(raw[0]), rel=1e-4)
    captions = " ".join(c.value for c in opened(outskirts_model="outskirts.plain").caption)
    assert f"“{WITH_TITLE}” knows the training image: it is asked as if it did not" in captions


def test_a_model_that_is_not_trained_yet_is_named_and_the_other_is_shown(two: Tiny) -> None:
    for file in two.folder.glob("outskirts.plain.*"):
        file.unlink()
    forget_everything()
    app = opened()
    assert any("python -m core train tiny/outskirts.plain" in c.value for c in app.caption)
    assert app.session_state["outskirts_model"] == "outskirts"
    assert marks(app, "synthetic")["x"].size == 200


def row_of(title: str, **aurocs: tuple[float, float, float]) -> Any:
    metrics = {
        name: {"logit": Metrics(auroc, low, high, 0.5, 0.5, 9, 9)}
        for name, (low, auroc, high) in aurocs.items()
    }
    score = SimpleNamespace(part="logit")
    return SimpleNamespace(title=title, card=SimpleNamespace(metrics=metrics, score=score))


def test_a_model_is_ahead_only_beyond_both_intervals() -> None:
    rows = [
        row_of("One", a=(0.8, 0.9, 0.95), b=(0.4, 0.5, 0.6), c=(0.7, 0.8, 0.9)),
        row_of("Other", a=(0.5, 0.6, 0.7), b=(0.8, 0.9, 0.95), c=(0.75, 0.85, 0.9)),
    ]
    said = readings.verdict(rows, {"a": "A", "b": "B", "c": "C"})
    assert said == "One is ahead on a; Other is ahead on b; the intervals overlap on c."
    assert readings.verdict(rows, {"c": "C"}) == "The intervals overlap on c."


def test_a_damaged_map_of_a_density_takes_that_model_alone_from_a_walk(two: Tiny) -> None:
    (two.folder / "outskirts.atlas.npz").write_bytes(b"no arrays")
    query = RayScoresQuery(RayQuery(PLAIN, "prior", 2), ("glow", "outskirts", "outskirts.plain"))
    found = service.ask(query)
    assert list(found.scores) == ["glow", "outskirts.plain"]
    assert "outskirts.atlas.npz" in found.failed["outskirts"]


# Words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("median", "words"),
    [
        (0.0, "stand below percentile 0.1 of held-out normal images"),
        (3.42, "stand below percentile 3.5 of held-out normal images"),
        (50.0, "stand above percentile 50.0 of held-out normal images"),
        (99.87, "stand above percentile 99.8 of held-out normal images"),
        (100.0, "lie beyond all held-out normal images"),
    ],
)
def test_where_half_of_the_draws_stand_says_something_everywhere(median: float, words: str) -> None:
    assert draws.halfway(median) == words


def test_every_recipe_has_a_reason(trained: Tiny) -> None:
    reasons = {
        draws.why(replace(TRAINED, **change))
        for change in ({}, {"kappa": 0.0}, {"kappa": 2.0}, {"tau": 3.0}, {"rho": 1.0})
    }
    assert len(reasons) == 4  # a wide spread is as far out as a hard push


def test_models_that_are_away_for_a_while_stay_among_the_detectors_drawn(
    two: Tiny, tmp_path: Path
) -> None:
    app = opened(outskirts_models=["glow", "outskirts.plain"])
    away = tmp_path / "away"
    away.mkdir()
    for file in (*two.folder.glob("glow.*"), *two.folder.glob("outskirts.plain.*")):
        file.rename(away / file.name)
    forget_everything()
    app.run()
    assert not app.exception
    assert app.multiselect("outskirts_models").value == ["outskirts"]
    for file in away.iterdir():
        file.rename(two.folder / file.name)
    forget_everything()
    app.run()
    assert app.multiselect("outskirts_models").value == ["glow", "outskirts.plain"]


def test_older_links_name_the_order_by_its_label(trained: Tiny) -> None:
    app = AppTest.from_file("../../pages/_frame.py", default_timeout=60)
    app.query_params["outskirts_order"] = "least like normal"
    app = app.switch_page("outskirts.py").run()
    assert app.session_state["outskirts_order"] == "strange"
    assert set(ORDERS) == {"drawn", "normal", "strange"}
