// What is wider than the page scrolls in a box of its own. Let the keys reach such a box: a table on
// a phone, a long line of code.

const BOXES = "[data-testid=stTable] > div, [data-testid=stCode] pre";

function mend() {
  for (const box of document.querySelectorAll(BOXES)) {
    const wide = box.scrollWidth > box.clientWidth;
    if (wide === (box.tabIndex === 0)) continue;
    if (wide) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

let asked = 0;
function soon() {
  asked ||= setTimeout(() => ((asked = 0), mend()), 100);
}

let watched = false;
export default function () {
  if (watched) return;
  watched = true;
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
  addEventListener("resize", soon);
  document.fonts.addEventListener("loadingdone", soon);
  soon();
}
