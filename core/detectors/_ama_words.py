"""What cards and pages say of AMA: its paper, where we leave it, its parts and its limits."""

from __future__ import annotations

from collections.abc import Mapping

from core.detectors._base import Paper, Part

__all__ = ["ANOMALIES", "CRITIC", "KIND", "LIMITS", "OTHER_KINDS", "PAPER", "PARTS"]

PAPER = Paper(
    title="Unsupervised Anomaly Detection with Adversarial Mirrored AutoEncoders",
    authors="Gowthami Somepalli, Yexin Wu, Yogesh Balaji, Bhanukiran Vinzamuri, Soheil Feizi",
    year=2021,
    url="https://arxiv.org/abs/2003.10713",
    deviations=(
        "Sized to two cores: smaller networks without batch norm, a code of 16 to 64 numbers, "
        "batches of 16, Adam at 1e-3, falling to 0 over the second half.",
        "The gradient penalty takes the norm over channels and pixels, where the authors' code "
        "takes it over channels alone; it is taken at a random quarter of the critic's steps and "
        "counts four times there.",
        "Atypical codes are drawn anew at every step, half of them inward, half outward.",
        "Simplex interpolation asks one of its three corners, drawn at random, where the authors' "
        "code takes the mean over all three; and its gradient reaches encoder and generator, "
        "which their code cuts off.",
        "No anomaly was used, in training or to choose anything; the authors' commands train with "
        "a tenth of true anomalies and choose the epoch by others.",
        "The parts 'Critic features, whole' and its untrained control are ours.",
        "Weights are rounded to 16 bits after training.",
    ),
    bibtex="@inproceedings{somepalli2021ama,\n"
    "  title = {Unsupervised Anomaly Detection with Adversarial Mirrored AutoEncoders},\n"
    "  author = {Somepalli, Gowthami and Wu, Yexin and Balaji, Yogesh and Vinzamuri, Bhanukiran "
    "and Feizi, Soheil},\n"
    "  booktitle = {UAI},\n"
    "  year = {2021}\n"
    "}",
)
ANOMALIES = (  # the deviation of another weight than the paper's
    "In training, what is atypical weighs as much as {weight:g} of what is normal, where the "
    "paper's anomalies weigh as much as {paper:g}: chosen on synthetic faults of held-out normal "
    "images."
)
CRITIC = {  # the deviation that hangs on the config
    "mirrored": (),
    "ordinary": (
        "An ordinary Wasserstein critic, that sees the picture or its mirror, not both: an arm of "
        "a study, not the paper's method.",
    ),
}
LIMITS = (
    "The longer it learns, the better it mirrors strange images, too.",
    "The two-sided score finds images strange that are mirrored better than usual, too; where none "
    "of the strange are, it is the poorer of the two.",
    "An untrained critic's features tell much already: 'Critic features, untrained' is the "
    "control.",
)
KIND = "share of each cell of the critic"
OTHER_KINDS = {  # of parts that the critic has no say in
    "reconstruction": "share of each pixel",
    "latent_norm": "pixel times gradient",
}
PARTS: Mapping[str, Part] = {
    "two_sided": Part(
        "Mirror distance, two-sided",
        "s.d.",
        "How far the distance to the mirror lies from that of training images, on either side: "
        "the paper's score.",
    ),
    "one_sided": Part(
        "Mirror distance",
        "feature sum",
        "How much the critic's features of the picture beside itself differ from those of the "
        "picture beside its mirror.",
    ),
    "features": Part(
        "Critic features, whole",
        "s.d.",
        "The same difference, each feature and how they vary together weighed by training images. "
        "Ours, not the paper's.",
    ),
    "features_untrained": Part(
        "Critic features, untrained",
        "s.d.",
        "The same with a critic that never learned: the control.",
    ),
    "reconstruction": Part(
        "Pixel error",
        "of 1",
        "Mean difference of picture and mirror, pixel by pixel, of pictures from 0 to 1.",
    ),
    "latent_norm": Part(
        "Length of the code",
        "length",
        "How far from the origin the picture's code lies.",
    ),
}
