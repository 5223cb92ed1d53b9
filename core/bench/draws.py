"""How long a slider of Outskirts takes to a redrawn gallery, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Mapping

from core.bench._base import RUNS, Benchmark, Row, Say, row_of
from core.bench._browser import new_browser, served

__all__ = ["BENCHMARKS", "draws"]


def draws(watch: Say) -> list[Row]:
    """Outskirts, models loaded: a step of the slider "Push" to the whole gallery drawn anew.

    ``watch`` is told how far it came.
    """
    times, last = [], ".st-key-outskirts_follow_8"
    changed = f"was => document.querySelector('{last}').innerText !== was && PICTURES"
    changed = changed.replace(
        "PICTURES",
        "[...document.querySelectorAll('[data-testid=stImage] img')].every(i => i.complete)",
    )
    with new_browser() as new_page, served() as (address, _):
        page = new_page()
        page.goto(f"{address}/outskirts")
        page.locator(last).wait_for(timeout=60_000)
        page.get_by_role("heading", name="Does the latent space").wait_for(timeout=60_000)
        for i in range(2 * RUNS + 1):
            watch(f"draws, step {i} of {2 * RUNS}")
            page.wait_for_timeout(2000)
            was = page.locator(last).inner_text()
            page.locator(".st-key-outskirts_kappa input[type=range]").focus()
            began = time.perf_counter()
            page.keyboard.press("ArrowRight" if i % 4 < 2 else "ArrowLeft")
            page.wait_for_function(changed, arg=was, timeout=60_000)
            times.append(time.perf_counter() - began)
    return [row_of("draws", "slider of Outskirts to redrawn gallery", times[1:], "s")]


BENCHMARKS: Mapping[str, Benchmark] = {"draws": draws}
