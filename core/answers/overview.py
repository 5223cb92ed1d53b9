"""What is here: scenarios, their models, and how good each is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.answers.loaded import Target, files_of_images, loaded, stored_scores, variants_of
from core.answers.query import Answered, Query
from core.errors import NotTrained, OutskirtsError
from core.evaluate.metrics import Metrics
from core.scenario import Scenario, ScenarioError, Training, load_scenario, scenario_names
from core.schema import model_of

if TYPE_CHECKING:
    from core.card import Card
    from core.detectors._base import Detector

__all__ = [
    "ANSWERS",
    "DetectorRow",
    "Luck",
    "Measured",
    "Overview",
    "OverviewQuery",
    "Seen",
    "as_they_stand",
    "flagged_above",
    "luck",
    "overview",
    "scenarios",
    "seeds_of",
    "warm_up",
]

SAME = 1e-6  # AUROC that are nearer are one figure, which a card and another hold


def warm_up() -> None:
    """Load what the first page needs, so that its visitor does not wait: one scenario's detectors.

    Those of the others are loaded when somebody asks for them: all of them are too many.
    """
    if (scenario := next(iter(as_they_stand()), None)) is None:
        return
    with suppress(OutskirtsError):  # what is damaged, the page that needs it says
        if not scenario.variants:  # where a class is normal, no page shows the whole set
            for s in scenario.sets:
                scenario.pictures(s.name)
    stems = [Target.of(scenario.name, m) for m in scenario.training if m not in scenario.shared]
    for target in (each for stem in stems for each in variants_of(stem)):
        with suppress(OutskirtsError):
            if (scenario.folder / f"{target.stem}.json").exists():
                loaded(target)
                stored_scores(target)


def as_they_stand() -> list[Scenario]:
    """Scenarios that can be read, in the order of pages, which open with the first.

    Those of several variants stand last, and after them what has no model yet.
    """
    found = []
    for name in scenario_names():
        with suppress(ScenarioError):
            found.append(load_scenario(name))
    return sorted(found, key=lambda s: (not _stems(s), bool(s.variants)))


def _stems(scenario: Scenario) -> list[str]:
    """Names of the models whose weights are here."""
    files = scenario.folder.glob("*.safetensors")
    return sorted(path.name.removesuffix(".safetensors") for path in files)


@dataclass(frozen=True)
class DetectorRow:
    """A model of a scenario: its card, or why there is none.

    Attributes:
        name: its checkpoint's, DETECTOR or DETECTOR.MODEL.
        detector: the class of its paper.
        text: what is special about it.
        share: of known anomalies in its training, in [0, 1), where it has models of several.
        model: its name without the class that is normal, as `core.answers.classes.Classes` has it.
        untrained: whether it has no card because nobody trained it yet: nothing is damaged.
    """

    name: str
    detector: str
    title: str
    text: str
    part_titles: Mapping[str, str]
    card: Card | None
    missing: str = ""
    share: float | None = None
    model: str = ""
    untrained: bool = False


@dataclass(frozen=True)
class OverviewQuery(Query["Overview"]):
    """A scenario with its models' cards, and so many images of each set."""

    wait: ClassVar[str] = "Reading the scenario…"

    scenario: str
    examples: int = 8

    def files(self) -> Iterable[Path]:
        scenario = load_scenario(self.scenario)
        models = (*scenario.training, *load_scenario(scenario.family).shared)
        return [*files_of_images(scenario), *(scenario.folder / f"{m}.json" for m in models)]


@dataclass(frozen=True)
class Overview:
    """A scenario, its models, and a few images of each of its sets.

    Attributes:
        seed_replicates: models that differ from another in their seed alone.
        shared: models of the whole family, which those of each class ask; they judge nothing.
        examples: set name to (n, H, W, C) uint8.
        sizes: set name to how many images it has.
    """

    scenario: Scenario
    detectors: tuple[DetectorRow, ...]
    seed_replicates: tuple[DetectorRow, ...]
    shared: tuple[DetectorRow, ...]
    examples: Mapping[str, np.ndarray]
    sizes: Mapping[str, int]


def scenarios() -> list[dict[str, Any]]:
    """Scenarios with their detectors and variants, as plain values; a bad folder says its error."""
    found: list[dict[str, Any]] = []
    for name in scenario_names():
        try:
            scenario = load_scenario(name)
        except ScenarioError as error:
            found.append({"scenario": name, "error": str(error)})
            continue
        stems = _stems(scenario)
        others = {s.name: s.role for s in scenario.others}
        judging = {stem.partition(".")[0] for stem in stems if stem not in scenario.shared}
        found.append(
            {
                "scenario": name,
                "title": scenario.title,
                "question": scenario.question,
                "image": list(scenario.shape),
                "normal": scenario.normal.name,
                "strange": [s.name for s in scenario.strange],
                **({"others": others} if others else {}),
                "detectors": sorted(judging),
                "models": stems,
                "variants": list(scenario.variants),
                **(_of_classes(scenario, stems) if scenario.variants else {}),
            }
        )
    return found


def _of_classes(scenario: Scenario, stems: Collection[str]) -> dict[str, Any]:
    """Titles of the classes, in the order of variants, and which trained models all of them ask.

    With the shares of known anomalies, in per cent, of detectors that have them.
    """
    shares = {name: list(t.shares) for name, t in scenario.training.items() if t.shares}
    return {
        "classes": [name.capitalize() for name in scenario.normal.classes],
        "shared": [stem for stem in stems if stem in scenario.shared],
        **({"shares": shares} if shares else {}),
    }


