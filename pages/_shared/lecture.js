// Links to the steps of a lecture. One that is pressed is followed as Back and Forward are: the page
// shows what its address says, without being loaded anew. In the presenter's view the arrow keys turn
// the steps too, and Page Up and Page Down, which clickers send.
const KEYS = { ArrowLeft: -1, PageUp: -1, ArrowRight: 1, PageDown: 1 };
const turning = (window.outskirtsTurning ??=
  { listens: false, root: null, steps: [], at: 1, wanted: null });

function follow(href) {
  history.pushState({}, "", new URL(href, location.href));
  dispatchEvent(new PopStateEvent("popstate", { state: { turned: true } }));
}

// Who presses again before the page is there goes a step on from what was wanted.
function turn(steps, at, by) {
  const to = (turning.wanted ?? at) + by;
  if (!steps[to - 1]) return;
  turning.wanted = to;
  follow(steps[to - 1]);
}

// A run that was overtaken may have written its own step into the address last.
function settle(steps, at) {
  if (turning.steps[0] !== steps[0] || turning.wanted === at) turning.wanted = null;
  Object.assign(turning, { steps, at });
  const said = new URL(location.href).searchParams.get("step");
  if (turning.wanted === null && said && said !== String(at))
    history.replaceState(history.state, "", new URL(steps[at - 1], location.href));
}

function listen() {
  if (turning.listens) return;
  turning.listens = true;
  addEventListener("popstate", ({ state }) => {
    if (state?.turned) return; // else Back and Forward, which want what the address says
    turning.wanted = Number(new URL(location.href).searchParams.get("step")) || null;
  });
  addEventListener("keydown", (event) => {
    const by = KEYS[event.key];
    if (!by || event.shiftKey || !turning.root?.isConnected || taken(event)) return;
    if (document.querySelector("[role=dialog]")) return;
    event.preventDefault(); // it neither scrolls nor turns the pages of a gallery
    turn(turning.steps, turning.at, by);
  }, { capture: true });
}

function anchor({ label, name, href, by }, { steps, at }) {
  const link = document.createElement(href ? "a" : "span");
  link.textContent = label;
  if (name) link.setAttribute("aria-label", name);
  if (!href) return link;
  link.href = href;
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (by) turn(steps, at, by);
    else follow(href);
  });
  return link;
}

export default function ({ data, parentElement }) {
  const { links, steps = [], at = 1, keys = false } = data;
  const place = parentElement.querySelector("nav");
  place.replaceChildren(...links.map((link) => anchor(link, { steps, at })));
  place.className = keys || steps.length ? "row" : "column";
  if (!steps.length) return;
  settle(steps, at);
  turning.root = keys ? place : null;
  listen();
}
