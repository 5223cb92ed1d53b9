"""The images of a scenario for training, by their roles, and those that it shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data.sources import DataMissing, Labelled, source_named
from core.data.sources._base import order_of
from core.data.splits import calibration_split, semi_supervised_rows
from core.data.stream import Stream
from core.data.views import Chosen, Images, Joined
from core.scenario import ImageSet, Scenario, ScenarioError
from core.schema import TrainingSource
from core.settings import settings

__all__ = ["reference_sets", "streams_of"]

KINDS = {"train": 1, "calibration": 1, "auxiliary": 0, "labelled": -1}
MIXED = -1  # the kind of whatever is joined with training images
ALWAYS = ("train", "calibration")  # cards need both


@dataclass(frozen=True)
class _Part:
    """Images of one role and their labels (N,): those of auxiliary ones are not the scenario's."""

    images: Images
    label: np.ndarray


def streams_of(
    scenario: Scenario,
    wanted: Collection[str],
    batch_size: int,
    *,
    share: float | None = None,
    download: bool = False,
) -> dict[str, Stream]:
    """Training and held-out images of a scenario, and further ones that are wanted.

    Args:
        batch_size: of the streams; download: fetch what is not there, where that can be done.
        wanted: roles, as `core.detectors._base.Roles` has them; of "train+ROLE" training images
            are of kind +1 and the others of kind -1. Nothing is copied to join them. Labels of
            auxiliary images are classes of their own sources, those of one after those of another;
            among training images, whose classes are the scenario's, they are -1.
        share: of known anomalies among training images and them, in [0, 1): these are then images
            of the member's one labelled class, of the normal set's own source.

    Raises:
        DataMissing: images are not in the data folder, or damaged.
        ScenarioError: the scenario names no images of a role, or its sizes do not fit them.
    """
    roles = {role for data in wanted for role in data.split("+")} - set(ALWAYS)
    every = dict.fromkeys((*ALWAYS, *wanted))
    if share is not None and "labelled" not in roles:
        raise ScenarioError(
            f"a model of scenario {scenario.name} has a share of known anomalies and learns from "
            "none: its phases want no labelled images"
        )
    try:
        parts = _normal(scenario, share=share, download=download)
        further = sorted(roles - set(parts))
        parts |= {role: _further(scenario, role, download=download) for role in further}
        return {data: _stream(data, parts, batch_size) for data in every}
    except ValueError as error:  # sizes in scenario.json that these images do not have
        raise ScenarioError(f"{scenario.family}/scenario.json: {error}") from error


def _stream(data: str, parts: Mapping[str, _Part], batch_size: int) -> Stream:
    """One role's images, or those of several, one after the other."""
    roles = data.split("+")
    joined = [parts[role] for role in roles]
    kinds = [KINDS[roles[0]], *(MIXED for _ in roles[1:])]
    return Stream(
        joined[0].images if len(joined) == 1 else Joined([part.images for part in joined]),
        np.repeat(np.array(kinds, np.int8), [len(part.label) for part in joined]),
        np.concatenate([_labels(role, parts[role], mixed=len(roles) > 1) for role in roles]),
        batch_size,
    )


def _labels(role: str, part: _Part, *, mixed: bool) -> np.ndarray:
    """Labels (N,) of a role; mixed with training images, other classes than theirs are gone."""
    return np.full(len(part.label), -1) if mixed and role == "auxiliary" else part.label


def _normal(scenario: Scenario, *, share: float | None, download: bool) -> dict[str, _Part]:
    """Training images and held-out ones: of sources listed so, or split off by the seed.

    With a share, known anomalies too: of those of the source that train.
    """
    whole = _listed(scenario, "train", download=download)
    held_out = _listed(scenario, "calibration", download=download)
    only = scenario.normal.only if whole is None else None
    if whole is None:
        assert scenario.normal.source is not None
        whole = _part(_read(scenario, scenario.normal, train=True, download=download))
    n, split = len(whole.label), scenario.split
    if held_out is not None:
        train, parts = np.arange(n), {"calibration": held_out}
    else:
        if split.calibration >= n:
            raise ScenarioError(
                f"{scenario.family}/scenario.json: there are {n} training images, and split "
                f"holds out {split.calibration} of them to calibrate: none are left to train"
            )
        train, rest = calibration_split(n, calibration=split.calibration, seed=split.seed)
        parts = {"calibration": _chosen(whole, rest, only)}
    if share is not None:
        parts["labelled"] = _known(scenario, whole, train, share=share)
    return {"train": _chosen(whole, train, only), **parts}


