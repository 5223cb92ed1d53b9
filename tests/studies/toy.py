"""A second study, all of it: is a picture told apart better by the mean picture than by its light?

Tests add this folder to `core.studies`, so that it stands there as any study would.
"""

from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from core.data.picture import as_tensor
from core.data.stream import Stream
from core.studies._base import Arm, Case, Ready, Trained

POWERS = [{"power": 0.5}, {"power": 2.0}]


def pictures(n, *, seed):
    """Grained squares (n, 12, 12, 1), a little lighter from class to class, and their classes."""
    rng, labels = np.random.default_rng(seed), np.arange(n) % 3
    light = 80 + 12 * labels[:, None, None, None] + rng.normal(0, 8, (n, 1, 1, 1))
    return rng.normal(light, 12, (n, 12, 12, 1)).clip(0, 255).astype(np.uint8), labels


class Toy(Trained):
    title, question, text = "Toy", "Does the mean picture help?", "Two scores without training."
    titles: ClassVar = {"squares": "grained squares"}
    over = "two classes"
    arms = (
        Arm("mean", "far from the mean", "distance to the mean picture", {}, POWERS, "mean"),
        Arm("light", "light", "how light the picture is", {}),
    )
    cases = (Case("squares", "0"), Case("squares", "1"))
    tuning = (Case("squares", "0"),)

    def fixed(self):
        return {"size": 12}

    def training(self, case):
        images, labels = pictures(300, seed=1)
        mine = images[labels == int(case.variant)]
        n = len(mine) - 20
        return Stream(mine[:n], np.ones(n, np.int8), np.zeros(n, np.int64), 16), mine[n:]

    def test(self, data):
        return pictures(120, seed=2)

    def share(self, shares, stream):
        return {"mean": as_tensor(stream.images).mean(0)}

    def ready(self, arm, setting, *, stream, shared):
        def parts(x):
            if not shared:
                return {"score": x.mean((1, 2, 3))}
            return {"score": (x - shared["mean"]).abs().pow(setting["power"]).mean((1, 2, 3))}

        return Ready(SimpleNamespace(parts=parts), "score")
