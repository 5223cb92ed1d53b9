// The legend within a map: a button a colour, with how many of its images are shown, that hides them.

import { el, minus, number, roving, set } from "./dom.js";
import { SHAPES } from "./raster.js";

const MARKS = { circle: "●", triangle: "▲", diamond: "◆" };

export class Legend {
  constructor(app, map) {
    Object.assign(this, { app, map, hover: null, buttons: new Map() });
    this.element = el("div", { class: "legend" });
    this.list = el("div", { class: "entries", role: "toolbar", "aria-label": "Legend: what is shown" });
    this.settle = roving(this.list);
    this.element.append(this.list);
  }

  height() {
    return this.element.hidden ? 0 : Math.min(this.element.offsetHeight, 0.4 * this.map.room.clientHeight);
  }

  draw() {
    const { colouring } = this.map;
    this.element.hidden = !this.app.open.legend;
    if (!colouring.names) return this.scale(colouring);
    const about = this.about(colouring);
    if (this.of !== about) this.build(colouring, about);
    const counts = new Uint32Array(colouring.names.length);
    const { code } = colouring;
    const kept = this.map.own(this.app.kept);
    for (let i = 0; i < code.length; i++) if (kept[i]) counts[code[i]]++;
    this.buttons.forEach((button, k) => {
      const off = this.app.hidden.has(k);
      button.hidden = !counts[k];
      set(button, "aria-pressed", String(!off));
      set(button.lastChild, "text", number(counts[k]));
    });
    this.settle();
  }

  // What the buttons show: the same ones stay, and with them the focus, while it does.
  about(colouring) {
    const { names, light, dark } = colouring;
    return JSON.stringify([names, this.app.theme.dark ? dark : light, [...this.shapesOf(colouring)]]);
  }

  build(colouring, about) {
    this.of = about;
    this.buttons.clear();
    const shapes = this.shapesOf(colouring);
    const colours = this.app.theme.dark ? colouring.dark : colouring.light;
    colouring.names.forEach((name, k) => {
      const mark = el("span", { class: "mark", "aria-hidden": "true", text: MARKS[SHAPES[shapes[k]]] });
      mark.style.color = `rgb(${colours[k].join()})`;
      const button = el(
        "button",
        {
          title: `Show or hide: ${name}`,
          onclick: () => this.app.hide(k),
          onpointerenter: () => this.light(k),
          onpointerleave: () => this.light(null),
        },
        mark,
        el("span", { class: "name", text: name }),
        el("span", { class: "many" })
      );
      this.buttons.set(k, button);
    });
    this.list.replaceChildren(...this.buttons.values());
  }

  // A mark stands for the role of its images where they are of one.
  shapesOf(colouring) {
    const shapes = this.map.shapes();
    const found = new Array(colouring.names.length).fill(0);
    const mixed = new Array(colouring.names.length).fill(-1);
    for (let i = 0; i < shapes.length; i++) {
      const k = colouring.code[i];
      if (mixed[k] === -1) mixed[k] = shapes[i];
      else if (mixed[k] !== shapes[i]) mixed[k] = -2;
    }
    return found.map((_, k) => Math.max(mixed[k], 0));
  }

  // Whoever points at an entry sees where its images are.
  light(k) {
    this.hover = k !== null && this.app.hidden.has(k) ? null : k;
    this.map.draw();
  }

  scale(colouring) {
    this.of = null;
    this.buttons.clear();
    const { theme } = this.app;
    const bar = el("span", { class: "ramp", "aria-hidden": "true" });
    const shades = theme.dark ? colouring.dark : colouring.light;
    bar.style.background = `linear-gradient(to right, ${shades.map((c) => `rgb(${c.join()})`).join()})`;
    const [low, high] = [colouring.low, colouring.high].map((v) => minus(Number(v.toPrecision(3))));
    const text = colouring.unit ? `${colouring.title}, ${colouring.unit}` : colouring.title;
    this.list.replaceChildren(el("span", { class: "scale" }, el("span", { text }), el("span", { text: low }), bar, el("span", { text: high })));
  }
}
