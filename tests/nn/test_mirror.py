"""A mirrored autoencoder's networks: how steep a critic is, and where codes are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from core.nn.mirror import (
    MirrorGenerator,
    PairCritic,
    _norm,
    gradient_penalty,
    mixture,
    pair,
    ray,
    simplex_weights,
    slope_bound,
    untrained,
)
from core.shape import Shape

SHAPE = Shape(1, 8, 8)


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# The penalty ------------------------------------------------------------------------------------


def linear(weight: Tensor) -> Callable[[Tensor], Tensor]:
    """A critic of pairs whose gradient is the weight everywhere."""
    return lambda pairs: (weight * pairs).flatten(1).sum(1)


def test_the_penalty_of_a_linear_critic_is_that_of_its_slope_over_channels_and_pixels() -> None:
    weight = torch.zeros(2, 1, 2)  # two channels of two pixels
    weight[0, 0, 0], weight[1, 0, 1] = 3.0, 4.0
    pairs, others = torch.rand(5, 2, 1, 2), torch.rand(5, 2, 1, 2)
    penalty = gradient_penalty(linear(weight), pairs, others, generator=draw())
    # The slope is 5; over channels alone it would be 3 and 4, whose penalty is (2^2 + 3^2) / 2.
    assert penalty.item() == pytest.approx((5 - 1) ** 2)


@pytest.mark.parametrize(("slope", "expected"), [(1.0, 0.0), (0.5, 0.25), (0.0, 1.0)])
def test_a_critic_is_penalised_on_both_sides_of_slope_one(slope: float, expected: float) -> None:
    pairs = torch.rand(3, 2, 1, 1)
    weight = torch.tensor([0.6, 0.8]).view(2, 1, 1) * slope
    found = gradient_penalty(linear(weight), pairs, pairs + 1, generator=draw())
    assert found.item() == pytest.approx(expected, abs=1e-5)  # 1e-6 under the root of no slope


def test_the_penalty_is_taken_between_the_pairs_and_the_others_each_at_its_own_place() -> None:
    seen = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach()[:, 0])
        return x.square().sum(1) / 2  # whose slope at x is x

    pairs, others = torch.full((4000, 1), 1.0), torch.full((4000, 1), 3.0)
    penalty = gradient_penalty(critic, pairs, others, generator=draw())
    (between,) = seen
    assert between.min() >= 1
    assert between.max() <= 3
    assert len(between.unique()) > 3900
    # E (u - 1)^2 of u ~ U(1, 3) is 4/3, with a standard error of 0.02.
    assert penalty.item() == pytest.approx(4 / 3, abs=0.08)


def test_the_penalty_moves_the_critic() -> None:
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    pairs = torch.rand(3, 2)
    gradient_penalty(lambda x: x @ weight, pairs, pairs + 1, generator=draw()).backward()
    # d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
    torch.testing.assert_close(weight.grad, 8 * torch.tensor([0.6, 0.8]))


def test_the_penalty_of_a_critic_that_is_flat_has_a_finite_gradient() -> None:
    weight = torch.zeros(2, requires_grad=True)
    gradient_penalty(lambda x: x @ weight, torch.rand(3, 2), torch.rand(3, 2), generator=draw())
    penalty = gradient_penalty(lambda x: x @ weight, *torch.rand(2, 3, 2), generator=draw())
    penalty.backward()
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


# The slope --------------------------------------------------------------------------------------


def exact_norm(layer: nn.Module, shape: tuple[int, ...]) -> float:
    """The largest singular value of a layer's matrix, written out for one picture of a shape."""
    zero = torch.zeros(1, *shape, dtype=torch.float64)
    matrix = torch.autograd.functional.jacobian(layer, zero)
    return float(torch.linalg.matrix_norm(matrix.reshape(-1, zero.numel()), 2))


def plain_critic() -> PairCritic:
    """A critic of one-channel pairs, width 1, that averages: every weight is known.

    D = 4 times the sum over places of the mean of a place's pixels in the second picture.
    """
    critic = untrained(PairCritic(SHAPE, width=1)).eval()
    for _, buffer in critic.named_buffers():
        buffer.zero_()
    first, last = critic.blocks
    first.skip.weight[0, 1] = 1.0
    last.skip.weight[0, 0] = 1.0
    critic.judge.weight[0, 0] = 4.0
    return critic


