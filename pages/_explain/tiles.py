"""All maps of one image side by side, as they come, each with what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from core.service import MapView, MethodRow, OutskirtsError, pointing
from pages._explain import overlay, waiting
from pages._explain.asked import Asked
from pages._explain.believed import channels_said, share_said
from pages._explain.large import pressed
from pages._shared.ask import ask
from pages._shared.text import plain

__all__ = ["Card", "cards", "fill_all"]

SIDE = 100  # pixels, of a tile


class Card:
    """Where a method's map stands, and what is said below it, before either is known."""

    def __init__(self, method: MethodRow) -> None:
        with st.container(key=f"explain_card_{method.key}"):
            st.markdown(f"**{method.title}**")
            self.picture, self.residual, self.channels, self.place, self.curves, self.random = (
                st.empty() for _ in range(6)
            )


def cards(methods: Sequence[MethodRow]) -> Mapping[str, Card]:
    """A place for every method, in their order."""
    with st.container(key="explain_cards"), st.grid(min_column_width=SIDE, gap="small"):
        found = {method.key: Card(method) for method in methods}
    for method in methods:
        if method.refusal:
            found[method.key].picture.markdown(f":material/block: {method.refusal}")
    return found


def fill_all(
    found: Mapping[str, Card],
    asked: Asked,
    shown: overlay.Shown,
    coming: Sequence[MethodRow],
) -> Mapping[str, MapView]:
    """The maps that come, each in its place as soon as it is there; a button for each that waits."""
    maps = {}
    for method in asked.methods.able:
        if method not in coming:
            card = found[method.key]
            with card.picture:
                waiting.offer(asked, method)
            card.residual.markdown(waiting.looks_said(method))
    for method in coming:
        card = found[method.key]
        try:
            with card.picture:
                maps[method.key] = ask(asked.map_by(method.key), asked.data, wait="Drawing…")
        except OutskirtsError as error:
            card.picture.markdown(plain(str(error)))
            continue
        _fill(card, method, shown, maps[method.key])
    return maps


def _fill(card: Card, method: MethodRow, shown: overlay.Shown, view: MapView) -> None:
    """A method's map, and what of the score it leaves unexplained."""
    with card.picture:
        overlay.tile(shown, method, view, on_large=_large(method.key))
    share = f"residual {share_said(view.residual_share)}"
    card.residual.markdown(f":orange[**⚠ {share}**]" if view.marked else share)
    if shown.image.shape[2] == 3:
        card.channels.markdown(channels_said(view.channels))
    if (auroc := pointing(view)) is not None:
        card.place.markdown(f"true place {auroc:.2f}")


def _large(name: str) -> Callable[[], None]:
    return lambda: pressed(name)
