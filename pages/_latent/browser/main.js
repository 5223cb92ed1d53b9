// Latent space in the browser: maps, what is selected and what that is made of, pictures. Python gives
// a map's address, colours and what is to be shown, and hears afterwards what was selected.

import { Bars } from "./bars.js";
import { Card } from "./card.js";
import { el, minus, number, reduced, set } from "./dom.js";
import { withinBox } from "./geometry.js";
import { OneMap } from "./onemap.js";
import { Pictures } from "./pictures.js";
import { load, packBits, prepare, unpackBits, unpackBytes } from "./points.js";
import { dark, rgb } from "./raster.js";
import { Selection } from "./selection.js";
import { Tools } from "./tools.js";

const REPORT = 250; // ms after the last act, so that pictures come before Python's work begins
const SHADES = 11;
const FACETS_HELD = { selections: new Map() }; // by map: what is undone survives leaving the page
const rooms = new WeakMap(); // by parent element

export function draw(component, early) {
  const { parentElement } = component;
  let room = rooms.get(parentElement);
  if (!room) rooms.set(parentElement, (room = new Explorer(parentElement)));
  room.take(component, early);
  return () => {
    room.end();
    rooms.delete(parentElement);
  };
}

class Explorer {
  constructor(parent) {
    this.maps = [];
    this.points = null;
    this.selection = null;
    this.tool = null;
    this.hidden = new Set();
    this.looked = -1;
    this.open = { legend: true, names: true, bars: true, pictures: true };
    this.serial = Date.now();
    this.theme = { ground: [255, 255, 255] };
    this.tools = new Tools(this);
    this.bars = new Bars(this);
    this.card = new Card(this);
    this.pictures = new Pictures(this);
    this.maps_ = el("div", { class: "maps" });
    this.many = el("h2", { class: "many-selected", text: "…" });
    this.made = el("p", { class: "made" });
    this.live = el("div", { class: "unseen", role: "status" });
    this.error = el("p", { class: "error", role: "alert", hidden: true });
    const head = el("div", { class: "head" }, this.many, this.made);
    this.panel_ = el("aside", { class: "panel", "aria-label": "What is selected" }, head, this.card.element, el("div", { class: "two" }, this.bars.element, this.pictures.element));
    this.element = el("div", { class: "explorer", onkeydown: (event) => this.key(event) }, this.tools.element, this.error, el("div", { class: "rooms" }, this.maps_, this.panel_), this.live);
    parent.append(this.element);
    this.parent = parent;
  }

  end() {
    this.gone = true;
    clearTimeout(this.waiting);
    this.maps.forEach((map) => map.end());
    this.element.remove();
  }

  fail(error) {
    this.error.hidden = false;
    set(this.error, "text", `The map cannot be drawn: ${error.message}`);
  }

  // What Python gives: at first, and whenever it changes.
  async take(component, early) {
    this.component = component;
    const { data } = component;
    const asked = (this.asked = data);
    try {
      const points = await Promise.all(data.maps.map((one) => load(one.points, early)));
      const numbers = await Promise.all(data.maps.map((one) => (one.colouring.url ? load(one.colouring.url) : null)));
      if (this.gone || this.asked !== asked) return;
      this.error.hidden = true;
      this.given(data, points.map(prepare), numbers);
    } catch (error) {
      if (!this.gone) this.fail(error);
    }
  }

  given(data, points, numbers) {
    const before = this.data;
    this.data = data;
    this.seed = data.seed;
    this.readTheme();
    const [first] = points;
    if (first !== this.points) this.begin(first, data);
    const given = data.given !== this.lastGiven; // by Python, anew: a link, a tag, a start
    if (data.colouring !== this.coloured || given) this.hidden = new Set(this.hiddenNames(data));
    this.coloured = data.colouring;
    if (given) this.take_(data.selected);
    if (!before || given) Object.assign(this.pictures, { page: data.page, order: data.order });
    this.lastGiven = data.given;
    this.kept = data.visible ? unpackBits(data.visible, first.size) : new Uint8Array(first.size).fill(1);
    const colourings = data.maps.map((one, k) => this.colouring(one.colouring, points[k], numbers[k]));
    this.mainColours = colourings[0];
    this.filter();
    this.lay(data.maps.length);
    data.maps.forEach((one, k) => this.maps[k].give(points[k], colourings[k], one.look, one, k ? rowsOf(points[k], first) : null));
    const look = data.maps[0].look;
    this.looked = look?.row ?? -1;
    this.card.draw(look, first);
    this.draw();
  }

