"""Methods by hand on scores that are lines and squares; and on every detector that exists."""

from __future__ import annotations

import random
import threading
import warnings
from collections.abc import Callable

import captum.attr
import numpy as np
import pytest
import torch
from torch import Tensor
from toy_scores import SHAPE, Mapped, Toy, images

from core.detectors._base import Detector
from core.detectors.glow import Glow
from core.detectors.novelty import Novelty
from core.detectors.outskirts import Outskirts
from core.explain import attributions
from core.explain.baselines import BaselineError
from core.explain.methods import METHODS, ExplainError, explain, refusal, score_of
from core.nn.bcos import both_signs
from core.shape import Shape

GRADIENTS = [key for key, method in METHODS.items() if method.needs_gradient]
PICTURE = Shape(1, 8, 8)


@pytest.fixture
def toy() -> Toy:
    return Mapped()


@pytest.fixture(scope="module")
def novelty() -> Novelty:
    """A B-cos detector of random weights that holds random features and spans."""
    torch.manual_seed(0)
    found = Novelty(Novelty.Config(width=2, bank=8, explained=12, rank=3), PICTURE)
    x = torch.rand(16, *PICTURE)
    with torch.no_grad():
        found.bank.copy_(torch.randint(-127, 127, found.bank.shape))
        found.bank_step.copy_(1 / found.bank.float().norm(dim=1).mean())
        for span in (found.span, found.inner_span, found.pixel_span):
            span.copy_(torch.linalg.qr(torch.randn(span.T.shape)).Q.T)
        found.pixel_mean.copy_(x.flatten(1).mean(0))
    return found.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def outskirts() -> Outskirts:
    """A detector of random weights that holds random codes."""
    torch.manual_seed(0)
    config = Outskirts.Config(hidden=8, code=4, regions=2, latent=4, fuse_hidden=8, exemplars=16)
    found = Outskirts(config, PICTURE)
    found.exemplar_codes.copy_(torch.randn(found.exemplar_codes.shape))
    return found.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def glow() -> Glow:
    """A flow of random weights that knows what is typical."""
    torch.manual_seed(0)
    found = Glow(Glow.Config(steps=1, hidden=8, scales=2), PICTURE)
    with torch.no_grad():
        for scale in found.flow.scales:
            scale.steps.net.last += 0.05 * torch.randn_like(scale.steps.net.last)
        found.precision.copy_(torch.eye(2) / 100)
    return found.eval().requires_grad_(False)


@pytest.fixture(params=["glow", "novelty", "outskirts", "toy"])
def detector(request: pytest.FixtureRequest) -> Detector:
    return request.getfixturevalue(request.param)


def pictures(detector: Detector, n: int = 2, seed: int = 0) -> Tensor:
    """Images with black and white in them, and all between."""
    x = images(n, shape=detector.shape, seed=seed) * 1.4 - 0.2
    return x.clamp(0, 1)


# By hand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*GRADIENTS, "own"])
def test_a_linear_score_is_explained_by_each_weight_times_its_pixel(toy: Toy, method: str) -> None:
    x = images()
    found = explain(toy, x, part="line", method=method)
    torch.testing.assert_close(found.map, (toy.weight * x).sum(1).detach(), rtol=0, atol=2e-2)
    if method in ("own", "linear", "input_gradient", "smooth"):  # the others sample baselines
        torch.testing.assert_close(found.map, (toy.weight * x).sum(1).detach())
    bias = found.residual if method == "linear" else found.offset
    torch.testing.assert_close(bias, torch.full((3,), 5.0), rtol=0, atol=5e-2)


def test_a_quadratic_score_by_hand(toy: Toy) -> None:
    """Of w x^2 from b: w (x^2 - b^2) whole, 2 w x (x - b) by the slope at the end."""
    x, b = images(), torch.full(SHAPE, 0.25)
    whole = explain(toy, x, part="square", method="integrated", baseline=b)
    torch.testing.assert_close(whole.map, (toy.weight * (x.square() - b.square()))[:, 0].detach())
    torch.testing.assert_close(whole.residual, torch.zeros(3), rtol=0, atol=1e-6)
    slope = explain(toy, x, part="square", method="input_gradient", baseline=b)
    torch.testing.assert_close(slope.map, (2 * toy.weight * x * (x - b))[:, 0].detach())
    assert slope.residual.abs().min() > 1e-2
    assert torch.equal(slope.offset, toy.part(b[None].expand(3, -1, -1, -1), "square").detach())


