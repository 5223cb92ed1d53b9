"""Run by a test, in two processes: train toys together and write down what each process has.

Usage: two_processes.py FOLDER. Writes FOLDER/RANK.pt.

With a word after it, this is one of two hosts with a process each.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from lightning.fabric import Fabric
from toys import Toy, error, regression, sgd, stream

from core.detectors._base import Phase, Player
from core.train.loop import TrainingFailed, fit
from core.train.processes import processes


def plain(toy: Toy) -> list[Phase]:
    """One step of gradient descent by the layers that mix no images of a batch."""

    def terms(batch, generator):
        code = toy.second(toy.first(batch.x.flatten(1)))
        return {"size": (code[:, 0] - batch.label.float()).square().mean()}

    player = Player("plain", [toy.first, toy.second], terms, sgd(0.001))
    return [Phase("once", data="train", players=[player])]


def noise(toy: Toy) -> list[Phase]:
    """Write down the noise that this process draws."""

    def terms(batch, generator):
        toy.drawn = torch.rand(3, generator=generator)
        return error(toy)(batch, generator)

    return [Phase("noise", data="train", players=[Player("all", [toy], terms, sgd())])]


def main(folder: Path) -> None:
    with processes(2, accelerator="cpu") as fabric:
        train(folder, fabric)


def train(folder: Path, fabric: Fabric) -> None:
    rank = fabric.global_rank
    torch.manual_seed(rank)  # each process starts from other weights, on purpose
    trained, single, drawing = Toy(regression), Toy(plain), Toy(noise)
    found = {"start": {k: v.clone() for k, v in single.state_dict().items()}}
    streams = {"train": stream()}
    course: list[torch.Tensor] = []

    def watch(progress) -> None:
        course.append(trained.first.weight.detach().clone())

    report = fit(trained, streams, seed=0, fabric=fabric, watch=watch)
    fit(single, {"train": stream(8)}, seed=0, fabric=fabric)  # 2 x 4 images: one step
    fit(drawing, {"train": stream(8)}, seed=0, fabric=fabric)
    found |= {
        "course": torch.stack(course),
        "trained": trained.state_dict(),
        "single": single.state_dict(),
        "drawn": drawing.drawn,
        "steps": report.steps,
        "images": report.images,
    }
    torch.save(found, folder / f"{rank}.pt")


def train_on_hosts(folder: Path) -> None:
    """What each of two hosts does: train, and go on from a state that the second cannot see."""
    with processes(1, nodes=2, accelerator="cpu") as fabric:
        rank = fabric.global_rank
        torch.manual_seed(rank)
        toy, states, refused = Toy(regression), (folder / "state.pt", folder / "elsewhere.pt"), ""
        report = fit(toy, {"train": stream()}, seed=0, fabric=fabric, state=states[0])
        try:
            fit(Toy(regression), {"train": stream()}, seed=0, fabric=fabric, state=states[rank])
        except TrainingFailed as error:
            refused = str(error)
        found = {"trained": toy.state_dict(), "images": report.images, "refused": refused}
        torch.save(found, folder / f"{rank}.pt")


if __name__ == "__main__":
    if sys.argv[2:]:
        train_on_hosts(Path(sys.argv[1]))
    else:
        main(Path(sys.argv[1]))
