"""Every page in the hand: a finger scrolls past whatever it touches, and nothing sticks out.

Each is opened once, in the dark, and everybody can read it there too: see test_access.py.
"""

from collections.abc import Iterator

import pytest
from looked import IN_THE_HAND, faults_of_axe, faults_of_words, look_at
from playwright.sync_api import TimeoutError
from visitor import PAGES, SCROLLED, SIZES, Seats, dragging, drawn, opened, standing

pytestmark = pytest.mark.browser

# Views of pages whose charts are drawn otherwise than those that the page opens with.
VIEWS = (
    "/latent?latent_view=3-D",
    "/latent?latent_view=Two+maps",
    "/likelihoods?likelihoods_view=Model+against+model",
    "/likelihoods?likelihoods_view=Drawn+images",
    "/likelihoods?likelihoods_view=claims",
    "/cards?cards_view=Seeds",
    "/?scenario=digits-one",
    "/own?own_view=draw",
    "/own?own_view=many&own_sample=yes",
)
# Charts of Plotly's, and whatever else draws on a canvas or in a frame of its own: marked, counted.
CHARTS = """() => {
    const charts = new Map();
    for (const one of document.querySelectorAll(
        "[data-testid=stMain] :is(.js-plotly-plot, canvas, iframe)")) {
        const inner = one.closest(".js-plotly-plot") ?? one, box = inner.getBoundingClientRect();
        if (box.height > 40 && inner.checkVisibility())
            charts.set([box.x, box.y, box.width, box.height].join(), inner);
    }
    [...charts.values()].forEach((chart, i) => (chart.dataset.chart = i));
    return charts.size;
}"""
# What reaches beyond the right edge, but for what scrolls sideways within a box of its own.
BEYOND = """() => [...document.querySelectorAll("[data-testid=stMain] *")].filter(e => {
    if (!e.checkVisibility() || e.closest(".modebar")) return false;
    const box = e.getBoundingClientRect();
    if (!box.width || !box.height || box.right <= innerWidth + 1) return false;
    for (let up = e.parentElement; up?.dataset.testid !== "stMain"; up = up.parentElement)
        if (getComputedStyle(up).overflowX !== "visible" &&
            up.getBoundingClientRect().right <= innerWidth + 1) return false;
    return true;
}).map(e => e.outerHTML.slice(0, 200))"""
WIDE = """() => ["[data-testid=stMain]", "html"].map(q => document.querySelector(q))
    .map(e => e.scrollWidth - e.clientWidth)"""
# What is chosen in a box and cut there; what floats above the page and lets it shine through; and
# a button that is open to a side.
HIDDEN = """() => [
    ...[...document.querySelectorAll("[data-testid=stMain] [data-testid=stSelectbox] input")]
        .filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth).map(e => e.value),
    ...[...document.querySelectorAll("[data-testid=stMultiSelectTagsContainer]")]
        .filter(e => e.scrollHeight > e.clientHeight + 1).map(e => e.innerText),
    ...[...document.querySelectorAll("[data-testid=stHeader] button")]
        .filter(e => getComputedStyle(e).backgroundColor === "rgba(0, 0, 0, 0)")
        .map(e => e.dataset.testid),
    ...[...document.querySelectorAll("[data-testid=stMain] [data-variant=segmented_control]")]
        .filter(e => ["Left", "Right"].some(side => {
            const look = getComputedStyle(e);
            return look[`border${side}Color`] === "rgba(0, 0, 0, 0)"
                || look[`border${side}Width`] === "0px";
        })).map(e => `"${e.innerText}" lacks a border`),
]"""
AHEAD = """() => [document.querySelector("[data-testid=stMain]")]
    .map(e => e.scrollHeight - e.clientHeight - e.scrollTop)[0]"""


MOVED = f"before => Math.abs({SCROLLED} - before) > 100"
# Words of figures that others stand upon, or that are cut off; and cells of tables, broken within
# a word.
CRAMPED = """() => {
    const found = [], main = document.querySelector("[data-testid=stMain]");
    const box = e => e.getBoundingClientRect();
    const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
        && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    for (const plot of main.querySelectorAll(".js-plotly-plot")) {
        if (!plot.checkVisibility()) continue;
        const all = q => [...plot.querySelectorAll(q)].filter(e => e.textContent && box(e).width);
        const entries = all(".legendtext"), edge = box(plot);
        const heads = [...all(".gtitle"), ...all(".annotation-text")];
        for (const head of heads) for (const entry of entries)
            if (meet(box(head), box(entry)))
                found.push(`"${entry.textContent}" stands upon "${head.textContent}"`);
        for (const words of [...heads, ...all(".xtitle"), ...all(".ytitle")])
            if (box(words).left < edge.left - 1 || box(words).right > edge.right + 1)
                found.push(`"${words.textContent}" is cut off`);
    }
    for (const cell of main.querySelectorAll("[data-testid=stMarkdownContainer] td")) {
        if (!cell.checkVisibility()) continue;
        const range = document.createRange();
        range.selectNodeContents(cell);
        const lines = new Set([...range.getClientRects()].map(r => Math.round(r.bottom / 8)));
        if (lines.size > cell.innerText.trim().split(/[\\s-]+/).length)
            found.push(`"${cell.innerText}" is broken within a word`);
    }
    return found;
}"""


THEME, SIZE = IN_THE_HAND


@pytest.fixture(scope="module")
def hand(seats: Seats, request) -> Iterator:
    """One visitor of all views, and what puts fingers on them."""
    with seats.taken(request, "phone") as page:
        page.emulate_media(color_scheme=THEME)
        yield page, dragging(page)


@pytest.fixture(scope="module", params=[*PAGES.values(), *VIEWS])
def held(request, hand, address):
    """A view in the hand, opened once: its address, the page, and what puts fingers on it."""
    page, drag = hand
    opened(page, address + request.param)
    return request.param, page, drag


def test_everybody_can_read_a_page_in_the_hand_in_the_dark(held):
    path, page, _ = held
    if path in VIEWS:
        return  # charts of another kind, for the finger
    found = look_at(page, SIZE)
    said = faults_of_axe(found) + faults_of_words(found)
    page.set_viewport_size(SIZES[SIZE]["viewport"])
    drawn(page)
    assert not said, f"{path}, {THEME}, {SIZE}\n" + "\n".join(said)


def test_no_page_scrolls_sideways_and_nothing_is_cut_off(held):
    _, page, _ = held
    assert page.evaluate(WIDE) == [0, 0]
    assert page.evaluate(BEYOND) == []
    assert page.evaluate(HIDDEN) == []


def test_no_word_of_a_figure_or_a_table_is_cramped(held):
    _, page, _ = held
    assert page.evaluate(CRAMPED) == []


def test_a_finger_that_begins_on_a_chart_scrolls_the_page(held):
    path, page, drag = held
    for i in range(page.evaluate(CHARTS)):
        chart = page.locator(f"[data-chart='{i}']")
        chart.evaluate("chart => chart.scrollIntoView({block: 'center'})")
        box, before = standing(chart), page.evaluate(SCROLLED)
        x, y = box["x"] + box["width"] / 2, min(max(box["y"] + box["height"] / 2, 300), 600)
        assert box["y"] < y < box["y"] + box["height"], "the finger misses the chart"
        ahead = page.evaluate(AHEAD)
        drag(((x, y), (x, y - 200 if ahead > 150 else y + 200)), steps=8, rest=False)
        try:
            page.wait_for_function(MOVED, arg=before, timeout=20_000)
        except TimeoutError:
            pytest.fail(f"{path}: {chart.evaluate('e => e.outerHTML')[:200]}")
