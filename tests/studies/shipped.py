"""Checkpoints that studies ask: of no training, fitted to boxes, in a folder of a test's own."""

from __future__ import annotations

from pathlib import Path

import tiny
import torch

from core import checkpoint
from core.data.picture import as_tensor
from core.detectors._base import Batch, Detector
from core.detectors.novelty import Novelty
from core.scenario import Scenario, build_reference
from core.train.streams import reference_sets

SMALL = Novelty.Config(classes=2, width=2, bank=24, explained=32, rank=4, fields=2)


def show(scenario: Scenario) -> None:
    """Write the images that a scenario shows."""
    build_reference(scenario, reference_sets(scenario, download=False))


def ship(detector: Detector, folder: Path, name: str) -> None:
    """Write a detector with the plainest card."""
    data, weights = checkpoint.pack(detector)
    card = tiny.card_of(detector, name, weights).model_copy(update={"scenario": folder.name})
    checkpoint.save(card, folder, weights=data, scores=checkpoint.ReferenceScores({}))


def novelty(*, seed: int = 0) -> Novelty:
    """Of random weights, fitted to boxes: everything but its training."""
    torch.manual_seed(seed)
    detector = Novelty(SMALL, tiny.SHAPE).eval().requires_grad_(False)
    with torch.no_grad():
        for fit, n in ((detector._fit_normal, 64), (detector._fit_scales, 32)):
            x = as_tensor(tiny.boxes(n, seed=n))
            fit([Batch(x, torch.ones(n), torch.zeros(n, dtype=torch.long))])
        detector.round_weights([])
        detector.background.weight.normal_()
        detector.background.weight.copy_(detector.background.weight.half())
    return detector
