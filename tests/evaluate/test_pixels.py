"""Figures of maps by hand, against thresholds tried one by one, scikit-learn and anomalib."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_auc_score

from core.evaluate.pixels import (
    AUPRO_LIMIT,
    aupimo,
    aupro,
    best_f1,
    measure_pixels,
    pixel_auroc,
    regions_of,
)


def one(values: list[list[float]], mask: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([values], float), np.array([mask], bool)


def drawn(
    seed: int, levels: int | None = None, shape: tuple[int, int, int] = (6, 24, 20)
) -> tuple[np.ndarray, np.ndarray]:
    """Maps that know a little of blobs; the last two images are normal. With levels, ties."""
    rng = np.random.default_rng(seed)
    masks = np.zeros(shape, bool)
    for mask in masks[:-2]:
        for _ in range(rng.integers(1, 4)):
            y, x = rng.integers(0, shape[1] - 6), rng.integers(0, shape[2] - 6)
            mask[y : y + rng.integers(1, 6), x : x + rng.integers(1, 6)] = True
    maps = rng.normal(size=shape) + 1.2 * masks
    return (maps if levels is None else np.round(maps * levels) / levels), masks


def curve_by_hand(maps: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False-positive rate and mean overlap at every threshold, one after the other."""
    labels = [regions_of(mask) for mask in masks]
    rates, overlaps = [0.0], [0.0]
    for t in np.unique(maps)[::-1]:
        rates.append((maps[~masks] >= t).mean())
        shares = [
            (values[label == k] >= t).mean()
            for values, label in zip(maps, labels, strict=True)
            for k in range(1, label.max() + 1)
        ]
        overlaps.append(float(np.mean(shares)))
    return np.array(rates), np.array(overlaps)


def area_by_hand(rates: np.ndarray, values: np.ndarray, limit: float) -> float:
    kept = rates <= limit
    x, y = list(rates[kept]), list(values[kept])
    if x[-1] < limit:
        i = len(x)
        share = (limit - rates[i - 1]) / (rates[i] - rates[i - 1])
        x.append(limit)
        y.append(values[i - 1] + share * (values[i] - values[i - 1]))
    return float(np.trapezoid(y, x)) / limit


# By hand ----------------------------------------------------------------------------------------


def test_auroc_counts_pairs_of_all_images_together() -> None:
    maps = np.array([[[0.0, 4.0]], [[1.0, 2.0]]])  # the second image is normal
    masks = np.array([[[False, True]], [[False, False]]])
    assert pixel_auroc(maps, masks) == 1.0
    maps[0, 0, 1] = 1.0  # above 0, tied with 1, below 2
    assert pixel_auroc(maps, masks) == 0.5


def test_a_small_region_counts_as_much_as_a_large_one() -> None:
    maps, masks = one([[9, 9, 9, 0, 0, 1, 2, 3, 4, 5, 6, 7]], [[1, 1, 1, 0, 1] + [0] * 7])
    # The large region is found at once, the small one (tied with a normal 0) by no rate below 7/8.
    assert aupro(maps, masks) == pytest.approx(0.5)
    # 3 pixels of 4 are whole, the last has (1 - 7/8) / 2.
    assert pixel_auroc(maps, masks) == pytest.approx((3 + 1 / 16) / 4)


def test_aupro_ends_at_its_limit() -> None:
    maps, masks = one([[9, 8, 7, 6, 5, 4, 3, 2, 1, 0, -1]], [[0, 1] + [0] * 9])
    # Flagged from a rate of 1/10 on: two thirds of 0.3.
    assert aupro(maps, masks) == pytest.approx(2 / 3)
    assert aupro(maps, masks, limit=1.0) == pytest.approx(0.9)
    maps, masks = one([[9, 8, 7, 6, 5.5, 4, 3, 2, 1, 0, -1]], [[0] * 4 + [1] + [0] * 6])
    assert aupro(maps, masks) == 0.0  # its first alarm comes at 4/10


def test_regions_touch_by_corners() -> None:
    mask = np.array([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]], bool)
    assert regions_of(mask).tolist() == [[1, 0, 0, 0], [0, 1, 0, 2], [0, 0, 0, 2]]
    assert not regions_of(np.zeros((2, 3))).any()


def test_best_f1_is_over_all_thresholds() -> None:
    maps, masks = one([[4, 3, 2, 1, 0]], [[1, 0, 1, 0, 0]])
    f1, threshold = best_f1(maps, masks)  # 2 of 2 with one alarm: 4 / 5; the first alone: 2 / 3
    assert (f1, threshold) == (pytest.approx(0.8), 2.0)


