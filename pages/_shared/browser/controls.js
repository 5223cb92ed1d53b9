// Controls that the large map and the painted picture have: a slider with its value, a choice.

import { el, roving, set } from "./dom.js";

export function slider(label, low, high, step, words, work) {
  const input = el("input", { type: "range", min: low, max: high, step, oninput: () => work(Number(input.value)) });
  const value = el("span", { class: "value", "aria-hidden": "true" });
  const element = el("label", { class: "slider" }, el("span", { text: label }), input, value);
  set(input, "aria-label", label);
  return {
    element,
    show(at) {
      if (Number(input.value) !== at) input.value = at;
      set(value, "text", words(at));
      set(input, "aria-valuetext", words(at));
    },
  };
}

export function views(options, label, work) {
  const buttons = Object.entries(options).map(([key, text]) =>
    el("button", { class: "view", "data-key": key, onclick: () => work(key), text })
  );
  const element = el("div", { class: "views", role: "group", "aria-label": label }, ...buttons);
  const settle = roving(element);
  return {
    element,
    show(at) {
      buttons.forEach((button) => set(button, "aria-pressed", String(button.dataset.key === at)));
      settle();
    },
  };
}
