"""What cards and pages say of Deep SAD: its paper, where we leave it, its part and its limits."""

from __future__ import annotations

from collections.abc import Mapping

from core.detectors._base import Paper, Part

__all__ = ["LIMITS", "PAPER", "PARTS"]

PAPER = Paper(
    title="Deep Semi-Supervised Anomaly Detection",
    authors="Lukas Ruff, Robert A. Vandermeulen, Nico Görnitz, Alexander Binder, Emmanuel Müller, "
    "Klaus-Robert Müller, Marius Kloft",
    year=2020,
    url="https://arxiv.org/abs/1906.02694",
    deviations=(
        "Networks have ESAD's layers, a little wider, so that the two have about as many weights; "
        "the authors' are smaller on digits and larger on garments.",
        "Sized to two cores: eight epochs along a cosine, after eight of the autoencoder; the "
        "authors train for 150, at a tenth of the rate from the 50th, after as many.",
        "The centre is the mean code without known anomalies; the authors' code has them in it.",
        "Labelled and unlabelled images are disjoint; in the authors' loader they are not.",
        "Weights are rounded to 16 bits after training.",
    ),
    bibtex="@inproceedings{ruff2020deep,\n"
    "  title = {Deep Semi-Supervised Anomaly Detection},\n"
    '  author = {Ruff, Lukas and Vandermeulen, Robert A. and G{\\"o}rnitz, Nico and Binder, '
    'Alexander and M{\\"u}ller, Emmanuel and M{\\"u}ller, Klaus-Robert and Kloft, Marius},\n'
    "  booktitle = {ICLR},\n"
    "  year = {2020}\n"
    "}",
)
LIMITS = (
    "Without known anomalies it is Deep SVDD: nothing but early stopping keeps all images from "
    "being drawn to the centre.",
    "One class of known anomalies says little of others: compare the figures of known and "
    "never-seen anomalies.",
)
PARTS: Mapping[str, Part] = {
    "distance": Part(
        "Distance to the centre",
        "squared",
        "Squared distance of the image's code to the centre of the normal ones.",
    ),
}
