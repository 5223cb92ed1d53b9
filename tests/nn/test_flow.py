"""Flow layers against the autograd Jacobian, against the integral of a density, against the paper.

A round trip says little of a flow: a layer y = 2x + 1 that claims log-determinant 0 passes it.
"""

from __future__ import annotations

import contextvars
import copy
import math
import threading

import pytest
import torch
import torch.nn.functional as F
from exact import disturbed, exact_log_density, images, jacobian_log_det, log_normal, moments
from torch import Tensor
from torch.distributions import AffineTransform

from core.nn.flow import FlowScale, MultiScaleFlow
from core.nn.flow_layers import (
    ActNorm,
    FlowSteps,
    InvertibleConv1x1,
    coupling_dtype,
    squeeze,
    unsqueeze,
)
from core.nn.pixels import flipped, shifted

# The log-determinant ----------------------------------------------------------------------------


def check_steps(steps: FlowSteps, x: Tensor) -> None:
    """The log-determinants of all cells of x (1, C, H, W) sum to that of the Jacobian."""
    claimed = steps(x)[1].sum()
    # Float64 throughout: what is left are sums of some 60 terms of size 1.
    torch.testing.assert_close(
        claimed, jacobian_log_det(lambda v: steps(v)[0], x), rtol=1e-9, atol=1e-9
    )


def two_dimensional(kind: type[FlowSteps] = FlowSteps) -> FlowSteps:
    """A flow of points in the plane: two channels, one cell."""
    torch.manual_seed(0)
    return disturbed(kind(2, hidden=4, steps=2))


def check_integral(steps: FlowSteps) -> None:
    """The density of points (x1, x2) under steps and N(0, I) integrates to 1."""
    axis = torch.arange(-14, 14, 0.07, dtype=torch.float64)
    points = torch.cartesian_prod(axis, axis)[..., None, None]  # (M, 2, 1, 1)
    y, log_det = steps(points)
    log_p = log_det.sum((1, 2)) - 0.5 * y.square().sum((1, 2, 3)) - math.log(2 * math.pi)
    # The nets' ReLUs put kinks into the density: the sum is exact to some 1e-6, not to rounding.
    assert float(log_p.exp().sum()) * 0.07**2 == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("k", [1, 3])
def test_flow_steps_know_the_log_determinant_of_their_jacobian(k: int) -> None:
    torch.manual_seed(0)
    check_steps(disturbed(FlowSteps(4, hidden=6, steps=k)), images(1, 4, 3, 2))


def test_a_density_in_the_plane_integrates_to_one() -> None:
    check_integral(two_dimensional())


class ForgetsTheMixing(FlowSteps):
    """Claims the couplings' log-determinant alone."""

    @staticmethod
    def _forward(step, x):
        y, log_det = FlowSteps._forward(step, x)
        return y, log_det - step.log_det


class ForgetsTheCoupling(FlowSteps):
    """Claims the log-determinant of ActNorm and mixing alone."""

    @staticmethod
    def _forward(step, x):
        y, log_det = FlowSteps._forward(step, x)
        return y, torch.zeros_like(log_det) + step.log_det


class SlipsTheSigmoid(FlowSteps):
    """Scales by sigmoid(raw + 2) and claims log sigmoid(raw)."""

    @staticmethod
    def _forward(step, x):
        y, log_det = FlowSteps._forward(step, x)
        raw = step.raw(F.conv2d(x, step.mix, step.mix_bias).chunk(2, 1)[0]).chunk(2, 1)[1]
        return y, log_det + (F.logsigmoid(raw) - F.logsigmoid(raw + 2)).sum(1)


class TurnsTheSign(FlowSteps):
    """Claims minus the log-determinant."""

    @staticmethod
    def _forward(step, x):
        y, log_det = FlowSteps._forward(step, x)
        return y, -log_det


WRONG = [ForgetsTheMixing, ForgetsTheCoupling, SlipsTheSigmoid, TurnsTheSign]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_layer_with_a_wrong_log_determinant_is_caught(wrong: type[FlowSteps]) -> None:
    torch.manual_seed(0)
    steps = disturbed(wrong(4, hidden=6, steps=2))
    x = images(1, 4, 2, 2)
    torch.testing.assert_close(steps.inverse(steps(x)[0]), x)  # a round trip does not notice
    with pytest.raises(AssertionError):
        check_steps(steps, x)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_density_with_a_wrong_log_determinant_does_not_integrate_to_one(
    wrong: type[FlowSteps],
) -> None:
    with pytest.raises(AssertionError):
        check_integral(two_dimensional(wrong))


