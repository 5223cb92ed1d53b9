"""What a worker does: one portion at a time, from files to the parquet file of their scores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from core.answers.loaded import Target, parse_target
from core.answers.scoring import score_items
from core.data.images import Item
from core.errors import OutskirtsError
from core.files import read_text
from core.scale.locations import read_location
from core.scale.portions import Portion, Task, Told, parquet

__all__ = ["Scorer", "fingerprint", "score_portion"]


def fingerprint(target: Target) -> str:
    """The sha256 of a model's card, which has those of its weights: the same numbers everywhere.

    Raises:
        OutskirtsError: there is no card that can be read.
    """
    try:
        text = read_text(target.world.folder / f"{target.stem}.json")
    except FileNotFoundError as error:
        raise OutskirtsError(f"{target} has no card here") from error
    return hashlib.sha256(text.encode()).hexdigest()


def score_portion(task: Task, portion: Portion) -> bytes:
    """The parquet file of a portion.

    Raises:
        OutskirtsError: the checkpoint is missing or damaged, or another than the task's.
    """
    target, told = parse_target(task.target), Told(portion.digest)
    if fingerprint(target) != task.weights:
        raise OutskirtsError(f"{target} has other weights on this machine than where it began")
    shape = target.world.shape

    def items() -> Iterator[Item]:
        for location in portion.locations:
            for item in read_location(location, shape, say=told.left.append):
                told.again |= item.again
                yield item

    return parquet(score_items(target, items(), bf16=task.bf16), task, told)


class Scorer:
    """A worker of Ray Data's: it keeps its model, and computes in one thread.

    Args:
        task: what is asked of every portion.
        checkpoints: the folder of scenarios, which must be the same on every machine.
    """

    def __init__(self, task: Task, checkpoints: Path) -> None:
        os.environ["OUTSKIRTS_CHECKPOINTS"] = str(checkpoints)  # before settings are read
        import torch

        torch.set_num_threads(1)  # so many workers as cores: their threads would fight
        self.task = task

    def __call__(self, portion: Portion) -> tuple[int, bytes, str]:
        """Score a portion: its number, its parquet file, and why there is none."""
        try:
            content, why = score_portion(self.task, portion), ""
        except OutskirtsError as error:
            content, why = b"", str(error)
        except Exception as error:  # of the program: said, and no reason to try again and again
            content, why = b"", f"a worker failed: {type(error).__name__}: {error}"
        return portion.number, content, why
