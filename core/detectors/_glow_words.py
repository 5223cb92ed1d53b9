"""What cards and pages say of Glow: its paper, where we leave it, its parts and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.detectors._base import Paper, Part

__all__ = ["LIMITS", "PAPER", "PARTS", "deviations"]

PAPER = Paper(
    title="Understanding Anomaly Detection with Deep Invertible Networks through Hierarchies "
    "of Distributions and Features",
    authors="Robin Tibor Schirrmeister, Yuxuan Zhou, Tonio Ball, Dan Zhang",
    year=2020,
    url="https://arxiv.org/abs/2006.10848",
    deviations=(
        "Images of 28x28 are padded with zeros to 32x32; the paper resizes them.",
        "Adamax at 2e-3 decaying linearly to 0 after 1 % warm-up, gradient norm clipped at 5, "
        "no weight decay; the paper has 5e-4, weight decay 5e-5 and no decay.",
        "Minutes instead of 250 epochs, batches of 32 to 96, no shifted images; started from a "
        "general model's weights, as in the paper, where the config names one in starts_from.",
        "Scored with dequantisation noise that is the same for all images; the authors' figures "
        "come from noise drawn anew. This and the start from a general model were found better "
        "than the middle of the bin and random weights by looking at digits and turned garments, "
        "then confirmed on synthetic faults.",
        "The general model learns letters and doodles in place of 80 Million Tiny Images, "
        "which was withdrawn.",
        "The background model (Ren et al. 2019), of garments with noise in their pixels and L2 "
        "weight decay on its kernels, is no part of the paper; nor is its ratio. It starts from "
        "the general model's weights as the model of garments does.",
        "The margin baseline's gap is 1 bit per dimension, our choice.",
        "Coupling networks are trained in bfloat16; latents, log-determinants and all "
        "scoring are float32.",
        "typicality, the two-sided distance of the three scales' contributions, is ours.",
        "complexity subtracts the image's PNG size (Serra et al. 2020): a compressor as the "
        "general model.",
    ),
    bibtex="@inproceedings{schirrmeister2020understanding,\n"
    "  title = {Understanding Anomaly Detection with Deep Invertible Networks through "
    "Hierarchies of Distributions and Features},\n"
    "  author = {Schirrmeister, Robin Tibor and Zhou, Yuxuan and Ball, Tonio and Zhang, Dan},\n"
    "  booktitle = {Advances in Neural Information Processing Systems},\n"
    "  volume = {33},\n"
    "  year = {2020},\n"
    "  eprint = {2006.10848},\n"
    "  archivePrefix = {arXiv}\n"
    "}",
)
PARTS: Mapping[str, Part] = {
    "total": Part(
        "Full likelihood",
        "nats",
        display_unit="bits per dimension",
        text="How unlikely the whole image is. Simple pictures come out likely, whatever they "
        "show.",
    ),
    "scale_16": Part(
        "16x16 scale",
        "nats",
        display_unit="bits per dimension",
        text="What the finest scale contributes: edges, texture, noise.",
    ),
    "scale_8": Part(
        "8x8 scale",
        "nats",
        display_unit="bits per dimension",
        text="What the middle scale contributes: parts and strokes.",
    ),
    "scale_4": Part(
        "4x4 scale",
        "nats",
        display_unit="bits per dimension",
        text="What the coarsest scale contributes: the shape as a whole.",
    ),
    "complexity": Part(
        "Complexity-corrected",
        "bits",
        display_unit="bits per dimension",
        text="Bits of the image under the flow minus the size of its PNG: how much more the "
        "flow pays than a compressor that knows nothing of the normal images.",
    ),
    "typicality": Part(
        "Typicality of the scales",
        "standard deviations",
        text="How unusual the three scales' contributions are together, too cheap counted as "
        "well as too expensive.",
    ),
    "ratio_general": Part(
        "Ratio to general",
        "nats",
        display_unit="bits per dimension",
        text="What the flow pays beyond a flow that learned letters and doodles: simplicity, "
        "cheap to both, cancels out.",
    ),
    "ratio_background": Part(
        "Ratio to background",
        "nats",
        display_unit="bits per dimension",
        text="What the flow pays beyond a flow that learned the same garments with noise in "
        "their pixels: what noise leaves alone, such as the black background, cancels out.",
    ),
}
LIMITS = {
    "random": "Flows of this size that started from random weights and trained for ten minutes "
    "were fooled by digits at every scale; this one starts from the general model's weights.",
    "plain": "Without an outlier loss the full likelihood finds digits likelier than garments: a "
    "low `total` does not mean normal.",
    "general": "Learned no garments: its full likelihood says how little an image resembles "
    "letters and doodles.",
    "outliers": "Its outlier loss has seen letters and doodles: what resembles neither them nor "
    "garments, such as a turned garment, it finds hardly better than without.",
    "control": "A control to compare flows with, not a detector to rely on.",
    "any": "Knows grey pictures of one centred object on black, 28x28 pixels; photographs are "
    "foreign to it in every respect at once.",
    "scales": "Per-scale contributions say which scale pays, not which pixels are at fault: their "
    "maps have cells of 2, 4 and 8 pixels.",
    "dense": "It cannot say where: its map is one value.",
}


def deviations(config: Any) -> tuple[str, ...]:
    """Where a flow of this ``Glow.Config`` leaves the paper: what all do, and what it does."""
    draws = "one draw" if config.draws == 1 else f"the mean of {config.draws} draws"
    flow = f"{config.steps} flow steps a scale and {config.hidden} hidden channels"
    shape = {
        "scales": f"{flow}, where the paper has 32 and 512.",
        "patches": f"{flow}; patches lie on a fixed grid and are one flow's wherever they lie.",
        "dense": f"Its {config.steps} couplings have two hidden layers of {config.hidden}.",
    }
    found = [shape[config.flow], f"Its log densities are of {draws} of noise an image."]
    if config.flow != "dense" and config.leaves == "second":
        found.append(
            "The half of the channels that leaves a scale is the one that the last coupling "
            "changed; in the paper's code it is the other. Which is better is unproven: two seeds "
            "of one choice differ by more."
        )
    return (*found, *PAPER.deviations)
