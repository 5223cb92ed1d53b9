"""Five visitors of one server at once: each is answered by its own threshold and its own image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from visitor import settled, visiting

from core import service
from core.scenario import load_scenario
from core.service import BatchQuery, Threshold, Verdict, VerdictsQuery

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETS = ("mnist", "turned", "flipped", "inverted", "noise")
CELLS = ("hits", "misses", "alarms", "passed")
TABLE = ".st-key-own_picture table tbody"


@dataclass(frozen=True)
class Visit:
    """A visitor: which page it has, what it asks for and the picture (28, 28, 1) that it brings."""

    page: Page
    number: int
    strange: str
    at: float
    picture: np.ndarray

    @property
    def name(self) -> str:
        return f"visitor{self.number}.png"

    @property
    def threshold(self) -> Threshold:
        return Threshold("percentile", self.at)

    def verdict(self, model: str = "glow") -> Verdict:
        query = VerdictsQuery("fashion", self.strange, (model,), self.threshold)
        return service.ask(query).models[0]


@pytest.fixture
def visits(browser) -> Iterator[list[Visit]]:
    pictures = {name: load_scenario("fashion").pictures(name).images for name in SETS}
    with ExitStack() as stack:
        yield [
            Visit(
                stack.enter_context(visiting(browser)),
                number,
                name,
                52.5 + 10 * number,
                pictures[name][100 + 37 * number],
            )
            for number, name in enumerate(SETS)
        ]


def counts_are(visit: Visit, found: Verdict) -> None:
    """Wait until the confusion matrix has these counts."""
    for cell in CELLS:
        count = f"{getattr(found, cell):,}"
        expect(visit.page.locator(f".cell.{cell} b")).to_have_text(count, timeout=120_000)


def brought(visits: list[Visit], folder: Path) -> None:
    """Every visitor goes to Own images and gives its picture, each step at once for all."""
    for visit in visits:
        Image.fromarray(visit.picture[..., 0]).save(folder / visit.name)
        visit.page.get_by_role("link", name="Own images").click()
    for visit in visits:
        visit.page.get_by_text("Many images", exact=True).click()
    for visit in visits:
        box = visit.page.locator("[data-testid=stFileUploaderDropzone] input").first
        box.set_input_files(folder / visit.name)


def is_answered(visit: Visit) -> None:
    """Its own picture alone is in the table, with the percentiles and flags of its own line."""
    row = visit.page.locator(f"{TABLE} tr")
    expect(row).to_have_count(1, timeout=120_000)
    settled(visit.page)
    assert row.locator("th span").inner_text() == visit.name
    models = visit.page.locator(".st-key-own_picture thead button").all_inner_texts()[2:]
    titles = {r.name: r.title for r in service.ask(service.OverviewQuery("fashion")).detectors}
    names = tuple(next(n for n, t in titles.items() if t == m.strip()) for m in models)
    answer = service.ask(BatchQuery("fashion", names, 1), visit.picture.tobytes())
    for name, cell in zip(names, row.locator("td").all()[1:], strict=True):
        said = answer.models[name]
        assert cell.inner_text().startswith(f"{said.percentiles[0]:.1f}")
        flagged = bool(said.raw[0] > visit.verdict(name).raw)
        assert ("flagged" in (cell.get_attribute("class") or "")) is flagged
    others = set(re.findall(r"visitor\d+\.png", visit.page.locator("body").inner_text()))
    assert others <= {visit.name}


def test_five_sessions_at_once_are_each_answered_what_it_asked(visits, address, tmp_path):
    for visit in visits:
        query = f"compare_set={visit.strange}&compare_at={visit.at}"
        visit.page.goto(f"{address}/compare?{query}", wait_until="commit")
    for visit in visits:
        counts_are(visit, visit.verdict())
    assert len({tuple(getattr(v.verdict(), c) for c in CELLS) for v in visits}) == len(visits)
    brought(visits, tmp_path)
    for visit in visits:
        is_answered(visit)
