"""Where things lie on this machine, from environment variables that begin with OUTSKIRTS_."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["ROOT", "Settings", "settings"]

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Folders, and how long a lesson is; a variable that is set to nothing is not set.

    It does not mean the current folder.

    Attributes:
        data: training data in torchvision's layout; needed by ``train`` only.
        checkpoints: one folder a scenario.
        lectures: one file a lecture.
        runs: logs and interrupted training.
        lesson_steps: of each training of a live lesson.
        notes: the file of named notebooks; None: each visitor's browser keeps its own.
    """

    model_config = SettingsConfigDict(env_prefix="OUTSKIRTS_", env_ignore_empty=True)

    data: Path = ROOT / "data"
    checkpoints: Path = ROOT / "checkpoints"
    lectures: Path = ROOT / "lectures"
    runs: Path = ROOT / "runs"
    lesson_steps: PositiveInt = 300
    notes: Path | None = None


@cache
def settings() -> Settings:
    """The settings of this process, read from the environment once."""
    return Settings()
