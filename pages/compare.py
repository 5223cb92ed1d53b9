"""Compare: where would you draw the line, and which detector would you believe?"""

import streamlit as st

from core.service import OverviewQuery
from pages._compare import models
from pages._compare.whole import show
from pages._shared import links
from pages._shared.ask import ask
from pages._shared.controls import heading

overview = ask(OverviewQuery(st.session_state["world"]))
rows = models.trained(overview)
heading("compare", overview.scenario, list(rows))
if not rows:
    st.info("No model of this scenario is trained yet.", icon=":material/info:")
    raise links.PageEnds
show(overview, rows)
