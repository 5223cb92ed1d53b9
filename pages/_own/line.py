"""The visitor's one threshold as it is for the models of this page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from core.service import (
    Batch,
    Overview,
    Threshold,
    Verdict,
    Verdicts,
    VerdictsQuery,
)
from pages._shared import threshold
from pages._shared.ask import ask
from pages._shared.text import numeral

__all__ = ["Drawn", "drawn"]


@dataclass(frozen=True)
class Drawn:
    """Where each model flags.

    Attributes:
        line: the threshold that is used, with what is expected; strange: the set that its figures
            are of.
        verdicts: of the models, on that set.
        kept: whether it is the visitor's; one of another scenario is not used, but the default.
    """

    line: threshold.Line
    strange: str
    verdicts: Verdicts
    kept: bool = True

    def of(self, model: str) -> Verdict:
        return self.verdicts.of(model)

    def flagged(self, batch: Batch) -> Mapping[str, np.ndarray]:
        """Whether each model flags each of N images, model to (N,)."""
        return {name: said.raw > self.of(name).raw for name, said in batch.models.items()}

    def in_words(self) -> str:
        """Above which line a model flags, for a sentence that begins with "Flagged is"."""
        standing, t = self.verdicts.standing, self.line.threshold
        if standing is None:
            return "what lies above the threshold that costs a model least on reference images"
        text = f"what lies above percentile {standing:.4g} of held-out normal images"
        if t.by == "score":
            text += f", where {self.of(t.model).title} scores {numeral(self.of(t.model).displayed, '.4g')}"
        return text


def drawn(overview: Overview, models: Sequence[str]) -> Drawn:
    """The visitor's threshold for these models; the default where it is one of another scenario."""
    line, kept = threshold.line(), True
    strange = {s.name for s in overview.scenario.strange}
    chosen = str(st.session_state.get("compare_set", ""))
    first = next(iter(overview.scenario.strange), None)
    which = chosen if chosen in strange else first.name if first else ""
    names = tuple(models)
    if line.threshold.by == "score" and line.threshold.model not in models:
        known = {row.name for row in overview.detectors}
        kept = line.threshold.model in known
        names = (*names, line.threshold.model) if kept else names
    if not strange and line.threshold.by == "cost":  # nothing says what costs least
        kept = False
    given: Threshold = line.threshold if kept else threshold.DEFAULT.threshold
    stakes = {"miss_cost": line.costs.miss, "alarm_cost": line.costs.alarm}
    asked = VerdictsQuery(
        overview.scenario.name, which, names, given, prevalence=line.prevalence, **stakes
    )
    return Drawn(replace(line, threshold=given), which, ask(asked), kept)
