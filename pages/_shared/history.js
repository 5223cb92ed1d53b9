// One press of Back undoes one thing that the visitor did. Streamlit pushes an entry of its own for
// each part of an address that a page changes: those that follow without a further click or key
// take the place of the first.

const DONE = ["pointerdown", "keydown", "popstate"];

export default function ({ data }) {
  show(data);
  if (history.pushState.ofOutskirts) return;
  const push = history.pushState.bind(history);
  let acted = false;
  for (const kind of DONE) {
    addEventListener(kind, () => (acted = kind !== "popstate"), { capture: true });
  }
  history.pushState = (...entry) => {
    if (new URL(entry[2] ?? "", location.href).pathname !== location.pathname) toTop();
    if (acted) push(...entry);
    else history.replaceState(...entry);
    acted = false;
  };
  history.pushState.ofOutskirts = true;
}

// Another page opens at its head, not where the one before was scrolled to.
function toTop() {
  document.querySelector("[data-testid=stMain]")?.scrollTo({ top: 0, behavior: "instant" });
}

// Bring what a click or a link asked for into view, as soon as it is there; and once more where the
// page grew above it meanwhile, unless the visitor has done something since.
let shown = 0;
function show({ to, times, top }) {
  if (times <= shown || !to) return; // the frame may say again what a fragment has said since
  shown = times;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const found = () => document.querySelector(`[class*="st-key-${CSS.escape(to)}"]`);
  const bring = (left) => {
    const place = found();
    if (place?.offsetHeight) {
      if (top) toSee(place);
      else place.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
      again(found, times, top);
    } else if (left) setTimeout(bring, 100, left - 1);
  };
  setTimeout(bring, 100, 50);
}

// From the head of the page, unless the place does not fit below it.
function toSee(place) {
  toTop();
  const below = document.querySelector(".st-key-lecture_strip")?.offsetHeight ?? 0;
  if (place.getBoundingClientRect().bottom > innerHeight - below)
    place.scrollIntoView({ block: "start", behavior: "instant" });
}

const TOUCHED = ["pointerdown", "keydown", "wheel", "touchstart"];

function again(found, times, top) {
  let touched = false;
  const touch = () => (touched = true);
  for (const kind of TOUCHED) addEventListener(kind, touch, { capture: true, passive: true });
  const look = () => !touched && times === shown && found()?.offsetHeight && toSee(found());
  if (top) for (const late of [300, 700, 1800, 3000]) setTimeout(look, late);
  setTimeout(() => {
    if (top) return;
    for (const kind of TOUCHED) removeEventListener(kind, touch, { capture: true });
    const box = found()?.getBoundingClientRect();
    const out = box?.height && (box.top > innerHeight - 20 || box.bottom < 20);
    if (out && !touched && times === shown) found().scrollIntoView({ block: "nearest" });
  }, 1200);
}
