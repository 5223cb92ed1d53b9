"""Outskirts' own truths: who generates, where the synthetic outliers fall, what they teach."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import tiny
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from core import checkpoint
from core.card import CardError
from core.data.picture import as_tensor
from core.detectors._base import NotFitted
from core.detectors.outskirts import Outskirts
from core.nn.dense import OutwardLogit, PlainLogit
from core.nn.descriptors import FilterBank, oriented_wavelets, random_filters
from core.nn.distil import ERROR_WEIGHT
from core.shape import Shape
from core.train.loop import fit

SIZES = {
    "hidden": 16,
    "code": 4,
    "regions": 2,
    "latent": 4,
    "fuse_hidden": 32,
    "classifier_hidden": 8,
}
FAR = {"tau": 3.0, "kappa": 1.5}  # easy to learn in a few steps
KEPT = 100
DRAWS = 10_000


def build(**config: object) -> Outskirts:
    torch.manual_seed(0)
    return Outskirts(Outskirts.Config(**{**SIZES, "exemplars": KEPT, **FAR, **config}), tiny.SHAPE)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def twins() -> tuple[Outskirts, Outskirts]:
    """One of which the classifiers were never trained, and one trained in full."""
    stream = tiny.stream_of(tiny.boxes(256, seed=0))
    trained = build()
    phases = list(trained.phases())
    last = [phase.name for phase in phases].index("discriminate")
    phases[last] = replace(phases[last], epochs=20)  # of 8 batches each
    trained.phases = lambda: phases[:last]  # type: ignore[method-assign]
    fit(trained, {"train": stream}, seed=0)
    del trained.phases
    untrained = copy.deepcopy(trained)
    phases = phases[last:]
    trained.phases = lambda: phases  # type: ignore[method-assign]
    fit(trained, {"train": stream}, seed=0)
    del trained.phases
    return untrained.requires_grad_(False), trained.requires_grad_(False)


@pytest.fixture
def outskirts(twins: tuple[Outskirts, Outskirts]) -> Outskirts:
    return copy.deepcopy(twins[1])


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Which pixels ------------------------------------------------------------------------------------


def strange(n: int = 16) -> tuple[Tensor, Tensor]:
    """Boxes (n, 1, 28, 28), and the same with a bright patch in a corner that is never bright."""
    x = as_tensor(tiny.boxes(n, seed=5))
    planted = x.clone()
    planted[:, :, 1:6, 1:6] = 1 - planted[:, :, 1:6, 1:6]
    return x, planted


@pytest.mark.slow
def test_its_map_from_the_reconstruction_to_the_image_leaves_little_over(
    outskirts: Outskirts,
) -> None:
    x, _ = strange()
    for part in outskirts.described:
        found = outskirts.explain(x, part)
        before = outskirts.part(outskirts.reconstruct(x), part)
        torch.testing.assert_close(found.offset, before, rtol=1e-5, atol=1e-4)
        gain = outskirts.part(x, part) - before
        left = gain - found.map.sum((1, 2))
        assert float(left.abs().sum() / gain.abs().sum()) < 0.1, part


def test_a_pixel_that_is_its_reconstruction_has_no_share(outskirts: Outskirts) -> None:
    x, planted = strange(4)
    same = torch.zeros(28, 28, dtype=torch.bool)
    same[10:] = True
    outskirts.reconstruct = lambda x: torch.where(same, planted, x)  # type: ignore[method-assign]
    found = outskirts.explain(planted).map
    assert not found[:, same].any()
    outskirts.reconstruct = lambda _: x  # type: ignore[method-assign]
    found = outskirts.explain(planted).map
    assert not found[:, (planted == x).all(0)[0]].any()
    assert (found[:, 1:6, 1:6].sum((1, 2)) > 0).all()


def test_a_planted_patch_has_more_of_the_map_than_the_rest(outskirts: Outskirts) -> None:
    _, planted = strange()
    found = outskirts.explain(planted).map
    patch = found[:, 1:6, 1:6].mean((1, 2))
    rest = (found.sum((1, 2)) - 25 * patch) / (28 * 28 - 25)
    assert float((patch > rest).float().mean()) > 0.9
    assert float(patch.mean()) > 5 * float(rest.mean().abs())


# Who generates ----------------------------------------------------------------------------------

# Posteriors on a line, made by hand; KL to the prior is 1/2 (mu^2 + s^2 - 1 - log s^2).
MEAN = [0.0, 0.2, -0.2, 0.1, -3.0, 4.0, 0.0, 0.3]
STD = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.01, 1.0]
KL = [0.0, 0.02, 0.02, 0.005, 4.5, 8.0, 4.10522, 0.045]


def by_hand(mean: list[float], std: list[float]) -> Outskirts:
    return knowing(torch.tensor(mean)[:, None], torch.tensor(std)[:, None])


def knowing(mean: Tensor, std: Tensor) -> Outskirts:
    """A detector whose exemplar posteriors are these, whatever its encoder says."""
    detector = build(exemplars=len(mean), latent=mean.shape[1])
    detector.exemplar_codes.normal_(generator=draw())
    detector._exemplar_posteriors = lambda: (mean, std)  # type: ignore[method-assign]
    return detector


def test_the_kl_to_the_prior_is_the_hand_computed_one() -> None:
    found = by_hand(MEAN, STD)
    torch.testing.assert_close(found.outlyingness("prior"), torch.tensor(KL), rtol=1e-4, atol=1e-6)
    assert float(found.kl_per_dimension()) == pytest.approx(sum(KL) / len(KL), rel=1e-4)


def test_the_aggregate_posterior_has_the_means_variance_and_the_mean_square_std() -> None:
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    variance = mean.var() + std.square().mean()
    expected = (mean - mean.mean()).abs() / variance.sqrt()
    torch.testing.assert_close(by_hand(MEAN, STD).outlyingness("aggregate"), expected)


def test_the_divergence_of_neighbours_is_that_of_torch_distributions() -> None:
    mean, std = torch.randn(12, 3, generator=draw()), torch.rand(12, 3, generator=draw(1)) + 0.1
    detector = knowing(mean, std)
    q = Normal(mean[:, None], std[:, None])
    p = Normal(mean[None], std[None])
    both = (kl_divergence(q, p) + kl_divergence(p, q)).sum(2) / 2  # (12, 12)
    both.fill_diagonal_(torch.inf)
    nearest = both.sort(1).values[:, :5].mean(1)
    torch.testing.assert_close(detector.outlyingness("neighbours"), nearest, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("criterion", "rho", "generators"),
    [
        ("prior", 0.25, [5, 4]),
        ("prior", 0.375, [5, 4, 6]),  # the narrow one in the middle is far from the prior,
        ("aggregate", 0.375, [5, 4, 2]),  # near the centre, 0.175,
        ("neighbours", 0.125, [6]),  # and farthest from its neighbours
    ],
)
def test_exactly_the_top_fraction_generates(
    criterion: str, rho: float, generators: list[int]
) -> None:
    assert by_hand(MEAN, STD).generators(rho, criterion).tolist() == generators  # type: ignore[arg-type]


def test_all_generate_at_rho_one_and_one_does_at_the_least() -> None:
    found = by_hand(MEAN, STD)
    assert sorted(found.generators(1.0).tolist()) == list(range(8))
    assert len(found.generators(1e-6)) == 1


def test_every_generator_is_a_parent_and_nobody_else(outskirts: Outskirts) -> None:
    for criterion in ("prior", "aggregate", "neighbours"):
        made = outskirts.synthesise(2000, draw(), rho=0.2, criterion=criterion)
        strangeness = outskirts.outlyingness(criterion)
        parents = set(made.parents.tolist())
        assert len(parents) == 20
        others = sorted(set(range(KEPT)) - parents)
        assert strangeness[sorted(parents)].min() >= strangeness[others].max()


# Where the synthetic outliers fall --------------------------------------------------------------


@pytest.mark.parametrize(("kappa", "tau"), [(1.0, 1.0), (1.5, 3.0), (4.0, 0.5)])
def test_synthetic_codes_lie_where_the_formula_says(
    outskirts: Outskirts, kappa: float, tau: float
) -> None:
    made = outskirts.synthesise(DRAWS, draw(), rho=1e-6, kappa=kappa, tau=tau)
    i = int(made.parents[0])
    exemplar_mean, exemplar_std = outskirts.posterior(outskirts.exemplar_codes)
    centre = exemplar_mean.mean(0)
    mean = centre + kappa * (exemplar_mean[i] - centre)
    std = tau * exemplar_std[i]
    error = std / DRAWS**0.5
    assert ((made.latent.mean(0) - mean).abs() < 4 * error).all()
    assert ((made.latent.std(0) - std).abs() < 4 * std / (2 * DRAWS) ** 0.5).all()


def test_what_is_added_to_a_decoded_code_has_tau_times_the_generators_errors_std(
    outskirts: Outskirts,
) -> None:
    made = outskirts.synthesise(DRAWS, draw(), rho=0.2, tau=3.0)
    i = outskirts.generators(0.2)
    rest = outskirts.exemplar_codes[i] - outskirts.decoder(
        outskirts.posterior(outskirts.exemplar_codes)[0][i]
    )
    added = made.codes - outskirts.decoder(made.latent)
    std = 3 * rest.square().mean(0).sqrt()
    assert (added.mean(0).abs() < 4 * std / DRAWS**0.5).all()
    assert ((added.std(0) - std).abs() < 4 * std / (2 * DRAWS) ** 0.5).all()
    cosine = torch.nn.functional.cosine_similarity
    alike = cosine((added.T @ added).flatten(), (rest.T @ rest).flatten(), dim=0)
    assert alike > 0.995  # correlations too


def test_noise_around_the_prior_knows_no_posterior() -> None:
    found = by_hand([50.0] * 8, [0.01] * 8)
    found.config = replace(found.config, negatives="noise", kappa=2.0)
    latent = found.synthesise(DRAWS, draw()).latent
    assert abs(float(latent.mean())) < 4 * 2 / DRAWS**0.5
    assert float(latent.std()) == pytest.approx(2, abs=4 * 2 / (2 * DRAWS) ** 0.5)


def test_the_same_generator_draws_the_same_outliers(outskirts: Outskirts) -> None:
    first, again = outskirts.synthesise(5, draw(3)), outskirts.synthesise(5, draw(3))
    assert torch.equal(first.codes, again.codes)
    assert not torch.equal(first.codes, outskirts.synthesise(5, draw(4)).codes)


def test_pictures_of_synthetic_codes_however_far_out_are_pictures(outskirts: Outskirts) -> None:
    images = outskirts.synthesise(20, draw(), kappa=10.0, tau=50.0).images
    assert images.shape == (20, 1, 28, 28)
    assert images.isfinite().all()
    assert images.min() >= 0
    assert images.max() <= 1


def test_a_box_is_rebuilt_as_itself_rather_than_as_another(outskirts: Outskirts) -> None:
    x = as_tensor(tiny.boxes(40, seed=9))
    rebuilt = outskirts.reconstruct(x)
    own = float((rebuilt - x).square().mean())
    others = float((rebuilt - x.roll(1, 0)).square().mean())
    assert own < 0.95 * others  # four numbers a code, and a training of seconds


# What they teach --------------------------------------------------------------------------------


def separation(detector: Outskirts, part: str) -> float:
    """Share of pairs of a held-out box and a synthetic outlier that a part orders rightly."""
    held_out = as_tensor(tiny.boxes(100, seed=50))
    normal = detector.parts(held_out)[part]
    synthetic = detector.parts_of_codes(detector.synthesise(400, draw()).codes)[part]
    return float((synthetic[:, None] > normal[None]).float().mean())


@pytest.mark.parametrize("part", ["logit_pixels", "logit_wavelets", "logit_filters", "logit_fused"])
def test_each_classifier_learned_what_its_untrained_twin_does_not_know(
    twins: tuple[Outskirts, Outskirts], part: str
) -> None:
    untrained, trained = (detector.classifiers[part.removeprefix("logit_")] for detector in twins)
    codes = twins[1].synthesise(400, draw()).codes
    held_out = twins[1].codes(as_tensor(tiny.boxes(100, seed=50)))
    normal = twins[1].features(held_out)[part.removeprefix("logit_")]
    loss = []
    for judge in (untrained, trained):
        near = twins[1].features(twins[1].exemplar_codes)[part.removeprefix("logit_")]
        synthetic = twins[1].features(codes)[part.removeprefix("logit_")]
        loss.append(
            float(torch.nn.functional.softplus(judge(normal, near)).mean())
            + float(torch.nn.functional.softplus(-judge(synthetic, near)).mean())
        )
    assert loss[1] < 0.6 * loss[0]
    assert separation(twins[1], part) > 0.85


def test_the_untrained_twin_ranks_by_nearness_alone_and_calls_nothing_normal(
    twins: tuple[Outskirts, Outskirts],
) -> None:
    untrained, trained = twins
    # The kernel density of exemplar codes is there from the start, and ranks well, as a limit says.
    assert separation(untrained, "logit") > 0.8
    held_out = as_tensor(tiny.boxes(100, seed=50))
    synthetic = trained.synthesise(400, draw()).codes
    right = []
    for detector in twins:
        normal = detector.parts(held_out)["logit"] < 0
        outlier = detector.parts_of_codes(synthetic)["logit"] > 0
        right.append(float(normal.float().mean() + outlier.float().mean()) / 2)
    assert right[1] > 0.8  # what training teaches: where normal ends
    assert right[1] > right[0] + 0.1


def test_an_exemplar_code_can_be_looked_past(outskirts: Outskirts) -> None:
    code = outskirts.exemplar_codes[3:4]
    own, past = outskirts.parts_of_codes(code), outskirts.parts_of_codes(code, without=3)
    assert past["logit"] > own["logit"]  # nothing else lies as near
    others = copy.deepcopy(outskirts)
    near = {j: torch.cat([n[:3], n[4:]]) for j, _, n in outskirts._classifiers()}
    classifiers = [(j, classifier, near[j]) for j, classifier, _ in outskirts._classifiers()]
    others._classifiers = lambda without=None: classifiers  # type: ignore[method-assign]
    torch.testing.assert_close(others.parts_of_codes(code)["logit"], past["logit"])
    assert torch.equal(past["reconstruction"], own["reconstruction"])


def test_what_an_answer_kept_serves_a_later_gradient(outskirts: Outskirts) -> None:
    x = as_tensor(tiny.boxes(2, seed=50))
    outskirts._known = None
    with torch.inference_mode():
        outskirts.parts(x)
    x = x.requires_grad_()
    (gradient,) = torch.autograd.grad(outskirts.score(x).sum(), x)
    assert gradient.abs().max() > 0


def test_strokes_are_stranger_than_boxes(outskirts: Outskirts) -> None:
    boxes = outskirts.score(as_tensor(tiny.boxes(60, seed=50)))
    strokes = outskirts.score(as_tensor(tiny.strokes(60, seed=50)))
    assert float((strokes[:, None] > boxes[None]).float().mean()) > 0.95


def test_no_latent_dimension_collapses(outskirts: Outskirts) -> None:
    assert outskirts.kl_per_dimension().min() > 0.1  # nats; a collapsed one has 0.00


def test_the_score_is_the_mean_of_the_classifiers_logits(outskirts: Outskirts, x: Tensor) -> None:
    parts = outskirts.parts(x)
    logits = [parts[f"logit_{j}"] for j in ("pixels", "wavelets", "filters", "fused")]
    torch.testing.assert_close(outskirts.score(x), sum(logits) / 4)


def test_a_logit_rises_far_away_in_every_direction() -> None:
    torch.manual_seed(0)
    judge = OutwardLogit(6, 8)
    near = torch.randn(500, 6, generator=draw()) @ torch.randn(6, 6, generator=draw(1))
    judge.fit_(near)
    away = torch.nn.functional.normalize(torch.randn(200, 6, generator=draw(2)), dim=1)
    with torch.no_grad():
        assert (judge(10_000 * away, near) > judge(1_000 * away, near)).all()
        assert (judge(1_000 * away, near) > judge(0 * away, near)).all()


def test_a_logit_rises_between_two_clouds_of_normal_codes() -> None:
    torch.manual_seed(0)
    clouds = torch.randn(200, 2, generator=draw()) + torch.tensor(
        [[8.0, 0.0]] * 100 + [[-8.0, 0.0]] * 100
    )
    judge = OutwardLogit(2, 8)
    judge.fit_(clouds)
    with torch.no_grad():
        middle, left, right = judge(torch.tensor([[0.0, 0.0], [-8.0, 0.0], [8.0, 0.0]]), clouds)
    assert middle > max(left, right) + 10


def test_a_logit_is_what_its_formula_says() -> None:
    torch.manual_seed(0)
    judge = OutwardLogit(3, 8)
    near, codes = torch.randn(20, 3, generator=draw()), torch.randn(5, 3, generator=draw(1))
    judge.fit_(near)
    with torch.no_grad():
        judge.sharpness.fill_(-1.0)
        judge.weight.fill_(0.5)
        u = (codes - judge.mean) @ judge.whiten.T
        kernel = torch.exp(-torch.exp(judge.sharpness) * torch.cdist(codes, near).square())
        squares = u.square() @ torch.nn.functional.softplus(judge.curvature)
        density = judge.weight.exp() * kernel.sum(1).log()
        expected = judge.net(u)[:, 0] + squares - density + judge.offset
        torch.testing.assert_close(judge(codes, near), expected)


def test_whitened_codes_are_white() -> None:
    judge = OutwardLogit(4, 8)
    codes = torch.randn(400, 4, generator=draw()) @ torch.randn(4, 4, generator=draw(1)) + 3
    judge.fit_(codes)
    u = (codes - judge.mean) @ judge.whiten.T
    torch.testing.assert_close(torch.cov(u.T), torch.eye(4), atol=0.02, rtol=0)  # the ridge's
    torch.testing.assert_close(u.mean(0), torch.zeros(4), atol=1e-3, rtol=0)


def test_a_codes_numbers_share_one_scale_and_its_log_errors_have_half_their_weight(
    outskirts: Outskirts,
) -> None:
    for j, scale in zip(outskirts.level1, outskirts.code_scale.split(outskirts.sizes), strict=True):
        assert (scale[:4] == scale[0]).all(), j
    x = as_tensor(tiny.boxes(256, seed=0))
    for codes in outskirts.codes(x).split(outskirts.sizes, 1):
        assert float(codes[:, :4].var(0).mean()) == pytest.approx(1, abs=0.01)
        expected = torch.full((4,), ERROR_WEIGHT)
        torch.testing.assert_close(codes[:, 4:].std(0), expected, atol=0.01, rtol=0)


# The paper's reading -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(twins: tuple[Outskirts, Outskirts]) -> tuple[Outskirts, Outskirts]:
    """`twins` of plain nets, on the levels and posteriors of the one with density."""
    trained = build(density=False, starts_from="outskirts")
    trained.begin_from(twins[1])
    phases = list(trained.phases())
    phases[1] = replace(phases[1], epochs=20)
    whiten, *learn = phases
    stream = tiny.stream_of(tiny.boxes(256, seed=0))
    trained.phases = lambda: [whiten]  # type: ignore[method-assign]
    fit(trained, {"train": stream}, seed=0)
    del trained.phases
    untrained = copy.deepcopy(trained)
    trained.phases = lambda: learn  # type: ignore[method-assign]
    fit(trained, {"train": stream}, seed=0)
    del trained.phases
    return untrained.requires_grad_(False), trained.requires_grad_(False)


def test_the_papers_reading_takes_over_all_but_the_classifiers(
    twins: tuple[Outskirts, Outskirts], plain: tuple[Outskirts, Outskirts]
) -> None:
    names = [phase.name for phase in plain[1].phases()]
    assert names == ["whiten", "discriminate", "round to 16 bits"]
    mine, others = plain[1].state_dict(), twins[1].state_dict()
    for name, value in mine.items():
        if not name.startswith("classifiers."):
            assert torch.equal(value, others[name]), name
    assert torch.equal(plain[1].generators(), twins[1].generators())
    assert plain[1].deviations[:-1] == twins[1].deviations[:-1]
    assert "density" not in plain[1].deviations[-1]
    assert "density" in twins[1].deviations[-1]


def test_a_plain_logit_is_its_net_on_the_whitened_code_and_asks_no_normal_code(
    plain: tuple[Outskirts, Outskirts], x: Tensor
) -> None:
    detector = plain[1]
    features = detector.features(detector.codes(x))
    parts = detector.parts(x)
    for name, judge in detector.classifiers.items():
        first, _, second, _, last = judge.net
        u = (features[name] - judge.mean) @ judge.whiten.T
        expected = last(second(first(u).relu()).relu())[:, 0]
        torch.testing.assert_close(parts[f"logit_{name}"], expected)
    alone = detector.parts_of_codes(detector.codes(x), without=3)
    assert torch.equal(alone["logit"], parts["logit"])


def test_plain_classifiers_know_outliers_from_normal_codes_only_once_they_are_taught(
    plain: tuple[Outskirts, Outskirts],
) -> None:
    untrained, trained = (separation(detector, "logit") for detector in plain)
    assert trained > 0.9
    assert trained > untrained + 0.2


def test_no_other_levels_can_be_taken_over(twins: tuple[Outskirts, Outskirts]) -> None:
    with pytest.raises(RuntimeError, match="size mismatch"):
        build(density=False, starts_from="outskirts", latent=5).begin_from(twins[1])


@pytest.mark.parametrize("kind", [OutwardLogit, PlainLogit])
def test_whitening_stays_on_the_device_of_the_codes(kind: type[PlainLogit]) -> None:
    logit = kind(3, 4).to("meta")  # holds no numbers, and refuses those of another device
    logit.fit_(torch.zeros(5, 3, device="meta"))
    assert logit.whiten.device.type == "meta"


# Descriptors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", range(6))
def test_a_wave_answers_in_its_own_direction(direction: int) -> None:
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    angle = torch.tensor(torch.pi * direction / 6)
    wave = (2 * torch.pi * (columns * angle.cos() + rows * angle.sin()) / 7).sin()[None, None]
    cells = FilterBank(oriented_wavelets())(wave)[0, :, 1:3, 1:3]  # the zeros beyond are an edge
    answers = cells.unflatten(0, (6, 4)).mean((1, 2, 3))
    assert int(answers.argmax()) == direction


def test_filters_have_no_mean_unit_norm_and_answer_to_no_level() -> None:
    flat = torch.full((1, 1, 28, 28), 0.7)
    for filters in (oriented_wavelets(), random_filters()):
        assert float(filters.mean((1, 2, 3)).abs().max()) < 1e-7
        torch.testing.assert_close(filters.square().sum((1, 2, 3)), torch.ones(len(filters)))
        inner = FilterBank(filters)(flat)[0, :, 1:3, 1:3]
        torch.testing.assert_close(inner, inner.new_full(inner.shape, 1e-3**0.5), atol=0.02, rtol=0)


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"rho": 0.0}, "rho is a fraction"),
        ({"rho": 1.5}, "rho is a fraction"),
        ({"rho": float("nan")}, "rho is a fraction"),
        ({"tau": 0.0}, "above 0"),
        ({"kappa": -1.0}, "above 0"),
        ({"beta": 0.0}, "above 0"),
        ({"latent": 0}, "1 or more"),
        ({"exemplars": 5}, "more than 5"),
        ({"criterion": "umap"}, "criterion"),
        ({"levels": 3}, "levels"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused_in_words(config: dict, words: str) -> None:
    with pytest.raises(CardError, match=words):
        checkpoint.from_config("outskirts", config, tiny.SHAPE)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (Shape(1, 7, 28), "needs pictures of 8x8 or more, got 7x28 grey"),
        (Shape(3, 64, 7), "needs pictures of 8x8 or more, got 64x7 colour"),
    ],
)
def test_pictures_too_small_for_fields_are_refused(shape: Shape, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Outskirts(Outskirts.Config(**SIZES), shape)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [Shape(1, 8, 8), Shape(3, 29, 41)], ids=str)
def test_a_bank_answers_to_each_channel_by_itself(shape: Shape) -> None:
    bank = FilterBank(random_filters(count=3), channels=shape.channels)
    x = torch.rand(2, *shape, generator=draw())
    answers = bank(x)
    assert answers.shape[1:] == bank.shape == (3 * shape.channels, 4, 4)
    alone = FilterBank(random_filters(count=3))
    expected = torch.cat([alone(x[:, c, None]) for c in range(shape.channels)], 1)
    torch.testing.assert_close(answers, expected)
    assert (answers.flatten(1).std(1) > 0).all()


def test_an_unknown_criterion_and_a_bad_fraction_are_refused(outskirts: Outskirts) -> None:
    with pytest.raises(ValueError, match="prior, aggregate or neighbours"):
        outskirts.generators(0.1, "umap")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rho"):
        outskirts.synthesise(3, draw(), rho=0.0)


def test_what_needs_posteriors_says_so_before_training() -> None:
    with pytest.raises(NotFitted, match="posteriors"):
        build().synthesise(1, draw())


def test_more_posteriors_than_images_are_refused_with_the_number() -> None:
    stream = tiny.stream_of(tiny.boxes(64, seed=0))
    detector = build()
    phases = [replace(phase, players=()) for phase in detector.phases()]
    detector.phases = lambda: phases  # type: ignore[method-assign]
    with pytest.raises(NotFitted, match="of 64 training images: set exemplars to 64"):
        fit(detector, {"train": stream}, seed=0)


def test_all_weights_are_stored_in_16_bits_and_lose_nothing(outskirts: Outskirts) -> None:
    data, weights = checkpoint.pack(outskirts)
    numbers = sum(t.numel() for t in outskirts.state_dict().values())
    assert weights.bytes == len(data) < 2 * numbers + 8192