LEAVES = pytest.mark.parametrize("leaves", ["first", "second"])


@LEAVES
@pytest.mark.parametrize("last", [False, True])
def test_each_scale_contributes_its_jacobian_and_its_prior(last: bool, leaves: str) -> None:
    torch.manual_seed(0)
    scale = disturbed(FlowScale(2, (4, 4), steps=2, hidden=5, last=last, leaves=leaves))
    x = images(1, 2, 4, 4)

    def both(v: Tensor) -> Tensor:
        code, rest = scale(v)
        return torch.cat([code.latent.flatten(), rest.flatten()])

    code = scale(x)[0]
    exact = jacobian_log_det(both, x) + log_normal(code.latent[0])
    torch.testing.assert_close(code.log_prob.sum(), exact, rtol=1e-9, atol=1e-9)


@LEAVES
def test_the_contributions_of_all_scales_sum_to_the_exact_log_density(leaves: str) -> None:
    torch.manual_seed(0)
    whole = disturbed(MultiScaleFlow((1, 8, 8), scales=3, steps=2, hidden=4, leaves=leaves))
    x = images(1, 1, 8, 8)
    claimed = sum(code.log_prob.sum() for code in whole(x))
    torch.testing.assert_close(claimed, exact_log_density(whole, x), rtol=1e-9, atol=1e-9)


def test_the_second_half_to_leave_is_the_one_that_the_last_coupling_changed() -> None:
    torch.manual_seed(0)
    first = FlowScale(1, (4, 4), steps=1, hidden=5, last=False).double()
    second = FlowScale(1, (4, 4), steps=1, hidden=5, last=False, leaves="second").double()
    second.load_state_dict(first.state_dict())
    x = images(2, 1, 4, 4)
    code, rest = first(x)
    other, kept = second(x)  # fresh priors are the identity
    torch.testing.assert_close(other.latent, rest)
    torch.testing.assert_close(kept, code.latent)
    with torch.no_grad():  # another shift: only what the coupling changes may move
        second.steps.net.last_bias[:, :2] += 1  # by 1 * sigmoid(2)
    moved, still = second(x)
    torch.testing.assert_close(still, kept)
    torch.testing.assert_close(moved.latent, other.latent + 0.8807970779778823)
    with pytest.raises(ValueError, match="got 'third'"):
        FlowScale(1, (4, 4), steps=1, hidden=5, last=False, leaves="third")


def test_the_half_that_leaves_makes_another_density_of_the_same_weights() -> None:
    totals = []
    for leaves in ("first", "second"):
        torch.manual_seed(0)
        whole = disturbed(MultiScaleFlow((1, 8, 8), scales=2, steps=2, hidden=4, leaves=leaves))
        totals.append(total(whole, images(3, 1, 8, 8)))
    assert (totals[0] - totals[1]).abs().min() > 0.1  # of some 100 nats


def test_a_cells_log_determinant_depends_only_on_its_neighbourhood() -> None:
    torch.manual_seed(0)
    steps = disturbed(FlowSteps(2, hidden=4, steps=1))
    x = images(1, 2, 7, 7)
    other = x.clone()
    other[..., 0, 0] += 1
    change = (steps(x)[1] - steps(other)[1])[0].abs()
    # One step has two 3x3 convolutions: it reaches two cells far, and no farther.
    assert change[:3, :3].max() > 1e-6
    change[:3, :3] = 0
    assert change.max() == 0


def test_the_mixing_knows_the_log_determinant_of_its_matrices() -> None:
    torch.manual_seed(0)
    mix = disturbed(InvertibleConv1x1(6, steps=3))
    torch.testing.assert_close(torch.linalg.slogdet(mix.weight())[1], mix.log_det())


def test_the_mixing_starts_as_a_rotation() -> None:
    torch.manual_seed(0)
    weight = InvertibleConv1x1(8, steps=2).double().weight()
    eye = torch.eye(8, dtype=torch.float64).expand(2, 8, 8)
    # Made in float32, from an LU decomposition in float32.
    torch.testing.assert_close(weight @ weight.mT, eye, rtol=0, atol=1e-5)


