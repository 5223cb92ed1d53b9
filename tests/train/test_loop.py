"""The loop, counted by hand on toys: turns, skips, stops, resumed runs, two processes."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
import torch
from conftest import Tiny
from torch import Tensor
from toys import Toy, error, regression, sgd, stream

import core
from core import files
from core.detectors._base import Batch, Phase, Player
from core.files import Busy, FileError
from core.scenario import load_scenario
from core.train import loop
from core.train.log import TrainingLog
from core.train.loop import Progress, TrainingFailed, fit
from core.train.processes import processes
from core.train.turn import turn

BATCHES = 6  # of an epoch of the toys' stream: 24 images by 4


def toy(declare: Callable[[Toy], Sequence[Phase]]) -> Toy:
    torch.manual_seed(0)
    return Toy(declare)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, other[key]) for key, value in one.items())


def snapshot(module: torch.nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in module.state_dict().items()}


def one_phase(player: Callable[[Toy], Player], **options) -> Callable[[Toy], list[Phase]]:
    return lambda t: [Phase("only", data="train", players=[player(t)], **options)]


# Turns ------------------------------------------------------------------------------------------


def test_every_and_repeat_are_counted_over_the_run() -> None:
    turns: list[tuple[str, int]] = []

    def noted(name: str, t: Toy, module: torch.nn.Module, **options) -> Player:
        def terms(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            turns.append((name, int(batch.label[0])))
            return error(t)(batch, generator)

        return Player(name, [module], terms, sgd(), **options)

    def declare(t: Toy) -> list[Phase]:
        players = [noted("critic", t, t.first, repeat=3), noted("maker", t, t.second, every=4)]
        return [Phase("play", data="train", players=players, epochs=2)]

    report = fit(toy(declare), {"train": stream()}, seed=0)
    assert report.steps == 2 * BATCHES
    assert report.images == 2 * 24
    batches = [turns[i] for i in range(len(turns)) if turns[i][0] == "critic"][::3]
    assert len(batches) == 12
    expected = []
    for i, (_, first) in enumerate(batches):
        expected += [("critic", first)] * 3  # three steps on the same batch
        # Batches 0, 4 and 8: twelve batches are two epochs of six, and the count does not restart.
        expected += [("maker", first)] if i % 4 == 0 else []
    assert turns == expected


def test_each_turn_on_a_batch_draws_its_own_noise() -> None:
    drawn: list[list[float]] = []

    def player(t: Toy) -> Player:
        def terms(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            drawn.append(torch.rand(3, generator=generator).tolist())
            return error(t)(batch, generator)

        return Player("all", [t], terms, sgd(), repeat=2)

    for _ in range(2):
        fit(toy(one_phase(player)), {"train": stream()}, seed=0)
    first, second = drawn[: 2 * BATCHES], drawn[2 * BATCHES :]
    assert first == second
    assert len({tuple(d) for d in first}) == 2 * BATCHES
    fit(toy(one_phase(player)), {"train": stream()}, seed=1)
    assert not {tuple(d) for d in drawn[4 * BATCHES :]} & {tuple(d) for d in first}


def test_two_players_do_not_share_their_noise() -> None:
    drawn: dict[str, list[float]] = {"one": [], "other": []}

    def player(t: Toy, name: str) -> Player:
        def terms(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            drawn[name].append(float(torch.rand((), generator=generator)))
            return error(t)(batch, generator)

        return Player(name, [t.second], terms, sgd())

    def declare(t: Toy) -> list[Phase]:
        return [Phase("both", data="train", players=[player(t, name) for name in drawn])]

    fit(toy(declare), {"train": stream()}, seed=0)
    assert len(set(drawn["one"]) | set(drawn["other"])) == 2 * BATCHES


def test_a_player_trains_in_train_mode_and_everything_else_stays_in_eval() -> None:
    modes: list[tuple[bool, ...]] = []
    grads: list[tuple[bool, ...]] = []

    def player(t: Toy) -> Player:
        def terms(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            modes.append((t.training, t.first.training, t.norm.training, t.second.training))
            grads.append((t.first.weight.requires_grad, t.second.weight.requires_grad))
            return error(t)(batch, generator)

        return Player("second", [t.second], terms, sgd())

    found = toy(one_phase(player))
    before = snapshot(found)
    fit(found, {"train": stream()}, seed=0)
    assert set(modes) == {(False, False, False, True)}
    assert set(grads) == {(False, True)}
    after = snapshot(found)
    assert {k for k in after if not torch.equal(after[k], before[k])} == {
        "second.weight",
        "second.bias",
    }
    assert not any(m.training for m in found.modules())


def test_terms_are_summed_and_each_is_told_with_its_player() -> None:
    told: list[Progress] = []

    def player(t: Toy) -> Player:
        def terms(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            bias = t.second.bias.sum()
            return {"double": 2 * bias, "minus": -0.5 * bias}

        return Player("lever", [t.second], terms, sgd(lr=0.1))

    found = toy(one_phase(player))
    start = found.second.bias.item()
    fit(found, {"train": stream()}, seed=0, watch=told.append)
    # The gradient of 2 b - b / 2 is 1.5 at each of six steps.
    assert found.second.bias.item() == pytest.approx(start - 6 * 0.1 * 1.5)
    assert told[0].terms == {
        "lever/double": pytest.approx(2 * start),
        "lever/minus": pytest.approx(-0.5 * start),
    }


def test_a_step_is_plain_gradient_descent_on_the_batch() -> None:
    def terms_of(t: Toy) -> Callable:
        def terms(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            made = t.second(t.code(batch.x))[:, 0]
            return {"error": (made - batch.label.float()).square().mean()}

        return terms

    one_batch = stream(4)
    by_hand = toy(regression).train()
    batch = next(one_batch.epoch(0, 1))
    terms_of(by_hand)(batch, torch.Generator())["error"].backward()
    found = toy(one_phase(lambda t: Player("all", [t], terms_of(t), sgd(lr=0.01))))
    fit(found, {"train": one_batch}, seed=0)
    for (key, p), start in zip(found.named_parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(p.detach(), (start - 0.01 * start.grad).detach(), msg=key)


def test_a_large_gradient_is_clipped_to_the_players_norm() -> None:
    def player(t: Toy) -> Player:
        def terms(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            return {"steep": 1000 * t.second.weight.sum()}

        return Player("steep", [t.second], terms, sgd(lr=1.0), clip=0.5)

    found = toy(one_phase(player))
    start = found.second.weight.detach().clone()
    fit(found, {"train": stream(4)}, seed=0)  # one step
    assert (found.second.weight - start).norm().item() == pytest.approx(0.5, rel=1e-4)


def test_a_schedule_multiplies_the_rate_by_what_it_says_of_the_progress() -> None:
    asked: list[float] = []

    def schedule(progress: float) -> float:
        asked.append(progress)
        return 1 - progress

    def player(t: Toy) -> Player:
        def terms(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            return {"lever": t.second.bias.sum()}

        return Player("lever", [t.second], terms, sgd(lr=0.1), schedule=schedule)

    found = toy(one_phase(player, epochs=2))
    start = found.second.bias.item()
    fit(found, {"train": stream()}, seed=0)
    assert asked == pytest.approx([i / 12 for i in range(12)])
    # Gradient 1, rate 0.1 times 12/12, 11/12, ... 1/12: it does not compound.
    assert found.second.bias.item() == pytest.approx(start - 0.1 * sum(range(1, 13)) / 12)


def test_minutes_are_shared_by_epochs_and_end_a_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    def monotonic() -> float:
        clock[0] += 1.0  # each look at the clock is a second later: a step takes one second
        return clock[0]

    monkeypatch.setattr(loop.time, "monotonic", monotonic)
    told: list[Progress] = []

    def declare(t: Toy) -> list[Phase]:
        player = regression(t)[0].players[0]
        return [
            Phase("fit", data="train", prepare=lambda batches: None),
            Phase("short", data="train", players=[player], epochs=1),
            Phase("long", data="train", players=[player], epochs=3),
        ]

    report = fit(toy(declare), {"train": stream()}, seed=0, minutes=20 / 60, watch=told.append)
    steps = [m.phase for m in told]
    assert (steps.count("short"), steps.count("long")) == (5, 15)  # of 20 seconds
    assert report.seconds == 20
    assert told[-1].share == 1
    assert report.phases == ["fit", "short", "long"]


def test_minutes_reach_over_as_many_epochs_as_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(
        loop.time, "monotonic", lambda: clock.__setitem__(0, clock[0] + 1) or clock[0]
    )
    seen: list[int] = []

    def player(t: Toy) -> Player:
        def terms(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            seen.extend(batch.label.tolist())
            return error(t)(batch, generator)

        return Player("all", [t], terms, sgd())

    fit(toy(one_phase(player)), {"train": stream()}, seed=0, minutes=18 / 60)
    assert len(seen) == 3 * 24
    epochs = [seen[i : i + 24] for i in (0, 24, 48)]
    assert all(sorted(epoch) == list(range(24)) for epoch in epochs)
    assert epochs[0] != epochs[1]


# Fitting passes ---------------------------------------------------------------------------------


def test_a_phase_without_players_is_one_pass_over_the_stream() -> None:
    seen: list[int] = []
    grad: list[bool] = []

    def prepare(batches) -> None:
        for batch in batches:
            seen.extend(batch.label.tolist())
            grad.append(torch.is_grad_enabled())

    found = toy(lambda t: [Phase("fit", data="calibration", prepare=prepare, epochs=5)])
    report = fit(found, {"calibration": stream()}, seed=0)
    assert sorted(seen) == list(range(24))
    assert not any(grad)
    assert (report.steps, report.phases) == (0, ["fit"])


def test_a_fitting_pass_sees_the_images_that_do_not_fill_a_batch_too() -> None:
    seen: list[int] = []

    def prepare(batches) -> None:
        seen.extend(i for batch in batches for i in batch.label.tolist())

    fit(
        toy(lambda t: [Phase("fit", data="calibration", prepare=prepare)]),
        {"calibration": stream(23)},
        seed=0,
    )
    assert sorted(seen) == list(range(23))


def test_a_phase_is_prepared_before_its_players_move() -> None:
    order: list[str] = []

    def declare(t: Toy) -> list[Phase]:
        def terms(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            order.append("move")
            return error(t)(batch, generator)

        player = Player("all", [t], terms, sgd())
        prepare = lambda batches: order.append("prepare")  # noqa: E731
        return [Phase("both", data="train", players=[player], prepare=prepare)]

    fit(toy(declare), {"train": stream()}, seed=0)
    assert order == ["prepare"] + ["move"] * BATCHES


def test_a_missing_stream_is_named() -> None:
    found = toy(lambda t: [Phase("fit", data="general", prepare=list)])
    with pytest.raises(KeyError, match="phase 'fit' needs 'general' images"):
        fit(found, {"train": stream()}, seed=0)


# Numbers that are not finite --------------------------------------------------------------------


def bursting(steps: set[int], *, loss: float | None = None) -> Callable[[Toy], list[Phase]]:
    """Phases whose gradient (or loss, if one is given) is not finite at these steps."""
    count = [0]

    def player(t: Toy) -> Player:
        def terms(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            now, bias = count[0], t.second.bias.sum()
            count[0] += 1
            if now in steps and loss is not None:
                return {"calm": bias, "wild": bias * loss}
            if now in steps:  # sqrt at 0: a finite value with an infinite slope
                return {"calm": bias, "wild": (bias - bias.detach()).sqrt()}
            return {"calm": bias}

        return Player("lever", [t.second], terms, sgd(lr=0.1))

    return one_phase(player, epochs=4)


def test_a_gradient_that_is_not_finite_is_skipped_and_counted() -> None:
    found = toy(bursting({1, 2, 7}))
    start = found.second.bias.item()
    report = fit(found, {"train": stream()}, seed=0)
    assert (report.skipped, report.steps) == (3, 24)
    assert found.second.bias.item() == pytest.approx(start - 21 * 0.1)  # 24 steps less 3


def test_nine_in_a_row_are_passed_over_twice_and_ten_stop_the_run() -> None:
    nine = set(range(0, 9)) | set(range(10, 19))
    assert fit(toy(bursting(nine)), {"train": stream()}, seed=0).skipped == 18
    with pytest.raises(
        TrainingFailed, match=r"phase 'only', player 'lever', step 12: 10 gradients in a row"
    ):
        fit(toy(bursting(set(range(3, 13)))), {"train": stream()}, seed=0)


def test_a_player_that_always_fails_stops_the_run_though_another_succeeds() -> None:
    def declare(t: Toy) -> list[Phase]:
        (well,) = one_phase(lambda t: Player("well", [t.first], error(t), sgd()))(t)[0].players
        (ill,) = bursting(set(range(100)))(t)[0].players
        return [Phase("both", data="train", players=[well, ill], epochs=4)]

    with pytest.raises(TrainingFailed, match=r"player 'lever', step 9: 10 gradients in a row"):
        fit(toy(declare), {"train": stream()}, seed=0)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite_stops_at_once_and_names_the_term(loss: float) -> None:
    found = toy(bursting({5}, loss=loss))
    start = found.second.bias.item()
    with pytest.raises(
        TrainingFailed, match=r"phase 'only', player 'lever', step 5: term 'wild' is "
    ):
        fit(found, {"train": stream()}, seed=0)
    assert found.second.bias.item() == pytest.approx(start - 5 * 0.1)


# Interrupted runs -------------------------------------------------------------------------------


class PowerCut(Exception):
    pass


def interrupted(found: Toy, state: Path, *, at: int, **options) -> None:
    """Train until the power fails at a step."""

    def watch(progress: Progress) -> None:
        if progress.step == at:
            raise PowerCut

    with pytest.raises(PowerCut):
        fit(found, {"train": stream()}, seed=0, state=state, watch=watch, **options)


@pytest.fixture
def saves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save after every step."""
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0)
    ticks = iter(range(10**9))
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(ticks)))


