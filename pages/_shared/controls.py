"""Controls that several pages have: a heading, choices, a model, an order, pages of pictures, files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from core import service
from core.service import (
    ORDERS,
    DetectorRow,
    NotTrained,
    OutskirtsError,
    OverviewQuery,
    Scenario,
    StartTile,
)
from pages._shared import links, picker
from pages._shared.ask import ask
from pages._shared.models import first_of, trained
from pages._shared.pages import row_of

__all__ = [
    "File",
    "begin",
    "choice",
    "choices",
    "choose_model",
    "chosen",
    "downloads",
    "heading",
    "in_words",
    "lead_to",
    "map_link",
    "pager",
    "say_missing",
    "say_no_strange",
    "say_stopped",
    "say_untrained",
    "tiles_of",
    "which_first",
]

_HEADED = "_headed"  # whether the page that is being drawn has its title
_turn_by_keys = st.components.v2.component(
    "outskirts.pager",
    js="\n".join(
        Path(__file__).with_name(name).read_text(encoding="utf-8")
        for name in ("taken.js", "pager.js")
    ),
)


@contextmanager
def in_words() -> Iterator[None]:
    """Say what went wrong within a fragment, where the frame does not hear of it; go on below."""
    try:
        yield
    except OutskirtsError as error:
        st.warning(str(error), icon=":material/warning:")


# The head of a page -------------------------------------------------------------------------------


def say_untrained(scenario: Scenario) -> None:
    """That no model is trained yet, with the command that trains one."""
    first = scenario.first_model
    how = f": `python -m core train {scenario.family}/{first}` trains one" if first else ""
    st.info(f"No model of this scenario is trained yet{how}.", icon=":material/info:")


def say_missing(row: DetectorRow) -> None:
    """Why a model is not here: in red where its checkpoint is damaged."""
    _say(row.missing, calm=row.untrained)


def _say(why: str, *, calm: bool) -> None:
    if calm:
        st.info(f"{why[:1].upper()}{why[1:]}.", icon=":material/info:")
    else:
        st.error(why, icon=":material/error:")


def begin() -> None:
    """A page is to be drawn, and has no title yet."""
    st.session_state[_HEADED] = False


def say_stopped(page: str, error: OutskirtsError) -> None:
    """What a page ended with, below its title."""
    if not st.session_state[_HEADED]:
        _title(page)
    _say(str(error), calm=isinstance(error, NotTrained))


def say_no_strange(missing: str) -> None:
    """A line where the scenario has no strange images, on what is missing for it."""
    st.info(f"There are no strange images in this scenario: {missing}.", icon=":material/info:")


def lead_to(detector: str, scenario: Scenario, *, within: Sequence[str] = ("detectors",)) -> None:
    """A button for each other scenario that has a detector, which opens it.

    Args:
        within: what is told of a scenario and must name the detector.
    """
    for row in service.scenarios():
        if row["scenario"] == scenario.family or any(
            detector not in row.get(w, ()) for w in within
        ):
            continue
        st.button(
            f"Open {row['title']}",
            key=row["scenario"],
            icon=":material/arrow_forward:",
            on_click=_open,
            args=(row["scenario"],),
        )


def _open(scenario: str) -> None:
    st.session_state["scenario"] = scenario


def heading(page: str, scenario: Scenario, models: Sequence[str]) -> None:
    """Title and question of a page, and a button for each state that is worth a look, in a row.

    Args:
        models: of the scenario that are trained.
    """
    _title(page)
    tiles = tiles_of(scenario, models, page)
    if not tiles:
        return
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key=f"{page}_try"
    ):
        st.markdown("Try this:", width="content")
        for i, tile in enumerate(tiles):
            st.button(
                tile.title,
                key=f"{page}_try_{i}",
                on_click=_try,
                args=(page, tile.state),
                help=tile.text or None,
            )


def _title(page: str) -> None:
    """The page's name and its question."""
    row = row_of(page)
    st.session_state[_HEADED] = True
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.title(row.title, width="content", anchor=False)
        st.markdown(row.question, width="content")


def _try(page: str, state: Mapping[str, Any]) -> None:
    """Set a state; the visitor's own image is put away where the state has another."""
    if "image" in state:
        picker.put_away()
    links.go(page, state)


def tiles_of(scenario: Scenario, models: Sequence[str], page: str = "") -> list[StartTile]:
    """What a scenario has to start with, of one page or of all, where its model is trained."""
    return [
        tile for tile in scenario.start if page in ("", tile.page) and tile.model in ("", *models)
    ]


# Choices ------------------------------------------------------------------------------------------


def choice(
    label: str,
    options: Mapping[str, str],
    *,
    key: str,
    default: str = "",
    kind: Literal["segmented", "select", "radio", "slider"] = "segmented",
    on_change: Callable[..., None] | None = None,
    args: tuple[Any, ...] = (),
    **looks: Any,
) -> str:
    """One of several, kept while pages change; in the address by its key where it is not the default.

    Args:
        options: key to label, at least one.
        default: what the page opens with; "" or one that is not there: the first.
        kind: a slider has the options in their order.
        looks: what else the widget takes, such as ``help``.
    """
    options = _apart(options)
    first, _ = _settled(label, options, key=key, default=default)
    shared: dict[str, Any] = {"key": key, "format_func": options.__getitem__, **looks}
    shared |= {"persist_state": "session", "on_change": on_change, "args": args}
    if kind == "segmented" or (kind == "slider" and len(options) == 1):  # it needs two ends
        value: Any = st.segmented_control(label, list(options), required=True, wrap=True, **shared)
    else:
        widgets = {"select": st.selectbox, "radio": st.radio, "slider": st.select_slider}
        widget: Any = widgets[kind]
        value = widget(label, list(options), **shared)
    links.write(key, None if value == first else value)
    return value


