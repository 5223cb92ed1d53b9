"""A live simplex: three images, a point between them, the decoded mixture there and its score.

The browser gets all mixtures of the three at once, so that a drag asks the server nothing;
`browser/simplex.js` is its half. Sliders do the same where it cannot.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from core import service
from core.service import (
    SIDES,
    DetectorRow,
    Edge,
    MixedPart,
    Overview,
    Simplex,
    SimplexQuery,
    Target,
    edges_of,
    node_of,
)
from pages._mirror import corners, sent, simplex_files, weighing
from pages._mirror.corners import Three
from pages._mirror.served import SIMPLEX
from pages._mirror.weighing import NAMES, WHOLE, Weights
from pages._shared import draw, links
from pages._shared.ask import ask
from pages._shared.controls import File, chosen, downloads, in_words
from pages._shared.scripts import DRAW_OR_SAY
from pages._shared.text import hundredths, plain

__all__ = ["edge_said", "opening", "place_said", "row_of", "said_of", "section"]

WEIGHTS, COLOUR, STAGE = "mirror_weights", "mirror_colour", "mirror_simplex"
_FINE, _SERIAL, _TOKEN = "_simplex_fine", "_simplex_serial", "_simplex_token"

_draw = st.components.v2.component("outskirts.simplex", js=SIMPLEX.loader(draw=DRAW_OR_SAY))


@st.fragment
def section(overview: Overview, row: DetectorRow, *, seed: int) -> None:
    """The whole of it, for a trained model that mirrors images."""
    assert row.card is not None
    target = Target.of(overview.scenario.name, row.name)
    st.subheader("Mix three images")
    st.markdown(
        "Every point of the triangle mixes the codes of three images, and the generator draws the "
        "mixture. **Is what lies between normal images normal?**"
    )
    with in_words():
        three = corners.choose(target, overview, row.card.score.part, seed=seed)
        query = SimplexQuery(target, three.corners, SIDES[0])
        part = _colour(row)
        coarse = ask(query)
        weights, first = _weights(coarse)
        links.write(WEIGHTS, None if weights == first else weighing.text_of(weights))
        st.session_state[_TOKEN] = sent.remember(query, row.card.weights.sha256)
        _show(coarse, three, part=part, weights=weights)
        weighing.sliders(WEIGHTS, weights)
        found = _said_of(query, weights)
        st.markdown(said_of(found, part, row_of(found, weights)))
        st.caption(_how_to_read(found, three))
        _files(query, part)


def _colour(row: DetectorRow) -> str:
    """The part whose percentile colours the triangle: its row in the picture is pressed."""
    assert row.card is not None
    score = row.card.score.part
    options = {p: t for p, t in row.part_titles.items() if p in sent.SHOWN or p == score}
    part = chosen("Coloured by", options, key=COLOUR, default=score)
    links.write(COLOUR, None if part == score else part)
    return part


# The point ----------------------------------------------------------------------------------------


def opening(found: Simplex) -> Weights:
    """The weights that a triangle opens with: where an edge leaves the normal images furthest.

    If none does, half way on the edge whose middle is strangest. All by the score.
    """
    edges, values = edges_of(found, found.score), found.parts[found.score].values
    row = edges[0].highest if edges[0].leaves else max((e.middle for e in edges), key=values.item)
    a, b, c = (int(s) * WHOLE // found.side for s in found.steps[row])
    return a, b, c


def _weights(coarse: Simplex) -> tuple[Weights, Weights]:
    """The weights that are shown, by the address or kept; and those that the page opens with."""
    first = opening(coarse)
    if links.followed() and WEIGHTS in st.query_params:
        text = st.query_params[WEIGHTS]
        if weighing.weights_of(text) is None:
            links.unknown("Weights", text)
        else:
            st.session_state[WEIGHTS] = text
    kept = weighing.weights_of(str(st.session_state.get(WEIGHTS, "")))
    return kept or first, first


def _said_of(query: SimplexQuery, weights: Weights) -> Simplex:
    """The triangle that words are about: the finer one, where the browser has it or needs it."""
    between = any(w % (WHOLE // SIDES[0]) for w in weights)
    if between or st.session_state.get(_FINE) == st.session_state.get(_TOKEN):
        return service.ask(replace(query, side=WHOLE))  # no spinner: nobody waits for it
    return service.ask(query)


def row_of(found: Simplex, weights: Weights) -> int:
    """The row of the mixture that is nearest to weights."""
    a, b = (round(w * found.side / WHOLE) for w in weights[:2])
    return node_of((a, b, found.side - a - b))


def _point_moved() -> None:
    """The browser says where the point was let go; of another triangle, it is too late."""
    told = (st.session_state.get(STAGE) or {}).get("point")
    if not isinstance(told, Mapping) or told.get("token") != st.session_state.get(_TOKEN):
        return
    weights, serial = told.get("weights"), told.get("serial")
    if not isinstance(weights, Sequence) or not isinstance(serial, int):
        return
    kept = weighing.weights_of(",".join(map(str, weights)))
    if kept is not None:
        st.session_state[WEIGHTS] = weighing.text_of(kept)
        st.session_state[_SERIAL] = serial
        if told.get("side") == WHOLE:
            st.session_state[_FINE] = told["token"]


def _part_pressed() -> None:
    """The browser says which part colours the triangle; `chosen` refuses one that is not there."""
    part = (st.session_state.get(STAGE) or {}).get("part")
    if isinstance(part, str):
        st.session_state[COLOUR] = part


# The picture --------------------------------------------------------------------------------------


def _show(found: Simplex, three: Three, *, part: str, weights: Weights) -> None:
    """The triangle with its point, and the mixture there; in plain pictures where scripts fail."""
    height, width, channels = found.originals.shape[1:]
    labels = [label or title for label, title in zip(found.labels, three.titles, strict=True)]
    with st.container(key="mirror_picture_simplex"):
        told = _draw(
            key=STAGE,
            data={
                "token": st.session_state[_TOKEN],
                "serial": st.session_state.get(_SERIAL, 0),
                "weights": [w / WHOLE for w in weights],
                "whole": WHOLE,
                "trained": found.weight > 0,
                "part": part,
                "score": found.score,
                "size": {"width": width, "height": height, "channels": channels},
                "originals": [b64encode(image.tobytes()).decode() for image in found.originals],
                "titles": list(three.titles),
                "labels": labels,
                "triangle": sent.triangle(found),
            },
            on_failed_change=lambda: None,
            on_point_change=_point_moved,
            on_part_change=_part_pressed,
        )
    if told.get("failed"):
        _plain(found, row_of(found, weights))


def _plain(found: Simplex, row: int) -> None:
    """The three images and the mixture, where the browser cannot draw the triangle."""
    pictures = [*found.originals, found.images[row]]
    words = [*NAMES, "the mixture"]
    for column, image, caption in zip(st.columns(4), pictures, words, strict=True):
        column.image(draw.enlarge(image, 112), caption=caption, alt=caption, output_format="PNG")


# In words -----------------------------------------------------------------------------------------


def said_of(found: Simplex, part: str, row: int) -> str:
    """What a part says of one mixture, of its pixels averaged, and of the edges."""
    if found.same:
        return (
            "**The three images are one and the same**: every mixture of its code is its code, and "
            f"every point shows its mirror, {_judged(found, part, row)}."
        )
    control = _control(found.parts[part], row)
    said = f"{place_said(found, row)} {_judged(found, part, row)}. {control}"
    return f"{said}  \n{edge_said(found, part)}"


def place_said(found: Simplex, row: int) -> str:
    """Where a mixture lies, as the beginning of a sentence."""
    steps = [int(s) for s in found.steps[row]]
    shares = [f"{100 * s // found.side} % {name}" for s, name in zip(steps, NAMES, strict=True)]
    present = [k for k in range(3) if steps[k]]
    names = [NAMES[k] for k in present]
    if len(present) == 1:
        return f"**At corner {names[0]}** stands the mirror of {names[0]}:"
    if len(present) == 2 and steps[present[0]] == steps[present[1]]:
        return f"**Half way between {names[0]} and {names[1]}** the mixture is at"
    weights = " and ".join([", ".join(shares[k] for k in present[:-1]), shares[present[-1]]])
    return f"**{weights}**: the mixture is at"


def _judged(found: Simplex, part: str, row: int) -> str:
    one = found.parts[part]
    verdict = "**flagged**" if one.flagged[row] else "not flagged"
    if one.flagged[row] and part == "two_sided" and "one_sided" in found.parts:
        near = found.parts["one_sided"].percentiles[row] < 50
        verdict += (
            f" since its mirror is {'closer to it' if near else 'further from it'} than usual"
        )
    return f"percentile {one.percentiles[row]:.1f} by “{plain(one.title)}”, {verdict}"


def _control(part: MixedPart, row: int) -> str:
    """Where a blend of the pixels themselves would lie."""
    verdict = "flagged" if part.average_flagged[row] else "not flagged"
    return (
        "The pixels themselves, averaged with the same weights, are at "
        f"{part.average_percentiles[row]:.1f}, {verdict}."
    )


def edge_said(found: Simplex, part: str) -> str:
    """Which edge leaves the normal images, and how much of the triangle is flagged."""
    one, edge = found.parts[part], edges_of(found, part)[0]
    shares = (
        f"Of the {len(one.flagged)} mixtures {_share(one.flagged)} are flagged; of the same averages "
        f"of pixels {_share(one.average_flagged)}."
    )
    return f"{_of_edge(found, edge)} {shares}"


def _of_edge(found: Simplex, edge: Edge) -> str:
    first, second = (NAMES[k] for k in edge.ends)
    steps = found.steps[edge.highest]
    weights = " and ".join(f"{100 * steps[k] // found.side} % {NAMES[k]}" for k in edge.ends)
    if edge.leaves:
        return (
            f"The edge from {first} to {second} leaves the normal images: neither end is flagged, "
            f"and at {weights} the percentile is {edge.percentile:.1f}."
        )
    if edge.flagged:
        return (
            "No edge leaves the normal images between unflagged ends: the strangest place on one, "
            f"{weights} (percentile {edge.percentile:.1f}), has a flagged end."
        )
    return (
        "No edge leaves the normal images: the strangest place on one is "
        f"{weights}, at percentile {edge.percentile:.1f}."
    )


def _share(flagged: np.ndarray) -> str:
    return hundredths(flagged.mean())


def _how_to_read(found: Simplex, three: Three) -> str:
    rule = f"{_rule(three)} " if three.opening else ""
    return (
        "**How to read it.** A point mixes the three codes by its distances from the sides, the "
        "generator draws that code, and the drawing is scored as any picture is. Blue: more ordinary "
        "than the threshold; orange: flagged; the line between them is the threshold, which flags "
        f"5\u00a0% of held-out normal images. {_trained(found)} {rule}Control: no network, just the pixels "
        "of the three images, averaged."
    )


def _trained(found: Simplex) -> str:
    """Which mixtures training drew: a1, a2 ~ U(0, 1/2), and the third is what is left."""
    if not found.weight:
        return "This model was trained without mixtures."
    return (
        "Training drew two weights from 0 to 50\u00a0% and gave the rest to the third image, in any "
        "order: that reaches all of the triangle, and half of all draws fall in its dotted middle, a "
        "quarter of it."
    )


def _rule(three: Three) -> str:
    typical = "those nearest to the median score"
    if three.first.by_class:
        typical = "one a class, nearest to the class's median score"
    return (
        f"The page opens with three typical images: of {three.first.candidates}, {typical}, the three "
        "whose codes are farthest apart."
    )


# To take away -------------------------------------------------------------------------------------


def _files(query: SimplexQuery, part: str) -> None:
    stem = f"{query.target.scenario}-{query.target.stem}-simplex"
    fine = replace(query, side=WHOLE)
    downloads(
        File(
            "The triangle (PNG)",
            f"{stem}.png",
            lambda: simplex_files.picture(service.ask(fine), part),
            "All 231 mixtures, each in a frame: blue below the threshold, orange above it. A is on "
            "top, B on the left.",
        ),
        File(
            "The triangle (CSV)",
            f"{stem}.csv",
            lambda: simplex_files.table(service.ask(fine)),
            "Weights of each mixture, and every part of it and of the averaged pixels, with "
            "percentiles.",
        ),
    )