def two_phases(t: Toy) -> list[Phase]:
    """A fitting pass, then two phases, the first with two players and a fitting pass of its own."""

    def prepare(batches) -> None:
        t.first.bias.copy_(torch.stack([b.x.mean() for b in batches]).sum().expand(3))

    def begin(batches) -> None:
        t.second.bias.copy_(t.first.bias.sum())

    adam = regression(t)[0].players[0]
    players = [
        replace(adam, name="front", modules=[t.first, t.norm], every=2),
        replace(adam, name="back", modules=[t.second], repeat=2),
    ]
    return [
        Phase("prepare", data="train", prepare=prepare),
        Phase("duel", data="train", players=players, epochs=2, prepare=begin),
        *(replace(phase, epochs=1) for phase in regression(t)),
    ]


@pytest.mark.usefixtures("saves")
@pytest.mark.parametrize("at", [1, 2, 5, 6, 7, 11, 12, 13, 18])
def test_an_interrupted_run_ends_with_the_very_weights_of_an_uninterrupted_one(
    tmp_path: Path, at: int
) -> None:
    whole, state = toy(two_phases), tmp_path / "state.pt"
    report = fit(whole, {"train": stream()}, seed=0)
    interrupted(toy(two_phases), state, at=at)
    torch.manual_seed(99)
    resumed = Toy(two_phases)  # of other weights: all must come from the file
    again = fit(resumed, {"train": stream()}, seed=0, state=state)
    assert same(whole.state_dict(), resumed.state_dict())
    assert (again.steps, again.images) == (report.steps, report.images) == (18, 72)
    assert (again.resumed, report.resumed) == (1, 0)
    assert again.phases == ["prepare", "duel", "regress"]


