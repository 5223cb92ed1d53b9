"""Compare's threshold in a real browser: dragged by mouse and finger, moved by keys, typed."""

from __future__ import annotations

import csv
import io
import re
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect
from visitor import (
    SCROLLED,
    heard,
    newcomer,
    press_point,
    settled,
    standing,
    until,
    url_holds,
)

from core import service
from core.service import (
    OWN,
    Operating,
    OperatingQuery,
    Threshold,
    Verdict,
    VerdictsQuery,
    comparison_table,
)
from pages._compare.said import MANY, about, expected, in_percent, interval
from pages._compare.served import DECIDING

pytestmark = pytest.mark.browser

RATES = ("recall", "precision", "f1", "false_alarm_rate")
CELLS = ("hits", "misses", "alarms", "passed")
DRAWN = ".deciding .rule"


def opened(page, address: str, query: str = "") -> list:
    """The page at rest; the list grows with every message that the browser sends."""
    sent: list = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda m: sent.append(m)))
    page.goto(f"{address}/compare{query}")
    page.locator(DRAWN).wait_for(state="attached")
    settled(page)
    page.locator(".deciding .plane").scroll_into_view_if_needed()
    standing(page.locator(".deciding .plane"))
    settled(page)
    sent.clear()
    return sent


def verdict(threshold: Threshold, *, prevalence: float = 0.01, strange: str = "mnist") -> Verdict:
    query = VerdictsQuery("fashion", strange, ("glow",), threshold, prevalence=prevalence)
    return service.ask(query).models[0]


def operating(strange: str = "mnist") -> Operating:
    return service.ask(OperatingQuery("fashion", strange, "glow"))


SHOWN = """deciding => {
    const all = where => [...deciding.querySelectorAll(where)].map(e => e.innerText);
    return Object.fromEntries(["b", ".expected"].flatMap(part =>
        [...deciding.querySelectorAll(".cell")].map(cell => [
            CELLS.find(name => cell.classList.contains(name)) + (part === "b" ? "" : " expected"),
            cell.querySelector(part).innerText,
        ]))
        .concat([["", ".rates .rate b"], [" interval", ".rates .rate .interval"]].flatMap(
            ([more, where]) => all(where).map((text, i) => [RATES[i] + more, text]))));
}""".replace("CELLS", str(list(CELLS))).replace("RATES", str([*RATES, "cost"]))


def shown(page) -> dict[str, str]:
    """Counts and rates as they are read."""
    return page.locator(".deciding").evaluate(SHOWN)


def said(found: Verdict, prevalence: float = 0.01) -> dict[str, str]:
    """The same of an answer."""
    many = expected(found, prevalence)
    rates = {name: getattr(found, name) for name in RATES}
    cost = found.cost
    return (
        {cell: f"{getattr(found, cell):,}" for cell in CELLS}
        | {f"{cell} expected": f"{about(many[cell])} in {MANY:,}" for cell in CELLS}
        | {name: in_percent(one.value) for name, one in rates.items()}
        | {f"{name} interval": interval(one) for name, one in rates.items()}
        | {"cost": about(MANY * cost.value)}
        | {"cost interval": f"{about(MANY * cost.low)} to {about(MANY * cost.high)}"}
    )


def asked(page) -> Threshold:
    """The threshold that the address names."""
    query = parse_qs(urlsplit(page.url).query)
    by = query.get("compare_by", ["percentile"])[0]
    at = float(query.get("compare_at", ["95"])[0])
    return Threshold(by, at, "glow")


def agrees(page, **stakes: float) -> None:
    """Wait until the page shows what the service answers of its address's threshold."""
    heard(page)
    with suppress(pytest.fail.Exception):
        until(page, lambda: shown(page) == said(verdict(asked(page), **stakes), **stakes))
    assert shown(page) == said(verdict(asked(page), **stakes), **stakes)


