// The server chooses the colours of figures by the theme of which the browser tells it when a page
// is drawn. Where that changes while a page is open, by the system or in the menu, ask anew: once a
// change, so that a server that sees it otherwise is not asked for ever.

const app = () => document.querySelector("[data-testid=stApp]");

function theme() {
  const [r, g, b] = getComputedStyle(app()).backgroundColor.match(/[\d.]+/g).map(Number);
  return r + g + b < 3 * 128 ? "dark" : "light";
}

const seen = { painted: "", asked: "", tell: () => {}, watched: undefined };

function look() {
  const now = theme();
  if (now === seen.painted || now === seen.asked) {
    if (now === seen.painted) seen.asked = "";
    return;
  }
  seen.asked = now;
  inTurn(() => seen.tell("turned", now));
}

// Its class changes with the colours of the page, which fade for a moment.
function soon() {
  for (const late of [0, 400]) setTimeout(look, late);
}

export default function ({ data, setTriggerValue }) {
  seen.painted = data.painted;
  seen.tell = setTriggerValue;
  if (seen.watched !== app()) {
    seen.watched = app();
    new MutationObserver(soon).observe(app(), { attributes: true, attributeFilter: ["class"] });
  }
  soon();
}
