"""Which training images train and which calibrate, and which of them are known to be anomalies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["SemiSupervised", "calibration_split", "labelled_class", "semi_supervised_rows"]


def calibration_split(n: int, *, calibration: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of n images: those that train, (T,), and those held out to calibrate, (C,).

    They are in a random order that the seed fixes.

    Raises:
        ValueError: calibration is not between 1 and n - 1.

    Example:
        >>> train, held_out = calibration_split(5, calibration=2, seed=0)
        >>> train.tolist(), held_out.tolist()
        ([3, 0, 1], [2, 4])
    """
    if not 0 < calibration < n:
        raise ValueError(f"calibration must be between 1 and {n - 1}, got {calibration}")
    order = np.random.default_rng(seed).permutation(n)
    return order[calibration:], order[:calibration]


def labelled_class(normal: int, classes: int, *, seed: int, draw: int = 0) -> int:
    """The class, of so many, whose images are known anomalies where class ``normal`` is normal.

    Args:
        draw: 0 for the first of the other classes in an order that the seed and ``normal`` fix, 1
            for the second, and so on: draws of one seed differ from each other.

    Raises:
        ValueError: there is no such class, or no such draw.

    Example:
        >>> [labelled_class(4, 10, seed=0, draw=draw) for draw in range(3)]
        [8, 6, 0]
    """
    if not 0 <= normal < classes:
        raise ValueError(f"normal must be one of {classes} classes, 0 to {classes - 1}: {normal}")
    if not 0 <= draw < classes - 1:
        raise ValueError(f"draw must be between 0 and {classes - 2}, got {draw}")
    others = np.delete(np.arange(classes), normal)
    return int(np.random.default_rng([seed, normal]).permutation(others)[draw])


@dataclass(frozen=True)
class SemiSupervised:
    """Indices of the images of a training set; none is in two of the three.

    Attributes:
        normal: (n,), of the normal class, in the order in which they came.
        labelled: (k,), known anomalies.
        polluting: (u,), anomalies among the unlabelled images, that nobody knows of.
    """

    normal: np.ndarray
    labelled: np.ndarray
    polluting: np.ndarray


def semi_supervised_rows(
    labels: np.ndarray,
    rows: np.ndarray,
    *,
    normal: int,
    labelled: int,
    share: float,
    pollution: float = 0.0,
    seed: int,
) -> SemiSupervised:
    """All training images of a normal class, with known and with unknown anomalies.

    Known ones are drawn first, of the class ``labelled``, by the seed: those of a smaller share are
    the first of a larger one's. Unknown ones are of what is left of all classes but ``normal``.

    Args:
        labels: (N,) int, the class of each image.
        rows: (T,) int, images that may train; no other is touched.
        share: of known anomalies among all three, in [0, 1).
        pollution: share of unknown anomalies among the unlabelled, normal ones and they, in [0, 1).

    Raises:
        ValueError: a share out of its range, one class for both, or too few images.

    Example:
        >>> labels, how = np.repeat([0, 1, 2], 8), {"normal": 0, "labelled": 2, "seed": 0}
        >>> found = semi_supervised_rows(labels, np.arange(24), share=0.2, **how)
        >>> found.normal.tolist(), found.labelled.tolist(), found.polluting.tolist()
        ([0, 1, 2, 3, 4, 5, 6, 7], [21, 23], [])
    """
    _check(normal, labelled, share=share, pollution=pollution)
    own = rows[labels[rows] == normal]
    unknown = round(len(own) * pollution / (1 - pollution))
    known = round((len(own) + unknown) * share / (1 - share))
    rng = np.random.default_rng([seed, normal, labelled])
    kind = rng.permutation(rows[labels[rows] == labelled])
    anomalies = _first(known, kind, f"share of {share:g}")
    others = rows[(labels[rows] != normal) & ~np.isin(rows, anomalies)]
    unknowns = _first(unknown, rng.permutation(others), f"pollution of {pollution:g}")
    return SemiSupervised(own, anomalies, unknowns)


def _check(normal: int, labelled: int, **shares: float) -> None:
    if normal == labelled:
        raise ValueError(f"class {normal} cannot be both the normal and the labelled one")
    for name, value in shares.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be in [0, 1), got {value}")


def _first(n: int, images: np.ndarray, words: str) -> np.ndarray:
    if len(images) < n:
        raise ValueError(f"a {words} needs {n} anomalies, {len(images)} of that kind may train")
    return images[:n]
