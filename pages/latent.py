"""Latent space: what does the detector think is near what?"""

from dataclasses import replace

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.service import (
    LatentMap,
    LatentQuery,
    Near,
    OutskirtsError,
    OverviewQuery,
    Target,
    pictures_of,
)
from pages._latent import chosen, gestures, neighbours, selection
from pages._latent import map as _map
from pages._latent.tags import tags
from pages._shared import draw
from pages._shared.ask import ask
from pages._shared.controls import choose_model, in_words

VIEWS = ("One map", "Two maps", "3-D")
LAYOUTS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
COLOURS = {
    "set": "set",
    "class": "class",
    "verdict": "found, missed, false alarm",
    "percentile": "percentile of the score",
    "trust": "where the map can be trusted",
    "tag": "tag",
}
TRY = {  # label: colour, and how many of the sets
    "Digits among garments": ("set", 2),
    "What it misses": ("verdict", None),
    "Where the map lies": ("trust", None),
}
HEIGHT = 500
HANDS = (
    "Lasso and box are at the top left: one stays in use, coloured, until it is clicked again. *Shift* "
    "adds what is drawn, *Alt* takes it away, a double click clears. Without them a click looks at a "
    "point, two fingers or *Ctrl* and the wheel zoom."
)
HIGHER = """<style>  /* the empty head of the page, which would push the map off the screen */
@media (min-width: 768px) { [data-testid=stMainBlockContainer] { padding-top: 2.9rem } }
/* what a map offers on hovering, which would lie on the controls above it */
[class*=st-key-latent_map] [data-testid=stElementToolbar] { top: 0 !important }
</style>"""
WHOLE, BELOW, OF, FRESH = "_latent_whole", "_latent_below", "_latent_of", "_latent_fresh"

overview = ask(OverviewQuery(st.session_state["world"]))
scenario = overview.scenario
models = {r.name: r for r in (*overview.detectors, *overview.seed_replicates) if r.card is not None}
compared = {r.name: r for r in overview.detectors if r.card is not None}
names = [s.name for s in scenario.own_sets]
seed = st.session_state["seed"]


# Controls ----------------------------------------------------------------------------------------


def layouts_of(target: Target) -> list[str]:
    """Layouts that a model has, in the order of `LAYOUTS`; small ones have fewer."""
    try:
        there = ask(LatentQuery(target)).layouts
    except OutskirtsError:  # without a map: `open_map` says it
        return list(LAYOUTS)
    return [name for name in LAYOUTS if name in there]


def choose_layout(key: str, target: Target) -> str:
    options = layouts_of(target)
    if key in st.session_state and st.session_state[key] not in options:
        st.session_state[key] = first_of(options)
    return st.segmented_control(
        "Layout",
        options,
        format_func=lambda name: LAYOUTS[name],
        default=first_of(options),
        required=True,
        key=key,
        bind="query-params",
        persist_state="session",
        help="UMAP and t-SNE keep neighbours together and distort distances; PCA is a flat shadow of "
        "the codes. All were laid out when the model was trained, from a fixed seed.",
    )


def first_of(layouts: list[str]) -> str:
    return "tsne" if "tsne" in layouts else layouts[0]


def choose_colour(target: Target) -> str:
    row = models[target.stem]
    assert row.card is not None
    parts = {p: row.part_titles[p] for p in row.card.calibration.quantiles}
    options = [*COLOURS, *parts]
    if st.session_state.get("latent_colour", "set") not in options:
        st.session_state["latent_colour"] = "set"
    return st.selectbox(
        "Colour by",
        options,
        format_func=lambda what: COLOURS.get(what) or parts.get(what, what),
        key="latent_colour",
        bind="query-params",
        persist_state="session",
    )


def filtered(view: LatentMap) -> np.ndarray:
    """Which rows are visible, (N,) bool."""
    with st.popover("Filter", icon=":material/filter_alt:", width="content"):
        sets = st.pills(
            "Sets",
            names,
            default=names,
            selection_mode="multi",
            key="latent_sets",
            bind="query-params",
            persist_state="session",
        )
        classes = sorted({c for c in view.labels.tolist() if c})
        left_out = st.pills(
            "Leave out these classes",
            classes,
            selection_mode="multi",
            key="latent_without",
            bind="query-params",
            persist_state="session",
        )
        low, high = st.slider(
            "Percentile of the score",
            0.0,
            100.0,
            (0.0, 100.0),
            0.5,
            key="latent_range",
            bind="query-params",
            persist_state="session",
            help="Among held-out normal images. From 95 on an image is flagged.",
        )
    standing = view.percentiles[view.score]
    visible = np.isin(np.array(view.sets)[view.which], sets) & ~np.isin(view.labels, left_out)
    return visible & (standing >= low) & (standing <= high)


# Maps --------------------------------------------------------------------------------------------


