"""Where the notebook of a session is kept, how far, and what is still to be told there."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import streamlit as st

from core.service import notebook as notes

__all__ = ["Change", "Kept", "amend", "keeping"]

_STATE = "_notebook_kept"
_EMPTY = notes.Contents()


@dataclass(frozen=True)
class Change:
    """What came and went at once, for the browser, which says when it has kept it."""

    number: int
    items: tuple[notes.Item, ...]

    @cached_property
    def packed(self) -> list[Any]:
        came, went = ([i for i in self.items if i.gone is gone] for gone in (False, True))
        return [self.number, notes.packed(came), notes.packed(went)]


@dataclass(frozen=True)
class Kept:
    """Where the notebook is kept, and how far.

    Attributes:
        session: names this one to the browser, which may see several.
        told: what was told to where it is kept.
        tried: what could not be told last.
        name, revision: of a notebook on the server; "": the browser keeps it.
        waiting: what the browser has not kept yet.
        count: of all changes that the browser was told.
        asked, named: how often it was asked for what it has, and told a name to remember.
        awaited: whether a notebook was closed, and what the browser has is to come.
        failed: why not all is kept.
        anew, lost: how often the browser was told to put aside what it had, and why.
    """

    session: str
    told: notes.Contents = _EMPTY
    tried: notes.Contents | None = None
    name: str = ""
    revision: int = 0
    waiting: tuple[Change, ...] = ()
    count: int = 0
    asked: int = 0
    named: int = 0
    awaited: bool = False
    failed: str = ""
    anew: int = 0
    lost: str = ""


def keeping() -> Kept:
    """How it stands in this session."""
    if _STATE not in st.session_state:
        st.session_state[_STATE] = Kept(secrets.token_hex(8))
    return st.session_state[_STATE]


def amend(**changed: Any) -> None:
    """Let these attributes be so from now on."""
    st.session_state[_STATE] = replace(keeping(), **changed)
