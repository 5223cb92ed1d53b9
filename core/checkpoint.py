"""Weights and the card that says where they come from; both are checked before they are used."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from core.atlas import Atlas, from_arrays, to_arrays
from core.config import config_of
from core.detectors import detector_class
from core.detectors._base import Detector
from core.errors import OutskirtsError, complaint, no_arrays
from core.evaluate.metrics import Metrics
from core.files import FileError, read_text, write_together

__all__ = [
    "Card",
    "CardError",
    "ReferenceScores",
    "attach_auxiliaries",
    "from_config",
    "load",
    "load_alone",
    "pack",
    "read_atlas",
    "read_card",
    "read_scores",
    "save",
    "save_atlas",
]

MAX_BYTES = 20_000_000


class CardError(OutskirtsError):
    """A checkpoint is missing, damaged, or its files do not belong together."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class TrainedOn(_Strict):
    """Training images: the set, how many, and the sha256 of their pixels in order."""

    name: str
    images: int
    calibration: int
    split_seed: int
    sha256: str
    licence: str


class Trained(_Strict):
    """How training went.

    Attributes:
        fixed: what was settled before it, the minutes or the epochs of each phase.
    """

    seed: int
    minutes: float
    # Left out where it is the older of both, so that older cards keep their seals.
    fixed: Literal["minutes", "epochs"] = Field("minutes", exclude_if=lambda v: v == "minutes")
    batch_size: int
    phases: tuple[str, ...]
    steps: int
    images: int
    images_per_second: float
    skipped_steps: int
    resumed: int
    processor: str
    torch: str
    test_evaluations: int


class Score(_Strict):
    """Which part is the score, why, and where its threshold lies."""

    part: str
    unit: str
    direction: Literal["larger is stranger"] = "larger is stranger"
    why: str
    threshold: float
    threshold_rule: str


class Calibration(_Strict):
    """1,001 quantiles a part, of held-out normal images."""

    images: int
    quantiles: dict[str, tuple[float, ...]]


class Golden(_Strict):
    """Parts of a few reference images, to notice when the same weights give other numbers."""

    ids: tuple[str, ...]
    parts: dict[str, tuple[float, ...]]


class Seeds(_Strict):
    """The same training from several seeds: what intervals over test images do not cover.

    Attributes:
        models: checkpoints, this one first, and in what they are alike.
        auroc: strange set to part to the figure of each model, in order.
    """

    models: tuple[str, ...]
    text: str
    auroc: dict[str, dict[str, tuple[float, ...]]]


class Weights(_Strict):
    """The safetensors file that this card belongs to."""

    sha256: str
    bytes: int
    parameters: int


class Card(_Strict):
    """The schema of a checkpoint's card.

    Attributes:
        validation: AUROC of each part on synthetic faults of held-out normal images, by fault.
        metrics: figures of each part, by strange set.
        figures: other numbers of the normal test images, such as bits per dimension.
        auxiliary_models: checkpoints that it asks while scoring, with the sha256 of their weights.
        seeds: how far its figures move from seed to seed, where that was measured.
    """

    schema_version: Literal[1] = Field(alias="schema")
    scenario: str
    detector: str
    variant: str | None = None
    config: dict[str, Any]
    paper: dict[str, str | int]
    deviations: tuple[str, ...]
    data: TrainedOn
    training: Trained
    score: Score
    validation: dict[str, dict[str, float]]
    calibration: Calibration
    metrics: dict[str, dict[str, Metrics]]
    figures: dict[str, float]
    auxiliary_models: dict[str, str] = {}
    seeds: Seeds | None = None
    golden: Golden
    limits: tuple[str, ...]
    licence: str
    weights: Weights
    seal: str = ""

    def sealed(self) -> Card:
        """The same card with the sha256 of all the rest, so that a flipped byte is noticed."""
        rest = self.model_copy(update={"seal": ""})
        return rest.model_copy(update={"seal": _sha256(rest.model_dump_json().encode())})

    @property
    def name(self) -> str:
        return stem(self.detector, self.variant)

    def quantiles(self, part: str) -> np.ndarray:
        return np.array(self.calibration.quantiles[part])


@dataclasses.dataclass(frozen=True)
class ReferenceScores:
    """What a checkpoint stores beside its weights.

    Attributes:
        sets: every part of every reference image: set name to part name to (N,) float32.
        exemplars: (K, H, W) uint8, the training images that the detector holds something of, as it
            saw them and in its order; none for most.
    """

    sets: Mapping[str, Mapping[str, np.ndarray]]
    exemplars: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 0, 0), np.uint8))


def stem(detector: str, variant: str | None) -> str:
    """File name of a checkpoint without its ending."""
    return detector if variant is None else f"{detector}.{variant}"


