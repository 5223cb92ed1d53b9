"""Images handed out as batches in an order that a seed and an epoch decide."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from core.data.picture import as_tensor
from core.data.views import Images, chunks
from core.detectors._base import Batch

__all__ = ["Stream"]


@dataclass(frozen=True)
class Stream:
    """N images with their kinds and labels, dealt in batches of equal size.

    Attributes:
        images: (N, H, W, C) uint8, an array or a view: a batch of it is read at a time.
        kind: (N,) int8, -1 known anomaly, 0 unlabelled, +1 known normal.
        label: (N,) int, class index, or -1.
        batch_size: images a batch and process; what does not fill the last batch waits an epoch.
    """

    images: Images
    kind: np.ndarray
    label: np.ndarray
    batch_size: int

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.kind) == len(self.label):
            lengths = len(self.images), len(self.kind), len(self.label)
            raise ValueError(f"images, kind and label must be of one length, got {lengths}")
        if len(self.images) < self.batch_size:
            raise ValueError(f"{len(self.images)} images do not fill a batch of {self.batch_size}")

    @cached_property
    def sha256(self) -> str:
        """Of images, kinds and labels, in order."""
        digest = self._of_images.copy()
        for array in (self.kind, self.label):
            digest.update(array.tobytes())
        return digest.hexdigest()

    @property
    def sha256_of_images(self) -> str:
        """Of the pixels alone, in order."""
        return self._of_images.hexdigest()

    @cached_property
    def _of_images(self) -> hashlib._Hash:
        digest = hashlib.sha256()
        for piece in chunks(self.images):
            digest.update(piece.tobytes())
        return digest

    def batches(self, *, world: int = 1) -> int:
        """Batches an epoch that each of ``world`` processes gets, one or more.

        Raises:
            ValueError: there is not one batch for each process.
        """
        count = len(self.images) // (self.batch_size * world)
        if not count:
            raise ValueError(
                f"{len(self.images)} images are no batch of {self.batch_size} for each of {world}"
            )
        return count

    def epoch(self, seed: int, epoch: int, *, rank: int = 0, world: int = 1) -> Iterator[Batch]:
        """The batches of one epoch for one process, that of a rank in a world of so many.

        The same arguments, a seed among them, give the same batches.
        """
        order = self._order(seed, epoch)
        for b in range(self.batches(world=world)):
            start = (b * world + rank) * self.batch_size
            yield self._batch(order[start : start + self.batch_size])

    def whole(self, seed: int) -> Iterator[Batch]:
        """Every image once, in the order of epoch 0 of a seed; the last batch may be smaller."""
        order = self._order(seed, 0)
        for start in range(0, len(order), self.batch_size):
            yield self._batch(order[start : start + self.batch_size])

    def first(self, n: int, seed: int) -> np.ndarray:
        """The first n images (n, H, W, C) of `whole`, of the same seed."""
        return self.images[self._order(seed, 0)[:n]]

    def _order(self, seed: int, epoch: int) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(len(self.images))

    def _batch(self, chosen: np.ndarray) -> Batch:
        return Batch(
            as_tensor(self.images[chosen]),
            torch.from_numpy(self.kind[chosen]),
            torch.from_numpy(self.label[chosen]),
        )
