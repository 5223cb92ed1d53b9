"""The images whose verdict changed with the labels: counted, some of each shown, all to take away."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.service import KNOWN, NEVER, NORMAL, WHICH, Changed, ChangedQuery, Moved
from pages._labels import files
from pages._labels.ladder import Ladder, percent
from pages._shared import history, picker
from pages._shared.ask import ask
from pages._shared.controls import File, choice, downloads
from pages._shared.gallery import tiles
from pages._shared.text import counted

__all__ = ["LOOKED", "said_of", "section"]

LOOKED = "labels_looked"  # the container of the image that is looked at
EACH, SIDE = 8, 104  # tiles of a change; pixels of a tile
ROWS = {
    "found": "**Newly found.** Never-seen anomalies that only the labels let it flag",
    "missed": "**Newly missed.** Never-seen anomalies that it flagged {fewest}, and no longer flags",
    "alarm": "**Newly flagged normals.** The price: normal images that it left alone {fewest}",
    "cleared": "**Normals no longer flagged**",
}
SHOWN = {"furthest": "Moved furthest", "random": "By chance"}
RULES = {
    "furthest": "those whose percentile moved furthest, of equal ones the first",
    "random": "as the seed draws them",
}


def section(ladder: Ladder, picked: tuple[str, int] | None) -> None:
    """Rows of tiles, a change each; a press looks at the image below."""
    st.subheader("Images that changed sides")
    if not ladder.compares:
        st.markdown(
            f"This is the model {ladder.fewest}: there is nothing to compare it with. Move the slider."
        )
        return
    which = choice("Show", {w: SHOWN[w] for w in WHICH}, key="labels_which")
    query = ChangedQuery(ladder.first, ladder.target, EACH, which, ladder.seed)
    found = ask(query)
    st.markdown(f"**What you see:** {said_of(ladder, found)}")
    st.caption(
        f"Under each image its percentile among held-out normal images {ladder.fewest} → with "
        f"{percent(ladder.at)}; flagged is what lies above 95. Shown are {RULES[which]}. Press an "
        "image to look at it below."
    )
    for name, text in ROWS.items():
        _row(ladder, found, name, text.format(fewest=ladder.fewest), picked)
    table = partial(files.changed_csv, ladder.first, ladder.target)
    downloads(File("All that changed sides (CSV)", f"{ladder.stem}-changed.csv", table))


def _row(
    ladder: Ladder, found: Changed, name: str, text: str, picked: tuple[str, int] | None
) -> None:
    moved = found.moved[name]
    count = found.counts[NEVER if name in ("found", "missed") else NORMAL]
    total = count[0] if name in ("found", "alarm") else count[1]
    st.markdown(f"{text}: {total:,}.")
    if not total:
        return
    tiles(
        moved.pictures,
        scenario=ladder.scenario.name,
        titles=ladder.titles,
        key=f"labels_{name}",
        what="its percentile before and after",
        on_click=_look_closer,
        picked=picked,
        side=SIDE,
        captions=_moves(moved),
    )


def _moves(moved: Moved) -> list[str]:
    r"""Percentiles before and after."""
    after = moved.pictures.percentiles
    return [f"{one:.1f} → {other:.1f}" for one, other in zip(moved.before, after, strict=True)]


def _look_closer(set_name: str, index: int) -> None:
    picker.inspect("labels", set_name, index)
    history.show(LOOKED)


def said_of(ladder: Ladder, found: Changed) -> str:
    """How many images of each group changed sides, and which way most of the never-seen went."""
    names, never = ladder.names, found.counts[NEVER]
    gain = never[0] - never[1]
    verdict = (
        f"{counted(gain, 'image')} more"
        if gain > 0
        else f"{counted(-gain, 'image')} fewer"
        if gain < 0
        else "as many as before"
    )
    known, normal = found.counts[KNOWN], found.counts[NORMAL]
    return (
        f"of {found.sizes[NEVER]:,} anomalies of the other {ladder.unseen} {never[0]:,} are newly found and "
        f"{never[1]:,} newly missed: **{verdict}**. Of {found.sizes[KNOWN]:,} images of {names[KNOWN]}, "
        f"the known class, {known[0]:,} are newly found and {known[1]:,} missed. Of "
        f"{found.sizes[NORMAL]:,} normal ones {normal[0]:,} are newly flagged, {normal[1]:,} no longer."
    )