@pytest.mark.usefixtures("saves")
def test_a_run_interrupted_twice_counts_two(tmp_path: Path) -> None:
    whole, state = toy(two_phases), tmp_path / "state.pt"
    fit(whole, {"train": stream()}, seed=0)
    for at in (4, 15):
        interrupted(toy(two_phases), state, at=at)
    resumed = Toy(two_phases)
    assert fit(resumed, {"train": stream()}, seed=0, state=state).resumed == 2
    assert same(whole.state_dict(), resumed.state_dict())


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    found, state = toy(regression), tmp_path / "state.pt"
    fit(found, {"train": stream()}, seed=0, state=state)
    told: list[Progress] = []
    again = Toy(regression)
    report = fit(again, {"train": stream()}, seed=0, state=state, watch=told.append)
    assert told == []
    assert (report.steps, report.resumed) == (18, 0)
    assert same(found.state_dict(), again.state_dict())


@pytest.mark.parametrize("data", [b"", b"no state", b"PK\x03\x04"])
def test_a_damaged_state_says_to_restart(tmp_path: Path, data: bytes) -> None:
    state = tmp_path / "state.pt"
    state.write_bytes(data)
    with pytest.raises(TrainingFailed, match=r"state\.pt is damaged, restart"):
        fit(toy(regression), {"train": stream()}, seed=0, state=state)


