"""The picture: an image, its mirror, where both differ, and what is said of that."""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from html import escape

import numpy as np
import streamlit as st

from core import service
from core.service import (
    CANDIDATES,
    DISTANCE,
    FIRSTS,
    FirstMirrorQuery,
    Mirror,
    MirrorQuery,
    OutskirtsError,
)
from pages._mirror import files
from pages._mirror.mirroring import Mirroring
from pages._shared import draw, links, picker
from pages._shared.ask import ask
from pages._shared.controls import File, chosen, downloads, map_link
from pages._shared.picker import Picked
from pages._shared.text import hundredths, numeral, plain

__all__ = [
    "FIRST",
    "PAIR",
    "RULES",
    "numbers",
    "pick",
    "said_of",
    "show",
    "show_files",
    "three",
    "verdict",
]

FIRST, PAIR = "mirror_first", "mirror_pair"  # of the rule; of the three pictures
RULES = {  # of `FIRSTS`, in words
    "typical": "the strange image whose R is nearest to the median of its set",
    "too-good": "the strange image with the smallest R of its set: its mirror is the best",
    "as-normal": f"of the {CANDIDATES} strange images with the largest R, the one whose mirror, "
    "scored as an image, is the least strange",
    "worst-normal": "the normal image with the largest R: its mirror is the worst",
}
# Of the table of numbers: narrow enough for a phone; a bar above each percentile.
LOOKS = """<style>
.mirror-numbers { width: 100%; border-collapse: collapse; font-size: .875rem; line-height: 1.3; }
.mirror-numbers :is(th, td) { text-align: left; font-weight: 400; padding: .32rem .4rem .32rem 0;
  border-bottom: 1px solid rgba(128, 140, 148, .3); vertical-align: bottom; }
.mirror-numbers thead th { font-size: .8rem; }
.mirror-numbers td:last-child { width: 5.2rem; padding-right: 0; }
.mirror-numbers i { display: block; height: .4rem; border-radius: .2rem; margin-bottom: .1rem;
  background: linear-gradient(var(--st-primary-color, #0072B2) 0 0) 0 / var(--at) 100% no-repeat
  rgba(128, 140, 148, .3); }
</style>"""


def pick(m: Mirroring) -> tuple[Picked, str]:
    """The controls that name an image, and the rule that chose it, if one did."""
    if m.strange:
        rule = chosen("Opens with", {name: RULES[name] for name in FIRSTS}, key=FIRST)
        links.write(FIRST, None if rule == FIRSTS[0] else rule)
    else:
        rule = "worst-normal"
    default = ask(FirstMirrorQuery(m.target, m.strange, rule))
    picked = picker.pick(
        "mirror",
        m.target,
        m.scenario,
        sizes=m.overview.sizes,
        default=default,
        part=m.score,
        seed=m.seed,
    )
    query, _ = picked
    return picked, RULES[rule] if (query.set_name, query.index) == default else ""


def show(m: Mirroring, picked: Picked, rule: str) -> Mirror | None:
    """Three pictures and a sentence; None where the visitor's file is no image."""
    query, data = picked
    try:
        view = ask(MirrorQuery(query), data)
    except OutskirtsError as error:
        said = plain(str(error)) if data is not None else str(error)
        st.error(f"{plain(query.set_name)}: {said}", icon=":material/error:")
        return None
    st.html(three(view, title_of(m, view, picked)))
    for warning in view.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    st.markdown(
        f"{verdict(m, view, query.set_name if query.index is not None else '')} {said_of(view)}"
    )
    if rule:
        st.caption(f"Chosen by a rule: {rule}.")
    if view.notes:
        st.caption(plain("; ".join(view.notes)))
    return view


def title_of(m: Mirroring, view: Mirror, picked: Picked) -> str:
    """What an image is called: its set's title, its number and its class, or its file's name."""
    query, _ = picked
    if query.index is None:
        return view.id
    label = f" ({view.label})" if view.label else ""
    return f"{m.titles[query.set_name]} {query.index}{label}"


# Three pictures -----------------------------------------------------------------------------------


def three(view: Mirror, title: str) -> str:
    """The image, its mirror, and the map of R over the image, side by side as HTML."""
    share = _source(service.map_png(view.map, factor=1))
    image, mirror = (_source(draw.png([p])) for p in (view.image, view.mirror))
    most = _reach(view.map)
    figures = (
        _figure(image, f"The image: {title}", f"The image that is looked at, {title}"),
        _figure(mirror, "Its mirror G(E(x))", f"What the autoencoder rebuilds of {title}"),
        _figure(
            image,
            f"Where the critic sees a difference: {most}",
            f"Map of the share of each pixel in R, over {title}",
            over=share,
        ),
    )
    return (
        '<div style="display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:.6rem">'
        f"{''.join(figures)}</div>"
    )


