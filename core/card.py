"""The card of a checkpoint: whence its weights come, which part is its score, how good it is."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import NotTrained, OutskirtsError, complaint
from core.evaluate.metrics import Metrics
from core.evaluate.pixels import PixelMetrics
from core.files import FileError, read_text
from core.shape import Shape

__all__ = [
    "Calibration",
    "Card",
    "CardError",
    "CardMissing",
    "Golden",
    "Input",
    "Pixels",
    "Score",
    "Seeds",
    "Trained",
    "TrainedOn",
    "Weights",
    "packed",
    "read_card",
    "stem",
    "unpacked",
]


class CardError(OutskirtsError):
    """A checkpoint is missing, damaged, or its files do not belong together."""


class CardMissing(CardError, NotTrained):
    """A model is not trained yet."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class TrainedOn(_Strict):
    """Training images: the set, how many, and the sha256 of their pixels in order.

    Attributes:
        known: how many of them are known anomalies.
        known_class: the class that these are of, where it is one of the normal set's own.
    """

    name: str
    images: int
    # Left out where there are none, as in older cards, so that these keep their seals.
    known: int = Field(0, exclude_if=lambda v: v == 0)
    known_class: str = Field("", exclude_if=lambda v: v == "")
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


class Input(_Strict):
    """What a model is given: pictures of one shape.

    Attributes:
        range: of their numbers.
        fitted: how an image of another size becomes one.
    """

    shape: Shape
    range: str = "grey levels or colours 0 to 255 as 0 to 1"
    fitted: str = "the longer side fitted, centred on black"

    @field_validator("shape")
    @classmethod
    def _is_one(cls, shape: Shape) -> Shape:
        return Shape.checked(shape)


class Score(_Strict):
    """Which part is the score, why, and where its threshold lies."""

    part: str
    unit: str
    direction: Literal["larger is stranger"] = "larger is stranger"
    why: str
    threshold: float
    threshold_rule: str


class Calibration(_Strict):
    """1,001 quantiles a part, of held-out normal images.

    Attributes:
        quantiles: `packed`, or, in older cards, whose seals hold, the numbers themselves.
    """

    images: int
    quantiles: dict[str, str | tuple[float, ...]]


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


