"""A walk from the centre of the posteriors outward, under every detector of the scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.service import DetectorRow, Plane, Ray, RayQuery, RayScores, RayScoresQuery, Target
from pages._outskirts import figures, files
from pages._shared import draw, gallery, links
from pages._shared.ask import ask
from pages._shared.controls import File, choices, downloads, in_words
from pages._shared.seeds import listed

__all__ = ["walk"]


@st.fragment
def walk(target: Target, everyone: Mapping[str, DetectorRow], view: Plane, criterion: str) -> None:
    """From the centre through one training image and on; what every detector says on the way.

    Args:
        everyone: the scenario's models, by the names of their checkpoints.
    """
    st.subheader("A walk outward")
    st.markdown(
        "From the centre of all posteriors through one training image and on. Each step is decoded "
        "and shown to every detector of the scenario."
    )
    trained = {name: row.title for name, row in everyone.items() if row.card is not None}
    rank, drawn = _choose(target.stem, everyone, trained, len(view.images))
    with in_words():
        query = RayQuery(target, criterion, rank)
        walked, found = ask(query), ask(RayScoresQuery(query, tuple(trained)))
        _show_steps(walked)
        _show_scores(target, walked, found, view, {n: trained[n] for n in drawn}, trained)
        _say(found, trained)
        downloads(
            File(
                "This walk under every detector (CSV)",
                f"{target.scenario}-{target.stem}-ray-{criterion}-{rank}.csv",
                lambda: files.ray_csv(RayScoresQuery(query, tuple(trained))),
            )
        )


def _choose(
    model: str, everyone: Mapping[str, DetectorRow], trained: Mapping[str, str], ranks: int
) -> tuple[int, list[str]]:
    """The posterior that the walk passes, and whose scores are drawn."""
    left, right = st.columns([1, 2.4], vertical_alignment="bottom")
    if st.session_state.get("outskirts_rank", 1) > ranks:
        st.session_state["outskirts_rank"] = ranks
    with left:
        rank = st.number_input(
            "Through which? 1 is the outermost",
            min_value=1,
            max_value=ranks,
            value=links.opens_with("outskirts_rank", 1),
            key="outskirts_rank",
            bind="query-params",
            persist_state="session",
        )
    with right:
        drawn = choices(
            "Detectors drawn",
            trained,
            key="outskirts_models",
            default=first_drawn(model, everyone, list(trained)),
            kind="select",
        )
    return int(rank), drawn


def first_drawn(
    model: str, everyone: Mapping[str, DetectorRow], trained: Sequence[str]
) -> list[str]:
    """The model itself, the others that make outliers as it does, and the first of each other kind."""
    kinds = {name: everyone[name].detector for name in trained}
    first_of = {kind: name for name, kind in reversed(kinds.items())}
    like = [name for name, kind in kinds.items() if kind == kinds[model]]
    return list(dict.fromkeys((model, *like, *reversed(first_of.values()))))


def _show_steps(walked: Ray) -> None:
    steps = zip(walked.images, walked.kappas, strict=True)
    pictures = [(image, f"κ {kappa:g}", f"Decoded at kappa {kappa:g}") for image, kappa in steps]
    if walked.real is not None:
        pictures.insert(0, (walked.real, "real", f"Training image {walked.index} itself"))
    st.html(gallery.row(pictures, width=56))


def _show_scores(
    target: Target,
    walked: Ray,
    found: RayScores,
    view: Plane,
    drawn: Mapping[str, str],
    trained: Mapping[str, str],
) -> None:
    draw.chart(
        figures.scores(
            walked,
            found,
            drawn,
            others={n: title for n, title in trained.items() if n not in drawn},
            own=trained[target.stem],
            kappa=view.trained.kappa,
            title=f"Outward through training image {walked.index}",
        ),
        key="outskirts_ray",
        name=f"{target.scenario}-{target.stem}-ray",
        alt="Percentile of each detector's score along the ray, from the centre outward",
    )


STAR = (
    "☆ is the real training image. Where a star lies far from its line, that detector reacts to the "
    "decoder's blur."
)
NO_STAR = "The training image itself may not ship: no detector is asked about it here."


def _say(found: RayScores, trained: Mapping[str, str]) -> None:
    """Who failed, and how the figure is read."""
    for reason in found.failed.values():
        st.warning(reason, icon=":material/warning:")
    st.caption(
        "Percentile: share of held-out normal images that score lower; dashed, 95, above which "
        "an image is flagged. κ = 1 is the image itself as far as the VAE holds it. "
        f"{STAR if found.real_scores else NO_STAR} "
        "The dotted grey line skips the picture: it is what the classifiers "
        f"say of the code. {known_to(found.past, trained)}Thin grey: the other detectors."
    )


def known_to(past: Sequence[str], titles: Mapping[str, str]) -> str:
    """Which models know the training image, and that they are asked as if they did not."""
    if not past:
        return ""
    names = listed([f"“{titles[name]}”" for name in past])
    knows = "knows" if len(past) == 1 else "know"
    are = "it is asked as if it" if len(past) == 1 else "they are asked as if they"
    return f"{names} {knows} the training image: {are} did not. "