def _known(scenario: Scenario, whole: _Part, train: np.ndarray, *, share: float) -> _Part:
    """Images of the labelled class of a member, of the rows (T,) that train: a share of all."""
    normal, labelled = scenario.normal.only, scenario.labelled
    if normal is None or labelled is None or scenario.sources_of("train"):
        raise ScenarioError(f"scenario {scenario.name} has no class of known anomalies")
    rows = semi_supervised_rows(
        whole.label, train, normal=normal, labelled=labelled, share=share, seed=scenario.split.seed
    )
    return _chosen(whole, rows.labelled, None)


def _further(scenario: Scenario, role: str, *, download: bool) -> _Part:
    part = _listed(scenario, role, download=download)
    if part is None:
        raise ScenarioError(f"scenario {scenario.name} names no {role} images")
    return part


def _listed(scenario: Scenario, role: str, *, download: bool) -> _Part | None:
    """Training images of all sources that the scenario lists with a role, if there are any."""
    read = [
        _read(scenario, source, train=True, download=download)
        for source in scenario.sources_of(role)
    ]
    if len(read) < 2:
        return _part(read[0]) if read else None
    labels = [data.labels for data in read]
    if role == "auxiliary":  # of several kinds: a class of one source is none of another
        firsts = np.cumsum([0, *(len(data.classes) for data in read[:-1])])
        labels = [own + first for own, first in zip(labels, firsts, strict=True)]
    return _Part(Joined([data.images for data in read]), np.concatenate(labels))


def _part(data: Labelled) -> _Part:
    return _Part(data.images, data.labels)


def _chosen(part: _Part, rows: np.ndarray, only: int | None) -> _Part:
    """Some rows; where there is a class, its images among them."""
    if only is not None:
        rows = rows[part.label[rows] == only]
    return _Part(Chosen(part.images, rows), part.label[rows])


def _read(
    scenario: Scenario, wanted: ImageSet | TrainingSource, *, train: bool, download: bool
) -> Labelled:
    """Images of the source of a set, or of what detectors learn from.

    Raises:
        DataMissing: they are not there, with what the scenario says of how they are had.
    """
    assert wanted.source is not None
    source, folder = source_named(wanted.source), settings().data
    try:
        return source.read(folder, scenario.shape, train=train, download=download)
    except DataMissing as error:
        if not wanted.had:
            raise
        raise DataMissing(f"{error}; {wanted.title}: {wanted.had}") from error


# What is shown ----------------------------------------------------------------------------------


def reference_sets(scenario: Scenario, *, download: bool) -> dict[str, tuple[Any, ...]]:
    """What reference.npz is made of: test images of each set with a source, by its name.

    Images (N, H, W, C) uint8, labels (N,) and, where the set has them, masks (N, H, W). Images that
    are at hand are not copied: a view reads them.

    Args:
        download: fetch what is not there, where that can be done.

    Raises:
        DataMissing: images are not in the data folder, or damaged.
        ScenarioError: a set has no images, or is to have masks and its source has none.
    """
    sources: dict[str, Labelled] = {}
    sets = {}
    for image_set in scenario.sets:
        if image_set.source is None:
            continue
        if image_set.source not in sources:
            sources[image_set.source] = _read(scenario, image_set, train=False, download=download)
        here = scenario.is_at_hand(image_set)
        sets[image_set.name] = _shown(image_set, sources[image_set.source], at_hand=here)
    return sets


def _shown(image_set: ImageSet, data: Labelled, *, at_hand: bool) -> tuple[Any, ...]:
    rows = np.arange(len(data.labels))
    if image_set.only is not None:
        rows = rows[data.labels == image_set.only]
    if not image_set.shipped and not at_hand:  # whoever lays them there does so in any order
        rows = rows[order_of(data.images[rows], data.labels[rows])]
    rows = rows[: image_set.first]
    if not len(rows):
        raise ScenarioError(
            f"set {image_set.name!r} has no images: {image_set.source} has none of class "
            f"{image_set.only}, it has {', '.join(data.classes)}"
        )
    if at_hand:
        return Chosen(data.images, rows), data.labels[rows]
    if not image_set.masks:
        return data.images[rows], data.labels[rows]
    if data.masks is None:
        raise ScenarioError(f"set {image_set.name!r} is to have masks, {image_set.source} has none")
    return data.images[rows], data.labels[rows], data.masks[rows]
