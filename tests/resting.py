"""When a page is at rest: every run of its script that was asked for has begun, and ended.

And what is at rest on it: nothing is looked at once and acted on that may change meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

__all__ = ["WIRE", "heard", "settled", "standing", "until"]

# What the browser asks the server for and what it hears is counted before any script of a page's:
# a run that was asked for and has not begun, one that has not ended, and one that ends only for
# another one. The numbers are those of the fields of Streamlit's BackMsg and ForwardMsg.
WIRE = """(() => {
    if (window !== top || window.wire) return;
    const RUN = 11, PART = 5, BEGINS = 4, ENDS = 6, FOR_ANOTHER = 2;
    const wire = (window.wire = {asked: 0, begun: 0, since: 0, acted: 0});
    Object.assign(wire, {waits: false, runs: false, patience: 0});
    function* fields(bytes) {  // the kind of each, its number or its length, and where it begins
        let at = 0;
        const number = () => {
            let found = 0, place = 1, byte;
            do {
                found += ((byte = bytes[at++]) & 127) * place;
                place *= 128;
            } while (byte & 128);
            return found;
        };
        while (at < bytes.length) {
            const tag = number(), value = number();
            yield [Math.floor(tag / 8), value, at];
            if (tag % 8 === 2) at += value;
        }
    }
    const read = bytes => [...fields(bytes)].find(([kind]) => kind > 2) ?? [];  // after its hash
    const ofPart = (bytes, [, length, at]) =>
        [...fields(bytes.subarray(at, at + length))].some(([kind, long]) => kind === PART && long);
    const bytesOf = data => new Uint8Array(data.buffer ?? data, data.byteOffset, data.byteLength);
    for (const act of ["pointerup", "click", "keydown", "touchend"])
        addEventListener(act, () => (wire.acted = performance.now()), {capture: true});
    const Plain = WebSocket;
    window.WebSocket = class extends Plain {
        constructor(...given) {
            super(...given);
            this.addEventListener("message", ({data}) => {
                if (typeof data === "string") return;
                const [kind, value] = read(bytesOf(data));
                if (kind === BEGINS) Object.assign(wire, {waits: false, runs: true}).begun++;
                if (kind === ENDS) wire.runs = value === FOR_ANOTHER;
            });
        }
        send(data) {
            const bytes = typeof data === "string" ? [] : bytesOf(data), found = read(bytes);
            if (found[0] === RUN) {
                wire.patience = ofPart(bytes, found) ? 2000 : 30_000;
                Object.assign(wire, {waits: true, since: performance.now()}).asked++;
            }
            super.send(data);
        }
    };
})()"""
# At rest for some frames: a click is told to the server with one of them. Longer where fewer runs
# have begun than were asked for, as where one run answers two; a run of a part of the page that is
# there no more never begins. Frames are asked for only then: without a graphics card each costs.
RESTS = """async () => {
    const rests = () => {
        const state = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState;
        const lost = wire.waits && performance.now() - wire.since > wire.patience;
        return wire.asked && (lost || !wire.waits) && !wire.runs && state === "notRunning";
    };
    for (let frames = 0; frames < (wire.begun < wire.asked ? 12 : 4); ) {
        if (!rests()) {
            frames = 0;
            await new Promise(done => setTimeout(done, 40));
        } else {
            await new Promise(requestAnimationFrame);
            frames = rests() ? frames + 1 : 0;
        }
    }
    wire.asked = wire.begun = Math.max(wire.begun, 1);
    return !(wire.waits = false);
}"""


def settled(page) -> None:
    """Wait until no run of the script is asked for, and the last has come to its end."""
    page.wait_for_function(RESTS)


# A component that waits until the hand rests tells of what was done a fraction of a second later.
HEARD = "() => wire.since >= wire.acted || performance.now() - wire.acted > 3000"


def heard(page) -> None:
    """Wait until the server has heard of what was done last, and answered."""
    page.wait_for_function(HEARD)
    settled(page)


def until(page, done: Callable[[], bool], *, seconds: float = 60) -> None:
    """Look again and again until something is so."""
    for _ in range(int(10 * seconds)):
        if done():
            return
        page.wait_for_timeout(100)
    pytest.fail(f"it never is so: {getattr(done, '__name__', done)}")


STANDS = """element => new Promise(done => {
    let last = "", same = 0;
    const look = () => {
        const {x, y, width, height} = element.getBoundingClientRect();
        const now = [x, y, width, height].join();
        same = now === last ? same + 1 : 0;
        last = now;
        if (same < 4) requestAnimationFrame(look);
        else done({x, y, width, height});
    };
    look();
})"""


def standing(element) -> dict[str, float]:
    """Where an element stands, once it has stood there for some frames."""
    return element.evaluate(STANDS)