# The paper's step, written out ------------------------------------------------------------------


def written_out(steps: FlowSteps, x: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Step by step as in Glow's table 1, nothing folded: y, log-determinant, and norm outputs."""
    net, log_det, normed = steps.net, torch.zeros(len(x), dtype=x.dtype), []
    cells = x.shape[2] * x.shape[3]

    def channels(p: Tensor) -> Tensor:
        return p[:, None, None]

    for k in range(len(steps)):
        x = (x + channels(steps.norm_bias[k])) * channels(steps.norm_log_scale[k].exp())
        normed.append(x)
        log_det = log_det + cells * steps.norm_log_scale[k].sum()
        weight = steps.mix.weight()[k]
        x = torch.einsum("oc,nchw->nohw", weight, x)
        log_det = log_det + cells * torch.linalg.slogdet(weight)[1]
        x1, x2 = x.chunk(2, 1)
        h = F.conv2d(x1, net.first[k], padding=1)
        h = (h + channels(net.first_bias[k])) * channels(net.first_log_scale[k].exp())
        normed.append(h)
        h = F.conv2d(h.relu(), net.second[k])
        h = (h + channels(net.second_bias[k])) * channels(net.second_log_scale[k].exp())
        normed.append(h)
        h = F.conv2d(h.relu(), net.last[k], padding=1) + channels(net.last_bias[k])
        t, raw = (h * channels(torch.exp(3 * net.last_log_scale[k]))).chunk(2, 1)
        scale = torch.sigmoid(raw + 2)
        coupling = AffineTransform(loc=t * scale, scale=scale)  # (x2 + t) * scale
        log_det = log_det + coupling.log_abs_det_jacobian(x2, coupling(x2)).sum((1, 2, 3))
        x = torch.cat([x1, coupling(x2)], 1)
    return x, log_det, normed


def test_folded_steps_are_the_papers_steps_written_out() -> None:
    torch.manual_seed(0)
    steps = disturbed(FlowSteps(6, hidden=5, steps=3))
    x = images(4, 6, 3, 5)
    y, log_det = steps(x)
    expected, exact, _ = written_out(steps, x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(log_det.sum((1, 2)), exact)


def test_fresh_steps_scale_the_second_half_by_sigmoid_of_two() -> None:
    torch.manual_seed(0)
    steps = FlowSteps(4, hidden=8, steps=1).double()
    x = images(2, 4, 3, 3)
    mixed = torch.einsum("oc,nchw->nohw", steps.mix.weight()[0], x)
    y, log_det = steps(x)
    torch.testing.assert_close(y[:, :2], mixed[:, :2])
    torch.testing.assert_close(y[:, 2:], mixed[:, 2:] * 0.8807970779778823)  # 1 / (1 + exp(-2))
    # A rotation has log-determinant 0, to the float32 it was made in; log sigmoid(2) = -0.126928.
    torch.testing.assert_close(
        log_det, torch.full_like(log_det, 2 * -0.1269280110429726), rtol=0, atol=1e-5
    )


def test_squeeze_makes_channels_of_each_two_by_two_block() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert squeeze(x)[0, :, 0, 0].tolist() == [0, 1, 4, 5]
    assert squeeze(x)[0, :, 1, 1].tolist() == [10, 11, 14, 15]
    assert torch.equal(unsqueeze(squeeze(x)), x)


@pytest.mark.parametrize(
    ("function", "shape", "words"),
    [
        (squeeze, (1, 1, 3, 4), "even height and width"),
        (unsqueeze, (1, 6, 2, 2), "multiple of 4"),
    ],
)
def test_sizes_that_cannot_be_folded_are_refused(function, shape, words) -> None:
    with pytest.raises(ValueError, match=words):
        function(torch.zeros(shape))


def test_shapes_that_do_not_fit_the_flow_are_refused() -> None:
    with pytest.raises(ValueError, match="must divide by 8"):
        MultiScaleFlow((1, 28, 28), scales=3, steps=1, hidden=4)
    with pytest.raises(ValueError, match="even"):
        FlowSteps(3, hidden=4, steps=1)
    small = MultiScaleFlow((1, 8, 8), scales=2, steps=1, hidden=4)
    with pytest.raises(ValueError, match=r"must be \(N, 1, 8, 8\), got \(2, 1, 8, 4\)"):
        small(torch.zeros(2, 1, 8, 4))
    with pytest.raises(ValueError, match="2 tensors, got 1"):
        small.inverse([torch.zeros(1, 8, 2, 2)])


# Inverse ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "atol"),
    # Ten roundings and more, of numbers up to 4: six steps add them up.
    [(torch.float64, 1e-13), (torch.float32, 2e-5)],
)
@LEAVES
def test_the_inverse_gives_back_the_image(dtype: torch.dtype, atol: float, leaves: str) -> None:
    torch.manual_seed(0)
    whole = MultiScaleFlow((1, 8, 8), scales=2, steps=3, hidden=8, leaves=leaves)
    whole = disturbed(whole, by=0.05).to(dtype)
    x = images(5, 1, 8, 8).to(dtype)
    back = whole.inverse([code.latent for code in whole(x)])
    torch.testing.assert_close(back, x, rtol=0, atol=atol)


def test_the_forward_gives_back_latents_drawn_at_will() -> None:
    torch.manual_seed(0)
    whole = disturbed(MultiScaleFlow((1, 8, 8), scales=2, steps=2, hidden=8), by=0.05)
    drawn = [images(3, *shape, seed=i) for i, shape in enumerate(whole.latent_shapes())]
    for code, latent in zip(whole(whole.inverse(drawn)), drawn, strict=True):
        torch.testing.assert_close(code.latent, latent)


# Data-dependent initialisation ------------------------------------------------------------------


def test_after_initialising_every_norm_gives_mean_zero_and_variance_one() -> None:
    torch.manual_seed(0)
    steps = FlowSteps(4, hidden=6, steps=3).double()
    with torch.no_grad():  # a coupling that does something, or later norms see no difference
        steps.net.last += 0.1 * torch.randn_like(steps.net.last)
    x = 3 + 5 * images(40, 4, 6, 6)
    output = steps.initialise_(x)
    expected, _, normed = written_out(steps, x)
    torch.testing.assert_close(output, expected)
    assert len(normed) == 9
    for activations in normed:
        assert max(moments(activations, (0, 2, 3))) < 1e-9  # exact but for float64 rounding


def test_after_initialising_every_latent_dimension_has_mean_zero_and_variance_one() -> None:
    torch.manual_seed(0)
    whole = MultiScaleFlow((1, 8, 8), scales=3, steps=2, hidden=6).double()
    x = 2 + 4 * images(50, 1, 8, 8)
    whole.initialise_(x)
    for code in whole(x):
        assert max(moments(code.latent, (0,))) < 1e-9


def test_act_norm_on_two_numbers_by_hand() -> None:
    norm = ActNorm((1, 1, 1))
    norm.initialise_(torch.tensor([1.0, 5.0]).view(2, 1, 1, 1))  # mean 3, deviation 2
    assert norm.bias.item() == -3
    assert norm.log_scale.item() == pytest.approx(-math.log(2))
    assert norm(torch.tensor([[[[7.0]]]])).item() == pytest.approx(2)
    assert norm.inverse(torch.tensor([[[[2.0]]]])).item() == pytest.approx(7)
    assert norm.log_det().item() == pytest.approx(-math.log(2))


def test_a_constant_input_does_not_make_a_norm_infinite() -> None:
    norm = ActNorm((1, 1, 1))
    norm.initialise_(torch.ones(4, 1, 2, 2))
    assert torch.isfinite(norm(torch.zeros(1, 1, 2, 2))).all()


def test_the_forward_pass_initialises_nothing() -> None:
    torch.manual_seed(0)
    whole = MultiScaleFlow((1, 8, 8), scales=2, steps=2, hidden=4).train()
    before = copy.deepcopy(whole.state_dict())
    whole(5 + 3 * images(8, 1, 8, 8).float())
    for key, value in whole.state_dict().items():
        assert torch.equal(value, before[key]), key


# bfloat16 couplings -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def single() -> tuple[MultiScaleFlow, Tensor]:
    """A disturbed float32 flow, and images."""
    torch.manual_seed(0)
    whole = disturbed(MultiScaleFlow((1, 8, 8), scales=2, steps=2, hidden=8), by=0.1).float()
    return whole, images(4, 1, 8, 8).float()


def total(whole: MultiScaleFlow, x: Tensor) -> Tensor:
    return sum(code.log_prob.sum((1, 2)) for code in whole(x))


def test_couplings_in_bfloat16_leave_latents_and_log_determinants_in_float32(single) -> None:
    whole, x = single
    plain = total(whole, x)
    with coupling_dtype(torch.bfloat16):
        codes, rough = whole(x), total(whole, x)
    assert {t.dtype for code in codes for t in (code.latent, code.log_prob)} == {torch.float32}
    off = (rough - plain).abs().max()
    # Eight bits of mantissa in the nets' outputs: off by something, by far less than a scale.
    assert 1e-4 < off < 0.01 * plain.abs().max()
    assert whole.scales[0].steps.net.first.dtype == torch.float32


def test_couplings_in_bfloat16_claim_the_log_determinant_of_what_they_do() -> None:
    torch.manual_seed(0)
    # One step: in a second one autograd would round the gradient to bfloat16 on its way.
    steps = disturbed(FlowSteps(4, hidden=8, steps=1)).float()
    x = images(1, 4, 3, 3).float()
    with coupling_dtype(torch.bfloat16):
        claimed, exact = steps(x)[1].sum(), jacobian_log_det(lambda v: steps(v)[0], x)
    # Shift and scale come from rough nets, yet the scale is used and counted in float32: sums of
    # 18 terms. In bfloat16 it would be off by some 1e-2.
    torch.testing.assert_close(claimed, exact, rtol=0, atol=1e-5)


def test_bfloat16_in_one_thread_leaves_the_others_alone(single) -> None:
    whole, x = single
    plain = total(whole, x)
    with coupling_dtype(torch.bfloat16):
        rough = total(whole, x)
    both_inside = threading.Barrier(2, timeout=30)
    found: dict[str, Tensor] = {}

    def score(name: str, dtype: torch.dtype | None) -> None:
        with coupling_dtype(dtype):
            both_inside.wait()
            found[name] = total(whole, x)
            both_inside.wait()

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(score, *each))
        for each in (("rough", torch.bfloat16), ("plain", None))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torch.equal(found["plain"], plain)
    assert torch.equal(found["rough"], rough)
    assert torch.equal(total(whole, x), plain)


