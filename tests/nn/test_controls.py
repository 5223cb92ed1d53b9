"""The control flows against the autograd Jacobian and an integral, and what they cannot see."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from exact import disturbed, exact_log_density, images, moments
from torch import Tensor, nn

from core.nn.controls import DenseFlow, PatchFlow, join_patches, split_patches
from core.nn.flow import MultiScaleFlow

FLOWS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    "patches": (lambda: PatchFlow((1, 8, 16), scales=2, steps=2, hidden=4), (1, 8, 16)),
    "patches, second half leaves": (
        lambda: PatchFlow((1, 8, 8), scales=3, steps=1, hidden=4, leaves="second"),
        (1, 8, 8),
    ),
    "dense": (lambda: DenseFlow((1, 4, 6), steps=3, hidden=5), (1, 4, 6)),
    "dense in colour": (lambda: DenseFlow((3, 2, 3), steps=2, hidden=5), (3, 2, 3)),
}


@pytest.fixture(params=FLOWS)
def flow_and_shape(request: pytest.FixtureRequest) -> tuple[nn.Module, tuple[int, int, int]]:
    """A flow in float64 whose every parameter is off its start, and the shape of its images."""
    make, shape = FLOWS[request.param]
    torch.manual_seed(0)
    return disturbed(make()), shape


def total(flow: nn.Module, x: Tensor) -> Tensor:
    """log p of images x, (N,)."""
    return sum(code.log_prob.sum((1, 2)) for code in flow(x))


# Patches ----------------------------------------------------------------------------------------


def test_patches_of_a_four_by_four_image_by_hand() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    found = split_patches(x, 2).flatten(1).tolist()
    assert found == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    assert torch.equal(join_patches(split_patches(x, 2), 2, 2), x)


def test_patches_go_image_by_image_and_row_by_row_with_their_channels() -> None:
    x = torch.arange(2 * 3 * 4 * 6.0).view(2, 3, 4, 6)  # two rows and three columns of patches
    patches = split_patches(x, 2)
    for n in range(2):
        for r in range(2):
            for c in range(3):
                expected = x[n, :, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2]
                assert torch.equal(patches[6 * n + 3 * r + c], expected), (n, r, c)
    assert torch.equal(join_patches(patches, 2, 3), x)


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"multiples of 2, got \(1, 1, 4, 5\)"):
        split_patches(torch.zeros(1, 1, 4, 5), 2)
    with pytest.raises(ValueError, match=r"multiples of 8, got \(1, 12, 16\)"):
        PatchFlow((1, 12, 16), scales=2, steps=1, hidden=4)
    with pytest.raises(ValueError, match=r"even number of values, got \(1, 3, 3\)"):
        DenseFlow((1, 3, 3), steps=1, hidden=4)


def with_corners_exchanged(x: Tensor) -> Tensor:
    """Images (N, C, 16, 16) whose first and last 8x8 patch have changed places."""
    other = x.clone()
    other[..., :8, :8], other[..., 8:, 8:] = x[..., 8:, 8:], x[..., :8, :8]
    return other


def test_patches_may_change_places_without_changing_the_likelihood() -> None:
    torch.manual_seed(0)
    flow = disturbed(PatchFlow((1, 16, 16), scales=2, steps=2, hidden=4))
    x = images(3, 1, 16, 16)
    other = with_corners_exchanged(x)
    # The same four float64 terms in another order.
    torch.testing.assert_close(total(flow, other), total(flow, x), rtol=1e-12, atol=0)
    before, after = flow(x)[0].log_prob, flow(other)[0].log_prob
    torch.testing.assert_close(after[:, 0, 0], before[:, 1, 1])
    torch.testing.assert_close(after[:, 1, 0], before[:, 1, 0])
    assert (before[:, 0, 0] - before[:, 1, 1]).abs().min() > 0.1  # not because all are alike


@pytest.mark.parametrize(
    "make",
    [
        lambda: MultiScaleFlow((1, 16, 16), scales=3, steps=1, hidden=4),
        lambda: DenseFlow((1, 16, 16), steps=2, hidden=4),
    ],
    ids=["scales", "dense"],
)
def test_the_other_flows_notice_patches_that_change_places(make) -> None:
    torch.manual_seed(0)
    flow, x = disturbed(make()), images(3, 1, 16, 16)
    assert (total(flow, with_corners_exchanged(x)) - total(flow, x)).abs().min() > 0.1


def test_each_cell_is_the_log_density_of_the_patch_that_lies_there() -> None:
    torch.manual_seed(0)
    flow = disturbed(PatchFlow((1, 8, 16), scales=2, steps=2, hidden=4))
    x = images(1, 1, 8, 16)
    cells = flow(x)[0].log_prob
    assert cells.shape == (1, 1, 2)
    for column in range(2):
        patch = x[..., 8 * column : 8 * column + 8]
        exact = exact_log_density(flow.patch, patch)
        torch.testing.assert_close(cells[0, 0, column], exact, rtol=1e-9, atol=1e-9)


# Density ----------------------------------------------------------------------------------------


def test_the_log_density_is_that_of_the_jacobian(flow_and_shape) -> None:
    flow, shape = flow_and_shape
    x = images(1, *shape)
    # Float64 throughout: what is left are sums of some hundred terms of size 1.
    torch.testing.assert_close(total(flow, x)[0], exact_log_density(flow, x), rtol=1e-9, atol=1e-9)


def test_images_do_not_touch_each_other(flow_and_shape) -> None:
    flow, shape = flow_and_shape
    x = images(3, *shape)
    alone = torch.cat([total(flow, image[None]) for image in x])
    torch.testing.assert_close(total(flow, x), alone)
    for i, code in enumerate(flow(image[None])[0] for image in x):
        torch.testing.assert_close(flow(x)[0].latent[i], code.latent[0])


def test_a_dense_density_in_the_plane_integrates_to_one() -> None:
    torch.manual_seed(0)
    flow = disturbed(DenseFlow((2, 1, 1), steps=3, hidden=6))
    axis = torch.arange(-14, 14, 0.07, dtype=torch.float64)
    points = torch.cartesian_prod(axis, axis)[..., None, None]  # (M, 2, 1, 1)
    # The nets' ReLUs put kinks into the density: the sum is exact to some 1e-6, not to rounding.
    assert float(total(flow, points).exp().sum()) * 0.07**2 == pytest.approx(1, abs=1e-4)


def test_a_fresh_dense_flow_of_two_numbers_by_hand() -> None:
    torch.manual_seed(0)
    flow = DenseFlow((2, 1, 1), steps=1, hidden=4).double()
    x = torch.tensor([3.0, -2.0], dtype=torch.float64).view(1, 2, 1, 1)
    s = 1 / (1 + math.exp(-2))  # the second of the permuted pair is scaled by sigmoid(2)
    for order, second in (([0, 1], -2.0), ([1, 0], 3.0)):
        flow.permutations[0] = torch.tensor(order)
        first = 1.0 - second  # 3 - 2 = 1
        expected = math.log(s) - 0.5 * (first**2 + (s * second) ** 2) - math.log(2 * math.pi)
        assert total(flow, x).item() == pytest.approx(expected, rel=1e-12)
        assert flow(x)[0].latent.flatten().tolist() == pytest.approx([first, s * second])


def test_the_permutations_are_fixed_and_travel_with_the_weights() -> None:
    torch.manual_seed(0)
    flow = disturbed(DenseFlow((1, 4, 4), steps=3, hidden=4))
    x = images(2, 1, 4, 4)
    assert torch.equal(total(flow, x), total(flow, x))
    torch.manual_seed(1)
    other = DenseFlow((1, 4, 4), steps=3, hidden=4).double()
    assert not torch.equal(other.permutations, flow.permutations)
    other.load_state_dict(flow.state_dict())
    assert torch.equal(total(other, x), total(flow, x))
    orders = flow.permutations.tolist()
    assert all(sorted(order) == list(range(16)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


# Inverse ----------------------------------------------------------------------------------------


def test_the_inverse_gives_back_images_and_latents(flow_and_shape) -> None:
    flow, shape = flow_and_shape
    x = images(3, *shape)
    codes = flow(x)
    # Condition numbers of a few hundred, in float64.
    torch.testing.assert_close(flow.inverse([code.latent for code in codes]), x, rtol=0, atol=1e-10)
    drawn = [images(3, *size, seed=1) for size in flow.latent_shapes()]
    assert [code.latent.shape for code in codes] == [z.shape for z in drawn]
    for code, latent in zip(flow(flow.inverse(drawn)), drawn, strict=True):
        torch.testing.assert_close(code.latent, latent, rtol=0, atol=1e-9)


def test_latents_are_as_many_as_pixels() -> None:
    assert PatchFlow((1, 32, 32), scales=3, steps=1, hidden=4).latent_shapes() == [(64, 4, 4)]
    assert DenseFlow((1, 32, 32), steps=1, hidden=4).latent_shapes() == [(1024, 1, 1)]


# Data-dependent initialisation ------------------------------------------------------------------


def test_after_initialising_every_norm_of_a_dense_flow_gives_mean_zero_and_variance_one() -> None:
    torch.manual_seed(0)
    flow = disturbed(DenseFlow((1, 4, 4), steps=3, hidden=6))
    seen: list[Tensor] = []
    x = 3 + 5 * images(60, 1, 4, 4)
    flow.initialise_(x)
    for norm in (*flow.norms, flow.prior):
        norm.register_forward_hook(lambda module, inputs, output: seen.append(output))
    flow(x)
    assert len(seen) == 4
    for activations in seen:
        assert max(moments(activations, (0,))) < 1e-9  # exact but for float64 rounding


def test_after_initialising_the_latents_of_all_patches_have_mean_zero_and_variance_one() -> None:
    torch.manual_seed(0)
    flow = disturbed(PatchFlow((1, 16, 16), scales=3, steps=2, hidden=6))
    x = 2 + 4 * images(40, 1, 16, 16)
    x[..., :8] *= 3  # the left patches are others: only all of them together are normal
    flow.initialise_(x)
    latent = flow(x)[0].latent.unflatten(1, (32, 2))  # 64 values in three priors of other shapes
    assert latent.shape == (40, 32, 2, 2, 2)
    assert max(moments(latent, (0, 3, 4))) < 1e-9
    assert max(moments(latent[..., 0], (0, 3))) > 0.1
