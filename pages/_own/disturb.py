"""Disturb an image: sliders, the picture as it is now, and what every detector says as it changes.

Only the fragment below runs again when a slider moves: first every percentile, then the curves where
they are not known yet.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape

import numpy as np
import streamlit as st

from core.service import (
    Along,
    AlongQuery,
    DetectorRow,
    Disturbance,
    Disturbed,
    DisturbedQuery,
    ImageQuery,
    Overview,
)
from pages._own import canvas, disturb_curve, disturb_mixed, seen
from pages._own import disturb_sliders as sliders
from pages._own import line as own_line
from pages._own.disturb_curve import Curves
from pages._own.disturb_looks import LOOKS
from pages._own.disturb_sliders import SLIDERS
from pages._own.served import OWN
from pages._own.subject import DRAWN, Subject
from pages._shared import draw, gallery
from pages._shared.ask import ask
from pages._shared.controls import File, downloads, in_words
from pages._shared.scripts import DRAW_OR_SAY
from pages._shared.text import numeral, plain
from pages._shared.theme import palette

__all__ = ["bars", "section", "verdict"]

PICTURE = "own_occluded"  # the picture with its patch
_SERIAL, _BELOW = "_own_patch_serial", "_own_below"
FIRST_PATCH = 28  # per cent: where a press puts one that is not there
BARS = (
    "Bars: the percentile among held-out normal images. The upright line: the threshold. Dotted: the "
    "picture before it was disturbed."
)
WHY = (
    "**Why:** each detector minds what its own way of looking shows it. Where a curve is flat, the "
    "detector cannot tell the disturbed picture from the one before; where it falls, it finds the "
    "disturbed picture more ordinary. Between the positions of the curve nobody looked, but where "
    "the slider has been: those have open marks."
)
FILM, SIDE = 9, 64  # pictures along the slider, and their pixels on the screen

_draw = st.components.v2.component("outskirts.occluded", js=OWN.loader(draw=DRAW_OR_SAY))


def section(subject: Subject, models: Sequence[str], overview: Overview) -> np.ndarray:
    """The whole of it; the picture (H, W, C) uint8 as it is now.

    Args:
        models: names of those that are asked, trained ones, at least one.
    """
    if subject.id != DRAWN:
        canvas.offer(subject.image)
    st.session_state[_BELOW] = None
    other = _live(subject, tuple(models), overview)
    st.session_state[_BELOW] = sliders.now()
    return ask(_asked(subject, tuple(models), overview, other), subject.data).image


@st.fragment
def _live(subject: Subject, models: tuple[str, ...], overview: Overview) -> ImageQuery:
    rows = {r.name: r for r in (*overview.detectors, *overview.seed_replicates)}
    titles = {model: rows[model].title for model in models}
    place = "own_disturbed" if subject.id == DRAWN else "own_picture"  # there the canvas is
    left, middle, right = st.container(key=place).columns([0.95, 1.2, 1.75], gap="medium")
    with middle, st.container(key="own_knobs"):
        other = _controls(overview, rows[models[0]])
    asked = _asked(subject, models, overview, other)
    with in_words():
        found = ask(asked, subject.data)
        with left:
            _picture(found, subject)
            seen.keep_button(subject, found.image)
        with right:
            for model, why in found.failed.items():
                st.caption(f"{plain(titles[model])}: {why}")
        if not found.raw:
            return other
        asked = replace(asked, models=tuple(found.raw))  # of the others nothing is known
        line = own_line.drawn(overview, asked.models)
        with right:
            before = ask(replace(asked, disturbance=Disturbance()), subject.data)
            with st.container(key="own_said", gap="xsmall"):
                st.html(LOOKS + bars(found, before, titles=titles, line=line))
                st.markdown(verdict(found, titles, line=line))
            with st.container(key="own_curve", gap="xsmall"):
                curves = _curves(asked, subject, found, titles=titles, line=line)
        _say_below()
        mixed = f"{other.set_name}#{other.index}"
        numbers = seen.numbers(subject, found, titles=titles, drawn=line, other=mixed)
        _below(curves, found, scenario=asked.scenario, numbers=numbers)
    return other


def _asked(
    subject: Subject, models: tuple[str, ...], overview: Overview, other: ImageQuery
) -> DisturbedQuery:
    """What every detector is asked of the picture as it is now."""
    return DisturbedQuery(
        overview.scenario.name,
        models,
        subject.query,
        sliders.disturbance(sliders.now()),
        other,
        st.session_state["seed"],
    )


# Controls -----------------------------------------------------------------------------------------


def _controls(overview: Overview, row: DetectorRow) -> ImageQuery:
    """All sliders, in two columns, and the second image."""
    one, two = st.columns(2, gap="medium")
    with one:
        for name in ("turn", "shift_x", "shift_y", "blur", "noise"):
            sliders.show(name)
    with two:
        for name in ("contrast", "mix"):
            sliders.show(name)
        other = disturb_mixed.choose(overview, row)
        sliders.show("patch_size")
        with st.popover("Its place", width="stretch"):
            for name in ("patch_column", "patch_row", "patch_level"):
                sliders.show(name)
        st.button(
            "Put all back",
            key="own_put_back",
            icon=":material/restart_alt:",
            on_click=sliders.put_back,
            disabled=not _moved(),
            width="stretch",
        )
    return other


def _moved() -> bool:
    return any(value != sliders.neutral(name) for name, value in sliders.now().items())


def _say_below() -> None:
    """What stands below is of the picture as it was; a button makes it of this one."""
    if st.session_state.get(_BELOW) in (None, sliders.now()):  # None: the whole page runs
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Further down the page the picture is still as it was.", width="content")
        if st.button(
            "Show all of it as it is now", key="own_below", icon=":material/arrow_downward:"
        ):
            st.rerun()


# The picture --------------------------------------------------------------------------------------


def _picture(found: Disturbed, subject: Subject) -> None:
    """The picture with the patch on it, to be dragged; a plain one where scripts fail."""
    now = sliders.now()
    height, width, channels = found.image.shape
    least = min(height, width)
    title = f"{subject.title}, as it is now"
    told = _draw(
        key=PICTURE,
        data={
            "kind": "occluded",
            "title": title,
            "serial": st.session_state.get(_SERIAL, 0),
            "picture": {
                "width": width,
                "height": height,
                "channels": channels,
                "pixels": b64encode(found.bare.tobytes()).decode(),
            },
            "patch": {
                "across": now["patch_column"],
                "down": now["patch_row"],
                "side": round(now["patch_size"] / 100 * least),
                "first": round(FIRST_PATCH / 100 * least),
                "level": now["patch_level"],
            },
        },
        on_patch_change=_patch_moved,
        on_failed_change=lambda: None,
    )
    if told.get("failed"):
        st.image(draw.enlarge(found.image, 336), alt=title, output_format="PNG")
    else:
        words = "Drag the patch, or give it the focus and use the arrow keys."
        st.caption(words if now["patch_size"] else "Press on the picture to lay a patch there.")


def _patch_moved() -> None:
    """The browser says where the patch was let go: it may say anything."""
    told = (st.session_state.get(PICTURE) or {}).get("patch")
    if not isinstance(told, Mapping):
        return
    places = {"patch_column": told.get("across"), "patch_row": told.get("down")}
    serial, before = told.get("serial"), sliders.now()
    if (
        not all(type(v) is int and 0 <= v <= 100 for v in places.values())
        or type(serial) is not int
    ):
        return
    st.session_state[_SERIAL] = serial
    for name, value in places.items():
        st.session_state[sliders.key_of(name)] = value
    if not before["patch_size"]:
        st.session_state[sliders.key_of("patch_size")] = FIRST_PATCH
    ways = {name: abs(int(value or 0) - before[name]) for name, value in places.items()}
    if any(ways.values()) or not before["patch_size"]:
        st.session_state[sliders.ALONG] = max(ways, key=lambda name: ways[name])


# Every detector -----------------------------------------------------------------------------------


def bars(
    found: Disturbed, before: Disturbed, *, titles: Mapping[str, str], line: own_line.Drawn
) -> str:
    """Every detector's percentile as a bar, where it was before, and its threshold, as HTML."""
    rows = "".join(
        _bar(i, titles[model], found, before, model, line)
        for i, model in enumerate(found.percentiles)
    )
    return (
        f"<table class=own-bars style='--normal:{palette().normal};--strange:{palette().strange}' aria-label='Percentile of the picture as it is now under every "
        "detector'><thead><tr><th scope=col>Detector</th><th scope=col>Percentile among held-out "
        f"normal images</th><th scope=col></th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _bar(
    i: int,
    title: str,
    found: Disturbed,
    before: Disturbed,
    model: str,
    line: own_line.Drawn,
) -> str:
    value, said = found.percentiles[model], line.of(model)
    flagged = found.raw[model] > said.raw
    words = "flagged" if flagged else ""
    if found.foreign[model]:
        words += "<br><small>not its kind of image</small>"
    score = f"score {numeral(found.displayed[model], '.4g')} {found.units[model]}".rstrip()
    was = before.percentiles.get(model, value)
    return (
        f"<tr class={'flagged' if flagged else 'passed'}><th scope=row>"
        f"<i class=key aria-hidden=true style='color:{disturb_curve.colour_of(i)}'>"
        f"{disturb_curve.sign_of(i)[1]}</i>{escape(title)}</th>"
        f"<td><span class=track><span class=bar style='width:{value:.1f}%'></span>"
        f"<span class=was style='left:{was:.1f}%' title='before: {was:.1f}'></span>"
        f"<span class=line style='left:{said.percentile:.2f}%'></span></span></td>"
        f"<td title='{escape(score)}'><b>{value:.1f}</b> {words}"
        f"<span class=unseen>, {escape(score)}</span></td></tr>"
    )


