"""The affine coupling and its gradient by hand, against autograd and against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from exact import images
from torch import Tensor

from core.nn.coupling import affine_coupling, log_sigmoid


def written_out(x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
    """The paper's coupling as autograd sees it."""
    (x1, x2), (t, r) = x.chunk(2, 1), raw.to(x.dtype).chunk(2, 1)
    log_s = F.logsigmoid(r + 2)
    return torch.cat([x1, (x2 + t) * log_s.exp()], 1), log_s.sum(1)


def inputs() -> tuple[Tensor, Tensor]:
    """x and raw, (2, 4, 3, 2) each, that ask for gradients."""
    x, raw = images(2, 4, 3, 2, seed=0), 2 * images(2, 4, 3, 2, seed=1)
    return x.requires_grad_(), raw.requires_grad_()


def test_a_coupling_worked_out_by_hand() -> None:
    x = torch.tensor([7.0, 3.0]).view(1, 2, 1, 1)
    raw = torch.tensor([1.0, math.log(3) - 2]).view(1, 2, 1, 1)  # sigmoid(log 3) = 3/4
    y, log_det = affine_coupling(x, raw)
    assert y.flatten().tolist() == pytest.approx([7.0, 3.0])  # (3 + 1) * 3/4
    assert log_det.item() == pytest.approx(math.log(0.75))


@pytest.mark.parametrize("check", [torch.autograd.gradcheck, torch.autograd.gradgradcheck])
def test_the_gradient_by_hand_is_the_slope_and_can_be_differentiated_again(check) -> None:
    assert check(affine_coupling, inputs())


def test_the_coupling_and_its_gradient_are_those_of_the_paper_written_out() -> None:
    results = []
    for function in (affine_coupling, written_out):
        x, raw = inputs()
        y, log_det = function(x, raw)
        weight = images(*y.shape, seed=2)
        ((y * weight).sum() + (log_det.square()).sum()).backward()
        results.append((y, log_det, x.grad, raw.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_rough_network_leaves_the_coupling_in_the_type_of_the_image() -> None:
    x, raw = (tensor.detach() for tensor in inputs())
    rough = raw.bfloat16().requires_grad_()
    y, log_det = affine_coupling(x, rough)
    torch.testing.assert_close((y, log_det), written_out(x, rough))
    log_det.sum().backward()
    assert (y.dtype, log_det.dtype, rough.grad.dtype) == (x.dtype, x.dtype, torch.bfloat16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_sigmoid_is_exact_to_rounding_from_far_below_zero_to_far_above(dtype) -> None:
    v = torch.cat([torch.linspace(-300, 300, 2001), torch.tensor([0.0, -1e6, 1e6])]).to(dtype)
    off = (log_sigmoid(v) - F.logsigmoid(v)).abs() / F.logsigmoid(v).abs().clamp_min(1)
    assert off.max() <= 2 * torch.finfo(dtype).eps
