"""Everybody can read and reach every page: axe-core, words in figures, and names."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from visitor import DARK_AND_LIGHT, PAGES, SIZES, drawn, opened

pytestmark = pytest.mark.browser

# What is Streamlit's own and cannot be changed from here: rule, selector, and the reason.
ALLOWED: list[tuple[str, str, str]] = []
AXE = """allowed => axe.run({exclude: [[".js-plotly-plot .main-svg"]]},
    {resultTypes: ["violations"], elementRef: true}).then(found => found.violations
    .filter(rule => ["serious", "critical"].includes(rule.impact))
    .flatMap(rule => rule.nodes.filter(node => !allowed.some(
        ([id, selector]) => rule.id === id && node.element?.matches(selector))).map(node => ({
        rule: rule.id,
        where: node.target.flat().join(" "),
        html: node.html,
        why: [...node.any, ...node.all, ...node.none].map(check => check.message).join("; "),
    }))))"""
# Letters of figures, which axe does not judge: their colour against what lies behind their middle,
# which is the last mark of the figure drawn before them that holds it, or the page.
FIGURES = """() => {
    const parsed = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const over = (top, share, below) => top.map((c, i) => c * share + below[i] * (1 - share));
    const light = colour => colour.map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const app = getComputedStyle(document.querySelector(".stApp"));
    const page = parsed(app.backgroundColor).slice(0, 3);
    const found = [];
    for (const figure of document.querySelectorAll(".js-plotly-plot")) {
        const marks = [...figure.querySelectorAll(".main-svg :is(path, rect)")]
            .filter(mark => !mark.closest("defs, clipPath, .modebar"));
        for (const text of figure.querySelectorAll(".main-svg text")) {
            const box = text.getBoundingClientRect(), style = getComputedStyle(text);
            const shown = text.textContent.trim() && box.width;
            if (!shown || !text.checkVisibility({opacityProperty: true})) continue;
            const x = box.x + box.width / 2, y = box.y + box.height / 2;
            let behind = page;
            for (const mark of marks) {
                const look = getComputedStyle(mark), [r, g, b, a = 1] = parsed(look.fill);
                const share = a * look.fillOpacity * look.opacity;
                if (look.fill === "none" || r === undefined || share < 0.05) continue;
                if (text.compareDocumentPosition(mark) & Node.DOCUMENT_POSITION_FOLLOWING) continue;
                const m = mark.getScreenCTM();
                if (m && mark.isPointInFill(new DOMPoint(x, y).matrixTransform(m.inverse())))
                    behind = over([r, g, b], share, behind);
            }
            const [r, g, b, a = 1] = parsed(style.fill);
            const ink = over([r, g, b], a * style.fillOpacity * style.opacity, behind);
            const [low, high] = [light(ink), light(behind)].sort((p, q) => p - q);
            found.push({
                text: text.textContent, size: parseFloat(style.fontSize),
                contrast: (high + 0.05) / (low + 0.05), ink: style.fill, behind: behind.join(),
                figure: figure.closest("[class*=st-key-]")?.className.match(/st-key-\\S+/)?.[0],
            });
        }
    }
    return found;
}"""
NAMES = """() => {
    axe.setup(document);
    const controls = document.querySelectorAll(
        "[data-testid=stMain] :is(button, a[href], [role=button], [role=link], [role=tab])");
    const found = [...controls]
        .filter(e => e.checkVisibility({opacityProperty: true, visibilityProperty: true}))
        // Tools of a chart, and what belongs to an input that has the name and the keys.
        .filter(e => !e.closest(".modebar, [data-testid=stElementToolbar]"))
        .filter(e => !e.matches("[tabindex='-1'][aria-haspopup], [data-testid=stNumberInput] *"))
        .map(e => ({
            name: axe.commons.text.accessibleText(e).replace(/\\s+/g, " ").trim(),
            to: e.getAttribute("href") ?? "",
            html: e.outerHTML.replace(/class="[^"]*"/g, "").slice(0, 160),
        }));
    axe.teardown();
    return found;
}"""
SCROLLED_HEIGHT = "document.querySelector('[data-testid=stMain]').scrollHeight"
# Figures are drawn anew after the window has another width, and the page around them with them.
FITTED = """() => [...document.querySelectorAll(".js-plotly-plot")]
    .filter(plot => plot.checkVisibility() && plot.clientWidth)
    .every(plot => Math.abs(plot.clientWidth - plot.querySelector(".main-svg").clientWidth) <= 1)"""

# How each page is looked at: the theme, and the sizes that the window has one after the other. What
# colours it has depends on the theme, and where things stand on the size: no rule of ours has both.
VISITS = (("light", ("laptop", "wall")), ("dark", ("laptop",)), ("dark", ("phone",)))

Look = Callable[[str, str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def look(browser, address) -> Iterator[Look]:
    """What is found on a page in a theme at a size; all by one visitor a row of `VISITS`."""
    tabs: dict[tuple[str, tuple[str, ...]], Any] = {}
    seen: dict[tuple[str, str, str], dict[str, Any]] = {}

    def visit(stem: str, theme: str, sizes: tuple[str, ...]) -> None:
        if (theme, sizes) not in tabs:
            context = browser.new_context(color_scheme=theme, **SIZES[sizes[0]])
            tabs[theme, sizes] = context.new_page()
            tabs[theme, sizes].set_default_timeout(60_000)
        tab = tabs[theme, sizes]
        tab.set_viewport_size(SIZES[sizes[0]]["viewport"])
        opened(tab, address + PAGES[stem])
        tab.evaluate(AXE_SCRIPT)
        for size in sizes:
            seen[stem, theme, size] = look_at(tab, size)

    def once(stem: str, theme: str = "light", size: str = "laptop") -> dict[str, Any]:
        if (stem, theme, size) not in seen:
            [sizes] = [s for named, s in VISITS if named == theme and size in s]
            visit(stem, theme, sizes)
        return seen[stem, theme, size]

    yield once
    for tab in tabs.values():
        tab.context.close()


def look_at(tab, size: str) -> dict[str, Any]:
    """What is found on an open page at a size.

    The window is made as high as the page, for axe judges no contrast of what is out of sight.
    """
    wide = SIZES[size]["viewport"]
    tab.set_viewport_size(wide)
    tab.wait_for_function(FITTED)
    tab.set_viewport_size({**wide, "height": tab.evaluate(SCROLLED_HEIGHT) + 60})
    tab.wait_for_timeout(300)  # boxes.js
    drawn(tab)
    tab.wait_for_function(FITTED)
    return {
        "axe": tab.evaluate(AXE, ALLOWED),
        "figures": tab.evaluate(FIGURES),
        "names": tab.evaluate(NAMES),
        "title": tab.title(),
    }


every_look = pytest.mark.parametrize(
    ("theme", "size"), [(theme, size) for theme, sizes in VISITS for size in sizes]
)
every_page = pytest.mark.parametrize("stem", PAGES)


def test_every_theme_and_every_size_is_looked_at():
    assert {theme for theme, _ in VISITS} == set(DARK_AND_LIGHT)
    assert {size for _, sizes in VISITS for size in sizes} == set(SIZES)


@every_page
@every_look
def test_axe_finds_nothing_serious_on_any_page(look, stem, theme, size):
    found = look(stem, theme, size)["axe"]
    said = [f"{o['rule']}: {o['html']}\n    at {o['where']}\n    {o['why']}" for o in found]
    assert not said, f"{stem}, {theme}, {size}\n" + "\n".join(said)


@every_page
@every_look
def test_words_in_figures_are_large_and_stand_out(look, stem, theme, size):
    found = look(stem, theme, size)["figures"]
    weak = [o for o in found if o["contrast"] < 4.5 or o["size"] < 14]
    assert not weak, f"{stem}, {theme}, {size}\n" + "\n".join(map(json.dumps, weak))


@every_page
def test_no_two_controls_have_one_name_and_none_is_named_by_a_number_alone(look, stem):
    found = look(stem)["names"]
    assert found
    by_name: dict[str, list[dict[str, str]]] = defaultdict(list)
    for one in found:
        by_name[one["name"]].append(one)
    same = {
        name: [one["html"] for one in ones]
        for name, ones in by_name.items()
        if len(ones) > 1 and (len({one["to"] for one in ones}) > 1 or not ones[0]["to"])
    }
    bare = [one for one in found if not re.search(r"[^\W\d_]", one["name"])]
    assert not same, json.dumps(same, indent=1)
    assert not bare, "\n".join(map(json.dumps, bare))


def test_every_page_has_a_title_of_its_own_in_the_bar_of_the_browser(look):
    titles = {stem: look(stem)["title"] for stem in PAGES}
    assert len(set(titles.values())) == len(PAGES), titles