def test_an_exception_inside_leaves_float32_behind(single) -> None:
    whole, x = single
    plain = total(whole, x)
    with pytest.raises(ZeroDivisionError), coupling_dtype(torch.bfloat16):
        raise ZeroDivisionError
    assert torch.equal(total(whole, x), plain)


def test_a_nested_context_ends_where_it_began(single) -> None:
    whole, x = single
    with coupling_dtype(torch.bfloat16):
        rough = total(whole, x)
        with coupling_dtype(None):
            inner = total(whole, x)
        assert torch.equal(total(whole, x), rough)
    assert torch.equal(inner, total(whole, x))


def test_a_shifted_image_is_the_image_read_elsewhere_and_every_move_comes_up() -> None:
    x = torch.arange(100.0).view(1, 1, 10, 10).repeat(2000, 2, 1, 1)
    moved = shifted(x, 0.15, generator=torch.Generator().manual_seed(0))
    edge = torch.nn.functional.pad(x[:1], (1, 1, 1, 1), mode="replicate")[0]
    every = {
        (row, column): edge[:, row : row + 10, column : column + 10]
        for row in range(3)
        for column in range(3)
    }
    counts = {at: int((moved == image).flatten(1).all(1).sum()) for at, image in every.items()}
    assert sum(counts.values()) == 2000  # each is one of the nine, whole, in all its channels
    assert min(counts.values()) > 150  # 222 are expected of each: five standard deviations below


def test_half_of_the_images_are_mirrored_and_none_is_turned_upside_down() -> None:
    x = torch.arange(4.0).view(1, 1, 2, 2).repeat(1000, 1, 1, 1)
    mirrored = (flipped(x, torch.Generator().manual_seed(0)) == x.flip(-1)).flatten(1).all(1)
    same = (flipped(x, torch.Generator().manual_seed(0)) == x).flatten(1).all(1)
    assert int((mirrored | same).sum()) == 1000
    assert 420 < int(mirrored.sum()) < 580  # five standard deviations