def test_without_a_state_nothing_is_written(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    fit(toy(regression), {"train": stream()}, seed=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("saves")
@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"minutes": 5.0},
        {"config": Toy.Config(score="other")},
        {"batch_size": 8},
        {"images": 20},
    ],
    ids=["seed", "minutes", "config", "batch size", "images"],
)
def test_going_on_with_other_settings_is_refused(tmp_path: Path, other: dict) -> None:
    state = tmp_path / "state.pt"
    interrupted(toy(regression), state, at=4)
    found = Toy(regression, other.get("config"))
    before = state.read_bytes()
    with pytest.raises(TrainingFailed, match=r"state.pt holds a training with other settings"):
        fit(
            found,
            {"train": stream(other.get("images", 24), batch_size=other.get("batch_size", 4))},
            seed=other.get("seed", 0),
            minutes=other.get("minutes"),
            state=state,
        )
    assert state.read_bytes() == before


@pytest.mark.usefixtures("saves")
def test_a_save_that_breaks_off_leaves_the_last_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state.pt"
    interrupted(toy(regression), state, at=4)
    before = state.read_bytes()

    def half(file: BinaryIO, content: bytes) -> None:
        file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "_fill", half)
    with pytest.raises(FileError, match=r"state\.pt cannot be written: No space left"):
        fit(Toy(regression), {"train": stream()}, seed=0, state=state)
    assert state.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.usefixtures("saves")
