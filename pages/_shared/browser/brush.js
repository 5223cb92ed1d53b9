// A square brush on the pixels of a picture, by mouse, finger and keys. For whom it paints says how
// large the picture is (`size`: [width, height]) and whether a finger draws (`draws`), and hears of
// strokes: `begin`, `press(pixels)` by their numbers, `tell` at the end, `cancel`; `undo`, `draw`, `soon`.

import { set } from "./dom.js";
import { outline } from "./paint.js";

export class Brush {
  // `live` says to who does not see it where it is.
  constructor(room, painter, live) {
    Object.assign(this, { room, painter, live, side: 1, cursor: null, from: null });
    const idle = (event) => event.pointerType === "touch" && !painter.draws;
    room.addEventListener("pointerdown", (event) => this.down(event, idle(event)));
    room.addEventListener("pointermove", (event) => idle(event) || this.move(event));
    room.addEventListener("pointerup", () => this.up());
    room.addEventListener("pointercancel", () => this.up(true));
    room.addEventListener("pointerleave", (event) => this.leave(event));
    room.addEventListener("keydown", (event) => this.key(event));
  }

  get most() {
    return Math.max(1, Math.round(Math.min(...this.painter.size) / 2));
  }

  reset(side) {
    this.side = Math.min(Math.max(side, 1), this.most);
    this.cursor = null;
  }

  resize(side) {
    this.side = Math.min(Math.max(side, 1), this.most);
    this.painter.draw();
  }

  // Pixels under the brush, by their numbers, where its middle is at [x, y].
  *under([x, y]) {
    const [width, height] = this.painter.size;
    const [left, top] = [x, y].map((v) => v - Math.floor(this.side / 2));
    for (let r = Math.max(top, 0); r < Math.min(top + this.side, height); r++) {
      for (let c = Math.max(left, 0); c < Math.min(left + this.side, width); c++) yield r * width + c;
    }
  }

  // Mouse and finger ------------------------------------------------------------------------------

  pixel(event) {
    const { left, top, width } = this.room.getBoundingClientRect();
    const size = width / this.painter.size[0];
    return [Math.floor((event.clientX - left) / size), Math.floor((event.clientY - top) / size)];
  }

  down(event, idle) {
    if (event.button > 0 || idle) return;
    this.room.setPointerCapture(event.pointerId);
    this.painter.begin();
    this.from = this.pixel(event);
    this.stroke(this.from, this.from);
  }

  move(event) {
    const at = this.pixel(event);
    if (this.from) this.stroke(this.from, at);
    if (this.from) this.from = at;
    this.cursor = at;
    this.painter.soon();
  }

  stroke([x0, y0], [x1, y1]) {
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    const all = new Set();
    for (let k = 0; k <= steps; k++) {
      const at = [Math.round(x0 + ((x1 - x0) * k) / steps), Math.round(y0 + ((y1 - y0) * k) / steps)];
      for (const pixel of this.under(at)) all.add(pixel);
    }
    this.painter.press(all);
    this.painter.soon();
  }

  up(cancelled = false) {
    if (!this.from) return;
    this.from = null;
    if (cancelled) this.painter.cancel();
    else this.painter.tell();
  }

  leave(event) {
    if (this.from || event.pointerType === "touch") return;
    this.cursor = null;
    this.painter.soon();
  }

  // Keys ------------------------------------------------------------------------------------------

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      ArrowLeft: () => this.step(-1, 0),
      ArrowRight: () => this.step(1, 0),
      ArrowUp: () => this.step(0, -1),
      ArrowDown: () => this.step(0, 1),
      Enter: () => this.dab(),
      " ": () => this.dab(),
      "+": () => this.resize(this.side + 1),
      "-": () => this.resize(this.side - 1),
      u: () => this.painter.undo(),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  get at() {
    return this.cursor ?? this.painter.size.map((v) => Math.floor(v / 2));
  }

  step(dx, dy) {
    const [width, height] = this.painter.size;
    const [x, y] = this.at;
    this.cursor = [Math.min(Math.max(x + dx, 0), width - 1), Math.min(Math.max(y + dy, 0), height - 1)];
    this.painter.draw();
    set(this.live, "text", `brush at row ${this.cursor[1]}, column ${this.cursor[0]}`);
  }

  dab() {
    this.cursor = this.at;
    this.painter.begin();
    this.painter.press(this.under(this.cursor));
    this.painter.tell();
  }

  draw(context, size) {
    if (!this.cursor) return;
    const [left, top] = this.cursor.map((v) => v - Math.floor(this.side / 2));
    const [right, low] = [left + this.side, top + this.side];
    outline(context, [[left, top, right, top], [right, top, right, low], [right, low, left, low], [left, low, left, top]], size, 1.5);
  }
}
