"""A walk from the centre of the posteriors outward, under every detector of the scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.service import DetectorRow, Plane, RayQuery, RayScoresQuery, Target
from pages._outskirts import files, plane
from pages._shared import draw, gallery
from pages._shared.ask import ask
from pages._shared.controls import in_words

__all__ = ["walk"]

LINES = ("glow", "glow.outliers", "glow.patches")  # drawn at first, beside models of outskirts


@st.fragment
def walk(target: Target, everyone: Mapping[str, DetectorRow], view: Plane, criterion: str) -> None:
    """From the centre through one training image and on; what every detector says on the way."""
    model = target.stem
    st.subheader("A walk outward")
    st.markdown(
        "From the centre of all posteriors through one training image and on. Each step is decoded "
        "and shown to every detector of the scenario."
    )
    controls = st.columns([1, 2.4], vertical_alignment="bottom")
    if st.session_state.get("outskirts_rank", 1) > len(view.images):
        st.session_state["outskirts_rank"] = len(view.images)
    rank = controls[0].number_input(
        "Through which? 1 is the outermost",
        min_value=1,
        max_value=len(view.images),
        key="outskirts_rank",
        bind="query-params",
        persist_state="session",
    )
    trained = [name for name, row in everyone.items() if row.card is not None]
    if "outskirts_models" in st.session_state:  # of a scenario of other models, maybe
        kept = [name for name in st.session_state["outskirts_models"] if name in trained]
        st.session_state["outskirts_models"] = kept or [model]
    chosen = controls[1].multiselect(
        "Detectors drawn",
        trained,
        default=first_drawn(model, everyone, trained),
        format_func=lambda name: everyone[name].title,
        key="outskirts_models",
        bind="query-params",
        persist_state="session",
    )
    with in_words():
        query = RayQuery(target, criterion, int(rank))
        walked = ask(query)
        steps = zip(walked.images, walked.kappas, strict=True)
        pictures = [
            (walked.real, "real", f"Training image {walked.index} itself"),
            *((image, f"κ {kappa:g}", f"Decoded at kappa {kappa:g}") for image, kappa in steps),
        ]
        st.html(gallery.row(pictures, width=56))
        asked = RayScoresQuery(query, tuple(trained))
        found = ask(asked)
        draw.chart(
            plane.scores(
                walked,
                found,
                {name: everyone[name].title for name in chosen},
                others={n: everyone[n].title for n in trained if n not in chosen},
                own=everyone[model].title,
                kappa=view.trained.kappa,
            ),
            key="outskirts_ray",
            name=f"{target.scenario}-{model}-ray",
            alt="Percentile of each detector's score along the ray, from the centre outward",
        )
        for reason in found.failed.values():
            st.warning(reason, icon=":material/warning:")
        st.caption(
            "Percentile: share of held-out normal images that score lower; dashed, 95, above which "
            "an image is flagged. κ = 1 is the image itself as far as the VAE holds it; ☆ is the "
            "real training image. Where a star lies far from its line, that detector reacts to the "
            "decoder's blur. The dotted grey line skips the picture: it is what the classifiers "
            "say of the code. " + known_to(found.past, everyone) + "Thin grey: the other detectors."
        )
        st.download_button(
            "This walk under every detector (CSV)",
            lambda: files.ray_csv(asked),
            file_name=f"{target.scenario}-{model}-ray-{criterion}-{rank}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
        )


def first_drawn(
    model: str, everyone: Mapping[str, DetectorRow], trained: Sequence[str]
) -> list[str]:
    """The model itself, the others that make outliers as it does, and a few of another kind."""
    like = [name for name in trained if everyone[name].detector == everyone[model].detector]
    names = dict.fromkeys((model, *like, *LINES))
    return [name for name in names if name in trained]


def known_to(past: Sequence[str], everyone: Mapping[str, DetectorRow]) -> str:
    """Which models know the training image, and that they are asked as if they did not."""
    if not past:
        return ""
    names = " and ".join(f"“{everyone[name].title}”" for name in past)
    knows = "knows" if len(past) == 1 else "know"
    are = "it is asked as if it" if len(past) == 1 else "they are asked as if they"
    return f"{names} {knows} the training image: {are} did not. "
