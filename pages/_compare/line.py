"""The controls of the threshold: how it is set, how rare the strange is, and what a mistake costs.

What they say is the session's threshold (`pages._shared.threshold`), and the other way round: what
another page sets there is taken over, unless a link names the threshold itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import streamlit as st

from core.service import Threshold, VerdictsQuery
from pages._compare import said
from pages._shared import links, threshold
from pages._shared.ask import ask
from pages._shared.controls import choice
from pages._shared.text import hundredths
from pages._shared.threshold import DEFAULT, Costs, Line

__all__ = [
    "Scored",
    "Standing",
    "choose",
    "moved",
    "remember",
    "restated",
    "set_percentile",
    "take_over",
    "typed",
]

BY, AT, PREVALENCE = "compare_by", "compare_at", "compare_prevalence"
MISS, ALARM = "compare_miss", "compare_alarm"
_MINE, _STANDS = "_compare_line", "_compare_stands"
_SCORED, _WAY = "_compare_scored", "_compare_way"
By = Literal["percentile", "alarms", "score", "cost"]
WAYS: Mapping[str, str] = {
    "percentile": "percentile",
    "alarms": "false-alarm rate",
    "score": "score",
    "cost": "least cost",
}
OPENS = {"percentile": 95.0, "alarms": 0.05, "score": 0.0, "cost": 0.0}
SHARES = (
    *(0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008),
    *(0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08),
    *(0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5),
)  # each further by about as much, as a logarithm sees it
LEAST, MOST = 1e-6, 0.999  # prevalences that are believed of a link
DEAREST = 1e6
DIGITS = 6  # of a percentile, as the service rounds it

Standing = tuple[float, float]  # of one model: percentile, and raw score


@dataclass(frozen=True)
class Scored:
    """Of whom scores are shown: a threshold that is a score says nothing of anybody else.

    Attributes:
        share: of the images shown, how many are strange, 0 to 1.
    """

    scenario: str
    strange: str
    model: str
    data: bytes | None = None
    share: float = 0.5

    @property
    def whose(self) -> tuple[str, str]:
        return self.scenario, self.model


# What the session knows ---------------------------------------------------------------------------


def take_over(scenario: str, models: Collection[str]) -> None:
    """Set the controls as another page left the threshold, if one did since this page last ran.

    Args:
        scenario: whose page it is.
        models: of the scenario: a score of another one's says nothing here.
    """
    keys = (BY, AT, PREVALENCE, MISS, ALARM)
    if links.followed() and any(key in st.query_params for key in keys):
        return
    line = threshold.line()
    if line == st.session_state.get(_MINE, DEFAULT):
        return
    by, at = line.threshold.by, line.threshold.value
    if by == "score" and line.threshold.model not in models:
        by, at = "percentile", DEFAULT.threshold.value
    state = st.session_state
    state[BY], state[AT] = by, at
    if by == "score":
        state[_SCORED] = (scenario, line.threshold.model)
    state[PREVALENCE] = _text(line.prevalence)
    for key, cost in ((MISS, line.costs.miss), (ALARM, line.costs.alarm)):
        state[key] = float(np.clip(cost, 0, DEAREST))
    for key in (BY, AT, PREVALENCE):  # those of costs are Streamlit's own, which write themselves
        links.write(key, None)


def choose(of: Scored, places: Mapping[str, Any]) -> Line:
    """The controls, and what they say.

    Args:
        of: whose scores are shown.
        places: of the controls, "by", "prevalence" and "costs".
    """
    _as_score_of(of)
    with places["by"]:
        by = cast(
            By,
            choice(
                "Threshold by",
                WAYS,
                key=BY,
                kind="select",
                on_change=_by_changed,
                args=(of.model,),
                help="A percentile of held-out normal images, the share of them that is flagged, "
                "the score itself, or where mistakes cost least on the images shown. Every other "
                "model stands at the same percentile; by least cost each stands at its own.",
            ),
        )
    at = _at(by)
    st.session_state[_SCORED] = of.whose
    with places["prevalence"]:
        prevalence = _prevalence(of.share)
    with places["costs"]:
        costs = _costs()
    line = Line(Threshold(by, at, of.model if by == "score" else ""), prevalence, costs)
    threshold.set_to(line.threshold, prevalence=prevalence, costs=costs)
    st.session_state[_MINE] = line
    return line


def _as_score_of(of: Scored) -> None:
    """A threshold that is another model's score becomes this one's, at the same percentile.

    Whose it is changes with the model, the normal class or the scenario, and where a visitor's own
    scores are put away.
    """
    state = st.session_state
    if links.followed() and any(key in st.query_params for key in (BY, AT)):
        state.pop(_WAY, None)
        return
    whose = state.get(_SCORED, of.whose)
    if state.get(BY) != "score" or AT not in state or whose == of.whose:
        return
    place = _place(whose, of)
    if place is None:
        links.unknown("Threshold", f"score {state[AT]} of another model")
        state[BY], state[AT] = DEFAULT.threshold.by, DEFAULT.threshold.value
        return
    query = VerdictsQuery(of.scenario, of.strange, (of.model,), place)
    state[AT] = ask(query, of.data).models[0].raw


def _place(whose: tuple[str, str], of: Scored) -> Threshold | None:
    """Where the score of somebody else stands, as it was shown last, or as it can be asked here."""
    stands = st.session_state.get(_STANDS, {})
    if whose in stands:
        return Threshold("percentile", stands[whose][0])
    if whose[0] == of.scenario:
        return Threshold("score", float(st.session_state[AT]), whose[1])
    return None


def _at(by: By) -> float:
    """The value of the threshold: of the address, or kept, else what such a one opens with."""
    state = st.session_state
    if links.followed() and AT in st.query_params:
        state[AT] = st.query_params[AT]
    at = _number(by, state.get(AT, OPENS[by]))
    if at is None:
        links.unknown("Threshold", str(state[AT]))
        at = OPENS[by]
    state[AT] = at
    links.write(
        AT, None if by == "cost" or at == OPENS[by] else repr(at)
    )  # no digit less: a score may be one of an image
    return at


def _number(by: By, given: object) -> float | None:
    """A threshold's value; None: it is none."""
    try:
        at = float(str(given))
        Threshold(by, at, "any")
    except ValueError:
        return None
    return at


