"""Likelihoods: which scale finds this strange, and why do digits look likelier than clothes?"""

from contextlib import suppress

import numpy as np
import streamlit as st

from core.service import (
    ORDERS,
    GalleryQuery,
    ImageQuery,
    ImageView,
    LikelihoodsQuery,
    OutskirtsError,
    OverviewQuery,
    PartView,
    Target,
)
from pages._likelihoods import figures, files, flows
from pages._likelihoods.paradox import Story, lengths
from pages._shared import draw, picker, seeds
from pages._shared.ask import ask
from pages._shared.controls import choose_model, map_link, pager
from pages._shared.gallery import row, tiles
from pages._shared.text import plain

PER_PAGE, STRIP = 12, 8  # images of a page of the gallery; of it, at the top
VIEWS = ("Scales", "Model against model", "Drawn images")
COARSEST = "coarsest scale"  # the part that is called otherwise at every size of pictures
TRY = {  # label: view, strange set, part, order and sets of the gallery
    "The likeliest pictures of all": (VIEWS[0], "mnist", "total", "most normal", "both"),
    "Garments on their side": (VIEWS[0], "turned", COARSEST, "strangest", "strange"),
    "A flow that cannot see objects": (VIEWS[1], "mnist", "total", "typical", "both"),
    "One scale drawn anew": (VIEWS[2], "mnist", "total", "typical", "both"),
}
CREDIT = (
    "A scale can cost less than nothing: each is credited 8 bits a latent number and sums them up "
    "in its own way. Only the three together bound the length of a code."
)
SHORT = {"bits per dimension": "bits/dim", "standard deviations": "s.d."}
PERCENTILE = "Share of held-out normal images that score lower."

overview = ask(OverviewQuery(st.session_state["world"]))
scenario = overview.scenario
seed = st.session_state["seed"]
models = {r.name: r for r in overview.detectors if r.detector == "Glow"}
title_of = {s.name: s.title for s in scenario.sets}
strange_names = [s.name for s in scenario.strange]


def inspect(set_name: str, index: int) -> None:
    picker.inspect("likelihoods", set_name, index)


def try_this(view: str, strange: str, part: str, order: str, which: str) -> None:
    """Set view, model, strange set and gallery, and show the gallery's first image."""
    st.session_state["likelihoods_view"] = view
    st.session_state["likelihoods_model"] = "glow"
    st.session_state["likelihoods_up"] = "glow.patches"
    st.session_state["likelihoods_temperature"] = 0.7
    st.session_state["likelihoods_strange"] = strange
    if part == COARSEST:
        scales = [p for p in models["glow"].part_titles if p.startswith("scale_")]
        part = scales[-1] if scales else "total"
    st.session_state["likelihoods_part"] = part
    st.session_state["likelihoods_order"] = order
    st.session_state["likelihoods_from"] = which
    st.session_state["likelihoods_page"] = 1
    glow = Target.of(scenario.name, "glow")
    query = GalleryQuery(glow, sets_of(which, strange), part, order, 1, seed=seed)
    with suppress(OutskirtsError):  # the page says it
        first = ask(query)
        inspect(first.sets[0], int(first.indices[0]))


def sets_of(which: str, strange: str) -> tuple[str, ...]:
    """The sets whose images the gallery shows."""
    normal_name = scenario.normal_of(strange).name
    both = {"normal": (normal_name,), "strange": (strange,)}
    return both.get(which, (normal_name, strange))


# The paradox --------------------------------------------------------------------------------------

st.title("Likelihoods")
st.markdown("Which scale finds it strange, and why do digits look likelier than clothes?")
if not models:
    st.info(f"{scenario.title} has no flow: this page is about flows.", icon=":material/info:")
    st.stop()
with st.container(horizontal=True, vertical_alignment="center"):
    st.markdown("Try this:", width="content")
    for i, (label, state) in enumerate(TRY.items()):
        if state[1] in strange_names:
            st.button(label, key=f"likelihoods_try_{i}", on_click=try_this, args=state)
left, right = st.columns([2.4, 1], vertical_alignment="bottom")
strange = left.segmented_control(
    "Strange set",
    strange_names,
    default=strange_names[0],
    required=True,
    key="likelihoods_strange",
    bind="query-params",
    persist_state="session",
)
with right:
    model = choose_model("Model", models, "glow", "likelihoods_model")
normal = scenario.normal_of(strange)
target = Target.of(scenario.name, model)
found = ask(LikelihoodsQuery(target, strange))
parts = {p.name: p for p in found.parts}
names = (normal.title, title_of[strange])
total = parts["total"]
story = Story(
    found,
    model=models[model].title,
    normal=normal.title.lower(),
    strange=title_of[strange].lower(),
    set_name=strange,
    others=seeds.measured((*overview.detectors, *overview.seed_replicates)),
)


