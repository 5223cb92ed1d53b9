"""The notebook as every page's sidebar shows it: what it holds, a line to add, ways in and out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from core import service
from core.service import OutskirtsError
from core.service import notebook as notes
from pages._shared import notebook, uploads
from pages._shared.text import counted, plain

__all__ = ["in_sidebar", "summary"]

LATEST, CHOSEN = 50, 24  # lines and images that are listed
_LINE, _NAME = "notebook_line", "notebook_name"
_ROUND, _SAID, _CLEAR = "_notebook_round", "_notebook_said", "_notebook_clear"
FILE = "outskirts-notebook.sqlite"


def in_sidebar() -> None:
    """A button that opens the notebook; and what keeps it, which shows nothing."""
    _button()
    _listening()


@st.fragment
def _button() -> None:
    pressed = st.button(
        "Notebook", key="notebook_open", icon=":material/edit_note:", width="stretch"
    )
    if pressed or st.session_state.pop(notebook.AGAIN, False):
        _panel()


@st.fragment
def _listening() -> None:
    """Apart from the button: what runs that again without a press closes the notebook."""
    if notebook.news():
        st.rerun()
    for said in filter(None, (notebook.failure(), notebook.lost())):
        st.warning(plain(said), icon=":material/warning:")
    notebook.hand_over("home", home=True)


@st.dialog("Notebook", width="medium")
def _panel() -> None:
    notebook.refresh()
    if notebook.news():  # the page shows it too
        _reopen()
    st.markdown(f"What you note here, tag and choose is {notebook.where()}.")
    _named()
    st.text_input(
        "A line of notes",
        key=_LINE,
        max_chars=notes.LONGEST_LINE,
        placeholder="what you saw, then Enter",
        on_change=_add,
    )
    held = notebook.contents()
    _lines(held)
    _chosen(held)
    _counts(held)
    _ways(held)
    notebook.hand_over("panel")


def _reopen() -> None:
    """Run the whole page, which closes the notebook, and open it again."""
    st.session_state[notebook.AGAIN] = True
    st.rerun()


# The server's notebooks ---------------------------------------------------------------------------


def _named() -> None:
    """Where the server keeps notebooks: which one is open."""
    try:
        if notes.notebooks() is None:
            return
    except notes.NotebookError as error:
        st.warning(plain(str(error)), icon=":material/warning:")
        return
    if name := notebook.opened():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/menu_book: **{plain(name)}**", width="content")
            st.button("Close it", key="notebook_close", on_click=_close)
    else:
        st.text_input(
            "Notebook on this server",
            key=_NAME,
            max_chars=60,
            placeholder="its name, then Enter",
            on_change=_open,
            help="A name that is not there yet makes a new notebook, with what you have here.",
        )
    st.caption("Whoever knows a notebook's name can open it: read it, write in it, and clear it.")
    _told()


def _open() -> None:
    text = st.session_state[_NAME].strip()
    st.session_state[_NAME] = ""
    if not text:
        return
    try:
        notebook.open_named(text)
    except OutskirtsError as error:
        st.session_state[_SAID] = str(error)
    notebook.announce()


def _close() -> None:
    notebook.close()
    notebook.announce()


def _told() -> None:
    """What came of the last press, once."""
    if said := st.session_state.pop(_SAID, ""):
        st.info(plain(said))


# What it holds ------------------------------------------------------------------------------------


def _add() -> None:
    notebook.add_line(st.session_state[_LINE])
    st.session_state[_LINE] = ""


def _lines(held: notes.Contents) -> None:
    if not held.lines:
        return
    zone = _zone()
    listed = held.lines[: -LATEST - 1 : -1]
    with st.container(key="notebook_lines", gap="xsmall"):
        for line in listed:
            _row(
                f"{plain(line.text)}  \n:gray[{_time(line.time, zone)}]",
                f"line_{line.id}",
                help=f"Remove the line {plain(line.text[:40])}",
                item=notes.Item("line", "", "", line.id),
            )
    if len(held.lines) > len(listed):
        st.caption(f"The latest {LATEST} of {len(held.lines):,} lines; the file has all.")


def _zone() -> tzinfo:
    """The visitor's own."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _time(seconds: float, zone: tzinfo) -> str:
    """When, as a visitor there says it."""
    at = datetime.fromtimestamp(min(max(seconds, 0), 4e10), zone)
    return f"{at:%d %b %Y, %H:%M}"


def _row(text: str, key: str, *, help: str, item: notes.Item) -> None:
    """Something that it holds, and a button that takes it out."""
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key=f"notebook_row_{key}"
    ):
        st.markdown(text, width="stretch")
        st.button(
            "",
            key=f"notebook_{key}",
            type="tertiary",
            icon=":material/close:",
            on_click=notebook.take_out,
            args=(item,),
            help=help,
        )