def chosen(label: str, options: Mapping[str, str], *, key: str, default: str = "") -> str:
    """What a `choice` says that is not drawn in this view of its page."""
    return _settled(label, options, key=key, default=default)[1]


def _settled(label: str, options: Mapping[str, str], *, key: str, default: str) -> tuple[str, str]:
    """What a choice opens with, and what it is: of the address, or kept, else that."""
    first = default if default in options else next(iter(options))
    asked = links.asked(label, key, options)
    if asked:
        st.session_state[key] = asked[0]
    elif st.session_state.get(key) not in options:
        st.session_state[key] = first
    return first, st.session_state[key]


def choices(
    label: str,
    options: Mapping[str, str],
    *,
    key: str,
    default: Sequence[str] | None = None,
    kind: Literal["pills", "select"] = "pills",
    **looks: Any,
) -> list[str]:
    """Any of several; in the address by their keys where they are not the default.

    Args:
        default: None: all of them.
    """
    options = _apart(options)
    first = [k for k in options if default is None or k in default]
    asked = links.asked(label, key, options)
    if asked is not None:
        st.session_state[key] = asked
    st.session_state[key] = _of_what_is_here(key, options, first)
    shared = {"key": key, "format_func": options.__getitem__, "persist_state": "session", **looks}
    if kind == "pills":
        values = st.pills(label, list(options), selection_mode="multi", **shared)
    else:
        values = st.multiselect(label, list(options), **shared)
    links.write(key, None if set(values) == set(first) else values)
    return list(values)


def _apart(options: Mapping[str, str]) -> Mapping[str, str]:
    """Options with the key beside each label that several share: Streamlit takes labels for one."""
    often = Counter(options.values())
    return {k: label if often[label] == 1 else f"{label} ({k})" for k, label in options.items()}


def _of_what_is_here(key: str, options: Mapping[str, str], first: Sequence[str]) -> list[str]:
    """What was chosen last, as far as it is here; what is not waits until it is again.

    A scenario of other options must not leave its own traces in the choice.
    """
    state, memory = st.session_state, f"_chosen_{key}"
    chosen, shown = state.get(memory, (None, None))
    if key not in state:
        chosen = None
    elif state[key] != shown:
        chosen = list(state[key])
    here = [k for k in chosen or () if k in options]
    shown = here if here or chosen == [] else list(first)
    state[memory] = (chosen, shown)
    return shown


def choose_model(label: str, models: Mapping[str, DetectorRow], default: str, key: str) -> str:
    """Pick a model, by its title; its checkpoint's name."""
    return choice(
        label,
        {name: row.title for name, row in models.items()},
        key=key,
        default=default,
        kind="select",
        help="  \n".join(f"**{row.title}** (`{name}`): {row.text}" for name, row in models.items()),
    )


def which_first(key: str, *, orders: Sequence[str] = ORDERS, **looks: Any) -> str:
    """The order in which pictures stand, the strangest first at first."""
    return choice("Which first", {order: order for order in orders}, key=key, **looks)


def pager(pages: int, *, key: str, order: Hashable = None) -> int:
    """Turn pages of pictures, with the arrow keys too; which one is open, from 1.

    The browser itself counts the clicks: those that come faster than pages are drawn are not lost.

    Args:
        order: of what the pages are; where it is another than before, the first page opens.
    """
    name, before = f"{key}_page", f"{key}_paged"
    if st.session_state.setdefault(before, order) != order:
        st.session_state[before], st.session_state[name] = order, 1
    if st.session_state.get(name, 1) > pages:
        st.session_state[name] = pages
    links.opens_with(name, 1)
    _turn_by_keys(key=f"{key}_keys")
    return st.pagination(pages, key=name, bind="query-params", persist_state="session")


# Ways out -----------------------------------------------------------------------------------------

MIMES = {
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "png": "image/png",
    "npy": "application/octet-stream",
    "npz": "application/octet-stream",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class File:
    """What a page gives away.

    Attributes:
        name: of the file, with its ending.
        data: makes it, when it is asked for, in a thread that has no session.
    """

    label: str
    name: str
    data: Callable[[], bytes | str]
    help: str | None = None


def downloads(*files: File) -> None:
    """Files to take away, side by side."""
    with st.container(horizontal=True, gap="small"):
        for file in files:
            st.download_button(
                file.label,
                file.data,
                file_name=file.name,
                mime=MIMES[file.name.rpartition(".")[2]],
                key=f"download_{file.name}",
                on_click="ignore",
                icon=":material/download:",
                help=file.help,
            )


def map_link(model: str, set_name: str, index: int) -> None:
    """A link to a reference image on the map of a model's codes."""
    # Only what differs from what the map opens with: the rest would be steps of the Back button.
    overview = ask(OverviewQuery(st.session_state["world"]))
    state = {"model": model} if model != first_of(trained(overview).values()) else {}
    st.page_link(
        "latent.py",
        label="Show on map",
        icon=":material/scatter_plot:",
        help="Where this image lies in the model's latent space, and what lies near it.",
        query_params=links.query_of("latent", state | {"image": picker.id_of(set_name, index)}),
    )
