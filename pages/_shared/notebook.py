"""The notebook of a session: tags, chosen images, lines of notes and the threshold.

It is kept in the visitor's browser, or under a name on the server. Who changes it says what it holds
now (`put`); what came and what went is told to where it is kept, by `keep` and `hand_over`, item by
item, so that another tab or another visitor loses nothing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import streamlit as st

from core.service import OutskirtsError, Threshold
from core.service import notebook as notes
from pages._shared import threshold
from pages._shared.notebook_kept import Change, amend, keeping
from pages._shared.picker import Own
from pages._shared.scripts import IN_TURN
from pages._shared.text import plain

__all__ = [
    "AGAIN",
    "add_line",
    "announce",
    "begin",
    "choose_own",
    "close",
    "contents",
    "failure",
    "hand_over",
    "join",
    "keep",
    "lost",
    "news",
    "open_named",
    "opened",
    "pin",
    "put",
    "refresh",
    "take",
    "take_out",
    "where",
]

AGAIN = "_notebook_again"  # whether the next whole run opens the notebook
HOME = "notebook"  # the key of the component that listens to the browser
_CONTENTS, _NEWS = "_notebook", "_notebook_news"
_EMPTY = notes.Contents()
FAILED = {
    "full": "Your browser has no room for more of this notebook: what came last lasts until you "
    "reload. Save it to a file, or take something out.",
    "denied": "Your browser lets this page keep nothing: tags and notes last until you reload. Save "
    "them to a file.",
}
LOST = "Parts of what this browser kept of the notebook cannot be read and are put aside: {:,}."

_browser = st.components.v2.component(
    "outskirts.notebook",
    js=IN_TURN + Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


# What it holds ------------------------------------------------------------------------------------


def contents() -> notes.Contents:
    """All that the notebook holds, with the threshold as it is now."""
    held: notes.Contents = st.session_state.get(_CONTENTS, _EMPTY)
    line = threshold.line()
    if line == threshold.DEFAULT:
        return held
    first = threshold.DEFAULT
    return replace(
        held,
        threshold=_unless(first.threshold, line.threshold, ("by", "value", "model")),
        prevalence=None if line.prevalence == first.prevalence else line.prevalence,
        costs=_unless(first.costs, line.costs, ("miss", "alarm")),
    )


def _unless(first: Any, value: Any, fields: tuple[str, ...]) -> Any:
    """The fields of a value; None where it is what a session opens with, which nobody has to keep."""
    return None if value == first else tuple(getattr(value, f) for f in fields)


def put(after: notes.Contents) -> None:
    """Let the notebook hold this now, and tell it to where it is kept."""
    _hold(after)
    keep()


def _hold(after: notes.Contents) -> None:
    before = contents()
    mine = ("threshold", "prevalence", "costs")
    if any(getattr(before, f) != getattr(after, f) for f in mine):
        _set_line(after)
    st.session_state[_CONTENTS] = replace(after, threshold=None, prevalence=None, costs=None)


def _set_line(after: notes.Contents) -> None:
    """Draw the threshold where a notebook has it."""
    first = threshold.DEFAULT
    drawn, costs = first.threshold, first.costs
    if after.threshold is not None:
        by, value, model = after.threshold
        try:
            drawn = Threshold(by, value, model)  # type: ignore[arg-type]  # it checks that
        except ValueError:
            drawn = first.threshold  # of a file that somebody wrote
    if after.costs is not None:
        costs = threshold.Costs(*after.costs)
    prevalence = first.prevalence if after.prevalence is None else after.prevalence
    threshold.set_to(drawn, prevalence=prevalence, costs=costs)


def add_line(text: str) -> None:
    """Write a line of notes below the others."""
    if line := notes.tidy(text):
        item = notes.Item("line", "", "", secrets.token_hex(8), line, round(time.time(), 3))
        put(notes.applied(contents(), [notes.checked(item)]))


def choose_own(own: Own) -> None:
    """Choose the visitor's own image, or no longer: its hash and its name, without its pixels."""
    held, one = contents(), _own(own)
    there = {o.sha256 for o in held.own}
    rest = tuple(o for o in held.own if o.sha256 != one.sha256)
    put(replace(held, own=rest if one.sha256 in there else (*rest, one)))


def _own(own: Own) -> notes.OwnImage:
    name = "".join(c for c in own.name if c.isprintable())
    return notes.OwnImage(sha256(own.data).hexdigest(), name[-200:])


