"""The affine coupling of Glow in few passes over the activations, with its gradient by hand.

References:
    Glow: Generative Flow with Invertible 1x1 Convolutions, Kingma and Dhariwal, 2018,
    https://arxiv.org/abs/1807.03039 (sec. 3.3; the sigmoid from its released code).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["affine_coupling", "log_sigmoid", "network_coupling"]


def affine_coupling(x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
    """y (N, C, H, W) of x (N, C, H, W), and the log-determinant of each cell (N, H, W).

    The second half of the channels changes: y2 = (x2 + t) * sigmoid(r + 2), with shift t and raw
    scale r the halves of raw (N, C, H, W), which may be of a rougher type than x.

    Example:
        >>> x, raw = torch.tensor([5.0, 1.0]), torch.tensor([2.0, -2.0])  # sigmoid(0) = 1/2
        >>> y, log_det = affine_coupling(x.view(1, 2, 1, 1), raw.view(1, 2, 1, 1))
        >>> y.flatten().tolist(), round(log_det.item(), 4)
        ([5.0, 1.5], -0.6931)
    """
    return _AffineCoupling.apply(x, raw)


def network_coupling(x: Tensor, net: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """`affine_coupling` of x (N, C, H, W), with its network's three convolutions.

    They are 3x3, 1x1 and 3x3, with ReLUs between, and run in the type of their weights. One
    gradient for all of them goes over less memory than autograd's; it can be taken once only.

    Args:
        net: weight (out, in, k, k) and bias (out,) of each.

    Example:
        >>> net = [(torch.zeros(1, 1, k, k), torch.zeros(1)) for k in (3, 1)]
        >>> net.append((torch.zeros(2, 1, 3, 3), torch.tensor([2.0, -2.0])))  # t and r of any x
        >>> y, log_det = network_coupling(torch.tensor([5.0, 1.0]).view(1, 2, 1, 1), net)
        >>> y.flatten().tolist(), round(log_det.item(), 4)
        ([5.0, 1.5], -0.6931)
    """
    return _NetworkCoupling.apply(x, *(tensor for layer in net for tensor in layer))


def log_sigmoid(v: Tensor) -> Tensor:
    """log sigmoid(v) = min(v, 0) - log(1 + exp(-|v|)), of any shape.

    Torch's own takes ten times as long on processors, for the last digits of numbers near 0.

    Example:
        >>> log_sigmoid(torch.tensor([0.0, -1000.0])).tolist()
        [-0.6931471824645996, -1000.0]
    """
    return v.clamp_max(0) - (1 + v.abs().neg().exp()).log()


def _coupled(x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """y (N, C, H, W), the scale of its second half, and the log-determinant, of one type."""
    half = x.shape[1] // 2
    v = raw[:, half:] + 2
    scale = v.sigmoid()
    y = torch.empty_like(x)
    y[:, :half] = x[:, :half]
    torch.add(x[:, half:], raw[:, :half], out=y[:, half:])
    y[:, half:] *= scale
    return y, scale, log_sigmoid(v).sum(1)


class _AffineCoupling(torch.autograd.Function):
    """With s = sigmoid(r + 2): dy2/dx2 = dy2/dt = s, dy2/dr = y2 (1 - s), dlog s/dr = 1 - s.

    The inputs alone are kept, so that the gradient can be differentiated again.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x, raw)
        y, _, log_det = _coupled(x, raw.to(x.dtype))
        return y, log_det

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (of_y, of_log_det), (x, raw) = gradients, ctx.saved_tensors
        half = x.shape[1] // 2
        scale = (raw[:, half:].to(x.dtype) + 2).sigmoid()
        of_t = of_y[:, half:] * scale
        of_raw = (of_t * (x[:, half:] + raw[:, :half]) + of_log_det[:, None]) * (1 - scale)
        return torch.cat([of_y[:, :half], of_t], 1), torch.cat([of_t, of_raw], 1).to(raw.dtype)


class _NetworkCoupling(torch.autograd.Function):
    """The gradient of `_AffineCoupling`, carried on through the network."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *net: Tensor) -> tuple[Tensor, Tensor]:
        w1, b1, w2, b2, w3, b3 = net
        half = x.shape[1] // 2
        read = x[:, :half].to(dtype=w1.dtype, memory_format=torch.channels_last)
        h1 = F.conv2d(read, w1, b1, padding=1).relu_()
        h2 = F.conv2d(h1, w2, b2).relu_()
        raw = F.conv2d(h2, w3, b3, padding=1).to(x.dtype)  # in one piece: halves take four times
        y, scale, log_det = _coupled(x, raw)
        ctx.save_for_backward(y, scale, read, h1, h2, w1, w2, w3)
        return y, log_det

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        if torch.is_grad_enabled():  # scale, h1 and h2 would pass for constants: silently wrong
            raise RuntimeError("the gradient of a coupling with its network can be taken once only")
        of_y, of_log_det = gradients
        y, scale, read, h1, h2, w1, w2, w3 = ctx.saved_tensors
        half = y.shape[1] // 2
        of_x = torch.empty_like(y)
        of_t = torch.mul(of_y[:, half:], scale, out=of_x[:, half:])
        g3 = torch.empty_like(y, dtype=w3.dtype, memory_format=torch.channels_last)
        g3[:, :half] = of_t
        g3[:, half:] = (of_y[:, half:] * y[:, half:]).add_(of_log_det[:, None]).mul_(1 - scale)
        of_h2, of_w3, of_b3 = _before_3x3(g3, h2, w3)
        g2 = _where_positive(of_h2, h2)
        of_w2 = _cells(g2).T @ _cells(h1)
        g1 = (_cells(g2) @ w2[:, :, 0, 0]).view(*h1.permute(0, 2, 3, 1).shape).permute(0, 3, 1, 2)
        g1 = _where_positive(g1, h1)
        of_read, of_w1, of_b1 = _before_3x3(g1, read, w1)
        torch.add(of_y[:, :half], of_read.to(y.dtype), out=of_x[:, :half])
        return of_x, of_w1, of_b1, of_w2[..., None, None], _cells(g2).sum(0), of_w3, of_b3


def _before_3x3(gradient: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x (N, C, H, W), weight (O, C, 3, 3) and bias, of that of the output.

    Not by torch.nn.grad: it forgets that x is laid out channels last, and takes twice as long.
    """
    one, zero = [1, 1], [0, 0]
    result: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        gradient, x, weight, [len(weight)], one, one, one, False, zero, 1, [True, True, True]
    )
    return result


def _cells(x: Tensor) -> Tensor:
    """x (N, C, H, W) as (N * H * W, C)."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _where_positive(gradient: Tensor, h: Tensor) -> Tensor:
    """The gradient (N, C, H, W) where a ReLU's output h (N, C, H, W) is positive, else 0.

    Positive bfloat16 are positive integers by their bits, and integers are compared twice as fast.
    """
    if h.dtype == torch.bfloat16:
        bits = gradient.view(torch.int16), h.view(torch.int16)
        return torch.ops.aten.threshold_backward(*bits, 0).view(torch.bfloat16)
    return torch.ops.aten.threshold_backward(gradient, h, 0)
