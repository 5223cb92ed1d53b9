// What a selection is made of: a bar for each set, verdict and class, and the scores; a bar that is
// pressed narrows the selection to its images, and is let go by a second press.

import { el, minus, number, roving, set } from "./dom.js";

const round = (value) => minus(Number(value.toPrecision(4)));

export class Bars {
  constructor(app) {
    this.app = app;
    this.element = el("div", { class: "bars", role: "group", "aria-label": "What it is made of" });
  }

  // Once for the points of a map.
  build(points, data) {
    const titles = Object.fromEntries(data.sets.map((s) => [s.name, s.title]));
    this.groups = [
      this.scores(points),
      this.list("set", "Sets", points.sets.map((name) => titles[name] ?? name)),
      this.list("verdict", "Verdicts", data.verdicts),
      this.list("class", "Classes", [...points.classes, "no class"]),
    ];
    this.element.replaceChildren(...this.groups.map((g) => g.element));
  }

  list(facet, title, names) {
    const rows = names.map((name, value) => {
      const [could, chosen] = [el("i", { class: "could" }), el("i", { class: "chosen" })];
      const many = el("span", { class: "many" });
      const track = el("span", { class: "track", "aria-hidden": "true" }, could, chosen);
      const button = el(
        "button",
        { class: "row", "aria-pressed": "false", onclick: () => this.app.narrow(facet, value) },
        el("span", { class: "name", text: name }),
        many,
        track
      );
      return { button, could, chosen, many };
    });
    const list = el("div", { role: "toolbar", "aria-label": title }, ...rows.map((row) => row.button));
    const settle = roving(list);
    const element = el("section", {}, el("h3", { text: title }), list);
    return { facet, element, draw: (counts, pressed) => this.drawList(rows, counts, pressed, settle, element) };
  }

  drawList(rows, { all, chosen, could }, pressed, settle, element) {
    const { any } = this.app.selection;
    const live = any || this.app.selection.live;
    let seen = 0;
    rows.forEach((row, value) => {
      const total = all[value];
      row.button.hidden = !total;
      if (!total) return;
      seen++;
      set(row.button, "aria-pressed", String(pressed.has(value)));
      set(row.many, "text", live ? `${number(chosen[value])} of ${number(total)}` : number(total));
      row.chosen.style.width = `${(100 * chosen[value]) / total}%`;
      row.could.style.width = `${(100 * could[value]) / total}%`;
    });
    element.hidden = seen < 2 && !pressed.size;
    settle();
  }

  scores({ edges, scored: [title, unit] }) {
    const count = edges.length - 1;
    const bins = [...Array(count).keys()].map((bin) => {
      const [rest, chosen] = [el("i", { class: "rest" }), el("i", { class: "chosen" })];
      const button = el("button", { class: "bin", "aria-pressed": "false" }, rest, chosen);
      return { button, rest, chosen, bin };
    });
    const plot = el("div", { class: "plot", role: "toolbar", "aria-label": "Score" }, ...bins.map((b) => b.button));
    this.drag(plot, bins);
    const settle = roving(plot);
    const ticks = [0, count / 2, count].map((k) => el("span", { text: round(edges[k]) }));
    const key = el("p", { class: "key" });
    const element = el("section", { class: "scores" }, el("h3", {}, title, el("span", { class: "unit", text: `, ${unit}` })), plot, el("div", { class: "ticks" }, ...ticks), key);
    return { facet: "bin", element, draw: (counts, pressed) => this.drawScores(bins, edges, counts, pressed, key, settle) };
  }

  // A drag over bins presses all of them; a click presses one, or lets it go.
  drag(plot, bins) {
    let from = null;
    const at = (event) => {
      const { left, width } = plot.getBoundingClientRect();
      return Math.max(0, Math.min(bins.length - 1, Math.floor(((event.clientX - left) / width) * bins.length)));
    };
    plot.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "touch") from = at(event);
    });
    plot.addEventListener("pointerup", (event) => {
      const to = at(event);
      if (from !== null && to !== from) {
        const [a, b] = from < to ? [from, to] : [to, from];
        this.app.press("bin", bins.slice(a, b + 1).map((one) => one.bin));
        this.dragged = true;
      }
      from = null;
    });
    plot.addEventListener("click", (event) => {
      const dragged = this.dragged;
      this.dragged = false;
      const bin = bins.findIndex(({ button }) => button === event.target.closest("button"));
      if (!dragged && bin >= 0) this.app.narrow("bin", bin);
    });
  }

  drawScores(bins, edges, { all, chosen }, pressed, key, settle) {
    const { selection } = this.app;
    const live = selection.any || selection.live;
    const rest = bins.map(({ bin }) => all[bin] - (live ? chosen[bin] : 0));
    const [some, others] = [selection.count || 1, selection.total - (live ? selection.count : 0) || 1];
    const shares = bins.map(({ bin }) => [chosen[bin] / some, rest[bin] / others]);
    const most = Math.max(...shares.map(([a, b]) => Math.max(live ? a : 0, b)), 1e-9);
    bins.forEach((one, k) => {
      one.rest.style.height = `${(100 * shares[k][1]) / most}%`;
      one.chosen.style.height = `${live ? (100 * shares[k][0]) / most : 0}%`;
      set(one.button, "aria-pressed", String(pressed.has(one.bin)));
      const [low, high] = [round(edges[k]), round(edges[k + 1])];
      const name = `${low} to ${high}: ${live ? `${number(chosen[one.bin])} of ` : ""}${number(all[one.bin])}`;
      set(one.button, "aria-label", name);
      set(one.button, "title", name);
    });
    set(key, "text", live ? "Bars: the selected, line: all others" : "");
    settle();
  }

  draw() {
    if (!this.groups) return;
    const { counts, state } = this.app.selection;
    this.groups.forEach((group) => group.draw(counts[group.facet], state.facets[group.facet]));
  }
}
