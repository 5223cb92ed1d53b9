"""What scenario.json is made of: sets of images with roles, where they come from, trainings."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.atlas import LAYOUTS, POINTS, LayoutName

__all__ = [
    "REST",
    "ImageSet",
    "ModelName",
    "ScenarioSets",
    "SetName",
    "SetRole",
    "Share",
    "Split",
    "StartTile",
    "Strict",
    "Training",
    "TrainingSource",
    "class_model",
    "model_of",
]

REST = "rest"  # the set that joins all classes but the normal one


class Strict(BaseModel):
    """Frozen; an unknown key is an error, and so is a number without end."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


SetName = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
ModelName = Annotated[str, Field(pattern=r"^[a-z0-9_-]+(\.[a-z0-9_-]+)?$")]  # files are called so
SetRole = Literal["normal", "strange", "unjudged"]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Count = Annotated[int, Field(gt=0, lt=2**31)]
Share = Annotated[str, Field(pattern=r"^[0-9]{2}$")]  # in per cent, as file names end


class ImageSet(Strict):
    """A named set of images: of a source, a change of the normal ones, or of other sets.

    Attributes:
        role: whether a detector should find it strange; the unjudged are shown and scored, and
            counted in no figure.
        only: the one class, by its index, that the images are of; None: all of them.
        joins: holds the images of all other strange sets, in their order, and none of its own.
        part_of: the set whose images of the class ``only`` it holds, and none of its own.
        against: the normal set that a strange one is measured against; None: the scenario's.
        masks: whether it says of each pixel if it is strange.
        first: how many images of its source it holds, the first; None: all of them.
        shipped: whether its pictures may ship; if not, its scores do, and the pictures are read
            from the package that is installed with them, or from the data folder where somebody
            has laid them there.
        had: how pictures that do not ship are had, in a sentence.
    """

    name: SetName
    role: SetRole = "strange"
    title: str
    text: str
    source: str | None = None
    change: Literal["turned", "flipped", "inverted", "noise", "flat"] | None = None
    classes: tuple[str, ...] = ()
    only: int | None = None
    joins: bool = False
    part_of: SetName | None = None
    against: SetName | None = None
    masks: bool = False
    first: Count | None = None
    shipped: bool = True
    had: str = ""
    licence: str

    @model_validator(mode="after")
    def _has_images(self) -> ImageSet:
        borrowed = self.joins + (self.part_of is not None)
        if (self.source is not None) + (self.change is not None) + borrowed != 1:
            raise ValueError(f"set {self.name!r} needs either a source or a change")
        if self.part_of is not None and self.only is None:
            raise ValueError(f"set {self.name!r} is part of another: it needs the class, only")
        if self.masks and self.source is None and not self.joins:
            raise ValueError(f"set {self.name!r} has masks, and no source that they come from")
        if self.source is None and (self.first is not None or not self.shipped):
            raise ValueError(f"set {self.name!r} has no source of which some images could ship")
        if not self.shipped and (self.masks or not self.had):
            raise ValueError(
                f"set {self.name!r} is not shipped: that is for sets without masks, and it must "
                "say how its pictures are had"
            )
        if self.against is not None and self.role != "strange":
            raise ValueError(f"set {self.name!r} is not strange: it stands against no other")
        return self


class Split(Strict):
    """How many training images calibrate instead of train, and the seed that draws them."""

    calibration: Count
    seed: Seed


class TrainingSource(Strict):
    """Images that detectors learn from and that are not shown, by the role that they have.

    Attributes:
        role: ``train`` and ``calibration`` are normal images, in place of those of the normal
            set's source; ``auxiliary`` ones are of many things; ``labelled`` ones are known
            anomalies.
        limit: what is wrong with them, for the card of whoever learned from them.
        had: how they are had, in a sentence, for whoever has none in the data folder.
    """

    role: Literal["train", "calibration", "auxiliary", "labelled"]
    source: str
    title: str
    text: str
    licence: str
    limit: str = ""
    had: str = ""