def test_occlusion_of_a_linear_score_is_the_mean_weight_under_the_windows(toy: Toy) -> None:
    """14x14 pixels have windows of 2 that step by 1: two rows alone, and the rest by pairs."""
    wide = Toy(shape=Shape(1, 14, 14))
    with torch.no_grad():
        wide.weight.copy_(torch.arange(14.0).expand(1, 14, 14))
    found = explain(wide, torch.ones(1, 1, 14, 14), part="line", method="occlusion")
    middles = torch.arange(13.0) + 0.5  # mean weight under the window that starts at each column
    expected = torch.cat([middles[:1], (middles[:-1] + middles[1:]) / 2, middles[-1:]])
    torch.testing.assert_close(found.map[0], expected.expand(14, 14))
    assert float(found.residual) == pytest.approx(0, abs=1e-3)  # symmetric: 0.5 and -0.5 cancel
    small = explain(toy, images(), part="line", method="occlusion")  # windows of one pixel
    torch.testing.assert_close(small.map, (toy.weight * images())[:, 0].detach(), rtol=0, atol=1e-6)


def test_occlusion_needs_no_gradient(toy: Toy) -> None:
    x = images()
    found = explain(toy, x, part="size", method="occlusion")
    assert torch.equal(found.map, (x > 0.5)[:, 0].float())
    assert found.residual.tolist() == [0, 0, 0]


def test_a_window_takes_all_channels_at_once() -> None:
    toy, x = Toy(shape=Shape(3, 4, 4)), images(shape=Shape(3, 4, 4))
    found = explain(toy, x, part="line", method="occlusion")
    torch.testing.assert_close(found.map, (toy.weight * x).sum(1).detach(), rtol=0, atol=1e-5)


def test_a_maps_channels_share_it_by_the_size_of_what_each_adds_or_takes() -> None:
    toy, x = Toy(shape=Shape(3, 4, 4)), torch.zeros(1, 3, 4, 4)
    toy.weight.data = torch.tensor([1.0, -2.0, 1.0])[:, None, None].expand(3, 4, 4).clone()
    x[:, :, 0, 0] = torch.tensor([0.2, 0.3, 0.4])  # adds 0.2 - 0.6 + 0.4 = 0: nothing is drawn
    x[:, 1, 2, 1] = 0.4  # takes 0.8 in green
    for method in ("linear", "input_gradient", "integrated", "gradient_shap", "smooth"):
        found = explain(toy, x, part="line", method=method)
        assert found.map.abs().max().item() == pytest.approx(0.8, abs=0.1), method
        expected = [0.1, 0.7, 0.2]
        assert found.channels is not None, method
        near = 0.06 if method == "gradient_shap" else 1e-5  # its noise touches all other pixels
        assert found.channels[0].tolist() == pytest.approx(expected, abs=near), method
    assert explain(toy, x, part="line", method="occlusion").channels is None  # all at once
    grey = Toy()
    assert explain(grey, images(1), part="line", method="linear").channels is None


def test_sampling_methods_of_a_quadratic_score_by_hand_from_their_draws(toy: Toy) -> None:
    x, b, w = images(2), torch.full(SHAPE, 0.25), toy.weight.detach()
    noise, along = attributions._draws(x, 0)
    expected = torch.stack(
        [
            ((one - b - noise) * 2 * w * (b + noise + along * (one - b - noise))).mean(0)[0]
            for one in x
        ]
    )
    shap = explain(toy, x, part="square", method="gradient_shap", baseline=b)
    torch.testing.assert_close(shap.map, expected)
    torch.testing.assert_close(
        shap.offset, (w * (b + noise).square()).sum((1, 2, 3)).mean()[None].expand(2)
    )
    smooth = explain(toy, x, part="square", method="smooth", baseline=b)
    torch.testing.assert_close(smooth.map, ((x - b) * 2 * w * (x + noise.mean(0)))[:, 0])


