// Lines and letters of a chart, in pixels of the screen.

import { set } from "./dom.js";

const SPACE = "http://www.w3.org/2000/svg";

export function shape(name, given = {}, ...children) {
  const element = document.createElementNS(SPACE, name);
  Object.entries(given).forEach(([key, value]) => set(element, key, value));
  element.append(...children);
  return element;
}

export function letters(text, x, y, given = {}) {
  const element = shape("text", { x, y, ...given });
  element.textContent = text;
  return element;
}

export const line = (x1, y1, x2, y2, given) => shape("line", { x1, y1, x2, y2, ...given });

export const path = (points) => points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
