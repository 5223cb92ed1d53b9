"""One Gaussian of whole pictures: which values are usual, and which of them go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Gaussian"]

ROWS = 2000  # that are measured at once


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution: W (x - m) is white.

    Attributes:
        mean: m, (D,).
        whiten: W, (D, D); W^T W is the inverse covariance.
    """

    mean: np.ndarray
    whiten: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, *, ridge: float) -> Gaussian:
        """The Gaussian of values (N, D), with ``ridge`` added to each variance.

        Raises:
            ValueError: values are not (N, D) with N > 1, or the ridge is not positive.

        Example:
            >>> corners = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
            >>> Gaussian.of(corners, ridge=1e-9).mean.tolist()
            [1.0, 1.0]
        """
        if values.ndim != 2 or len(values) < 2:
            raise ValueError(f"values must be (N, D) with N > 1, got {values.shape}")
        if not ridge > 0:
            raise ValueError(f"the ridge must be positive, got {ridge}")
        mean = values.mean(0, dtype=np.float64)
        apart = (values - mean).astype(np.float32)
        covariance = (apart.T @ apart).astype(np.float64) / (len(values) - 1)
        covariance.flat[:: len(covariance) + 1] += ridge
        whiten = np.linalg.inv(np.linalg.cholesky(covariance))
        return cls(mean.astype(np.float32), whiten.astype(np.float32))

    def distances(self, values: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distances (N,) of values (N, D): the larger, the less likely.

        Example:
            >>> corners = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
            >>> gaussian = Gaussian.of(corners, ridge=1e-9)
            >>> gaussian.distances(np.array([[1.0, 1.0], [3.0, 1.0]])).round(2).tolist()
            [0.0, 3.0]
        """
        pieces = [
            np.square((values[start : start + ROWS] - self.mean) @ self.whiten.T).sum(
                1, dtype=np.float64
            )
            for start in range(0, len(values), ROWS)
        ]
        return np.concatenate(pieces) if pieces else np.zeros(0)
