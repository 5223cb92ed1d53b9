// The confusion matrix, each cell a button, and the rates below it with their intervals.

import { el, set } from "./dom.js";
import { about, between, inHundred, percent, whole } from "./words.js";

const CELLS = {
  hits: { role: "strange", flagged: true, name: "Hits", right: true },
  misses: { role: "strange", flagged: false, name: "Misses", right: false },
  alarms: { role: "normal", flagged: true, name: "False alarms", right: false },
  passed: { role: "normal", flagged: false, name: "Let pass", right: true },
};
const RATES = [
  ["recall", "Recall", "of the strange are flagged"],
  ["precision", "Precision", "of the flagged are strange"],
  ["f1", "F1", "of recall and precision"],
  ["false_alarm_rate", "False alarms", "of the normal are flagged"],
];

export class Matrix {
  constructor(press) {
    this.cells = Object.fromEntries(
      Object.entries(CELLS).map(([key, { name, right }]) => {
        const count = el("b");
        const expected = el("span", { class: "expected" });
        const shown = el("span", { class: "shown" });
        const head = el("span", { class: "head" }, el("i", { class: right ? "right" : "wrong", text: right ? "✓" : "✗" }), name);
        const button = el("button", { class: `cell ${key}`, type: "button", "aria-pressed": "false", onclick: () => press(key) }, head, count, shown, expected);
        return [key, { button, count, expected, shown }];
      })
    );
    this.heads = { strange: el("span", { class: "rowhead" }), normal: el("span", { class: "rowhead" }) };
    const { hits, misses, alarms, passed } = this.cells;
    this.element = el(
      "div",
      { class: "matrix", role: "group", "aria-label": "Confusion matrix: press a cell to see its images" },
      el("span", { class: "colhead", text: "flagged" }), el("span", { class: "colhead", text: "not flagged" }), el("span"),
      hits.button, misses.button, this.heads.strange,
      alarms.button, passed.button, this.heads.normal
    );
  }

  take({ titles, sizes, many, cell }) {
    Object.assign(this, { sizes, many });
    ["strange", "normal"].forEach((role) => this.heads[role].replaceChildren(el("b", { text: titles[role] }), el("span", { text: whole(sizes[role]) })));
    Object.entries(this.cells).forEach(([key, { button, shown }]) => {
      set(button, "aria-pressed", key === cell ? "true" : "false");
      set(shown, "text", key === cell ? "shown below" : "");
    });
  }

  // In `many` images, of which so many are strange as the slider says, too.
  show(row) {
    const counts = countsOf(row, this.sizes);
    const all = whole(this.many);
    Object.entries(this.cells).forEach(([key, { button, count, expected }]) => {
      set(count, "text", whole(counts[key]));
      const there = about(row[`${key}_expected`]);
      set(expected, "text", `${there} in ${all}`);
      const { name, role, flagged } = CELLS[key];
      set(button, "aria-label", `${name}: ${whole(counts[key])} ${role} images ${flagged ? "flagged" : "not flagged"}; ${there} in ${all} images. Show them`);
    });
  }
}

export class Rates {
  constructor() {
    this.rows = Object.fromEntries(
      [...RATES, ["cost", "Cost", ""]].map(([key, name, words]) => {
        const value = el("b");
        const interval = el("span", { class: "interval" });
        const said = el("small", { text: words });
        const bar = el("span", { class: "bar" }, el("i"));
        const element = el("div", { class: "rate", role: "row" }, el("span", { role: "rowheader" }, name, said), el("span", { role: "cell" }, value), el("span", { role: "cell" }, bar, interval));
        return [key, { element, value, interval, said, bar: bar.firstChild }];
      })
    );
    this.element = el("div", { class: "rates", role: "table", "aria-label": "Rates at this threshold, each with its 95 % interval" }, ...Object.values(this.rows).map(({ element }) => element));
  }

  take({ costs, many }) {
    this.many = many;
    const times = costs.miss / costs.alarm;
    const words = !costs.alarm ? "a false alarm costs nothing" : !costs.miss ? "a miss costs nothing" : times >= 1 ? `a miss costs ${round(times)} false alarm${times === 1 ? "" : "s"}` : `a false alarm costs ${round(1 / times)} misses`;
    set(this.rows.cost.said, "text", `of ${whole(many)} images: ${words}`);
  }

  show(row) {
    for (const [key] of RATES) {
      const { value, interval, bar } = this.rows[key];
      const [low, high] = [row[`${key}_low`], row[`${key}_high`]];
      set(value, "text", percent(row[key]));
      set(interval, "text", between(low, high));
      bar.style.left = `min(${100 * (low || 0)}%, 100% - 4px)`;
      bar.style.width = `${100 * Math.max((high || 0) - (low || 0), 0.01)}%`;
    }
    const { value, interval, bar } = this.rows.cost;
    set(value, "text", about(this.many * row.cost));
    set(interval, "text", `${about(this.many * row.cost_low)} to ${about(this.many * row.cost_high)}`);
    bar.parentElement.style.visibility = "hidden";
  }
}

const round = (times) => (Number.isInteger(times) ? whole(times) : times.toPrecision(2));

export function countsOf({ hits, alarms }, sizes) {
  return { hits, misses: sizes.strange - hits, alarms, passed: sizes.normal - alarms };
}

// What it means, in a sentence.
export function inWords(row, { many, sizes }) {
  const strange = about(row.strange_expected);
  const all = whole(many);
  if (!row.hits && !row.alarms) return `Nothing is flagged: all ${strange} strange images in ${all} are missed.`;
  const counts = `Of ${all} images ${strange} are strange: ${about(row.hits_expected)} of these are flagged`;
  const range = `${inHundred(row.precision_low)} to ${inHundred(row.precision_high)}`;
  if (!row.alarms) return `${counts}. None of ${whole(sizes.normal)} normal images was flagged: of 100 flagged images, ${range} are strange.`;
  return `${counts}, and ${about(row.alarms_expected)} of the normal ones. Of 100 flagged images, ${inHundred(row.precision)} are strange (${range}).`;
}