def test_sampling_methods_give_what_captums_do_in_the_mean(toy: Toy) -> None:
    """captum draws from the global generators, so ours draw themselves: the same expectation."""
    x, score = images(1), score_of(toy, "square")
    torch.manual_seed(0)
    np.random.seed(0)
    theirs = captum.attr.GradientShap(score).attribute(
        x, torch.zeros_like(x), n_samples=4000, stdevs=0.0
    )
    ours = explain(toy, x, part="square", method="gradient_shap").map
    size = float(theirs.abs().max())
    assert float((ours - theirs[:, 0]).abs().max()) < 0.35 * size  # 16 draws of U(0, 1): sd 14 %
    smooth = captum.attr.NoiseTunnel(captum.attr.Saliency(score)).attribute(
        x, nt_type="smoothgrad", nt_samples=4000, stdevs=attributions.NOISE, abs=False
    )
    ours = explain(toy, x, part="square", method="smooth").map
    torch.testing.assert_close(ours, (x * smooth)[:, 0].detach(), rtol=0, atol=0.02)


def test_the_seed_decides_what_is_drawn_and_nothing_else(toy: Toy) -> None:
    x = images(1)
    for method in METHODS:
        one, same, other = (explain(toy, x, method=method, seed=s).map for s in (0, 0, 1))
        assert torch.equal(one, same), method
        drawn = method in ("gradient_shap", "smooth")
        assert torch.equal(one, other) == (not drawn), method


def test_the_linear_map_holds_the_gates_of_a_bcos_net_as_its_gradient_does_not(
    novelty: Novelty,
) -> None:
    v = both_signs(pictures(novelty, 2))

    def length(v: Tensor) -> Tensor:
        return novelty.encoder.activations(v)[-1].mean((2, 3)).norm(dim=1)

    held, offset = attributions.linear(length, v, 0 * v, 0)
    weights = novelty.weights(v[:, :1])
    torch.testing.assert_close(held, v * weights)
    torch.testing.assert_close(held.sum((1, 2, 3)), length(v))
    assert offset.tolist() == [0, 0]
    plain, _ = attributions.input_gradient(length, v, 0 * v, 0)
    assert float((plain - held).abs().max()) > 0.5 * float(held.abs().max())


# Every detector ---------------------------------------------------------------------------------


def test_every_map_of_every_part_adds_up_with_offset_padding_and_residual(
    detector: Detector,
) -> None:
    x = pictures(detector)
    baseline = pictures(detector, 1, seed=1)
    for part in detector.described:
        score = detector.part(x, part).detach()
        for method in METHODS:
            if refusal(detector, part, method):
                continue
            found = explain(detector, x, part=part, method=method, baseline=baseline)
            assert found.map.shape == (len(x), *x.shape[2:]), (part, method)
            assert found.map.isfinite().all(), (part, method)
            padding = torch.zeros(len(x)) if found.padding is None else found.padding
            summed = found.map.double().sum((1, 2)) + found.offset + padding + found.residual
            size = float(found.map.abs().sum((1, 2)).max() + found.offset.abs().max() + 1)
            torch.testing.assert_close(
                summed.float(),
                score.float(),
                rtol=1e-4,
                atol=1e-5 * size,
                msg=lambda text, which=(part, method): f"{which}: {text}",
            )


def test_an_image_has_the_same_map_alone_and_among_others(detector: Detector) -> None:
    x = pictures(detector, 3)
    for method in METHODS:
        if refusal(detector, "score", method):
            continue
        together = explain(detector, x, method=method).map
        alone = explain(detector, x[1:2], method=method).map
        size = float(alone.abs().max())
        torch.testing.assert_close(together[1:2], alone, rtol=1e-3, atol=1e-4 * size)


def test_integrated_gradients_are_complete_where_a_score_is_smooth(outskirts: Outskirts) -> None:
    x = pictures(outskirts)
    for part in outskirts.described:
        found = explain(outskirts, x, part=part, method="integrated")
        gain = outskirts.part(x, part) - found.offset
        assert float((found.residual / gain).abs().max()) < 0.05, part


def test_explaining_moves_nothing_global_and_no_model(detector: Detector) -> None:
    x = pictures(detector, 1)
    before = {k: v.clone() for k, v in detector.state_dict().items()}
    image, wants = x.clone(), [p.requires_grad for p in detector.parameters()]
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    for method in METHODS:
        if not refusal(detector, "score", method):
            explain(detector, x, method=method)
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])
    assert states[2] == random.getstate()
    assert torch.equal(x, image)
    assert [p.requires_grad for p in detector.parameters()] == wants
    assert all(p.grad is None for p in detector.parameters())
    assert all(torch.equal(v, before[k]) for k, v in detector.state_dict().items())
    assert not any(m._forward_hooks or m._backward_hooks for m in detector.modules())