  begin(points, data) {
    this.points = points;
    const name = data.maps[0].name;
    const kept = FACETS_HELD.selections.get(name);
    if (kept?.points === points) this.selection = kept;
    else this.selection = new Selection(points);
    FACETS_HELD.selections.set(name, this.selection);
    if (FACETS_HELD.selections.size > 6) FACETS_HELD.selections.delete(FACETS_HELD.selections.keys().next().value);
    this.lastGiven = undefined;
    this.bars.build(points, data);
    this.pictures.page = 1;
  }

  // What Python selects: a link's, a tag's, a start's; or what it knew before this map was drawn.
  take_(text) {
    const rows = text ? unpackBits(text, this.points.size) : new Uint8Array(this.points.size);
    if (rows.every((held, row) => held === this.selection.held[row])) return;
    this.selection.give(rows);
    this.pictures.page = 1;
  }

  hiddenNames({ off, maps }) {
    const names = maps[0].colouring.names ?? [];
    return off.map((name) => names.indexOf(name)).filter((k) => k >= 0);
  }

  // Colours as numbers: of a category each, or of a shade each.
  colouring(given, points, numbers) {
    const colours = { light: given.light.map(rgb), dark: given.dark.map(rgb) };
    if (given.names) {
      const code = given.by ? points[given.by] : unpackBytes(given.codes);
      const text = (row) => given.names[code[row]];
      return { ...given, ...colours, code: given.lead ? Uint8Array.from(code, (c) => given.lead[c]) : code, text };
    }
    const { value } = numbers;
    const { low, high } = given;
    const code = Uint8Array.from(value, (v) => Math.round(Math.min(Math.max((v - low) / (high - low), 0), 1) * (SHADES - 1)));
    return { ...given, ...colours, code, text: (row) => minus(Number(value[row].toPrecision(3))) };
  }

  readTheme() {
    const style = getComputedStyle(this.element);
    const of = (name, other) => style.getPropertyValue(name).trim() || other;
    const paper = of("--st-background-color", "#ffffff");
    const ground = rgb(paper);
    const isDark = dark(ground);
    const wash = isDark ? "rgba(200,215,230,0.16)" : "rgba(60,80,100,0.12)";
    this.theme = { paper, ground, dark: isDark, text: of("--st-text-color", "#111111"), font: of("--st-font", "sans-serif"), size: Math.round(parseFloat(style.fontSize)), wash };
    this.element.classList.toggle("dark", isDark);
  }

  lay(count) {
    while (this.maps.length < count) {
      const map = new OneMap(this);
      this.maps.push(map);
      this.maps_.append(map.element);
    }
    while (this.maps.length > count) {
      const map = this.maps.pop();
      map.end();
      map.element.remove();
    }
    this.element.classList.toggle("pair", count > 1);
    this.element.classList.toggle("none", count < 1);
    this.maps.forEach((map) => map.room.classList.toggle("draws", Boolean(this.tool)));
  }

  // What is shown: what Python's filter leaves, less what the legend hides.
  filter() {
    const { code } = this.mainColours;
    this.shown = Uint8Array.from(this.kept);
    if (this.hidden.size) for (let i = 0; i < code.length; i++) if (this.hidden.has(code[i])) this.shown[i] = 0;
    this.selection.show(this.shown);
  }

  // Acts ------------------------------------------------------------------------------------------

