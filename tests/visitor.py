"""Who visits the pages as a person does: a served app, a real Chromium, a mouse, keys and a finger.

A plugin of pytest's (tests/conftest.py names it), for a conftest.py beside the tests of pages would
hide the other one from all that import it.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest
from resting import WIRE, heard, settled, standing, until

from core.bench._browser import CHROMIUM_FLAGS, find_chromium, free_port, wait_until_up
from pages._shared.pages import PAGES as ROWS
from pages._shared.theme import DARK, LIGHT

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = [
    "ALLOWED",
    "BROKEN",
    "DARK_AND_LIGHT",
    "PAGES",
    "ROOT",
    "SCROLLED",
    "SIZES",
    "Drag",
    "Seats",
    "address",
    "asks_no_more",
    "browser",
    "chromium",
    "dragging",
    "drawn",
    "ended",
    "finger",
    "heard",
    "made_app",
    "module_gives",
    "moving",
    "newcomer",
    "onlooker",
    "opened",
    "page",
    "painted_for",
    "press_point",
    "press_until",
    "seats",
    "settled",
    "sizes_of",
    "standing",
    "touching",
    "tries_of",
    "until",
    "url_holds",
    "visiting",
]

ROOT = Path(__file__).parents[1]
# Streamlit asks for these two below the page's own path after a deep link.
ALLOWED = re.compile(f"/({'|'.join(row.stem for row in ROWS)})/_stcore/(health|host-config)")
BROKEN = "[...document.images].filter(i => i.complete && !i.naturalWidth).length"
SCROLLED = "document.querySelector('[data-testid=stMain]').scrollTop"
# A page that a finger let go of scrolls on for a while.
STILL = f"""() => {{
    const now = {SCROLLED}, before = window.scrolledTo ?? [];
    window.scrolledTo = [now, ...before].slice(0, 16);
    return before.length === 16 && before.every(at => at === now) && !(window.scrolledTo = null);
}}"""

PAGES = {row.stem: "/" if row is ROWS[0] else f"/{row.stem}" for row in ROWS}
# Who wants little motion is shown the same in the end, and without a graphics card each frame of a
# fade costs. In the hand, and where a test asks for it (`moving`), all moves.
CALM: Any = {"reduced_motion": "reduce"}
SIZES: dict[str, Any] = {
    "laptop": {"viewport": {"width": 1280, "height": 800}, **CALM},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "wall": {"viewport": {"width": 1920, "height": 1080}, "device_scale_factor": 1.5, **CALM},
}
DARK_AND_LIGHT = ("light", "dark")

# Each opening of a page leaves a page behind, and 300 MB hold many: to look for what is garbage on
# the way takes a fifth of all that a browser does.
ROOMY = "--js-flags=--min-semi-space-size=32 --max-semi-space-size=64 --initial-old-space-size=300"

Line = tuple[tuple[float, float], tuple[float, float]]
Drag = Callable[..., None]


# Server and browser -----------------------------------------------------------------------------


def started(base: str = "", **environment: str) -> tuple[subprocess.Popen[bytes], str]:
    """A fresh server, started as a user starts it, and its address; nothing was asked of it yet.

    Args:
        base: a path below which all its pages are.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}{base}"
    process = subprocess.Popen(
        ["make", "app", f"PORT={port}"],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until_up(address, process)
        assert process.poll() is None, "make app ended"
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        ended(process)
        raise
    return process, address


@contextmanager
def made_app(base: str = "", **environment: str) -> Iterator[str]:
    """Address of a fresh server of one's own."""
    process, address = started(base, **environment)
    try:
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        ended(process)


def ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was told to end; one that a busy machine holds up is ended."""
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="session")
def chromium() -> str:
    found = find_chromium()
    if found is None:
        missing = "no Chromium: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextmanager
def shared_app(place: Path) -> Iterator[str]:
    """Address of the one server of all processes of tests, which the last of them ends.

    The first visit of a page finds nothing ready, and costs ten seconds: it is one for all.

    Args:
        place: a folder that all processes have. Who uses the server holds a lock on a file in it,
            which the system takes back of one that was killed.
    """
    told = place / "server"
    with (place / "server.users").open("w") as users:
        with alone(place):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not told.exists():
                process, address = started()
                BEGUN.append(process)
                told.write_text(f"{process.pid} {address}", encoding="utf-8")
            pid, address = told.read_text(encoding="utf-8").split()
        try:
            yield address
        finally:
            with alone(place):
                left(users, told, int(pid))


def left(users: IO[str], told: Path, pid: int) -> None:
    """One process of tests needs the server no more; the last one ends it."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # others use it
        for process in BEGUN:
            process.returncode = 0  # or Popen would complain that nobody waits for it
        return
    told.unlink()
    os.killpg(pid, signal.SIGTERM)
    for process in BEGUN:
        ended(process)


BEGUN: list[subprocess.Popen[bytes]] = []  # which may outlive who began them


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """No other process of tests starts or ends the server of a place meanwhile."""
    with (place / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def address(chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all visitors of all files."""
    base = tmp_path_factory.getbasetemp()
    with shared_app(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) as found:
        yield found


class Open:
    """The browser of this process of tests, while it is open; and tabs in it that are free.

    It is launched, and has compiled the pages' scripts, once for all files that follow each other.
    """

    browser: Any = None

    @classmethod
    def launched(cls, chromium: str) -> type[Open]:
        if cls.browser is None:
            from playwright.sync_api import expect, sync_playwright

            expect.set_options(timeout=60_000)
            cls.playwright = sync_playwright().start()
            launch = cls.playwright.chromium.launch
            cls.browser = launch(executable_path=chromium, args=[*CHROMIUM_FLAGS, ROOMY])
            cls.seats = Seats(cls.browser)
        return cls

    @classmethod
    def closed(cls) -> None:
        if cls.browser is not None:
            cls.browser.close()
            cls.playwright.stop()
            cls.browser = None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """While a browser is open, no test could call `asyncio.run`."""
    if item.get_closest_marker("browser") is None:
        Open.closed()


def pytest_sessionfinish() -> None:
    Open.closed()


@pytest.fixture(scope="module")
def browser(chromium):
    return Open.launched(chromium).browser


# Visitors ---------------------------------------------------------------------------------------


def newcomer(browser, size: str = "laptop"):
    """A window of a size, in which `settled` knows of the runs that its pages ask for."""
    context = browser.new_context(**SIZES[size])
    context.set_default_timeout(120_000)  # many ask one server for what it has never computed
    context.add_init_script(WIRE)
    context.on("page", slowed)
    context.on("page", seldom)
    return context


def seldom(tab) -> None:
    """Let a tab look every 50 ms for what is waited for.

    Playwright looks at every frame, so that a page which stands still draws sixty in a second.
    """
    tab.wait_for_function = partial(tab.wait_for_function, polling=50)


def slowed(tab) -> None:
    """Let a tab's scripts take longer, to see what a slow machine makes of a test."""
    if slower := os.environ.get("BROWSER_SLOWER"):
        hand = tab.context.new_cdp_session(tab)
        hand.send("Emulation.setCPUThrottlingRate", {"rate": float(slower)})


def successor(tab) -> Page:
    """An empty tab in place of another one, in whose process all scripts are compiled."""
    if not tab.url.startswith("http"):
        return tab.context.new_page()
    with tab.context.expect_page() as coming:
        tab.evaluate("void open('about:blank')")
    return coming.value


def watched(tab: Page) -> tuple[Page, list[str]]:
    """A tab, and what its console complains of from now on."""
    errors: list[str] = []
    tab.on(
        "console",
        lambda m: errors.append(f"{m.text} {m.location['url']}") if m.type == "error" else None,
    )
    tab.on("pageerror", lambda error: errors.append(str(error)))
    return tab, errors


def shows_no_fault(tab) -> None:
    """No exception is shown, and no picture is broken."""
    assert tab.locator("[data-testid=stException]").all_inner_texts() == []
    assert tab.evaluate(BROKEN) == 0


def only_allowed(errors: list[str]) -> None:
    """The console complained of nothing but what is Streamlit's own."""
    assert [e for e in errors if not ALLOWED.search(e)] == []


@contextmanager
def visiting(browser) -> Iterator[Page]:
    """A new visitor; at the end no console error but Streamlit's own, and no exception shown."""
    context = newcomer(browser)
    tab, errors = watched(context.new_page())
    yield tab
    shows_no_fault(tab)
    context.close()
    only_allowed(errors)


def dragging(tab) -> Drag:
    """What puts fingers on a page and moves them."""
    hand = tab.context.new_cdp_session(tab)

    def drag(*lines: Line, steps: int = 20, rest: bool = True) -> None:
        def send(kind: str, share: float) -> None:
            points = [
                {"x": x0 + (x1 - x0) * share, "y": y0 + (y1 - y0) * share, "id": i}
                for i, ((x0, y0), (x1, y1)) in enumerate(lines)
            ]
            found = {"type": kind, "touchPoints": [] if kind == "touchEnd" else points}
            hand.send("Input.dispatchTouchEvent", found)

        send("touchStart", 0)
        for step in range(1, steps + 1):
            send("touchMove", step / steps)
            tab.wait_for_timeout(16)
        send("touchEnd", 1)
        if rest:
            tab.wait_for_function(STILL, polling="raf")
            settled(tab)

    return drag


@contextmanager
def touching(browser) -> Iterator[tuple[Page, Drag]]:
    """A visitor with a phone: the page, and what puts fingers on it and moves them."""
    context = newcomer(browser, "phone")
    tab, _ = watched(context.new_page())
    yield tab, dragging(tab)
    context.close()


FREE = 2  # tabs of a size that are kept: one who only looks, and one beside


class Seats:
    """Tabs that one visitor leaves to the next, who finds them as new but for what is compiled.

    A tab that has run Streamlit's scripts before opens a page for half the time of a new one. Who
    must not come after another, or changes what a tab does for good, has one of his own
    (`visiting`, `touching`).
    """

    def __init__(self, browser) -> None:
        self.browser = browser
        self.free: dict[str, list[tuple[Page, list[str]]]] = defaultdict(list)

    def renewed(self) -> None:
        """Other tabs in the same windows: nobody of a file before listens to them."""
        for size, free in self.free.items():
            self.free[size] = [watched(successor(tab)) for tab, _ in free]
            for tab, _ in free:
                tab.close()

    @contextmanager
    def taken(self, request: pytest.FixtureRequest, size: str = "laptop") -> Iterator[Page]:
        """A visitor with a window of this size, who finds nothing of those before.

        At the end as `visiting`, but that a phone's console may complain.
        """
        before = request.session.testsfailed
        free = self.free[size]
        tab, errors = free.pop() if free else watched(newcomer(self.browser, size).new_page())
        errors.clear()
        yield tab
        if size != "phone":
            shows_no_fault(tab)
            only_allowed(errors)
        if request.session.testsfailed == before and len(self.free[size]) < FREE:
            swept(tab, size)
            self.free[size].append((tab, errors))
        else:  # whatever is wrong with it
            tab.context.close()


def swept(tab, size: str) -> None:
    """Leave nothing to the next visitor: no state, no history, no other tab, no other window."""
    for other in tab.context.pages:
        if other is not tab:
            other.close()
    tab.unroute_all()
    tab.mouse.move(0, 0)
    if tab.url.startswith("http"):
        tab.goto("/".join([*tab.url.split("/")[:3], "_stcore/health"]))  # where no script runs
        tab.evaluate("localStorage.clear(), sessionStorage.clear()")
    tab.context.clear_cookies()
    session = tab.context.new_cdp_session(tab)
    session.send("Page.resetNavigationHistory")
    session.detach()  # what a session asks of a tab may end with it: the rest comes after
    calm = "reduce" if "reduced_motion" in SIZES[size] else "no-preference"
    tab.emulate_media(color_scheme="light", reduced_motion=calm)  # as a context begins
    tab.set_viewport_size(SIZES[size]["viewport"])


@pytest.fixture(scope="module")
def seats(browser) -> Seats:
    Open.seats.renewed()
    return Open.seats


@pytest.fixture
def page(seats: Seats, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A visitor for one test."""
    with seats.taken(request) as tab:
        yield tab


@pytest.fixture(scope="module")
def onlooker(seats: Seats, request: pytest.FixtureRequest) -> Iterator[Page]:
    """One visitor for those tests of a file that only look, and leave the page as it was."""
    with seats.taken(request) as tab:
        yield tab


@pytest.fixture
def finger(seats: Seats, request: pytest.FixtureRequest) -> Iterator[tuple[Page, Drag]]:
    """A visitor with a phone for one test."""
    with seats.taken(request, "phone") as tab:
        yield tab, dragging(tab)


# What a visitor waits for -----------------------------------------------------------------------


def sizes_of(pictures) -> list[str]:
    """How wide and high pictures are, each when it has come: a page that once was idle is
    "networkidle" ever after, and that waits for none which a mouse or a scroll asks for later. One
    that waits to be scrolled to is asked for here: else it would be waited for without end.
    """
    size = (
        "i => (i.loading = 'eager', i.decode().then(() => `${i.naturalWidth}x${i.naturalHeight}`))"
    )
    return pictures.evaluate_all(f"images => Promise.all(images.map({size}))")


def url_holds(page, text: str) -> None:
    page.wait_for_function("text => location.href.includes(text)", arg=text)


def press_until(page, key: str, done: Callable[[], bool]) -> None:
    """Press a key until it works: a loaded machine draws a button before it listens to keys."""
    for _ in range(20):
        page.keyboard.press(key)
        for _ in range(100):  # a second press too early would leave pictures of a page behind
            if done():
                return
            page.wait_for_timeout(100)
    pytest.fail(f"{key} has no effect")


def press_point(page, at: tuple[float, float], shown) -> None:
    """Press a point of a figure, which takes a click where it has seen the mouse for a moment."""

    def pressed() -> bool:
        page.mouse.move(at[0] - 20, at[1])
        page.mouse.move(*at)
        page.wait_for_timeout(300)
        page.mouse.click(*at)
        heard(page)
        return shown.is_visible()

    until(page, pressed)


# Every chart has its drawing, and a page's picture too, whose component may fetch its scripts after
# the page's own has ended; and no part of the page is waited for.
DRAWN = """() => !document.querySelector('[data-testid=stSkeleton]')
    && [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
        .every(chart => chart.querySelector('.main-svg'))
    && [...document.querySelectorAll('[data-testid=stEChartsChart]')]
        .every(chart => chart.querySelector('canvas, svg'))
    && [...document.querySelectorAll("[class*='_picture']")]
        .filter(part => part.querySelector('[data-testid^=stBidiComponent]'))
        .every(part => part.querySelector('canvas, img, svg')
            || [...part.querySelectorAll('*')]
                .some(e => e.shadowRoot?.querySelector('canvas, img, svg')))"""


def drawn(page) -> None:
    """Wait until the script has run to its end, and every chart is there."""
    settled(page)
    page.wait_for_function(DRAWN)


def asks_no_more(page) -> None:
    """Wait until a page is drawn and asks for nothing: Explain asks for the checks of its maps a
    moment after all of them are there.
    """
    drawn(page)
    if "/explain" in page.url:
        page.wait_for_timeout(600)
        drawn(page)


def moving(page) -> None:
    """Let fades and scrolls move on a page that is opened from now on."""
    page.emulate_media(reduced_motion="no-preference")


def opened(page, link: str) -> None:
    """Open a link as if typed, and wait until its page is drawn."""
    page.goto(link)
    page.locator("[data-testid=stMain] h1").first.wait_for()
    drawn(page)


# The page has run again for the theme that its window has now.
PAINTED = """colour => getComputedStyle(document.documentElement)
    .getPropertyValue('--house-background').trim() === colour"""


def painted_for(page, theme: str) -> None:
    """Wait until an open page is painted in the colours of a theme, its figures too."""
    page.wait_for_function(PAINTED, arg=(DARK if theme == "dark" else LIGHT).background)
    drawn(page)


def tries_of(page, stem: str):
    """What a page proposes to try: its buttons, or the tiles of Overview, which are links."""
    main = page.locator("[data-testid=stMain]")
    if stem == "overview":
        return main.locator("[data-testid=stPageLink-NavLink]")
    return main.locator(f"[class*='st-key-{stem}_try_'] button:visible")


def module_gives(onlooker: Page, address: str, script: str, work: str, *given: Any) -> Any:
    """What a function gives of one of the browser's scripts and of what it is given.

    Args:
        script: its path below the address.
        work: the function, in JavaScript.
    """
    if not onlooker.url.startswith(address):
        onlooker.goto(f"{address}/thumbnail/fashion/mnist/4.png")  # quickly there
    called = f"([path, given]) => import(path).then(m => ({work})(m, ...given))"
    return onlooker.evaluate(called, [f"{address}/{script}", list(given)])