class Pixels(_Strict):
    """How well the detector's own map of its score finds the true pixels, where these are known.

    Attributes:
        images: whose maps were made, normal ones too.
        figures: by strange set with masks.
        aupimo: of each image in order, by set that holds no other; None where its mask is empty.
    """

    images: int
    figures: dict[str, PixelMetrics]
    aupimo: dict[str, tuple[float | None, ...]]


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
        input: the pictures that it takes.
        pixels: figures of its own map, where true pixels are known and it has one.
        figures: other numbers of the normal test images, such as bits per dimension.
        auxiliary_models: checkpoints that it asks while scoring, with the sha256 of their weights.
        seeds: how far its figures move from seed to seed, where that was measured.
    """

    schema_version: Literal[1] = Field(alias="schema")
    scenario: str
    detector: str
    variant: str | None = None
    input: Input
    config: dict[str, Any]
    paper: dict[str, str | int]
    deviations: tuple[str, ...]
    data: TrainedOn
    training: Trained
    score: Score
    validation: dict[str, dict[str, float]]
    calibration: Calibration
    metrics: dict[str, dict[str, Metrics]]
    pixels: Pixels | None = Field(None, exclude_if=lambda v: v is None)  # older cards keep seals
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
        return rest.model_copy(
            update={"seal": hashlib.sha256(rest.model_dump_json().encode()).hexdigest()}
        )

    def check_shape(self, shape: Shape, whose: str) -> None:
        """Refuse another shape of pictures than the model takes; ``whose`` it is, for the message.

        Raises:
            CardError: with both shapes.
        """
        if self.input.shape != shape:
            raise CardError(
                f"{self.scenario}/{self.name} takes pictures of {self.input.shape}, {whose} has "
                f"{shape}: train it again"
            )

    @property
    def name(self) -> str:
        return stem(self.detector, self.variant)

    def quantiles(self, part: str) -> np.ndarray:
        """The stored quantiles (1001,) float64 of a part over calibration normals.

        Raises:
            CardError: there are none, or they are damaged.
        """
        stored = self.calibration.quantiles.get(part, ())
        try:
            found = unpacked(stored) if isinstance(stored, str) else np.array(stored)
        except (ValueError, zlib.error):
            found = np.zeros(0)
        if len(found) < 2 or not (np.isfinite(found).all() and (np.diff(found) >= 0).all()):
            raise CardError(
                f"card {self.scenario}/{self.name}.json is damaged: it holds no quantiles of "
                f"{part!r} that rise"
            )
        return found

    def text(self) -> str:
        """The card as its file holds it: JSON, short dicts and lists of numbers in a line each."""
        return _laid_out(json.loads(self.model_dump_json())) + "\n"


SHORT = 30  # letters: a line holds what is shorter, of one list or dict


def _laid_out(value: Any, indent: str = "") -> str:
    """JSON of a value, whose first line is indented already."""
    inner = indent + " "
    if isinstance(value, dict):
        ends, prefixes, values = "{}", [f"{json.dumps(k)}: " for k in value], list(value.values())
    elif isinstance(value, list):
        ends, prefixes, values = "[]", [""] * len(value), value
    else:
        return json.dumps(value, ensure_ascii=False)
    texts = [_laid_out(v, inner) for v in values]
    entries = [prefix + text for prefix, text in zip(prefixes, texts, strict=True)]
    nested = any(isinstance(v, dict | list) and v for v in values)
    if not nested and all(len(text) <= SHORT for text in texts):
        return ends[0] + ", ".join(entries) + ends[1]
    return f"{ends[0]}\n{inner}" + f",\n{inner}".join(entries) + f"\n{indent}{ends[1]}"


ROWS = "rows:"  # before what is packed by the rows of its bytes
LARGEST = 2**63  # that no whole number of a card reaches
MOST = 100_000  # quantiles that are unpacked at most


def packed(quantiles: np.ndarray) -> str:
    """Quantiles (1001,) as a card holds them: float32, first the first byte of each, in base64.

    Rising numbers share their last bytes: zlib makes them less than two thirds.

    Example:
        >>> unpacked(packed(np.array([0.25, 0.5]))).tolist()
        [0.25, 0.5]
    """
    rows = quantiles.astype("<f4").view(np.uint8).reshape(len(quantiles), 4).T
    return ROWS + base64.b64encode(zlib.compress(rows.tobytes(), 9)).decode()


def unpacked(text: str) -> np.ndarray:
    """Quantiles (1001,) float64 of a ``text`` that `packed` made.

    Without the word before it, it is the float32 one after the other, as they were first packed.

    Raises:
        ValueError: it is no such text, or of more than `MOST` quantiles.
        zlib.error: what it packs is damaged.

    Example:
        >>> unpacked("AAAAAAAAAD8=").tolist()
        [0.0, 0.5]
    """
    data = base64.b64decode(text.removeprefix(ROWS), validate=True)
    if text.startswith(ROWS):
        packer = zlib.decompressobj()
        whole = packer.decompress(data, 4 * MOST)
        if not packer.eof:
            raise ValueError(f"more than {MOST:,} quantiles, or cut short")
        rows = np.frombuffer(whole, np.uint8).reshape(4, -1)
        data = np.ascontiguousarray(rows.T).tobytes()
    return np.frombuffer(data, "<f4").astype(np.float64)


def stem(detector: str, variant: str | None) -> str:
    """File name of a checkpoint without its ending: that of the detector, and of a variant."""
    return detector if variant is None else f"{detector}.{variant}"


def read_card(folder: Path, name: str) -> Card:
    """Read and check the card of the checkpoint ``name`` in a folder.

    Raises:
        CardError: it is missing or does not fit the schema; `CardMissing` where there are no
            weights either.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        weights = folder / f"{name}.safetensors"
        raise (CardError if weights.exists() else CardMissing)(
            f"no checkpoint {folder.name}/{name}: train it with "
            f"`python -m core train {folder.name}/{name}`"
        )
    try:
        card = Card.model_validate_json(read_text(path))
    except (ValidationError, FileError, FileNotFoundError) as error:
        raise CardError(f"card {folder.name}/{path.name} is damaged: {complaint(error)}") from error
    if card.seal != card.sealed().seal:
        raise CardError(f"card {folder.name}/{path.name} is damaged: it does not fit its own seal")
    if why := _beyond_use(card):
        raise CardError(f"card {folder.name}/{path.name} is damaged: {why}")
    if (card.scenario, card.name) != (folder.name, name):
        raise CardError(
            f"card {folder.name}/{path.name} belongs to {card.scenario}/{card.name}, not here"
        )
    return card


def _beyond_use(card: Card) -> str:
    """What is wrong with a card that its schema and its seal let through, or ""."""
    if any(abs(number) >= LARGEST for number in _whole_numbers(card)):
        return "a whole number in it is larger than 64 bits hold"
    return ""


def _whole_numbers(value: Any) -> Iterator[int]:
    """Every whole number of a card, at any depth."""
    if isinstance(value, int):
        yield value
    elif isinstance(value, BaseModel):
        yield from _whole_numbers(dict(value))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from _whole_numbers(vars(value))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _whole_numbers(one)
    elif isinstance(value, tuple | list) and not (value and isinstance(value[0], float)):
        for one in value:
            yield from _whole_numbers(one)