def test_the_bound_of_a_critic_whose_weights_are_known_is_their_product() -> None:
    critic = plain_critic()
    assert slope_bound(critic, Shape(1, 4, 4)) == pytest.approx(1 * 1 * 4)
    assert slope_bound(critic, SHAPE) == pytest.approx(4 * 2)  # a sum over 2x2 places
    assert slope_bound(critic, Shape(1, 9, 12)) == pytest.approx(4 * 3)  # over 3x3
    first, last = critic.blocks
    first.first.weight[0, 0, 1, 1], first.second.weight[0, 0, 1, 1] = 2.0, 5.0
    last.skip.weight[0, 0] = 3.0
    # A pixel lies in up to 4 patches of the strided layer, and in 9 of the other.
    assert slope_bound(critic, SHAPE) == pytest.approx((1 + 2 * 2 * 5 * 3) * 3 * 4 * 2)


def test_the_bound_of_an_averaging_critic_is_loose_by_its_two_means_alone() -> None:
    critic, x = plain_critic(), torch.rand(1, 2, 8, 8, requires_grad=True)
    (slope,) = torch.autograd.grad(critic(x).sum(), x)
    # Each of 64 pixels has 4 / 16. A mean of 2x2 pixels shortens by 2, and there are two of them.
    assert slope.norm().item() == pytest.approx(64**0.5 * 4 / 16)
    assert slope_bound(critic, SHAPE) == pytest.approx(4 * slope.norm().item())


