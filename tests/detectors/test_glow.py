"""Glow's own truths: what the parts are, where they stand, and what latents draw."""

from __future__ import annotations

import copy
import io
import math
import struct
import zlib

import numpy as np
import pytest
import tiny
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.spatial.distance import mahalanobis
from torch import Tensor
from torch.distributions import Normal

from core.data.picture import as_images, as_tensor
from core.detectors._base import Batch, NotFitted
from core.detectors.glow import Glow
from core.nn.compressor import png_bits
from core.nn.pixels import bits_per_dimension
from core.shape import Shape

SCALES = ("scale_16", "scale_8", "scale_4")
# Sums of 1,024 float32 terms: some roundings of 6e-8, relative to the sum of their sizes.
SUM = {"rtol": 1e-5, "atol": 1e-2}


def batch_of(x: Tensor) -> Batch:
    return Batch(x, torch.ones(len(x)), torch.zeros(len(x)))


def levels(x: Tensor) -> Tensor:
    """Grey levels 0..255 of images 28x28 in [0, 1] as the flow sees them: 32x32, 0 around."""
    return F.pad((x.double() * 255).round(), (2, 2, 2, 2))


# Parts ------------------------------------------------------------------------------------------


def test_the_scales_sum_to_the_total(fitted_glow: Glow, x: Tensor) -> None:
    parts = fitted_glow.parts(x)
    torch.testing.assert_close(sum(parts[s] for s in SCALES), parts["total"], **SUM)


def test_the_total_is_minus_the_mean_log_density_over_the_draws_of_noise(
    fitted_glow: Glow, x: Tensor
) -> None:
    flow = copy.deepcopy(fitted_glow.flow).double()
    noise = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0)).double()
    log_p = torch.zeros(4, len(x), dtype=torch.float64)
    for draw in range(4):
        rest = (levels(x) + noise[draw]) / 256 - 0.5
        for scale in flow.scales:  # log-determinants by themselves, prior by torch.distributions
            log_det = scale.steps(_squeezed(rest))[1]
            code, rest = scale(rest)
            log_p[draw] += log_det.sum((1, 2)) + scale.prior.log_scale.sum()
            log_p[draw] += Normal(0, 1).log_prob(code.latent).sum((1, 2, 3))
    total = fitted_glow.parts(x)["total"].double()
    torch.testing.assert_close(total, -log_p.mean(0), **SUM)
    # Not the log of the mean density, which the likeliest draw would decide.
    assert (total + torch.logsumexp(log_p, 0) - math.log(4) > 1).all()


def _squeezed(x: Tensor) -> Tensor:
    """Channels of each 2x2 block, by torch's own function."""
    return F.pixel_unshuffle(x, 2)


def test_latents_are_of_512_and_256_and_256_dimensions(fitted_glow: Glow, x: Tensor) -> None:
    shapes = [tuple(z.shape[1:]) for z in fitted_glow.latents(x)]
    assert shapes == [(2, 16, 16), (4, 8, 8), (16, 4, 4)]
    assert [math.prod(s) for s in shapes] == [512, 256, 256]


def test_the_code_of_an_image_is_its_coarsest_latent_over_the_draws(
    fitted_glow: Glow, x: Tensor
) -> None:
    noisy = [levels(x).float() / 256 - 0.5 + noise / 256 for noise in fitted_glow.noise]
    latents = torch.stack([fitted_glow.flow(y)[-1].latent for y in noisy])
    assert latents.std(0).mean() > 0  # the draws differ
    expected = latents.mean(0).reshape(len(x), 256)
    torch.testing.assert_close(fitted_glow.embed(x), expected, rtol=1e-4, atol=1e-3)


