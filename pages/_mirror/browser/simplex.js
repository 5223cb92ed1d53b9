// Three images as the corners of a triangle, coloured by what the detector says of their mixtures, a
// point in it, and beside it the mixture there with its numbers.

import { el, minus, set } from "./dom.js";
import { TICKS, along, colourOf, look, ramp, said } from "./colours.js";
import { listen } from "./hand.js";
import { HIGH, between, contour, nearest, nodeOf, placeOf, weightsAt, within } from "./triangle.js";

const NAMES = ["A", "B", "C"];
const PAD = 16; // CSS pixels around the triangle: half of the point
const MIDDLE = [[0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]];
const HINT = "Drag the point, tap a place, or use the arrow keys (Shift: further; A, B, C: to a corner).";

const percent = (share) => `${Math.round(100 * share)} %`;
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

export class Simplex {
  constructor(parent) {
    this.serial = 0;
    this.field = el("canvas", { class: "field", "aria-hidden": "true" });
    this.point = el("div", { class: "point", role: "slider", tabindex: "0", "aria-label": "Weights of the three images", "aria-valuemin": 0, "aria-valuemax": 100 });
    this.corners = NAMES.map((name) => {
      const picture = el("canvas", { role: "img" });
      const words = el("span");
      const element = el("figure", { class: `corner ${name.toLowerCase()}` }, picture, el("figcaption", {}, el("b", { text: name }), words));
      return { picture, words, element };
    });
    this.plane = el("div", { class: "plane" }, this.field, ...this.corners.map(({ element }) => element), this.point);
    this.mixture = el("canvas", { role: "img" });
    this.average = el("canvas", { role: "img" });
    this.weights_ = el("strong");
    this.verdict = el("span", { class: "verdict" });
    this.averageWords = el("figcaption");
    this.ramp = el("span", { class: "ramp" });
    this.rows = el("div", { role: "radiogroup", "aria-label": "The triangle is coloured by" });
    const ticks = TICKS.map((at) => el("span", { class: "tick", style: `left:${100 * along(at)}%`, text: at }));
    const scale = el("div", { class: "scale", "aria-hidden": "true" }, this.ramp, ...ticks);
    const table = el(
      "div",
      { class: "numbers" },
      el("p", { class: "head" }, el("b", { text: "Percentile" }), " among held-out normal images; press a row to colour by it"),
      el("div", { class: "row", "aria-hidden": "true" }, el("span"), scale, el("span")),
      this.rows
    );
    const pictures = el(
      "div",
      { class: "pictures" },
      el("figure", { class: "mixture" }, this.mixture, el("figcaption", {}, this.weights_, this.verdict)),
      el("figure", { class: "average" }, this.average, this.averageWords)
    );
    this.element = el("div", { class: "simplex" }, el("div", { class: "two" }, el("div", {}, this.plane, el("p", { class: "hint", text: HINT })), el("div", { class: "read" }, pictures, table)));
    parent.append(this.element);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.plane);
    this.rest = listen(this);
  }

  end() {
    this.rest();
    this.watch.disconnect();
    this.element.remove();
  }

  take(component) {
    const { data } = (this.component = component);
    const other = this.data?.token !== data.token;
    this.data = data;
    // Somebody may have moved on since Python heard of the point.
    if (data.serial >= this.serial && !this.held && !this.waiting) {
      this.serial = data.serial;
      this.free = data.weights;
    }
    if (other) {
      this.triangle = null;
      this.name();
      this.load(data.triangle, data.token).then(() => this.refine(data.token));
    }
    this.draw();
  }

  name() {
    const { data } = this;
    this.originals = data.originals.map(bytes);
    this.corners.forEach(({ picture, words }, k) => {
      this.paint(picture, this.originals[k]);
      set(picture, "aria-label", `Image ${NAMES[k]}: ${data.titles[k]}`);
      set(words, "text", data.labels[k]);
    });
  }

  // Show a triangle once its pictures are there.
  async load(triangle, token) {
    const sheet = new Image();
    sheet.src = `data:image/png;base64,${triangle.sheet}`;
    await sheet.decode();
    if (this.data.token !== token) return;
    this.triangle = { ...triangle, image: sheet };
    this.draw();
  }

  // The finer triangle takes a second: whoever drags in the coarse one meanwhile waits for nothing.
  async refine(token) {
    if (this.data.token !== token || this.triangle.side === this.data.whole) return;
    const answer = await fetch(new URL(`simplex-finer/${token}.json`, location.href)).catch(() => null);
    if (answer?.ok) await this.load(await answer.json(), token); // else the coarse one stays
  }

  paint(canvas, pixels) {
    const { width, height, channels } = this.data.size;
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[i * channels + Math.min(c, channels - 1)];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  // The mixture that is shown: the one that is nearest to the point.
  get steps() {
    return nearest(this.free, this.triangle.side);
  }

  get node() {
    return nodeOf(this.steps, this.triangle.side);
  }

  get part() {
    const { parts } = this.triangle;
    return parts.find(({ key }) => key === this.data.part) ?? parts[0];
  }

  moveTo(clientX, clientY) {
    const { left, top } = this.plane.getBoundingClientRect();
    const { x, y, long } = this.room;
    this.move(within(weightsAt((clientX - left - x) / long, (clientY - top - y) / long)));
  }

  move(weights) {
    this.free = weights;
    this.soon();
  }

  letGo() {
    this.free = this.steps.map((s) => s / this.triangle.side);
    this.soon();
    this.tell();
  }

  tell() {
    const { side } = this.triangle;
    const weights = this.steps.map((s) => (s * this.data.whole) / side);
    this.serial += 1;
    this.component.setTriggerValue("point", { token: this.data.token, weights, side, serial: this.serial });
  }

  soon() {
    this.asked ||= requestAnimationFrame(() => {
      this.asked = 0;
      this.show();
    });
  }

  // The room of the triangle in its plane, in CSS pixels.
  get room() {
    const wide = this.plane.clientWidth;
    return { x: PAD, y: PAD, long: wide - 2 * PAD, wide };
  }

  draw() {
    if (!this.triangle || !this.plane.clientWidth) return;
    const { x, y, long, wide } = this.room;
    const corner = Math.min(Math.max(wide * 0.16, 44), 84);
    const high = Math.round(y + HIGH * long + PAD + corner);
    this.plane.style.height = `${high}px`;
    this.element.style.setProperty("--corner", `${corner}px`);
    this.element.style.setProperty("--foot", `${Math.round(y + HIGH * long + PAD)}px`);
    const theme = look(this.element);
    const drawn = [this.data.token, this.triangle.side, this.part.key, wide, theme.name, devicePixelRatio].join();
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      const ratio = Math.min(devicePixelRatio || 1, 2);
      Object.assign(this.field, { width: Math.round(wide * ratio), height: Math.round(high * ratio) });
      const context = this.field.getContext("2d");
      this.colour(context, theme, ratio);
      context.setTransform(ratio * long, 0, 0, ratio * long, ratio * x, ratio * y);
      this.lines(context, theme, 1 / long);
      this.ramp.style.background = ramp(theme);
    }
    this.show();
  }

  colour(context, theme, ratio) {
    const { side } = this.triangle;
    const { values, percentiles, level } = this.part;
    const { x, y, long } = this.room;
    const [wide, high] = [Math.ceil(long * ratio), Math.ceil(HIGH * long * ratio)];
    const image = context.createImageData(wide, high);
    const table = Array.from({ length: 257 }, (_, i) => colourOf(i / 256, theme));
    const turn = along(95);
    for (let row = 0; row < high; row++) {
      for (let column = 0; column < wide; column++) {
        const weights = weightsAt((column + 0.5) / (long * ratio), (row + 0.5) / (long * ratio));
        if (Math.min(...weights) < 0) continue;
        let [at, value] = [0, 0];
        for (const [node, share] of between(weights, side)) {
          at += share * along(percentiles[node]);
          value += share * values[node];
        }
        // The line is drawn by the values: colours turn where it is.
        at = value > level ? Math.max(at, turn + 1 / 256) : Math.min(at, turn - 1 / 256);
        image.data.set([...table[Math.round(256 * at)], 255], 4 * (row * wide + column));
      }
    }
    context.putImageData(image, Math.round(x * ratio), Math.round(y * ratio));
  }

  lines(context, theme, thin) {
    const [ink, paper] = [theme.ink, theme.paper].map((c) => `rgb(${c})`);
    const path = (points, closed) => {
      points.forEach(([px, py], k) => (k ? context.lineTo(px, py) : context.moveTo(px, py)));
      if (closed) context.closePath();
    };
    const stroke = (colour, width, dash = []) => {
      Object.assign(context, { strokeStyle: colour, lineWidth: width * thin, lineJoin: "round", lineCap: "round" });
      context.setLineDash(dash.map((d) => d * thin));
      context.stroke();
    };
    context.beginPath();
    path([[1, 0, 0], [0, 1, 0], [0, 0, 1]].map(placeOf), true);
    stroke(ink, 1.5);
    if (this.data.trained) {
      context.beginPath();
      path(MIDDLE.map(placeOf), true);
      stroke(ink, 1.2, [2, 5]);
    }
    context.beginPath();
    for (const [x0, y0, x1, y1] of contour(this.part.values, this.part.level, this.triangle.side)) path([[x0, y0], [x1, y1]]);
    stroke(paper, 5);
    stroke(ink, 2.2);
  }

  // The point, the mixture there, and its numbers.
  show() {
    if (!this.triangle || !this.plane.clientWidth) return;
    const { steps, node, part } = this;
    const { x, y, long } = this.room;
    const shares = steps.map((s) => s / this.triangle.side);
    const [px, py] = placeOf(this.held ? this.free : shares);
    this.point.style.transform = `translate(${x + px * long}px, ${y + py * long}px)`;
    const flagged = part.values[node] > part.level;
    const words = shares.map((s, k) => `${percent(s)} ${NAMES[k]}`);
    set(this.weights_, "text", words.filter((_, k) => steps[k]).join(" + "));
    set(this.verdict, "text", flagged ? "flagged" : "not flagged");
    this.verdict.classList.toggle("flagged", flagged);
    set(this.point, "aria-valuenow", Math.round(100 * shares[0]));
    set(this.point, "aria-valuetext", `${words.join(", ")}. ${part.title}: percentile ${said(part.percentiles[node])}, ${flagged ? "flagged" : "not flagged"}`);
    this.pictures(node, shares, words);
    this.numbers(node);
  }

  pictures(node, shares, words) {
    const { width, height } = this.data.size;
    const { image, columns } = this.triangle;
    const { part, originals } = this;
    Object.assign(this.mixture, { width, height });
    this.mixture.getContext("2d").drawImage(image, (node % columns) * width, Math.floor(node / columns) * height, width, height, 0, 0, width, height);
    set(this.mixture, "aria-label", `The decoded mixture: ${words.join(", ")}`);
    const { side } = this.triangle;
    const [a, b, c] = shares.map((share) => Math.round(share * side)); // whole: halves are exact
    const mean = originals[0].map((v, i) => Math.floor((2 * (a * v + b * originals[1][i] + c * originals[2][i]) + side) / (2 * side)));
    this.paint(this.average, mean);
    set(this.average, "aria-label", `The pixels of the three images averaged at the same weights`);
    const flagged = part.averages[node] > part.level;
    set(this.averageWords, "text", `Control: the pixels averaged. Percentile ${said(part.averagePercentiles[node])}, ${flagged ? "flagged" : "not flagged"}`);
  }

  numbers(node) {
    const { parts } = this.triangle;
    const { score } = this.data;
    while (this.rows.children.length > parts.length) this.rows.lastChild.remove();
    parts.forEach((part, k) => {
      if (!this.rows.children[k]) this.rows.append(this.row(k));
      const row = this.rows.children[k];
      const [name, bar, number] = row.children;
      const [button, title] = name.children;
      button.checked = part.key === this.part.key;
      set(title, "text", part.key === score ? `★ ${part.title}` : part.title);
      set(number, "text", said(part.percentiles[node]));
      const words = `${part.title}: ${minus(Number(part.values[node].toPrecision(3)))} ${part.unit}`;
      set(row, "title", part.key === score ? `${words}. ★ The score` : words);
      row.classList.toggle("chosen", button.checked);
      bar.firstChild.style.width = `${100 * Math.max(along(part.percentiles[node]), 0.01)}%`;
      bar.classList.toggle("flagged", part.values[node] > part.level);
    });
  }

  // A part with its percentile as a bar; pressed, it colours the triangle.
  row(k) {
    const button = el("input", { type: "radio", name: "part", onchange: () => this.press(this.triangle.parts[k].key) });
    const name = el("span", { class: "name" }, button, el("span"));
    return el("label", { class: "row" }, name, el("span", { class: "bar" }, el("i")), el("span", { class: "number" }));
  }

  press(part) {
    this.data = { ...this.data, part };
    this.draw();
    this.component.setTriggerValue("part", part);
  }
}
