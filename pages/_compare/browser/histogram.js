// Scores of normal and strange images as two outlines, with a line between them that one drags.

import { el, set } from "./dom.js";
import { letters, line, path, shape } from "./drawing.js";
import { SPACE, percent, ticks } from "./words.js";

export const PAD = { left: 10, right: 10, top: 44, bottom: 44 };
const ROLES = ["normal", "strange"];

export class Histogram {
  constructor() {
    this.bars = shape("g");
    this.flagged = shape("rect", { class: "flagged" });
    this.rule = shape("line", { class: "rule" });
    this.picture = shape("svg", { "aria-hidden": "true", width: "100%", height: "100%" }, this.flagged, this.bars, this.rule);
    this.say = el("span", { class: "side" });
    this.grip = el("div", { class: "grip", role: "slider", tabindex: "0", "aria-orientation": "horizontal" });
    this.legend = el("p", { class: "legend" });
    this.element = el("div", { class: "plane" }, this.picture, this.legend, this.say, this.grip);
  }

  take({ histogram, titles, model, unit }) {
    this.given = histogram;
    this.unit = unit;
    set(this.grip, "aria-label", `Threshold on the score of ${model}`);
    const swatches = ROLES.map((role) => el("span", {}, el("i", { class: role }), titles[role]));
    this.legend.replaceChildren(...swatches);
    this.drawn = "";
  }

  get box() {
    return { wide: this.element.clientWidth, high: this.element.clientHeight };
  }

  // Pixels from the left edge, of a score; and back.
  x(value) {
    const { edges } = this.given;
    const [low, high] = [edges[0], edges.at(-1)];
    const share = Math.min(Math.max((value - low) / (high - low || 1), 0), 1);
    return PAD.left + share * (this.box.wide - PAD.left - PAD.right);
  }

  valueAt(x) {
    const { edges } = this.given;
    const share = (x - PAD.left) / (this.box.wide - PAD.left - PAD.right);
    return edges[0] + Math.min(Math.max(share, 0), 1) * (edges.at(-1) - edges[0]);
  }

  get step() {
    const { edges } = this.given;
    return (edges.at(-1) - edges[0]) / Math.max(this.box.wide, 1);
  }

  draw() {
    const { wide, high } = this.box;
    if (!wide || this.drawn === `${wide} ${high}`) return;
    this.drawn = `${wide} ${high}`;
    const foot = high - PAD.bottom;
    const shares = ROLES.map((role) => {
      const counts = this.given[role];
      return Array.from(counts, (count) => count / this.given.sizes[role]);
    });
    const top = Math.max(...shares.flat(), 1e-9);
    const parts = ROLES.map((role, k) => this.outline(role, shares[k], (share) => foot - (share / top) * (foot - PAD.top)));
    this.bars.replaceChildren(...parts, ...this.axis(foot, wide));
  }

  outline(role, shares, y) {
    const { edges } = this.given;
    const foot = y(0);
    const points = [[this.x(edges[0]), foot]];
    shares.forEach((share, k) => points.push([this.x(edges[k]), y(share)], [this.x(edges[k + 1]), y(share)]));
    points.push([this.x(edges.at(-1)), foot]);
    return shape("path", { class: `bars ${role}`, d: `${path(points)}Z` });
  }

  axis(foot, wide) {
    const { edges, beyond } = this.given;
    const marks = ticks(edges[0], edges.at(-1), wide / 90).flatMap(([at, text]) => [
      line(this.x(at), foot, this.x(at), foot + 4, { class: "thin" }),
      letters(text, this.x(at), foot + 19, { "text-anchor": "middle" }),
    ]);
    const base = line(PAD.left, foot, wide - PAD.right, foot, { class: "thin" });
    const unit = letters(this.unit, wide / 2, foot + 39, { "text-anchor": "middle", class: "quiet" });
    const ends = [
      [beyond[0], "←", PAD.left, "start"],
      [beyond[1], "→", wide - PAD.right, "end"],
    ].flatMap(([shares, arrow, x, anchor]) => this.outside(shares, arrow, { x, anchor, y: foot - 6 }));
    return [base, ...marks, unit, ...ends];
  }

  // How many lie where no room is: one line a role.
  outside(shares, arrow, { x, anchor, y }) {
    return ROLES.filter((role) => shares[role] > 0).map((role, k) => {
      const text = `${shares[role] < 0.0005 ? `<0.1${SPACE}%` : percent(shares[role])} ${role} ${arrow}`;
      return letters(text, x, y - 18 * k, { "text-anchor": anchor, class: "outside" });
    });
  }

  // The line at a score, which a screen reader says in words.
  show(value, { held, now, text }) {
    const { wide, high } = this.box;
    if (!wide) return;
    const x = this.x(value);
    const foot = high - PAD.bottom;
    this.rule.setAttribute("x1", x);
    this.rule.setAttribute("x2", x);
    this.rule.setAttribute("y1", PAD.top - 12);
    this.rule.setAttribute("y2", foot);
    Object.entries({ x, y: PAD.top - 12, width: Math.max(wide - PAD.right - x, 0), height: foot - PAD.top + 12 }).forEach(([key, v]) => this.flagged.setAttribute(key, v));
    this.grip.style.transform = `translate(${x}px, ${(PAD.top + foot) / 2}px)`;
    const { edges } = this.given;
    const beyond = value > edges.at(-1) ? "line is further →" : value < edges[0] ? "← line is further" : "";
    set(this.say, "text", beyond || "flagged →");
    const right = x < wide - 84 - (beyond ? 40 : 0);
    this.say.style.transform = `translate(${right ? x + 6 : x - (beyond ? 118 : 78)}px, ${PAD.top - 16}px)`;
    this.element.classList.toggle("held", held);
    set(this.grip, "aria-valuenow", now);
    set(this.grip, "aria-valuemin", 0);
    set(this.grip, "aria-valuemax", 100);
    set(this.grip, "aria-valuetext", text);
  }
}