def test_a_constant_map_is_chance() -> None:
    maps, masks = np.zeros((3, 4, 4)), np.zeros((3, 4, 4), bool)
    masks[0, :2, :2] = True
    found = measure_pixels(maps, masks)
    assert found.auroc == 0.5
    assert found.aupro == pytest.approx(AUPRO_LIMIT / 2)
    assert found.f1 == pytest.approx(2 * 4 / (4 + 48))
    assert (found.regions, found.n_normal, found.n_strange) == (1, 2, 1)
    low, high = 1e-5, 1e-4  # overlap rises as the rate does
    chance = (high - low) / np.log(high / low)
    assert aupimo(maps[:1], masks[:1], maps[1:])[0] == pytest.approx(chance)


def test_a_wholly_strange_image_beside_a_normal_one_counts() -> None:
    maps = np.array([np.full((4, 4), 2.0), np.arange(16.0).reshape(4, 4)])
    masks = np.array([np.ones((4, 4), bool), np.zeros((4, 4), bool)])
    found = measure_pixels(maps, masks)
    assert found.auroc == pytest.approx(2.5 / 16)
    assert found.regions == 1


@pytest.mark.parametrize("strange", [True, False])
def test_all_or_nothing_strange_is_refused(strange: bool) -> None:
    with pytest.raises(ValueError, match="both must be there"):
        measure_pixels(np.zeros((2, 3, 3)), np.full((2, 3, 3), strange))


@pytest.mark.parametrize(
    ("maps", "masks", "said"),
    [
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 4)), r"masks must be as the maps, \(2, 3, 3\)"),
        (np.zeros((2, 3, 3)), np.zeros((1, 3, 3)), "masks must be as the maps"),
        (np.zeros((3, 3)), np.zeros((3, 3)), r"maps must be \(N, H, W\)"),
        (np.zeros((0, 3, 3)), np.zeros((0, 3, 3)), "not empty"),
        (np.full((1, 2, 2), np.nan), np.eye(2)[None], "must be finite, got 4 pixels"),
    ],
)
def test_what_does_not_belong_together_is_refused(maps, masks, said) -> None:
    for figure in (measure_pixels, pixel_auroc, aupro, best_f1):
        with pytest.raises(ValueError, match=said):
            figure(maps, masks)
    with pytest.raises(ValueError, match=said):
        aupimo(maps, masks, maps)


def test_aupimo_asks_for_normal_maps_of_the_same_size() -> None:
    maps, masks = drawn(0)
    for normal in (maps[:0], maps[:, :5], maps[0]):
        with pytest.raises(ValueError, match="normal maps must be"):
            aupimo(maps, masks, normal)
    for bounds in ((0.0, 0.1), (0.1, 0.1), (0.1, 2.0)):
        with pytest.raises(ValueError, match="bounds must rise"):
            aupimo(maps, masks, maps[-2:], bounds=bounds)


def test_aupimo_by_hand() -> None:
    normal = np.arange(1000.0).reshape(1, 20, 50)
    maps, masks = np.full((3, 20, 50), -1.0), np.zeros((3, 20, 50), bool)
    masks[:2, 0, :2] = True
    maps[0, 0, :2] = 2000, 989.5  # never an alarm; from ten of a thousand on
    maps[1, 0, :2] = 2000, 2000
    found = aupimo(maps, masks, normal, bounds=(1e-3, 1e-1))
    assert found[:2] == pytest.approx([(1 + 0.5) / 2, 1.0])
    assert np.isnan(found[2])  # of a normal image there is none


# Against thresholds tried one by one ------------------------------------------------------------


@pytest.mark.parametrize("levels", [None, 1, 2, 5])
@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_areas_are_those_of_the_curve_over_all_thresholds(levels, limit) -> None:
    maps, masks = drawn(3, levels)
    by_hand = area_by_hand(*curve_by_hand(maps, masks), limit)
    assert aupro(maps, masks, limit=limit) == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("levels", [None, 1, 4])
def test_auroc_and_f1_are_those_of_scikit_learn(levels) -> None:
    maps, masks = drawn(4, levels)
    assert pixel_auroc(maps, masks) == pytest.approx(roc_auc_score(masks.ravel(), maps.ravel()))
    precision, recall, thresholds = precision_recall_curve(masks.ravel(), maps.ravel())
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    found, threshold = best_f1(maps, masks)
    assert found == pytest.approx(f1.max())
    assert threshold == thresholds[f1.argmax()]


