"""What is normal, what is strange, and which images show it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.atlas import LAYOUTS, POINTS, LayoutName
from core.cache import Cache, stamp
from core.data.transforms import CONTROLS, flat_images, noise_images
from core.errors import OutskirtsError, complaint, no_arrays
from core.files import FileError, read_text, write_whole
from core.settings import settings
from core.shape import Shape

__all__ = [
    "General",
    "ImageSet",
    "Pictures",
    "Scenario",
    "ScenarioError",
    "Training",
    "build_reference",
    "forget_pictures",
    "load_scenario",
    "scenario_names",
]


REST = "rest"  # the set that joins all classes but the normal one


class ScenarioError(OutskirtsError):
    """A scenario is unknown, or its folder does not hold what it should."""


class _Strict(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


SetName = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
ModelName = Annotated[str, Field(pattern=r"^[a-z0-9_-]+(\.[a-z0-9_-]+)?$")]  # files are called so


class ImageSet(_Strict):
    """A named set of images: of a public source, or a change of the normal ones.

    Attributes:
        only: the one class, by its index, that the source's images are of; None: all of them.
        joins: holds the images of all other strange sets, in their order, and none of its own.
    """

    name: SetName
    title: str
    text: str
    source: str | None = None
    change: Literal["turned", "flipped", "inverted", "noise", "flat"] | None = None
    classes: tuple[str, ...] = ()
    only: int | None = None
    joins: bool = False
    licence: str

    @model_validator(mode="after")
    def _has_images(self) -> ImageSet:
        if (self.source is not None) + (self.change is not None) + self.joins != 1:
            raise ValueError(f"set {self.name!r} needs either a source or a change")
        return self


class Split(_Strict):
    """How many training images calibrate instead of train, and the seed that draws them."""

    calibration: int = Field(gt=0)
    seed: int


class General(_Strict):
    """Images of many things that general models and outlier losses learn from; none is shown."""

    title: str
    text: str
    source: str
    licence: str
    limit: str


class Training(_Strict):
    """Settings of one model's training, fixed before it starts.

    Attributes:
        title: the model's name on pages; a detector's first model may do without.
        text: what is special about it, in a sentence.
        minutes: shared out among the phases; None: each phase runs the epochs it declares.
        seeds: models of other seeds whose spread this one's card reports.
        points, layouts: of the maps of its codes.
        deviations, limits: what its card says beside what is true of the method anywhere.
    """

    title: str = ""
    text: str = ""
    minutes: float | None = Field(None, gt=0)
    batch_size: int = Field(gt=0)
    seed: int = 0
    seeds: tuple[str, ...] = ()
    points: int = Field(POINTS, gt=0)
    layouts: tuple[LayoutName, ...] = LAYOUTS
    config: dict[str, Any] = {}
    deviations: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


class Scenario(_Strict):
    """The schema of scenario.json.

    Attributes:
        image: channels, height and width of a picture: the one place where they stand.
        images: where the shown images are; "shipped" means in reference.npz, "scenario:NAME" in
            that scenario's, those of the same source.
        general: images of many things, for models that learn from them.
        variants: a name for each class of the normal set; each in turn is the normal one, and the
            others are strange (see `member`). ``strange`` is empty then.
        training: settings a model, by its name: DETECTOR or DETECTOR.MODEL.
        limits: of every model that learned here; a sentence each.
    """

    schema_version: Literal[1] = Field(alias="schema")
    name: SetName
    title: str
    question: str
    normal: ImageSet
    strange: tuple[ImageSet, ...]
    image: Shape
    images: str = Field(pattern=r"^(shipped|scenario:.+|package:.+|data:.+)$")
    split: Split
    general: General | None = None
    variants: tuple[SetName, ...] = ()  # each becomes a set's name, and part of file names
    training: dict[ModelName, Training] = {}
    limits: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Scenario:
        names = [s.name for s in self.sets]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"two sets are called {', '.join(twice)}")
        if self.normal.source is None:
            raise ValueError("the normal set needs a source")
        classes = len(self.normal.classes)
        if self.variants and (self.strange or classes < 2 or len(self.variants) != classes):
            raise ValueError("variants are one for each of several classes, without strange sets")
        if REST in self.variants or len(set(self.variants)) != len(self.variants):
            raise ValueError(f"variants must differ from each other and from {REST!r}")
        Shape.checked(self.image)
        return self

    @property
    def family(self) -> str:
        """Name of its folder: its own, or that of the scenario whose `member` it is."""
        return self.name.partition(".")[0]

    @property
    def shape(self) -> Shape:
        return self.image

    @property
    def folder(self) -> Path:
        return settings().checkpoints / self.family

    @property
    def reference_scenario(self) -> Scenario:
        """The scenario whose reference.npz holds the shown images: itself, or another."""
        kind, _, other = self.images.partition(":")
        return load_scenario(other) if kind == "scenario" else self

    @property
    def sets(self) -> tuple[ImageSet, ...]:
        """The normal set, then the strange ones."""
        return (self.normal, *self.strange)

    @property
    def own_sets(self) -> tuple[ImageSet, ...]:
        """`sets` but the one that joins others: every image once."""
        return tuple(s for s in self.sets if not s.joins)

    def joined(
        self, numbers: Mapping[str, Mapping[str, np.ndarray]]
    ) -> dict[str, Mapping[str, np.ndarray]]:
        """Numbers (N,) by set and part in the order of `sets`, also of those that join others."""
        found = {s.name: numbers[s.name] for s in self.own_sets}
        pieces = [parts for name, parts in found.items() if name != self.normal.name]
        if len(found) < len(self.sets):
            together = {part: np.concatenate([p[part] for p in pieces]) for part in pieces[0]}
            found = {s.name: found.get(s.name, together) for s in self.sets}
        return found

    def member(self, variant: str) -> Scenario:
        """The scenario in which one class is normal: REST, and each other class, are strange.

        Raises:
            ScenarioError: there is no such variant.
        """
        if variant not in self.variants:
            known = ", ".join(self.variants) or "none"
            raise ScenarioError(f"scenario {self.name} has no variant {variant!r}; has: {known}")
        whole = self.normal
        sets = [
            whole.model_copy(
                update={
                    "name": name,
                    "title": whole.classes[i].capitalize(),
                    "text": f"The test images of {whole.source} of this class.",
                    "only": i,
                }
            )
            for i, name in enumerate(self.variants)
        ]
        normal = sets.pop(self.variants.index(variant))
        rest = ImageSet(
            name=REST,
            title="All others",
            text=f"All {whole.title.lower()} but {normal.title}.",
            classes=whole.classes,
            joins=True,
            licence=whole.licence,
        )
        update = {
            "name": f"{self.name}.{variant}",
            "title": f"{self.title}: {normal.title}",
            "normal": normal,
            "strange": (rest, *sets),
            "variants": (),
            "training": {f"{name}.{variant}": t for name, t in self.training.items()},
        }
        return self.model_copy(update=update)

    def set_named(self, name: str) -> ImageSet:
        """The set of that name.

        Raises:
            ScenarioError: there is none.
        """
        for image_set in self.sets:
            if image_set.name == name:
                return image_set
        names = ", ".join(s.name for s in self.sets)
        raise ScenarioError(f"scenario {self.name} has no set {name!r}; it has: {names}")

    def training_of(self, detector: str) -> Training:
        """Training settings of a detector.

        Raises:
            ScenarioError: scenario.json has none.
        """
        if detector not in self.training:
            known = ", ".join(self.training) or "none"
            raise ScenarioError(
                f"scenario {self.name} has no training settings for {detector!r}; it has: {known}"
            )
        return self.training[detector]

    def pictures(self, name: str) -> Pictures:
        """Reference images of the set of that name, as detectors see them.

        Raises:
            ScenarioError: no such set, or reference.npz is missing or damaged.
        """
        image_set = self.set_named(name)
        if image_set.joins:  # no second copy is kept
            pieces = [self.pictures(s.name) for s in self.strange if not s.joins]
            images = np.concatenate([p.images for p in pieces])
            return Pictures(name, images, np.concatenate([p.labels for p in pieces]))
        key = (self.folder, name)  # one class is the same set in every member of the family
        return _pictures.get(key, _version(self, image_set), lambda: _made(self, image_set))


@dataclass(frozen=True)
class Pictures:
    """Reference images (N, H, W, C) uint8 with labels (N,) and ids "set#i"."""

    name: str
    images: np.ndarray
    labels: np.ndarray

    def ids(self) -> list[str]:
        """The name of each image, "set#i"."""
        return [f"{self.name}#{i}" for i in range(len(self.images))]


def scenario_names() -> list[str]:
    """Names of the scenarios that have a folder, sorted."""
    return sorted(p.parent.name for p in settings().checkpoints.glob("*/scenario.json"))


_scenarios = Cache[Scenario](limit=512 * 1024, sized=lambda scenario: 1024)


def load_scenario(name: str) -> Scenario:
    """Read and check a scenario; "NAME.VARIANT" is the `member` in which that class is normal.

    It is read anew when its file has changed.

    Raises:
        ScenarioError: unknown name, or scenario.json does not fit the schema.
    """
    path = settings().checkpoints / name.partition(".")[0] / "scenario.json"
    return _scenarios.get((path, name), stamp(path), lambda: _read_scenario(path, name))


def _read_scenario(path: Path, name: str) -> Scenario:
    family, dot, variant = name.partition(".")
    if family not in scenario_names():
        known = ", ".join(scenario_names()) or f"none in {settings().checkpoints}"
        raise ScenarioError(f"no scenario {name!r}; there are: {known}")
    if dot:
        return load_scenario(family).member(variant)
    try:
        scenario = Scenario.model_validate_json(read_text(path))
    except ValidationError as error:
        raise ScenarioError(f"{name}/scenario.json: {complaint(error)}") from error
    except (FileError, FileNotFoundError) as error:
        raise ScenarioError(f"{name}/scenario.json cannot be read: {error}") from error
    if scenario.name != name:
        raise ScenarioError(f"{name}/scenario.json names itself {scenario.name!r}")
    return scenario


CONTROL_IMAGES = 1000
CONTROL_SEED = 0


def build_reference(
    scenario: Scenario, sources: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> str:
    """Write reference.npz; return its sha256.

    Args:
        sources: set name to test images (N, H, W, C) uint8 and labels (N,).

    Raises:
        FileError: it cannot be written.
    """
    arrays: dict[str, Any] = {}
    for name, (images, labels) in sources.items():
        arrays[f"{name}/images"] = images
        arrays[f"{name}/labels"] = labels.astype(np.uint8)
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    write_whole(scenario.folder / "reference.npz", packed.getvalue())
    return hashlib.sha256(packed.getvalue()).hexdigest()


Shipped = Mapping[str, tuple[np.ndarray, np.ndarray]]  # set name to images and labels
_shipped = Cache[Shipped](
    limit=200_000_000, sized=lambda sets: sum(i.nbytes + k.nbytes for i, k in sets.values())
)
_pictures = Cache[Pictures](
    limit=400_000_000, sized=lambda found: found.images.nbytes + found.labels.nbytes
)


def _read_shipped(path: Path, name: str) -> Shipped:
    try:
        with np.load(path, allow_pickle=False) as stored:
            sets = {key.rpartition("/")[0] for key in stored.files}
            return {
                s: (_with_channels(stored[f"{s}/images"]), stored[f"{s}/labels"].astype(int))
                for s in sets
            }
    except FileNotFoundError as error:
        raise ScenarioError(
            f"{name}/reference.npz is missing: `python -m core train` makes it from training data"
        ) from error
    except Exception as error:  # zlib, zipfile and numpy each have their own for a damaged file
        raise ScenarioError(f"{name}/reference.npz cannot be read: {no_arrays(error)}") from error


def _with_channels(images: np.ndarray) -> np.ndarray:
    """Stored images (N, H, W[, C]) as (N, H, W, C): grey ones may do without."""
    return images[..., None] if images.ndim == 3 else images


def _version(scenario: Scenario, image_set: ImageSet) -> Hashable:
    """All that a set's pictures are made of."""
    changed = scenario.normal if image_set.change in CONTROLS else None
    folder, reference = scenario.folder, scenario.reference_scenario.folder
    files = folder / "scenario.json", reference / "scenario.json", reference / "reference.npz"
    return image_set, changed, scenario.shape, *map(stamp, files)


