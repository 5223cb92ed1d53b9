"""Tags that a visitor gives to images: kept in the notebook, and in a table to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import numpy as np
import streamlit as st

from core.service import OutskirtsError, ids_of_keys, keys_of_ids
from core.service import notebook as notes
from pages._latent import selection
from pages._shared import notebook, uploads
from pages._shared.text import plain

__all__ = ["split", "tagging", "tags", "tags_of", "tidy"]

STATE, _READ = "_latent_tags", "_latent_tags_read"
FORMULA = ("=", "+", "-", "@", "'")  # an apostrophe itself too, or reading could not tell


def tags(scenario: str) -> Mapping[str, np.ndarray]:
    """Names of tags with the keys of their images, as the notebook has them."""
    held, state = notebook.contents().tags.get(scenario, {}), st.session_state
    read = state.setdefault(_READ, {})
    if read.get(scenario) != held:  # the same images, to be named anew
        found = {name: _keys(scenario, ids) for name, ids in held.items()}
        named = {name: keys for name, keys in found.items() if len(keys)}
        state[STATE] = state.get(STATE, {}) | {scenario: named}
        read[scenario] = held
    return state.get(STATE, {}).get(scenario, {})


def _keys(scenario: str, ids: Sequence[str]) -> np.ndarray:
    """The images that are here: a notebook may come from where there are others."""
    try:
        return np.sort(keys_of_ids(scenario, ids))
    except OutskirtsError:
        here = []
        for one in ids:
            with suppress(OutskirtsError):
                here.append(keys_of_ids(scenario, [one]))
        return np.sort(np.concatenate(here)) if here else np.array([], np.int64)


def tags_of(keys: np.ndarray, known: Mapping[str, np.ndarray]) -> list[str]:
    """The tags of each image in one cell, of those that `tags` knows; see `split`."""
    found = [(name, set(tagged.tolist())) for name, tagged in known.items()]
    return [_joined([name for name, of in found if key in of]) for key in keys.tolist()]


def _joined(names: Sequence[str]) -> str:
    """Tags as a cell of a table, a line of CSV within it: a tag may hold commas itself.

    A spreadsheet takes what begins with one of `FORMULA` for a formula, and an apostrophe before
    it for the sign that it is none.

    Example:
        >>> _joined(["odd", "=1+2"]), _joined(["=1+2", "a, b"])
        ('odd, =1+2', '\'=1+2, "a, b"')
    """
    quoted = (
        '"' + n.replace('"', '""') + '"' if n.startswith('"') or "," in n else n for n in names
    )
    cell = ", ".join(quoted)
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def split(cell: str) -> list[str]:
    """The tags that a cell holds, as `tags_of` wrote it.

    Example:
        >>> split(_joined(["=1+2", "a, b", "'c"]))
        ['=1+2', 'a, b', "'c"]
    """
    if cell.startswith(tuple(f"'{sign}" for sign in FORMULA)):
        cell = cell[1:]
    fields = next(csv.reader([cell], skipinitialspace=True), [])
    return [name for name in map(tidy, fields) if name]


def tidy(name: str) -> str:
    """A tag without needless spaces, in one line."""
    return " ".join(name.split())


def tagging(keys: np.ndarray, scenario: str) -> None:
    """Give the images of these keys a tag, select a tag's images, and load tags."""
    if len(keys):
        st.text_input(
            "Tag these images",
            key="latent_new_tag",
            placeholder="a word, then Enter",
            on_change=_tag,
            args=(scenario, keys),
            max_chars=notes.LONGEST_NAME,
            help=f"Tags are {notebook.where()}. *Download tags* takes them away, and *Load tags* "
            "brings them back.",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        for i, (name, tagged) in enumerate(tags(scenario).items()):
            st.button(
                f"{plain(name)} ({len(tagged):,})",
                key=f"latent_tag_{i}",
                on_click=selection.select,
                args=(scenario, tagged),
                help="Select these images.",
            )
            st.button(
                "",
                key=f"latent_untag_{i}",
                type="tertiary",
                icon=":material/close:",
                on_click=_untag,
                args=(scenario, name),
                help=f"Take the tag {plain(name)} off its images.",
            )
        if tags(scenario):
            _download(scenario)
        with st.popover("Load tags", icon=":material/label:"):
            _load(scenario)
    if tags(scenario):
        st.caption(f"Tags are {notebook.where()}.")
    notebook.hand_over("latent_tags")


def _download(scenario: str) -> None:
    known = tags(scenario)  # the table is written in a thread that has no session
    st.download_button(
        "Download tags",
        lambda: _table(scenario, known),
        file_name=f"{scenario}-tags.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="latent_tags_away",
    )


def _table(scenario: str, known: Mapping[str, np.ndarray]) -> bytes:
    """Every tagged image with its tags, as CSV."""
    keys = np.unique(np.concatenate(list(known.values())))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("image", "tags"))
    writer.writerows(zip(ids_of_keys(scenario, keys), tags_of(keys, known), strict=True))
    return text.getvalue().encode()


def _tag(scenario: str, keys: np.ndarray) -> None:
    name = tidy(st.session_state["latent_new_tag"])
    if name:
        _add(scenario, {name: keys})
        st.session_state["latent_new_tag"] = ""


def _add(scenario: str, new: Mapping[str, np.ndarray]) -> None:
    _change(
        notes.Item("tag", scenario, name, image)
        for name, keys in new.items()
        for image in ids_of_keys(scenario, keys)
    )


def _untag(scenario: str, name: str) -> None:
    images = notebook.contents().tags.get(scenario, {}).get(name, ())
    _change(notes.Item("tag", scenario, name, image, gone=True) for image in images)


def _change(items: Iterable[notes.Item]) -> None:
    notebook.put(notes.applied(notebook.contents(), map(notes.checked, items)))


def _load(scenario: str) -> None:
    """Tags of a table that was taken away from this page."""
    times = st.session_state.setdefault("_latent_loads", 0)
    file = st.file_uploader(
        "A table with the columns image and tags", type=["csv"], key=f"latent_tags_{times}"
    )
    if file is None:
        return
    try:
        _add(scenario, _read(scenario, file.getvalue()))
    except (OutskirtsError, UnicodeDecodeError, csv.Error) as error:
        st.warning(plain(f"{file.name}: {error}"), icon=":material/warning:")
        return
    uploads.let_go([file.file_id])
    st.session_state["_latent_loads"] = times + 1
    st.rerun()


def _read(scenario: str, data: bytes) -> dict[str, np.ndarray]:
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    if not {"image", "tags"} <= set(rows.fieldnames or ()):
        raise OutskirtsError("the table needs the columns image and tags")
    found: dict[str, list[str]] = {}
    for row in rows:
        for name in split(row["tags"] or ""):
            found.setdefault(name, []).append(row["image"] or "")
    if not found:
        raise OutskirtsError("no image of this table has a tag")
    return {name: keys_of_ids(scenario, ids) for name, ids in found.items()}
