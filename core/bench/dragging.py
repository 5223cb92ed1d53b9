"""How quick the threshold of Compare is, in a real browser. Run it on an idle machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.bench._base import RUNS, Benchmark, Row, Say, row_of
from core.bench._browser import new_browser, served

__all__ = ["BENCHMARKS", "dragging"]

MOVES, LENGTH = 12, 9  # of a drag: steps, and CSS pixels each
REST = 1500  # milliseconds: a page has drawn all by then
# Seconds, by the browser's own clock, from a move of the mouse until the frame after the one in
# which the counts are others; looked at in every frame.
MOVED = """room => {
    const counts = () => room.querySelector('.matrix').textContent;
    const before = counts();
    window.moved = new Promise(done => addEventListener('pointermove', event => {
        const ended = () => done((performance.now() - event.timeStamp) / 1000);
        const look = () => requestAnimationFrame(counts() === before ? look : ended);
        look();
    }, { capture: true, once: true }));
}"""
# The same from letting go until the page says what the threshold means.
LET_GO = """() => {
    const words = () => [...document.querySelectorAll('[data-testid=stMarkdownContainer]')]
        .find(text => text.textContent.startsWith('What you see'))?.textContent;
    const before = words();
    window.moved = new Promise(done => addEventListener('pointerup', event => {
        const ended = () => done((performance.now() - event.timeStamp) / 1000);
        const same = () => !words() || words() === before;
        const look = () => requestAnimationFrame(same() ? look : ended);
        look();
    }, { capture: true, once: true }));
}"""
SECONDS = "() => window.moved"


def dragging(watch: Say) -> list[Row]:
    """A drag of the threshold over 20,000 scores: each move to redrawn metrics, its end to words.

    Args:
        watch: told how far it came.
    """
    moves, ends = [], []
    with served() as (address, _):
        for i in range(RUNS + 1):
            watch(f"dragging, run {i} of {RUNS}")
            with new_browser() as new_page:
                page = new_page()
                page.set_default_timeout(120_000)
                page.goto(f"{address}/compare")
                page.locator(".deciding .cell.hits b", has_text=",").wait_for()
                page.wait_for_timeout(REST)
                found, end = _drag(page)
            if i:  # the first visit loads models
                moves += found
                ends.append(end)
    return [
        row_of("dragging", "threshold move to redrawn metrics, 20,000 scores", moves, "s"),
        row_of("dragging", "threshold let go to the sentence about it", ends, "s"),
    ]


def _drag(page: Any) -> tuple[list[float], float]:
    """Seconds of each move of a drag, and of its end."""
    room = page.locator(".deciding")
    box = page.locator(".deciding .grip").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    moves = []
    for i in range(MOVES):
        room.evaluate(MOVED)
        page.mouse.move(x - LENGTH * (i + 1), y)
        moves.append(page.evaluate(SECONDS))
    page.evaluate(LET_GO)
    page.mouse.up()
    return moves, page.evaluate(SECONDS)


BENCHMARKS: Mapping[str, Benchmark] = {"dragging": dragging}