def verdict(found: Disturbed, titles: Mapping[str, str], *, line: own_line.Drawn) -> str:
    """How many flag the picture as it is now, and which."""
    names = [plain(titles[m]) for m, raw in found.raw.items() if raw > line.of(m).raw]
    every = len(found.raw)
    if every == 1:
        return "**Flagged now.**" if names else "**Not flagged now.**"
    if not names:
        return f"**None of {every} detectors flags it now.**"
    who = ", ".join(names) if len(names) < every else "all"
    return f"**{len(names)} of {every} flag it now**: {who}."


# Along the slider ---------------------------------------------------------------------------------


def _curves(
    asked: DisturbedQuery,
    subject: Subject,
    found: Disturbed,
    *,
    titles: Mapping[str, str],
    line: own_line.Drawn,
) -> Curves:
    """The curves along the slider that was moved last; the bars above say whose is whose."""
    now = sliders.now()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        who = "each" if len(asked.models) > 1 else "it"
        st.markdown(f"**When does {who} change its mind?**", width="content")
        name = sliders.along(now)
    slider = SLIDERS[name]
    places = tuple(round(p * slider.scale, 6) for p in slider.positions)
    query = AlongQuery.along_of(asked, name, positions=places)
    found_along = _along(query, subject.data)
    here = disturb_curve.Visit(now[name], found.percentiles, found.raw)
    path = disturb_curve.visit((_still(query), hash(subject.data)), here)
    curves = Curves(name, found_along, path, titles, line)
    st.html(disturb_curve.key({m: titles[m] for m in found_along.percentiles}))
    draw.chart(
        disturb_curve.figure(curves),
        key="own_along_chart",
        name=f"{asked.scenario}-along-{name}",
        alt=f"Percentile of the picture under every detector along the slider “{slider.title}”, the "
        "others as they are, with the threshold and the present position marked",
    )
    return curves


