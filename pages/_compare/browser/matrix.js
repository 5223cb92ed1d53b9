// The confusion matrix, each cell a button, and the rates below it with their intervals.

import { el, set } from "./dom.js";
import { about, between, percent, whole } from "./words.js";

const MANY = 10000; // images that are imagined, at the expected share of strange ones
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
        const head = el("span", { class: "head" }, el("i", { class: right ? "right" : "wrong", text: right ? "✓" : "✗" }), name);
        const button = el("button", { class: `cell ${key}`, type: "button", "aria-pressed": "false", onclick: () => press(key) }, head, count, expected);
        return [key, { button, count, expected }];
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

  take({ titles, sizes, cell }) {
    this.sizes = sizes;
    ["strange", "normal"].forEach((role) => this.heads[role].replaceChildren(el("b", { text: titles[role] }), el("span", { text: whole(sizes[role]) })));
    Object.entries(this.cells).forEach(([key, { button }]) => set(button, "aria-pressed", key === cell ? "true" : "false"));
  }

  show(row, prevalence) {
    const counts = countsOf(row, this.sizes);
    const many = expectedOf(row, prevalence);
    Object.entries(this.cells).forEach(([key, { button, count, expected }]) => {
      set(count, "text", whole(counts[key]));
      set(expected, "text", `${about(many[key])} in ${whole(MANY)}`);
      const { name, role, flagged } = CELLS[key];
      set(button, "aria-label", `${name}: ${whole(counts[key])} ${role} images ${flagged ? "flagged" : "not flagged"}; ${about(many[key])} in ${whole(MANY)} images. Show them`);
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

  take({ costs }) {
    const times = costs.miss / costs.alarm;
    const words = times >= 1 ? `a miss costs ${round(times)} false alarm${times === 1 ? "" : "s"}` : `a false alarm costs ${round(1 / times)} misses`;
    set(this.rows.cost.said, "text", `per ${whole(MANY)} images`);
    set(this.rows.cost.element, "title", words);
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
    set(value, "text", about(MANY * row.cost));
    set(interval, "text", `${about(MANY * row.cost_low)} to ${about(MANY * row.cost_high)}`);
    bar.parentElement.style.visibility = "hidden";
  }
}

const round = (times) => (Number.isInteger(times) ? whole(times) : times.toPrecision(2));

export function countsOf({ hits, alarms }, sizes) {
  return { hits, misses: sizes.strange - hits, alarms, passed: sizes.normal - alarms };
}

// In so many images of which so many are strange.
export function expectedOf({ recall, false_alarm_rate: wrong }, prevalence) {
  const [strange, normal] = [MANY * prevalence, MANY * (1 - prevalence)];
  return { hits: strange * recall, misses: strange * (1 - recall), alarms: normal * wrong, passed: normal * (1 - wrong) };
}

// What it means, in a sentence.
export function inWords(row, prevalence) {
  const many = expectedOf(row, prevalence);
  const strange = MANY * prevalence;
  const flagged = many.hits + many.alarms;
  if (!row.hits && !row.alarms) return `Nothing is flagged: all ${about(strange)} strange images in ${whole(MANY)} are missed.`;
  const share = about(100 * (many.hits / flagged));
  return `Of ${whole(MANY)} images ${about(strange)} are strange: ${about(many.hits)} of these are flagged, and ${about(many.alarms)} of the normal ones. Of 100 flagged images, ${share} are strange.`;
}