@pytest.mark.parametrize(
    "held", [{}, torch.zeros(2), [1], {"settings": 1}, {"settings": {"run": {"seed": 0}}}]
)
def test_a_state_of_something_else_is_refused_in_words(tmp_path: Path, held: object) -> None:
    state = tmp_path / "state.pt"
    torch.save(held, state)
    with pytest.raises(TrainingFailed, match=r"state\.pt holds (no interrupted|a) training"):
        fit(toy(regression), {"train": stream()}, seed=0, state=state)


@pytest.mark.usefixtures("saves")
def test_other_images_of_equal_number_do_not_resume(tmp_path: Path) -> None:
    state, other = tmp_path / "state.pt", stream()
    interrupted(toy(regression), state, at=4)
    other.images[3, 0, 0] ^= 1
    with pytest.raises(TrainingFailed, match=r"other settings \(images train: \w+, now \w+\)"):
        fit(Toy(regression), {"train": other}, seed=0, state=state)


def test_too_few_images_for_a_late_phase_are_told_before_the_first() -> None:
    def declare(t: Toy) -> list[Phase]:
        return [*regression(t), Phase("last", data="few", prepare=pytest.fail, least=4)]

    told: list[Progress] = []
    with pytest.raises(TrainingFailed, match="phase 'last' needs 4 few images or more, there are"):
        fit(toy(declare), {"train": stream(), "few": stream(3, batch_size=3)}, seed=0,
            watch=told.append)  # fmt: skip
    assert told == []


# The log ----------------------------------------------------------------------------------------


