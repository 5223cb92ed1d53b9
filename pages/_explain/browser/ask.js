// A picture to erase and to paint on, by mouse, finger or keys. Python hears of it when a stroke ends.

import { Brush } from "./brush.js";
import { slider, views } from "./controls.js";
import { el, set } from "./dom.js";
import { beneath, border, bytes, ends, heat, outline, over, picture, theme, unpack } from "./paint.js";
import { Painting } from "./painting.js";
import { mapsOf, scaleOf, store } from "./store.js";

const TOOLS = { erase: "Erase", paint: "Paint" };
const KEYS =
  "The arrow keys move the brush, Enter presses it on the picture, plus and minus make it larger and smaller, " +
  "U takes the last stroke back.";
const kept = new Map(); // by picture: what was painted on it

export class Ask {
  constructor(parent) {
    this.tool = "erase";
    this.level = 255;
    this.hints = true;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    const keys = el("span", { class: "unseen", id: `keys-${Math.random().toString(36).slice(2)}`, text: KEYS });
    this.room = el("div", { class: "room", tabindex: 0, role: "application", "aria-describedby": keys.id }, this.canvas);
    this.tools = views(TOOLS, "What the brush does", (tool) => this.set({ tool }));
    const button = (text, work, given = {}) => el("button", { class: "tool", onclick: work, text, ...given });
    this.back = button("Undo", () => this.undo());
    this.clear = button("Reset", () => this.reset());
    this.finger = button("Draw with a finger", () => this.set({ fingers: !this.fingers }), { class: "tool finger", "aria-pressed": "false" });
    this.wide = slider("Brush", 1, 15, 1, (v) => `${v} px`, (side) => this.brush.resize(side));
    this.grey = slider("Grey level", 0, 255, 5, String, (level) => this.set({ level }));
    this.hint = el("input", { type: "checkbox", onchange: (event) => this.set({ hints: event.target.checked }) });
    this.live = el("div", { class: "unseen", role: "status" });
    this.element = el(
      "div",
      { class: "house above ask", onkeydown: (event) => this.key(event) },
      el("div", { class: "bar" }, this.tools.element, el("div", { class: "tools" }, this.finger, this.back, this.clear)),
      el("figure", {}, this.room),
      keys,
      el("div", { class: "sliders" }, this.wide.element, this.grey.element),
      el("label", { class: "one" }, this.hint, "show the map that is large above"),
      this.live
    );
    parent.append(this.element);
    this.work = () => this.soon();
    store.watchers.add(this.work);
    this.watch = new ResizeObserver(this.work);
    this.watch.observe(this.room);
    this.brush = new Brush(this.room, this, this.live);
  }

  end() {
    store.watchers.delete(this.work);
    this.watch.disconnect();
    this.element.remove();
  }

  take(component) {
    const { data } = (this.component = component);
    const { width, height } = data.picture;
    const other = this.data?.token !== data.token;
    this.data = data;
    this.pixels = bytes(data.picture.pixels);
    this.erased = bytes(data.erased);
    this.lines = data.place ? border(unpack(bytes(data.place), width * height), width) : [];
    if (other) {
      if (!kept.has(data.token)) {
        const painting = new Painting(width * height);
        if (data.known) painting.take(data.known);
        kept.set(data.token, painting);
        if (kept.size > 8) kept.delete(kept.keys().next().value);
      }
      this.painting = kept.get(data.token);
      this.wide.element.querySelector("input").max = this.brush.most;
      this.brush.reset(Math.round(Math.min(width, height) / 5));
    }
    set(this.room, "aria-label", `${data.title}: a picture to erase and to paint on`);
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

  // Strokes: what the brush asks of whom it paints for ------------------------------------------

  get size() {
    return [this.data.picture.width, this.data.picture.height];
  }

  get draws() {
    return Boolean(this.fingers);
  }

  begin() {
    this.painting.begin();
  }

  press(pixels) {
    this.painting.stamp(pixels, { erases: this.tool === "erase", level: this.level });
  }

  cancel() {
    this.painting.undo();
    this.draw();
  }

  key(event) {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") {
      event.preventDefault();
      this.undo();
    }
  }

  undo() {
    if (this.painting.undo()) this.tell();
  }

  reset() {
    if (!this.painting.any) return;
    this.painting.reset();
    this.tell();
  }

  tell() {
    this.draw();
    this.component.setStateValue("painted", { token: this.data.token, ...this.painting.told() });
  }

  // Drawing --------------------------------------------------------------------------------------

  draw() {
    if (!this.data) return;
    const { width, height, channels } = this.data.picture;
    const name = `${width} / ${height}`;
    if (this.room.style.aspectRatio !== name) this.room.style.aspectRatio = name;
    this.controls();
    const drawn = over(this.canvas, this.room);
    if (!drawn) return;
    const { context, wide, high } = drawn;
    const map = this.hints && (mapsOf(this.data.of).get(store.settings.chosen) ?? mapsOf(this.data.of).get("own"));
    const layers = [(map ? beneath : picture)(this.data.picture, this.painting.over(this.pixels, this.erased, channels))];
    if (map) {
      const { opacity, threshold } = store.settings;
      layers.push(heat(map.values, width, { ...scaleOf(this.data.of, map.name), opacity: opacity / 2, threshold, colours: ends(theme(this.element).dark, true) }));
    }
    for (const layer of layers) context.drawImage(layer, 0, 0, wide, high);
    const size = wide / width;
    if (store.settings.place) outline(context, this.lines, size, 2);
    outline(context, border(this.painting.kind, width), size, 0.75);
    this.brush.draw(context, size);
  }

  controls() {
    this.tools.show(this.tool);
    this.wide.show(this.brush.side);
    this.grey.show(this.level);
    this.grey.element.hidden = this.tool !== "paint";
    this.hint.checked = this.hints;
    this.room.classList.toggle("draws", this.draws);
    set(this.finger, "aria-pressed", String(this.draws));
    set(this.back, "aria-disabled", String(!this.painting.before.length));
    set(this.clear, "aria-disabled", String(!this.painting.any));
  }
}
