"""What cards and pages say of ESAD: its paper, where we leave it, its parts and its limits."""

from __future__ import annotations

from collections.abc import Mapping

from core.detectors._base import Paper, Part

__all__ = ["KINDS", "LIMITS", "NONE_KNOWN", "PAPER", "PARTS", "TARGETS"]

PAPER = Paper(
    title="ESAD: End-to-end Deep Semi-supervised Anomaly Detection",
    authors="Chaoqin Huang, Fei Ye, Peisen Zhao, Ya Zhang, Yan-Feng Wang, Qi Tian",
    year=2021,
    url="https://arxiv.org/abs/2012.04905",
    deviations=(
        "No official code was found: losses and score are those of OutlierDetectionNetworks.jl. As "
        "there, the squared error is summed over pixels in training and averaged in the score; "
        "unlike there, and as the paper says, there are two encoders.",
        "Networks are ours, sized to two cores: three strided and three transposed convolutions "
        "with batch norm, a code of 32 numbers, no bias in the encoders; Adam along a cosine.",
        "Weights are rounded to 16 bits after training.",
    ),
    bibtex="@inproceedings{huang2021esad,\n"
    "  title = {ESAD: End-to-end Deep Semi-supervised Anomaly Detection},\n"
    "  author = {Huang, Chaoqin and Ye, Fei and Zhao, Peisen and Zhang, Ya and Wang, Yan-Feng and "
    "Tian, Qi},\n"
    "  booktitle = {BMVC},\n"
    "  year = {2021}\n"
    "}",
)
TARGETS: Mapping[str, tuple[str, ...]] = {  # the deviation that hangs on the config
    "noise": (
        "Known anomalies are to be rebuilt as noise, drawn anew at every step, even in [0, 1]; "
        "the source leaves the noise to its caller.",
    ),
    "noisy": (
        "Known anomalies are to be rebuilt as themselves under Gaussian noise, drawn anew at every "
        "step; the source leaves the noise to its caller.",
    ),
}
NONE_KNOWN = (  # the deviation of a detector that learns from normal images alone
    "It was shown no anomaly, the paper's share 0 of known ones: what it asks of known anomalies "
    "took no part.",
)
LIMITS: Mapping[str, tuple[str, ...]] = {  # by the images that it learned from
    "train": (
        "The two summands have no scale in common: either may weigh next to nothing in the sum.",
    ),
    "train+labelled": (
        "The two summands have no scale in common: the length of the code is the larger one in the "
        "mean, and weighs more, also where the reconstruction error alone would tell more.",
        "One class of known anomalies says little of others: compare the figures of known and "
        "never-seen anomalies.",
    ),
}
KINDS = {
    "sum": "share of each pixel, and rebuilt pixel times gradient",
    "reconstruction": "share of each pixel",
    "norm": "rebuilt pixel times gradient",
}
PARTS: Mapping[str, Part] = {
    "sum": Part(
        "Error plus length",
        "sum",
        "Reconstruction error plus length of the code: the paper's score.",
    ),
    "reconstruction": Part(
        "Reconstruction error",
        "of 1",
        "Mean squared difference of the picture and the rebuilt one, pixel by pixel, of pictures "
        "from 0 to 1.",
    ),
    "norm": Part(
        "Length of the code",
        "length",
        "How long the code is that the second encoder gives the rebuilt picture.",
    ),
}
