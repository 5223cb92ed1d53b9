// One press of Back undoes one thing that the visitor did. Streamlit pushes an entry of its own for
// each part of an address that a page changes: those that follow without a further click or key
// take the place of the first.

const DONE = ["pointerdown", "keydown", "popstate"];

export default function () {
  if (history.pushState.ofOutskirts) return;
  const push = history.pushState.bind(history);
  let acted = false;
  for (const kind of DONE) {
    addEventListener(kind, () => (acted = kind !== "popstate"), { capture: true });
  }
  history.pushState = (...entry) => {
    if (acted) push(...entry);
    else history.replaceState(...entry);
    acted = false;
  };
  history.pushState.ofOutskirts = true;
}
