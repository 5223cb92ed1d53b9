"""What is normal, what is strange, and which images show it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError, model_validator

from core.cache import Cache, freeze, stamp
from core.data.reference import Pictures, at_hand, laid_out, read_reference, write_reference
from core.data.sources import is_at_hand, source_named
from core.data.splits import labelled_class
from core.data.transforms import CONTROLS, flat_images, noise_images
from core.data.views import Joined
from core.errors import ScenarioError, complaint
from core.files import FileError, read_text
from core.schema import (
    REST,
    ImageSet,
    ScenarioSets,
    SetName,
    Split,
    StartTile,
    Training,
    class_model,
)
from core.settings import settings
from core.shape import Shape

__all__ = [
    "REST",
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

CONTROL_IMAGES, CONTROL_SEED, CONTROL_BYTES = 1000, 0, 2**28  # of a large shape there are fewer
OF_SHARE = re.compile(r"(.+)-[0-9]{2}")  # a variant CLASS-GG


class Scenario(ScenarioSets):
    """The schema of scenario.json.

    Attributes:
        image: channels, height and width of a picture: the one place where they stand.
        images: where the shown images are; "shipped" means in reference.npz, "scenario:NAME" in
            that scenario's, those of the same source.
        variants: a name for each class of the normal set; each in turn is the normal one, and the
            others are strange (see `member`). ``strange`` is empty then.
        training: settings a model, by its name: DETECTOR or DETECTOR.MODEL. Where there are
            variants, DETECTOR is a model of each class (of each share of known anomalies, where
            it has shares), DETECTOR.MODEL one of all: see `shared`.
        labelled: of a `member`, the class, by its index, that its known anomalies are of; None
            where no training has shares.
        limits: of every model that learned here; a sentence each.
        ships_training: whether training images may ship, such as those that a detector holds.
        start: states of pages that are worth a look, in the order in which they are shown.
    """

    schema_version: Literal[1] = Field(alias="schema")
    name: SetName
    title: str
    question: str
    image: Shape
    images: str = Field(pattern=r"^(shipped|scenario:.+)$")
    split: Split
    variants: tuple[SetName, ...] = ()  # each becomes a set's name, and part of file names
    limits: tuple[str, ...] = ()
    ships_training: bool = True
    start: tuple[StartTile, ...] = ()
    labelled: int | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Scenario:
        classes, more = len(self.normal.classes), (*self.strange, *self.others)
        if self.variants and (more or classes < 2 or len(self.variants) != classes):
            raise ValueError("variants are one for each of several classes, without strange sets")
        if REST in self.variants or len(set(self.variants)) != len(self.variants):
            raise ValueError(f"variants must differ from each other and from {REST!r}")
        if twice := [m for m in self.shared if self.class_of(m.partition(".")[2])]:
            raise ValueError(f"{', '.join(twice)} in training is called as the model of a class is")
        self._shares_fit()
        Shape.checked(self.image)
        self.check_shipping([s.name for s in self.sets if self.is_at_hand(s)])
        return self

    @staticmethod
    def is_at_hand(image_set: ImageSet) -> bool:
        """Whether the pictures of an ``image_set`` come with a package, and none ships here."""
        return not image_set.shipped and is_at_hand(image_set.source or "")

    def _shares_fit(self) -> None:
        if self.labelled is not None:
            raise ValueError("labelled is drawn by the seed of split, a class for each variant")
        shares = {share for training in self.training.values() for share in training.shares}
        if shares and not self.variants:
            raise ValueError("shares of known anomalies are of variants, and there are none")
        if shares and len(self.variants) < 3:
            raise ValueError("shares need three classes: a normal, a known and a never-seen one")
        if wrong := [name for name in self.shared if self.training[name].shares]:
            raise ValueError(f"{', '.join(wrong)} is of all variants: it has no shares")
        if twice := {f"{v}-{share}" for v in self.variants for share in shares} & {*self.variants}:
            raise ValueError(f"variant {min(twice)} is called as one with a share is")

    @property
    def family(self) -> str:
        """Name of its folder: its own, or that of the scenario whose `member` it is."""
        return self.name.partition(".")[0]

    @property
    def shared(self) -> tuple[str, ...]:
        """Names of models that learn once for all variants, whose own models ask them.

        Normal to them is the whole normal set; there is nothing strange that they could find.
        """
        return tuple(name for name in self.training if self.variants and "." in name)

    def class_of(self, variant: str) -> str | None:
        """The class that the ``variant`` of a model names: CLASS, or CLASS-GG with labels' share.

        None where there is no such class.
        """
        with_share = OF_SHARE.fullmatch(variant)
        names = (variant, with_share[1]) if with_share else (variant,)
        return next((v for v in names if v in self.variants), None)

    def variants_of(self, detector: str) -> tuple[str, ...]:
        """Variants of a detector's models: classes, or each with each of the detector's shares."""
        training = self.training.get(detector)
        if training is None or not training.shares:
            return self.variants
        return tuple(f"{v}-{share}" for v in self.variants for share in training.shares)

    def share_of(self, variant: str) -> str | None:
        """Per cent of known anomalies, GG, that a variant CLASS-GG names; None of any other."""
        if (own := self.class_of(variant)) in (None, variant):
            return None
        return variant.removeprefix(f"{own}-")

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

    def normal_of(self, strange: str) -> ImageSet:
        """The normal set that a strange one is measured against.

        Raises:
            ScenarioError: there is no such set, or it is not strange.
        """
        image_set = self.set_named(strange)
        if image_set.role == "normal":
            raise ScenarioError(f"{strange!r} is the normal set, not a strange one")
        if image_set.role != "strange":
            raise ScenarioError(f"{strange!r} is unjudged: it is measured against nothing")
        return self.set_named(image_set.against or self.normal.name)

    def joined(
        self, numbers: Mapping[str, Mapping[str, np.ndarray]]
    ) -> dict[str, Mapping[str, np.ndarray]]:
        """Numbers (N,) by set and part, in the order of `sets`; borrowed images have their owners'.

        Args:
            numbers: of `own_sets`, set name to part name to (N,).
        """
        return {s.name: self._numbers(s, numbers) for s in self.sets}

    def _numbers(
        self, image_set: ImageSet, numbers: Mapping[str, Mapping[str, np.ndarray]]
    ) -> Mapping[str, np.ndarray]:
        if image_set.joins:
            pieces = [numbers[s.name] for s in self._pieces()]
            return {part: np.concatenate([p[part] for p in pieces]) for part in pieces[0]}
        if image_set.part_of is not None:
            rows = self.pictures(image_set.part_of).labels == image_set.only
            return {part: values[rows] for part, values in numbers[image_set.part_of].items()}
        return numbers[image_set.name]

    def _pieces(self) -> list[ImageSet]:
        """Strange sets with images of their own: those that one may join."""
        own = {s.name for s in self.own_sets}
        return [s for s in self.strange if s.name in own]

    def member(self, variant: str) -> Scenario:
        """The scenario in which one class is normal: REST, and each other class, are strange.

        Raises:
            ScenarioError: there is no such variant.
        """
        if variant not in self.variants:
            known = ", ".join(self.variants) or "none"
            raise ScenarioError(f"scenario {self.name} has no variant {variant!r}; has: {known}")
        whole, sets = self.normal, self._classes()
        normal = sets.pop(self.variants.index(variant)).model_copy(update={"role": "normal"})
        rest = ImageSet(
            name=REST,
            title="All others",
            text=f"All {whole.title.lower()} but {normal.title}.",
            classes=whole.classes,
            first=None,
            joins=True,
            licence=whole.licence,
        )
        update = {
            "name": f"{self.name}.{variant}",
            "title": f"{self.title}: {normal.title}",
            "normal": normal,
            "strange": (rest, *sets),
            "variants": (),
            "training": self._training_of_class(variant),
            "labelled": self._labelled_of_class(variant),
            "start": tuple(tile.filled(variant, normal, sets[-1]) for tile in self.start),
        }
        return self.model_copy(update=update)

    def _training_of_class(self, variant: str) -> dict[str, Training]:
        """Settings of the models of one class, by their names."""
        models: dict[str, Training] = {}
        for name, training in self.training.items():
            if "." in name:
                continue
            if not training.shares:
                models[class_model(name, variant)] = training
            for share in training.shares:
                models[class_model(f"{name}-{share}", variant)] = training.of_share(share)
        return models

    def _labelled_of_class(self, variant: str) -> int | None:
        if not any(training.shares for training in self.training.values()):
            return None
        normal = self.variants.index(variant)
        return labelled_class(normal, len(self.variants), seed=self.split.seed)

    def _classes(self) -> list[ImageSet]:
        """A strange set for each class of the normal one, in the order of variants."""
        whole = self.normal
        return [
            whole.model_copy(
                update={
                    "name": name,
                    "role": "strange",
                    "title": whole.classes[i].capitalize(),
                    "text": f"The test images of {whole.source} of this class.",
                    "only": i,
                }
            )
            for i, name in enumerate(self.variants)
        ]

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
            pieces = [self.pictures(s.name) for s in self._pieces()]
            packed = [p.packed for p in pieces if p.packed is not None]
            return Pictures(
                name,
                Joined([p.images for p in pieces]),
                np.concatenate([p.labels for p in pieces]),
                np.concatenate(packed) if len(packed) == len(pieces) else None,
            )
        if image_set.part_of is not None:
            whole = self.pictures(image_set.part_of)
            return whole.chosen(name, np.flatnonzero(whole.labels == image_set.only))
        key = (self.folder, name)  # one class is the same set in every member of the family
        return _pictures.get(key, _version(self, image_set), lambda: freeze(_made(self, image_set)))


def scenario_names() -> list[str]:
    """Names of the scenarios that have a folder, sorted."""
    return sorted(p.parent.name for p in settings().checkpoints.glob("[!.]*/scenario.json"))


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


def build_reference(scenario: Scenario, sources: Mapping[str, tuple[np.ndarray, ...]]) -> str:
    """Write reference.npz; return its sha256.

    Args:
        sources: set name to test images (N, H, W, C) uint8, labels (N,) and, where there are any,
            masks (N, H, W) of 0 and 1.

    Raises:
        FileError: it cannot be written.
    """
    path = scenario.folder / "reference.npz"
    away = {s.name: source_named(s.source or "") for s in scenario.sets if not s.shipped}
    versions = {name: source.version() for name, source in away.items()}
    return write_reference(path, sources, elsewhere=away, versions=versions)


_shipped = Cache[Mapping[str, Pictures]](
    limit=200_000_000, sized=lambda sets: sum(pictures.nbytes for pictures in sets.values())
)
_pictures = Cache[Pictures](limit=400_000_000, sized=lambda pictures: pictures.nbytes)


def _version(scenario: Scenario, image_set: ImageSet) -> Hashable:
    """All that a set's pictures are made of."""
    changed = scenario.normal if image_set.change in CONTROLS else None
    folder, reference = scenario.folder, scenario.reference_scenario.folder
    files = [folder / "scenario.json", reference / "scenario.json", reference / "reference.npz"]
    if not image_set.shipped and image_set.source is not None:
        files += source_named(image_set.source).watched(settings().data)
    return image_set, changed, scenario.shape, *map(stamp, files)


