"""The map and its panels as the browser draws them; `browser/main.js` is the browser's half."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
import streamlit as st

from core.service import LatentMap, Near, PointsQuery, Scenario, Target
from pages._latent.colours import VERDICTS, Colouring
from pages._latent.served import MAP
from pages._shared import draw
from pages._shared.ask import ask

__all__ = ["KEY", "LAYOUTS", "Browsing", "OneMap", "explorer", "said"]

KEY = "latent_explorer"
LAYOUTS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}

# Points are asked for at once, with scripts and looks, and stay in the browser until they change.
EARLY = "const early = new Map();"
ASK = """for (const { points } of component.data.maps) {
    if (!early.has(points)) early.set(points, fetch(new URL(points, location.href)));
  }"""
DRAW = """
  const [scripts] = await Promise.all([coming, styled]);
  return scripts.draw(component, early);
"""

_draw = st.components.v2.component(
    "outskirts.explorer", js=MAP.loader(early=EARLY, ask=ASK, draw=DRAW)
)


@dataclass(frozen=True)
class OneMap:
    """A map to draw: its points, what colours them, and who is looked at on it."""

    view: LatentMap
    target: Target
    title: str
    colouring: Colouring
    near: Near | None


@dataclass(frozen=True)
class Browsing:
    """What the browser is told besides the maps.

    Attributes:
        given: another number when it was not the browser that selected.
        off: names of the colours that the legend hides.
        order, page: of the pictures.
    """

    given: int
    off: Sequence[str]
    order: str
    page: int
    seed: int


def said() -> Mapping[str, Any]:
    """What the browser last told of what was done there; empty at first.

    Its entries: ``n``, another with each telling; ``map``, on which map; ``selected``, bits of the
    map's rows, or ""; ``keeps``, whether what is not on the map stays selected; ``look``, None or
    the image that was pressed; ``order`` and ``page`` of the pictures; ``off``, hidden by the legend.
    """
    found = st.session_state.get(KEY) or {}
    return found.get("said") or {}


def explorer(
    maps: Sequence[OneMap],
    scenario: Scenario,
    *,
    filtered: np.ndarray,
    picked: np.ndarray,
    state: Browsing,
) -> None:
    """Draw the maps, with everything that shows what is selected.

    Args:
        filtered: (N,) bool, what the filter shows of the first map.
        picked: its selected rows.
    """
    view = maps[0].view
    mask = np.zeros(len(view.keys), bool)
    mask[picked] = True
    titles = {s.name: s.title for s in scenario.own_sets}
    _draw(
        key=KEY,
        data={
            "maps": tuple(_map(one, scenario) for one in maps),
            "colouring": maps[0].colouring.what,
            "sets": tuple(
                {"name": s.name, "title": titles[s.name], "role": s.role} for s in scenario.own_sets
            ),
            "verdicts": tuple(VERDICTS),
            "visible": "" if filtered.all() else _bits(filtered),
            "selected": _bits(mask) if len(picked) else "",
            "given": state.given,
            "off": tuple(state.off),
            "order": state.order,
            "page": state.page,
            "seed": state.seed,
            "sprite": f"sprite/{quote(scenario.name)}.png",
            "thumbnail": f"thumbnail/{quote(scenario.name)}/",
        },
        on_said_change=lambda: None,
    )


def _bits(mask: np.ndarray) -> str:
    return b64encode(np.packbits(mask).tobytes()).decode()


def _map(one: OneMap, scenario: Scenario) -> dict[str, Any]:
    view, points = one.view, ask(PointsQuery(one.target, one.view.layout))
    layout = LAYOUTS[view.layout]
    place = f"points/{quote(one.target.scenario)}/{quote(one.target.stem)}/{view.layout}"
    title = f"{scenario.title}: {one.title}, {layout}"
    return {
        "name": f"{one.target} {view.layout}",
        "points": f"{place}.bin?v={points.version}",
        "title": title,
        "alt": f"{title}: a map of {len(view.keys):,} images",
        "file": f"{one.target.scenario}-{one.target.stem}-{view.layout}-map.png",
        "colouring": _colours(one.colouring, place),
        "look": None if one.near is None else _look(one.near),
    }


def _colours(colouring: Colouring, place: str) -> dict[str, Any]:
    given: dict[str, Any] = {
        "what": colouring.what,
        "title": colouring.title,
        "light": list(colouring.light),
        "dark": list(colouring.dark),
    }
    if not colouring.names:
        what, version = colouring.column
        scale = {"low": colouring.low, "high": colouring.high, "unit": colouring.unit}
        return {**given, **scale, "url": f"{place}/{quote(what)}.bin?v={version}"}
    given["names"] = list(colouring.names)
    if colouring.by:
        return {**given, "by": colouring.by, "lead": list(colouring.lead) or None}
    return {**given, "codes": b64encode(colouring.code.astype(np.uint8).tobytes()).decode()}


def _look(near: Near) -> dict[str, Any]:
    own: dict[str, Any] = {}
    if near.row is None:
        picture = b64encode(draw.png([near.image])).decode()
        own = {
            "name": near.id,
            "words": "Not on the map: placed at the mean of its neighbours.",
            "image": f"data:image/png;base64,{picture}",
        }
    return {
        "row": near.row,
        "xy": [float(v) for v in near.xy],
        "rows": near.rows.tolist(),
        "misplaced": [bool(m) for m in near.misplaced],
        "distances": [float(d) for d in near.distances],
        **own,
    }