def middle(page) -> tuple[float, float]:
    box = standing(page.locator(".deciding .grip"))
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_page_opens_with_what_the_service_answers_and_a_cell_with_its_images(page, address):
    opened(page, address)
    assert asked(page) == Threshold("percentile", 95.0, "glow")
    agrees(page)
    precision = verdict(asked(page)).precision.value
    assert precision < 0.5 < operating().metrics.auroc
    page.get_by_text(f"only {about(100 * precision)} of 100 flagged images are strange").wait_for()
    # A cell opens its images, and an image leads to other pages.
    page.locator(".cell.alarms").click()
    url_holds(page, "compare_cell=alarms")
    page.get_by_role("heading", name="False alarms: 471 images of “Garments” flagged").wait_for()
    expect(page.locator(".cell.alarms")).to_have_attribute("aria-pressed", "true")
    tile = page.locator(".st-key-gallery_compare_cell button").nth(2)
    name = re.search(r"Garments (\d+)", tile.locator("img").get_attribute("alt"))
    tile.click()
    url_holds(page, f"compare_image=garments%23{name.group(1)}")
    looked = page.locator(".st-key-compare_looked")
    looked.get_by_text(f"Garments {name.group(1)}").first.wait_for()
    for label, path in (
        ("Explain it", "explain?"),
        ("Show on map", "latent?"),
        ("Disturb it", "own?"),
    ):
        link = looked.get_by_role("link", name=label).get_attribute("href")
        assert path in link, label
        assert f"_image=garments%23{name.group(1)}" in link, label
    settled(page)
    page.go_back()
    looked.wait_for(state="detached")
    page.go_back()
    page.locator(".st-key-compare_cell_images").wait_for(state="detached")
    expect(page.locator(".cell.alarms")).to_have_attribute("aria-pressed", "false")


def test_a_drag_asks_the_server_nothing_and_a_press_beyond_all_images_sets_a_score(page, address):
    sent = opened(page, address)
    rows = operating().rows
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    first, seen = shown(page), []
    for step in range(6, 66, 6):
        page.mouse.move(x + step, y)
        until(page, lambda: shown(page) not in (first, *seen))
        seen.append(shown(page))
    assert sent == []
    assert len({one["hits"] for one in seen}) == len(seen)
    drawn = {f"{h:,}": f"{a:,}" for h, a in zip(rows.hits, rows.alarms, strict=True)}
    for one in seen:
        assert drawn[one["hits"]] == one["alarms"]
    page.mouse.up()
    url_holds(page, "compare_at=")
    agrees(page)
    assert asked(page).by == "percentile"
    assert 95 < asked(page).value < 100
    assert shown(page) == seen[-1]
    page.go_back()
    page.wait_for_function("() => !location.href.includes('compare_at')")
    agrees(page)
    box = standing(page.locator(".deciding .plane"))
    page.mouse.click(box["x"] + box["width"] - 12, box["y"] + 90)
    url_holds(page, "compare_by=score")
    agrees(page)
    assert int(shown(page)["alarms"].replace(",", "")) < 5


def test_keys_move_the_line_from_threshold_to_threshold(page, address):
    opened(page, address, "?compare_at=90")
    assert asked(page) == Threshold("percentile", 90.0, "glow")
    agrees(page)
    rows = operating().rows
    at = rows.nearest(verdict(Threshold("percentile", 90.0)).raw)
    page.locator(".deciding .grip").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".cell.hits b")).to_have_text(f"{rows.hits[at + 1]:,}")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".cell.alarms b")).to_have_text(f"{rows.alarms[at + 10]:,}")
    url_holds(page, "compare_at=9")
    page.wait_for_function("() => !location.href.endsWith('compare_at=90')")
    agrees(page)
    page.keyboard.press("End")
    expect(page.locator(".cell.hits b")).to_have_text("0")
    page.keyboard.press("Home")
    expect(page.locator(".cell.misses b")).to_have_text("0")
    expect(page.locator(".cell.passed b")).to_have_text("0")