class Training(Strict):
    """Settings of one model's training, fixed before it starts.

    Attributes:
        title: the model's name on pages; a detector's first model may do without.
        text: what is special about it, in a sentence.
        minutes: shared out among the phases; None: each phase runs the epochs it declares.
        seeds: models of other seeds whose spread this one's card reports.
        points, layouts: of the maps of its codes.
        deviations, limits: what its card says beside what is true of the method anywhere.
        shares: per cent of known anomalies among the training images; of each class, a model each.
        share: that of one such model, in [0, 1): see `core.scenario.Scenario.member`.
    """

    title: str = ""
    text: str = ""
    minutes: float | None = Field(None, gt=0)
    batch_size: Count
    seed: Seed = 0
    seeds: tuple[str, ...] = ()
    points: Count = POINTS
    layouts: tuple[LayoutName, ...] = LAYOUTS
    config: dict[str, Any] = {}
    deviations: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    shares: tuple[Share, ...] = ()
    share: float | None = None

    @model_validator(mode="after")
    def _shares_fit(self) -> Training:
        if self.share is not None:
            raise ValueError("share is said by shares, in per cent, of each model")
        if len(set(self.shares)) != len(self.shares):
            raise ValueError(f"shares must differ from each other, got {', '.join(self.shares)}")
        return self

    def of_share(self, share: str) -> Training:
        """The training of one model, of whose images ``share`` per cent are known anomalies."""
        return self.model_copy(update={"shares": (), "share": int(share) / 100})

    def titled(self, default: str) -> str:
        """The model's name on pages; with a share it says so.

        Args:
            default: its name where the scenario gives it none.
        """
        title = self.title or default
        if self.share is None:
            return title
        how_many = f"{100 * self.share:.0f} %" if self.share else "no"
        return f"{title}, {how_many} known anomalies"


def class_model(model: str, variant: str) -> str:
    """Name of the model of a class, that of ``variant``.

    Args:
        model: DETECTOR, or DETECTOR-GG with a share of known anomalies.

    Example:
        >>> class_model("ama", "4"), class_model("esad-10", "ankle-boot")
        ('ama.4', 'esad.ankle-boot-10')
    """
    detector, dash, share = model.partition("-")
    return f"{detector}.{variant}{dash}{share}"


def model_of(name: str, variant: str) -> str:
    """The ``name`` of a class's model without that class, ``variant``: the same for all classes.

    Any other name stays as it is.

    Example:
        >>> model_of("ama.4", "4"), model_of("esad.ankle-boot-10", "ankle-boot")
        ('ama', 'esad-10')
        >>> model_of("glow.general", "4")
        'glow.general'
    """
    detector, _, rest = name.partition(".")
    of_class = rest == variant or rest.startswith(f"{variant}-")
    return f"{detector}{rest.removeprefix(variant)}" if variant and of_class else name


class StartTile(Strict):
    """A state of a page that is worth a look here: "try this".

    Where a class is normal, ``{normal}`` and ``{other}`` in title, text and state stand for the
    normal set and the last strange one: for their titles, or, in the state, for their names.

    Attributes:
        page: its address; state: its controls, by their names without the page's.
        text: says on Overview what is to be seen; "": a button of the page alone.
        model: without which there is nothing to see; "": none is needed. Where a class is normal
            it is that of the class, by its detector, or by DETECTOR-GG where there are shares.
    """

    page: str = Field(pattern=r"^[a-z]+$")
    title: str
    text: str = ""
    model: ModelName | Literal[""] = ""
    state: dict[str, Any] = {}

    def filled(self, variant: str, normal: ImageSet, other: ImageSet) -> StartTile:
        """The tile where the class called ``variant`` is normal."""
        titles = {"normal": normal.title.lower(), "other": other.title.lower()}
        names = {"normal": normal.name, "other": other.name}
        return self.model_copy(
            update={
                "title": _filled(self.title, titles),
                "text": _filled(self.text, titles),
                "model": self.model and class_model(self.model, variant),
                "state": {
                    key: _filled(value, names) if isinstance(value, str) else value
                    for key, value in self.state.items()
                },
            }
        )