  choose(tool) {
    this.tool = this.tool === tool ? null : tool;
    this.maps.forEach((map) => map.room.classList.toggle("draws", Boolean(this.tool)));
    this.tools.draw();
  }

  preview(rows, how) {
    this.selection.live = true;
    this.selection.preview(rows, how);
    this.drawSelected();
    clearTimeout(this.previewing);
    this.previewing = setTimeout(() => this.pictures.draw(), 80);
  }

  unpreview() {
    clearTimeout(this.previewing);
    this.selection.live = false;
    this.selection.settle();
    this.drawSelected();
    this.pictures.draw();
  }

  stroke(rows, how) {
    clearTimeout(this.previewing);
    this.selection.live = false;
    this.selection.stroke(rows, how);
    this.acted(how === "replace");
  }

  boxed([left, low, right, high], how) {
    const map = this.maps[0];
    if (!map?.points) return;
    const [[x0, x1], [y0, y1]] = map.camera.home;
    const [w, h] = [(x1 - x0) / 100, (y1 - y0) / 100];
    const box = [x0 + left * w, y0 + low * h, x0 + right * w, y0 + high * h];
    this.stroke(map.base(withinBox(box, map.points.places, map.shown)), how);
  }

  narrow(facet, value) {
    this.selection.toggle(facet, value);
    this.acted();
  }

  press(facet, values) {
    this.selection.press(facet, values);
    this.acted();
  }

  clear() {
    if (!this.selection?.any) return;
    this.selection.clear();
    this.acted();
  }

  selectAll() {
    if (!this.selection?.total) return;
    this.selection.give(Uint8Array.from(this.shown));
    this.acted();
  }

  undo() {
    if (this.selection?.undo()) this.acted();
  }

  redo() {
    if (this.selection?.redo()) this.acted();
  }

  hide(k) {
    if (!this.hidden.delete(k)) this.hidden.add(k);
    this.filter();
    this.maps.forEach((map) => map.refit(false));
    this.pictures.page = 1;
    this.draw();
    this.report();
  }

  zoom(factor) {
    this.maps.forEach((map) => {
      if (!map.points) return;
      if (factor) map.camera.by(factor);
      else map.camera.whole();
      map.draw();
    });
  }

  panel(name) {
    this.open[name] = !this.open[name];
    this.layPanels();
    this.tools.draw();
    this.maps.forEach((map) => {
      map.legend.draw?.();
      map.resize(true);
    });
    this.pictures.draw();
  }

  layPanels() {
    this.bars.element.hidden = !this.open.bars;
    this.pictures.element.hidden = !this.open.pictures;
    this.element.classList.toggle("wide", !this.open.bars && !this.open.pictures);
    this.element.classList.toggle("half", this.open.bars !== this.open.pictures);
  }

  // A point or a picture is looked at: what is known of it here at once, the rest by Python.
  look(map, row) {
    const { points } = map;
    const [name, index] = [points.sets[points.set[row]], points.index[row]];
    this.looked = map.rows ? map.rows[row] : row;
    this.card.at(points, row);
    const xy = [points.places[2 * row], points.places[2 * row + 1]];
    this.maps.forEach((one) => (one.look = one === map ? { xy, rows: [], misplaced: [] } : null));
    this.maps.forEach((one) => one.drawOver());
    this.pictures.draw();
    this.seen = { n: ++this.serial, set: name, index };
    this.say(`Looking at ${this.describe(points, row).title} ${index}`);
    this.report(0);
  }

