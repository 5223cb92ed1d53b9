"""What cards and pages say of Outskirts: its paper, where we leave it, its parts and its limits."""

from __future__ import annotations

from collections.abc import Mapping

from core.detectors._base import Paper, Part

__all__ = ["KIND", "LIMITS", "LOGITS", "PAPER", "PARTS"]

KIND = "what the classifiers make of what the reconstruction leaves out"

PAPER = Paper(
    title="Anomaly Detection based on Zero-Shot Outlier Synthesis and Hierarchical Feature "
    "Distillation",
    authors="Adín Ramírez Rivera, Adil Khan, Imad Eddine Ibrahim Bekkouch, Taimoor Shakeel Sheikh",
    year=2022,
    url="https://arxiv.org/abs/2010.05119",
    deviations=(
        "Only the abstract was at hand. Autoencoders of descriptors, one VAE over their codes, "
        "generators on the outskirts of its posteriors and binary classifiers are the paper's; "
        "every equation and every size is ours.",
        "The descriptors are ours: pixels, oriented wavelets, and fixed random filters.",
        "A code holds, beside what the autoencoder encodes, the logarithm of its error in "
        "each of 4x4 regions (after Zong et al. 2018).",
        "Posteriors of a random sample of training images are kept, not of all; centre, "
        "outskirts and generators are those of the sample.",
        "The VAE is taken with its error: a synthetic code is what its latent decodes to, plus "
        "tau times a draw from a Gaussian with the covariance of what the VAE leaves over of the "
        "generators' codes; a normal one is decoded from a draw of its own posterior, plus what "
        "was left over of it.",
        "Classifiers see, beside the code, the logarithm of the VAE's error on it.",
        "A code's numbers share one scale, so that distances stay those of the autoencoder; its "
        "log errors have half their weight.",
        "Weights and posteriors are rounded to 16 bits after training.",
    ),
    bibtex="@article{ramirez2022anomaly,\n"
    "  title = {Anomaly Detection based on Zero-Shot Outlier Synthesis and Hierarchical "
    "Feature Distillation},\n"
    "  author = {Ram{\\'i}rez Rivera, Ad{\\'i}n and Khan, Adil and Bekkouch, Imad Eddine "
    "Ibrahim and Sheikh, Taimoor Shakeel},\n"
    "  journal = {IEEE Transactions on Neural Networks and Learning Systems},\n"
    "  volume = {33},\n"
    "  number = {1},\n"
    "  pages = {281--291},\n"
    "  year = {2022},\n"
    "  eprint = {2010.05119},\n"
    "  archivePrefix = {arXiv}\n"
    "}",
)
LOGITS = {  # the deviation that hangs on the config
    "density": "A classifier's logit is a small net, plus squares of the whitened code with "
    "weights that cannot be negative, minus the log kernel density of the exemplar codes: so "
    "it rises far away in every direction, and wherever no normal code is near. The density is "
    "ours, not the paper's, and no synthetic outlier teaches it.",
    "plain": "A classifier's logit is a small net on the whitened code and no more, taught by "
    "synthetic outliers alone: how we read the paper's binary classifiers.",
}
PARTS: Mapping[str, Part] = {
    "logit": Part(
        "Mean logit",
        "logit",
        text="How sure the classifiers are, on average, that the image is a synthetic outlier "
        "rather than normal.",
    ),
    "logit_pixels": Part("Pixels", "logit", text="The classifier on the code of the pixels."),
    "logit_wavelets": Part(
        "Wavelets", "logit", text="The classifier on the code of waves by direction and phase."
    ),
    "logit_filters": Part(
        "Random filters", "logit", text="The classifier on the code of random filters' answers."
    ),
    "logit_fused": Part(
        "Fused code",
        "logit",
        text="The classifier on the VAE's latent code and on how much of each code it leaves over.",
    ),
    "reconstruction": Part(
        "VAE error",
        "squared standard deviations",
        text="What the VAE does not rebuild of the codes. A control: no synthetic outlier "
        "takes part in it.",
    ),
    "kl": Part(
        "KL to the prior",
        "nats",
        text="How far the image's posterior lies from the VAE's prior. A control as well.",
    ),
}
LIMITS = {
    "any": (
        "Its outliers come from normal images alone: what differs in a way that no descriptor "
        "measures stays unseen.",
        "Logits are no probabilities of a fault: they tell normal images from synthetic outliers.",
        "Its map of a logit runs from its own reconstruction, which may be the stranger of the "
        "two: it shows what tells them apart, not where a fault is.",
    ),
    "density": (
        "Before any training its classifiers order synthetic and normal codes well already, by "
        "how near known codes lie: training moves the border, and adds little to the order.",
    ),
    "plain": (
        "A net goes on as it was where it saw no example: far from normal and synthetic codes "
        "alike, a logit may fall as well as rise.",
    ),
}
