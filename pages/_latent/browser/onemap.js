// One map: points and marks on two canvases, its legend, and what hovers over it.

import { Camera } from "./camera.js";
import { el, number, set } from "./dom.js";
import { limits, middles } from "./geometry.js";
import { listen } from "./gestures.js";
import { Legend } from "./legend.js";
import { marks } from "./marks.js";
import { paint } from "./raster.js";

const KEYS =
  "Plus and minus zoom, the arrow keys move, 0 shows the whole map, Enter looks at the image nearest to the " +
  "middle. Lasso and box have keys too: L and B; Escape puts them away. Box by numbers is among the tools.";

export class OneMap {
  constructor(app) {
    this.app = app;
    this.camera = new Camera();
    this.points = null;
    this.all = false; // stray points too
    this.points_ = el("canvas", { class: "points" });
    this.over = el("canvas", { class: "over" });
    this.keys = el("span", { class: "unseen", id: `keys-${Math.random().toString(36).slice(2)}`, text: KEYS });
    this.room = el(
      "div",
      { class: "room", tabindex: 0, role: "application", "aria-describedby": this.keys.id },
      this.points_,
      this.over
    );
    this.tip = el("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.strays = el("div", { class: "strays" });
    this.hint = el("div", { class: "hint", hidden: true, text: "Hold Ctrl and turn the wheel to zoom" });
    [this.named, this.count] = [el("span"), el("span", { class: "count" })];
    this.title = el("div", { class: "title" }, this.named, this.count);
    this.legend = new Legend(app, this);
    this.element = el("figure", { class: "map" }, this.room, this.keys, this.title, this.hint, this.strays, this.legend.element, this.tip);
    this.ends = [listen(this)];
    const watch = new ResizeObserver(() => this.resize());
    watch.observe(this.element);
    this.ends.push(() => watch.disconnect());
  }

  end() {
    this.ends.forEach((end) => end());
  }

  // A map's points and colours; `rows` leads from its rows to those of the first map, or is null.
  give(points, colouring, look, about, rows) {
    if (points !== this.points) {
      this.x = new Float32Array(points.size);
      this.y = new Float32Array(points.size);
      this.camera.moved = false;
      this.fitted = null;
    }
    Object.assign(this, { points, colouring, look, about, rows });
    set(this.named, "text", about.title);
    set(this.room, "aria-label", about.alt);
    this.refit(false);
  }

  // Rows (N) of this map by rows of the first one.
  own(values, otherwise = 0) {
    if (!this.rows) return values;
    const found = new Uint8Array(this.points.size).fill(otherwise);
    for (let j = 0; j < found.length; j++) if (this.rows[j] >= 0) found[j] = values[this.rows[j]];
    return found;
  }

  base(mask) {
    if (!this.rows) return mask;
    const found = new Uint8Array(this.app.selection.mask.length);
    for (let j = 0; j < mask.length; j++) if (mask[j]) found[this.rows[j]] = 1;
    return found;
  }

  // Fit the picture to what is shown and to its own size.
  refit(draw = true) {
    if (!this.points) return;
    this.shown = this.own(this.app.shown);
    this.legend.draw();
    this.resize(true, draw);
  }

  resize(again = false, draw = true) {
    const { clientWidth: width, clientHeight: height } = this.room;
    if (!width || !height || !this.points) return;
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    const free = height - this.legend.height();
    const name = `${width} ${height} ${scale} ${free}`;
    if (name === this.fitted && !again) return;
    this.fitted = name;
    this.scale = scale;
    for (const canvas of [this.points_, this.over]) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    this.image = null;
    this.free = free;
    this.fit();
    if (draw) this.draw();
  }

  fit() {
    const found = limits(this.points.places, this.shown, { all: this.all });
    const at = this.look?.xy;
    if (at) {
      found.sides.forEach((side, axis) => {
        const room = 0.02 * (side[1] - side[0]);
        side[0] = Math.min(side[0], at[axis] - room);
        side[1] = Math.max(side[1], at[axis] + room);
      });
    }
    this.camera.fit(found.sides, [this.room.clientWidth, this.free]);
    this.middles = this.colouring.names ? middles(this.points.places, this.shown, this.colouring.code, this.colouring.names.length, found.sides) : [];
    this.tellStrays(found);
  }

  tellStrays({ cut, sides: [[left, right], [low, high]] }) {
    let outside = 0;
    const { places } = this.points;
    for (let i = 0; i < this.shown.length; i++) {
      const [x, y] = [places[2 * i], places[2 * i + 1]];
      if (this.shown[i] && (x < left || x > right || y < low || y > high)) outside++;
    }
    this.strays.replaceChildren();
    if (!cut && !this.all) return;
    const press = () => {
      this.all = !this.all;
      this.camera.moved = false;
      this.resize(true);
    };
    const text = cut ? `${number(outside)} stray points lie outside` : "All points are in the picture";
    this.strays.append(
      el("span", { text }),
      el("button", { class: "link", onclick: press, text: cut ? "Show all" : "Show the middle" })
    );
  }

  project() {
    const { places } = this.points;
    const { camera, scale, x, y } = this;
    const s = camera.scale * scale;
    const dx = (camera.size[0] / 2) * scale - camera.x * s;
    const dy = (camera.size[1] / 2) * scale + camera.y * s;
    for (let i = 0; i < x.length; i++) {
      x[i] = places[2 * i] * s + dx;
      y[i] = dy - places[2 * i + 1] * s;
    }
  }

  draw() {
    if (!this.points || !this.camera.home || !this.points_.width) return;
    this.project();
    const context = this.points_.getContext("2d");
    const { width, height } = this.points_;
    this.image ||= context.createImageData(width, height);
    const { theme } = this.app;
    paint(this.image, {
      x: this.x,
      y: this.y,
      order: this.points.shuffled,
      level: this.levels(),
      colours: theme.dark ? this.colouring.dark : this.colouring.light,
      code: this.colouring.code,
      shape: this.shapes(),
      radius: this.radius(),
      scale: this.scale,
      ground: theme.ground,
    });
    context.putImageData(this.image, 0, 0);
    const { selection } = this.app;
    set(this.count, "text", selection.any || selection.live ? `: ${number(selection.count)} selected` : "");
    this.drawOver();
    this.app.tools.said(this.app.maps[0]);
  }

  // Points grow with the zoom, and are smaller where there are many.
  radius() {
    const few = this.points.size > 30000 ? 1.9 : this.points.size > 3000 ? 2.5 : 3.2;
    return Math.min(few * Math.pow(this.camera.zoom, 0.35), 6);
  }

  levels() {
    const { selection } = this.app;
    const picked = this.own(selection.mask);
    const hover = this.legend.hover;
    const any = selection.any || selection.live;
    const level = new Uint8Array(this.points.size);
    for (let i = 0; i < level.length; i++) {
      if (!this.shown[i]) continue;
      if (hover !== null) level[i] = this.colouring.code[i] === hover ? 3 : 1;
      else level[i] = any ? (picked[i] ? 3 : 1) : 2;
    }
    return level;
  }

  shapes() {
    if (this.shaped?.of !== this.points) {
      const kinds = { normal: 0, strange: 1, unjudged: 2 };
      const of = this.app.data.sets.map((s) => kinds[s.role]);
      this.shaped = { of: this.points, shape: Uint8Array.from(this.points.set, (s) => of[s]) };
    }
    return this.shaped.shape;
  }

  drawOver() {
    const context = this.over.getContext("2d");
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    context.clearRect(0, 0, this.over.width, this.over.height);
    marks(context, this);
  }
}
