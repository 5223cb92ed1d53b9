"""What a few known anomalies buy: ESAD beside Deep SAD, by the share of them in training.

One class is normal, the nine others are strange; the known anomalies are of one of these nine. A
network is trained once for a class; arms are networks and what is read off them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from core.data.splits import labelled_class, semi_supervised_rows
from core.data.stream import Stream
from core.detectors._base import Detector
from core.detectors.deep_sad import DeepSAD
from core.detectors.esad import ESAD
from core.nn.autoencoding import ConvEncoder
from core.results import Published, Setting, StudyResult
from core.shape import Shape
from core.studies._base import Arm, Case, Ready, fit_here
from core.studies._one_class import SHAPE, OneClass, images_of

__all__ = ["NETWORKS", "PUBLISHED", "SHARES", "FewLabels", "Network", "OneEncoder"]

SHARES = (0.0, 0.01, 0.05, 0.10, 0.20)  # of known anomalies among all training images
POLLUTED = 0.10  # the share beside which unlabelled images are polluted, and by how much
POLLUTION = 0.05
SOURCE = "Huang et al. 2021, as quoted by AGAD (Shi, Zhang), table 2; over ten normal classes"


BATCH = {"esad": 32, "one-encoder": 32, "deep_sad": 64}  # images: what faults chose for each


class OneEncoder(ESAD):
    """One encoder in both places, as plain ports have it: an arm of a study, not the method."""

    def __init__(self, config: ESAD.Config, shape: Shape) -> None:
        super().__init__(config, shape)
        del self.second_encoder

    @property
    def second_encoder(self) -> ConvEncoder:  # type: ignore[override]
        return self.encoder


KINDS: Mapping[str, type[Detector]] = {"esad": ESAD, "deep_sad": DeepSAD, "one-encoder": OneEncoder}
TITLES = {"esad": "ESAD", "deep_sad": "Deep SAD"}
READINGS = {  # of ESAD, beside the paper's score
    "reconstruction": "reconstruction error",
    "norm": "length of the code",
}


@dataclass(frozen=True)
class Network:
    """What is trained, once for each class of each set.

    Attributes:
        kind: a key of `KINDS`.
        share: of known anomalies among all training images.
        pollution: of unlabelled images, that are of the other classes.
        draw: which of the drawn classes is known.
        changes: settings that differ from the method's.
    """

    kind: str
    share: float = 0.0
    pollution: float = 0.0
    draw: int = 0
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Such as "esad-10-polluted"."""
        ends = ("-polluted" if self.pollution else "") + ("-second" if self.draw else "")
        return f"{self.kind}-{100 * self.share:02.0f}{ends}" + "-l10" * (self.changes == HEAVY)

    @property
    def how(self) -> str:
        """The share, for people, and what else is special."""
        known = f"{100 * self.share:.0f} % known anomalies"
        polluted = f", unlabelled polluted by {100 * self.pollution:.0f} %"
        ends = ", another known class" * bool(self.draw) + ", l1 = 10" * (self.changes == HEAVY)
        return known + polluted * bool(self.pollution) + ends

    @property
    def unknowing(self) -> Network:
        """The same without known anomalies, and without pollution."""
        return dataclasses.replace(self, share=0.0, pollution=0.0, draw=0)


HEAVY = {"norm_weight": 10.0}  # l1: better by faults without known anomalies, worse with 10 %
WEIGHED = (0.0, 0.01, 0.10)  # shares at which that is measured
PLAIN = {  # plainer readings of the formula, each worse
    "one-encoder": Network("one-encoder"),
    "mean-error": Network("esad", changes={"error": "mean"}),
}


def _networks(more: bool) -> Mapping[str, Network]:
    both = ("esad", "deep_sad")
    every = [Network(kind, share) for share in SHARES for kind in both]
    every += [Network(kind, POLLUTED, pollution=POLLUTION) for kind in both]
    every += [Network("esad", share, changes=HEAVY) for share in WEIGHED]
    if more:
        every += [Network(kind, share, draw=1) for share in SHARES[1:] for kind in both]
    return {network.name: network for network in every} | PLAIN