def _made(scenario: Scenario, image_set: ImageSet) -> Pictures:
    """Pictures of a set: of its source, or a change of the normal ones."""
    name = image_set.name
    if image_set.change is not None and image_set.change in CONTROLS:
        normal = scenario.pictures(scenario.normal.name)
        changed = CONTROLS[image_set.change]
        images = normal.images if normal.elsewhere else changed(normal.images[:])
        return Pictures(name, images, normal.labels)
    if image_set.change is not None:
        make = noise_images if image_set.change == "noise" else flat_images
        count = min(CONTROL_IMAGES, CONTROL_BYTES // int(np.prod(scenario.shape)))
        images = make(count, scenario.shape, seed=CONTROL_SEED)
        return Pictures(name, images, np.full(len(images), -1))
    if scenario.name == scenario.family:
        return _of_source(scenario, image_set)
    family = load_scenario(scenario.family)  # a class of the whole family's normal set
    whole = _of_source(family, family.normal)
    return whole.chosen(name, np.flatnonzero(whole.labels == image_set.only))


def _of_source(scenario: Scenario, image_set: ImageSet) -> Pictures:
    """Test images of a set's source, the scenario's own or those of another."""
    reference, name = scenario.reference_scenario, image_set.name
    if reference is not scenario:
        same = image_set.source, image_set.only
        name = next((s.name for s in reference.sets if (s.source, s.only) == same), "")
    path, model = reference.folder / "reference.npz", reference.first_model
    shipped = _shipped.get(path, stamp(path), lambda: read_reference(path, reference.family, model))
    if name not in shipped:
        raise ScenarioError(
            f"{reference.family}/reference.npz holds no set {image_set.name!r} of "
            f"{image_set.source}: delete it, and training makes it again"
        )
    stored = shipped[name]
    if stored.images.shape[1:] != scenario.shape.pixels:
        raise ScenarioError(
            f"{reference.family}/reference.npz holds images of {stored.images.shape[1:]} in "
            f"{image_set.name!r}, scenario {scenario.name} has {scenario.shape}"
        )
    if image_set.masks and stored.packed is None:
        raise ScenarioError(f"{path.parent.name}/{path.name} holds no masks of {image_set.name!r}")
    found = dataclasses.replace(stored, name=image_set.name)
    if image_set.shipped or image_set.source is None:
        return found
    if not stored.elsewhere:
        raise ScenarioError(
            f"{reference.family}/reference.npz holds the pictures of {image_set.name!r}, which is "
            "not to ship: delete it, and training makes it again"
        )
    source = source_named(image_set.source)
    absence = "not here" if source.at_hand else "not shipped"
    words = f"the pictures of {image_set.title!r} are {absence}; {image_set.had}"
    if source.at_hand:
        return at_hand(found, source, image_set.only, image_set.first, words=words)
    return laid_out(found, source, settings().data, first=image_set.first, words=words)


def forget_pictures() -> None:
    """Read reference images anew at the next call: the file has changed."""
    _shipped.cache_clear()
    _pictures.cache_clear()
