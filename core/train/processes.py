"""Processes that train together: on one host or on many, by Lightning Fabric."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins.environments import LightningEnvironment

from core.errors import OutskirtsError

__all__ = ["TrainingFailed", "processes"]


class TrainingFailed(OutskirtsError):
    """Training met numbers it cannot go on from."""


@contextmanager
def processes(devices: int, *, nodes: int = 1, accelerator: str = "auto") -> Iterator[Fabric]:
    """Launch one process a device; on the way out, wait for each other and end their group.

    The accelerator is one of Lightning's names: "cpu", "cuda", or "auto" for what there is. On
    each of several nodes, which are hosts, the same call is made.

    Args:
        devices: of each node.
        nodes: hosts that train together.
        accelerator: kind of the devices: auto, cpu, cuda, mps.

    Raises:
        TrainingFailed: there are no such devices, or hosts do not know or find each other.

    A process that ends while its group still lives may abort: threads of the group's transport
    outlast the interpreter.
    """
    strategy = "ddp" if devices * nodes > 1 else "auto"
    how: dict[str, Any] = {"accelerator": accelerator, "devices": devices, "num_nodes": nodes}
    try:
        fabric = Fabric(strategy=strategy, **how)
    except Exception as error:  # Lightning has several for what is not there
        raise TrainingFailed(_missing(accelerator, devices, error)) from error
    _check_nodes(fabric, nodes)
    try:
        fabric.launch()
    except torch.distributed.DistError as error:
        raise TrainingFailed(
            f"hosts do not find each other: {str(error).splitlines()[0]}"
        ) from error
    try:
        yield fabric
        fabric.barrier()  # none ends the group while another still talks; not after an error
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _missing(accelerator: str, devices: int, error: Exception) -> str:
    """Which devices are not there, and which are; of what else fails, Lightning's own words."""
    mps = int(torch.backends.mps.is_available())
    here = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": mps}
    if (number := here.get(accelerator)) == 0:
        there = ", ".join(kind for kind, n in here.items() if n)
        return f"no device of kind {accelerator!r} to train on: this machine has {there}"
    if number and accelerator != "cpu" and devices > number:
        return f"{devices} devices of kind {accelerator!r} are too many: this machine has {number}"
    words = " ".join(str(error).split())
    return f"no device of kind {accelerator!r} to train on: {words}"


def _check_nodes(fabric: Fabric, nodes: int) -> None:
    """Refuse to wait for hosts that nobody named; a cluster's own launcher (Slurm) names them.

    Raises:
        TrainingFailed: variables of the environment are missing, or a rank is none.
    """
    environment = getattr(fabric.strategy, "cluster_environment", None)
    if nodes == 1 or not isinstance(environment, LightningEnvironment):
        return
    names = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")
    if missing := [name for name in names if not os.environ.get(name)]:
        raise TrainingFailed(
            f"{nodes} nodes need {', '.join(missing)} in the environment: the first host's address "
            f"and a free port of its, the same on all, and each host's own number from 0"
        )
    rank = os.environ["NODE_RANK"]
    if not rank.isdecimal() or int(rank) >= nodes:
        raise TrainingFailed(f"NODE_RANK must be 0 to {nodes - 1}, got {rank!r}")