def read_log(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_log_has_the_means_since_the_last_line_and_always_the_end(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "deep" / "log.jsonl", seconds=1e9)
    for step, value in enumerate((1.0, 2.0, 6.0), 1):
        log(Progress("only", step / 3, step, 4 * step, 0.5, {"all/error": value}))
    (line,) = read_log(tmp_path / "deep" / "log.jsonl")
    assert line == {
        "phase": "only",
        "progress": 1.0,
        "step": 3,
        "images": 12,
        "minutes": 0.5,
        "terms": {"all/error": 3.0},
    }
    eager = TrainingLog(tmp_path / "log.jsonl", seconds=0)
    for value in (1.0, 2.0):
        eager(Progress("only", 0.1, 1, 4, 0.5, {"all/error": value}))
    assert [row["terms"]["all/error"] for row in read_log(tmp_path / "log.jsonl")] == [1.0, 2.0]


# Two processes ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What each of two processes has after training together, see two_processes.py."""
    folder = tmp_path_factory.mktemp("ranks")
    (done,) = _together([folder])
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


def _together(*calls: list[str | Path]) -> list[subprocess.CompletedProcess[str]]:
    """Run two_processes.py with these arguments, each call on a host of its own; wait for all."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here, root = Path(__file__).parent, Path(core.__file__).parent.parent
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PL_", "LOCAL_RANK"))}
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(root), str(here)]),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    script = [sys.executable, str(here / "two_processes.py")]
    hosts = [
        subprocess.Popen(
            [*script, *map(str, arguments)],
            env=environment | ({"NODE_RANK": str(rank)} if len(calls) > 1 else {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, arguments in enumerate(calls)
    ]
    try:
        said = [host.communicate(timeout=240) for host in hosts]
    finally:
        for host in hosts:
            host.kill()
    return [
        subprocess.CompletedProcess(host.args, host.returncode, *texts)
        for host, texts in zip(hosts, said, strict=True)
    ]


@pytest.mark.slow
def test_two_processes_end_with_equal_parameters(ranks: list[dict]) -> None:
    names = {key for key, _ in toy(regression).named_parameters()}
    one, other = ({k: v for k, v in r["trained"].items() if k in names} for r in ranks)
    assert same(one, other)
    assert not same(ranks[0]["start"], ranks[1]["start"])  # they began with different ones


@pytest.mark.slow
def test_two_processes_have_equal_parameters_after_every_step(ranks: list[dict]) -> None:
    # Not only at the end of a phase, where they agree in any case.
    course, other = (r["course"] for r in ranks)
    assert len(course) == 9
    assert torch.equal(course, other)
    assert len({tuple(weight.flatten().tolist()) for weight in course}) > 5  # it does move


@pytest.mark.slow
def test_two_processes_end_with_equal_buffers(ranks: list[dict]) -> None:
    names = {key for key, _ in toy(regression).named_buffers()}
    one, other = ({k: v for k, v in r["trained"].items() if k in names} for r in ranks)
    assert names
    assert same(one, other)


@pytest.mark.slow
def test_two_processes_step_by_the_gradient_of_the_whole_batch(ranks: list[dict]) -> None:
    whole = toy(regression)
    whole.load_state_dict(ranks[0]["start"])
    batch = next(stream(8, batch_size=8).epoch(0, 1))
    code = whole.second(whole.first(batch.x.flatten(1)))
    (code[:, 0] - batch.label.float()).square().mean().backward()
    for key, p in whole.named_parameters():
        expected = p.detach() - 0.001 * (p.grad if p.grad is not None else 0)
        torch.testing.assert_close(ranks[1]["single"][key], expected, msg=key)
    moved = ranks[0]["single"]["first.weight"] - ranks[0]["start"]["first.weight"]
    assert moved.abs().max() > 1e-5


@pytest.mark.slow
def test_two_processes_count_all_images_and_draw_their_own_noise(ranks: list[dict]) -> None:
    assert [r["images"] for r in ranks] == [72, 72]
    assert [r["steps"] for r in ranks] == [9, 9]
    assert not torch.equal(ranks[0]["drawn"], ranks[1]["drawn"])


@pytest.mark.slow
def test_two_hosts_train_together_and_refuse_to_go_on_from_different_places(
    tmp_path: Path,
) -> None:
    for done in _together(*[[tmp_path, "host"]] * 2):
        assert done.returncode == 0, done.stderr[-3000:]
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert same(ranks[0]["trained"], ranks[1]["trained"])
    assert [r["images"] for r in ranks] == [72, 72]  # as of two processes of one host
    for found in ranks:
        assert "hosts must share the folder of runs" in found["refused"]


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({}, "2 nodes need MASTER_ADDR, MASTER_PORT, NODE_RANK in the environment"),
        ({"MASTER_ADDR": "host", "MASTER_PORT": "1", "NODE_RANK": "2"}, "must be 0 to 1, got '2'"),
    ],
)
def test_hosts_that_nobody_named_are_not_waited_for(
    named: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TrainingFailed, match=words), processes(1, nodes=2, accelerator="cpu"):
        pass


@pytest.mark.parametrize("name", ["LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID"])
def test_a_process_that_is_not_the_first_takes_no_turn(
    name: str, tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = load_scenario("tiny")
    with turn(scenario, "glow"):
        with pytest.raises(Busy), turn(scenario, "glow"):
            pass
        monkeypatch.setenv(name, "1")
        with turn(scenario, "glow"):
            pass