def test_the_draws_are_the_same_for_every_image_call_and_model(
    fitted_glow: Glow, x: Tensor
) -> None:
    torch.manual_seed(5)
    torch.rand(3)
    other = Glow(Glow.Config(**tiny.CONFIG), tiny.SHAPE)
    assert torch.equal(other.noise, fitted_glow.noise)
    assert not torch.equal(
        Glow(Glow.Config(**tiny.CONFIG, draw_seed=1), tiny.SHAPE).noise, other.noise
    )
    assert "noise" not in other.state_dict()  # the seed on the card says it all
    whole = fitted_glow.parts(x)
    for i in range(len(x)):  # of one image all draws go at once, of eight too: sums may differ
        for part, values in fitted_glow.parts(x[i : i + 1]).items():
            torch.testing.assert_close(values[0], whole[part][i], **SUM)


def test_many_images_go_through_the_flow_a_draw_at_a_time(fitted_glow: Glow, x: Tensor) -> None:
    seen: list[int] = []
    hook = fitted_glow.flow.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    try:
        many = fitted_glow.total(x.repeat(9, 1, 1, 1))
    finally:
        hook.remove()
    assert seen == [72] * 4
    torch.testing.assert_close(many[:8], fitted_glow.total(x), **SUM)


@pytest.mark.parametrize(("part", "cell"), [("scale_16", 2), ("scale_8", 4), ("scale_4", 8)])
def test_a_scales_map_is_even_within_a_cell_and_leaves_nothing_over(
    fitted_glow: Glow, x: Tensor, part: str, cell: int
) -> None:
    found = fitted_glow.explain(x, part)
    assert not found.residual.any()
    assert not found.offset.any()
    torch.testing.assert_close(
        found.map.sum((1, 2)) + found.padding, fitted_glow.parts(x)[part], **SUM
    )
    cells = [(pixel + 2) // cell for pixel in range(28)]  # two pixels of the first lie outside
    first = torch.tensor([cells.index(c) for c in cells])
    assert torch.equal(found.map, found.map[:, first][:, :, first])
    assert (found.map[:, first[::cell]].std(2) > 0).all()  # but not over cells


@pytest.mark.parametrize(("scale", "inside"), [(0, 0.0), (1, 0.5), (2, 0.75)])
def test_what_falls_outside_of_the_picture_is_its_padding(
    fitted_glow: Glow, x: Tensor, scale: int, inside: float
) -> None:
    costs = -fitted_glow.codes(x)[scale].log_prob  # (N, h, w)
    side = torch.ones(costs.shape[1])
    side[0] = side[-1] = inside  # share of a cell's pixels that lie in the picture: 2 of its side
    within = torch.einsum("nij,i,j->n", costs, side, side)
    found = fitted_glow.explain(x, SCALES[scale])
    size = {"rtol": 1e-5, "atol": 5e-6 * float(costs.abs().sum((1, 2)).max())}  # of the sums
    torch.testing.assert_close(found.map.sum((1, 2)), within, **size)
    torch.testing.assert_close(found.padding, costs.sum((1, 2)) - within, **size)
    assert found.padding.abs().min() > 1
    assert found.pixels == 32 * 32


def test_a_scales_map_shows_where_the_image_changed(fitted_glow: Glow, x: Tensor) -> None:
    other = x.clone()
    other[..., :2, 26:] = 1  # white at the top right, where no box is
    change = fitted_glow.explain(other, "scale_16").map - fitted_glow.explain(x, "scale_16").map
    # One step a scale reaches two cells of two pixels; nothing farther off may move.
    assert change[:, :6, 22:].abs().amax((1, 2)).min() > 0.1
    change[:, :6, 22:] = 0
    assert not change.any()


def test_the_maps_of_the_scales_sum_to_the_map_of_the_total(fitted_glow: Glow, x: Tensor) -> None:
    maps = [fitted_glow.explain(x, s).map for s in SCALES]
    torch.testing.assert_close(sum(maps), fitted_glow.explain(x, "total").map, **SUM)


def test_the_score_is_explained_as_the_part_it_is(fitted_glow: Glow, x: Tensor) -> None:
    part = fitted_glow.config.score
    assert torch.equal(fitted_glow.explain(x).map, fitted_glow.explain(x, part).map)


# Shapes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "names", "titles"),
    [
        (Shape(1, 28, 28), SCALES, ("16x16", "8x8", "4x4")),
        (Shape(1, 64, 64), ("scale_32", "scale_16", "scale_8"), ("32x32", "16x16", "8x8")),
        (
            Shape(3, 48, 64),
            ("scale_24x32", "scale_12x16", "scale_6x8"),
            ("24x32", "12x16", "6x8"),
        ),
    ],
)
def test_a_scale_is_named_by_its_cells_and_described_by_its_place(
    shape: Shape, names: tuple[str, ...], titles: tuple[str, ...]
) -> None:
    parts = Glow.describe(Glow.Config(), shape)
    assert list(parts) == ["total", *names, "complexity", "typicality"]
    for name, title, place in zip(names, titles, ("finest", "middle", "coarsest"), strict=True):
        assert parts[name].title == f"{title} scale"
        assert {p for p in ("finest", "middle", "coarsest") if p in parts[name].text} == {place}


