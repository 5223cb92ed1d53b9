"""Own images in a real browser: many at once, a bad file, Cancel, a row opened, the report read."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from visitor import opened, settled, sizes_of, url_holds, visiting

from core.scenario import load_scenario

pytestmark = pytest.mark.browser

TABLE = ".st-key-own_picture table"
JUDGED = re.compile(r"[\d,]+ (of [\d,]+ )?judged")
MORE = r"""n => {
    const [, count] = /([\d,]+) (?:of [\d,]+ )?judged/.exec(document.body.innerText) ?? [0, "0"];
    return Number(count.replace(",", "")) > n;
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Thirty garments and ten digits as files, and one that is no image."""
    found = tmp_path_factory.mktemp("brought")
    for name, count in (("garments", 30), ("mnist", 10)):
        for i, image in enumerate(load_scenario("fashion").pictures(name).images[:count]):
            Image.fromarray(image[..., 0]).save(found / f"{name}{i:02d}.png")
    (found / "bad _name_ $x$.png").write_bytes(b"no image")
    return found


def bring(page, files: list[Path]) -> None:
    page.locator("[data-testid=stFileUploaderDropzone] input").first.set_input_files(files)


def rows(page) -> list[str]:
    return page.locator(f"{TABLE} tbody th button").evaluate_all("bs => bs.map(b => b.innerText)")


@pytest.fixture(scope="module")
def judged(browser, address, folder) -> Iterator:
    """A visitor whose forty images are judged under Glow alone."""
    with visiting(browser) as page:
        opened(page, f"{address}/own?own_view=many&own_models=glow")
        bring(page, sorted(folder.iterdir()))
        page.get_by_text("40 images judged.").wait_for()
        settled(page)
        yield page


def test_many_files_are_judged_and_a_bad_one_is_named_as_it_is_written(judged):
    page = judged
    expect(page.locator(f"{TABLE} tbody th button")).to_have_count(40)
    expect(page.get_by_text("bad _name_ $x$.png:")).to_have_count(1)
    expect(page.locator(f"{TABLE} tbody tr").first.locator("td.flagged")).to_have_count(1)
    assert set(sizes_of(page.locator(f"{TABLE} img"))) == {"28x28"}


def test_a_heading_sorts_the_table_and_says_so_and_a_second_press_turns_it(judged):
    page = judged
    heading = page.locator(f"{TABLE} thead button", has_text="Image")
    heading.click()
    url_holds(page, "own_sort=name")
    first = page.locator(f"{TABLE} tbody th button").first
    page.wait_for_function(
        "() => [...document.querySelectorAll('*')].some(e => e.shadowRoot"
        "?.querySelector('tbody th button')?.innerText.startsWith('garments00'))"
    )
    settled(page)
    assert rows(page) == sorted(rows(page))
    sorted_by = page.locator(f"{TABLE} thead th[aria-sort=ascending]")
    expect(sorted_by).to_have_text(re.compile("^Image"))
    heading.focus()
    page.keyboard.press("Enter")
    url_holds(page, "own_sort=-name")
    expect(first).to_have_text(re.compile("^mnist09"))
    settled(page)
    assert rows(page) == sorted(rows(page), reverse=True)


def test_the_report_opens_in_a_browser_and_asks_nothing_of_anybody(judged, browser, tmp_path):
    page = judged
    with page.expect_download(timeout=120_000) as waiting:
        page.get_by_role("button", name="Report (HTML)").click()
    assert waiting.value.suggested_filename == "fashion-report.html"
    file = tmp_path / "report.html"
    waiting.value.save_as(file)
    context = browser.new_context()
    tab = context.new_page()
    asked, errors = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(file.as_uri())
    assert [url for url in asked if not url.startswith(("data:", file.as_uri()))] == []
    assert errors == []
    assert tab.evaluate("[...document.images].filter(i => !i.naturalWidth).length") == 0
    text = tab.locator("body").inner_text()
    assert "garments00.png" in text
    assert "bad _name_ $x$.png" in text
    context.close()


def test_a_row_is_opened_as_ones_own_and_the_many_are_there_again(judged):
    page = judged
    name = rows(page)[0]
    page.locator(f"{TABLE} tbody th button").first.click()
    page.get_by_text("Your own image").wait_for()
    page.get_by_text("What the model really sees, step by step").wait_for()
    settled(page)
    page.get_by_text(name.strip()).first.wait_for()
    page.get_by_text("Many images", exact=True).click()
    page.get_by_text("40 images judged.").wait_for()
    expect(page.locator(f"{TABLE} tbody th button")).to_have_count(40)


def test_cancel_keeps_what_is_judged_and_go_on_goes_on(page, address, tmp_path):
    images = load_scenario("fashion").pictures("garments").images[:1500]
    np.save(tmp_path / "many.npy", images)
    opened(page, f"{address}/own?own_view=many")
    bring(page, [tmp_path / "many.npy"])
    page.locator(f"{TABLE} tbody tr").first.wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Go on").wait_for()
    settled(page)
    done = page.get_by_text(JUDGED).first.inner_text()
    kept = int(done.split()[0].replace(",", ""))
    assert 0 < kept < 1500
    page.wait_for_timeout(500)
    again = page.get_by_text(JUDGED).first.inner_text()
    assert again == done
    expect(page.locator(f"{TABLE} tbody tr")).to_have_count(min(kept, 50))
    page.get_by_role("button", name="Go on").click()
    page.wait_for_function(MORE, arg=kept)
    page.get_by_role("button", name="Put away").click()
    page.get_by_role("button", name="Try it with 95").wait_for()


def test_a_client_that_is_no_browser_is_held_to_the_bounds_of_its_session(page, address, tmp_path):
    """It sends 300 MB without a length, with the browser's own cookie, to the browser's session."""
    (tmp_path / "a.png").write_bytes(b"no image")
    opened(page, f"{address}/own?own_view=many")
    with page.expect_request(lambda r: r.method == "PUT") as waiting:
        bring(page, [tmp_path / "a.png"])
    request, where = waiting.value, urlsplit(waiting.value.url)
    page.get_by_text("1 file could not be read").first.wait_for()
    headers = {k: v for k, v in request.all_headers().items() if k in ("cookie", "x-xsrftoken")}
    headers["Content-Type"] = "multipart/form-data; boundary=cut"

    def put(name: str, size: int) -> tuple[int, str]:
        def body() -> Iterator[bytes]:
            yield b'--cut\r\nContent-Disposition: form-data; name="f"; filename="x.png"\r\n\r\n'
            for _ in range(size // 2**20):
                yield bytes(2**20)
            yield b"\r\n--cut--\r\n"

        connection = http.client.HTTPConnection(where.hostname or "", where.port)
        try:
            path = where.path.rpartition("/")[0] + f"/{name}"
            connection.request("PUT", path, body(), headers, encode_chunked=True)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    assert [put(f"f{i}", 60 * 2**20)[0] for i in range(4)] == [204] * 4
    status, words = put("f5", 60 * 2**20)
    assert (status, words) == (413, "A session may hold 256 MB of files. Put some away first.")
