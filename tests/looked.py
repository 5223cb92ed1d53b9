"""What everybody can read and reach of an open page: axe-core, words in figures, and names."""

import json
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from visitor import SIZES, drawn

__all__ = ["IN_THE_HAND", "faults_of_axe", "faults_of_words", "look_at"]

IN_THE_HAND = ("dark", "phone")  # the theme and the window of a page that test_phone.py opens

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
            .filter(mark => !mark.closest("defs, clipPath, .modebar")).flatMap(mark => {
                const look = getComputedStyle(mark), [r, g, b, a = 1] = parsed(look.fill);
                const share = a * look.fillOpacity * look.opacity;
                if (look.fill === "none" || r === undefined || share < 0.05) return [];
                const m = mark.getScreenCTM()?.inverse(), box = mark.getBoundingClientRect();
                return m ? [{mark, m, box, share, paint: [r, g, b]}] : [];
            });
        for (const text of figure.querySelectorAll(".main-svg text")) {
            const box = text.getBoundingClientRect(), style = getComputedStyle(text);
            const shown = text.textContent.trim() && box.width;
            if (!shown || !text.checkVisibility({opacityProperty: true})) continue;
            const x = box.x + box.width / 2, y = box.y + box.height / 2;
            let behind = page;
            for (const {mark, m, box, share, paint} of marks) {
                if (x < box.left || x > box.right || y < box.top || y > box.bottom) continue;
                if (text.compareDocumentPosition(mark) & Node.DOCUMENT_POSITION_FOLLOWING) continue;
                if (mark.isPointInFill(new DOMPoint(x, y).matrixTransform(m)))
                    behind = over(paint, share, behind);
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


def look_at(tab, size: str) -> dict[str, Any]:
    """What is found on an open page in its theme, at a size.

    The window is made as high as the page, for axe judges no contrast of what is out of sight.
    """
    wide = SIZES[size]["viewport"]
    if not tab.evaluate("() => 'axe' in window"):
        tab.evaluate(AXE_SCRIPT)
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


def faults_of_axe(found: dict[str, Any]) -> list[str]:
    """What axe calls serious in a look."""
    return [f"{o['rule']}: {o['html']}\n    at {o['where']}\n    {o['why']}" for o in found["axe"]]


def faults_of_words(found: dict[str, Any]) -> list[str]:
    """Letters of figures that are small, or hardly stand out."""
    return [json.dumps(o) for o in found["figures"] if o["contrast"] < 4.5 or o["size"] < 14]
