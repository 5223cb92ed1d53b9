"""The ablation of Outskirts as it is stored and read. `core.studies.outskirts` computes it.

Arms take one thing away from the full method each, or put something plain in its place. All of
them saw the same images of one class and were measured on the same ten thousand test images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import OutskirtsError, complaint
from core.files import FileError, read_text
from core.settings import settings

__all__ = [
    "Ablation",
    "AblationMissing",
    "ArmResult",
    "Figures",
    "Run",
    "Trial",
    "ablation_path",
    "read_ablation",
]

Setting = dict[str, float]


class AblationMissing(OutskirtsError):
    """The ablation was not computed here, or its file is damaged."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class Figures(_Strict):
    """One arm on one data set.

    Attributes:
        mean: of the AUROC over the classes, each normal in turn; low, high: its 95 % interval.
        difference: mean less that of the full method, with its paired interval; below 0 the arm is
            worse.
        classes: AUROC of each class, in the order of `Ablation.sets`.
        chosen: the setting that the synthetic faults chose.
    """

    mean: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    classes: tuple[float, ...]
    chosen: Setting


class Trial(_Strict):
    """A setting that was tried, with its mean AUROC over faults and tuning classes, by set."""

    setting: Setting
    faults: dict[str, float]


class ArmResult(_Strict):
    """An arm.

    Attributes:
        name: "full", or what stands in for it.
        title, text: for people: what it is, and how it differs from the full method.
        trials: the settings that were tried; none where there is nothing to set.
        figures: by data set.
    """

    name: str
    title: str
    text: str
    trials: tuple[Trial, ...]
    figures: dict[str, Figures]


class Run(_Strict):
    """How the computation went.

    Attributes:
        minutes: of computing, all processes together.
        epochs: by phase of training.
        tuning: classes that settings were chosen on, by data set.
        calibration: training images of a set that are held out; those of a tuning class choose.
        images: training images, the mean over the classes.
    """

    minutes: float
    epochs: dict[str, int]
    seed: int
    settings_tried: int
    tuning: dict[str, tuple[int, ...]]
    choice: str
    calibration: int
    images: float
    test_images: dict[str, int]
    bootstraps: int
    interval: str
    processor: str
    torch: str
    scikit_learn: str


class Ablation(_Strict):
    """The whole of it.

    Attributes:
        plan: everything that was fixed beforehand; code with another plan has other figures.
        sets: classes by data set.
    """

    schema_version: Literal[1] = Field(1, alias="schema")
    plan: dict[str, Any]
    sets: dict[str, tuple[int, ...]]
    arms: tuple[ArmResult, ...]
    run: Run

    def rows(self) -> list[dict[str, str | float]]:
        """A row an arm and data set, flat: what the command line prints."""
        return [
            {
                "arm": arm.name,
                "title": arm.title,
                "data": data,
                "auroc": f.mean,
                "low": f.low,
                "high": f.high,
                "difference": f.difference,
                "difference_low": f.difference_low,
                "difference_high": f.difference_high,
            }
            for data in self.sets
            for arm in self.arms
            for f in [arm.figures[data]]
        ]


def ablation_path() -> Path:
    return settings().checkpoints / "outskirts-ablation.json"


def read_ablation() -> Ablation:
    """The stored ablation.

    Raises:
        AblationMissing: there is none, or its file does not fit the schema.
    """
    path = ablation_path()
    try:
        return Ablation.model_validate_json(read_text(path))
    except FileNotFoundError as error:
        raise AblationMissing(
            f"there is no {path.name} among the checkpoints: "
            "`python -m core bench outskirts` computes it"
        ) from error
    except (ValidationError, FileError) as error:
        raise AblationMissing(
            f"{path.name} is damaged ({complaint(error)}): "
            "`python -m core bench outskirts --force` computes it again"
        ) from error