def test_a_flow_of_one_scale_calls_it_the_coarsest_and_a_control_has_none() -> None:
    (scale,) = [
        part
        for name, part in Glow.describe(Glow.Config(scales=1), tiny.SHAPE).items()
        if name.startswith("scale_")
    ]
    assert "coarsest" in scale.text
    assert list(Glow.describe(Glow.Config(flow="dense"), tiny.SHAPE)) == ["total", "complexity"]


def test_only_a_flow_of_scales_can_draw_them_anew(fitted_glow: Glow, x: Tensor) -> None:
    control = Glow(Glow.Config(**tiny.CONFIG, flow="patches"), tiny.SHAPE)
    optional = ("explain", "reconstruct", "sample", "resample")
    assert [m for m in optional if fitted_glow.can(m)] == ["explain", "sample", "resample"]
    assert [m for m in optional if control.can(m)] == ["explain", "sample"]


# Complexity -------------------------------------------------------------------------------------


def idat_of(image: np.ndarray) -> bytes:
    """All IDAT data of the image's PNG at zlib level 9, chunk checksums verified."""
    stream = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(
        stream, "PNG", compress_level=9
    )
    stream.seek(8)
    found = b""
    while header := stream.read(8):
        length, kind = struct.unpack(">I4s", header)
        data = stream.read(length)
        assert struct.unpack(">I", stream.read(4))[0] == zlib.crc32(kind + data)
        found += data if kind == b"IDAT" else b""
    return found


def test_a_pngs_bits_are_those_of_its_compressed_pixels() -> None:
    image = tiny.boxes(1, seed=5)[0]
    idat = idat_of(image)
    assert png_bits(image) == 8 * len(idat)
    assert len(zlib.decompress(idat)) == 28 * (1 + 28)  # a filter byte and 28 pixels a row


def test_noise_takes_more_bits_than_its_pixels_and_flat_grey_next_to_none() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (28, 28, 1), dtype=np.uint8)
    assert 8 * 784 < png_bits(noise) < 8 * 784 * 1.1
    assert png_bits(np.full((28, 28, 1), 77, np.uint8)) < 8 * 30


def test_complexity_is_bits_of_the_flow_minus_bits_of_the_picture_without_its_padding(
    fitted_glow: Glow,
) -> None:
    images = tiny.boxes(5, seed=3)
    parts = fitted_glow.parts(as_tensor(images))
    bits = parts["total"].double() / math.log(2) + 8 * 32 * 32
    png = torch.tensor([8.0 * len(idat_of(image)) for image in images])
    # In float32, of some 10,000 bits: one rounding is 1e-3.
    torch.testing.assert_close(parts["complexity"].double(), bits - png, rtol=0, atol=1e-2)
    assert fitted_glow.extra(as_tensor(images[:1])) == {
        "png_bytes": png[0] / 8,
        "dimensions": 1024,
    }