def take_out(item: notes.Item) -> None:
    """Hold this item no longer."""
    put(notes.applied(contents(), [item._replace(gone=True)]))


def join(more: notes.Contents) -> None:
    """Let the notebook hold another one besides, whose threshold counts."""
    put(notes.applied(contents(), notes.difference(_EMPTY, more, time=time.time())))


# Where it is kept ---------------------------------------------------------------------------------


def opened() -> str:
    """The name of the notebook on the server that is open; "": it is kept in the browser."""
    return keeping().name


def failure() -> str:
    """Why not all of the notebook is kept, or ""."""
    return keeping().failed


def lost() -> str:
    """What could not be read of what the browser had kept, or ""."""
    return keeping().lost


def where() -> str:
    """Where it is kept, to end a sentence with."""
    if failure():
        return "kept until you reload this page, no longer: see *Notebook*"
    if name := opened():
        return f"kept in the notebook “{plain(name)}” on this server"
    return "kept in this browser, through a reload too"


def begin() -> None:
    """What a whole run of a page begins with: tell what changed, hear what others changed."""
    if keeping().tried is not None:  # what failed may go through now
        amend(tried=None)
    keep()
    refresh()
    st.session_state[_NEWS] = False


def news() -> bool:
    """Whether the browser brought something since the last whole run, which a page may show."""
    return st.session_state.pop(_NEWS, False)


def announce() -> None:
    """Let the page show at once what was done to all of the notebook."""
    st.session_state[_NEWS] = True


def refresh() -> None:
    """Hear what others changed in the notebook on the server since."""
    kept = keeping()
    if not kept.name:
        return
    try:
        store = notes.notebooks()
        revision, items = (0, []) if store is None else store.read(kept.name, since=kept.revision)
    except notes.NotebookError as error:
        amend(failed=str(error))
        return
    if kept.failed and kept.tried is None:
        amend(failed="")
    if items:
        held = contents()
        amend(told=notes.applied(kept.told, items), revision=revision)
        _receive(held, notes.applied(held, items))


def _receive(before: notes.Contents, after: notes.Contents) -> None:
    if after != before:
        _hold(after)
        st.session_state[_NEWS] = True


def keep() -> None:
    """Tell where the notebook is kept what came and what went since; nothing costs nothing."""
    held, kept = contents(), keeping()
    if held in (kept.told, kept.tried):
        return
    items = tuple(notes.difference(kept.told, held, time=round(time.time(), 3)))
    try:
        if kept.name:
            _write(kept.name, items)
        elif items:
            _wait(items)
    except notes.NotebookError as error:
        amend(tried=held, failed=str(error))
    else:
        amend(told=held, tried=None)


def _write(name: str, items: tuple[notes.Item, ...]) -> None:
    store = notes.notebooks()
    if store is None:
        raise notes.NotebookError("this server keeps no notebooks")
    revision, seen = store.write(name, items), keeping().revision
    # Where another wrote since, what that was is still to be heard.
    amend(failed="", revision=revision if revision == seen + 1 else seen)


def _wait(items: tuple[notes.Item, ...]) -> None:
    kept = keeping()
    change = Change(kept.count + 1, items)
    amend(waiting=(*kept.waiting, change), count=change.number)


def open_named(text: str) -> None:
    """Open the notebook of a name on the server; a new one begins with what is held now.

    Raises:
        notes.NotebookError: it is no name, or notebooks cannot be read.
    """
    name, store = notes.name_of(text), notes.notebooks()
    if store is None:
        return
    revision, items = store.read(name)
    amend(name=name, revision=revision, told=_EMPTY, tried=None, failed="")
    amend(named=keeping().named + 1)
    if revision:
        there = notes.applied(_EMPTY, items)
        amend(told=there)
        _hold(there)
    keep()


def close() -> None:
    """Go back to the notebook that the browser keeps."""
    kept = keeping()
    amend(name="", revision=0, told=_EMPTY, tried=None, failed="")
    amend(named=kept.named + 1, asked=kept.asked + 1, awaited=True)
    _hold(_EMPTY)


# The browser's half -------------------------------------------------------------------------------


