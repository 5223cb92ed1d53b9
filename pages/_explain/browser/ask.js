// A picture to erase and to paint on, by mouse, finger or keys. Python hears of it when a stroke ends.

import { slider, views } from "./controls.js";
import { el, set } from "./dom.js";
import { border, ends, heat, outline, picture, theme, unpack } from "./paint.js";
import { Painting } from "./painting.js";
import { bytes, endOf, mapsOf, store } from "./store.js";

const TOOLS = { erase: "Erase", paint: "Paint" };
const KEYS =
  "The arrow keys move the brush, Enter presses it on the picture, plus and minus make it larger and smaller, " +
  "U takes the last stroke back.";
const kept = new Map(); // by picture: what was painted on it

export class Ask {
  constructor(parent) {
    this.tool = "erase";
    this.side = 5;
    this.level = 255;
    this.cursor = null;
    this.hints = true;
    this.canvas = el("canvas", { "aria-hidden": "true" });
    const keys = el("span", { class: "unseen", id: `keys-${Math.random().toString(36).slice(2)}`, text: KEYS });
    this.room = el("div", { class: "room", tabindex: 0, role: "application", "aria-describedby": keys.id }, this.canvas);
    this.tools = views(TOOLS, "What the brush does", (tool) => this.set({ tool }));
    const button = (text, work, given = {}) => el("button", { class: "tool", onclick: work, text, ...given });
    this.back = button("Undo", () => this.undo());
    this.clear = button("Reset", () => this.reset());
    this.finger = button("Draw with a finger", () => this.set({ draws: !this.draws }), { class: "tool finger", "aria-pressed": "false" });
    this.size = slider("Brush", 1, 15, 1, (v) => `${v} px`, (side) => this.set({ side }));
    this.grey = slider("Grey level", 0, 255, 5, String, (level) => this.set({ level }));
    this.hint = el("input", { type: "checkbox", onchange: (event) => this.set({ hints: event.target.checked }) });
    this.live = el("div", { class: "unseen", role: "status" });
    this.element = el(
      "div",
      { class: "ask", onkeydown: (event) => this.key(event) },
      el("div", { class: "bar" }, this.tools.element, el("div", { class: "tools" }, this.finger, this.back, this.clear)),
      el("figure", {}, this.room),
      keys,
      el("div", { class: "sliders" }, this.size.element, this.grey.element),
      el("label", { class: "one" }, this.hint, "show the map that is large above"),
      this.live
    );
    parent.append(this.element);
    this.work = () => this.soon();
    store.watchers.add(this.work);
    this.watch = new ResizeObserver(this.work);
    this.watch.observe(this.room);
    this.listen();
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
      this.side = Math.max(1, Math.round(Math.min(width, height) / 5));
      this.size.element.querySelector("input").max = Math.round(Math.min(width, height) / 2);
      this.cursor = null;
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

  // Strokes --------------------------------------------------------------------------------------

  listen() {
    const { room } = this;
    let from = null;
    const pixel = (event) => {
      const { left, top, width } = room.getBoundingClientRect();
      const size = width / this.data.picture.width;
      return [Math.floor((event.clientX - left) / size), Math.floor((event.clientY - top) / size)];
    };
    const idle = (event) => event.pointerType === "touch" && !this.draws;
    room.addEventListener("pointerdown", (event) => {
      if (event.button > 0 || idle(event)) return;
      room.setPointerCapture(event.pointerId);
      this.painting.begin();
      from = pixel(event);
      this.stroke(from, from);
    });
    room.addEventListener("pointermove", (event) => {
      if (idle(event)) return;
      const at = pixel(event);
      if (from) this.stroke(from, at);
      if (from) from = at;
      this.cursor = at;
      this.soon();
    });
    room.addEventListener("pointerup", () => {
      if (from) this.tell();
      from = null;
    });
    room.addEventListener("pointercancel", () => {
      if (from) this.painting.undo();
      from = null;
      this.draw();
    });
    room.addEventListener("pointerleave", (event) => {
      if (from || event.pointerType === "touch") return;
      this.cursor = null;
      this.soon();
    });
    room.addEventListener("keydown", (event) => this.brush(event));
  }

  stroke([x0, y0], [x1, y1]) {
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    for (let k = 0; k <= steps; k++) {
      const at = [Math.round(x0 + ((x1 - x0) * k) / steps), Math.round(y0 + ((y1 - y0) * k) / steps)];
      this.press(at);
    }
    this.soon();
  }

  press(at) {
    const { width, height } = this.data.picture;
    this.painting.stamp(at, this.side, [width, height], { erases: this.tool === "erase", level: this.level });
  }

  brush(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { width, height } = this.data.picture;
    const [x, y] = this.cursor ?? [Math.floor(width / 2), Math.floor(height / 2)];
    const to = (dx, dy) => this.set({ cursor: [Math.min(Math.max(x + dx, 0), width - 1), Math.min(Math.max(y + dy, 0), height - 1)] });
    const press = () => {
      this.cursor = [x, y];
      this.painting.begin();
      this.press(this.cursor);
      this.tell();
    };
    const most = Math.round(Math.min(width, height) / 2);
    const acts = {
      ArrowLeft: () => to(-1, 0),
      ArrowRight: () => to(1, 0),
      ArrowUp: () => to(0, -1),
      ArrowDown: () => to(0, 1),
      Enter: press,
      " ": press,
      "+": () => this.set({ side: Math.min(this.side + 1, most) }),
      "-": () => this.set({ side: Math.max(this.side - 1, 1) }),
      u: () => this.undo(),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
    if (this.cursor && event.key.startsWith("Arrow")) set(this.live, "text", `brush at row ${this.cursor[1]}, column ${this.cursor[0]}`);
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
    const { clientWidth: wide, clientHeight: high } = this.room;
    if (!wide || !high) return;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    Object.assign(this.canvas, { width: Math.round(wide * ratio), height: Math.round(high * ratio) });
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.imageSmoothingEnabled = false;
    const layers = [picture(this.data.picture, this.painting.over(this.pixels, this.erased, channels))];
    const map = mapsOf(this.data.of).get(store.settings.chosen) ?? mapsOf(this.data.of).get("own");
    if (this.hints && map) {
      const { opacity, threshold } = store.settings;
      layers.push(heat(map.values, width, { end: endOf(this.data.of, map.name), opacity: opacity / 2, threshold, colours: ends(theme(this.element).dark, true) }));
    }
    for (const layer of layers) context.drawImage(layer, 0, 0, wide, high);
    const size = wide / width;
    outline(context, this.lines, size, 2);
    outline(context, border(this.painting.kind, width), size, 0.75);
    if (this.cursor) {
      const [left, top] = this.cursor.map((v) => v - Math.floor(this.side / 2));
      const [right, low] = [left + this.side, top + this.side];
      outline(context, [[left, top, right, top], [right, top, right, low], [right, low, left, low], [left, low, left, top]], size, 1.5);
    }
  }

  controls() {
    this.tools.show(this.tool);
    this.size.show(this.side);
    this.grey.show(this.level);
    this.grey.element.hidden = this.tool !== "paint";
    this.hint.checked = this.hints;
    this.room.classList.toggle("draws", Boolean(this.draws));
    set(this.finger, "aria-pressed", String(Boolean(this.draws)));
    set(this.back, "aria-disabled", String(!this.painting.before.length));
    set(this.clear, "aria-disabled", String(!this.painting.any));
  }
}
