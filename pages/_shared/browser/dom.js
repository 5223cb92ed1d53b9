// Elements, and the keys that lead through a group of buttons.

export const reduced = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// el("button", { class: "a", onclick: f, text: "b" }, child, ...)
export function el(name, given = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(given)) set(element, key, value);
  element.append(...children);
  return element;
}

export function set(element, key, value) {
  if (key === "text") {
    if (element.textContent !== value) element.textContent = value;
  } else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (value === null || value === undefined || value === false) element.removeAttribute(key);
  else if (element.getAttribute(key) !== String(value)) element.setAttribute(key, value === true ? "" : value);
}

const SVG = "http://www.w3.org/2000/svg";

// A drawing of 20 x 20 by its lines; what it means is said by the button's name.
export function icon(path) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 20 20");
  drawing.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  drawing.append(line);
  return drawing;
}

// One tab stop for a group of buttons: the arrow keys lead from one to the next.
export function roving(group) {
  const all = () => [...group.querySelectorAll("button:not([disabled])")].filter((b) => b.offsetParent);
  const settle = () => {
    const buttons = all();
    if (buttons.length && !buttons.some((b) => b.tabIndex === 0)) buttons[0].tabIndex = 0;
  };
  const choose = (button) => {
    group.querySelectorAll("button").forEach((b) => (b.tabIndex = b === button ? 0 : -1));
  };
  group.addEventListener("focusin", (event) => {
    const button = event.target.closest("button");
    if (button) choose(button);
  });
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const end = { Home: 0, End: -1 }[event.key];
    const buttons = all();
    const at = buttons.indexOf(event.target.closest("button"));
    if (at < 0 || (step === undefined && end === undefined)) return;
    event.preventDefault();
    event.stopPropagation();
    const next = step ? (at + step + buttons.length) % buttons.length : end;
    buttons.at(next).focus();
  });
  return () => {
    group.querySelectorAll("button").forEach((b) => {
      if (!b.hasAttribute("tabindex")) b.tabIndex = -1;
    });
    settle();
  };
}

// What JavaScript writes of a number, with a minus that is one.
export const minus = (written) => String(written).replaceAll("-", "\u2212");

export const number = (value) => Math.round(value).toLocaleString("en-US");
