"""B-cos layers: what they compute, and that their explanation is the net itself."""

from __future__ import annotations

import threading

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.nn.bcos import BcosConv2d, BcosNet, UncentredNorm, both_signs, explaining, linear_map


@pytest.fixture
def net() -> BcosNet:
    """In float64, with norms whose statistics are not 1."""
    torch.manual_seed(0)
    net = BcosNet(2, width=2, classes=3).double().train()
    for _ in range(20):
        net(both_signs(torch.rand(8, 1, 8, 8, dtype=torch.float64)))
    return net.eval().requires_grad_(False)


@pytest.fixture
def image() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(1, 1, 8, 8, generator=generator, dtype=torch.float64)


def matrix_of(conv: BcosConv2d, norm: UncentredNorm | None, v: Tensor) -> tuple[Tensor, Tensor]:
    """A layer at v (1, C, H, W) as the matrix that it is there, written out; and what it gives.

    Patch by patch, from the formulas alone: no autograd, and none of the layer's own code.
    """
    outputs, _, k, _ = conv.weight.shape
    unit = conv.weight.flatten(1) / conv.weight.flatten(1).norm(dim=1, keepdim=True)
    side = (v.shape[2] + 2 * (k // 2) - k) // conv.stride + 1
    place = torch.arange(v.numel()).double().reshape(v.shape) + 1  # 0 is the padding
    places = F.unfold(place, k, padding=k // 2, stride=conv.stride)[0].long()  # (C k k, L)
    matrix = v.new_zeros(outputs, side * side, v.numel() + 1)
    flat = torch.cat([v.new_zeros(1), v.flatten()])
    for cell in range(side * side):
        patch = flat[places[:, cell]]
        for output in range(outputs):
            along = float(unit[output] @ patch)
            gate = abs(along) / float((patch @ patch + 1e-6).sqrt())
            gain = 1.0
            if norm is not None:
                gain = float(norm.gain[output] / (norm.mean_square[output] + 1e-5).sqrt())
            matrix[output, cell].index_add_(0, places[:, cell], unit[output] * gate * gain)
    matrix = matrix[..., 1:].flatten(0, 1)  # (C' L, C H W)
    return matrix, (matrix @ v.flatten()).reshape(1, outputs, side, side)


def test_the_map_is_the_product_of_the_layers_matrices(net: BcosNet, image: Tensor) -> None:
    v = both_signs(image)
    whole, current = torch.eye(v.numel(), dtype=torch.float64), v
    for layer in net.layers:
        matrix, current = matrix_of(layer[0], layer[1], current)
        whole = matrix @ whole
    matrix, logits = matrix_of(net.head, None, current)
    whole = (matrix @ whole).reshape(3, -1, v.numel()).mean(1)  # the mean over all places
    torch.testing.assert_close(logits.mean((2, 3)), net(v), rtol=1e-10, atol=1e-12)
    for logit in range(3):
        found = linear_map(lambda u, logit=logit: net(u)[:, logit], v)
        torch.testing.assert_close(found.flatten(), whole[logit], rtol=1e-8, atol=1e-12)


def test_the_plain_gradient_is_another_map(net: BcosNet, image: Tensor) -> None:
    v = both_signs(image).requires_grad_()
    plain = torch.autograd.grad(net(v)[:, 0].sum(), v)[0]
    held = linear_map(lambda u: net(u)[:, 0], v)
    assert (plain - held).norm() > 0.5 * held.norm()


def test_a_patch_of_nothing_gives_nothing_and_has_a_slope() -> None:
    torch.manual_seed(0)
    layer = BcosConv2d(1, 4, 3)
    x = torch.zeros(1, 1, 5, 5, requires_grad=True)
    y = layer(x)
    assert not y.any()
    assert torch.isfinite(torch.autograd.grad(y.sum(), x)[0]).all()


def test_longer_weights_say_the_same(image: Tensor) -> None:
    torch.manual_seed(0)
    layer = BcosConv2d(1, 4, 3).double()
    before = layer(image)
    with torch.no_grad():
        layer.weight.mul_(7)
    torch.testing.assert_close(layer(image), before)


def test_a_norm_in_training_takes_the_batch_and_later_what_it_ran_over() -> None:
    norm = UncentredNorm(1, momentum=0.5).train()
    x = torch.tensor([3.0, 5.0]).reshape(2, 1, 1, 1)  # mean square 17
    norm(x)
    assert float(norm.mean_square) == 0.5 * 1 + 0.5 * 17
    norm.eval()
    torch.testing.assert_close(norm(x).flatten(), torch.tensor([1.0, 5 / 3]), rtol=1e-5, atol=0)
    assert float(norm.mean_square) == 9.0


def test_four_threads_explain_and_do_not_without_disturbing_each_other(net: BcosNet) -> None:
    images = [both_signs(torch.rand(1, 1, 8, 8, dtype=torch.float64)) for _ in range(4)]
    held = [linear_map(lambda u: net(u)[:, 0], v) for v in images]
    plain = []
    for v in images:
        free = v.clone().requires_grad_()
        plain.append(torch.autograd.grad(net(free)[:, 0].sum(), free)[0])
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(100):
            if i % 2:
                found, right = linear_map(lambda u: net(u)[:, 0], images[i]), held[i]
            else:
                free = images[i].clone().requires_grad_()
                found, right = torch.autograd.grad(net(free)[:, 0].sum(), free)[0], plain[i]
            if not torch.allclose(found, right):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_explaining_ends_with_its_block_even_after_an_error() -> None:
    gate = torch.ones(1, requires_grad=True)

    def fail() -> None:
        with explaining():
            raise KeyError("planted")

    with pytest.raises(KeyError, match="planted"):
        fail()
    layer = BcosConv2d(1, 1, 1)
    x = gate.reshape(1, 1, 1, 1) * 2
    slope = torch.autograd.grad(layer(x).sum(), gate)[0]
    assert abs(float(slope)) == pytest.approx(2.0, rel=1e-4)


def test_a_map_is_found_in_the_midst_of_scoring(net: BcosNet, image: Tensor) -> None:
    outside = linear_map(lambda u: net(u)[:, 0], both_signs(image))
    with torch.inference_mode():
        inside = linear_map(lambda u: net(u)[:, 0], both_signs(image.clone()))
    assert torch.equal(inside, outside)
