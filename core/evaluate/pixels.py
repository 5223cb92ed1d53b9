"""How well maps find the pixels that are truly strange. Larger values are stranger throughout.

Every figure is exact: no threshold is sampled and nothing is binned. A curve over thresholds is
joined linearly where values are tied, as a ROC curve is; its area is then a sum over the strange
pixels, each of which counts from the false-positive rate at which it is first flagged.

References:
    Bergmann, Batzner, Fauser, Sattlegger, Steger: The MVTec Anomaly Detection Dataset, IJCV 2021,
    section 6 (per-region overlap, its area to a false-positive rate of 0.3).
    Bertoldo, Ameln, Vaidya, Akçay: AUPIMO: Redefining Visual Anomaly Detection Benchmarks with
    High Speed and Low Tolerance, BMVC 2024, https://arxiv.org/abs/2401.01984.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

__all__ = [
    "AUPIMO_BOUNDS",
    "AUPRO_LIMIT",
    "PixelMetrics",
    "aupimo",
    "aupro",
    "best_f1",
    "measure_pixels",
    "pixel_auroc",
    "regions_of",
]

AUPRO_LIMIT = 0.3  # of the false-positive rate, as MVTec has it
AUPIMO_BOUNDS = 1e-5, 1e-4  # of the false-positive rate on normal images, as its authors have it


@dataclass(frozen=True)
class PixelMetrics:
    """Figures of one kind of map on one set of strange images, beside normal ones.

    Attributes:
        auroc: chance that a strange pixel lies above a normal one, of all images together.
        aupro: mean overlap with a region, over false-positive rates from 0 to 0.3.
        f1: of the best of all thresholds; threshold: that one, a pixel is flagged from it on.
        regions: connected ones of the strange images, by their sides and corners.
        n_normal, n_strange: images without and with a strange pixel.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # cards hold these as they are

    auroc: float
    aupro: float
    f1: float
    threshold: float
    regions: int
    n_normal: int
    n_strange: int

    def as_dict(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)


def regions_of(mask: np.ndarray) -> np.ndarray:
    """The connected regions of a mask (H, W), (H, W) int32: 0 is none, then from 1 on.

    Pixels that touch by a side or a corner are of one region (8-connectivity).

    Raises:
        ValueError: the mask is not (H, W).

    Example:
        >>> regions_of(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]])).tolist()
        [[1, 0, 0], [0, 1, 0], [0, 0, 0], [2, 0, 0]]
    """
    from scipy import ndimage  # whoever reads a card's figures does not wait for it

    if np.ndim(mask) != 2:
        raise ValueError(f"a mask must be (H, W), got {np.shape(mask)}")
    labels, _ = ndimage.label(np.asarray(mask, bool), np.ones((3, 3)))
    return labels


def measure_pixels(
    maps: np.ndarray, masks: np.ndarray, *, limit: float = AUPRO_LIMIT
) -> PixelMetrics:
    """All figures of maps (N, H, W) by masks (N, H, W), which are empty for normal images.

    The ``limit`` is that of `aupro`.

    Raises:
        ValueError: the shapes differ, a map is not finite, or no pixel or every pixel is strange.

    Example:
        >>> maps = np.array([[[0.0, 3.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 1.0]]])
        >>> masks = np.array([[[0, 1], [0, 1]], [[0, 0], [0, 0]]])
        >>> found = measure_pixels(maps, masks)
        >>> found.auroc, found.aupro, found.f1, found.threshold, found.regions
        (1.0, 1.0, 1.0, 2.0, 1)
    """
    maps, masks = _checked(maps, masks)
    normal, strange = _split(maps, masks)
    weights, regions = _region_weights(masks)
    begins, ends = _rates(normal, strange)
    f1, threshold = _best_f1(normal, strange)
    shown = masks.any((1, 2))
    return PixelMetrics(
        auroc=float(1 - (begins + ends).mean() / 2),
        aupro=float(weights @ _areas(begins, ends, limit)) / limit,
        f1=f1,
        threshold=threshold,
        regions=regions,
        n_normal=int((~shown).sum()),
        n_strange=int(shown.sum()),
    )