  key(event) {
    const z = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || (z !== "z" && z !== "y") || event.target.matches("input")) return;
    event.preventDefault();
    if (z === "y" || event.shiftKey) this.redo();
    else this.undo();
  }

  // Something else is selected; `anew`: also of what is not on this map, all is let go.
  acted(anew = true) {
    this.anew ||= anew;
    this.pictures.page = 1;
    this.draw();
    this.report();
    const n = this.selection.count;
    this.say(this.selection.any ? `${number(n)} selected` : "Nothing selected");
  }

  // Words ------------------------------------------------------------------------------------------

  say(text) {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => set(this.live, "text", text), 150);
  }

  describe(points, row) {
    const { data } = this;
    const name = points.sets[points.set[row]];
    const title = data.sets.find((s) => s.name === name)?.title ?? name;
    const label = points.classes[points.class[row]];
    return {
      title,
      label,
      index: points.index[row],
      what: label ? label[0].toUpperCase() + label.slice(1) : title,
      score: minus(points.score[row].toFixed(2)),
      percentile: (points.percentile[row] / 100).toFixed(1),
      verdict: data.verdicts[points.verdict[row]],
    };
  }

  // What a pointer hovers over; row -1 for nothing.
  tell(map, row, px, py) {
    const { tip } = map;
    tip.hidden = row < 0;
    if (row < 0) return;
    const { points, colouring } = map;
    const said = this.describe(points, row);
    const image = el("img", { alt: "" });
    const name = points.sets[points.set[row]];
    image.src = new URL(`${this.data.thumbnail}${encodeURIComponent(name)}/${points.index[row]}.png`, location.href).href;
    tip.replaceChildren(
      image,
      el("div", {}, el("strong", { text: `${said.title} ${said.index}` }), el("span", { text: said.label ?? "" }), el("span", { text: `${colouring.title}: ${colouring.text(row)}` }), el("span", { text: `percentile ${said.percentile}` }))
    );
    const { clientWidth: width, clientHeight: height } = map.room;
    tip.style.left = `${px > width / 2 ? px - tip.offsetWidth - 14 : px + 14}px`;
    tip.style.top = `${Math.min(Math.max(py - 20, 0), height - tip.offsetHeight)}px`;
  }

  // Drawing ----------------------------------------------------------------------------------------

  draw() {
    if (this.gone || !this.points) return;
    this.layPanels();
    this.drawSelected();
    this.pictures.draw();
  }

  drawSelected() {
    const { selection } = this;
    const live = selection.any || selection.live;
    set(this.many, "text", live ? `${number(selection.count)} selected` : "All images");
    set(this.made, "text", live ? this.madeOf() : `Nothing is selected: all ${number(selection.total)} that are shown`);
    this.maps.forEach((map) => map.draw());
    this.bars.draw();
    this.tools.draw();
  }

  madeOf() {
    const { chosen } = this.selection.counts.verdict;
    const [normal, strange, rest] = [chosen[0] + chosen[1], chosen[2] + chosen[3], chosen[4]];
    const flagged = this.selection.count ? Math.round((100 * (chosen[1] + chosen[2])) / this.selection.count) : 0;
    const parts = [`${number(normal)} normal`, `${number(strange)} strange`];
    if (rest) parts.push(`${number(rest)} unjudged`);
    return `${parts.join(", ")}; ${flagged} % flagged`;
  }

  // Python hears of what was done when the hand rests.
  report(after = REPORT) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      const { selection, pictures, data } = this;
      const names = this.mainColours.names ?? [];
      this.component.setStateValue("said", {
        n: ++this.serial,
        map: data.maps[0].name,
        selected: selection.any ? packBits(selection.before ?? selection.held) : "",
        keeps: !this.anew,
        look: this.seen ?? null,
        order: pictures.order,
        page: pictures.page,
        off: { by: data.colouring, names: [...this.hidden].map((k) => names[k]).filter(Boolean) },
      });
      this.anew = false;
    }, after);
  }
}

// Rows of one map by rows of another, -1 for images that the other lacks.
function rowsOf(points, first) {
  const key = (p, i) => p.set[i] * 1e7 + p.index[i];
  const known = new Map();
  for (let i = 0; i < first.size; i++) known.set(key(first, i), i);
  const rows = new Int32Array(points.size);
  for (let j = 0; j < rows.length; j++) rows[j] = known.get(key(points, j)) ?? -1;
  return rows;
}
