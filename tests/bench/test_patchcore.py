"""Peers learn from the same pictures through the same weights, and are asked by name alone."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.bench import _among_all, benchmarks, patchcore
from core.errors import OutskirtsError
from core.evaluate.metrics import auroc
from core.nn.backbone import Backbone
from core.scenario import load_scenario

PEERS = {"patchcore", "patchcore-solar", "patchcore-speed"}


def test_without_anomalib_one_line_says_which_requirements_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for benchmark in patchcore.BENCHMARKS.values():
        with pytest.raises(OutskirtsError) as caught:
            benchmark(lambda words: None)
        words = "bench patchcore needs anomalib: pip install -r requirements-bench.txt"
        assert str(caught.value) == words


def test_what_takes_an_hour_runs_by_name_alone() -> None:
    names = {name for subject in benchmarks().values() for name in subject}
    assert names >= PEERS
    assert set(_among_all()) == names - PEERS - {"crowd", "scale"}


def test_nearest_images_by_hand() -> None:
    """At length 1: (1, 0), (0, 1), (-1, 0); the image (0.6, 0.8) is .632, .894 and 1.789 away."""
    nearest = patchcore.Nearest(torch.tensor([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]]), 2)
    scores = nearest(torch.tensor([[3.0, 4.0], [5.0, 0.0]]))
    wanted = torch.tensor([(0.4**0.5 + 0.8**0.5) / 2, 2**0.5 / 2])
    torch.testing.assert_close(scores, wanted, atol=1e-3, rtol=0)  # cdist rounds 0 to 5e-4


def test_all_see_the_picture_at_the_side_of_ours() -> None:
    x = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    given = patchcore._input(x, 16)
    assert given.shape == (1, 3, 16, 16)
    halved = torch.nn.functional.interpolate(x, (16, 16), mode="bilinear", antialias=True)
    torch.testing.assert_close(given[:, 2:], (255 * halved - 127) / 128)


def test_distances_to_the_centres_by_hand() -> None:
    """Rows 0, 3 and 10 of a line; the centres 0 and then 10: they are 0, 3 and 0 away."""
    rows = torch.tensor([[0.0, 0.0], [3.0, 0.0], [10.0, 0.0]])
    greedy = SimpleNamespace(features=rows, min_distances=None)
    for centre, wanted in ((0, [0.0, 3.0, 10.0]), (2, [0.0, 3.0, 0.0])):
        patchcore.update_distances(greedy, torch.tensor([centre]))
        torch.testing.assert_close(greedy.min_distances, torch.tensor(wanted)[:, None])


needs_anomalib = pytest.mark.skipif(
    importlib.util.find_spec("anomalib") is None,
    reason="pip install -r requirements-bench.txt",
)


@needs_anomalib
@pytest.mark.filterwarnings("default")
def test_peers_have_our_weights_and_find_a_square_among_noise() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(100, 156, (12, 64, 64, 1), dtype=np.uint8)
    x = torch.from_numpy(images[:2]).permute(0, 3, 1, 2) / 255
    strange = x.clone()
    strange[0, :, 24:40, 24:40] = 1
    methods = (
        patchcore._patchcore(images, 0, 0.5),
        patchcore._padim(images, 0),
        patchcore._nearest(images, 0),
    )
    for fitted in methods:
        with torch.no_grad():
            scores, maps = fitted.say(strange)
        assert scores[0] > 1.2 * scores[1]
        assert fitted.rows > 0
        assert fitted.size > 4 * fitted.rows
        if maps is not None:
            assert maps.shape == (2, 64, 64)
            row, column = divmod(int(maps[0].argmax()), 64)
            assert 16 <= row < 48
            assert 16 <= column < 48

    from anomalib.models.image.patchcore.torch_model import PatchcoreModel

    model = PatchcoreModel(
        backbone="tf_efficientnet_lite0", pre_trained=False, **patchcore.PATCHCORE
    )
    features = patchcore._with_our_weights(model).feature_extractor(patchcore._input(x, 0))
    ours = Backbone("efficientnet_lite0").activations(x)
    for stage, theirs in zip((2, 4), features.values(), strict=True):
        torch.testing.assert_close(theirs, ours[stage], rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["screws", "solar"])
def test_every_strange_set_is_measured_against_its_own_normal_images(name: str) -> None:
    """By a method that says how bright a picture is, in the mean."""
    scenario = load_scenario(name)
    bright = patchcore._Fitted("bright", lambda x: (x.mean((1, 2, 3)), None), 1, 1)
    rows = patchcore._measured(scenario, bright, lambda words: None)
    asked = [of for of in scenario.strange if of.role == "strange"]
    measured = [row for row in rows if row.unit == "AUROC (95 %)"]
    assert [row.what for row in measured] == [f"bright, {of.name}" for of in asked]
    for row, of in zip(measured, asked, strict=True):
        normal, strange = (
            scenario.pictures(one).images[:].mean((1, 2, 3))
            for one in (scenario.normal_of(of.name).name, of.name)
        )
        assert row.median == pytest.approx(auroc(normal, strange), abs=1e-3)