def test_complexity_reads_all_three_channels() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3), dtype=np.uint8)
    pictures[1, ..., 0] = pictures[0, ..., 0]
    pictures[1, ..., 1:] = 80  # two flat channels: less to write
    sizes = [len(idat_of(picture)) for picture in pictures]
    assert [png_bits(picture) for picture in pictures] == [8 * size for size in sizes]
    assert len(zlib.decompress(idat_of(pictures[0]))) == 16 * (1 + 3 * 24)
    assert sizes[1] < 0.6 * sizes[0]
    torch.manual_seed(0)
    glow = Glow(Glow.Config(**tiny.CONFIG, flow="patches"), Shape(3, 16, 24))
    parts = glow.parts(as_tensor(pictures))
    png = parts["total"].double() / math.log(2) + 8 * 3 * 16 * 24 - parts["complexity"]
    torch.testing.assert_close(png, 8.0 * torch.tensor(sizes).double(), rtol=0, atol=1e-2)


def test_the_size_of_the_png_is_no_pixels_fault(fitted_glow: Glow, x: Tensor) -> None:
    found = fitted_glow.explain(x, "complexity")
    nats = fitted_glow.explain(x, "total").map
    torch.testing.assert_close(found.map, nats / math.log(2), **SUM)
    png = torch.tensor([8.0 * len(idat_of(image)) for image in as_images(x)])
    torch.testing.assert_close(found.offset, 8 * 1024 - png)


# Bits per dimension -----------------------------------------------------------------------------


def test_a_uniform_density_over_the_bins_costs_eight_bits_a_dimension() -> None:
    # log p = 0 everywhere on [-0.5, 0.5]: each of the 256 bins has mass 1/256.
    assert bits_per_dimension(0.0, 1024, of=1024) == 8
    assert bits_per_dimension(-math.log(2) * 1024, 1024, of=1024) == pytest.approx(7)
    assert bits_per_dimension(0.0, 256, of=1024) == 2


def test_shown_bits_of_the_scales_sum_to_those_of_the_total(fitted_glow: Glow, x: Tensor) -> None:
    parts = {k: v.double().numpy() for k, v in fitted_glow.parts(x).items()}
    shown = {k: fitted_glow.to_display(k, v) for k, v in parts.items()}
    np.testing.assert_allclose(sum(shown[s] for s in SCALES), shown["total"], rtol=1e-6)
    by_hand = (parts["total"] / math.log(2) + 8 * 1024) / 1024
    np.testing.assert_allclose(shown["total"], by_hand, rtol=1e-12)
    figures = fitted_glow.figures(parts)
    np.testing.assert_allclose(figures["bits_per_dimension"], by_hand, rtol=1e-12)
    np.testing.assert_allclose(shown["complexity"], parts["complexity"] / 1024)
    assert np.array_equal(shown["typicality"], parts["typicality"])


# Typicality -------------------------------------------------------------------------------------


def test_typicality_is_a_mahalanobis_distance_of_the_scales(fitted_glow: Glow, x: Tensor) -> None:
    calibration = as_tensor(tiny.boxes(128, seed=0))
    known = fitted_glow.parts(calibration)
    costs = torch.stack([known[s] for s in SCALES], 1).double().numpy()
    inverse = np.linalg.inv(np.cov(costs, rowvar=False))
    new = fitted_glow.parts(x)
    expected = [
        mahalanobis([float(new[s][i]) for s in SCALES], costs.mean(0), inverse)
        for i in range(len(x))
    ]
    # Mean and inverse are kept in float32; costs of 1,000 nats stand a few 10 from their mean.
    np.testing.assert_allclose(new["typicality"].numpy(), expected, rtol=1e-3)