def pack(detector: Detector) -> tuple[bytes, Weights]:
    """A detector's weights as the bytes of a safetensors file, and what they are.

    Raises:
        CardError: there are more of them than a checkpoint may hold.
    """
    state = {k: v.detach().cpu().contiguous() for k, v in detector.state_dict().items()}
    if detector.compact:
        state = {k: _halved(v) for k, v in state.items()}
    data = safetensors.torch.save(state)
    if len(data) > MAX_BYTES:
        raise CardError(f"weights of {len(data)} bytes are more than {MAX_BYTES}")
    parameters = sum(p.numel() for p in detector.parameters())
    return data, Weights(sha256=_sha256(data), bytes=len(data), parameters=parameters)


def _halved(tensor: Tensor) -> Tensor:
    """In float16 if that loses nothing; loading makes float32 of it again."""
    short = tensor.half() if tensor.dtype == torch.float32 else tensor
    return short if torch.equal(short.to(tensor.dtype), tensor) else tensor


def save(
    card: Card,
    folder: Path,
    *,
    weights: bytes,
    scores: ReferenceScores,
    atlas: Atlas | None = None,
) -> None:
    """Write weights, atlas and card; all are on disk before the first replaces an older one.

    Raises:
        FileError: one cannot be written; then none is replaced.
    """
    text = card.sealed().model_dump_json(indent=1) + "\n"
    files = {
        f"{card.name}.safetensors": weights,
        f"{card.name}.atlas.npz": _pack_atlas(scores, atlas, card.weights),
        f"{card.name}.json": text.encode(),
    }
    write_together(folder, files)


def save_atlas(card: Card, folder: Path, *, scores: ReferenceScores, atlas: Atlas) -> None:
    """Write the atlas of weights and a card that are there, and leave these alone.

    Raises:
        FileError: it cannot be written; then the older one stays.
    """
    packed = _pack_atlas(scores, atlas, card.weights)
    write_together(folder, {f"{card.name}.atlas.npz": packed})