def heading(part: PartView, *, gap: str = "  \n", bold: str = "**") -> str:
    f = part.figures
    mark = " · the score" if part.is_score else ""
    figures = f"AUROC {bold}{f.auroc:.3f}{bold} ({draw.interval(f)})"
    return f"{bold}{part.title}{bold}{mark}{gap}{figures}"


def show_parts() -> None:
    left, right = st.columns([1, 1.25], gap="medium")
    with left:
        st.markdown(heading(total))
        draw.chart(
            figures.histogram(total, names, height=250),
            key="likelihoods_total",
            name=f"{scenario.family}-{model}-{strange}-likelihood",
            alt="Histogram of the full likelihood of normal and strange images",
        )
        for text in (story.seen(), story.why(), story.background()):
            if text:
                st.markdown(text)
    with right:
        others = [p for p in found.parts if p.name != "total"]
        draw.chart(
            figures.panels([(heading(p, gap="<br>", bold=""), p) for p in others], names),
            key="likelihoods_parts",
            name=f"{scenario.family}-{model}-{strange}-parts",
            alt="Histograms of every other part of normal and strange images",
        )
        with st.popover("What each part means", icon=":material/help:"):
            st.markdown("\n".join(f"- **{p.title}**: {p.text}" for p in found.parts))
    st.caption(
        "Right is stranger. The outermost bins hold all that lies beyond them. In brackets "
        f"the 95 % interval of 1,000 stratified bootstraps of {total.figures.n_normal:,} normal and "
        f"{total.figures.n_strange:,} strange images; it covers test images, not training seeds."
        + story.spread()
    )


# One image ----------------------------------------------------------------------------------------


def pick_image() -> tuple[ImageQuery, bytes | None]:
    """The controls that name an image: of a set, or the visitor's own."""
    query, data = picker.pick(
        "likelihoods",
        target,
        scenario,
        sizes=overview.sizes,
        default=(strange, 0),
        part=found.card.score.part,
        seed=seed,
    )
    if data is None and query.index is not None:
        map_link(model, query.set_name, query.index)
    return query, data


def show_image(view: ImageView) -> None:
    scales = {k: p.title for k, p in parts.items() if k.startswith("scale_")} or {
        "total": total.title
    }
    picture, bars = st.columns([1, 2.4], gap="small")
    picture.image(
        draw.enlarge(view.image, 224),
        output_format="PNG",
        caption=plain(f"{view.id} {view.label}".rstrip()),
        alt=f"The picked image, {view.id} {view.label}, as the flow sees it",
    )
    if view.notes:
        picture.caption(plain("; ".join(view.notes)))
    means = [
        (f"mean of {names[i].lower()}", {k: parts[k].means[i] for k in scales}) for i in (0, 1)
    ]
    with bars:
        draw.chart(
            figures.contributions([("this image", dict(view.displayed)), *means], scales),
            key="likelihoods_bars",
            name=f"{scenario.family}-{model}-scales-of-an-image",
            alt="Stacked bars: bits per dimension that each scale contributes to the picked image, "
            "beside the means of the normal and of the strange set",
        )
    if len(scales) > 1:
        bars.caption(CREDIT)
    bars.dataframe(
        {
            "part": [p.title for p in found.parts],
            "value": [
                f"{view.displayed[p.name]:.3f} {SHORT.get(p.unit, p.unit)}" for p in found.parts
            ],
            "percentile": [view.percentiles[p.name] for p in found.parts],
        },
        hide_index=True,
        column_config={
            "percentile": st.column_config.ProgressColumn(
                "percentile", min_value=0, max_value=100, format="%.1f", help=PERCENTILE
            )
        },
        alt="Each part of the picked image and its percentile among held-out normal images",
    )
    bars.caption(
        f"{'**Flagged**' if view.flagged else 'Not flagged'} by {parts[found.card.score.part].title} "
        f"at the threshold that flags 5 % of held-out normals. {lengths(view)}"
    )


def on_margin(view: ImageView) -> str:
    """What the numbers above the maps have that the maps have not."""
    if not any(view.padding.values()):
        return "Each map's mean is the number above it."
    return (
        f"The number above a map is its mean over the picture and the black margin that the flow adds: "
        f"{view.padding['total']:.2f} of {view.displayed['total']:.2f} bits in full lie there."
    )