def test_an_image_that_costs_too_little_is_untypical_too(fitted_glow: Glow) -> None:
    mean = fitted_glow.mean
    cheap, dear = mean - 500, mean + 500
    distance, pull = fitted_glow._distance(torch.stack([mean, cheap, dear]))
    assert distance[0] < 1e-5
    assert distance[1] == pytest.approx(distance[2].item(), rel=1e-4)
    assert distance[1] > 5
    assert torch.isfinite(pull).all()


def test_an_unfitted_flow_says_so_instead_of_guessing_typicality(x: Tensor) -> None:
    glow = Glow(Glow.Config(**tiny.CONFIG), tiny.SHAPE)
    with pytest.raises(NotFitted, match="calibration"):
        glow.parts(x)


# Dequantisation ---------------------------------------------------------------------------------


def seen_by(glow: Glow, call) -> Tensor:
    """What the flow is given during a call, in units of grey levels."""
    seen = []
    hook = glow.flow.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    try:
        call()
    finally:
        hook.remove()
    assert len(seen) == 1
    return (seen[0].double() + 0.5) * 256


EVERY_LEVEL = (torch.arange(784) % 256).view(1, 1, 28, 28).float() / 255
ROUNDING = 3e-5  # of 256 levels in float32


def test_scoring_takes_four_points_of_every_bin_those_of_the_padding_too(
    fitted_glow: Glow,
) -> None:
    seen = seen_by(fitted_glow, lambda: fitted_glow.parts(EVERY_LEVEL))
    assert seen.shape == (4, 1, 32, 32)
    within = seen - levels(EVERY_LEVEL)
    torch.testing.assert_close(within, fitted_glow.noise.double(), rtol=0, atol=ROUNDING)
    assert within.min() > -ROUNDING
    assert within.max() < 1 + ROUNDING
    assert within[:, :, :2].std() > 0.2  # the padding is noisy as all else