def read_card(folder: Path, name: str) -> Card:
    """Read and check a card.

    Raises:
        CardError: it is missing or does not fit the schema.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        raise CardError(
            f"no checkpoint {folder.name}/{name}: train it with "
            f"`python -m core train {folder.name}/{name}`"
        )
    try:
        card = Card.model_validate_json(read_text(path))
    except (ValidationError, FileError, FileNotFoundError) as error:
        raise CardError(f"card {folder.name}/{path.name} is damaged: {complaint(error)}") from error
    if card.seal != card.sealed().seal:
        raise CardError(f"card {folder.name}/{path.name} is damaged: it does not fit its own seal")
    if (card.scenario, card.name) != (folder.name, name):
        raise CardError(
            f"card {folder.name}/{path.name} belongs to {card.scenario}/{card.name}, not here"
        )
    return card


def load(folder: Path, name: str) -> tuple[Detector, Card]:
    """The detector of a checkpoint with its auxiliary models, frozen, in eval mode, and its card.

    Raises:
        CardError: card or weights are missing, damaged, or do not belong together.
    """
    detector, card = load_alone(folder, name)
    found = attach_auxiliaries(detector, folder)
    if found != card.auxiliary_models:
        others = ", ".join(dict(found.items() ^ card.auxiliary_models.items()))
        raise CardError(
            f"{folder.name}/{name} was measured with other weights of {others}: measure it anew "
            f"with `python -m core train {folder.name}/{name} --keep-weights`"
        )
    return detector, card


def attach_auxiliaries(detector: Detector, folder: Path) -> dict[str, str]:
    """Attach the auxiliary models that a config names; return the sha256 of their weights.

    Raises:
        CardError: an auxiliary model is missing or damaged.
    """
    found = {}
    for role, stem in detector.auxiliary_models.items():
        other, card = load_alone(folder, stem)
        detector.attach_auxiliary(role, other)
        found[stem] = card.weights.sha256
    return found


def load_alone(folder: Path, name: str) -> tuple[Detector, Card]:
    """`load` without auxiliary models: enough to start from its weights, or to be one of those.

    Raises:
        CardError: card or weights are missing, damaged, or do not belong together.
    """
    card = read_card(folder, name)
    path = folder / f"{name}.safetensors"
    if not path.exists():
        raise CardError(f"weights {folder.name}/{path.name} are missing")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CardError(f"weights {folder.name}/{path.name} cannot be read: {error}") from error
    if _sha256(data) != card.weights.sha256:
        raise CardError(
            f"weights {folder.name}/{path.name} are not those of their card: sha256 "
            f"{_sha256(data)[:12]}, the card says {card.weights.sha256[:12]}"
        )
    detector = from_config(card.detector, card.config)
    try:
        detector.load_state_dict(safetensors.torch.load(data), strict=True)
    except (RuntimeError, safetensors.SafetensorError) as error:
        raise CardError(f"weights {folder.name}/{path.name} do not fit: {error}") from error
    return detector.eval().requires_grad_(False), card


def from_config(name: str, config: Mapping[str, Any]) -> Detector:
    """A detector of random weights and without auxiliary_models, from its name or a checkpoint's.

    Raises:
        CardError: the config has a key, a type or a size that the detector cannot take.
    """
    try:
        cls = detector_class(name.partition(".")[0])
    except LookupError as error:
        raise CardError(str(error)) from error
    try:
        found = config_of(name, cls, config)
    except ValueError as error:
        raise CardError(str(error)) from error
    try:
        detector = cls(found)
    except (ValueError, RuntimeError) as error:  # sizes that do not go together
        raise CardError(f"{name} cannot be built with {dict(config)}: {error}") from error
    if detector.config.score not in detector.described:
        raise CardError(
            f"{name} has no part {detector.config.score!r} to be its score; it has: "
            f"{', '.join(detector.described)}"
        )
    return detector


def _pack_atlas(scores: ReferenceScores, atlas: Atlas | None, weights: Weights) -> bytes:
    """Scores, maps of reference images, and whose weights made them, as an .npz file."""
    arrays = {f"{s}/{p}": v for s, parts in scores.sets.items() for p, v in parts.items()}
    maps = {} if atlas is None else to_arrays(atlas)
    if len(scores.exemplars):
        arrays["kept"] = scores.exemplars
    stream = io.BytesIO()
    np.savez_compressed(stream, weights=np.array(weights.sha256), **arrays, **maps)  # type: ignore[arg-type]
    return stream.getvalue()


def read_scores(folder: Path, card: Card) -> ReferenceScores:
    """What is stored beside the weights, but for the maps.

    Raises:
        CardError: the file is missing, damaged, or of other weights.
    """
    found = _read_npz(folder, card, lambda key: "/" in key or key == "kept")
    exemplars = {"exemplars": found.pop("kept")} if "kept" in found else {}
    sets: dict[str, dict[str, np.ndarray]] = {}
    try:
        for key, values in found.items():
            set_name, _, part = key.partition("/")
            sets.setdefault(set_name, {})[part] = values
        _check_scores(sets, card)
        if any(images.ndim != 3 or images.dtype != np.uint8 for images in exemplars.values()):
            raise ValueError(
                f"exemplar images must be (K, H, W) uint8, got {exemplars['exemplars'].shape}"
            )
    except ValueError as error:
        raise CardError(
            f"{folder.name}/{card.name}.atlas.npz does not fit its card: {error}"
        ) from error
    return ReferenceScores(sets, **exemplars)


def _check_scores(sets: Mapping[str, Mapping[str, np.ndarray]], card: Card) -> None:
    """Every set has all parts of the card, each with a number for every image that it counted."""
    known = set(card.calibration.quantiles)
    for name, parts in sets.items():
        for part in [*sorted(set(parts) - known), *sorted(known - set(parts))]:
            raise ValueError(f"{name}/{part} is {'missing' if part in known else 'no part of it'}")
        strange = [m.n_strange for m in card.metrics.get(name, {}).values()]
        counted = strange or [m.n_normal for of in card.metrics.values() for m in of.values()]
        for part, values in parts.items():
            if values.dtype.kind != "f" or values.ndim != 1:
                raise ValueError(f"{name}/{part} must be numbers (N,), got {values.shape}")
            if set(counted) - {len(values)}:
                raise ValueError(f"{name}/{part} has {len(values)} numbers of {counted[0]}")


def read_atlas(folder: Path, card: Card) -> Atlas:
    """Maps of the reference images' codes, as stored beside the weights.

    Raises:
        CardError: there is none, or the file is missing, damaged, or of other weights.
    """
    arrays = _read_npz(folder, card, lambda key: "/" not in key and key != "kept")
    if "layouts" not in arrays:
        raise CardError(
            f"{folder.name}/{card.name} has no map of its codes: make it with "
            f"`python -m core train {folder.name}/{card.name} --atlas-only`"
        )
    try:
        return from_arrays(arrays)
    except (KeyError, TypeError, ValueError) as error:
        missing = " is missing" if isinstance(error, KeyError) else ""
        raise CardError(
            f"{folder.name}/{card.name}.atlas.npz holds no whole map: {error}{missing}"
        ) from error


def _read_npz(folder: Path, card: Card, wanted: Callable[[str], bool]) -> dict[str, np.ndarray]:
    """Some arrays of a checkpoint's .npz file, which must belong to its weights."""
    path = folder / f"{card.name}.atlas.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            owner = str(stored["weights"])
            found = {key: stored[key] for key in stored.files if wanted(key)}
    except FileNotFoundError as error:
        raise CardError(f"{folder.name}/{path.name} is missing") from error
    except Exception as error:  # zlib, zipfile and numpy each have their own for a damaged file
        raise CardError(f"{folder.name}/{path.name} cannot be read: {no_arrays(error)}") from error
    if owner != card.weights.sha256:
        raise CardError(f"{folder.name}/{path.name} belongs to other weights; train again")
    return found


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
