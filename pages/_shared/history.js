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

// Bring what a click asked for into view.
let shown = 0;
function show({ to, times }) {
  if (times <= shown || !to) return; // the frame may say again what a fragment has said since
  shown = times;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  setTimeout(() => {
    const place = document.querySelector(`[class*="st-key-${CSS.escape(to)}"]`);
    place?.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  }, 100);
}