NETWORKS = _networks(more=False)


# The arms -----------------------------------------------------------------------------------------


def _arms(networks: Mapping[str, Network]) -> Iterable[Arm]:
    """Every network by its paper's score; those of ESAD by other readings, too."""
    for name, network in networks.items():
        if network.kind == "deep_sad":
            weights = _weights(DeepSAD(DeepSAD.Config(), SHAPE))
            text = f"{network.how}; {weights} weights"
            yield _arm(name, f"Deep SAD, {network.how}", text, network=network, part="distance")
            continue
        title, text = f"ESAD, {network.how}", f"{network.how}; the paper's score"
        if name in PLAIN:
            title, text = PLAIN_WORDS[name]
        weights = _weights(KINDS[network.kind](_config(network), SHAPE))
        text = f"{text}; {weights} weights"
        yield _arm(name, title, text, network=network, part="sum")
        for part, reading in READINGS.items():
            text = f"the same network, by its {reading}"
            yield _arm(f"{name}-{part}", f"{title}: {reading}", text, network=network, part=part)


PLAIN_WORDS = {
    "one-encoder": (
        "One encoder, no known anomalies",
        "one encoder in both places: its code must tell images apart, and be short at once; error "
        "and length are both worse",
    ),
    "mean-error": (
        "Error in the mean, no known anomalies",
        "the error in the mean over 784 pixels, not their sum, weighs next to nothing beside the "
        "other terms: pictures are rebuilt badly, and their error drags the sum below the length",
    ),
}


def _arm(name: str, title: str, text: str, *, network: Network, part: str) -> Arm:
    shares = name.removesuffix(f"-{part}")
    return Arm(name, title, text, {**dataclasses.asdict(network), "part": part}, shares=shares)


def _weights(detector: Detector) -> str:
    return f"{sum(p.numel() for p in detector.parameters()):,}"


def _config(network: Network, **changes: Any) -> Any:
    return KINDS[network.kind].Config(
        **{"data": "train+labelled", **network.changes, **changes}  # type: ignore[arg-type]
    )


# Published ----------------------------------------------------------------------------------------

PUBLISHED: Mapping[str, Mapping[str, tuple[tuple[float, float], ...]]] = {  # in %, by SHARES
    "MNIST": {
        "esad": ((98.5, 1.3), (99.2, 0.7), (99.4, 0.3), (99.5, 0.4), (99.6, 0.3)),
        "deep_sad": ((92.8, 4.9), (96.4, 2.7), (96.7, 2.3), (96.9, 2.3), (96.9, 2.4)),
    },
    "FashionMNIST": {
        "esad": ((94.0, 4.5), (95.3, 4.2), (95.6, 4.1), (95.8, 4.0), (95.9, 4.0)),
        "deep_sad": ((89.2, 6.2), (90.0, 6.4), (90.5, 6.5), (91.3, 6.0), (91.0, 5.5)),
    },
}


def _published() -> Iterable[Published]:
    for data, methods in PUBLISHED.items():
        for kind, values in methods.items():
            for share, (value, std) in zip(SHARES, values, strict=True):
                name = Network(kind, share).name
                fractions = {"value": round(value / 100, 4), "std": round(std / 100, 4)}
                yield Published(arm=name, data=data, **fractions, source=SOURCE)