@pytest.mark.parametrize(
    ("flow", "shape", "covered", "margin"),
    [
        ("scales", Shape(1, 28, 28), Shape(1, 32, 32), (2, 2, 2, 2)),
        ("scales", Shape(3, 48, 64), Shape(3, 48, 64), (0, 0, 0, 0)),
        ("scales", Shape(1, 27, 30), Shape(1, 32, 32), (1, 1, 2, 3)),  # left, right, top, bottom
        ("patches", Shape(1, 9, 8), Shape(1, 16, 8), (0, 0, 3, 4)),
        ("dense", Shape(3, 8, 12), Shape(3, 8, 16), (2, 2, 0, 0)),
    ],
)
def test_a_picture_stands_amid_the_zeros_that_its_sides_lack_to_a_multiple_of_eight(
    flow: str, shape: Shape, covered: Shape, margin: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    glow = Glow(Glow.Config(**tiny.CONFIG, flow=flow), shape)
    assert (glow.covered, glow.margin) == (covered, margin)
    assert glow.dimensions == math.prod(covered)
    assert glow.noise.shape == (4, *covered)
    seen = seen_by(glow, lambda: glow.total(torch.ones(1, *shape)))
    expected = F.pad(torch.full((1, *shape), 255.0), margin).expand(4, -1, -1, -1)
    within = seen - expected
    assert within.min() > -ROUNDING
    assert within.max() < 1 + ROUNDING


def test_typicality_of_a_single_scale_can_be_fitted(x: Tensor) -> None:
    torch.manual_seed(0)
    glow = Glow(Glow.Config(**{**tiny.CONFIG, "scales": 1, "score": "total"}), tiny.SHAPE).eval()
    (phase,) = [p for p in glow.phases() if p.name == "typicality"]
    assert phase.least == 2
    with torch.no_grad():
        phase.prepare([batch_of(x)])
        costs = glow.parts(x)["total"]
        expected = (costs - costs.mean()).abs() / costs.std()
        torch.testing.assert_close(glow.parts(x)["typicality"], expected, rtol=1e-2, atol=1e-2)


def test_weight_decay_pulls_at_kernels_alone() -> None:
    glow = Glow(Glow.Config(**tiny.CONFIG, weight_decay=0.1), tiny.SHAPE)
    (player,) = [p for phase in glow.phases() for p in phase.players]
    decays = {
        id(parameter): group["weight_decay"]
        for group in player.optimizer(player.parameters()).param_groups
        for parameter in group["params"]
    }
    for name, parameter in glow.flow.named_parameters():
        kernel = name.endswith((".net.first", ".net.second", ".net.last"))
        assert decays[id(parameter)] == (0.1 if kernel else 0.0), name


def test_training_noise_fills_the_bin_and_stays_in_it(fitted_glow: Glow) -> None:
    batch = batch_of(EVERY_LEVEL.repeat(8, 1, 1, 1))
    noise = []
    for seed in (0, 0, 1):
        generator = torch.Generator().manual_seed(seed)
        seen = seen_by(fitted_glow, lambda g=generator: tiny.terms_of(fitted_glow, batch, g))
        noise.append(seen - levels(batch.x))
    assert noise[0].min() > -ROUNDING
    assert noise[0].max() < 1 + ROUNDING
    # 8,192 uniform draws: mean .5 +- .0032, deviation .2887; five standard errors.
    assert noise[0].mean().item() == pytest.approx(0.5, abs=0.016)
    assert noise[0].std().item() == pytest.approx(1 / math.sqrt(12), abs=0.01)
    assert torch.equal(noise[0], noise[1])
    assert not torch.equal(noise[0], noise[2])


def test_the_loss_is_the_mean_bits_per_dimension_without_the_constant(fitted_glow: Glow) -> None:
    batch, terms = batch_of(as_tensor(tiny.boxes(16, seed=9))), {}

    def call() -> None:
        terms.update(tiny.terms_of(fitted_glow, batch, torch.Generator().manual_seed(0)))

    given = (seen_by(fitted_glow, call) / 256 - 0.5).float()
    nats = {
        name: -code.log_prob.sum((1, 2)).mean()
        for name, code in zip(SCALES, fitted_glow.flow(given), strict=True)
    }
    assert list(terms) == list(SCALES)
    for name, value in nats.items():
        expected = value / math.log(2) / 1024
        # Float32 sums over 16 images in another order.
        torch.testing.assert_close(terms[name], expected, rtol=1e-5, atol=1e-6)


def test_every_step_of_every_scale_receives_gradient(x: Tensor) -> None:
    torch.manual_seed(0)
    glow = Glow(Glow.Config(steps=3, hidden=8, training_dtype="float32"), tiny.SHAPE)
    glow.flow.initialise_(F.pad(x, (2, 2, 2, 2)) - 0.5)
    with torch.no_grad():  # as after one step: the last convolutions start at zero
        for scale in glow.flow.scales:
            scale.steps.net.last += 0.01 * torch.randn_like(scale.steps.net.last)
    sum(tiny.terms_of(glow, batch_of(x), torch.Generator().manual_seed(0)).values()).backward()
    for key, p in glow.flow.named_parameters():
        if ".steps." in key:
            assert all(p.grad[k].any() for k in range(3)), key


def test_the_player_warms_up_and_ends_at_zero() -> None:
    glow = Glow(Glow.Config(**tiny.CONFIG, warmup=0.1), tiny.SHAPE)
    (player,) = [p for phase in glow.phases() for p in phase.players]
    assert player.schedule(0.05) == pytest.approx(0.5 * 0.95)
    assert player.schedule(0.1) == pytest.approx(0.9)
    assert player.schedule(0.55) == pytest.approx(0.45)
    assert player.schedule(1.0) == 0


# Images from latents ----------------------------------------------------------------------------


def test_decoding_the_latents_of_an_image_gives_it_back(fitted_glow: Glow, x: Tensor) -> None:
    back = fitted_glow.decode(fitted_glow.latents(x))
    # Noise that lies a rounding from the edge of its bin may fall into the next one.
    wrong = (back - x).abs() > 0.01 / 255
    assert wrong.double().mean() < 1e-3
    assert (back - x).abs().max() < 1.01 / 255


def test_decoded_images_stay_between_black_and_white(fitted_glow: Glow) -> None:
    wild = fitted_glow.sample(4, torch.Generator().manual_seed(0), temperature=3.0)
    assert wild.shape == (4, 1, 28, 28)
    assert wild.min() == 0
    assert wild.max() == 1


def test_a_seed_draws_the_same_images_and_another_seed_others(fitted_glow: Glow) -> None:
    draw = [fitted_glow.sample(3, torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])
    assert not torch.equal(draw[0][0], draw[0][1])


def test_temperature_zero_draws_one_image_the_one_of_zero_latents(fitted_glow: Glow) -> None:
    cold = fitted_glow.sample(3, torch.Generator().manual_seed(0), temperature=0.0)
    zeros = fitted_glow.decode([torch.zeros(1, *s) for s in fitted_glow.flow.latent_shapes()])
    torch.testing.assert_close(cold, zeros.expand_as(cold))


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_resampling_a_scale_draws_its_latent_and_keeps_the_others(
    fitted_glow: Glow, x: Tensor, scale: int
) -> None:
    # `decode` clips, and a clipped image has other latents in every scale: what `resample` hands
    # to it is looked at instead, and decoded without clipping.
    handed = []
    glow = copy.copy(fitted_glow)
    glow.__dict__["decode"] = lambda latents: handed.append(list(latents)) or latents[0]
    generator = torch.Generator().manual_seed(7)
    glow.resample(x[:1], 4, generator=generator, temperature=0.5)
    kept, drawn = fitted_glow.latents(x[:1]), [z.unflatten(0, (3, 4))[scale] for z in handed[0]]
    again = torch.Generator().manual_seed(7)
    noise = [torch.randn(4, *z.shape[1:], generator=again) for z in kept][scale]
    for i in range(3):
        expected = 0.5 * noise if i == scale else kept[i].expand(4, -1, -1, -1)
        assert torch.equal(drawn[i], expected), i
    back = [code.latent for code in fitted_glow.flow(fitted_glow.flow.inverse(drawn))]
    for made, asked in zip(back, drawn, strict=True):
        # Through both directions in float32, of latents up to 100.
        torch.testing.assert_close(made, asked, rtol=1e-4, atol=1e-3)


def test_resampling_decodes_what_it_drew(fitted_glow: Glow, x: Tensor) -> None:
    found = fitted_glow.resample(x[:1], 2, generator=torch.Generator().manual_seed(7))
    assert list(found) == list(SCALES)
    assert {images.shape for images in found.values()} == {(2, 1, 28, 28)}
    latents = [z.expand(2, -1, -1, -1) for z in fitted_glow.latents(x[:1])]
    latents[0] = torch.randn(latents[0].shape, generator=torch.Generator().manual_seed(7))
    # In a batch of six there, of two here: float32 sums in another order.
    torch.testing.assert_close(found["scale_16"], fitted_glow.decode(latents), rtol=0, atol=1e-3)
    for images in found.values():
        assert (images - x[:1]).abs().amax((1, 2, 3)).min() > 0.01


def test_an_inverse_that_overflows_gives_no_number_instead_of_white(fitted_glow: Glow) -> None:
    latents = [torch.zeros(2, *s) for s in fitted_glow.flow.latent_shapes()]
    latents[2][1] = torch.inf
    found = fitted_glow.decode(latents)
    assert found[0].isfinite().all()
    assert found[1].isnan().any()


def test_a_compressed_size_has_no_gradient_and_all_else_of_a_flow_has(fitted_glow: Glow) -> None:
    smooth = {part: fitted_glow.differentiable(part) for part in fitted_glow.described}
    assert [part for part, is_smooth in smooth.items() if not is_smooth] == ["complexity"]