def _made(scenario: Scenario, image_set: ImageSet) -> Pictures:
    """Pictures of a set: of its source, or a change of the normal ones."""
    name = image_set.name
    if image_set.change is not None and image_set.change in CONTROLS:
        normal = scenario.pictures(scenario.normal.name)
        return Pictures(name, CONTROLS[image_set.change](normal.images), normal.labels)
    if image_set.change is not None:
        make = noise_images if image_set.change == "noise" else flat_images
        images = make(CONTROL_IMAGES, scenario.shape, seed=CONTROL_SEED)
        return Pictures(name, images, np.full(len(images), -1))
    if image_set.only is None:
        images, labels = _of_source(scenario, image_set)
    else:  # a class of the whole family's normal set
        family = load_scenario(scenario.family)
        images, labels = _of_source(family, family.normal)
        chosen = labels == image_set.only
        images, labels = images[chosen], labels[chosen]
    return Pictures(name, images, labels)


def _of_source(scenario: Scenario, image_set: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """Test images and labels of a set's source, the scenario's own or those of another."""
    reference, name = scenario.reference_scenario, image_set.name
    if reference is not scenario:
        name = next((s.name for s in reference.sets if s.source == image_set.source), "")
    path = reference.folder / "reference.npz"
    shipped = _shipped.get(path, stamp(path), lambda: _read_shipped(path, reference.family))
    if name not in shipped:
        raise ScenarioError(
            f"{reference.family}/reference.npz holds no set {image_set.name!r} of "
            f"{image_set.source}"
        )
    images, labels = shipped[name]
    if images.shape[1:] != scenario.shape.pixels:
        raise ScenarioError(
            f"{reference.family}/reference.npz holds images of {images.shape[1:]} in "
            f"{image_set.name!r}, scenario {scenario.name} has {scenario.shape}"
        )
    return images, labels


def forget_pictures() -> None:
    """Read reference images anew at the next call: the file has changed."""
    _shipped.cache_clear()
    _pictures.cache_clear()
