"""The affine coupling and its gradient by hand, against autograd and against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from exact import images
from torch import Tensor

from core.nn.coupling import affine_coupling, log_sigmoid, network_coupling


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


# With the network --------------------------------------------------------------------------------


def network(dtype: torch.dtype = torch.float64) -> list[tuple[Tensor, Tensor]]:
    """Three convolutions for four channels, by way of five, that ask for gradients."""
    shapes = [(5, 2, 3, 3), (5, 5, 1, 1), (4, 5, 3, 3)]
    pairs = [(images(*s, seed=s[1]) / 2, images(s[0], 1, 1, 1, seed=9).flatten()) for s in shapes]
    return [tuple(t.to(dtype).requires_grad_() for t in pair) for pair in pairs]


def through_autograd(x: Tensor, net: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """The same network layer by layer, then the coupling written out."""
    (w1, b1), (w2, b2), (w3, b3) = net
    h = F.conv2d(x.chunk(2, 1)[0].to(w1.dtype), w1, b1, padding=1).relu()
    return written_out(x, F.conv2d(F.conv2d(h, w2, b2).relu(), w3, b3, padding=1))


def test_the_gradient_through_the_network_by_hand_is_the_slope() -> None:
    net = [tensor for pair in network() for tensor in pair]
    assert torch.autograd.gradcheck(
        lambda x, *flat: network_coupling(x, list(zip(flat[::2], flat[1::2], strict=True))),
        (inputs()[0], *net),
    )


# In bfloat16 both round on the way, at other places: by 2^-8 each time, of sums of some 50 terms.
@pytest.mark.parametrize(("dtype", "off"), [(torch.float64, 1e-12), (torch.bfloat16, 0.03)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_network_and_its_gradient_are_autograds(dtype, off: float, layout) -> None:
    results = []
    for function in (network_coupling, through_autograd):
        net, x = network(dtype), inputs()[0].detach().contiguous(memory_format=layout)
        x.requires_grad_()
        y, log_det = function(x, net)
        ((y * images(*y.shape, seed=2)).sum() + log_det.square().sum()).backward()
        results.append([y, log_det, x.grad, *(t.grad for pair in net for t in pair)])
    for ours, theirs in zip(*results, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        assert (ours - theirs).abs().max() <= off * theirs.abs().max()


def test_a_second_gradient_through_the_network_is_refused() -> None:
    x = inputs()[0]
    total = network_coupling(x, network())[0].sum()
    with pytest.raises(RuntimeError, match="once only"):
        torch.autograd.grad(total, x, create_graph=True)
