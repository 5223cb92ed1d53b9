// A picture with a patch on it that one drags: by mouse or finger, or by keys once it has the focus.
// Where the picture has no patch, a press puts one there. Python hears of it when it is let go.

import { el, set } from "./dom.js";
import { bytes, over, picture } from "./paint.js";

const KEYS = "The arrow keys move the patch by a pixel, with Shift by four.";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FAR = 4; // pixels, with Shift
const REST = 300; // ms after the last key

export class Occluded {
  constructor(parent) {
    this.serial = 0;
    this.canvas = el("canvas", { role: "img" });
    const keys = el("span", { class: "unseen", id: `keys-${Math.random().toString(36).slice(2)}`, text: KEYS });
    this.patch = el("div", { class: "patch", tabindex: 0, role: "application", "aria-label": "Occluding patch", "aria-describedby": keys.id, hidden: true });
    this.room = el("div", { class: "room" }, this.canvas, this.patch);
    this.live = el("div", { class: "unseen", role: "status" });
    this.element = el("div", { class: "house above occluded" }, el("figure", {}, this.room), keys, this.live);
    parent.append(this.element);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.room);
    this.listen();
  }

  end() {
    this.rest();
    this.watch.disconnect();
    this.element.remove();
  }

  take(component) {
    const { data } = (this.component = component);
    this.data = data;
    this.under = picture(data.picture, bytes(data.picture.pixels));
    // Somebody may have moved on since Python heard of the patch.
    if (data.serial >= this.serial && !this.held && !this.waiting) {
      this.serial = data.serial;
      this.across = data.patch.across;
      this.down = data.patch.down;
      this.side = data.patch.side;
    }
    set(this.canvas, "aria-label", data.title);
    this.draw();
  }

  // Mouse, finger and keys ------------------------------------------------------------------------

  listen() {
    const { room, patch } = this;
    const heard = {
      pointerdown: (event) => this.take_up(event),
      pointermove: (event) => this.held && this.moveTo(event),
      pointerup: () => this.letGo(),
      pointercancel: () => this.letGo(),
      click: (event) => event.pointerType === "touch" && event.target !== patch && this.put(event),
    };
    Object.entries(heard).forEach(([name, work]) => room.addEventListener(name, work));
    patch.addEventListener("keydown", (event) => this.key(event));
    patch.addEventListener("blur", () => this.rest());
  }

  // A finger scrolls the page unless it begins on the patch; a tap puts the patch there.
  take_up(event) {
    const onPatch = event.target === this.patch;
    if (event.button > 0 || (event.pointerType === "touch" && !onPatch)) return;
    event.preventDefault();
    this.room.setPointerCapture(event.pointerId);
    this.held = true;
    this.grip = [0, 0];
    if (onPatch) {
      const [x, y] = this.shares(event);
      this.grip = [this.across / 100 - x, this.down / 100 - y];
    } else this.moveTo(event);
    this.patch.focus({ preventScroll: true });
  }

  put(event) {
    this.grip = [0, 0];
    this.moveTo(event);
    this.tell();
  }

  letGo() {
    if (!this.held) return;
    this.held = false;
    this.tell();
  }

  shares(event) {
    const { left, top, width, height } = this.room.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  }

  moveTo(event) {
    const [x, y] = this.shares(event);
    this.move(100 * (x + this.grip[0]), 100 * (y + this.grip[1]));
  }

  move(across, down) {
    this.side ||= this.data.patch.first;
    const inside = (v) => Math.round(Math.min(Math.max(v, 0), 100));
    [this.across, this.down] = [inside(across), inside(down)];
    this.draw();
  }

  key(event) {
    const arrow = ARROWS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !arrow) return;
    event.preventDefault();
    event.stopPropagation();
    const { width, height } = this.data.picture;
    const far = event.shiftKey ? FAR : 1;
    const [left, top] = this.corner();
    this.move(
      arrow[0] ? stepped(this.across, left + arrow[0] * far, this.side, width) : this.across,
      arrow[1] ? stepped(this.down, top + arrow[1] * far, this.side, height) : this.down
    );
    const [column, row] = this.corner();
    set(this.live, "text", `patch from row ${row}, column ${column}`);
    clearTimeout(this.resting);
    this.waiting = true;
    this.resting = setTimeout(() => this.rest(), REST);
  }

  rest() {
    clearTimeout(this.resting);
    if (!this.waiting) return;
    this.waiting = false;
    this.tell();
  }

  tell() {
    this.serial += 1;
    this.component.setStateValue("patch", { serial: this.serial, across: this.across, down: this.down });
  }

  // Drawing --------------------------------------------------------------------------------------

  // Left and top pixel of the patch, as core.data.disturbance.Patch.place has them.
  corner() {
    const { width, height } = this.data.picture;
    return [cornerOf(this.across, this.side, width), cornerOf(this.down, this.side, height)];
  }

  draw() {
    if (!this.data) return;
    const { width, height } = this.data.picture;
    const shape = `${width} / ${height}`;
    if (this.room.style.aspectRatio !== shape) this.room.style.aspectRatio = shape;
    set(this.patch, "hidden", !this.side);
    const drawn = over(this.canvas, this.room);
    if (!drawn) return;
    const { context, wide, high } = drawn;
    context.drawImage(this.under, 0, 0, wide, high);
    if (!this.side) return;
    const [left, top] = this.corner();
    const size = wide / width;
    const level = this.data.patch.level;
    context.fillStyle = `rgb(${level} ${level} ${level})`;
    context.fillRect(left * size, top * size, this.side * size, this.side * size);
    Object.assign(this.patch.style, {
      left: `${(100 * left) / width}%`,
      top: `${(100 * top) / height}%`,
      width: `${(100 * this.side) / width}%`,
      height: `${(100 * this.side) / height}%`,
    });
  }
}

// The first pixel of a patch whose middle is at so many per cent of a whole.
export function cornerOf(percent, side, whole) {
  return Math.min(Math.max(Math.floor((percent / 100) * whole - side / 2 + 0.5), 0), whole - side);
}

// The per cent at which a patch begins with a pixel; where pixels are smaller, the next per cent.
export function stepped(percent, pixel, side, whole) {
  const here = cornerOf(percent, side, whole);
  const to = Math.min(Math.max(pixel, 0), whole - side);
  const next = Math.round((100 * (to + side / 2)) / whole);
  return to !== here && next === percent ? percent + Math.sign(to - here) : next;
}