def _chosen(held: notes.Contents) -> None:
    number = sum(map(len, held.chosen.values())) + len(held.own)
    if not number:
        return
    st.markdown(f"**{counted(number, 'chosen image')}**")
    with st.container(key="notebook_chosen", gap="xsmall"):
        for own in held.own[:CHOSEN]:
            _row(
                f"{plain(own.name)}  \n:gray[your own: sha256 {own.sha256[:12]}…]",
                f"own_{own.sha256}",
                help=f"Take {plain(own.name)} out of the notebook.",
                item=notes.Item("own", "", "", own.sha256),
            )
        for scenario, image in list(_images(held))[:CHOSEN]:
            _picture(scenario, image)
    if number > CHOSEN:
        st.caption("The first of them; the file has all.")


def _images(held: notes.Contents) -> Iterator[tuple[str, str]]:
    for scenario, images in held.chosen.items():
        yield from ((scenario, image) for image in images)


def _picture(scenario: str, image: str) -> None:
    name, _, index = image.rpartition("#")
    address = f"thumbnail/{quote(scenario, safe='')}/{quote(name, safe='')}/{index}.png"
    _row(
        f"![{plain(image)}]({address}) {plain(image)} :gray[{_title(scenario)}]",
        f"chosen_{scenario}_{image}",
        help=f"Take {plain(image)} out of the notebook.",
        item=notes.Item("chosen", scenario, "", image),
    )


def _counts(held: notes.Contents) -> None:
    for scenario, tags in held.tags.items():
        listed = ", ".join(f"{plain(name)} {len(ids):,}" for name, ids in tags.items())
        st.markdown(f"**Tags**, {_title(scenario)}: {listed}")


def _title(stem: str) -> str:
    """Of a scenario, and of the class that is normal in it; one that is not here has its name."""
    name, _, normal = stem.partition(".")
    rows = [row for row in service.scenarios() if row["scenario"] == name and "error" not in row]
    if not rows or (normal and normal not in rows[0]["variants"]):
        return plain(stem)
    titles = dict(zip(rows[0]["variants"], rows[0].get("classes", ()), strict=True))
    return plain(": ".join([rows[0]["title"], *([titles[normal]] if normal else [])]))


# Ways in and out ----------------------------------------------------------------------------------


def summary(held: notes.Contents) -> str:
    """What a notebook holds, in words.

    Example:
        >>> summary(notes.Contents(chosen={"fashion": ("mnist#1",)}, prevalence=0.1))
        '1 chosen image, the expected share of strange images'
        >>> summary(notes.Contents())
        'nothing'
    """
    tagged = {(s, i) for s, tags in held.tags.items() for ids in tags.values() for i in ids}
    images = sum(map(len, held.chosen.values())) + len(held.own)
    parts = [
        counted(number, thing)
        for number, thing in (
            (sum(map(len, held.tags.values())), "tag"),
            (len(tagged), "tagged image"),
            (images, "chosen image"),
            (len(held.lines), "line"),
        )
        if number
    ]
    parts += ["the threshold"] if held.threshold else []
    parts += ["the expected share of strange images"] if held.prevalence is not None else []
    parts += ["the costs of mistakes"] if held.costs else []
    return ", ".join(parts) or "nothing"


def _ways(held: notes.Contents) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.download_button(
            "Save to a file",
            lambda: notes.save(held),
            file_name=FILE,
            mime="application/vnd.sqlite3",
            on_click="ignore",
            icon=":material/download:",
            key="notebook_save",
        )
        if held != notes.Contents():
            st.button("Clear", key="notebook_clear", icon=":material/delete:", on_click=_ask)
    if st.session_state.get(_CLEAR):
        _sure(held)
    _load()
    if not notebook.opened():
        _told()


def _ask() -> None:
    st.session_state[_CLEAR] = True


def _sure(held: notes.Contents) -> None:
    everybody = ", for everybody who uses it" if notebook.opened() else ""
    st.warning(f"Clear {summary(held)}{everybody}? It cannot be undone.")
    with st.container(horizontal=True, gap="xsmall"):
        st.button("Clear it all", key="notebook_clear_yes", on_click=_cleared, args=(True,))
        st.button("Keep it", key="notebook_clear_no", on_click=_cleared, args=(False,))


def _cleared(sure: bool) -> None:
    st.session_state[_CLEAR] = False
    if sure:
        notebook.put(notes.Contents())
        notebook.announce()


def _load() -> None:
    """A notebook from a file, beside what is here."""
    times = st.session_state.setdefault(_ROUND, 0)
    file: Any = st.file_uploader(
        "Load from a file",
        type=["sqlite"],
        max_upload_size=-(-notes.MAX_FILE // 2**20),
        key=f"notebook_load_{times}",
    )
    if file is None:
        return
    try:
        loaded = notes.load(file.getvalue())
    except OutskirtsError as error:
        st.warning(plain(f"{file.name}: {error}"), icon=":material/warning:")
        return
    uploads.let_go([file.file_id])
    notebook.join(loaded)
    st.session_state[_SAID] = f"Loaded {summary(loaded)}."
    st.session_state[_ROUND] = times + 1
    _reopen()
