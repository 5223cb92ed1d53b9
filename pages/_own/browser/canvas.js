// A canvas of a scenario's size to draw on, by mouse, finger or keys. Python hears of it when a stroke
// ends, and holds it for when the page is left.

import { Brush } from "./brush.js";
import { slider, views } from "./controls.js";
import { el, roving, set } from "./dom.js";
import { bytes, over, picture, text } from "./paint.js";

const TOOLS = { pen: "Pen", eraser: "Eraser" };
const KEYS =
  "The arrow keys move the pen, Enter presses it, plus and minus make it wider and narrower, U takes the last stroke back.";
const PALETTE = {
  white: "#ffffff", grey: "#808080", black: "#000000", red: "#d62728", orange: "#ff9030", yellow: "#ffe14d",
  green: "#3a9d3a", sky: "#8ecae6", blue: "#1f4fbf", violet: "#7b3fa0", brown: "#7a4a24", sand: "#e0b08c",
};
const STROKES = 200; // that can be taken back
const PEN = 14; // of so many pixels it is one wide
const kept = new Map(); // by token: what was drawn, and what was there before each stroke

export class Canvas {
  constructor(parent) {
    Object.assign(this, { tool: "pen", level: 255, colour: [255, 255, 255] });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    const keys = el("span", { class: "unseen", id: `keys-${Math.random().toString(36).slice(2)}`, text: KEYS });
    this.room = el("div", { class: "room draws", tabindex: 0, role: "application", "aria-label": "A canvas to draw on", "aria-describedby": keys.id }, this.canvas);
    this.tools = views(TOOLS, "What a stroke does", (tool) => this.set({ tool }));
    const button = (label, work) => el("button", { class: "tool", onclick: work, text: label });
    this.back = button("Undo", () => this.undo());
    this.clear = button("Clear", () => this.start(new Uint8Array(this.pixels.length)));
    this.from = button("Start from the picture", () => this.start(bytes(this.data.start)));
    this.wide = slider("Width", 1, 15, 1, (v) => `${v} px`, (side) => this.brush.resize(side));
    this.grey = slider("Grey level", 0, 255, 5, String, (level) => this.set({ level }));
    this.tint = el("input", { type: "color", value: "#ffffff", oninput: () => this.set({ colour: channels(this.tint.value) }) });
    this.swatches = Object.entries(PALETTE).map(([name, tint]) =>
      el("button", { class: "swatch", "aria-label": name, title: name, "data-tint": tint, style: `background:${tint}`, onclick: () => this.set({ colour: channels(tint) }) })
    );
    const palette = el("div", { class: "palette", role: "group", "aria-label": "Colour of the pen" }, ...this.swatches);
    this.settle = roving(palette);
    this.tinted = el("div", { class: "tinted" }, palette, el("label", { class: "one" }, "Any other", this.tint));
    this.live = el("div", { class: "unseen", role: "status" });
    this.element = el(
      "div",
      { class: "house above canvas", onkeydown: (event) => this.key(event) },
      el("div", { class: "bar" }, this.tools.element, el("div", { class: "tools" }, this.back, this.clear, this.from)),
      el("figure", {}, this.room),
      keys,
      el("div", { class: "sliders" }, this.wide.element, this.grey.element, this.tinted),
      this.live
    );
    parent.append(this.element);
    this.watch = new ResizeObserver(() => this.soon());
    this.watch.observe(this.room);
    this.brush = new Brush(this.room, this, this.live);
  }

  end() {
    this.watch.disconnect();
    this.element.remove();
  }

  take(component) {
    const { data } = (this.component = component);
    const other = this.data?.token !== data.token;
    this.data = data;
    if (other) {
      if (!kept.has(data.token)) {
        const { width, height, channels } = data.size;
        const pixels = data.known ? bytes(data.known) : new Uint8Array(width * height * channels);
        kept.set(data.token, { pixels, before: [] });
      }
      this.drawing = kept.get(data.token);
      this.wide.element.querySelector("input").max = this.brush.most;
      this.brush.reset(Math.round(Math.min(...this.size) / PEN));
    }
    this.draw();
  }

  set(values) {
    Object.assign(this, values);
    this.draw();
  }

  soon() {
    this.asked ||= requestAnimationFrame(() => {
      this.asked = 0;
      this.draw();
    });
  }

  get pixels() {
    return this.drawing.pixels;
  }


  // Strokes: what the brush asks of whom it paints for ------------------------------------------

  get size() {
    return [this.data.size.width, this.data.size.height];
  }

  get draws() {
    return true;
  }

  begin() {
    this.drawing.before.push(this.pixels.slice());
    if (this.drawing.before.length > STROKES) this.drawing.before.shift();
  }

  press(numbers) {
    const { channels } = this.data.size;
    const pen = channels === 1 ? [this.level] : this.colour;
    const levels = this.tool === "eraser" ? pen.map(() => 0) : pen;
    for (const i of numbers) this.pixels.set(levels, i * channels);
  }

  cancel() {
    this.drawing.pixels = this.drawing.before.pop() ?? this.pixels;
    this.draw();
  }

  undo() {
    if (!this.drawing.before.length) return;
    this.cancel();
    this.tell();
  }

  start(pixels) {
    if (pixels.length !== this.pixels.length || pixels.every((v, i) => v === this.pixels[i])) return;
    this.begin();
    this.drawing.pixels = pixels;
    this.tell();
  }

  key(event) {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") {
      event.preventDefault();
      this.undo();
    }
  }

  tell() {
    this.draw();
    this.component.setStateValue("drawn", { token: this.data.token, pixels: text(this.pixels) });
  }

  // Drawing --------------------------------------------------------------------------------------

  draw() {
    if (!this.data) return;
    const [width, height] = this.size;
    const shape = `${width} / ${height}`;
    if (this.room.style.aspectRatio !== shape) this.room.style.aspectRatio = shape;
    this.controls();
    const drawn = over(this.canvas, this.room);
    if (!drawn) return;
    const { context, wide, high } = drawn;
    context.drawImage(picture(this.data.size, this.pixels), 0, 0, wide, high);
    this.brush.draw(context, wide / width);
  }

  controls() {
    const grey = this.data.size.channels === 1;
    this.tools.show(this.tool);
    this.wide.show(this.brush.side);
    this.grey.show(this.level);
    this.grey.element.hidden = !grey || this.tool !== "pen";
    this.tinted.hidden = grey || this.tool !== "pen";
    const tint = hex(this.colour);
    if (this.tint.value !== tint) this.tint.value = tint;
    for (const swatch of this.swatches) set(swatch, "aria-pressed", String(swatch.dataset.tint === tint));
    this.settle();
    this.from.hidden = !this.data.start;
    set(this.back, "aria-disabled", String(!this.drawing.before.length));
    set(this.clear, "aria-disabled", String(this.pixels.every((v) => !v)));
  }
}

const hex = (levels) => `#${levels.map((v) => v.toString(16).padStart(2, "0")).join("")}`;

const channels = (colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
