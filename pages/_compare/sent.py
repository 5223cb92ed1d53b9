"""What the browser gets of a model's thresholds, and what it gets of the one that is chosen."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.service import Operating, Rates, Verdict
from pages._compare.models import Compared
from pages._compare.said import MANY, expected, share_of
from pages._shared import draw
from pages._shared.theme import Palette

__all__ = ["RATES", "given", "now_of", "token_of"]

RATES = ("recall", "precision", "f1", "false_alarm_rate", "cost")
ROLES = ("normal", "strange")


def token_of(c: Compared) -> str:
    """Names the rows that are sent: another one where a number of them may be another."""
    digest = "" if c.data is None else hashlib.sha256(c.data).hexdigest()
    card = c.rows[c.model].card if c.model in c.rows else None
    weights = "" if card is None else card.weights.sha256
    asked = (c.scenario.name, c.strange, c.model, weights, c.line.prevalence, c.line.costs, digest)
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]


def given(c: Compared, found: Operating, verdict: Verdict, *, colours: Palette) -> dict[str, Any]:
    """All of it, but where the line was moved last."""
    m, share = found.metrics, share_of(c.line.prevalence)
    return {
        "token": token_of(c),
        "by": c.line.threshold.by,
        "model": found.title,
        "unit": found.unit,
        "titles": {"normal": c.sets[found.normal_set], "strange": c.sets[found.strange_set]},
        "sizes": {"normal": found.n_normal, "strange": found.n_strange},
        "prevalence": c.line.prevalence,
        "costs": {"miss": c.line.costs.miss, "alarm": c.line.costs.alarm},
        "histogram": _histogram(found),
        "rows": _rows(found, prevalence=c.line.prevalence),
        "now": now_of(verdict, prevalence=c.line.prevalence),
        "many": MANY,
        "roc": f"ROC: AUROC {m.auroc:.3f} ({draw.interval(m)})",
        "pr": f"Precision at {share} strange",
        "colours": {
            "name": colours.name,
            "normal": colours.normal,
            "strange": colours.strange,
            "focus": colours.focus,
            "faint": colours.faint,
            "grid": colours.grid,
        },
    }


def now_of(verdict: Verdict, *, prevalence: float) -> dict[str, float | None]:
    """The row of the threshold that is chosen, which may lie between two that are sent."""
    one: dict[str, float | None] = {
        "at": verdict.displayed,
        "percentile": verdict.percentile,
        "hits": verdict.hits,
        "alarms": verdict.alarms,
    }
    one |= _expected(verdict, prevalence)
    for name in RATES:
        estimate = getattr(verdict, name)
        for end, value in _ends(name, estimate).items():
            one[end] = float(value) if np.isfinite(value) else None
    return one


def _histogram(found: Operating) -> dict[str, Any]:
    h, sizes = found.histogram, {"normal": found.n_normal, "strange": found.n_strange}
    sent: dict[str, Any] = {role: _text(h.counts[role]) for role in ROLES}
    beyond = [{role: side[role] / sizes[role] for role in ROLES} for side in (h.below, h.above)]
    return {"edges": _text(h.edges), "beyond": beyond, **sent}


def _rows(found: Operating, *, prevalence: float) -> Mapping[str, str]:
    rows = found.rows
    columns: dict[str, Any] = {
        "at": rows.displayed,
        "percentile": rows.percentile,
        "hits": rows.hits,
        "alarms": rows.alarms,
    }
    columns |= _expected(rows.rates, prevalence)
    for name in RATES:
        columns |= _ends(name, getattr(rows.rates, name))
    return {name: _text(values) for name, values in columns.items()}


def _expected(rates: Verdict | Rates, prevalence: float) -> dict[str, Any]:
    """How many of `MANY` images are in each cell, and how many are strange."""
    return {f"{cell}_expected": number for cell, number in expected(rates, prevalence).items()}


def _ends(name: str, figure: Any) -> dict[str, Any]:
    return {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}


def _text(values: np.ndarray) -> str:
    return b64encode(np.ascontiguousarray(values, "<f8").tobytes()).decode()
