"""The large map to take away, and the command that gives the same."""

from __future__ import annotations

from functools import partial
from shlex import quote

import streamlit as st

from core import service
from core.service import MapView, MethodRow
from pages._explain.asked import Asked
from pages._shared.controls import File, downloads

__all__ = ["command", "show"]


def show(asked: Asked, method: MethodRow, view: MapView) -> None:
    """The map that stands large, as a picture, as a drawing and as numbers."""
    stem = f"{asked.target.scenario}-{asked.target.stem}-{asked.part}-{method.key}"
    title = f"{method.title}: {asked.part_title}, {view.id}"
    downloads(
        File(f"{method.title} (PNG)", f"{stem}.png", partial(service.map_png, view.map)),
        File(
            f"{method.title} (SVG)",
            f"{stem}.svg",
            partial(service.map_svg, view.map, title=title, unit=view.unit),
        ),
        File(
            f"{method.title} (NPY)",
            f"{stem}.npy",
            partial(service.map_npy, view.map),
            f"The signed map, float32, rows x columns, in {view.unit}.",
        ),
    )
    st.code(command(asked, method.key), language=None)  # colours of words are too faint


def command(asked: Asked, method: str) -> str:
    """What gives the same map on the command line; only what is not its default is named."""
    name, index = asked.image.set_name, asked.image.index
    image = quote(name) if index is None else f"{name}#{index}"
    words = ["python -m core explain", str(asked.target), image, f"--method {method}"]
    assert asked.row.card is not None
    if asked.part != asked.row.card.score.part:
        words.append(f"--part {asked.part}")
    if asked.baseline != "black":
        words.append(f"--baseline {asked.baseline}")
    if asked.fault is not None:
        words.append(f"--fault {asked.fault}")
    return " ".join([*words, "--out map.png"])
