"""Compare: where would you draw the line, and which detector would you believe?"""

import streamlit as st

from core.service import OverviewQuery
from pages._compare import models
from pages._compare.whole import show
from pages._shared import links
from pages._shared.ask import ask
from pages._shared.controls import heading, say_no_strange, say_untrained

overview = ask(OverviewQuery(st.session_state["world"]))
rows = models.trained(overview)
heading("compare", overview.scenario, list(rows))
if not rows:
    say_untrained(overview.scenario)
    raise links.PageEnds
if not overview.scenario.strange:
    say_no_strange(
        "nothing can be counted as found or missed, so there is no threshold to weigh; "
        "Own images and Explain show what each detector flags"
    )
    raise links.PageEnds
show(overview, rows)
