"""A world small enough for a test: two families of pictures, a scenario of them, and its card."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import torch

from core.card import Calibration, Card, Golden, Input, Score, Trained, TrainedOn, Weights
from core.data.sources import Labelled, Source
from core.data.stream import Stream
from core.detectors._base import Batch, Detector
from core.shape import Shape

SHAPE = Shape(1, 28, 28)
TRAINING_IMAGES, CALIBRATION_IMAGES, TEST_IMAGES, GENERAL_IMAGES = 384, 128, 96, 160
MAPS = {"points": 64, "layouts": ["pca"]}  # UMAP compiles for ten seconds: slow tests alone do
CONFIG = {"steps": 1, "hidden": 8, "training_dtype": "float32"}


def boxes(n: int, *, seed: int, size: int = 28) -> np.ndarray:
    """The normal family, (n, size, size, 1) uint8: a grained box on black, brighter to the right.

    Taller than wide and lit from one side, so that a turned or flipped box is no box.
    """
    rng = np.random.default_rng(seed)
    images = np.zeros((n, size, size, 1), np.uint8)
    for image in images[..., 0]:
        top, left = rng.integers(1, 4), rng.integers(5, 9)
        bottom, right = size - rng.integers(1, 4), size - rng.integers(5, 9)
        shade = np.linspace(rng.integers(40, 90), rng.integers(150, 240), right - left)
        grain = rng.normal(0, 6, (bottom - top, right - left))
        image[top:bottom, left:right] = (shade + grain).clip(0, 255).round()
    return images


def strokes(n: int, *, seed: int, size: int = 28) -> np.ndarray:
    """The strange family, (n, size, size, 1) uint8: one thin white diagonal on black."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, size, size, 1), np.uint8)
    for image in images[..., 0]:
        start, length = rng.integers(2, 8), rng.integers(12, 20)
        steps = np.arange(length)
        image[start + steps, start + steps] = rng.integers(180, 256)
        image[start + steps, start + steps + 1] = rng.integers(90, 180)
    return images


def stream_of(images: np.ndarray, *, batch_size: int = 32, kind: int = 1) -> Stream:
    n = len(images)
    return Stream(images, np.full(n, kind, np.int8), np.arange(n) % 3, batch_size)


def mixed(normal: np.ndarray, general: np.ndarray, *, batch_size: int = 32) -> Stream:
    """Normal images of kind +1 and general ones of kind -1, as the outlier losses learn from."""
    kind = np.repeat(np.array([1, -1], np.int8), [len(normal), len(general)])
    return Stream(np.concatenate([normal, general]), kind, np.full(len(kind), -1), batch_size)


