"""What every page shares: navigation, the scenario, the seed, and the sheet of terms."""

from pathlib import Path
from typing import Any

import streamlit as st

from core import service
from pages._shared import (
    boxes,
    controls,
    history,
    lecture,
    lecture_panel,
    links,
    login,
    notebook,
    notebook_panel,
    presenting,
    repaint,
    theme,
)
from pages._shared.pages import PAGES, row_of, sheet

KEYS = """
**Keys.** `H` opens this sheet, `Esc` closes it, `Tab` goes from control to control; the left and
right arrow keys turn the pages of a gallery. `P` takes up the presenter's view, without sidebar and
with larger words, and leaves it; there the arrow keys, and `Page Up` and `Page Down`, turn the steps
of the lecture.
"""


@st.dialog("Terms and keys", width="large")
def terms(stem: str) -> None:
    st.markdown(sheet(stem) + "\n" + KEYS)


def choose_scenario(rows: list[dict[str, Any]], detector: str) -> str | None:
    """The scenario that pages ask for: NAME, or NAME.CLASS where one class is normal.

    Args:
        detector: whose models the page is about, or "".
    """
    # One class against the others is harder to grasp; and an untrained one shows nothing.
    good = {
        r["scenario"]: r
        for r in sorted(rows, key=lambda r: (not r.get("models"), bool(r.get("variants"))))
        if "error" not in r
    }
    if not good:
        return None
    # Where a detector has models of several shares of known anomalies, its page is about these.
    having = sorted(
        (stem for stem, row in good.items() if detector in row["detectors"]),
        key=lambda stem: detector not in good[stem].get("shares", {}),
    )
    name = controls.choice(
        "Scenario",
        {stem: row["title"] for stem, row in good.items()},
        key="scenario",
        default=next(iter(having), ""),
        kind="select",
        help="What counts as normal, and what as strange.",
    )
    variants: list[str] = good[name]["variants"]
    if not variants:
        links.write("normal", None)
        return name
    normal = controls.choice(
        "Normal class",
        dict(zip(variants, good[name]["classes"], strict=True)),
        key="normal",
        kind="select",
        help="The class that the detectors learned; all others are strange.",
    )
    return f"{name}.{normal}"


def sidebar(stem: str) -> str | None:
    rows = service.scenarios()
    with st.sidebar:
        for row in rows:
            if "error" in row:
                st.error(row["error"], icon=":material/error:")
        scenario = choose_scenario(rows, row_of(stem).detector)
        st.number_input(
            "Seed",
            min_value=0,
            max_value=9999,
            value=0,
            key="seed",
            bind="query-params",
            help="Draws the random examples. The same seed shows the same images to everybody.",
        )
        if st.button("Terms and keys", shortcut="H", icon=":material/help:", width="stretch"):
            terms(stem)
        notebook_panel.in_sidebar()
        lecture_panel.in_sidebar()
        login.in_sidebar()
        history.one_entry_an_act()
        boxes.reach_by_key()
        repaint.when_the_theme_turns()
    return scenario


def rendering_of(world: str | None) -> str:
    """How the pictures of a scenario, NAME or NAME.CLASS, are enlarged."""
    name = (world or "").partition(".")[0]
    rows = (r for r in service.scenarios() if r["scenario"] == name and "error" not in r)
    return next((service.Shape(*r["image"]).rendering for r in rows), "pixelated")


st.set_page_config(
    page_icon=str(Path(__file__).with_name("_icon.png")),
    layout="wide",
    initial_sidebar_state=220,
)
page = st.navigation(
    [st.Page(f"{p.stem}.py", title=p.title, icon=p.icon, default=p is PAGES[0]) for p in PAGES],
    position="sidebar" if login.passed() else "hidden",
)
login.ask_first()
stem = page.url_path or PAGES[0].stem
st.set_page_config(page_title=f"{page.title} · Outskirts")
links.arrive(stem)
lecture.arrive()
presenting.arrive(stem)
notebook.begin()
st.session_state["world"] = sidebar(stem)
st.html(theme.css(theme.palette(), rendering_of(st.session_state["world"])))
if presenting.on():
    st.html(presenting.CSS)
lecture.strip(stem)
if st.session_state["world"] is None:
    st.error("There is no scenario in the checkpoints folder.", icon=":material/error:")
    st.stop()
notes = st.container()
controls.begin()
try:
    page.run()
except service.OutskirtsError as error:
    controls.say_stopped(stem, error)
except links.PageEnds:
    pass
with notes:
    links.say_unknown()
notebook.hand_over("after")  # what the page itself changed, such as the threshold of a link
links.leave()
