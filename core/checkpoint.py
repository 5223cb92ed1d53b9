"""Weights and the card that says where they come from; both are checked before they are used."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from core.atlas import Atlas, from_arrays, to_arrays
from core.card import Card, CardError, Weights, read_card
from core.config import config_of
from core.detectors import detector_class
from core.detectors._base import Detector
from core.errors import no_arrays
from core.files import FileError, read_bytes, write_together
from core.npz import opened_npz
from core.shape import Shape

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
DIGITS = 17  # binary ones of a rounded score


@dataclasses.dataclass(frozen=True)
class ReferenceScores:
    """What a checkpoint stores beside its weights.

    The figures of a card are those of the scores as they were measured; a model of one class, of
    which there are many, stores them `rounded`.

    Attributes:
        sets: every part of every reference image: set name to part name to (N,) float32.
        exemplars: (K, H, W, C) uint8, the training images that the detector holds something of, in
            its order; none for most.
    """

    sets: Mapping[str, Mapping[str, np.ndarray]]
    exemplars: np.ndarray = dataclasses.field(
        default_factory=lambda: np.zeros((0, 0, 0, 0), np.uint8)
    )

    def rounded(self) -> ReferenceScores:
        """The same to 17 binary digits: off by less than 1e-5 of each, and smaller when packed."""
        sets = {s: {p: _rounded(v) for p, v in parts.items()} for s, parts in self.sets.items()}
        return dataclasses.replace(self, sets=sets)


def _rounded(values: np.ndarray) -> np.ndarray:
    mantissas, exponents = np.frexp(values)
    return np.ldexp(np.round(mantissas * 2.0**DIGITS) / 2.0**DIGITS, exponents).astype(values.dtype)


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
    """Write weights, atlas and card into a folder.

    All are on disk before the first replaces an older one.

    Raises:
        FileError: one cannot be written; then none is replaced.
    """
    files = {
        f"{card.name}.safetensors": weights,
        f"{card.name}.atlas.npz": _pack_atlas(scores, atlas, card.weights),
        f"{card.name}.json": card.sealed().text().encode(),
    }
    write_together(folder, files)


def save_atlas(card: Card, folder: Path, *, scores: ReferenceScores, atlas: Atlas) -> None:
    """Write the atlas of weights and a card that are in a folder, and leave these alone.

    Raises:
        FileError: it cannot be written; then the older one stays.
    """
    packed = _pack_atlas(scores, atlas, card.weights)
    write_together(folder, {f"{card.name}.atlas.npz": packed})


def load(folder: Path, name: str) -> tuple[Detector, Card]:
    """The detector of a checkpoint with its auxiliary models, frozen, in eval mode, and its card.

    The checkpoint ``name`` lies in ``folder``, a scenario's; so do auxiliary models.

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
    """Attach the auxiliary models of a folder that a config names; return their weights' sha256.

    Raises:
        CardError: an auxiliary model is missing, damaged, takes other pictures or sees them at
            another size.
    """
    found = {}
    for role, stem in detector.auxiliary_models.items():
        other, card = load_alone(folder, stem)
        card.check_shape(detector.shape, "who asks it")
        if other.seen != detector.seen:
            raise CardError(
                f"{folder.name}/{stem} sees pictures at {other.seen}, who asks it at "
                f"{detector.seen}: give both the same side"
            )
        detector.attach_auxiliary(role, other)
        found[stem] = card.weights.sha256
    return found


def load_alone(folder: Path, name: str) -> tuple[Detector, Card]:
    """`load` of a checkpoint ``name`` in ``folder``, without auxiliary models.

    Enough to start from its weights, or to be an auxiliary model.

    Raises:
        CardError: card or weights are missing, damaged, or do not belong together.
    """
    card = read_card(folder, name)
    path = folder / f"{name}.safetensors"
    if not path.exists():
        raise CardError(f"weights {folder.name}/{path.name} are missing")
    try:
        data = read_bytes(path, most=MAX_BYTES)
    except FileError as error:
        raise CardError(f"weights {folder.name}/{path.name} cannot be read: {error}") from error
    if _sha256(data) != card.weights.sha256:
        raise CardError(
            f"weights {folder.name}/{path.name} are not those of their card: sha256 "
            f"{_sha256(data)[:12]}, the card says {card.weights.sha256[:12]}"
        )
    detector = from_config(card.detector, card.config, card.input.shape)
    if card.score.part not in detector.described:
        raise CardError(
            f"card {folder.name}/{name}.json is damaged: its score is {card.score.part!r}, the "
            f"detector's parts are: {', '.join(detector.described)}"
        )
    try:
        detector.load_state_dict(safetensors.torch.load(data), strict=True)
    except (RuntimeError, safetensors.SafetensorError) as error:
        raise CardError(f"weights {folder.name}/{path.name} do not fit: {error}") from error
    return detector.eval().requires_grad_(False), card