def show_maps(view: ImageView) -> None:
    st.markdown(
        "**Where it pays.** Bright or red cells are expensive, dark or blue ones cheap. A ratio's map is "
        f"red where this flow pays more than the other. {on_margin(view)}"
    )
    shown = [
        (f"{parts[n].title}<br>mean {view.displayed[n]:.2f}", m, n.startswith("ratio_"))
        for n, m in view.maps.items()
    ]
    columns = st.columns(2, gap="small")
    for i, start in enumerate(range(0, len(shown), 2)):
        with columns[i % 2]:
            draw.chart(
                figures.maps(shown[start : start + 2], "bits"),
                key=f"likelihoods_maps_{start}",
                name=f"{scenario.family}-{model}-maps",
                alt="Heat maps of what each cell of the picked image costs: "
                + ", ".join(parts[n].title for n in list(view.maps)[start : start + 2]),
            )


def show_one_image() -> ImageView | None:
    st.subheader("One image")
    left, shown = st.columns([1, 2.6], gap="medium")
    with left:
        query, data = pick_image()
    try:
        view = ask(query, data)
    except OutskirtsError as error:
        said = plain(str(error)) if data is not None else str(error)
        shown.error(f"{plain(query.set_name)}: {said}", icon=":material/error:")
        return None
    with shown:
        show_image(view)
    show_maps(view)
    return view


# Gallery ------------------------------------------------------------------------------------------


@st.fragment
def show_gallery() -> None:
    controls = st.columns([1, 1.5, 1])
    part = controls[0].selectbox(
        "Ordered by",
        list(parts),
        format_func=lambda p: parts[p].title,
        key="likelihoods_part",
        bind="query-params",
        persist_state="session",
    )
    order = controls[1].segmented_control(
        "Which first",
        ORDERS,
        default=ORDERS[0],
        required=True,
        key="likelihoods_order",
        bind="query-params",
        persist_state="session",
        help="Typical: nearest to the median of the part. Random: drawn by the seed on the left.",
    )
    which = controls[2].segmented_control(
        "Images of",
        ["both", "normal", "strange"],
        default="both",
        required=True,
        key="likelihoods_from",
        bind="query-params",
        persist_state="session",
    )
    sets = sets_of(which, strange)
    pages = -(-sum(overview.sizes[s] for s in sets) // PER_PAGE)
    images = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        page = pager(pages, key="likelihoods")
    with images:
        show_images(sets, part, order, page)


def show_images(sets: tuple[str, ...], part: str, order: str, page: int) -> None:
    rows = ask(GalleryQuery(target, sets, part, order, PER_PAGE, page=page, seed=seed))
    if len(sets) > 1:
        share = np.mean([s == strange for s in rows.sets])
        st.caption(f"{share:.0%} of these {len(rows.sets)} are {title_of[strange].lower()}.")
    if tiles(
        rows,
        scenario=scenario.name,
        titles=title_of,
        key="likelihoods_pick",
        what=parts[part].title,
        on_click=inspect,
    ):
        st.rerun(scope="app")  # the pickers are outside of this fragment


def show_strip(view: ImageView | None) -> None:
    """The image that is looked at and the gallery's first ones, where they are seen at once."""
    which, order, part = (st.session_state[f"likelihoods_{k}"] for k in ("from", "order", "part"))
    rows = ask(GalleryQuery(target, sets_of(which, strange), part, order, STRIP, seed=seed))
    words = {"random": "some that the seed drew, each with its", "typical": "the most typical by"}
    text = f"{words.get(order, f'the {order} by')} {parts[part].title.lower()}, {parts[part].unit}"
    pictures = []
    if view is not None:
        alt = f"The image that is looked at, {view.id} {view.label}"
        pictures.append((view.image, "this image", alt))
        text = f"The image that is looked at below; then {text}"
    found = zip(rows.images, rows.displayed, rows.sets, rows.indices, strict=True)
    pictures += [(image, f"{v:.2f}", f"{s} {i}, {v:.2f}") for image, v, s, i in found]
    st.caption(text)
    st.html(row(pictures, width=72))


scales, against, drawn = st.tabs(list(VIEWS), key="likelihoods_view", bind="query-params")
with scales:
    if scales.open:
        top = st.container()
        show_parts()
        view = show_one_image()
        st.subheader("Gallery")
        show_gallery()
        with top:
            show_strip(view)
        st.download_button(
            "All numbers (CSV)",
            lambda: files.table_csv(target, (normal.name, strange)),
            file_name=f"{scenario.family}-{model}-{strange}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
with against:
    if against.open:
        flows.against(overview, models, model, strange, seed=seed, inspect=inspect)
with drawn:
    if drawn.open:
        left, shown = st.columns([1, 3], gap="medium")
        with left:
            query, data = pick_image()
        with shown:
            flows.drawn(query, data, models, seed=seed)