# The study ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FewLabels(OneClass):
    """What is computed on what; what was looked at before is told in ``choice``.

    Attributes:
        sets: public sets.
        more: a second class of known anomalies, too.
        changes: settings of all networks of a kind.
    """

    title: ClassVar[str] = "A few labels: one class normal, nine strange, the mean over ten classes"
    question: ClassVar[str] = "What do a few known anomalies buy?"
    text: ClassVar[str] = (
        "ESAD beside Deep SAD, of the same layers and about as many weights. One class is normal, "
        "each in turn; known anomalies are of one other class, drawn by seed (the published "
        "protocol takes the mean over all nine), and make up 0 to 20 % of all training images. "
        "Labelled and unlabelled images are disjoint."
    )
    over: ClassVar[str] = "ten classes"
    covers: ClassVar[str] = "they cover test images, not training seeds or other known classes"
    choice: ClassVar[str] = (
        "nothing here: rates, sizes, epochs and weights of terms were set before, by synthetic "
        "faults of held-out normal images of five classes, fifteen settings for each of the two. "
        "But a first table on test images, with ESAD's l1 = 10 that faults without known anomalies "
        "had chosen, was worse at 10 % than at 1 %; that is why l1 was looked at again, and faults "
        "with 10 % of them then chose the source's 1. Deep SAD had no such second look"
    )

    sets: tuple[str, ...] = ("MNIST", "FashionMNIST")
    more: bool = False
    changes: Mapping[Literal["esad", "deep_sad"], Mapping[str, Any]] = dataclasses.field(
        default_factory=dict
    )

    @property
    def networks(self) -> Mapping[str, Network]:
        return _networks(self.more)

    @property
    def arms(self) -> tuple[Arm, ...]:
        return tuple(_arms(self.networks))

    @property
    def contrasts(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]
        """ESAD beside Deep SAD, and each beside itself without known anomalies."""
        esad = self._of("esad")
        names = [(n.name, dataclasses.replace(n, kind="deep_sad").name) for n in esad]
        gains = [(n.name, n.unknowing.name) for n in (*esad, *self._of("deep_sad")) if n.share]
        return (*names, *gains, *((n.name, other.name) for n, other in self._weighed()))

    def _of(self, kind: str) -> list[Network]:
        """Networks of a kind as it ships."""
        return [n for n in self.networks.values() if n.kind == kind and not n.changes]

    def _weighed(self) -> list[tuple[Network, Network]]:
        """Each network of l1 = 10, and the one that is alike in all else."""
        every = [n for n in self.networks.values() if n.kind == "esad" and n.changes == HEAVY]
        return [(n, dataclasses.replace(n, changes={})) for n in every]

    @property
    def published(self) -> tuple[Published, ...]:
        return tuple(_published())

    def wider(self) -> FewLabels:
        return dataclasses.replace(self, more=True)

    def fixed(self) -> Mapping[str, Any]:
        """Both detectors with their lengths and sizes."""
        detectors = {kind: self._build(Network(kind)) for kind in TITLES}
        return {
            "config": {k: dataclasses.asdict(d.config) for k, d in detectors.items()},
            "batch_size": BATCH,
            "calibration": self.calibration,
            "shapes": {
                kind: {k: list(v.shape) for k, v in detector.state_dict().items()}
                for kind, detector in detectors.items()
            },
        }

    # Networks -----------------------------------------------------------------------------------

    def streams(self, network: Network, case: Case) -> Mapping[str, Stream]:
        """What a network learns from: unlabelled images, and these with known anomalies."""
        images, labels = images_of(case.data, True)
        normal, classes = int(case.variant), int(labels.max()) + 1
        known = labelled_class(normal, classes, seed=self.seed, draw=network.draw)
        rows = semi_supervised_rows(
            labels,
            self.split(case.data)[0],
            normal=normal,
            labelled=known,
            share=network.share,
            pollution=network.pollution,
            seed=self.seed,
        )
        unlabelled = np.concatenate([rows.normal, rows.polluting])
        every = np.concatenate([unlabelled, rows.labelled])
        n, size = len(unlabelled), BATCH[network.kind]
        kind = np.repeat(np.array([0, -1], np.int8), [n, len(rows.labelled)])
        return {
            "train": Stream(images[unlabelled], kind[:n], labels[unlabelled], size),
            "train+labelled": Stream(images[every], kind, labels[every], size),
        }

    def build(self, shares: str, case: Case) -> Mapping[str, Tensor]:
        """A network's tensors by their names."""
        network = self.networks[shares]
        detector = self._build(network)
        fit_here(detector, self.streams(network, case), seed=self.seed, device=self.device)
        return {name: value.contiguous() for name, value in detector.state_dict().items()}

    def _build(self, network: Network) -> Detector:
        torch.manual_seed(self.seed)
        changes = self.changes.get("deep_sad" if network.kind == "deep_sad" else "esad", {})
        return KINDS[network.kind](_config(network, **changes), SHAPE)

    def ready(
        self, arm: Arm, setting: Setting, *, stream: Stream, shared: Mapping[str, Tensor]
    ) -> Ready:
        """The arm's network as it was trained."""
        detector = self._build(self.networks[arm.shares])
        detector.load_state_dict(shared)
        return Ready(detector.eval().requires_grad_(False), arm.changes["part"])

    def worth(self, arm: Arm, case: Case, *, shared: Mapping[str, Tensor]) -> list[float]:
        """Nothing: there is one setting.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("no arm has anything to choose")

    def scores(
        self, arm: Arm, setting: Setting, *, case: Case, shared: Mapping[str, Tensor]
    ) -> np.ndarray:
        return self.parts(arm, setting, case=case, shared=shared)[arm.changes["part"]]

    # What follows -------------------------------------------------------------------------------

    def notes(self, result: StudyResult) -> tuple[str, ...]:
        """ESAD beside Deep SAD; what labels buy; the sum and its better part; the published."""
        esad = self._of("esad")
        beside = [(n, dataclasses.replace(n, kind="deep_sad")) for n in esad]
        both = (*esad, *self._of("deep_sad"))
        gains = [n for n in both if n.share == POLLUTED]
        return (
            f"ESAD less Deep SAD: {_listed(result, beside)}.",
            *(
                f"{TITLES[n.kind]} with {n.how}, less without known anomalies"
                f"{' and without pollution' * bool(n.pollution)}: "
                f"{_both(result, n.name, n.unknowing.name)}."
                for n in gains
            ),
            f"ESAD of l1 = 10, less that of the source's 1: {_listed(result, self._weighed())}.",
            *(_sum_and_parts(result, data, esad) for data in self.sets),
            *(_beside_published(result, data) for data in self.sets),
        )


def _listed(result: StudyResult, pairs: Iterable[tuple[Network, Network]]) -> str:
    return "; ".join(
        f"{n.how.removesuffix(', l1 = 10')}: {_both(result, n.name, other.name)}"
        for n, other in pairs
    )


def _both(result: StudyResult, arm: str, other: str) -> str:
    """One arm less another on each set, with its interval."""
    each = {title: result.contrast(arm, other, data=data) for data, title in result.data.items()}
    return ", ".join(
        f"{title} {c.value:+.3f} ({c.low:+.3f} to {c.high:+.3f})" for title, c in each.items()
    )


def _sum_and_parts(result: StudyResult, data: str, networks: Iterable[Network]) -> str:
    """How far ESAD's sum lies below its better part, at most; and that of the plain formula."""
    gaps = {n.name: _gap(result, data, n.name) for n in networks}
    worst = max(gaps, key=gaps.__getitem__)
    plain = " and ".join(
        f"{_gap(result, data, name):+.3f} ({result.arm(name).title.lower()})" for name in PLAIN
    )
    where = result.arm(worst).title
    ahead = (
        f"the better of ESAD's two parts is ahead of their sum by {gaps[worst]:+.3f} ({where})"
        if gaps[worst] > 0
        else "the sum of ESAD's two parts is never below the better one, at any share"
    )
    return (
        f"On {result.data[data]}, in the mean over classes, {ahead}. Better part less sum, of "
        f"plainer readings: {plain}."
    )


def _gap(result: StudyResult, data: str, name: str) -> float:
    """The better part's mean AUROC less the sum's."""
    parts = [result.row(f"{name}-{part}", data).value for part in ("reconstruction", "norm")]
    return max(parts) - result.row(name, data).value


def _beside_published(result: StudyResult, data: str) -> str:
    told = [
        f"{result.arm(p.arm).title} {100 * (result.row(p.arm, data).value - p.value):+.1f}"
        for p in result.published
        if p.data == data
    ]
    return f"On {result.data[data]}, less the published mean, in points: {'; '.join(told)}."
