// A curve over all thresholds, with a point and its intervals at the one that is chosen.

import { el, set } from "./dom.js";
import { letters, line, path, shape } from "./drawing.js";

const PAD = { left: 40, right: 12, top: 8, bottom: 40 };
const TICKS = [0, 0.5, 1];

export class Curve {
  constructor({ name, x, y, diagonal = false }) {
    Object.assign(this, { name, across: x, up: y, diagonal });
    this.still = shape("g");
    this.error = shape("path", { class: "error" });
    this.point = shape("circle", { class: "point", r: 7 });
    this.picture = shape("svg", { role: "img", width: "100%", height: "100%" }, this.still, this.error, this.point);
    this.title = el("figcaption");
    this.plane = el("div", { class: "curve" }, this.picture);
    this.element = el("figure", {}, this.title, this.plane);
  }

  take(rows, { title, xs, ys }) {
    Object.assign(this, { rows, xs, ys });
    set(this.title, "text", title);
    this.drawn = "";
  }

  get box() {
    return { wide: this.plane.clientWidth, high: this.plane.clientHeight };
  }

  place(x, y) {
    const { wide, high } = this.box;
    return [PAD.left + x * (wide - PAD.left - PAD.right), high - PAD.bottom - y * (high - PAD.top - PAD.bottom)];
  }

  draw() {
    const { wide, high } = this.box;
    if (!wide || this.drawn === `${wide} ${high}`) return;
    this.drawn = `${wide} ${high}`;
    const points = [];
    const [xs, ys] = [this.rows[this.across], this.rows[this.up]];
    for (let k = 0; k < xs.length; k++) {
      if (Number.isFinite(xs[k]) && Number.isFinite(ys[k])) points.push(this.place(xs[k], ys[k]));
    }
    const frame = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([x, y]) => this.place(x, y));
    this.still.replaceChildren(
      shape("path", { class: "frame", d: `${path(frame)}Z` }),
      ...(this.diagonal ? [shape("path", { class: "coin", d: path([this.place(0, 0), this.place(1, 1)]) })] : []),
      ...TICKS.flatMap((at) => this.tick(at)),
      letters(this.xs, (PAD.left + wide - PAD.right) / 2, high - 4, { "text-anchor": "middle", class: "quiet" }),
      letters(this.ys, 0, 0, { "text-anchor": "middle", class: "quiet", transform: `translate(13 ${(PAD.top + high - PAD.bottom) / 2}) rotate(-90)` }),
      shape("path", { class: "line", d: path(points) })
    );
  }

  tick(at) {
    const [x, foot] = this.place(at, 0);
    const [left, y] = this.place(0, at);
    const anchor = ["start", "middle", "end"][2 * at];
    return [
      ...(at === 0.5 ? [line(x, foot, ...this.place(at, 1), { class: "grid" }), line(left, y, ...this.place(1, at), { class: "grid" })] : []),
      letters(100 * at, x, foot + 16, { "text-anchor": anchor }),
      letters(100 * at, left - 5, y + 5, { "text-anchor": "end" }),
    ];
  }

  show(row, text) {
    const [x, y] = [row[this.across], row[this.up]];
    const there = Number.isFinite(x) && Number.isFinite(y) && this.box.wide > 0;
    this.point.style.display = this.error.style.display = there ? "" : "none";
    set(this.picture, "aria-label", `${this.title.textContent}. ${text}`);
    if (!there) return;
    const [cx, cy] = this.place(x, y);
    this.point.setAttribute("cx", cx);
    this.point.setAttribute("cy", cy);
    const bar = ["low", "high"].map((end) => this.place(row[`${this.across}_${end}`] ?? x, y));
    const post = ["low", "high"].map((end) => this.place(x, row[`${this.up}_${end}`] ?? y));
    this.error.setAttribute("d", path(bar) + path(post));
  }
}
