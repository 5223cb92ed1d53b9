"""What a report holds: many images under one or more models, and what to make of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.evaluate.operating import Estimate
from core.evaluate.threshold import Threshold

__all__ = ["Report", "ReportEntry", "ReportMap", "ReportModel"]


@dataclass(frozen=True)
class ReportEntry:
    """An image that was read.

    Attributes:
        image: (H, W, C) uint8, as the models saw it; None where it was let go of, to save memory.
        sha256: of these pixels.
        notes, warnings: what was done to its file, and why nothing of it is to be seen.
    """

    id: str
    image: np.ndarray | None
    sha256: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        image: np.ndarray,
        *,
        notes: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
    ) -> ReportEntry:
        """The entry of an image (H, W, C) uint8 of a name, with notes and warnings."""
        digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
        return cls(name, image, digest, notes, warnings)

    def without_image(self) -> ReportEntry:
        """The same without its pixels."""
        return replace(self, image=None)


@dataclass(frozen=True)
class ReportModel:
    """What a model says of the n images, and what it is.

    Attributes:
        raw, displayed, percentiles: (n,), the score, in the unit of pages, and among held-out
            normal images.
        flagged, foreign: (n,), whether it is above the threshold, and not of the model's kind.
        threshold, threshold_raw, standing: the threshold in the unit of pages, as the model has
            it, and its percentile.
        above, calibration: how many of the held-out normal images lie above the threshold, and how
            many there are.
        false_alarm_rate, recall, precision: measured on the scenario's reference images, at the
            prevalence that is expected; None where there are none.
        sha256, seal: of its weights, and of its card.
        licence: of its weights, which its training images bind.
    """

    name: str
    title: str
    unit: str
    raw: np.ndarray
    displayed: np.ndarray
    percentiles: np.ndarray
    flagged: np.ndarray
    foreign: np.ndarray
    threshold: float
    threshold_raw: float
    standing: float
    above: int
    calibration: int
    trained_on: str
    sha256: str
    seal: str
    licence: str
    false_alarm_rate: Estimate | None = None
    recall: Estimate | None = None
    precision: Estimate | None = None

    @property
    def budget(self) -> float:
        """The share of held-out normal images above the threshold: flagged by mistake."""
        return self.above / self.calibration


@dataclass(frozen=True)
class ReportMap:
    """Which pixels made the score of one of the images for one model.

    Attributes:
        row: of the image; map: (H, W), signed, in the unit.
        elsewhere: the share of the score that is in no pixel of the map.
    """

    row: int
    model: str
    title: str
    map: np.ndarray
    elsewhere: float


@dataclass(frozen=True)
class Report:
    """All of it.

    Attributes:
        scenario: its name; title, normal: those of the scenario and of its normal set.
        strange, against: titles of the sets on which the models were measured: of the strange one,
            or "", and of the normal one that it stands against.
        date: as it is to be read.
        order: (n,), rows of the entries, strangest first.
        errors: what could not be read, with the reason.
        tags: to the ids of images, of these or of others; lines: of notes.
        versions: of packages.
    """

    scenario: str
    title: str
    normal: str
    strange: str
    against: str
    date: str
    threshold: Threshold
    prevalence: float
    costs: tuple[float, float]
    entries: Sequence[ReportEntry]
    models: Sequence[ReportModel]
    order: np.ndarray
    maps: Sequence[ReportMap]
    errors: Sequence[tuple[str, str]]
    tags: Mapping[str, Sequence[str]]
    lines: Sequence[str]
    versions: Mapping[str, str]

    @property
    def percentiles(self) -> np.ndarray:
        """The mean percentile of every image over the models, (n,)."""
        return np.mean([model.percentiles for model in self.models], axis=0)

    @property
    def flagged_by(self) -> np.ndarray:
        """How many models flag every image, (n,)."""
        return np.sum([model.flagged for model in self.models], axis=0)
