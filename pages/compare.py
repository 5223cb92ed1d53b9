"""Compare: where would you draw the line, and which detector would you believe?"""

import streamlit as st

from core.service import OverviewQuery
from pages._shared.ask import ask
from pages._shared.controls import heading

overview = ask(OverviewQuery(st.session_state["world"]))
ready = {row.name: row for row in overview.detectors if row.card is not None}
heading("compare", overview.scenario, list(ready))
