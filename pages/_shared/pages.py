"""The pages of the app, one row each, and the terms that they use: what a new page is added to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["PAGES", "TERMS", "Page", "row_of", "sheet"]


@dataclass(frozen=True)
class Page:
    """A page of the app.

    Attributes:
        stem: of its script, its address, and what the keys of its controls begin with.
        question: the one that it answers.
        terms: words that it brings in, with their meaning.
        detector: without whose models it shows nothing: whom nothing leads to a scenario finds
            one that has them; "": the first scenario will do.
    """

    stem: str
    title: str
    icon: str
    question: str
    terms: Mapping[str, str] = field(default_factory=dict)
    detector: str = ""

    @property
    def script(self) -> Path:
        return Path(__file__).parents[1] / f"{self.stem}.py"


TERMS = {  # of every page
    "normal, strange": "What the detector was trained on; everything else. Larger scores are stranger, always.",
    "AUROC": "Chance that a strange image scores above a normal one. 1 is perfect, 0.5 a coin, below 0.5 is the wrong way round.",
    "interval": "The range that 95 % of 1,000 resamplings of the test images give. It does not cover other training seeds.",
    "percentile": "Share of held-out normal images that score lower. 50 is an ordinary image, 99 a rare one.",
    "flagged": "Above the threshold that flags 5 % of held-out normal images.",
    "AUPR": "Area under the curve of precision over recall: of all that is called strange, how much is strange, averaged over how much of the strange is found. 1 is perfect. A coin has the share of strange images among all, so it depends on how many there are.",
    "FPR at 95 % TPR": "Share of normal images that are flagged where the threshold is set so that 95 % of the strange ones are found. 0 is perfect, 95 % a coin.",
    "latent code": "The numbers that a detector turns an image into; its latent space holds the codes of all images.",
}

PAGES = (
    Page(
        "overview",
        "Overview",
        ":material/home:",
        "What is normal here, what is strange, and who finds it?",
    ),
    Page(
        "latent",
        "Latent space",
        ":material/scatter_plot:",
        "What does the detector think is near what?",
        {
            "layout": "A flat picture of codes of many numbers: UMAP and t-SNE keep neighbours together, PCA is a shadow. None keeps all distances.",
            "trustworthiness": "1: all that lies close in the picture is close in the latent space. It falls with each of an image's 10 nearest on the map that is none of its true neighbours, the more the farther away that one is. A picture at random has 0.5.",
            "map by keys": "When the map has the focus, `+` and `-` zoom, the arrow keys move it, `0` shows all of it, `L` and `B` take lasso and box, `Esc` puts them away, and `Enter` looks at the image nearest to the middle. A box is selected without a mouse by *By numbers*, an image is found by its name in *Look at*, and legend, bars and pictures are buttons. `Ctrl+Z` takes the last selection back.",
        },
    ),
    Page(
        "outskirts",
        "Outskirts",
        ":material/blur_on:",
        "Where do synthetic outliers come from, and what do they look like?",
        {
            "posterior": "Where an autoencoder of the variational kind (VAE) puts an image: no point, but a small cloud around a mean.",
            "prior": "The one round cloud that all posteriors together are asked to fill.",
            "KL": "How much a posterior differs from the prior, in nats; 0: not at all. A latent number whose KL is near 0 says nothing of the image: it has collapsed.",
            "outskirts": "The rim of the normal images: the posteriors that lie furthest out.",
            "generator": "One of these posteriors, from which synthetic outliers are drawn.",
            "ρ, τ, κ": "How synthetic outliers are made. Rho: the share of posteriors that generate. Tau: how wide the draws scatter around a generator. Kappa: how far it is pushed from the centre, 1 being where it is.",
            "logit": "What a classifier says before it is made a probability: 0 is even odds, above it rather strange, below it rather normal; each further 1 makes the odds 2.7 times as large.",
        },
    ),
    Page(
        "likelihoods",
        "Likelihoods",
        ":material/stacked_bar_chart:",
        "Which scale of the flow finds it strange, and why can strange images look likelier than normal ones?",
        {
            "flow": "A network that turns an image into numbers and back without losing anything. Because it can be undone, it can say how likely each image is to it.",
            "likelihood": "How densely the model's own images lie around this one: a density, no probability. An image of high likelihood is one that it can describe in few bits, which does not make it a normal one.",
            "bits per dimension": "What the detector pays to describe one number of the picture (of a grey one a pixel, of a colour one a pixel in one of its three colours), those of the black margin among them that a flow may add (28x28 pixels become 32x32). Fewer bits: likelier. To be scored, levels are spread by noise, as when the flow learned; the score is the mean over a few fixed draws of it, the same for all images.",
            "scale": "Glow splits an image into a fine, a middle and a coarse description: of 32x32 pixels in 16x16, 8x8 and 4x4 cells.",
            "typicality": "How far an image's likelihood is from that of ordinary ones, to either side. One that is far too likely is no ordinary image either. Here in standard deviations, over all scales at once.",
            "complexity-corrected": "The likelihood, less what a plain compressor (PNG) needs for the same picture. It takes out that simple pictures are likely for being simple.",
            "general model": "A flow that learned many other images, or normal ones under noise, or a plain compressor. What is cheap for everybody cancels out when it is subtracted.",
            "outlier loss": "Training that also teaches the flow to find general images less likely than the general model does.",
            "rank correlation": "1: two models put all images in the same order; 0: their orders have nothing in common.",
            "temperature": "How far from the middle latents are drawn: 0 always the middle, 1 as learned.",
        },
    ),
    Page(
        "mirror",
        "Mirror",
        ":material/compare:",
        "What does the mirrored autoencoder rebuild, and why is a bad mirror a sign of strangeness?",
        {
            "mirror": "What an autoencoder rebuilds of an image: the encoder E turns it into a code, the generator G draws a picture from that, G(E(x)).",
            "critic": "A network that sees two pictures at once and learned to tell an image beside itself from an image beside its mirror. Its features are what it looks for.",
            "R": "How far apart the critic's features are of an image beside itself and of the image beside its mirror. 0: it sees no difference. In the critic's own units.",
            "one-sided, two-sided": "Read from one side, the larger R the stranger. Read from two, as the paper does, R is strange where few training images have it: far too large, or far too small.",
            "lower tail": "Distances so small that hardly a training image has one: mirrors that are too good.",
            "latent norm": "The length of an image's code: how far from the origin of the latent space it lies.",
            "atypical code": "The code of a training image, drawn towards the origin (inward) or pushed away from it (outward). Pictures decoded from such codes stand for anomalies in training.",
            "simplex": "All mixtures of three codes, whose weights are positive and sum to 1: a triangle.",
            "triangle by keys": "When the point has the focus, the arrow keys move it by one step, with `Shift` by four; `A`, `B` and `C` take it to a corner.",
        },
    ),
    Page(
        "labels",
        "Few labels",
        ":material/sell:",
        "What do a handful of labelled anomalies buy?",
        {
            "known anomalies": "Images that somebody labelled as strange before training. Here all of them are of one class; the other strange classes were never seen.",
            "γ (gamma)": "The share of known anomalies among all training images.",
            "ESAD": "An encoder and a generator rebuild the image, a second encoder turns the rebuilt picture into a code z'. Normal images are to be rebuilt well and have short codes, known anomalies are to be rebuilt under noise and have long ones.",
            "Deep SAD": "Draws the codes of normal images to a centre, and pushes those of known anomalies away from it.",
            "norm": "The length of the code z': normal images have short ones, known anomalies are taught long ones.",
            "score ÷ threshold": "Scores of two models are not on one scale. Divided by the threshold of its model, every score is flagged where it is above 1.",
            "paired": "Both models are judged on the same resampled images, so that what is hard for both does not blur their difference.",
        },
        detector="esad",
    ),
    Page(
        "explain",
        "Explain",
        ":material/center_focus_strong:",
        "Which pixels made the score, and is that explanation faithful?",
        {
            "attribution": "A map that shares a score out over the pixels: orange where a pixel makes the image stranger, blue where it makes it more normal.",
            "colour scale": "How strong a colour is: nothing at zero, all of it at a map's strongest pixels. In a map without one of the two colours no pixel may be near zero: there it begins where the quietest quarter of the pixels ends, and the page says at which value. The threshold hides a share of the scale, from where it begins.",
            "residual": "What of the score a map leaves unexplained: the score less its offset and the sum of the map. Where it is more than half of the score, the map is marked.",
            "true place": "Where a fault is known to be. The number below a map is the AUROC of its pixels: the chance that one inside lies above one outside. 0.5 is a coin.",
            "completeness": "A map is complete where its pixels sum to the score, less that of the baseline. It says that nothing is left out, not that the right pixels are named.",
            "baseline": "What stands for “nothing there”, and takes the place of pixels that a method removes: black, white, the mean of normal images, or the image itself, blurred.",
            "deletion": "The pixels are replaced by the baseline, those that a map calls strangest first. If the map is right, the score falls early, and the area under the curve is small. Compared with pixels in random order.",
            "insertion": "The same the other way round: the pixels are put into the baseline, the strangest first. If the map is right, the score rises early, and the area is large.",
            "infidelity": "Disturb the image a little, and let the map foretell how the score will change: the mean squared error of that. 0 is perfect; the scale is the score's own.",
            "sensitivity": "The most that the map changes where the image is disturbed by hardly anything. Small is steady.",
            "randomisation check": "The layers of the network are replaced by random ones, the last first. A map that stays the same then shows the picture, not what the network has learned.",
            "familiarity": "How near an image is to normal ones it has seen: here the mean distance to the two nearest of their codes.",
            "novelty": "How much of an image cannot be explained as normal images are explained: what is new in it, though it may look familiar.",
            "B-cos": "A network whose layers only let through what points their way. So every output is one matrix W(x) times the input, and that matrix is its explanation.",
            "overlay by keys": "When the large map has the focus, the arrow keys go from pixel to pixel and read its value, `+` and `-` zoom, `0` shows all of it, `,` and `.` move the threshold. On the picture to paint on, the arrow keys move the brush, `Enter` presses it, `U` takes it back.",
        },
    ),
    Page(
        "compare",
        "Compare",
        ":material/balance:",
        "Where would you draw the line, and which detector would you believe?",
        {
            "threshold": "The line above which an image is flagged. It can be named by a percentile of held-out normal images, by the share of these that it flags, by the score itself, or by what mistakes cost.",
            "confusion matrix": "Strange images that are flagged (hits) or not (misses), and normal ones that are flagged (false alarms) or let pass.",
            "prevalence": "The share of strange images where the detector will work. In a test set it is what whoever put that together chose; of a hundred parts in a factory it may be one.",
            "recall": "Of all strange images, the share that is flagged. It does not depend on how many there are.",
            "precision": "Of all flagged images, the share that is strange: whether an alarm can be believed. It falls with the prevalence.",
            "F1": "The harmonic mean of precision and recall: small where either of them is.",
            "operating point": "The place on a curve at which a threshold works.",
            "ROC": "Recall over the false-alarm rate, for every threshold. The area below it is the AUROC, which no prevalence changes.",
            "precision over recall": "What is paid in precision for each further strange image that is found. Here at the prevalence that is expected.",
            "expected cost": "What mistakes cost on average: the prevalence times the share of misses times the cost of one, and the same for false alarms. At least cost is where that is smallest on the images shown; on others it will be a little more.",
            "committee": "Several models judge one image: by the mean of their percentiles, by whether any of them flags it, or by whether most do.",
            "paired difference": "Of two AUROCs, on images that are resampled once for both: what is hard for both does not blur which is better.",
            "threshold by keys": "When the line has the focus, the arrow keys move it to the next threshold, with `Shift` by ten, `Page Up` and `Page Down` by 25, `Home` and `End` to the ends. The slider and the box below it do the same.",
        },
    ),
    Page(
        "own",
        "Own images",
        ":material/add_photo_alternate:",
        "What does every detector say of an image of yours, and when does it change its mind?",
        {
            "foreign": "Not this detector's kind of image: most parts of its score lie where hardly any held-out normal image has them, so its verdict means little, whatever the percentile.",
            "what the model sees": "No detector sees a file as you do: it is turned as the camera says, made grey or coloured, put on white where it is transparent, fitted to a few pixels, and padded with black.",
            "disturbance": "What is done to a picture on purpose: turned, shifted, blurred, noise added, its contrast changed, a part hidden, another picture mixed in. Sizes are relative to the picture.",
            "along the slider": "The curves show each detector's percentile at every position of the slider that was moved last, while all others stay as they are.",
            "canvas by keys": "When the canvas has the focus, the arrow keys move the pen, `Enter` presses it, `+` and `-` make it wider and narrower, `U` takes the last stroke back. On the picture, the arrow keys move the patch.",
        },
    ),
    Page(
        "cards",
        "Model cards",
        ":material/badge:",
        "What was trained on what, with which deviations and limits?",
    ),
)


def row_of(stem: str) -> Page:
    return next(page for page in PAGES if page.stem == stem)


def sheet(stem: str) -> str:
    """The terms of a page, then those of all pages, then those of the others, as a table."""
    own = [row_of(stem).terms, TERMS, *(page.terms for page in PAGES if page.stem != stem)]
    rows = [f"| {term} | {meaning} |" for terms in own for term, meaning in terms.items()]
    return "\n".join(["| term | meaning |", "| --- | --- |", *rows])