def _below(curves: Curves, found: Disturbed, *, scenario: str, numbers: File) -> None:
    """What the curves show, in words and pictures, and the files to take away.

    Args:
        numbers: what detectors say of the picture as it is now.
    """
    st.markdown(f"**What you see:** {disturb_curve.said_of(curves)}")
    _film(curves)
    st.markdown(WHY)
    st.caption(BARS)
    downloads(
        File(
            "The curves (CSV)",
            f"{scenario}-along-{curves.name}.csv",
            partial(disturb_curve.table, curves),
            "Percentile, raw score and verdict of every detector at each position.",
        ),
        File(
            "The picture as it is now (PNG)",
            f"{scenario}-disturbed.png",
            partial(draw.png, [found.image]),
        ),
        numbers,
    )


def _film(curves: Curves) -> None:
    """Some of the pictures along the slider, side by side."""
    slider, images = curves.slider, curves.found.images
    places = np.linspace(0, len(images) - 1, FILM).round().astype(int)
    words = [(k, slider.words(slider.positions[k])) for k in places]
    steps = [(images[k], text, f"{slider.title}: {text}") for k, text in words]
    st.html(gallery.row(steps, width=SIDE))


def _still(query: AlongQuery) -> AlongQuery:
    """What a curve is of, whoever is asked."""
    return replace(query, asked=replace(query.asked, models=()))


def _along(query: AlongQuery, data: bytes | None) -> Along:
    """The curves of all models, asked for one by one: whoever moves on meanwhile waits for one alone."""
    asked = [
        ask(replace(query, asked=replace(query.asked, models=(model,))), data)
        for model in query.asked.models
    ]
    first = asked[0]
    return Along(
        first.positions,
        first.images,
        raw={m: v for one in asked for m, v in one.raw.items()},
        percentiles={m: v for one in asked for m, v in one.percentiles.items()},
        failed={m: v for one in asked for m, v in one.failed.items()},
    )