@pytest.mark.parametrize(("size", "stride", "most"), [(1, 1, 1.001), (3, 2, 1.25), (3, 1, 1.1)])
def test_the_bound_of_a_layer_is_near_the_norm_of_its_matrix(
    size: int, stride: int, most: float
) -> None:
    layer = nn.Conv2d(2, 3, size, stride=stride, padding=size // 2, bias=False).double()
    with torch.no_grad():
        layer.weight.fill_(1.0)  # no layer of this size lengthens a flat picture more
    found, exact = _norm(layer), exact_norm(layer, (2, 14, 14))
    assert exact <= found <= most * exact


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 2), (3, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_no_layer_lengthens_more_than_its_bound(size: int, stride: int, seed: int) -> None:
    torch.manual_seed(seed)
    layer = nn.Conv2d(2, 3, size, stride=stride, padding=size // 2, bias=False).double()
    found, exact = _norm(layer), exact_norm(layer, (2, 11, 8))
    # One patch alone is lengthened by the kernel's norm: the overlap is all that may be too much.
    assert exact * (1 - 1e-9) <= found <= math.ceil(size / stride) * exact * (1 + 1e-9)


def positive_critic(shape: Shape) -> PairCritic:
    """A critic without a kink where pictures are bright, and so as steep as its norms let it be."""
    critic = untrained(PairCritic(shape, width=2)).eval()
    for name, buffer in critic.named_buffers():
        buffer.fill_(0.0 if name.endswith("bias") else 1.0)
    return critic


@pytest.mark.parametrize("shape", [SHAPE, Shape(1, 28, 28), Shape(3, 20, 13)], ids=str)
def test_the_steepest_critic_stays_below_its_bound_and_comes_near(shape: Shape) -> None:
    critic = positive_critic(shape)
    x = torch.rand(1, 2 * shape.channels, *shape[1:], requires_grad=True)
    (slope,) = torch.autograd.grad(critic(x).sum(), x)
    bound = slope_bound(critic, shape)
    # Borders, of which small pictures have many, overlap by less than counted.
    assert 0.1 * bound < slope.norm().item() < bound


def test_no_two_pairs_differ_by_more_than_the_bound_of_a_normalised_critic() -> None:
    torch.manual_seed(0)
    critic, shape = PairCritic(Shape(1, 20, 20), width=4), Shape(1, 20, 20)
    for _ in range(20):
        critic(torch.rand(2, 2, 20, 20))  # spectral norms settle in training mode
    critic.eval().requires_grad_(False)
    x, step = torch.rand(256, 2, 20, 20), 0.1 * torch.randn(256, 2, 20, 20)
    change = (critic(x + step) - critic(x)).abs() / step.flatten(1).norm(dim=1)
    assert change.max() < slope_bound(critic, shape)
    weight = critic.judge.weight
    assert float(torch.linalg.matrix_norm(weight, 2)) == pytest.approx(1, abs=1e-3)


# Frozen -----------------------------------------------------------------------------------------


def test_an_untrained_critic_says_the_same_with_nothing_to_learn_or_to_store() -> None:
    torch.manual_seed(0)
    critic, x = PairCritic(SHAPE, width=2).eval(), torch.rand(3, 2, 8, 8)
    before = critic(x)
    after = untrained(critic)
    assert torch.equal(after(x), before)
    assert torch.equal(after.train()(x), before)  # no power iteration is left in it
    assert not list(after.parameters())
    assert not after.state_dict()
    assert len(list(after.buffers())) == 11  # two blocks of 3 weights and 2 biases, and the judge


def test_a_critic_tells_a_pairs_first_picture_from_its_second() -> None:
    torch.manual_seed(0)
    critic = PairCritic(SHAPE, width=4).eval()
    x, other = torch.rand(2, 4, 1, 8, 8)
    assert (critic(pair(x, other)) - critic(pair(other, x))).abs().min() > 1e-3


def test_features_are_the_sums_of_cells_and_the_critic_weighs_them() -> None:
    torch.manual_seed(0)
    critic, pairs = PairCritic(SHAPE, width=2).eval(), torch.randn(3, 2, 8, 8)
    cells = critic.cells(pairs).detach().double().numpy()
    assert cells.shape == (3, 4, 2, 2)
    assert cells.min() >= 0
    features = cells.sum((2, 3))
    expected = features @ critic.judge.weight.detach().double().numpy()[0]
    assert critic.features(pairs).tolist() == [pytest.approx(row, rel=1e-5) for row in features]
    assert critic(pairs).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-6)


# Codes ------------------------------------------------------------------------------------------


def test_weights_of_a_simplex_sum_to_one_and_none_is_negative() -> None:
    weights = simplex_weights(20_000, draw())
    assert weights.shape == (20_000, 3)
    torch.testing.assert_close(weights.sum(1), torch.ones(20_000))
    assert weights.min() >= 0
    assert weights[:, :2].max() < 0.5
    # a1 and a2 ~ U(0, 1/2), and a3 in (0, 1] peaks amid: quantiles of a sum of two uniform ones.
    for column, expected in enumerate([(0.125, 0.25, 0.375)] * 2 + [(0.3536, 0.5, 0.6464)]):
        found = weights[:, column].quantile(torch.tensor([0.25, 0.5, 0.75]))
        assert found.tolist() == pytest.approx(expected, abs=0.01)
    assert abs(torch.corrcoef(weights[:, :2].T)[0, 1]) < 0.03


def test_corners_of_a_simplex_are_its_codes_and_mixtures_of_many_go_row_by_row() -> None:
    codes = torch.randn(3, 5, generator=draw())
    torch.testing.assert_close(mixture(codes, torch.eye(3)), codes)
    many, weights = torch.randn(4, 3, 5, generator=draw(1)), simplex_weights(4, draw(2))
    rows = [mixture(three, row[None])[0] for three, row in zip(many, weights, strict=True)]
    torch.testing.assert_close(mixture(many, weights), torch.stack(rows))


def test_a_ray_begins_at_the_origin_and_passes_the_code() -> None:
    code = torch.randn(5, generator=draw())
    walk = ray(code, torch.tensor([0.0, 1.0, 3.0, -1.0]))
    torch.testing.assert_close(walk, torch.stack([0 * code, code, 3 * code, -code]))


def test_a_generators_pictures_lie_within_minus_one_and_one_however_far_the_code() -> None:
    torch.manual_seed(0)
    generator = MirrorGenerator(Shape(3, 9, 13), width=2, code=3)
    far = generator(1e6 * torch.randn(8, 3))
    assert far.shape == (8, 3, 9, 13)
    assert far.isfinite().all()
    assert far.abs().max() <= 1