def from_config(name: str, config: Mapping[str, Any], shape: Shape) -> Detector:
    """A detector for pictures of a shape, of random weights and without auxiliary models.

    Args:
        name: the detector's, or a checkpoint's of it.

    Raises:
        CardError: the config has a key, a type or a size that the detector cannot take, or it
            cannot take the shape.
    """
    try:
        cls = detector_class(name.partition(".")[0]).for_settings(config)
    except LookupError as error:
        raise CardError(str(error)) from error
    try:
        found = config_of(name, cls, config)
    except ValueError as error:
        raise CardError(str(error)) from error
    try:
        detector = cls(found, shape)
    except (ValueError, RuntimeError) as error:  # sizes that do not go together
        raise CardError(f"{name} cannot be built for {shape}, {dict(config)}: {error}") from error
    if detector.config.score not in detector.described:
        raise CardError(
            f"{name} has no part {detector.config.score!r} to be its score; it has: "
            f"{', '.join(detector.described)}"
        )
    return detector


def _pack_atlas(scores: ReferenceScores, atlas: Atlas | None, weights: Weights) -> bytes:
    """Scores, maps of reference images, and whose weights made them, as an .npz file."""
    arrays = {f"{s}/{p}": _planes(v) for s, parts in scores.sets.items() for p, v in parts.items()}
    maps = {} if atlas is None else to_arrays(atlas)
    if len(scores.exemplars):
        arrays["exemplars"] = scores.exemplars
    stream = io.BytesIO()
    np.savez_compressed(stream, weights=np.array(weights.sha256), **arrays, **maps)  # type: ignore[arg-type]
    return stream.getvalue()


def _planes(values: np.ndarray) -> np.ndarray:
    """Bytes (4, N) uint8 of numbers (N,) float32, the first of each in a row: it packs better."""
    if values.dtype != np.float32 or values.ndim != 1:
        return values
    return np.ascontiguousarray(values.astype("<f4").view(np.uint8).reshape(len(values), 4).T)


def _from_planes(stored: np.ndarray) -> np.ndarray:
    """Numbers (N,) float32 of their bytes (4, N); older files hold the numbers themselves."""
    if stored.dtype != np.uint8 or stored.ndim != 2 or len(stored) != 4:
        return stored
    return np.ascontiguousarray(stored.T).view("<f4")[:, 0].astype(np.float32)


def read_scores(folder: Path, card: Card) -> ReferenceScores:
    """What is stored in a folder beside the weights of a card, but for the maps.

    Raises:
        CardError: the file is missing, damaged, or of other weights.
    """
    found = _read_npz(folder, card, lambda key: "/" in key or key == "exemplars")
    exemplars = {"exemplars": found.pop("exemplars")} if "exemplars" in found else {}
    sets: dict[str, dict[str, np.ndarray]] = {}
    try:
        for key, values in found.items():
            set_name, _, part = key.partition("/")
            sets.setdefault(set_name, {})[part] = _from_planes(values)
        _check_scores(sets, card)
        if any(images.ndim != 4 or images.dtype != np.uint8 for images in exemplars.values()):
            raise ValueError(
                f"exemplar images must be (K, H, W, C) uint8, got {exemplars['exemplars'].shape}"
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
        counted = _counted(name, sets, card)
        for part, values in parts.items():
            if values.dtype.kind != "f" or values.ndim != 1:
                raise ValueError(f"{name}/{part} must be numbers (N,), got {values.shape}")
            if len(values) not in counted:
                raise ValueError(f"{name}/{part} has {len(values)} numbers of {max(counted)}")


def _counted(name: str, sets: Mapping[str, Mapping[str, np.ndarray]], card: Card) -> set[int]:
    """How many images of a set the card counts; where it counts several or none, as many as are."""
    strange = {m.n_strange for m in card.metrics.get(name, {}).values()}
    if strange:
        return strange
    normal = {m.n_normal for parts in card.metrics.values() for m in parts.values()}
    others = [other for other in sets if other not in card.metrics]
    return normal if len(others) == 1 and normal else {len(next(iter(sets[name].values())))}


def read_atlas(folder: Path, card: Card) -> Atlas:
    """Maps of the reference images' codes, as stored in a folder beside the weights of a card.

    Raises:
        CardError: there is none, or the file is missing, damaged, or of other weights.
    """
    arrays = _read_npz(folder, card, lambda key: "/" not in key and key != "exemplars")
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
        with opened_npz(path) as stored:
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