def test_beyond_all_and_back_it_is_set_as_before(page, address):
    opened(page, address, "?compare_by=alarms&compare_at=0.01")
    assert asked(page) == Threshold("alarms", 0.01, "glow")
    agrees(page)
    page.locator(".deciding .grip").focus()
    page.keyboard.press("End")
    url_holds(page, "compare_by=score")
    expect(page.locator(".deciding .where")).to_have_text("percentile 100, beyond all")
    settled(page)
    page.locator(".deciding .grip").focus()
    for _ in range(8):
        page.keyboard.press("PageDown")
    url_holds(page, "compare_by=alarms")
    agrees(page)


def test_a_number_is_taken_as_it_is_typed_and_the_slider_does_the_same(page, address):
    opened(page, address)
    slider = page.get_by_role("slider", name="Threshold, from the most ordinary score")
    agrees(page)
    at = int(slider.input_value())
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(page.locator(".cell.hits b")).to_have_text(f"{operating().rows.hits[at - 3]:,}")
    url_holds(page, "compare_at=")
    agrees(page)
    box = page.get_by_role("spinbutton", name="Threshold as a percentile")
    box.fill("97.123")
    box.press("Enter")
    url_holds(page, "compare_at=97.123")
    agrees(page)
    box.fill("250")
    box.press("Enter")
    url_holds(page, "compare_at=100")
    agrees(page)
    expect(box).to_have_value("100")


def test_a_link_opens_its_threshold(page, address):  # links of other kinds begin other tests
    opened(page, address, "?compare_by=score&compare_at=1500&compare_model=glow")
    assert asked(page) == Threshold("score", 1500.0, "glow")
    agrees(page)


def test_least_cost_follows_the_costs(page, address):
    opened(page, address, "?compare_by=cost&compare_miss=100.0")
    stakes = {"prevalence": 0.01, "miss_cost": 100.0, "alarm_cost": 1.0}
    query = VerdictsQuery("fashion", "mnist", ("glow",), Threshold("cost", 0.0), **stakes)
    found = said(service.ask(query).models[0])
    until(page, lambda: shown(page) == found)


def test_the_prevalence_moves_precision_and_not_recall(page, address):
    opened(page, address)
    agrees(page)
    before = shown(page)
    slider = page.get_by_role("slider", name="Strange images expected")
    slider.focus()
    page.keyboard.press("ArrowRight")
    url_holds(page, "compare_prevalence=0.015")
    agrees(page, prevalence=0.015)
    after = shown(page)
    assert after["recall"] == before["recall"]
    assert after["precision"] != before["precision"]
    page.get_by_text("Where 1.5").wait_for()


def test_a_button_of_the_tables_opens_what_one_misses_and_a_point_its_image(page, address):
    opened(page, address)
    page.locator(".st-key-compare_quadrant_strange_only-a button").click()
    url_holds(page, "compare_quadrant=strange%3Aonly-a")
    page.locator(".st-key-gallery_compare_pair button").first.wait_for()
    settled(page)
    expect(page.locator(".st-key-compare_quadrant_images")).to_be_in_viewport()
    page.locator(".st-key-gallery_compare_pair button").first.click()
    expect(page.locator(".st-key-compare_pointed")).to_be_in_viewport()
    settled(page)
    plot = page.locator("[class*=st-key-compare_scatter] .js-plotly-plot")
    plot.scroll_into_view_if_needed()
    standing(plot)
    at = plot.evaluate(
        """plot => {
            const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect();
            const trace = plot._fullData[0];
            const far = [...trace.x.keys()].reduce((best, i) =>
                trace.x[i] - trace.y[i] > trace.x[best] - trace.y[best] ? i : best, 0);
            return [box.x + xaxis._offset + xaxis.c2p(trace.x[far]),
                box.y + yaxis._offset + yaxis.c2p(trace.y[far]), trace.customdata[far][1]];
        }"""
    )
    shown = page.locator(".st-key-compare_pointed").get_by_text(f"Garments {at[2]}").first
    press_point(page, at[:2], shown)


def test_a_link_to_what_one_misses_scrolls_there(page, address):
    page.goto(f"{address}/compare?compare_quadrant=strange%3Aonly-a")
    page.locator(".st-key-gallery_compare_pair button").first.wait_for()
    settled(page)
    expect(page.locator(".st-key-compare_quadrant_images")).to_be_in_viewport()