def _reach(values: np.ndarray) -> str:
    """How much of R pixels (H, W) carry, from where the colours of their map begin.

    Example:
        >>> _reach(np.array([[-1.0, 2.0]])), _reach(np.array([[1.0, 1.0], [2.0, 3.0]]))
        ('up to 2 a pixel', '1 to 3 a pixel, less is not drawn')
    """
    limit = service.limit_of(values)
    floor = service.floor_of(values, limit)
    most = f"{numeral(np.abs(values).max(), '.2g')} a pixel"
    return f"{numeral(floor, '.2g')} to {most}, less is not drawn" if floor else f"up to {most}"


def _source(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _figure(source: str, caption: str, alt: str, *, over: str = "") -> str:
    """A picture with its caption; a map may lie over it, and then it is dimmed, and in grey."""
    looks = "image-rendering:var(--house-rendering,pixelated);display:block;width:100%;border-radius:4px"
    dim = ";opacity:.3;filter:grayscale(1)" if over else ""  # its own orange would be the map's
    whole = f'<img src="{source}" alt="{escape(alt)}" style="{looks}{dim}">'
    if over:
        whole += f'<img src="{over}" alt="" style="{looks};position:absolute;inset:0;height:100%">'
    return (
        '<figure style="margin:0"><div style="position:relative;background:#000;border-radius:4px">'
        f'{whole}</div><figcaption style="font-size:.875rem">{escape(caption)}</figcaption></figure>'
    )


# What is said of them -----------------------------------------------------------------------------


def verdict(m: Mirroring, view: Mirror, set_name: str) -> str:
    """Whether it is flagged, and whether that is right; ``set_name`` is "" for a visitor's own."""
    text = (
        f"**{'Flagged' if view.flagged else 'Not flagged'}** by its score "
        f"({_lower(m.row.part_titles[view.score])}): stranger than "
        f"{hundredths(view.percentiles[view.score] / 100, 1)} of held-out normals"
    )
    role = m.scenario.set_named(set_name).role if set_name else ""
    if role == "strange" and not view.flagged:
        text += ", **though it is strange**"
    if role == "normal" and view.flagged:
        text += ", **though it is normal**"
    if view.foreign:
        text += (
            f". {len(view.outside)} of its {len(view.parts)} parts lie beyond what held-out normals "
            "show: **it is not of this detector's kind**, whatever its score"
        )
    return f"{text}."


def said_of(view: Mirror) -> str:
    """How good the mirror is beside those of training images, and which reading of R minds."""
    side = "above" if view.deviation >= 0 else "below"
    r = f"R is {numeral(view.parts[DISTANCE], '.3g')}, {abs(view.deviation):.1f} s.d. {side} the mean of "
    r += "training images: "
    if abs(view.deviation) > view.limit:
        if view.deviation > 0:
            return f"{r}such a bad mirror is rare, and that is strange."
        return (
            f"{r}such a good mirror is rare. R alone calls that normal, a score of two sides "
            "strange."
        )
    if abs(view.deviation) <= 1:
        return f"{r}it is mirrored as well as they are."
    how = "badly" if view.deviation > 0 else "well"
    return f"{r}it is mirrored {'worse' if how == 'badly' else 'better'} than most, but others are as {how}."


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def numbers(m: Mirroring, view: Mirror) -> str:
    """Every part with its value and its percentile among held-out normals, as an HTML table."""
    rows = "".join(
        f'<tr><th scope="row">{"★ " if part == view.score else ""}{escape(m.row.part_titles[part])}</th>'
        f"<td>{numeral(view.displayed[part], '.3g')} <small>{escape(view.units[part])}</small></td>"
        f'<td><i style="--at:{view.percentiles[part]:.1f}%"></i>{view.percentiles[part]:.1f}</td></tr>'
        for part in view.parts
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("part", "value", "percentile"))
    return (
        f"{LOOKS}<table class=mirror-numbers aria-label='Each part of the image, and its percentile "
        f"among held-out normal images'><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def show_files(m: Mirroring, view: Mirror, picked: Picked) -> None:
    """The picture and its numbers to take away, and the way to the map."""
    query, _ = picked
    stem = f"{m.stem}-{'own' if query.index is None else f'{query.set_name}-{query.index}'}"
    title = f"R of {view.id} under {m.row.title}"
    svg = partial(service.map_svg, view.map, title=title, unit=view.units[DISTANCE])
    downloads(
        File("Image and mirror (PNG)", f"{stem}-mirror.png", partial(files.pair_png, view)),
        File("Map (PNG)", f"{stem}-map.png", partial(service.map_png, view.map)),
        File("Map (SVG)", f"{stem}-map.svg", svg),
        File("Its numbers (CSV)", f"{stem}-numbers.csv", partial(files.numbers_csv, view)),
    )
    if query.index is not None:
        map_link(m.row.name, query.set_name, query.index)
