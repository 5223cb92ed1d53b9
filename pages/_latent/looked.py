"""One image on the map: which it is, where the map misplaces its neighbours, what detectors say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.service import (
    AcrossQuery,
    DetectorRow,
    LatentMap,
    Near,
    NearQuery,
    Scenario,
    Target,
)
from pages._latent.explorer import LAYOUTS
from pages._shared import notebook, picker
from pages._shared.ask import ask
from pages._shared.controls import in_words
from pages._shared.text import hundredths, numeral, plain

__all__ = ["by_name", "look", "near", "pick", "said_of", "trust"]

FIND, LOST, LOOKED = "latent_find", "_latent_lost", "_latent_looked"


def by_name(scenario: Scenario) -> None:
    """A box that takes an image's name: its set, by title or as machines call it, and number."""
    first = scenario.strange[0] if scenario.strange else scenario.normal
    st.text_input(
        "Look at",
        key=FIND,
        placeholder=f"{first.title}#12",
        help=f"A set and a number, such as {first.title}#12 or {first.name}#12, then Enter.",
        on_change=_find,
        args=(scenario,),
    )
    if lost := st.session_state.get(LOST):
        sets = ", ".join(plain(s.title) for s in scenario.own_sets)
        st.warning(f"There is no image “{plain(lost)}” here. Sets: {sets}.")


def _find(scenario: Scenario) -> None:
    text = st.session_state[FIND].strip()
    found = parse(text, scenario)
    st.session_state[LOST] = "" if found or not text else text
    if found:
        picker.inspect("latent", *found)
        st.session_state[FIND] = ""


def parse(text: str, scenario: Scenario) -> tuple[str, int] | None:
    """Set and index of an image's name, with the set's title or name; None: there is none."""
    title, mark, index = text.rpartition("#")
    if not mark:
        title, _, index = text.rpartition(" ")
    titles = {s.title.casefold(): s.name for s in scenario.own_sets}
    name = titles.get(title.strip().casefold(), title.strip())
    return picker.parse_id(f"{name}#{index.strip()}", sizes_of(scenario))


def sizes_of(scenario: Scenario) -> dict[str, int]:
    return {s.name: len(scenario.pictures(s.name).images) for s in scenario.own_sets}


def look(scenario: Scenario, pressed: Mapping[str, object] | None) -> None:
    """Look at what was pressed on the map or among its pictures, once."""
    if not pressed or pressed.get("n") == st.session_state.get(LOOKED):
        return
    st.session_state[LOOKED] = pressed.get("n")
    if found := picker.parse_id(f"{pressed.get('set')}#{pressed.get('index')}", sizes_of(scenario)):
        st.session_state[LOST] = ""
        picker.inspect("latent", *found)


def pick(
    target: Target, view: LatentMap, scenario: Scenario, default: int, seed: int
) -> picker.Picked:
    """The controls that name an image, and the image that they name.

    Args:
        default: the row of the map that the page opens with.
    """
    return picker.pick(
        "latent",
        target,
        scenario,
        sizes=sizes_of(scenario),
        default=(view.sets[view.which[default]], int(view.indices[default])),
        part=view.score,
        seed=seed,
        absent=True,
    )


def near(asked: picker.Picked, target: Target, layout: str) -> Near | None:
    """Where the image lies on a map, and its neighbours; None, with clear words, if nowhere."""
    query, data = asked
    with in_words():
        return ask(NearQuery(replace(query, target=target), layout), data)
    return None


def trust(view: LatentMap) -> None:
    """How far to believe the map."""
    strange = ""
    if view.strange.any():
        strange = f", {view.local[view.strange].mean():.2f} for strange images"
    st.caption(
        f"{LAYOUTS[view.layout]} of the {view.code}. **Trustworthiness "
        f"{view.local[view.role == 'normal'].mean():.2f} for normal{strange}**: "
        "1 if all that lies close on the "
        "map is close in the latent space, 0.5 for a picture at random."
    )


def said_of(
    found: Near,
    asked: picker.Picked,
    view: LatentMap,
    models: Mapping[str, DetectorRow],
    scenario: Scenario,
    *,
    beside: tuple[DeltaGenerator, DeltaGenerator],
) -> None:
    """How far to believe the map about an image, and beside it what detectors say of it."""
    left, right = beside
    with left:
        words(found, view)
        notebook.pin(scenario.name, picker.own_image() or found.id, key="latent")
    with right, in_words():
        verdicts(found, asked, models, scenario)


def words(found: Near, view: LatentMap) -> None:
    """How far to believe the map about an image."""
    far, all_of = int(found.misplaced.sum()), len(found.rows)
    if found.local is not None:
        st.markdown(
            f"Of what lies around it on the map, trustworthiness {found.local:.2f} is near."
        )
    st.markdown(
        f"**The map puts {far} of its {all_of} true neighbours elsewhere** (◇, dashed): over 5\u00a0% of "
        "all images lie nearer there."
        if far
        else "All its true neighbours are near on the map."
    )
    if found.row is None:
        st.caption(_how_well(view))
    for warning in found.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    for note in found.notes:
        st.caption(plain(note))


def _how_well(view: LatentMap) -> str:
    """How far to believe a place that was found without laying out anew."""
    found = view.landing
    text = (
        "Not one of the map's own images: placed at the mean of its neighbours, without a new layout. "
        "When images of the map are placed like this, then for half of the normal ones at most "
        f"{hundredths(found.normal, 1)} of the map lies nearer than their own place (strange ones: "
        f"{hundredths(found.strange, 1)}). "
    )
    if np.isfinite(found.normal_trust):
        text += (
            f"Normal images that {LAYOUTS[view.layout]} never saw land with a trustworthiness of "
            f"{found.normal_trust:.2f}"
        )
        strange = f", strange ones with {found.strange_trust:.2f}"
        text += (strange if np.isfinite(found.strange_trust) else "") + ". "
    return (
        text
        + f"Neighbours come from a shortlist that holds {hundredths(view.recall)} of the true ones."
    )


def verdicts(
    found: Near,
    asked: picker.Picked,
    models: Mapping[str, DetectorRow],
    scenario: Scenario,
) -> None:
    """Every detector's score of an image, of the scenario or the visitor's own.

    Markdown: a table of Streamlit's own brings 0.7 MB of scripts with it.
    """
    keys = () if found.key is None else (found.key,)
    answer = ask(AcrossQuery(scenario.name, tuple(models), keys), asked[1])
    strangers = {m for m, is_one in answer.foreign.items() if is_one.any()}
    lines = [f"| {plain(title_of(found.id, scenario))} under | percentile | score |"]
    lines.append("| --- | --- | ---: |")
    for m, row in models.items():
        verdict = ":orange[flagged]" if answer.flagged[m][0] else "let pass"
        verdict += ", foreign" if m in strangers else ""
        score = f"{numeral(answer.scores[m][0], '.3f')} {answer.units[m]}"
        lines.append(
            f"| {plain(row.title)} | {answer.percentiles[m][0]:.1f}, {verdict} | {score} |"
        )
    st.markdown("\n".join(lines))
    text = "Percentile: share of held-out normal images that score lower."
    if strangers:
        text += (
            " Foreign: most parts of the score lie where hardly any normal image does, so the picture "
            "is not of this detector's kind, whatever the verdict says."
        )
    st.caption(text)


def title_of(image: str, scenario: Scenario) -> str:
    """An image's id with its set's title, "Digits 3"; a file's name as it is."""
    name, mark, index = image.rpartition("#")
    titles = {s.name: s.title for s in scenario.own_sets}
    return f"{titles[name]} {index}" if mark and name in titles else image
