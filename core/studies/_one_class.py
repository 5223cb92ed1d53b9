"""Studies of arms that are trained on one class of a public set, with all others as strange."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

import numpy as np

from core.data.sources import public_set
from core.data.splits import calibration_split
from core.data.stream import Stream
from core.inference.scoring import parts_of
from core.results import Setting
from core.settings import settings
from core.shape import Shape
from core.studies._base import Arm, Case, Trained

__all__ = ["SHAPE", "OneClass", "images_of"]

SHAPE = Shape(1, 28, 28)  # of both sets


@cache
def images_of(name: str, train: bool) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, H, W, C) uint8 and labels (N,) of the public set ``name``, read once a process.

    Those of ``train`` or those of test.

    Raises:
        DataMissing: they are not in the data folder.
    """
    return public_set(name, settings().data, train=train)


@dataclass(frozen=True)
class OneClass(Trained):
    """Each class of each set is normal in turn.

    Attributes:
        classes: each is normal in turn.
        batch_size: of training.
        calibration: training images of a set that train nothing; those of the class choose.
        held: what arms have from the same pass of one network, made once a process.
    """

    titles: ClassVar[Mapping[str, str]] = {"MNIST": "digits", "FashionMNIST": "garments"}

    classes: tuple[int, ...] = tuple(range(10))
    batch_size: int = 64
    calibration: int = 5000
    held: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    @abstractmethod
    def sets(self) -> tuple[str, ...]:
        """Names of the public sets."""

    @property
    def cases(self) -> tuple[Case, ...]:
        return tuple(Case(data, str(c)) for data in self.sets for c in self.classes)

    def split(self, data: str) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the training images of data: those that train (T,), those held out (C,)."""
        n = len(images_of(data, True)[1])
        return calibration_split(n, calibration=self.calibration, seed=self.seed)

    def training(self, case: Case) -> tuple[Stream, np.ndarray]:
        images, labels = images_of(case.data, True)
        normal = int(case.variant)
        mine, held_out = (images[i[labels[i] == normal]] for i in self.split(case.data))
        n = len(mine)
        return Stream(mine, np.ones(n, np.int8), np.full(n, normal), self.batch_size), held_out

    def test(self, data: str) -> tuple[np.ndarray, np.ndarray]:
        return images_of(data, False)

    def parts(
        self, arm: Arm, setting: Setting, *, case: Case, shared: Mapping[str, Any]
    ) -> Mapping[str, np.ndarray]:
        """Parts (N,) of all test images of a case, made once for all arms of a network.

        An arm's network is ``shared`` tensors of any shape, trained by a setting.
        """

        def parts(setting: Setting) -> Mapping[str, np.ndarray]:
            ready = self.ready(arm, setting, stream=self.training(case)[0], shared=shared)
            return parts_of(ready.detector, self.test(case.data)[0])

        return self.once(parts, arm, setting, case=case)

    def once(
        self, make: Callable[[Setting], Any], arm: Arm, setting: Setting, *, case: Case
    ) -> Any:
        """What all arms of a network have from the same pass over images of a case.

        An arm and a setting name the network; ``make`` is called at most once for them.
        """
        key = make.__name__, arm.shares, tuple(sorted(setting.items())), case
        if key not in self.held:
            self.held[key] = make(setting)
        return self.held[key]
