// The codes in 3-D, which Plotly turns with one finger, so that no page could be scrolled past them:
// here one finger scrolls, and two are as a mouse that drags.

const FIGURE = ".st-key-latent_3d .js-plotly-plot";
const KINDS = ["touchstart", "touchmove", "touchend", "touchcancel"];

function turn(box) {
  let at = null; // where the mouse would be, while it is down
  const send = (kind, buttons) =>
    box
      .querySelector("canvas")
      ?.dispatchEvent(new MouseEvent(kind, { bubbles: true, cancelable: true, buttons, ...at }));
  const touch = (event) => {
    event.stopImmediatePropagation();
    if (event.touches.length < 2) {
      if (at) send("mouseup", 0);
      at = null;
    } else if (event.cancelable) {
      event.preventDefault();
      const [a, b] = event.touches;
      const kind = at ? "mousemove" : "mousedown";
      at = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
      send(kind, 1);
    }
  };
  box.style.touchAction = "pan-x pan-y"; // fingers scroll; they do not zoom the page here
  KINDS.forEach((kind) => box.addEventListener(kind, touch, { capture: true, passive: false }));
}

export default function () {
  const heard = new WeakSet();
  const look = () => {
    const box = document.querySelector(FIGURE);
    if (!box?.querySelector("canvas") || heard.has(box)) return;
    heard.add(box);
    turn(box);
  };
  const watch = new MutationObserver(look);
  const main = document.querySelector("[data-testid=stMain]") ?? document.body;
  watch.observe(main, { childList: true, subtree: true });
  look();
  return () => watch.disconnect();
}