def overview(query: OverviewQuery) -> Overview:
    """What a query's scenario holds, with so many examples, and how good its detectors are.

    Raises:
        ScenarioError: unknown scenario, or its images are missing.
    """
    scenario = load_scenario(query.scenario)
    family = load_scenario(scenario.family)
    seed_replicates = {seed for training in scenario.training.values() for seed in training.seeds}
    trained = {**scenario.training, **{name: family.training[name] for name in family.shared}}
    rows = [_row(scenario, name, training) for name, training in trained.items()]
    shown = {s.name: scenario.pictures(s.name) for s in scenario.sets}
    # Of sets that stand one after the other, some of each.
    n = query.examples
    sizes = {name: len(pictures.images) for name, pictures in shown.items()}
    steps = {s.name: max(1, sizes[s.name] // n) for s in scenario.sets if s.joins}
    rows_of = {name: np.arange(size)[:: steps.get(name, 1)][:n] for name, size in sizes.items()}
    return Overview(
        scenario,
        detectors=tuple(r for r in rows if r.name not in {*seed_replicates, *family.shared}),
        seed_replicates=tuple(row for row in rows if row.name in seed_replicates),
        shared=tuple(row for row in rows if row.name in family.shared),
        examples={
            name: np.stack([pictures.shown(i) for i in rows_of[name]])
            for name, pictures in shown.items()
        },
        sizes=sizes,
    )


def _row(scenario: Scenario, name: str, training: Training) -> DetectorRow:
    from core import checkpoint
    from core.detectors import detector_class

    try:
        cls = detector_class(name.partition(".")[0])
    except LookupError as error:
        raise ScenarioError(f"{scenario.name}/scenario.json trains {name!r}: {error}") from error
    card, missing, untrained = None, "", False
    try:
        card = checkpoint.read_card(scenario.folder, name)
    except checkpoint.CardError as error:
        missing, untrained = str(error), isinstance(error, NotTrained)
    config = training.config if card is None else card.config
    titles = _part_titles(name, cls.for_settings(config), config, scenario)
    title = training.titled(cls.__name__)
    share, model = training.share, model_of(name, scenario.name.partition(".")[2])
    about = (name, cls.__name__, title, training.text, titles, card, missing)
    return DetectorRow(*about, share=share, model=model, untrained=untrained)


def _part_titles(
    name: str, cls: type[Detector], settings: Mapping[str, Any], scenario: Scenario
) -> dict[str, str]:
    """Titles of the parts of a model with these settings; of none where they are wrong."""
    from core.config import config_of

    with suppress(ValueError):  # whoever trains or loads it is told
        described = cls.describe(config_of(name, cls, settings), scenario.shape)
        return {part: about.title for part, about in described.items()}
    return {}


@dataclass(frozen=True)
class Seen:
    """What one training gives a part on a strange set.

    Attributes:
        low, high: 95 % interval of the AUROC over test images; the AUROC itself where no card
            tells it, NaN where there is none.
    """

    auroc: float
    low: float
    high: float

    @property
    def fooled(self) -> bool:
        """Whether the whole interval is below 0.5, as `Metrics.fooled`."""
        return self.high < 0.5

    @property
    def finds(self) -> bool:
        return self.low > 0.5


@dataclass(frozen=True)
class Luck:
    """What the seeds of a training give one part on one strange set.

    Attributes:
        own: the model's whose card it is.
        others: of the other seeds, by their checkpoints.
    """

    part: str
    own: Seen
    others: Mapping[str, Seen]

    @property
    def contradicts(self) -> tuple[str, ...]:
        """Seeds that are fooled where this model is not, or the other way round."""
        return tuple(m for m, seen in self.others.items() if seen.fooled != self.own.fooled)


Measured = Mapping[str, Mapping[str, Mapping[str, Metrics]]]  # model to set to part


def seeds_of(card: Card, strange: str, part: str, measured: Measured) -> dict[str, Seen]:
    """What each other seed of a model's training gives a part on a strange set.

    Args:
        measured: metrics of models, from their cards: they tell the intervals.
    """
    known = card.seeds
    values = known.auroc.get(strange, {}).get(part, ()) if known is not None else ()
    found = {}
    for model, auroc in zip(known.models if known is not None else (), values, strict=False):
        if model == card.name:
            continue
        own = measured.get(model, {}).get(strange, {}).get(part)
        if own is None or abs(own.auroc - auroc) > SAME:  # trained anew since
            found[model] = Seen(auroc, auroc, auroc)
        else:
            found[model] = Seen(auroc, own.low, own.high)
    return found


def luck(card: Card, strange: str, measured: Measured) -> tuple[Luck, ...]:
    """How far each part's AUROC on a strange set moves with the seed; none where nobody looked.

    Args:
        measured: as for `seeds_of`.
    """
    found = []
    for part in card.seeds.auroc.get(strange, {}) if card.seeds is not None else ():
        m = card.metrics[strange][part]
        others = seeds_of(card, strange, part, measured)
        found.append(Luck(part, Seen(m.auroc, m.low, m.high), others))
    return tuple(found)


def flagged_above(target: Target) -> tuple[float, str]:
    """The threshold of a model's score and its unit, both as pages show the score.

    Raises:
        CardError: card or weights are missing, damaged, or do not belong together or here.
    """
    detector, card = loaded(target)
    about = detector.described[card.score.part]
    value = detector.to_display(card.score.part, np.array([card.score.threshold]))[0]
    return float(value), about.displayed_unit


ANSWERS: tuple[Answered[Any], ...] = (Answered(OverviewQuery, overview),)
