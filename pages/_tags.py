"""Tags that a visitor gives to images, and the file that carries them from day to day."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import numpy as np
import streamlit as st

from core.service import OutskirtsError, keys_of_ids
from pages import _selection

__all__ = ["tagging", "tags", "tags_of"]

STATE = "_latent_tags"


def tags(scenario: str) -> Mapping[str, np.ndarray]:
    """Names of tags with the keys of their images."""
    return st.session_state.get(STATE, {}).get(scenario, {})


def tags_of(keys: np.ndarray, known: Mapping[str, np.ndarray]) -> list[str]:
    """The tags of each image, joined by commas, of those that `tags` knows."""
    found = [(name, set(tagged.tolist())) for name, tagged in known.items()]
    return [", ".join(name for name, of in found if key in of) for key in keys.tolist()]


def tagging(keys: np.ndarray, scenario: str) -> None:
    """Give the images of these keys a tag, select a tag's images, and load tags."""
    if len(keys):
        st.text_input(
            "Tag these images",
            key="latent_new_tag",
            placeholder="a word, then Enter",
            on_change=_tag,
            args=(scenario, keys),
            help="Tags last as long as this browser tab. The table below takes them away, and "
            "*Load tags* brings them back.",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        for i, (name, tagged) in enumerate(tags(scenario).items()):
            st.button(
                f"{name} ({len(tagged):,})",
                key=f"latent_tag_{i}",
                on_click=_selection.select,
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
                help=f"Take the tag {name} off its images.",
            )
        with st.popover("Load tags", icon=":material/label:"):
            _load(scenario)


def _tag(scenario: str, keys: np.ndarray) -> None:
    name = " ".join(st.session_state["latent_new_tag"].replace(",", " ").split())
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
    _selection.change()


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
        st.warning(f"{file.name}: {error}", icon=":material/warning:")
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
        for name in filter(None, map(str.strip, (row["tags"] or "").split(","))):
            found.setdefault(name, []).append(row["image"] or "")
    if not found:
        raise OutskirtsError("no image of this table has a tag")
    return {name: keys_of_ids(scenario, ids) for name, ids in found.items()}