def test_own_scores_become_a_model(page, address, tmp_path):
    table = comparison_table("fashion", "mnist", models=("glow",))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("image", "score"))
    score = next(name for name in table if name.startswith("glow score"))
    writer.writerows(zip(table["image"], table[score].tolist(), strict=True))
    writer.writerow(("garments#99999", "1"))
    (tmp_path / "mine.csv").write_text(text.getvalue(), "utf-8")
    opened(page, address)
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.csv")
    page.get_by_text(
        "Scores of 10,000 of 10,000 images of “Garments” and 10,000 of 10,000 images of “Digits”"
    ).wait_for()
    page.get_by_text("garments#99999").wait_for()
    settled(page)
    page.get_by_role("combobox", name="Model", exact=True).click()
    page.get_by_role("option", name="Your scores").click()
    page.get_by_text("Your scores tells digits").wait_for()
    settled(page)
    query = VerdictsQuery("fashion", "mnist", (OWN,), Threshold("percentile", 95.0))
    found = said(service.ask(query, (tmp_path / "mine.csv").read_bytes()).models[0])
    until(page, lambda: shown(page) == found)


def test_without_its_scripts_plain_widgets_set_the_threshold(browser, address):
    page = newcomer(browser).new_page()  # whose console may say what failed
    page.route("**/deciding/**", lambda route: route.fulfill(status=200, body="no script"))
    page.goto(f"{address}/compare?compare_by=alarms&compare_at=0.05")
    slider = page.get_by_role("slider", name="Threshold, as a percentile")
    slider.wait_for()
    settled(page)
    found = verdict(Threshold("percentile", 95.0))
    page.get_by_role("button", name=f"Misses: {found.misses:,}").wait_for()
    slider.focus()
    page.keyboard.press("ArrowRight")
    url_holds(page, "compare_at=95.1")
    assert asked(page) == Threshold("percentile", 95.1, "glow")
    found = verdict(Threshold("percentile", 95.1))
    page.get_by_role("button", name=f"False alarms: {found.alarms:,}").click()
    page.locator(".st-key-gallery_compare_cell button").first.wait_for()
    settled(page)
    page.context.close()


def test_the_browser_rounds_as_the_service_does(page, address):
    page.goto(f"{address}/deciding/{DECIDING.version()}/style.css")
    values = [k / 4 for k in range(41)] + [0.05, 0.15, 0.35, 2.675, 1.005, 9.949, 1234.5, 1235.5]
    found = page.evaluate(
        """async ([version, values]) => {
            const w = await import(`/deciding/${version}/words.js`);
            return values.map(v => [w.whole(v), w.tenth(v), w.about(v), w.percent(v / 100)]);
        }""",
        [DECIDING.version(), values],
    )
    expected = [[f"{v:,.0f}", f"{v:.1f}", about(v), in_percent(v / 100)] for v in values]
    assert found == expected


def test_a_finger_drags_the_line_scrolls_past_the_histogram_and_taps_a_place(finger, address):
    page, drag = finger
    opened(page, address)
    plane = page.locator(".deciding .plane")
    plane.evaluate("plane => plane.scrollIntoView({block: 'center'})")
    box, before = standing(plane), page.evaluate(SCROLLED)
    numbers = shown(page)
    x, y = box["x"] + box["width"] * 0.8, box["y"] + 120
    drag(((x, y), (x, y - 200)))
    assert abs(page.evaluate(SCROLLED) - before) > 100
    assert shown(page) == numbers
    plane.evaluate("plane => plane.scrollIntoView({block: 'center'})")
    standing(plane)
    before = page.evaluate(SCROLLED)
    x, y = middle(page)
    drag(((x, y), (x + 40, y)))
    assert page.evaluate(SCROLLED) == before
    url_holds(page, "compare_at=")
    agrees(page)
    box = standing(plane)
    page.touchscreen.tap(box["x"] + 60, box["y"] + 120)
    page.wait_for_function("() => !/compare_at=9[5-9]/.test(location.href)")
    agrees(page)
    assert asked(page).value < 50
