"""Draws that are one's own, whatever else draws in the process."""

from __future__ import annotations

import torch
from torch import nn

from core.detectors.ama import AMA, SEED
from core.nn.mirror import PairCritic, untrained
from core.nn.sampling import drawn_by
from core.shape import Shape


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_layers_are_the_same_whatever_another_thread_draws_meanwhile() -> None:
    with drawn_by(generator()):
        alone = nn.Linear(3, 2), nn.Conv2d(1, 2, 3)
    with drawn_by(generator()):
        first = nn.Linear(3, 2)
        torch.randn(5)  # as another thread would, from the generator of all
        beside = first, nn.Conv2d(1, 2, 3)
    for one, other in zip(alone, beside, strict=True):
        assert torch.equal(one.weight, other.weight)
        assert torch.equal(one.bias, other.bias)


def test_what_others_draw_is_the_same_whatever_layers_are_made_meanwhile() -> None:
    torch.manual_seed(3)
    drawn = torch.rand(4)
    torch.manual_seed(3)
    with drawn_by(generator()):
        nn.Linear(3, 2)
    assert torch.equal(torch.rand(4), drawn)


def test_the_untrained_critic_is_that_of_a_process_that_draws_nothing_else() -> None:
    shape = Shape(1, 12, 12)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        lonely = untrained(PairCritic(shape, width=2))
    torch.manual_seed(99)
    critic = AMA(AMA.Config(critic_width=2), shape).untrained_critic
    buffers = dict(critic.named_buffers())
    assert len(buffers) > 5
    for name, value in lonely.named_buffers():
        assert torch.equal(buffers[name], value), name
