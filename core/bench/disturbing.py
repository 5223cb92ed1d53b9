"""How quick every detector answers a slider that disturbs an image. Run it on an idle machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from core.bench._base import RUNS, Benchmark, Row, Say, row_of
from core.bench._browser import new_browser, served
from core.scenario import load_scenario

__all__ = ["BENCHMARKS", "disturbing"]

SCENARIO = "fashion"
PRESSES = 4  # of each slider, in each visit
SLIDERS = ("Turn", "Noise")
REST = 2500  # milliseconds: the curves are drawn by then
# Seconds, by the browser's own clock, from a key on a slider until its bars say something else,
# looked at in every frame: Playwright itself waits up to half a second between two looks.
PRESSED = """() => {
    window.said = document.querySelector('.own-bars').textContent;
    window.pressed = 0;
    addEventListener('keydown', () => { window.pressed = performance.now(); },
        { capture: true, once: true });
}"""
REDRAWN = """async () => {
    const same = () => document.querySelector('.own-bars')?.textContent === window.said;
    while (!window.pressed || same() || !document.querySelector('.own-bars'))
        await new Promise(done => requestAnimationFrame(done));
    return (performance.now() - window.pressed) / 1000;
}"""
# The same until the picture of the curves says another name or another place.
CURVED = """async () => {
    const lines = () => [...document.querySelectorAll('.st-key-own_along_chart .scatterlayer path')]
        .map(path => path.getAttribute('d')).join();
    const before = window.lines ??= lines();
    while (lines() === before) await new Promise(done => requestAnimationFrame(done));
    window.lines = lines();
    return (performance.now() - window.pressed) / 1000;
}"""


def disturbing(watch: Say) -> list[Row]:
    """Own images in a real browser: slider to redrawn percentiles, of some models and of all.

    Args:
        watch: told how far it came.
    """
    models = list(load_scenario(SCENARIO).training)
    rows = []
    for what, chosen in (("the models it opens with", []), (f"all {len(models)} models", models)):
        times: dict[str, list[float]] = {"bars": [], "curves": []}
        with served() as (address, _), new_browser() as new_page:
            for i in range(RUNS + 1):
                watch(f"disturbing under {what}, run {i} of {RUNS}")
                page = new_page()
                # Another contrast each time: what was answered once is answered at once.
                state = {"own_models": chosen, "own_contrast": 100 + 5 * i}
                page.goto(f"{address}/own?{urlencode(state, doseq=True)}")
                page.locator(".own-bars").wait_for(timeout=120_000)
                page.locator(".st-key-own_along_chart .main-svg").first.wait_for(timeout=120_000)
                found = _moves(page)
                page.context.close()
                if i:  # the first visit loads models
                    for name, values in found.items():
                        times[name] += values
        rows += [
            row_of("disturbing", f"slider to redrawn percentiles, {what}", times["bars"], "s"),
            row_of("disturbing", f"slider to redrawn curves, {what}", times["curves"], "s"),
        ]
    return rows


def _moves(page: Any) -> dict[str, list[float]]:
    """Seconds from keys on two sliders to bars and curves that are drawn anew."""
    found: dict[str, list[float]] = {"bars": [], "curves": []}
    for title in SLIDERS:
        slider = page.get_by_role("slider", name=title)
        for _ in range(PRESSES):
            page.wait_for_timeout(REST)
            slider.focus()
            page.evaluate(PRESSED)
            page.evaluate("() => { window.lines = undefined; }")
            curved = page.evaluate_handle(f"() => {{ window.curved = ({CURVED})(); }}")
            page.keyboard.press("ArrowRight")
            found["bars"].append(page.evaluate(REDRAWN))
            found["curves"].append(page.evaluate("() => window.curved"))
            curved.dispose()
    return found


BENCHMARKS: Mapping[str, Benchmark] = {"disturbing": disturbing}
