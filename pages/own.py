"""Own images: what does every detector say of an image of yours, and when does it change its mind?"""

import streamlit as st

from core.service import OverviewQuery
from pages._own import many, one
from pages._shared import links
from pages._shared.ask import ask
from pages._shared.controls import choice, choices, heading, say_untrained
from pages._shared.models import main_of, trained

VIEWS = {"one": "One image", "draw": "A drawing", "many": "Many images"}

overview = ask(OverviewQuery(st.session_state["world"]))
ready = trained(overview)
heading("own", overview.scenario, list(ready))
if not ready:
    say_untrained(overview.scenario)
    raise links.PageEnds
left, right = st.columns([1.25, 2.2], gap="small", vertical_alignment="bottom")
with left:
    view = choice("Look at", VIEWS, key=many.VIEW)
with right:
    models = choices(
        "Detectors",
        {name: row.title for name, row in ready.items()},
        key="own_models",
        default=main_of(ready.values()),
        kind="select",
    )
if not models:
    st.info("Choose a detector.", icon=":material/info:")
    raise links.PageEnds
if view == "many":
    many.section(overview, ready, models, seed=st.session_state["seed"])
else:
    one.section(overview, ready, models, seed=st.session_state["seed"], draws=view == "draw")