def hand_over(place: str, *, home: bool = False) -> None:
    """Give the browser what it is to keep; in each part of a page that changes the notebook.

    Args:
        place: another in each part.
        home: whether it is this part that hears from the browser.
    """
    keep()
    kept = keeping()
    data = {
        "session": kept.session,
        "changes": tuple(change.packed for change in kept.waiting),
        "longest": notes.LONGEST,
        "anew": kept.anew,
        "home": home,
    }
    if not home:
        with st.container(key=f"kept_{place}"):  # which theme.py hides
            _browser(key=f"{HOME}_{place}", data=data)
        return
    data |= {"asked": kept.asked, "named": kept.named, "name": kept.name}
    with st.container(key="kept_home"):
        _browser(key=HOME, data=data, on_stored_change=_stored, on_seen_change=_seen)


def _told(event: str) -> Mapping[str, Any]:
    found = (st.session_state.get(HOME) or {}).get(event)
    return found if isinstance(found, Mapping) else {}


def _seen() -> None:
    """The browser has kept all changes up to a number, or says why it has not."""
    told, kept = _told("seen"), keeping()
    number, failed = told.get("number"), str(told.get("failed", ""))
    if isinstance(number, int):
        waiting = tuple(change for change in kept.waiting if change.number > number)
        amend(waiting=waiting)
    if not kept.name:
        amend(failed=FAILED.get(failed, ""))
    st.session_state[_NEWS] = keeping().failed != kept.failed


def _stored() -> None:
    """The browser hands over all that it keeps."""
    told, kept = _told("stored"), keeping()
    text, name = told.get("text"), told.get("name")
    if not isinstance(text, str) or not isinstance(name, str):
        return
    first = not kept.named and not kept.name
    if first and name and _opens(name):
        return
    if kept.name:
        return
    if failed := FAILED.get(str(told.get("failed", ""))):
        amend(failed=failed)
    take(text)
    if kept.awaited:
        amend(awaited=False)
        st.session_state[AGAIN] = st.session_state[_NEWS] = True


def _opens(name: str) -> bool:
    """Whether the notebook that the browser remembers is open again."""
    try:
        open_named(name)
    except notes.NotebookError as error:
        amend(failed=str(error))
    st.session_state[_NEWS] = True
    return bool(keeping().name)


def take(text: str) -> None:
    """Hold what the browser has, and what it has not been told yet."""
    kept, held = keeping(), contents()
    there, lost = _read(text)
    told = notes.applied(there, [item for change in kept.waiting for item in change.items])
    after = notes.applied(told, notes.difference(kept.told, held, time=time.time()))
    amend(told=told)
    if lost:  # it begins anew with all that is held, and no longer hands over what is damaged
        amend(told=_EMPTY, waiting=(), anew=kept.anew + 1, lost=lost)
        announce()
    _receive(held, after)


def _read(text: str) -> tuple[notes.Contents, str]:
    """What can be read of what the browser has, and what is said of the rest."""
    try:
        there, bad = notes.salvaged(text) if text else (_EMPTY, 0)
    except notes.NotebookError as error:
        return _EMPTY, f"{str(error).capitalize()}: it is put aside, and the notebook begins anew."
    return there, LOST.format(bad) if bad else ""


# Beside an image ----------------------------------------------------------------------------------


def pin(scenario: str, image: str | Own, *, key: str) -> None:
    """A button that chooses the image which is looked at, for the notebook and the report.

    Args:
        image: the id "set#index" of a reference image, or the visitor's own.
        key: of the part of the page that it stands in.
    """
    held = contents()
    if isinstance(image, str):
        on = image in held.chosen.get(scenario, ())
    else:
        on = _own(image).sha256 in {own.sha256 for own in held.own}
    st.button(
        "Chosen" if on else "Choose",
        key=f"{key}_pin",
        icon=":material/check:" if on else ":material/keep:",
        on_click=_turn,
        args=(scenario, image),
        help="Take this image out of the notebook."
        if on
        else "Keep this image in the notebook: of one of your own, its name and hash alone.",
    )
    hand_over(key)


def _turn(scenario: str, image: str | Own) -> None:
    if isinstance(image, Own):
        choose_own(image)
        return
    held = contents()
    gone = image in held.chosen.get(scenario, ())
    item = notes.Item("chosen", scenario, "", image, gone=gone)
    try:
        put(notes.applied(held, [notes.checked(item)]))
    except OutskirtsError as error:  # an image whose id no notebook holds
        amend(failed=str(error))