def chart_key(view: LatentMap, target: Target, place: str) -> str:
    """Another key where another map is drawn: what was drawn on the last does not fit it."""
    drawn = st.session_state.get(selection.DRAWN, 0)
    return f"latent_map_{place}_{target}_{view.layout}_{len(view.keys)}_{drawn}"


def colours(view: LatentMap, what: str) -> _map.Colouring:
    known = what in COLOURS or what in view.parts  # a second model may lack the first one's part
    return _map.colour_by(what if known else "set", view, tags(scenario.name))


def show_legend(colouring: _map.Colouring, view: LatentMap, visible: np.ndarray) -> None:
    if colouring.categories and visible.any():
        st.html(_map.legend(colouring, visible, view.role))
    elif not colouring.categories:
        st.markdown(f"Colour: {colouring.title}")


def show_map(
    view: LatentMap, target: Target, place: str, visible: np.ndarray, near: Near | None, what: str
) -> None:
    colouring = colours(view, what)
    picked = view.rows(selection.selected(scenario.name))
    st.echarts_chart(
        _map.spec(
            view,
            colouring,
            visible=visible,
            picked=picked[visible[picked]],
            near=near,
            scenario=scenario.name,
            clicks=selection.clicks_on(chart_key(view, target, place)),
        ),
        key=chart_key(view, target, place),
        on_select="rerun",
        height=HEIGHT,
        alt=f"Map of {visible.sum():,} images by {LAYOUTS[view.layout]}, {len(picked):,} of them selected",
    )
    show_legend(colouring, view, visible)
    st.caption(HANDS)
    st.caption(
        f"{LAYOUTS[view.layout]} of the {view.code}. **Trustworthiness {view.local[view.role == 'normal'].mean():.2f} "
        f"for normal, {view.local[view.strange].mean():.2f} for strange images**: 1 if all that lies close "
        "on the map is close in the latent space, 0.5 for a picture at random. ● normal, ▲ strange."
    )


def show_3d(view: LatentMap, target: Target, visible: np.ndarray, what: str) -> None:
    colouring = colours(view, what)
    draw.chart(
        _map.three_d(
            view, colouring, visible=visible, picked=view.rows(selection.selected(scenario.name))
        ),
        key="latent_3d",
        name=f"{target.scenario}-{target.stem}-3d",
        alt=f"The codes of {visible.sum()} images along their first three principal axes",
    )
    show_legend(colouring, view, visible)
    st.caption(
        f"The {view.code} along their first three principal axes. To turn and to zoom, with two "
        "fingers on a touch screen: select on a flat map, and find the selection here."
    )


def open_map(target: Target, layout: str) -> LatentMap | None:
    """The map, or None with words that say which command makes it."""
    try:
        return ask(LatentQuery(target, layout))
    except OutskirtsError as error:
        st.warning(str(error), icon=":material/warning:")
        return None


# Try this ----------------------------------------------------------------------------------------


def show_all() -> None:
    """No filter, the first page, and an image that tells something."""
    st.session_state["latent_sets"] = names
    st.session_state["latent_without"] = []
    st.session_state["latent_range"] = (0.0, 100.0)
    st.session_state["latent_page"] = 1
    st.session_state[FRESH] = True