# How it is set ------------------------------------------------------------------------------------


def remember(scenario: str, stands: Mapping[str, Standing]) -> None:
    """Keep where the models of a scenario stand: another way to set the threshold begins there."""
    st.session_state[_STANDS] = {(scenario, model): place for model, place in stands.items()}


def restated(by: By, standing: Standing) -> float:
    """The value of a threshold that is set in this way, for a model that stands at this place.

    Example:
        >>> restated("percentile", (97.5, -3.0)), restated("alarms", (97.5, -3.0))
        (97.5, 0.025)
        >>> restated("score", (97.5, -3.0))
        -3.0
    """
    percentile, raw = standing[0] + _up(standing[0]), standing[1]
    return {
        "percentile": round(percentile, DIGITS),
        "alarms": round(1 - percentile / 100, DIGITS + 2),
        "score": raw,
        "cost": 0.0,
    }[by]


def _up(percentile: float) -> float:
    """A little more, between two stored quantiles: there a percentile is rounded.

    What is rounded down would flag the one image whose score the threshold is.
    """
    tenths = 10 * percentile
    return 0.0 if abs(tenths - round(tenths)) < 1e-6 else 10**-DIGITS


def _by_changed(model: str) -> None:
    """The line stays where it is, and is called otherwise."""
    st.session_state.pop(_WAY, None)
    for (_, name), standing in st.session_state.get(_STANDS, {}).items():
        if name == model:
            st.session_state[AT] = restated(st.session_state[BY], standing)


def moved(standing: Standing) -> None:
    """The line was moved to this place; from the least cost it is moved away.

    Beyond all held-out normal images there is no percentile: there it is a score, until it is back
    among them.
    """
    state = st.session_state
    by = state.get(BY, "percentile")
    by = "percentile" if by == "cost" else by
    if standing[0] in (0, 100):
        if by != "score":
            state[_WAY] = by
        by = "score"
    elif by == "score":
        by = state.pop(_WAY, by)
    state[BY], state[AT] = by, restated(by, standing)


def set_percentile(value: float) -> None:
    """Set the threshold at this percentile, however it was set before."""
    st.session_state[BY], st.session_state[AT] = "percentile", value


def typed(value: float, *, raw: float) -> None:
    """The value was typed, in the unit of the box; one that cannot be is the nearest that can.

    Args:
        raw: the score that the value is, if it is one.
    """
    by = st.session_state.get(BY, "percentile")
    by = "percentile" if by == "cost" else by
    value = float(np.clip(value, 0, 100))
    st.session_state[BY] = by
    values = {"percentile": value, "alarms": round(value / 100, 10), "score": raw}
    st.session_state[AT] = values[by]


# What is expected ---------------------------------------------------------------------------------


def _prevalence(here: float) -> float:
    """The share of strange images that are expected; one that a link names joins the slider.

    Args:
        here: their share of the images shown.
    """
    shares = {_text(share): share for share in SHARES}
    for given in (st.session_state.get(PREVALENCE), _in_link(PREVALENCE)):
        share = _share(given)
        if share is not None:
            shares[_text(share)] = share
    options = {text: said.share_of(s) for text, s in sorted(shares.items(), key=lambda o: o[1])}
    default = _text(DEFAULT.prevalence)
    return shares[
        choice(
            "Strange images expected",
            options,
            key=PREVALENCE,
            default=default,
            kind="slider",
            help="The prevalence: the share of strange images where the detector will work. Of the "
            f"test images shown here {hundredths(here)} are strange; in the world it may be any "
            "share. Precision, F1 and cost follow it.",
        )
    ]


def _in_link(key: str) -> str | None:
    return st.query_params.get(key) if links.followed() else None


def _text(share: float) -> str:
    return f"{share:.10g}"


def _share(given: object) -> float | None:
    try:
        share = float(str(given))
    except ValueError:
        return None
    return share if LEAST <= share <= MOST else None


def _costs() -> Costs:
    places = st.columns(2, gap="xsmall", vertical_alignment="bottom")
    miss = _cost(places[0], "A miss costs", key=MISS, what="A strange image that is not flagged.")
    alarm = _cost(places[1], "An alarm", key=ALARM, what="A normal image that is flagged.")
    if miss or alarm:
        return Costs(miss, alarm)
    st.caption("Both cost nothing, so that no threshold is better: 1 and 1 are taken.")
    return DEFAULT.costs


def _cost(place: Any, label: str, *, key: str, what: str) -> float:
    return float(
        place.number_input(
            label,
            min_value=0.0,
            max_value=DEAREST,
            value=links.opens_with(key, 1.0),
            step=1.0,
            format="%g",
            key=key,
            bind="query-params",
            persist_state="session",
            help=f"{what} Only the ratio of the two costs moves the least cost.",
        )
    )
