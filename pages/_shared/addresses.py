"""What an address of a page may say: the names of its controls, without the page's own."""

from __future__ import annotations

from collections.abc import Mapping

from core.service import lectures
from pages._shared.pages import PAGES

__all__ = ["EVERYWHERE", "NAMES", "page_named", "stranger"]

EVERYWHERE = ("scenario", "normal", "seed")
CONTROLS = """
overview: parts intervals
latent: view model model2 layout layout2 sets without range colour select image order page
outskirts: model criterion rho tau kappa count order field rank models
likelihoods: view model strange part from order image set index up ends temperature page
mirror: model strange leads first image set index colour weights a b c
labels: detector share of which image set index
explain: model part image set index fault baseline method steady group strange sum truth
explain: misses_order misses_page
compare: model set by at prevalence miss alarm cell order image quadrant a b models
compare: cells_page pairs_page
own: view image set index sort sample table_page models along mix_set mix_image turn shift_x
own: shift_y blur noise contrast mix patch_size patch_column patch_row patch_level
cards: view model strange measure
"""
NAMES: Mapping[str, frozenset[str]] = {
    page.stem: frozenset(
        name
        for line in CONTROLS.split("\n")
        for stem, _, names in [line.partition(": ")]
        if stem == page.stem
        for name in names.split()
    )
    for page in PAGES
}


def page_named(address: str) -> str | None:
    """The stem of the page at an address, "" for the first one; None: there is none."""
    stem = address or PAGES[0].stem
    return stem if stem in NAMES else None


def stranger(link: lectures.Link) -> str:
    """What of a link no page knows, in words; "": nothing."""
    stem = page_named(link.page)
    if stem is None:
        return f"there is no page “{link.page}”"
    for key, _ in link.query:
        name = key.removeprefix(f"{stem}_")
        if key not in EVERYWHERE and (name == key or name not in NAMES[stem]):
            return f"the page knows no “{key[:60]}”"
    return ""
