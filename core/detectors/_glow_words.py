"""What cards and pages say of Glow: its paper, where we leave it, its parts and its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.detectors._base import Paper, Part
from core.detectors._seen import seen_shape
from core.nn.controls import scale_cells
from core.shape import Shape

__all__ = [
    "PAPER",
    "PARTS",
    "auxiliary_models",
    "deviations",
    "limits",
    "scale_name",
    "scale_names",
    "scale_parts",
]

MINUTES = (
    "Minutes instead of 250 epochs, batches of 32 to 96, no shifted images; started from a "
    "general model's weights, as in the paper, where the config names one in starts_from."
)
SHIFTED = MINUTES.replace(
    "no shifted images", "images shifted by whole pixels, the outermost ones repeated"
)

PAPER = Paper(
    title="Understanding Anomaly Detection with Deep Invertible Networks through Hierarchies "
    "of Distributions and Features",
    authors="Robin Tibor Schirrmeister, Yuxuan Zhou, Tonio Ball, Dan Zhang",
    year=2020,
    url="https://arxiv.org/abs/2006.10848",
    deviations=(
        "Adamax at 2e-3 decaying linearly to 0 after 1 % warm-up, gradient norm clipped at 5, "
        "no weight decay; the paper has 5e-4, weight decay 5e-5 and no decay.",
        MINUTES,
        "Scored with dequantisation noise that is the same for all images; the authors' figures "
        "come from noise drawn anew. This and the start from a general model were found better "
        "than the middle of the bin and random weights on Fashion-MNIST, by looking at digits and "
        "turned garments, then confirmed on synthetic faults.",
        "The background model (Ren et al. 2019), of normal images with noise in their "
        "pixels and L2 weight decay on its kernels, is no part of the paper; nor is its ratio. It "
        "starts from the general model's weights as the model of normal images does.",
        "The margin baseline's gap is 1 bit per dimension, our choice.",
        "Coupling networks are trained in bfloat16; latents, log-determinants and all "
        "scoring are float32.",
        "`typicality`, the two-sided distance of the scales' contributions, is ours.",
        "`complexity` subtracts the image's PNG size (Serra et al. 2020): a compressor as the "
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
        text="How unusual the scales' contributions are together, too cheap counted as "
        "well as too expensive.",
    ),
    "ratio_general": Part(
        "Ratio to general",
        "nats",
        display_unit="bits per dimension",
        text="What the flow pays beyond a flow of general images: simplicity, cheap "
        "to both, cancels out.",
    ),
    "ratio_background": Part(
        "Ratio to background",
        "nats",
        display_unit="bits per dimension",
        text="What the flow pays beyond a flow that learned the same images with noise in "
        "their pixels: what noise leaves alone, such as a black background, cancels out.",
    ),
}
LIMITS = {
    "plain": "Without an outlier loss the full likelihood finds simple pictures likely, whatever "
    "they show: a low `total` does not mean normal.",
    "general": "Learned general images, not the normal ones: its full likelihood says how little "
    "an image resembles those.",
    "outliers": "Its outlier loss has seen general images: what resembles neither them nor normal "
    "ones it may find hardly better than without.",
    "control": "A control to compare flows with, not a detector to rely on.",
    "scales": "Per-scale contributions say which scale pays, not which pixels are at fault: their "
    "maps have cells of several pixels, at the coarsest scale the largest.",
    "dense": "It cannot say where: its map is one value.",
}
SCALES = {  # by place: what a scale contributes
    "finest": "What the finest scale contributes: edges, texture, noise.",
    "middle": "What a middle scale contributes: parts and strokes.",
    "coarsest": "What the coarsest scale contributes: the shape as a whole.",
}


def scale_name(rows: int, columns: int) -> str:
    """The part's name of a scale whose latent has cells in so many rows and columns.

    Example:
        >>> scale_name(4, 4), scale_name(6, 8)
        ('scale_4', 'scale_6x8')
    """
    return f"scale_{rows}" if rows == columns else f"scale_{rows}x{columns}"


def scale_names(config: Any, shape: Shape) -> list[str]:
    """Names of the scales' parts by a ``Glow.Config`` as config, finest first; none of a control.

    The shape is of the picture.
    """
    seen = seen_shape(config.side, shape)
    return [scale_name(*cells) for cells in scale_cells(config.flow, seen, scales=config.scales)]


def auxiliary_models(config: Any) -> Mapping[str, str]:
    """Checkpoints that the ratios of this config, a ``Glow.Config``, are to, by role."""
    named = {"general": config.general, "background": config.background}
    return {role: name for role, name in named.items() if name}


def scale_parts(names: Sequence[str]) -> list[Part]:
    """What the scales of these names contribute, finest first."""
    parts = []
    for i, name in enumerate(names):
        cells = name.removeprefix("scale_")
        title = f"{cells if 'x' in cells else f'{cells}x{cells}'} scale"
        place = "coarsest" if i == len(names) - 1 else "middle" if i else "finest"
        parts.append(Part(title, "nats", SCALES[place], display_unit="bits per dimension"))
    return parts


def limits(config: Any) -> tuple[str, ...]:
    """What a flow of this config, a ``Glow.Config``, cannot do; a sentence each."""
    if config.flow != "scales":
        kinds = ["control", "dense"] if config.flow == "dense" else ["control"]
    elif config.data == "general":
        kinds = ["general", "scales"]
    else:
        kinds = ["outliers" if config.outliers else "plain", "scales"]
    return tuple(LIMITS[kind] for kind in kinds)


def deviations(config: Any, shape: Shape, covered: Shape) -> tuple[str, ...]:
    """Where a flow leaves the paper: what all do, and what one of this config does.

    Args:
        config: a ``Glow.Config``.
        shape, covered: of the picture as it sees it, and with the zeros that the flow adds.
    """
    draws = "one draw" if config.draws == 1 else f"the mean of {config.draws} draws"
    flow = f"{config.steps} flow steps a scale and {config.hidden} hidden channels"
    kinds = {
        "scales": f"{flow}, where the paper has 32 and 512.",
        "patches": f"{flow}; patches lie on a fixed grid and are one flow's wherever they lie.",
        "dense": f"Its {config.steps} couplings have two hidden layers of {config.hidden}.",
    }
    said = [kinds[config.flow], f"Its log densities are of {draws} of noise an image."]
    if config.flow != "dense" and config.leaves == "second":
        said.append(
            "The half of the channels that leaves a scale is the one that the last coupling "
            "changed; in the paper's code it is the other. Which is better is unproven: two seeds "
            "of one choice differ by more."
        )
    if covered != shape:
        small, large = (f"{s.height}x{s.width}" for s in (shape, covered))
        said.append(
            f"Images of {small} are padded with zeros to {large}, and bits per dimension count the "
            "padding; the paper resizes them."
        )
    if config.side:
        said.append(
            "Bits per dimension count the averages that it sees, which lie between the 256 levels: "
            "they are a density in steps of 1/256, no length of a code."
        )
    if config.rounded:
        said.append("Weights are rounded to 16 bits after training.")
    always = (SHIFTED if d is MINUTES and config.translations else d for d in PAPER.deviations)
    return (*said, *always)
