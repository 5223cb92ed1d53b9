"""Own images: what does every detector say of an image of yours, and when does it change its mind?"""

import streamlit as st

from core.service import OverviewQuery
from pages._shared.ask import ask
from pages._shared.controls import heading

overview = ask(OverviewQuery(st.session_state["world"]))
ready = {row.name: row for row in overview.detectors if row.card is not None}
heading("own", overview.scenario, list(ready))