def test_maps_are_the_same_within_inference_mode_and_without_gradients(detector: Detector) -> None:
    x = pictures(detector, 1)
    for method in METHODS:
        if refusal(detector, "score", method):
            continue
        expected = explain(detector, x, method=method).map
        with torch.inference_mode():
            inside = explain(detector, pictures(detector, 1), method=method).map
        with torch.no_grad():
            without = explain(detector, x, method=method).map
        assert torch.equal(inside, expected), method
        assert torch.equal(without, expected), method
        assert not inside.requires_grad


@pytest.mark.slow
def test_four_threads_at_once_get_the_maps_of_their_own_images(detector: Detector) -> None:
    methods = [m for m in METHODS if not refusal(detector, "score", m) and m != "occlusion"]
    x = pictures(detector, 4)
    expected = [[explain(detector, image[None], method=m).map for m in methods] for image in x]
    found: list[list[Tensor]] = [[] for _ in x]
    start = threading.Barrier(len(x))

    def work(i: int) -> None:
        start.wait()
        for _ in range(3):
            found[i] += [explain(detector, x[i : i + 1], method=m).map for m in methods]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(x))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine, serial in zip(found, expected, strict=True):
        assert len(mine) == 3 * len(methods)
        assert all(torch.equal(a, b) for a, b in zip(mine, 3 * serial, strict=True))


# What cannot be ---------------------------------------------------------------------------------


def test_a_part_without_a_gradient_is_refused_in_words_that_name_what_can(glow: Glow) -> None:
    words = "Complexity-corrected has no gradient: The detector's own map and Occlusion only."
    for method in METHODS:
        expected = words if method in GRADIENTS else ""
        assert refusal(glow, "complexity", method) == expected
        assert refusal(glow, "total", method) == ""
    with pytest.raises(ExplainError, match="Occlusion only"):
        explain(glow, pictures(glow), part="complexity", method="linear")


def test_a_detector_without_a_map_of_its_own_names_the_methods_that_can() -> None:
    assert refusal(Toy(), "size", "own") == (
        "This detector has no map of its own: Occlusion can explain it."
    )
    with pytest.raises(ExplainError, match="no map of its own: Exact local linear map, Input"):
        explain(Toy(), images(), part="line")


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda toy: explain(toy, images(), method="dream"), "no method 'dream'; there are: own, "),
        (lambda toy: explain(toy, images(), part="depth"), "no part 'depth'; there are: line, "),
        (lambda toy: score_of(toy, "depth"), "no part 'depth'"),
        (lambda toy: refusal(toy, "depth", "own"), "no part 'depth'"),
        (lambda toy: explain(toy, images()[..., :3]), "N of 4x4 grey, N x C x H x W, got 3 x 1 x "),
        (lambda toy: explain(toy, images()[0]), "got 1 x 4 x 4"),
    ],
)
def test_what_is_asked_amiss_is_said(toy: Toy, ask: Callable[[Toy], object], words: str) -> None:
    with pytest.raises(ExplainError, match=words):
        ask(toy)


@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 4, 4), (2, 1, 4, 4), (4, 4)])
def test_a_baseline_of_another_size_is_refused(toy: Toy, shape: tuple[int, ...]) -> None:
    for method in METHODS:
        with pytest.raises(
            BaselineError, match="3 x 1 x 4 x 4, got " + " x ".join(map(str, shape))
        ):
            explain(toy, images(), method=method, baseline=torch.zeros(shape))


def test_captum_warns_of_nothing(toy: Toy) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in METHODS:
            explain(toy, images(1), method=method)


def test_large_pictures_are_asked_a_few_at_once_by_every_method() -> None:
    sizes = []

    class Watching(Toy):
        def parts(self, x: Tensor) -> dict[str, Tensor]:
            sizes.append(len(x))
            return super().parts(x)

        def part(self, x: Tensor, name: str) -> Tensor:
            sizes.append(len(x))
            return super().part(x, name)

    shape = Shape(1, 256, 256)
    toy, x = Watching(shape=shape), torch.rand(2, *shape)
    for key in METHODS:
        if not refusal(toy, "square", key):
            explain(toy, x, part="square", method=key)
    score_of(toy, "square")(x[:1].expand(9, *shape))
    assert len(sizes) > 100
    assert max(sizes) == 4  # without a gradient; 64 of 64x64 have as many pixels
