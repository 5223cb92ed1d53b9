"""What Likelihoods says in words: claims that the numbers carry, those of other seeds included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.answers.likelihoods import Likelihoods, PartView, ScaleGap
from core.evaluate.metrics import Metrics
from core.service import ImageView
from pages._likelihoods.paradox import Story, lengths

TITLES = {
    "total": "Full likelihood",
    "scale_16": "16x16 scale",
    "scale_8": "8x8 scale",
    "scale_4": "4x4 scale",
    "complexity": "Complexity-corrected",
    "ratio_background": "Ratio to background",
}
FOOLED = {"total": 0.1, "scale_16": 0.07, "scale_8": 0.2, "scale_4": 0.9, "complexity": 0.95}


def figures(auroc: float) -> Metrics:
    return Metrics(auroc, auroc - 0.01, auroc + 0.01, 0.5, 0.5, 10, 10)


def part(name: str, auroc: float, means: tuple[float, float]) -> PartView:
    nothing = np.zeros(1)
    words = TITLES[name], "bits per dimension", ""
    rest = figures(auroc), name == "scale_4"
    return PartView(name, *words, nothing, nothing, nothing, means, means, *rest)


def story(
    aurocs: Mapping[str, float],
    *,
    seeds: Sequence[Mapping[str, float]] | None = None,
    config: Mapping[str, Any] | None = None,
    png: tuple[float, float] = (3.0, 2.0),
    ratio: Sequence[ScaleGap] = (),
    noise: float = 0.3,
    others: Mapping[str, Mapping[str, Mapping[str, Metrics]]] | None = None,
) -> Story:
    """Of a flow with these AUROCs, on a set of digits whose PNG data take so many bits."""
    means = {"total": (4.0, 4.0), "complexity": (4.0 - png[0], 4.0 - png[1])}
    parts = [part(name, auroc, means.get(name, (1.0, 1.0))) for name, auroc in aurocs.items()]
    known = None
    if seeds is not None:
        every = [aurocs, *seeds]
        known = SimpleNamespace(
            models=("glow", *(f"glow.seed-{i + 1}" for i in range(len(seeds)))),
            text=f"{len(every)} random starts, alike in all else",
            auroc={"mnist": {name: tuple(s.get(name, 0.9) for s in every) for name in aurocs}},
        )
    card: Any = SimpleNamespace(
        name="glow",
        seeds=known,
        config=config or {},
        score=SimpleNamespace(part="scale_4"),
        data=SimpleNamespace(name="Letters and doodles"),
    )
    ratios = {"ratio_background": tuple(ratio)}
    found = Likelihoods(card, tuple(parts), ratios, {"ratio_background": noise})
    return Story(found, "Glow", "garments", "digits", "mnist", others or {})


def bold(text: str) -> str:
    return " ".join(text.split("**")[1::2])


def test_a_scale_that_other_seeds_contradict_is_contradicted_in_bold() -> None:
    text = story(FOOLED, seeds=[{"scale_4": 0.15}, {"scale_4": 0.24}]).why()
    said = "The 4x4 scale is not fooled, but from 2 of 2 other seeds it is (0.150, 0.240)"
    assert said in bold(text)
    assert "do not bear it out" in text


def test_a_seed_whose_interval_holds_one_half_cannot_tell_and_that_is_bold() -> None:
    others = {"glow.seed-1": {"mnist": {"scale_4": Metrics(0.53, 0.49, 0.57, 0.5, 0.5, 9, 9)}}}
    text = story(FOOLED, seeds=[{"scale_4": 0.53}, {"scale_4": 0.9}], others=others).why()
    assert "not fooled, but 1 of 2 other seeds cannot tell (0.530, 0.900)" in bold(text)
    assert "do not bear it out" in text


def test_a_scale_that_every_seed_confirms_is_said_to_be() -> None:
    text = story(FOOLED, seeds=[{"scale_4": 0.92}, {"scale_4": 0.91}]).why()
    assert "The 4x4 scale is not fooled, nor from other seeds (0.910, 0.920)" in bold(text)
    assert "16x16 scale (0.070), 8x8 scale (0.200) are." in text
    assert "bear it out" not in text
    assert "No other seed was measured" in story(FOOLED).why()


def test_this_model_among_its_seeds_is_no_other_seed() -> None:
    found = story(FOOLED, seeds=[{"scale_4": 0.92}])
    assert [seen.auroc for seen in found.seeds("scale_4")] == [0.92]


def test_where_no_scale_finds_the_strange_none_is_said_to() -> None:
    text = story({**FOOLED, "scale_4": 0.3}).why()
    assert "No scale finds them stranger" in bold(text)
    assert "is not fooled" not in text
    lucky = story({**FOOLED, "scale_4": 0.3}, seeds=[{"scale_4": 0.9}]).why()
    assert "No scale finds them stranger, but from other seeds the" in bold(lucky)


def test_another_scale_than_the_coarsest_may_notice_most() -> None:
    text = story({**FOOLED, "scale_8": 0.97}, seeds=[{"scale_4": 0.9, "scale_8": 0.9}]).why()
    assert "The 8x8 scale is not fooled" in bold(text)
    assert "Here a finer one notices more" in text


def test_a_likelihood_that_is_not_fooled_has_no_reason_why_it_is() -> None:
    right = story({**FOOLED, "total": 0.9})
    assert "**Why" not in right.why()
    assert "likelier" not in right.seen()
    doubted = story({**FOOLED, "total": 0.9}, seeds=[{"total": 0.2}]).seen()
    assert "from 1 of 1 other seeds it is fooled (0.200)" in bold(doubted)
    unsure = story({**FOOLED, "total": 0.5})
    assert "cannot tell digits from garments" in unsure.seen()
    assert "**Why" not in unsure.why()


def test_simplicity_is_the_reason_only_where_the_strange_are_simpler() -> None:
    simple = story(FOOLED, png=(3.51, 1.68)).why()
    assert "as PNG data digits take 1.68 bits per dimension, garments 3.51" in simple
    assert "simple pictures tend to come out cheap" in simple
    rich = story(FOOLED, png=(2.0, 3.0)).why()
    assert "**Why** is not their simplicity" in rich
    assert "come out cheap" not in rich


def test_a_plain_compressor_helps_or_does_not_by_its_number() -> None:
    assert "is not enough" not in story(FOOLED).why()
    assert "is not enough" in story({**FOOLED, "complexity": 0.4}).why()
    doubted = story(FOOLED, seeds=[{"complexity": 0.3}]).why()
    assert "from 1 of 1 other seeds it is fooled (0.300)" in bold(doubted)


def test_the_best_part_is_named_with_what_other_seeds_say_of_it() -> None:
    assert "Complexity-corrected** tells them apart best (AUROC 0.950)" in story(FOOLED).seen()
    doubted = story(FOOLED, seeds=[{"complexity": 0.3}]).seen()
    assert "from 1 of 1 other seeds it is fooled (0.300)" in bold(doubted)
    nobody = story(dict.fromkeys(FOOLED, 0.3)).seen()
    assert "no part tells them apart" in nobody
    also = story({**dict.fromkeys(FOOLED, 0.9), "scale_4": 0.905})
    assert "no other part tells them apart clearly better" in also.seen()


def test_a_likelihood_that_is_fooled_from_one_seed_alone_says_so() -> None:
    assert "likelier** than garments: " in story(FOOLED, seeds=[{"total": 0.1}]).seen()
    text = story(FOOLED, seeds=[{"total": 0.1}, {"total": 0.8}]).seen()
    assert "likelier** than garments, but not from 1 of 2 other seeds" in text


def test_a_general_model_owes_its_likelihood_to_what_it_learned() -> None:
    text = story(FOOLED, config={"data": "general"}).why()
    assert "learned other images (Letters and doodles), not garments" in text
    assert "scale" not in text


def test_a_ratio_to_background_below_chance_is_explained_by_its_scales() -> None:
    gaps = [ScaleGap("16x16 scale", -0.67, 0.08), ScaleGap("8x8 scale", 0.13, 0.95)]
    text = story({**FOOLED, "ratio_background": 0.1}, ratio=gaps).background()
    assert "finds digits likelier than garments, too" in bold(text)
    assert "16x16 scale −0.67 (AUROC 0.080), 8x8 scale +0.13 (AUROC 0.950)" in text
    assert "noise in 30\xa0% of their pixels" in text
    assert "the 16x16 scale outvotes the others" in text


@pytest.mark.parametrize(
    ("auroc", "gaps", "noise"),
    [
        (0.1, [ScaleGap("16x16 scale", -0.1, 0.4), ScaleGap("8x8 scale", -0.5, 0.1)], 0.3),
        (0.1, [ScaleGap("16x16 scale", 0.7, 0.9), ScaleGap("8x8 scale", -0.1, 0.1)], 0.3),
        (0.1, [ScaleGap("16x16 scale", -0.7, 0.1), ScaleGap("8x8 scale", 0.1, 0.9)], 0.0),
        (0.1, [ScaleGap("16x16 scale", -0.7, 0.1), ScaleGap("8x8 scale", -0.1, 0.2)], 0.3),
        (0.1, [], 0.3),
    ],
)
def test_the_finest_scale_is_blamed_only_where_it_is_to_blame(
    auroc: float, gaps: list[ScaleGap], noise: float
) -> None:
    aurocs = {**FOOLED, "ratio_background": auroc}
    text = story(aurocs, ratio=gaps, noise=noise).background()
    assert "AUROC 0.100" in text
    assert "outvotes" not in text


def test_a_ratio_may_be_fooled_where_the_likelihood_is_not() -> None:
    assert (
        "likelier than garments**"
        in story({**FOOLED, "total": 0.9, "ratio_background": 0.1}).background()
    )


def test_a_ratio_that_is_not_fooled_needs_no_words() -> None:
    assert story({**FOOLED, "ratio_background": 0.9}).background() == ""
    assert story(FOOLED).background() == ""


def test_seeds_are_listed_where_they_were_measured_on_this_set() -> None:
    text = story(FOOLED, seeds=[{"scale_4": 0.4}]).spread()
    assert text == (
        " Seeds (2 random starts, alike in all else): 4x4 scale has AUROC 0.400, 0.900."
    )
    assert story(FOOLED).spread() == ""
    elsewhere = story(FOOLED, seeds=[{"scale_4": 0.4}])
    assert elsewhere.found.card.seeds is not None
    elsewhere.found.card.seeds.auroc.clear()
    assert elsewhere.spread() == ""


def view(total: float) -> ImageView:
    words: Any = ("x", np.zeros((28, 28, 1), np.uint8), "")
    return ImageView(
        *words, {}, {}, {"total": total}, {}, {}, False, {"png_bytes": 193.0, "dimensions": 1024.0}
    )


@pytest.mark.parametrize("total", [1.4, 0.0, -0.4])
def test_a_length_is_of_png_data_and_never_negative(total: float) -> None:
    said = lengths(view(total))
    assert "compresses to 193 bytes of PNG data" in said
    assert "-" not in said
    assert ("under the flow, its margin and all, a code of it has at most about 179" in said) == (
        total > 0
    )


def test_only_a_picture_to_which_the_flow_adds_pixels_has_a_margin() -> None:
    colour = replace(
        view(4.0),
        image=np.zeros((32, 32, 3), np.uint8),
        extra={"png_bytes": 2.0, "dimensions": 3072.0},
    )
    assert lengths(colour).endswith("; under the flow a code of it has at most about 1,536.")


def test_one_strange_image_has_no_interval_and_fools_nothing() -> None:
    lone = Metrics(0.02, np.nan, np.nan, 0.5, 0.5, 10, 1)
    whole = story(FOOLED | {"ratio_background": 0.1}, seeds=[{}])
    parts = tuple(replace(part, figures=lone) for part in whole.found.parts)
    one = replace(whole, found=replace(whole.found, parts=parts))
    assert "cannot tell digits from garments" in one.seen()
    assert "no part tells them apart" in one.seen()
    assert one.why().startswith("**How to read it:**")
    assert one.background() == ""


def test_a_seed_without_an_interval_cannot_tell() -> None:
    lone = Metrics(0.9, np.nan, np.nan, 0.5, 0.5, 10, 1)
    others = {"glow.seed-1": {"mnist": {"scale_4": lone}}}
    text = story(FOOLED, seeds=[{"scale_4": 0.9}], others=others).why()
    assert "not fooled, but 1 of 1 other seeds cannot tell (0.900)" in bold(text)
    fooled = story(FOOLED | {"total": 0.9, "scale_4": 0.1}, seeds=[{"scale_4": 0.9}], others=others)
    (scale,) = [part for part in fooled.found.parts if part.name == "scale_4"]
    assert fooled.from_seeds(scale) == ", but not from 1 of 1 other seeds"
