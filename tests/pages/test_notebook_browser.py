"""The notebook in a real browser: what outlives a reload, two tabs, two browsers, a server's."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError, expect
from visitor import ROOT, heard, made_app, opened, settled, url_holds, visiting

from core.notebook import Contents, Item, applied, difference, items_of, load, packed, parse

pytestmark = pytest.mark.browser

KEY, NAME = "outskirts.notebook", "outskirts.notebook.name"
SCRIPT = (ROOT / "pages" / "_shared" / "notebook.js").read_text(encoding="utf-8")


def stored(page) -> str | None:
    return page.evaluate(f"localStorage.getItem('{KEY}')")


HAS = f"text => (localStorage.getItem('{KEY}') ?? '').includes(text)"


def keeps(page, text: str) -> None:
    """Wait until the browser keeps something of this text."""
    page.wait_for_function(HAS, arg=text)


def forgets(page, text: str) -> None:
    page.wait_for_function(HAS.replace("=> (", "=> !("), arg=text)


def panel(page):
    """The notebook, opened: by a press, unless a page that runs anew opens it again."""
    box = page.get_by_role("dialog")
    shown = box.get_by_text("What you note here")
    for _ in range(20):
        settled(page)
        if shown.is_visible():
            return box
        with suppress(TimeoutError):  # behind a notebook that is there meanwhile
            page.get_by_role("button", name="Notebook", exact=True).click(timeout=3000)
    pytest.fail("the notebook does not open")


def write(page, text: str) -> None:
    box = panel(page)
    box.get_by_role("textbox", name="A line of notes").fill(text)
    page.keyboard.press("Enter")
    box.get_by_text(text).wait_for()
    settled(page)


def shut(page) -> None:
    """The notebook, closed, and no run about to open it again."""
    settled(page)
    while page.get_by_role("dialog").count():
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        settled(page)


def tagged(page, address: str, tag: str) -> None:
    opened(page, f"{address}/latent?latent_sets=noise")
    page.get_by_role("button", name="Select all shown").click()
    page.get_by_role("textbox", name="Tag these images").wait_for()
    heard(page)
    page.get_by_role("textbox", name="Tag these images").fill(tag)
    page.keyboard.press("Enter")
    button(page, tag).wait_for()
    settled(page)


def button(page, tag: str):
    return page.get_by_role("button", name=re.compile(rf"^{re.escape(tag)} \("))


# In one browser ---------------------------------------------------------------------------------


def test_a_tag_outlives_a_reload_until_it_is_taken_off(page, address):
    tagged(page, address, "grain & $x$")
    label = button(page, "grain & $x$").inner_text()
    keeps(page, "grain & $x$")
    assert len(stored(page)) < 4_000  # runs of numbers, though it is on hundreds of images
    opened(page, f"{address}/latent")
    expect(button(page, "grain & $x$")).to_have_text(label, use_inner_text=True)
    page.locator("[class*='st-key-latent_untag_0'] button:visible").click()
    forgets(page, "grain")
    assert stored(page) is None
    opened(page, f"{address}/latent")
    assert button(page, "grain & $x$").count() == 0


def test_lines_and_chosen_images_outlive_a_reload_and_leave_one_by_one(page, address):
    opened(page, f"{address}/latent?latent_image=mnist%233")
    page.get_by_role("button", name="Choose", exact=True).click()
    keeps(page, '"mnist":"3"')
    for number in range(4):
        write(page, f"line {number}")
    opened(page, f"{address}/cards")
    box = panel(page)
    expect(box.locator("img")).to_have_count(1)
    box.locator("img").evaluate("i => i.decode()")
    for number in range(4):
        assert box.get_by_text(f"line {number}").count() == 1
    box.locator("[class*='notebook_row_line']", has_text="line 2").get_by_role("button").click()
    forgets(page, "line 2")
    box.locator("[class*='notebook_row_chosen']").get_by_role("button").click()
    forgets(page, "mnist")
    opened(page, f"{address}/")
    box = panel(page)
    assert box.get_by_text("line 3").count() == 1
    assert box.get_by_text("line 2").count() == 0


def test_the_threshold_outlives_a_reload_and_a_link_s_own_one_wins(page, address):
    page.goto(f"{address}/compare?compare_at=80&compare_by=percentile")
    keeps(page, "80.0")
    settled(page)
    page.goto(f"{address}/compare")
    url_holds(page, "compare_at=80")
    settled(page)
    page.goto(f"{address}/compare?compare_at=70")
    keeps(page, "70.0")
    settled(page)
    assert "compare_at=70" in page.url
    found = parse(stored(page))
    assert found == Contents(threshold=("percentile", 70.0, ""))


def test_two_tabs_lose_nothing_and_see_each_other_s(page, address):
    other = page.context.new_page()
    other.set_default_timeout(60_000)
    for tab in (page, other):
        opened(tab, f"{address}/cards")
    write(page, "of one tab")
    write(other, "of the other")
    keeps(page, "of the other")
    for tab in (page, other):
        tab.bring_to_front()
        shut(tab)
        box = panel(tab)
        box.get_by_text("of one tab").wait_for()
        box.get_by_text("of the other").wait_for()
    kept = parse(stored(page))
    assert [line.text for line in kept.lines] == ["of one tab", "of the other"]
    other.close()


def test_another_browser_has_nothing_of_it(seats, page, address, request):
    opened(page, f"{address}/cards")
    write(page, "of one browser")
    keeps(page, "of one browser")
    with seats.taken(request) as other:
        opened(other, f"{address}/cards")
        assert panel(other).get_by_text("of one browser").count() == 0
        assert stored(other) is None
        write(other, "of another")
        keeps(other, "of another")
    assert [line.text for line in parse(stored(page)).lines] == ["of one browser"]


def test_a_saved_file_brings_it_all_to_another_browser(seats, page, address, request, tmp_path):
    tagged(page, address, "grain")
    label = button(page, "grain").inner_text()
    write(page, "a line of it")
    with page.expect_download() as download:
        panel(page).get_by_role("button", name="Save to a file").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    contents = load(file.read_bytes())
    assert list(contents.tags["fashion"]) == ["grain"]
    with seats.taken(request) as other:
        opened(other, f"{address}/latent")
        panel(other).locator("input[type=file]").set_input_files(file)
        other.get_by_role("dialog").get_by_text("Loaded 1 tag").wait_for()
        shut(other)
        button(other, "grain").wait_for()
        expect(button(other, "grain")).to_have_text(label, use_inner_text=True)
        keeps(other, "a line of it")
        assert parse(stored(other)) == contents


def test_clearing_is_asked_and_leaves_nothing_in_the_browser(page, address):
    opened(page, f"{address}/cards")
    write(page, "soon gone")
    keeps(page, "soon gone")
    box = panel(page)
    box.get_by_role("button", name="Clear", exact=False).first.click()
    box.get_by_role("button", name="Clear it all").click()
    forgets(page, "soon gone")
    assert stored(page) is None


FAILING = """
    const method = Storage.prototype.%(method)s;
    Storage.prototype.%(method)s = function (key, ...more) {
      if (key.startsWith("outskirts.")) throw new DOMException("", "%(error)s");
      return method.call(this, key, ...more);
    };