def pixel_auroc(maps: np.ndarray, masks: np.ndarray) -> float:
    """Area under the ROC curve of all pixels together, of maps and masks (N, H, W).

    Raises:
        ValueError: the shapes differ, a map is not finite, or no pixel or every pixel is strange.

    Example:
        >>> pixel_auroc(np.array([[[0.0, 1.0, 2.0], [1.0, 3.0, 0.0]]]), [[[0, 0, 0], [1, 1, 0]]])
        0.8125
    """
    begins, ends = _rates(*_split(*_checked(maps, masks)))
    return float(1 - (begins + ends).mean() / 2)


def aupro(maps: np.ndarray, masks: np.ndarray, *, limit: float = AUPRO_LIMIT) -> float:
    """Area under the per-region overlap, of maps and masks (N, H, W); 1 at the best.

    At a threshold, each region has the share of its pixels that is flagged; their mean over all
    regions of all images is the overlap, whatever their sizes. Its area over the false-positive
    rate, which is the share flagged of all pixels that are of no region, is taken from 0 to the
    ``limit`` and divided by it. A map that knows nothing has limit / 2.

    Raises:
        ValueError: the shapes differ, a map is not finite, or no pixel or every pixel is strange.

    Example:
        >>> maps = np.array([[[9.0, 0.0, 5.0, 6.0], [8.0, 0.0, 0.0, 0.0]]])
        >>> masks = np.array([[[1, 0, 0, 1], [1, 0, 0, 0]]])
        >>> aupro(maps, masks)
        1.0
        >>> round(aupro(-maps, masks, limit=1.0), 2)
        0.0
    """
    maps, masks = _checked(maps, masks)
    weights, _ = _region_weights(masks)
    return float(weights @ _areas(*_rates(*_split(maps, masks)), limit)) / limit


def best_f1(maps: np.ndarray, masks: np.ndarray) -> tuple[float, float]:
    """The best F1 of all thresholds and that threshold, of maps and masks (N, H, W).

    A pixel is flagged from the threshold on; of equally good ones it is the highest.

    Raises:
        ValueError: the shapes differ, a map is not finite, or no pixel or every pixel is strange.

    Example:
        >>> f1, threshold = best_f1(np.array([[[3.0, 2.0, 1.0, 0.0]]]), [[[1, 0, 1, 0]]])
        >>> round(f1, 4), threshold
        (0.8, 1.0)
    """
    return _best_f1(*_split(*_checked(maps, masks)))


def aupimo(
    maps: np.ndarray,
    masks: np.ndarray,
    normal: np.ndarray,
    *,
    bounds: tuple[float, float] = AUPIMO_BOUNDS,
) -> np.ndarray:
    """Of each image how much of its strange pixels is found where normal images raise no alarm.

    The share of its strange pixels that is flagged, over the logarithm of the false-positive rate,
    from one bound to the other, divided by its width: (N,) in 0 to 1, NaN where the mask is empty.
    That rate is the share flagged of the pixels of normal images alone, the same for all images.

    Args:
        maps, masks: (N, H, W) of the images.
        normal: (M, H, W), maps of normal images.
        bounds: from and to which false-positive rate.

    Raises:
        ValueError: shapes differ, a map is not finite, there is no normal one, or the bounds are
            not two rising numbers in 0 to 1.

    Example:
        >>> normal, maps = np.arange(100.0).reshape(1, 1, 100), np.full((1, 1, 100), -1.0)
        >>> maps[0, 0, :3] = 98.5, 200.0, 0.0
        >>> found = aupimo(maps, maps >= 0, normal, bounds=(0.001, 0.1))
        >>> round(float(found[0]), 4)  # (log 10 / log 100 + 1 + 0) / 3
        0.5
    """
    low, high = bounds
    if not 0 < low < high <= 1:
        raise ValueError(f"bounds must rise and lie above 0 and up to 1, got {bounds}")
    maps, masks = _checked(maps, masks)
    pixels = _sorted_normal(np.asarray(normal), maps)
    found = np.full(len(maps), np.nan)
    for i, (one, mask) in enumerate(zip(maps, masks, strict=True)):
        if mask.any():
            found[i] = _logarithmic(*_rates(pixels, one[mask]), low, high).mean()
    return found


# What they are made of ---------------------------------------------------------------------------


