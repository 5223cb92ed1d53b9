"""Tags that a visitor gives to images, and the file that carries them from day to day."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from core.service import OutskirtsError, ids_of_keys, keys_of_ids
from pages._latent import selection
from pages._shared.text import plain

__all__ = ["split", "tagging", "tags", "tags_of", "tidy"]

STATE = "_latent_tags"
FORMULA = ("=", "+", "-", "@", "'")  # an apostrophe itself too, or reading could not tell


def tags(scenario: str) -> Mapping[str, np.ndarray]:
    """Names of tags with the keys of their images."""
    return st.session_state.get(STATE, {}).get(scenario, {})


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
            help="Tags last until you reload this page. *Download tags* takes them away, and "
            "*Load tags* brings them back.",
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
        st.caption("Tags last until you reload this page: download them to keep them.")


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
    found = dict(tags(scenario))
    for name, keys in new.items():
        found[name] = np.union1d(found.get(name, np.array([], np.int64)), keys)
    _keep(scenario, found)


def _untag(scenario: str, name: str) -> None:
    _keep(scenario, {k: v for k, v in tags(scenario).items() if k != name})


def _keep(scenario: str, found: Mapping[str, np.ndarray]) -> None:
    st.session_state[STATE] = st.session_state.get(STATE, {}) | {scenario: dict(found)}


def _load(scenario: str) -> None:
    """Tags of a table that was taken away from this page."""
    times = st.session_state.setdefault("_latent_loads", 0)
    file = st.file_uploader(
        "A table with the columns image and tags", type=["csv"], key=f"latent_tags_{times}"
    )
    if file is None:
        return
    try:
        new = _read(scenario, file.getvalue())
    except (OutskirtsError, UnicodeDecodeError, csv.Error) as error:
        st.warning(plain(f"{file.name}: {error}"), icon=":material/warning:")
        return
    _add(scenario, new)
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
