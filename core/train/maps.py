"""Maps of a model's codes: which images are on them, and the file that keeps them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core import atlas, checkpoint
from core.atlas import HELD_OUT, Atlas
from core.detectors._base import Detector
from core.evaluate.scoring import codes_of
from core.scenario import Scenario, Training

__all__ = ["lay_out", "renew"]

Stage = Callable[[str], None]


def lay_out(
    scenario: Scenario, detector: Detector, training: Training, *, stage: Stage
) -> Atlas | None:
    """Maps of the reference images' codes, or None where there is nothing to lay out.

    The seed is the scenario's, so that all its models show the same images.
    """
    pictures = {s.name: scenario.pictures(s.name).images for s in scenario.sets}
    sizes = {name: len(images) for name, images in pictures.items()}
    seed = scenario.split.seed
    shown, held_out = atlas.choose(sizes, training.points, seed=seed, beside=HELD_OUT)
    stage("taking the codes of reference images")
    codes = {name: codes_of(detector, pictures[name][i]) for name, i in shown.items()}
    others = np.concatenate([pictures[name][i] for name, i in held_out.items()])
    try:
        return atlas.build(
            codes,
            shown,
            codes_of(detector, others) if len(others) else None,
            seed=seed,
            layouts=training.layouts,
            watch=stage,
        )
    except ValueError as error:  # the hours of training before this must not be lost
        stage(f"no map: {error}")
        return None


def renew(scenario: Scenario, name: str, training: Training, *, stage: Stage) -> Atlas | None:
    """Make the maps of a checkpoint anew; weights, card and scores stay as they are.

    Raises:
        CardError: there is no such checkpoint, or it is damaged.
    """
    detector, card = checkpoint.load(scenario.folder, name)
    scores = checkpoint.read_scores(scenario.folder, card)
    found = lay_out(scenario, detector, training, stage=stage)
    if found is not None:
        checkpoint.save_atlas(card, scenario.folder, scores=scores, atlas=found)
    return found
