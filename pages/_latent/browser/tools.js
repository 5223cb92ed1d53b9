// The tools above the maps.

import { el, icon, roving, set } from "./dom.js";
import { save } from "./save.js";

const DRAWN = {
  lasso: "M10 3C5 3 2 5.500 2 8.500S5 14 9 14c1.500 0 2 1.500 1 3M10 3c5 0 8 2.500 8 5.500S15 14 11 14",
  box: "M3 4h3M9 4h3M15 4h2v3M17 10v2M17 15v2h-3M11 17H8M5 17H3v-3M3 11V8M3 5V4",
  all: "M3 3h14v14H3zM6 10l3 3 5-6",
  clear: "M4 4l12 12M16 4L4 16",
  undo: "M4 8h8a4 4 0 0 1 0 8H8M4 8l4-4M4 8l4 4",
  redo: "M16 8H8a4 4 0 0 0 0 8h4M16 8l-4-4M16 8l-4 4",
  less: "M4 10h12",
  more: "M4 10h12M10 4v12",
  whole: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  save: "M10 3v9M6 9l4 4 4-4M3 16h14",
};

export class Tools {
  constructor(app) {
    this.app = app;
    const one = (key, name, act, more = {}) =>
      (this[key] = el("button", { class: "tool", "aria-label": name, title: name, onclick: act, ...more }, icon(DRAWN[key])));
    const kinds = [
      one("lasso", "Lasso: draw round images (L)", () => app.choose("lasso"), { "aria-pressed": "false" }),
      one("box", "Box: drag over images (B)", () => app.choose("box"), { "aria-pressed": "false" }),
    ];
    const steps = [
      one("all", "Select all shown", () => app.selectAll()),
      one("clear", "Clear the selection", () => app.clear()),
      one("undo", "Undo (Ctrl+Z)", () => app.undo()),
      one("redo", "Redo (Ctrl+Y)", () => app.redo()),
    ];
    this.zoomed = el("output", { class: "zoomed", "aria-label": "Zoom", text: "1.0×" });
    const zooms = [
      one("less", "Zoom out (-)", () => app.zoom(1 / 1.4)),
      this.zoomed,
      one("more", "Zoom in (+)", () => app.zoom(1.4)),
      one("whole", "Whole map (0)", () => app.zoom(0)),
    ];
    const panels = { legend: "Legend", names: "Names", bars: "Bars", pictures: "Pictures" };
    this.panels = Object.entries(panels).map(([key, text]) =>
      el("button", { class: "tool wide", "aria-pressed": "true", title: `Show or hide: ${text}`, onclick: () => app.panel(key), "data-panel": key, text })
    );
    this.bar = el("div", { class: "tools", role: "toolbar", "aria-label": "Tools of the map" });
    const gap = () => el("span", { class: "gap" });
    this.bar.append(...kinds, ...steps, gap(), ...zooms, gap(), ...this.panels, gap(), one("save", "Save the map as a picture (PNG)", () => save(app)));
    this.settle = roving(this.bar);
    this.element = el("div", { class: "bar" }, this.bar, this.numbers());
  }

  // A box without a mouse: by numbers, in percent of the whole map from its lower left.
  numbers() {
    const field = (name, value) => el("input", { type: "number", min: 0, max: 100, value, step: 1, "aria-label": `${name}, percent of the map` });
    const fields = ["Left", "Right", "Bottom", "Top"].map((name, i) => [name, field(name, i % 2 ? 100 : 0)]);
    const act = (how) => () => {
      const [left, right, low, high] = fields.map(([, input]) => Number(input.value));
      this.app.boxed([left, low, right, high], how);
    };
    const ways = { replace: "Select", add: "Add", remove: "Take away" };
    return el(
      "details",
      { class: "numbers" },
      el("summary", { text: "By numbers" }),
      el(
        "div",
        { class: "form", role: "group", "aria-label": "A box in percent of the whole map, from its lower left" },
        ...fields.map(([name, input]) => el("label", {}, el("span", { text: `${name} %` }), input)),
        ...Object.entries(ways).map(([how, text]) => el("button", { class: "tool wide", onclick: act(how), text }))
      )
    );
  }

  draw() {
    const { app } = this;
    const { selection } = app;
    for (const kind of ["lasso", "box"]) set(this[kind], "aria-pressed", String(app.tool === kind));
    this.able(this.undo, selection?.past.length);
    this.able(this.redo, selection?.future.length);
    this.able(this.clear, selection?.any);
    this.able(this.all, selection?.total);
    this.panels.forEach((b) => set(b, "aria-pressed", String(app.open[b.dataset.panel])));
    this.settle();
  }

  // Not the attribute "disabled": a button that loses it under the finger would lose the focus too.
  able(button, can) {
    set(button, "aria-disabled", String(!can));
  }

  said(map) {
    if (map?.camera.home) set(this.zoomed, "text", `${map.camera.zoom.toFixed(1)}×`);
  }
}