def public_set(
    name: str, folder: Path, *, train: bool, download: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Stands in for `core.data.sources.public_set`: boxes for garments, strokes for digits."""
    n = TRAINING_IMAGES + CALIBRATION_IMAGES if train else TEST_IMAGES
    draw = {"FashionMNIST": boxes, "MNIST": strokes}[name]
    return draw(n, seed=int(train)), np.arange(n) % 3


class _Source(Source):
    """Stands in for every source: what `public_set` has, or strokes that no other set has."""

    def read(self, folder: Path, shape: Shape, *, train: bool, download: bool = False) -> Labelled:
        if self.name == "lines":
            images, labels = strokes(GENERAL_IMAGES, seed=7), np.zeros(GENERAL_IMAGES, np.int64)
        else:
            images, labels = public_set(self.name, folder, train=train)
        masks = (images[..., 0] > 200).astype(np.uint8)
        return Labelled(images, labels, ("zero", "one", "two"), masks=masks)


def source_named(text: str) -> Source:
    """Stands in for `core.data.sources.source_named`."""
    return _Source(text)


CHANGES = ("turned", "flipped", "inverted", "noise", "flat")


def terms_of(detector: Detector, batch: Batch, generator: torch.Generator) -> dict:
    """Loss terms of a batch, as the training loop asks the first player for them."""
    player = next(p for phase in detector.phases() for p in phase.players)
    return dict(player.terms(batch, generator))


def scenario_json(changes: tuple[str, ...] = CHANGES) -> dict:
    """A scenario.json with strokes and these changes as strange sets."""
    return {
        "schema": 1,
        "name": "tiny",
        "title": "Boxes",
        "question": "Is it a box?",
        "normal": {
            "name": "boxes",
            "title": "Boxes",
            "text": "Grained boxes.",
            "source": "FashionMNIST",
            "classes": ["zero", "one", "two"],
            "licence": "MIT",
        },
        "strange": [
            {
                "name": "strokes",
                "title": "Strokes",
                "text": "Thin strokes.",
                "source": "MNIST",
                "classes": ["0", "1", "2"],
                "licence": "MIT",
            },
            *({"name": c, "title": c, "text": c, "change": c, "licence": "MIT"} for c in changes),
        ],
        "image": list(SHAPE),
        "images": "shipped",
        "split": {"calibration": CALIBRATION_IMAGES, "seed": 0},
        "training": {
            "glow": {"minutes": 0.02, "batch_size": 32, "seed": 0, "config": CONFIG, **MAPS},
        },
    }


def models_json() -> dict:
    """A scenario.json of few sets, with general images and models that know of each other."""
    scenario = scenario_json(("turned",))
    general = {"general": "glow.general"}
    settings = {
        "glow.general": {"data": "general"},
        "glow": {**general},
        "glow.outliers": {**general, "starts_from": "glow.general", "outliers": "ratio"},
        "glow.seed-0": {},
        "glow.seed-1": {},
    }
    training = {
        name: {"minutes": 0.003, "batch_size": 32, "config": {**CONFIG, **config}, **MAPS}
        for name, config in settings.items()
    }
    training["glow"]["seeds"] = ["glow.seed-0", "glow.seed-1"]
    training["glow.seed-1"]["seed"] = 1
    return scenario | {
        "training": training,
        "sources": {
            "general": {
                "role": "auxiliary",
                "title": "Lines",
                "text": "Strokes of all kinds.",
                "source": "lines",
                "licence": "CC0",
                "limit": "Lines look like strokes.",
            },
        },
    }


def roles_json() -> dict:
    """A scenario.json with sets of all roles; its strokes have masks.

    Strokes of class 0 are unjudged, those of class 1 and 2 are strange, and so are flipped boxes,
    which stand against boxes of class 1.
    """
    scenario = scenario_json(("flipped",))
    known = {"text": "Of a kind.", "licence": "MIT"}
    strokes = {"source": "MNIST", "classes": ["0", "1", "2"], "masks": True, **known}
    scenario["strange"] = [
        {"name": "all", "title": "All", "joins": True, **known},
        {"name": "ones", "title": "Ones", "only": 1, "against": "boxes-one", **strokes},
        {"name": "twos", "title": "Twos", "only": 2, **strokes},
        {
            "name": "flipped",
            "title": "Flipped",
            "change": "flipped",
            "against": "boxes-one",
            **known,
        },
    ]
    scenario["others"] = [
        {
            "name": "boxes-one",
            "title": "Boxes of kind one",
            "role": "normal",
            "part_of": "boxes",
            "only": 1,
            **known,
        },
        {"name": "doubtful", "title": "Doubtful", "role": "unjudged", "only": 0, **strokes},
    ]
    scenario["training"]["glow"] |= {"minutes": 0.003}
    return scenario


def masked_json() -> dict:
    """A scenario.json whose strokes have masks, in two kinds, and whose flipped boxes have none."""
    scenario = scenario_json(("flipped",))
    known = {"text": "Of a kind.", "licence": "MIT"}
    scenario["strange"][0] |= {"masks": True}
    scenario["strange"] += [
        {"name": n, "title": n.title(), "part_of": "strokes", "only": i, **known}
        for i, n in enumerate(("zeros", "ones"))
    ]
    scenario["training"]["glow"] |= {"minutes": 0.003}
    return scenario


def novelty_json() -> dict:
    """A scenario.json of two strange sets, with a model whose score adds two parts."""
    scenario = scenario_json(("turned",))
    config = {"classes": 3, "width": 1, "bank": 64, "explained": 64, "rank": 4, "fields": 2}
    config |= {"epochs": 2}
    training = {"title": "Novelty", "batch_size": 32, "config": config, **MAPS}
    return scenario | {"training": {"novelty": training}}


def ama_json() -> dict:
    """A scenario.json of two strange sets, with a mirrored autoencoder."""
    scenario = scenario_json(("turned",))
    config = {"code": 4, "width": 2, "critic_width": 4, "critic_steps": 2, "epochs": 1.0}
    training = {"title": "AMA", "batch_size": 32, "config": config, **MAPS}
    return scenario | {"training": {"ama": training}}


def labels_json() -> dict:
    """A scenario.json of three classes, with models of each that know some anomalies."""
    sizes = {"code": 4, "width": 2, "epochs": 1.0, "data": "train+labelled"}
    models = {
        "esad": ("ESAD", ["00", "01", "10"], sizes),
        "deep_sad": ("Deep SAD", ["00", "10"], sizes | {"first_epochs": 1.0}),
    }
    return scenario_json(()) | {
        "name": "tiny-one",
        "title": "One kind of box",
        "strange": [],
        "images": "scenario:tiny",
        "variants": ["zero", "one", "two"],
        "training": {
            name: {"title": title, "batch_size": 32, "shares": shares, "config": config}
            for name, (title, shares, config) in models.items()
        },
    }


def write_scenario(checkpoints: Path, changes: tuple[str, ...] = CHANGES) -> None:
    """Write checkpoints/tiny/scenario.json."""
    folder = checkpoints / "tiny"
    folder.mkdir(parents=True)
    (folder / "scenario.json").write_text(json.dumps(scenario_json(changes)))


def card_of(detector: Detector, name: str, weights: Weights) -> Card:
    """The plainest card that fits the schema, for a detector that nobody evaluated."""
    part, (stem, _, variant) = detector.config.score, name.partition(".")
    return Card(
        schema=1,
        scenario="tiny",
        detector=stem,
        variant=variant or None,
        input=Input(shape=detector.shape),
        config=dataclasses.asdict(detector.config),
        paper={"title": detector.paper.title, "year": detector.paper.year},
        deviations=detector.paper.deviations,
        data=TrainedOn(
            name="boxes", images=1, calibration=1, split_seed=0, sha256="", licence="MIT"
        ),
        training=Trained(
            seed=0,
            minutes=1,
            batch_size=1,
            phases=(),
            steps=0,
            images=0,
            images_per_second=0,
            skipped_steps=0,
            resumed=0,
            processor="",
            torch="",
            test_evaluations=0,
        ),
        score=Score(part=part, unit="", why="", threshold=0, threshold_rule=""),
        validation={},
        calibration=Calibration(images=1, quantiles={}),
        metrics={},
        figures={},
        golden=Golden(ids=(), parts={}),
        limits=(),
        licence="MIT",
        weights=weights,
    )
