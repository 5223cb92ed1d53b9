"""The flow that the benchmark compares with is the same flow, and the two take turns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.bench import flows
from core.nn.flow import MultiScaleFlow
from core.nn.flow_layers import coupling_dtype


@pytest.fixture
def pair() -> tuple[MultiScaleFlow, MultiScaleFlow]:
    """A small flow whose couplings do something, and its plain copy."""
    torch.manual_seed(0)
    fused = MultiScaleFlow((3, 8, 8), scales=2, steps=2, hidden=8, leaves="second").double()
    with torch.no_grad():
        for parameter in fused.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return fused, flows.plain(fused.float())


def losses(flow: MultiScaleFlow) -> Tensor:
    x = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return torch.stack([-code.log_prob.sum((1, 2)) for code in flow(x)])


def gradient(flow: MultiScaleFlow) -> Tensor:
    flow.zero_grad()
    losses(flow).mean().backward()
    return torch.cat([parameter.grad.flatten() for parameter in flow.parameters()])


def test_the_flow_before_gives_the_same_numbers_and_gradients(pair) -> None:
    fused, before = pair
    assert all(isinstance(scale.steps, flows.PlainSteps) for scale in before.scales)
    assert list(before.state_dict()) == list(fused.state_dict())
    torch.testing.assert_close(losses(fused), losses(before))
    # Float32 sums of some 256 terms, in two orders.
    torch.testing.assert_close(gradient(fused), gradient(before), rtol=1e-4, atol=1e-4)


def test_in_bfloat16_the_two_agree_as_far_as_rounding_lets_them(pair) -> None:
    with coupling_dtype(torch.bfloat16):
        ours, theirs = (gradient(flow) for flow in pair)
        torch.testing.assert_close(losses(pair[0]), losses(pair[1]))  # forward, the same operations
    assert (ours - theirs).norm() < 0.02 * theirs.norm()  # each rounds to 2^-8 on its way back


def test_the_two_take_turns_and_the_ratio_is_of_each_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    seconds = {"before": 2.0, "fused": 1.0}

    def kind(flow: MultiScaleFlow, x: Tensor):
        name = "before" if isinstance(flow.scales[0].steps, flows.PlainSteps) else "fused"
        return lambda: ran.append(name)

    def taken(run) -> float:
        run()
        return seconds[ran[-1]]

    monkeypatch.setattr(flows, "COLOUR", (3, 8, 8))
    for name, stub in (("_training", kind), ("_scoring", kind), ("_seconds", taken)):
        monkeypatch.setattr(flows, name, stub)
    rows = {row.what: row for row in flows.glow_fused(lambda words: None)}
    assert ran == ["before", "fused"] * (2 * (1 + flows.RUNS))
    for what in ("training in bfloat16", "scoring in float32"):
        assert (rows[f"{what}, before"].median, rows[what].median) == (128, 256)
        assert (rows[f"{what}, ratio"].low, rows[f"{what}, ratio"].high) == (2, 2)