"""


@pytest.mark.parametrize(
    ("error", "method", "words"),
    [
        ("QuotaExceededError", "setItem", "Your browser has no room for more of this notebook"),
        ("SecurityError", "setItem", "Your browser lets this page keep nothing"),
        ("SecurityError", "getItem", "Your browser lets this page keep nothing"),
    ],
)
def test_a_browser_that_keeps_nothing_is_said_and_all_lasts_until_a_reload(
    browser, address, error, method, words
):
    with visiting(browser) as page:  # whose browser stays so
        page.add_init_script(FAILING % {"error": error, "method": method})
        opened(page, f"{address}/cards")
        box = panel(page)
        box.get_by_role("textbox", name="A line of notes").fill("for now")
        page.keyboard.press("Enter")
        page.get_by_test_id("stSidebar").get_by_text(words).wait_for()
        shut(page)
        page.get_by_role("link", name="Overview").click()
        page.wait_for_url(f"{address}/")
        settled(page)
        assert panel(page).get_by_text("for now").count() == 1


def test_what_is_damaged_is_put_aside_and_the_notebook_begins_anew(page, address):
    opened(page, f"{address}/cards")
    page.evaluate(f"localStorage.setItem('{KEY}', '{{damaged')")
    opened(page, f"{address}/cards")
    write(page, "anew")
    keeps(page, "anew")
    assert page.evaluate(f"localStorage.getItem('{KEY}.damaged')") == "{damaged"
    assert [line.text for line in parse(stored(page)).lines] == ["anew"]


def test_a_line_that_cannot_be_read_is_put_aside_and_all_else_stays(page, address):
    opened(page, f"{address}/cards")
    write(page, "good")
    keeps(page, "good")
    bad = json.loads(stored(page))
    bad['["line", "", ""]']["0b" * 8] = ["bad\x7f", 5.0]
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [KEY, json.dumps(bad)])
    opened(page, f"{address}/cards")
    page.get_by_test_id("stSidebar").get_by_text("cannot be read and are put aside: 1").wait_for()
    forgets(page, "bad")
    assert [line.text for line in parse(stored(page)).lines] == ["good"]
    assert json.loads(page.evaluate(f"localStorage.getItem('{KEY}.damaged')")) == bad
    opened(page, f"{address}/cards")  # whole again, and nothing is said of it
    write(page, "more")
    keeps(page, "more")
    assert [line.text for line in parse(stored(page)).lines] == ["good", "more"]
    assert page.get_by_text("put aside").count() == 0


CHANGED = """async ([script, text, changes]) => {
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    return (await import(address)).changed(text, changes);
}"""


def test_browser_and_server_change_a_notebook_alike(onlooker):
    onlooker.goto("about:blank")
    draw = random.Random(0)
    contents, text = Contents(), ""
    for _ in range(60):
        items = [drawn_item(draw) for _ in range(draw.randrange(1, 30))]
        after = applied(contents, items)
        net = difference(contents, after, time=1.0)
        came, went = ([i for i in net if i.gone is gone] for gone in (False, True))
        text = onlooker.evaluate(CHANGED, [SCRIPT, text, [[1, packed(came), packed(went)]]])
        contents = after
        assert (parse(text) if text else Contents()) == contents
        assert json.loads(text or "{}").keys() == packed(items_of(contents)).keys()


def drawn_item(draw: random.Random) -> Item:
    gone, kind = (
        draw.random() < 0.5,
        draw.choice(["tag", "tag", "chosen", "line", "setting", "own"]),
    )
    if kind == "tag":
        image = f"{draw.choice(['mnist', 'flat'])}#{draw.randrange(40)}"
        return Item(kind, "fashion", draw.choice(["odd", 'a "b", c']), image, gone=gone)
    if kind == "chosen":
        return Item(kind, "digits-one.4", "", f"mnist#{draw.randrange(10)}", gone=gone)
    if kind == "line":
        return Item(kind, "", "", f"{draw.randrange(5):08x}", f"π {draw.random()}", 1.0, gone)
    if kind == "own":
        return Item(kind, "", "", f"{draw.randrange(3):064x}", "a.png", gone=gone)
    return Item(kind, "", "", "prevalence", str(draw.random()), gone=gone)


# On a server ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path: Path = tmp_path_factory.mktemp("notes") / "notes.sqlite"
    with made_app(OUTSKIRTS_NOTES=str(path)) as found:
        yield found


def open_named(page, name: str):
    panel(page).get_by_role("textbox", name="Notebook on this server").fill(name)
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_text(f"kept in the notebook “{name}”").wait_for()
    settled(page)
    return panel(page)


def test_two_browsers_on_one_notebook_lose_nothing_and_a_reload_opens_it_again(
    seats, server, request
):
    with ExitStack() as stack:
        one, other = (stack.enter_context(seats.taken(request)) for _ in range(2))
        for visitor in (one, other):
            opened(visitor, f"{server}/cards")
            open_named(visitor, "class 5b")
        write(one, "of one")
        write(other, "of the other")
        assert panel(other).get_by_text("of one").count() == 1
        shut(one)
        box = panel(one)
        box.get_by_text("of the other").wait_for()
        assert stored(one) is None
        assert one.evaluate(f"localStorage.getItem('{NAME}')") == "class 5b"
        opened(one, f"{server}/latent")
        box = panel(one)
        box.get_by_text("kept in the notebook “class 5b” on this server").wait_for()
        assert box.get_by_text("of the other").count() == 1
        box.get_by_role("button", name="Close it").click()
        box.get_by_text("kept in this browser").wait_for()
        box.get_by_text("of one").wait_for(state="detached")  # pieces come one after the other
        settled(one)
        opened(one, f"{server}/latent")
        assert panel(one).get_by_text("of one").count() == 0


def test_a_notebook_of_the_browser_comes_back_when_the_server_s_is_closed(page, server):
    opened(page, f"{server}/cards")
    write(page, "at home")
    keeps(page, "at home")
    open_named(page, "mine")  # new: it begins with what is here
    assert panel(page).get_by_text("at home").count() == 1
    write(page, "on the server")
    panel(page).get_by_role("button", name="Close it").click()
    page.get_by_role("dialog").get_by_text("kept in this browser").wait_for()
    panel(page).get_by_text("at home").wait_for()
    assert panel(page).get_by_text("on the server").count() == 0
    assert "on the server" not in stored(page)
