"""A report opened in a browser: nothing is asked for, nothing complains, everybody can read it."""

from __future__ import annotations

from itertools import product

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from test_report_page import report  # noqa: F401 - a fixture

from core.evaluate.threshold import Threshold
from core.report import report_html

pytestmark = pytest.mark.browser

AXE = "() => axe.run().then(found => found.violations.map(v => v.id + ': ' + v.nodes[0].html))"


def test_a_report_opens_alone(browser, tmp_path, report) -> None:  # noqa: F811
    assert report.threshold == Threshold("percentile", 95.0)
    file = tmp_path / "r.html"
    file.write_text(report_html(report), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert page.locator("tbody tr").count() > 8
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth)")
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    page.evaluate(AXE_SCRIPT)
    for width, theme in product((1280, 390), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, theme
        assert page.evaluate(AXE) == [], (width, theme)
    assert said == []
    page.close()
