"""What cards and pages say of Novelty: its paper, where we leave it, its parts and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.detectors._base import Paper, Part

__all__ = [
    "KIND",
    "LIMITS",
    "PAPER",
    "PARTS",
    "PATCH_DEVIATIONS",
    "PATCH_KIND",
    "PATCH_LIMITS",
    "PATCH_PARTS",
    "RETAKEN",
    "SHORT",
    "TAUGHT",
    "parts_in",
    "pretrained",
]

PAPER = Paper(
    title="Don't Miss Out on Novelty: Importance of Novel Features for Deep Anomaly Detection",
    authors="Sarath Sivaprasad, Mario Fritz",
    year=2023,
    url="https://arxiv.org/abs/2310.00797",
    deviations=(
        "No code and no table was at hand. Familiarity as the distance to the two nearest training "
        "features, novelty as what a B-cos explanation leaves unexplained, and their sum are the "
        "paper's; every equation of novelty and every size is ours.",
        "Four readings of novelty stand side by side; which one the score adds was chosen on "
        "synthetic faults of held-out normal images.",
        "Explanations of normal images are spanned by a few directions, from a sample of training "
        "images; the paper's normal approximation of a background class serves the reading "
        "'background' alone.",
        "The bank holds features of a random sample of training images, not of all.",
        "Inner activations are read as means over a grid of fields.",
        "Weights and spans are rounded to 16 bits after training, the bank to 8.",
    ),
    bibtex="@article{sivaprasad2023novelty,\n"
    "  title = {Don't Miss Out on Novelty: Importance of Novel Features for Deep Anomaly "
    "Detection},\n"
    "  author = {Sivaprasad, Sarath and Fritz, Mario},\n"
    "  year = {2023},\n"
    "  eprint = {2310.00797},\n"
    "  archivePrefix = {arXiv}\n"
    "}",
)
TAUGHT = {  # the deviation that hangs on the config
    "train": "The encoder learned to tell the classes of the normal training images apart: it was "
    "given their labels.",
    "general": "The encoder learned to tell the classes of the general images apart, and its bank "
    "and spans are of these, too.",
    "asked": "The encoder learned to tell classes of general images apart; it never saw a normal "
    "image before its bank and spans were filled.",
}
LIMITS = (
    "What the principal components of raw pixels find as well is no merit of the explanation: "
    "the part 'Familiarity and pixels' is the control, and it is often as good.",
    "Novelty looks at the input in place: a normal object that is moved is novel to it.",
)
KIND = "share of each pixel"
PARTS: Mapping[str, Part] = {
    "sum": Part(
        "Familiarity and novelty",
        "s.d.",
        "Unfamiliarity plus novelty, each in standard deviations of held-out normal images.",
    ),
    "familiarity": Part(
        "Unfamiliarity",
        "distance",
        "How far the encoder's features lie from those of the two nearest training images.",
    ),
    "novelty_input": Part(
        "Novelty of the input",
        "share of length",
        "What of the image lies outside of all that explanations of normal images look at.",
    ),
    "novelty_map": Part(
        "Novelty, pixel by pixel",
        "s.d.",
        "The same for each pixel, against what normal images leave there: the mean excess.",
    ),
    "novelty_inner": Part(
        "Novelty of inner activations",
        "share of length",
        "What of an inner layer lies outside of all that explanations of normal images look at "
        "there.",
    ),
    "novelty_background": Part(
        "Unexplained by 'normal'",
        "share",
        "What the explanation of 'normal, no background' does not account for. A warning: where "
        "one class is normal this reading misleads.",
    ),
    "pixels": Part(
        "Raw pixels (control)",
        "grey levels",
        "What the principal components of raw pixels leave over, without any network.",
    ),
    "sum_pixels": Part(
        "Familiarity and pixels (control)",
        "s.d.",
        "Unfamiliarity plus the raw pixels' rest, each in standard deviations: what the sum is "
        "worth without an explanation.",
    ),
}


def parts_in(channels: int) -> Mapping[str, Part]:
    """The parts, of pictures of so many channels: what is coloured has no grey levels."""
    if channels == 1:
        return PARTS
    return {**PARTS, "pixels": replace(PARTS["pixels"], unit="colour levels")}


# Asked of a pretrained network -------------------------------------------------------------------

PATCH_DEVIATIONS = (
    PAPER.deviations[0],
    "The network is no B-cos network: it is piecewise linear, so that its explanation W(x) x is "
    "exact but for the bias term, which is reported as left over.",
    "Familiarity is read patch by patch, from a coreset of patches; that of the whole image stands "
    "beside it. Which of them the score adds, and which reading of novelty, was chosen on "
    "synthetic faults of held-out normal images.",
    "Explanations of normal images are spanned by a few directions, from a sample of training "
    "images.",
    "Input and raw pixels are taken as means over a grid of 64x64 cells.",
    "Spans are rounded to 16 bits after fitting, the banks to 8.",
)
RETAKEN = (
    "The bank holds patches of copies of training images, too: the same pictures as a camera might "
    "take them another time, a little lighter or darker, flatter or steeper, lit from a side, out "
    "of focus and grained. It is ours, and was chosen on scarred held-out normal images."
)
SHORT = (
    "Activations that are short, as those of a flat background, are not brought to length 1: there "
    "they would be grain alone. It is ours, and was chosen on scarred held-out normal images."
)
PATCH_LIMITS = (
    "Its network learned photographs of ImageNet, and nothing of these images but the bank and the "
    "spans was fitted.",
    "What is right in itself and wrong in its place has familiar patches: it passes.",
    "Of patches the strangest decides: dust beside the object counts as much as a fault on it.",
)
PATCH_KIND = "value of each patch"
PATCH_PARTS: Mapping[str, Part] = {
    "sum": PARTS["sum"],
    "familiarity": Part(
        "Unfamiliar patch",
        "distance",
        "How far the strangest patches lie from the two nearest of training images.",
    ),
    "familiarity_whole": PARTS["familiarity"],
    "novelty_patches": Part(
        "Novelty of patches",
        "share of length",
        "What of the strangest patches lies outside of all that explanations of normal images look "
        "at in patches.",
    ),
    "novelty_input": PARTS["novelty_input"],
    "pixels": PARTS["pixels"],
    "sum_pixels": PARTS["sum_pixels"],
}


def pretrained(backbone: str) -> str:
    """The deviation that names a ``backbone`` whose weights are others' work."""
    return (
        f"The network is {backbone} with the weights of ImageNet, in place of one that learned "
        "on the normal images."
    )