def _checked(maps: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maps (N, H, W) and masks (N, H, W) bool, if they belong together."""
    maps, masks = np.asarray(maps), np.asarray(masks, bool)
    if maps.ndim != 3 or not maps.size:
        raise ValueError(f"maps must be (N, H, W) and not empty, got {maps.shape}")
    if masks.shape != maps.shape:
        raise ValueError(f"masks must be as the maps, {maps.shape}, got {masks.shape}")
    _check_finite(maps)
    return maps, masks


def _check_finite(maps: np.ndarray) -> None:
    bad = sum(int((~np.isfinite(one)).sum()) for one in maps)  # an image at a time: little memory
    if bad:
        raise ValueError(f"maps must be finite, got {bad} pixels that are not")


def _sorted_normal(normal: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """All pixels (P,) of normal maps (M, H, W), sorted, if they are of the size of ``maps``."""
    if normal.ndim != 3 or not normal.size or normal.shape[1:] != maps.shape[1:]:
        size = ", ".join(map(str, maps.shape[1:]))
        raise ValueError(f"normal maps must be (M, {size}) with M > 0, got {normal.shape}")
    _check_finite(normal)
    return np.sort(normal, None)


def _split(maps: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of the normal pixels, sorted, and of the strange ones, in the order of the masks."""
    strange = maps[masks]
    if not 0 < len(strange) < maps.size:
        raise ValueError(f"{len(strange)} of {maps.size} pixels are strange: both must be there")
    normal = maps[~masks]
    normal.sort()
    return normal, strange


def _rates(normal: np.ndarray, strange: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False-positive rates (P,) between which each strange pixel (P,) comes to be flagged.

    The shares of the sorted normal pixels that lie above it, and that do not lie below it: they
    differ where some are tied with it.
    """
    order = np.argsort(strange)  # neighbours are looked up in neighbouring memory
    asked = strange[order]
    begins, ends = np.empty(len(strange)), np.empty(len(strange))
    begins[order] = len(normal) - np.searchsorted(normal, asked, "right")
    ends[order] = len(normal) - np.searchsorted(normal, asked, "left")
    return begins / len(normal), ends / len(normal)


def _areas(begins: np.ndarray, ends: np.ndarray, limit: float) -> np.ndarray:
    """How much of the rates 0 to ``limit`` each pixel (P,) is flagged in, rising where tied."""
    if not 0 < limit <= 1:
        raise ValueError(f"limit must lie above 0 and up to 1, got {limit}")
    width = np.clip(limit - begins, 0, None)
    tied = np.minimum(width, ends - begins)  # the part of it in which the curve rises
    rising = np.divide(tied, ends - begins, out=np.ones_like(width), where=ends > begins)
    return width - tied + tied * rising / 2


def _logarithmic(begins: np.ndarray, ends: np.ndarray, low: float, high: float) -> np.ndarray:
    """As `_areas`, over the rate's logarithm between two bounds, as a share of that: (P,)."""
    full = np.log(high / np.clip(ends, low, high))  # where the pixel is flagged for certain
    a, b = np.clip(begins, low, high), np.clip(ends, low, high)
    # The integral of (f - begins) / (ends - begins) over d log f, from a to b.
    rise = (b - a) - begins * np.log(b / a)
    tied = np.divide(rise, ends - begins, out=np.zeros_like(rise), where=ends > begins)
    return (full + tied) / np.log(high / low)


def _region_weights(masks: np.ndarray) -> tuple[np.ndarray, int]:
    """Of each strange pixel (P,) its share of its region, and that one's of all; their number."""
    found: list[np.ndarray] = []
    regions = 0
    for mask in masks:
        if mask.any():
            labels = regions_of(mask)[mask]
            sizes = np.bincount(labels)
            found.append(1 / sizes[labels])
            regions += len(sizes) - 1
    return np.concatenate(found or [np.zeros(0)]) / max(regions, 1), regions


def _best_f1(normal: np.ndarray, strange: np.ndarray) -> tuple[float, float]:
    """The best F1, and its threshold: one of the strange pixels, for between them it falls."""
    ordered = np.sort(strange)
    thresholds = np.unique(ordered)[::-1]
    hits = len(ordered) - np.searchsorted(ordered, thresholds, "left")
    alarms = len(normal) - np.searchsorted(normal, thresholds, "left")
    f1 = 2 * hits / (hits + alarms + len(ordered))
    best = int(f1.argmax())
    return float(f1[best]), float(thresholds[best])