def _filled(text: str, values: Mapping[str, str]) -> str:
    """A text with {NAME} replaced; no other brace means anything, as it would to `str.format`."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)


class ScenarioSets(Strict):
    """The sets of a scenario, and what detectors learn from.

    Attributes:
        normal: what a detector learns, and is to find normal.
        strange: what it is to find strange.
        others: further normal sets, that strange ones stand against, and unjudged ones.
        sources: training images by a name of their own, beside those of the normal set's source.
        training: settings a model, by its name.
    """

    normal: ImageSet
    strange: tuple[ImageSet, ...]
    others: tuple[ImageSet, ...] = ()
    sources: dict[str, TrainingSource] = {}
    training: dict[ModelName, Training] = Field(default={})

    @property
    def first_model(self) -> str:
        """The model that one trains first: novelty, for it is quick; "" where there is none."""
        return "novelty" if "novelty" in self.training else next(iter(self.training), "")

    @model_validator(mode="before")
    @classmethod
    def _normal_is_normal(cls, values: Any) -> Any:
        """What stands as the normal set needs no role said."""
        if isinstance(values, dict) and isinstance(values.get("normal"), dict):
            return {**values, "normal": {"role": "normal", **values["normal"]}}
        return values

    @model_validator(mode="after")
    def _sets_fit(self) -> ScenarioSets:
        names = [s.name for s in self.sets]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"two sets are called {', '.join(twice)}")
        if self.normal.source is None or self.normal.role != "normal":
            raise ValueError("the normal set needs a source, and the role normal")
        for image_set in self.strange:
            if image_set.role != "strange":
                raise ValueError(f"set {image_set.name!r} of strange is {image_set.role}")
            if image_set.against is not None and image_set.against not in self._normal_names():
                raise ValueError(
                    f"set {image_set.name!r} stands against {image_set.against!r}, "
                    f"the normal sets are: {', '.join(self._normal_names())}"
                )
        for image_set in self.others:
            if image_set.role == "strange" or image_set.joins:
                raise ValueError(f"set {image_set.name!r} of others must be normal or unjudged")
        for image_set in (*self.strange, *self.others):
            same = image_set.source is not None and image_set.source == self.normal.source
            if same and image_set.role == "strange" and image_set.only == self.normal.only:
                raise ValueError(
                    f"set {image_set.name!r} has the normal set's own images: only one class?"
                )
        for image_set in self.sets:
            classes = image_set.classes or self.normal.classes
            if image_set.only is not None and classes and not 0 <= image_set.only < len(classes):
                raise ValueError(f"set {image_set.name!r} has no class {image_set.only}")
        whole = {s.name: s.role for s in self.sets if not s.joins and s.part_of is None}
        for image_set in self.sets:
            part = image_set.part_of
            if part is not None and whole.get(part) != image_set.role:
                raise ValueError(
                    f"set {image_set.name!r} is part of {part!r}, which is no {image_set.role} "
                    "set with images of its own"
                )
        return self

    def check_shipping(self, at_hand: Collection[str]) -> None:
        """What does not ship is read while pages are served, which torchvision never is.

        Args:
            at_hand: names of sets whose pictures come with an installed package.

        Raises:
            ValueError: another set that does not ship is normal, of one class, borrowed of, or of
                a source that is not npz:NAME.
        """
        away = [s for s in self.sets if not s.shipped and s.name not in at_hand]
        for image_set in away:
            if not (image_set.source or "").startswith("npz:") or image_set.role == "normal":
                raise ValueError(
                    f"set {image_set.name!r} is not shipped: its source must be npz:NAME, or come "
                    "with a package, and no normal set may be of npz:NAME"
                )
            if image_set.only is not None:
                raise ValueError(f"set {image_set.name!r} is not shipped: it holds all classes")
        for image_set in self.sets:
            whole = [s.name for s in away if image_set.joins or image_set.part_of == s.name]
            if whole:
                raise ValueError(f"set {image_set.name!r} borrows of one that is not shipped")

    def had_as(self, name: str) -> ImageSet:
        """The set with a source of which the pictures are that a set of that ``name`` shows.

        It is the set itself, or the one that it is part of, changes, or joins: then the first that
        does not ship.
        """
        found = next(s for s in self.sets if s.name == name)
        if found.joins:
            found = next((s for s in self.strange if not s.shipped), found)
        whole = next(s for s in self.sets if s.name == (found.part_of or found.name))
        return self.normal if whole.source is None else whole

    def _normal_names(self) -> list[str]:
        return [s.name for s in self.sets if s.role == "normal"]

    @property
    def sets(self) -> tuple[ImageSet, ...]:
        """The normal set, then the strange ones, then the others."""
        return (self.normal, *self.strange, *self.others)

    @property
    def own_sets(self) -> tuple[ImageSet, ...]:
        """`sets` but those that join others or are part of one: every image once."""
        return tuple(s for s in self.sets if not s.joins and s.part_of is None)

    def sources_of(self, role: str) -> tuple[TrainingSource, ...]:
        """Listed sources of training images with a role, in their order."""
        return tuple(source for source in self.sources.values() if source.role == role)
