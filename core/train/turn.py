"""Whose turn it is: one process at a time writes a model, and it is tried first whether it can."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.files import alone, check_writable
from core.scenario import Scenario
from core.settings import settings

__all__ = ["run_folder", "turn"]

# Of a process on its host, and of a host, by who started it: Lightning, torchrun, Slurm.
RANKS = ("LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
SUFFIXES = ("json", "safetensors", "atlas.npz")


def run_folder(scenario: Scenario, name: str) -> Path:
    """Where log and state of the training of the model ``name`` lie."""
    return settings().runs / scenario.family / name


@contextmanager
def turn(scenario: Scenario, name: str) -> Iterator[None]:
    """Work on the files of the model ``name`` while no other process does.

    Of several processes that train together, on one host or on many, the first one takes the turn
    for all.

    Raises:
        Busy: another process is at it.
        FileError: the checkpoint's files could not be written.
    """
    if any(os.environ.get(name, "0") != "0" for name in RANKS):
        yield
        return
    with alone(run_folder(scenario, name), f"{scenario.family}/{name} is being trained"):
        for suffix in SUFFIXES:
            check_writable(scenario.folder / f"{name}.{suffix}")
        yield
