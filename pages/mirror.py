"""Mirror: what does the mirrored autoencoder rebuild, and why is a bad mirror a sign of strangeness?"""

from collections.abc import Mapping

import streamlit as st

from core.service import DetectorRow, Overview, OverviewQuery
from pages._mirror import ablation, distances, fooled, looked, mirroring, ray, simplex
from pages._shared import links
from pages._shared.ask import ask
from pages._shared.controls import chosen, heading, say_no_strange

LEAD = "mirror_leads"
LEADS = {"image": "an image and its mirror", "simplex": "three images mixed"}
WHY = (
    "**Why:** encoder E and generator G learned to rebuild normal images, and a critic that sees the "
    "image and its mirror side by side learned to tell such a pair from an image beside itself. Of "
    "something else the generator can only draw what it knows, so a bad mirror is a sign of "
    "strangeness. R, the mirror distance, is how far apart the critic's features of both pairs are. "
    "It is a sign, no proof: who can draw what is normal may draw other things as well."
)
HOW_TO_READ = (
    "The map shares R out exactly: orange pixels add to it, blue ones take from it. ★ the score, as "
    "the paper has it; features under a full Gaussian, and their control with an untrained critic, "
    "are ours. Flagged is what lies above the threshold that flags 5\u00a0% of held-out normal images."
)


def show(overview: Overview, ready: Mapping[str, DetectorRow], seed: int) -> None:
    """The picture above the fold; then the ray, three mixed, whole sets, and pairs that fool it."""
    lead = chosen("On top", LEADS, key=LEAD)
    links.write(LEAD, None if lead == "image" else lead)
    above = st.container()
    with st.container(key="mirror_picture"):
        left, right = st.columns([1.55, 1], gap="medium")
        with right, st.container(gap="xsmall"):
            m = mirroring.choose(overview, ready, seed)
            picked, rule = looked.pick(m)
        with left:
            with st.container(key=looked.PAIR):
                view = looked.show(m, picked, rule)
            st.markdown(WHY)
        if view is not None:
            with right:
                st.html(looked.numbers(m, view))
    if view is not None:
        st.caption(HOW_TO_READ)
        looked.show_files(m, view, picked)
        ray.section(m, picked, view.image, looked.title_of(m, view, picked))
    with above if lead == "simplex" else st.container():
        simplex.section(overview, m.row, seed=seed)
    if m.strange:
        found = distances.section(m, view)
        fooled.section(m, picked, found)
    else:
        say_no_strange("whole sets cannot be compared, nor pairs that fool it be shown")


overview = ask(OverviewQuery(st.session_state["world"]))
models = mirroring.mirrors_of(overview)
ready = {name: row for name, row in models.items() if row.card is not None}
heading("mirror", overview.scenario, list(ready))
if not ready:
    mirroring.say_none(overview)
    raise links.PageEnds
show(overview, ready, st.session_state["seed"])
ablation.show()
