// Mouse, finger and keys on the triangle. A finger scrolls the page past it, unless it begins on the
// point; a tap puts the point where it is.

import { stepped } from "./triangle.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const CORNERS = { a: [1, 0, 0], b: [0, 1, 0], c: [0, 0, 1] };
const FAR = 4; // steps, with Shift
const REST = 400; // ms after the last key

export function listen(simplex) {
  const { plane, point } = simplex;
  let resting = 0;

  function down(event) {
    const touch = event.pointerType === "touch";
    if (!simplex.triangle || event.button > 0 || (touch && event.target !== point)) return;
    plane.setPointerCapture(event.pointerId);
    simplex.held = true;
    if (!touch) {
      event.preventDefault();
      simplex.moveTo(event.clientX, event.clientY);
    }
    point.focus({ preventScroll: true });
  }

  function up(event) {
    if (!simplex.held) return;
    simplex.held = false;
    if (event.type === "pointerup") simplex.moveTo(event.clientX, event.clientY);
    simplex.letGo();
  }

  function tap(event) {
    if (!simplex.triangle || event.pointerType !== "touch" || event.target === point) return;
    simplex.moveTo(event.clientX, event.clientY);
    simplex.letGo();
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const corner = CORNERS[event.key.toLowerCase()];
    if (!simplex.triangle || (!arrow && !corner)) return;
    event.preventDefault();
    event.stopPropagation();
    const size = (event.shiftKey ? FAR : 1) / simplex.triangle.side;
    simplex.move(corner ?? stepped(simplex.free, arrow, size));
    clearTimeout(resting);
    simplex.waiting = true;
    resting = setTimeout(rest, REST);
  }

  function rest() {
    clearTimeout(resting);
    if (!simplex.waiting) return;
    simplex.waiting = false;
    simplex.tell();
  }

  const heard = {
    pointerdown: down,
    pointermove: (event) => simplex.held && simplex.moveTo(event.clientX, event.clientY),
    pointerup: up,
    pointercancel: up,
    click: tap,
  };
  Object.entries(heard).forEach(([name, work]) => plane.addEventListener(name, work));
  point.addEventListener("keydown", key);
  point.addEventListener("blur", rest);
  return rest;
}
