// The threshold on the scores of one model, and what it means: counts, rates, curves.
//
// While it is moved, a row of the many that were sent is shown. When it is let go, Python says what
// holds exactly there, and that is shown: for what is typed may lie between two rows.

import { el, set } from "./dom.js";
import { Curve } from "./curve.js";
import { listen } from "./hand.js";
import { Histogram } from "./histogram.js";
import { Matrix, Rates, inWords } from "./matrix.js";
import { decoded, nearest, rowAt, rowsOf } from "./rows.js";
import { SPACE, percent, place, score } from "./words.js";

const HINT = "Drag the line, press a place, or use the arrow keys (Shift: further).";

export class Deciding {
  constructor(parent) {
    this.serial = 0;
    this.asks = 0; // the serial of what was typed, until it is answered or typed on
    this.histogram = new Histogram();
    this.matrix = new Matrix((cell) => this.press(cell));
    this.rates = new Rates();
    this.roc = new Curve({ x: "false_alarm_rate", y: "recall", diagonal: true });
    this.pr = new Curve({ x: "recall", y: "precision" });
    this.slider = el("input", { type: "range", min: 0, step: 1, "aria-label": "Threshold, from the most ordinary score to the strangest", oninput: () => this.slid(), onchange: () => this.rest() });
    this.number = el("input", { type: "number", step: "any", oninput: () => (this.asks = 0), onchange: () => this.typed() });
    this.unit = el("span");
    this.at = el("label", { class: "number" }, this.number, this.unit);
    this.where = el("output", { class: "where" });
    this.words = el("p", { class: "words" });
    const dial = el("div", { class: "dial" }, this.slider, this.at, this.where);
    const left = el("div", { class: "left" }, this.histogram.element, dial, el("p", { class: "hint", text: HINT }));
    const curves = el("div", { class: "curves" }, this.roc.element, this.pr.element);
    const right = el("div", { class: "right" }, this.matrix.element, this.rates.element, this.words);
    this.element = el("div", { class: "deciding" }, el("div", { class: "room" }, left, right, curves));
    parent.append(this.element);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.histogram.element);
    this.hand = listen(this);
  }

  end() {
    this.hand.rest();
    this.watch.disconnect();
    this.element.remove();
  }

  take(component) {
    const { data } = (this.component = component);
    const other = this.data?.token !== data.token || this.data?.colours.name !== data.colours.name;
    this.data = data;
    Object.entries(data.colours).forEach(([name, colour]) => this.element.style.setProperty(`--${name}`, colour));
    if (other) this.redo();
    this.matrix.take(data);
    this.name();
    // Somebody may have moved on since Python heard of the line.
    if (other || (data.serial >= this.serial && !this.held && !this.waiting)) {
      this.serial = data.serial;
      this.exact = { ...data.now, row: null };
      this.k = nearest(this.rows.at, this.exact.at);
      if (this.asks && data.serial >= this.asks) this.answer();
    }
    this.draw();
  }

  redo() {
    const { data } = this;
    this.rows = rowsOf(data.rows);
    const { edges, normal, strange, beyond } = data.histogram;
    this.histogram.take({ ...data, histogram: { edges: decoded(edges), normal: decoded(normal), strange: decoded(strange), beyond, sizes: data.sizes } });
    this.rates.take(data);
    this.roc.take(this.rows, { title: data.roc, xs: "false-alarm rate, %", ys: "recall, %" });
    this.pr.take(this.rows, { title: data.pr, xs: "recall, %", ys: "precision, %" });
    set(this.slider, "max", this.rows.at.length - 1);
  }

  // What was typed may be beyond what a threshold can be: the box says what was taken.
  answer() {
    this.asks = 0;
    this.number.value = this.typable(this.exact);
  }

  // What the number box takes: a percentile, a share of false alarms in percent, or a score.
  name() {
    const { by, unit } = this.data;
    const [label, words] = { percentile: ["Threshold as a percentile of held-out normal images", "percentile"], alarms: ["Share of held-out normal images that are flagged, in percent", "% flagged"], score: [`Threshold as a score, ${unit}`, unit], cost: ["Threshold as a percentile; typing leaves the least cost", "percentile"] }[by];
    set(this.number, "aria-label", label);
    set(this.unit, "text", words);
    const bounds = by === "score" ? [null, null] : [0, 100];
    set(this.number, "min", bounds[0]);
    set(this.number, "max", bounds[1]);
  }

  // What is shown: the row that the line is at, or what Python says of it exactly.
  get shown() {
    return this.exact ?? rowAt(this.rows, this.k);
  }

  get value() {
    return this.shown.at;
  }

  moveTo(x) {
    this.moveRow(nearest(this.rows.at, this.histogram.valueAt(x)));
  }

  moveRow(k) {
    this.k = k;
    this.exact = null;
    this.soon();
  }

  stepped(steps) {
    return Math.min(Math.max(this.k + steps, 0), this.rows.at.length - 1);
  }

  slid() {
    this.moveRow(Number(this.slider.value));
    this.hand.later();
  }

  rest() {
    this.hand.rest();
  }

  typed() {
    const value = this.number.valueAsNumber;
    if (!Number.isFinite(value)) return this.show();
    this.serial += 1;
    this.asks = this.serial;
    this.component.setTriggerValue("moved", { token: this.data.token, serial: this.serial, typed: value });
  }

  tell() {
    this.serial += 1;
    this.component.setTriggerValue("moved", { token: this.data.token, serial: this.serial, row: this.k });
  }

  press(cell) {
    this.component.setTriggerValue("cell", cell);
  }

  soon() {
    this.asked ||= requestAnimationFrame(() => {
      this.asked = 0;
      this.show();
    });
  }

  draw() {
    if (!this.rows || !this.histogram.box.wide) return;
    [this.histogram, this.roc, this.pr].forEach((one) => one.draw());
    this.show();
  }

  show() {
    if (!this.rows) return;
    const { shown, data } = this;
    const said = this.said(shown);
    this.histogram.show(shown.at, { held: this.held, now: shown.percentile.toFixed(1), text: said });
    this.matrix.show(shown);
    this.rates.show(shown);
    this.roc.show(shown, `Here recall ${percent(shown.recall)}, false-alarm rate ${percent(shown.false_alarm_rate)}`);
    this.pr.show(shown, `Here precision ${percent(shown.precision)}, recall ${percent(shown.recall)}`);
    if (this.slider.valueAsNumber !== this.k) this.slider.value = this.k;
    set(this.slider, "aria-valuetext", said);
    if (this.element.getRootNode().activeElement !== this.number) this.number.value = this.typable(shown);
    set(this.where, "aria-live", this.held || this.waiting ? "off" : "polite"); // who moves it hears the grip
    set(this.where, "text", data.by === "score" ? `percentile ${place(shown.percentile)}` : `score ${score(shown.at, this.histogram.step)}`);
    set(this.words, "text", inWords(shown, data));
  }

  typable({ at, percentile }) {
    if (this.data.by === "score") return Number.isFinite(at) ? at.toFixed(Math.min(Math.max(2 - Math.floor(Math.log10(this.histogram.step)), 0), 8)) : "";
    return Number((this.data.by === "alarms" ? 100 - percentile : percentile).toFixed(3));
  }

  said(row) {
    return `percentile ${place(row.percentile)}, score ${score(row.at, this.histogram.step)}${SPACE}${this.data.unit}: flags ${percent(row.recall)} of the strange and ${percent(row.false_alarm_rate)} of the normal images`;
  }
}