@pytest.mark.parametrize("levels", [None, 3])
def test_aupimo_is_the_area_over_a_fine_grid_of_rates(levels) -> None:
    maps, masks = drawn(5, levels, (5, 40, 40))
    normal = np.random.default_rng(6).normal(size=(4, 40, 40))
    normal = normal if levels is None else np.round(normal * levels) / levels
    low, high = 0.003, 0.2
    rates = np.exp(np.linspace(np.log(low), np.log(high), 40_001))
    levels_there = np.unique(np.concatenate([normal.ravel(), maps.ravel()]))[::-1]
    alarms = np.array([0.0, *[(normal >= t).mean() for t in levels_there]])
    for i in range(3):
        hits = np.array([0.0, *[(maps[i][masks[i]] >= t).mean() for t in levels_there]])
        overlap = np.interp(rates, alarms, hits)
        expected = np.trapezoid(overlap, np.log(rates)) / np.log(high / low)
        found = aupimo(maps, masks, normal, bounds=(low, high))[i]
        assert found == pytest.approx(expected, abs=2e-3)  # the grid blurs the steps


def test_only_the_order_of_the_pixels_counts() -> None:
    maps, masks = drawn(7)
    one, other = measure_pixels(maps, masks), measure_pixels(np.exp(maps), masks)
    assert (one.auroc, one.aupro, one.f1) == (other.auroc, other.aupro, other.f1)
    turned = measure_pixels(-maps, masks)
    assert turned.auroc == pytest.approx(1 - one.auroc)


def test_single_figures_are_those_of_all_together() -> None:
    maps, masks = drawn(8, 2)
    found = measure_pixels(maps, masks)
    assert found.auroc == pixel_auroc(maps, masks)
    assert found.aupro == aupro(maps, masks)
    assert (found.f1, found.threshold) == best_f1(maps, masks)


# Against anomalib, where it is ------------------------------------------------------------------


def test_aupro_is_that_of_anomalib() -> None:
    library = pytest.importorskip("anomalib.metrics.aupro")
    torch = pytest.importorskip("torch")
    for levels in (None, 2):
        maps, masks = drawn(9, levels)
        metric = library._AUPRO()
        metric.update(torch.from_numpy(maps).float(), torch.from_numpy(masks).int())
        # It sums in float32.
        assert aupro(maps.astype(np.float32), masks) == pytest.approx(
            float(metric.compute()), abs=1e-5
        )


def test_aupimo_is_that_of_anomalib() -> None:
    library = pytest.importorskip("anomalib.metrics.pimo.functional")
    torch = pytest.importorskip("torch")
    maps, masks = drawn(10, None, (10, 96, 96))
    maps[8:] = np.random.default_rng(1).normal(size=(2, 96, 96))
    maps += masks * 2.0
    bounds = (20 / 18_432, 1843 / 18_432)  # whole pixels: it begins at the nearest one
    *_, theirs, _ = library.aupimo_scores(
        torch.from_numpy(maps), torch.from_numpy(masks), 200_000, fpr_bounds=bounds
    )
    found = aupimo(maps[:8], masks[:8], maps[8:], bounds=bounds)
    # It samples thresholds evenly: a step falls between two of them.
    assert found == pytest.approx(theirs.numpy()[:8], abs=2e-3)


# Speed ------------------------------------------------------------------------------------------


@pytest.fixture
def traced() -> Iterator[None]:
    """What NumPy takes from here on is counted; the process's own high-water mark never falls."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.usefixtures("traced")
def test_160_images_of_256_pixels_take_under_ten_seconds_and_little_memory() -> None:
    rng = np.random.default_rng(0)
    masks = np.zeros((160, 256, 256), bool)
    for mask in masks[:119]:
        y, x = rng.integers(0, 200, 2)
        mask[y : y + 40, x : x + 30] = True
    maps = rng.normal(size=masks.shape).astype(np.float32) + masks
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    start = time.process_time()
    found = measure_pixels(maps, masks)
    per_image = aupimo(maps[:119], masks[:119], maps[119:])
    seconds = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    assert found.auroc == pytest.approx(0.76, abs=0.01)  # two normals, one apart
    assert np.isfinite(per_image).all()
    assert seconds < 10
    assert peak - before < 2 * maps.nbytes  # it is 1.25: all pixels once more, and a mask of them