def try_this(label: str) -> None:
    colour, sets = TRY[label]
    target = Target.of(scenario.name, next(iter(models)))
    layout = first_of(layouts_of(target))
    st.session_state["latent_model"] = target.stem
    st.session_state["latent_layout"] = layout
    st.session_state["latent_colour"] = colour
    st.session_state["latent_view"] = VIEWS[0]
    show_all()
    st.session_state["latent_sets"] = names[:sets]
    view = open_map(target, layout)
    if view is None:
        return
    if colour == "verdict":
        rows = np.flatnonzero(view.strange & ~view.flagged)
    elif colour == "trust":
        rows = np.argsort(view.local, kind="stable")[: len(view.local) // 20]
    else:
        rows = np.array([], int)
    selection.select(scenario.name, view.keys[rows])
    st.session_state[FRESH] = False
    show_worst(view, rows if len(rows) else np.flatnonzero(view.which == 1))


def show_worst(view: LatentMap, rows: np.ndarray) -> None:
    """Look at the strange image that the detector finds most normal."""
    if len(rows):
        worst = rows[np.argmin(view.parts[view.score][rows])]
        neighbours.inspect(view.sets[view.which[worst]], int(view.indices[worst]))


# Page --------------------------------------------------------------------------------------------


def first_map() -> tuple[Target, str, str, str, DeltaGenerator]:
    """Model, layout, colours, kind of view, and the place for the filter."""
    one, two, three, four, five = st.columns(
        [1, 1.25, 1.15, 0.85, 0.6], gap="small", vertical_alignment="bottom"
    )
    with one:
        target = Target.of(scenario.name, choose_model("Model", models, "glow", "latent_model"))
    with two:
        layout = choose_layout("latent_layout", target)
    with three:
        what = choose_colour(target)
    with four:
        kind = st.selectbox(
            "Show", VIEWS, key="latent_view", bind="query-params", persist_state="session"
        )
    return target, layout, what, kind, five


def second_map() -> tuple[LatentMap, Target] | None:
    one, two, _ = st.columns([1.2, 1.1, 2.6], vertical_alignment="bottom")
    with one:
        target = Target.of(
            scenario.name, choose_model("Second model", models, "glow.outliers", "latent_model2")
        )
    with two:
        layout = choose_layout("latent_layout2", target)
    view = open_map(target, layout)
    return None if view is None else (view, target)


def inspect_row(view: LatentMap, row: int) -> None:
    neighbours.inspect(view.sets[view.which[row]], int(view.indices[row]))


def pictures(view: LatentMap, rows: np.ndarray) -> np.ndarray:
    picks = [(view.sets[view.which[row]], int(view.indices[row])) for row in rows]
    return pictures_of(scenario.name, picks)


@st.fragment
def explore() -> tuple[LatentMap, np.ndarray] | None:
    """Maps and image panel; the map that the pictures below are of, and which rows are visible.

    A fragment: colours and layouts leave the pictures below alone. What these show, and changed,
    draws the whole page.
    """
    whole = st.session_state.pop(WHOLE, False)
    target, layout, what, kind, beside = first_map()
    view = open_map(target, layout)
    if view is None:
        return None
    other = second_map() if kind == VIEWS[1] else None
    maps = [(view, target, "left"), *([(*other, "right")] if other else [])]
    if st.session_state.pop(FRESH, False):
        show_worst(view, np.flatnonzero(view.which == min(1, len(view.sets) - 1)))
    with beside:
        visible = filtered(view)
    for drawn, of, side in maps:
        there = visible if drawn is view else np.isin(drawn.keys, view.keys[visible])
        groups = _map.grouped(drawn, colours(drawn, what), there)
        rows = [group.rows for group in groups]
        chart = chart_key(drawn, of, side)
        clicked = selection.take(scenario.name, drawn, chart, rows, gestures.stroke())
        if clicked is not None:
            inspect_row(drawn, clicked)
    said = selection.read_url(scenario.name, view)
    state = (str(target), visible.tobytes(), selection.selected(scenario.name).tobytes())
    if state != st.session_state.get(BELOW) and not whole:
        selection.first_page()
        st.rerun()
    st.session_state[BELOW] = state
    selection.stale()
    if said:
        st.info(said, icon=":material/link_off:")
    columns = st.columns([2.1, 1] if other is None else 2, gap="medium")
    panel, beside_it = (columns[1], columns[0]) if other is None else st.columns(2, gap="medium")
    with panel:
        found = neighbours.pick(target, names)
        nears = [
            neighbours.place(replace(found[0], target=of), drawn.layout, found[1])
            if found
            else None
            for drawn, of, _ in maps
        ]
    gestures.gestures()
    for (drawn, of, side), near, column in zip(maps, nears, columns, strict=False):
        with column:
            if kind == VIEWS[2]:
                show_3d(drawn, of, visible, what)
            else:
                there = visible if drawn is view else np.isin(drawn.keys, view.keys[visible])
                show_map(drawn, of, side, there, near, what)
    if nears[0] is not None and found is not None:
        with panel:
            neighbours.neighbours(
                nears[0], view, lambda rows: pictures(view, rows), LAYOUTS[view.layout]
            )
        with beside_it, in_words():
            neighbours.verdicts(nears[0], found, compared, scenario.name)
    return view, visible


st.html(HIGHER)
with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title("Latent space", width="content")
    st.markdown("What does the detector think is near what?", width="content")
if not models:
    st.info(f"{scenario.title} has no trained detector.", icon=":material/info:")
    st.stop()
st.session_state[WHOLE] = True
was = st.session_state.get(OF, scenario.name)
st.session_state[OF] = scenario.name
if was != scenario.name:
    show_all()
elif "latent_image" not in st.session_state and "latent_image" not in st.query_params:
    st.session_state[FRESH] = True
with st.container(horizontal=True, vertical_alignment="center"):
    st.markdown("Try this:", width="content")
    for label, (_, sets) in TRY.items():
        if sets is None or scenario.normal.only is None:  # digits among garments, not among digits
            st.button(label, key=f"latent_try_{label}", on_click=try_this, args=(label,))
drawn = explore()
if drawn is not None:
    viewed = st.session_state["latent_model"]
    chosen.chosen(
        *drawn,
        compared | {viewed: models[viewed]},
        scenario.name,
        seed=seed,
        inspect=neighbours.inspect,
    )
