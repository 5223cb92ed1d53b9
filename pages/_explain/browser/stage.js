// The large map: over its picture, beside it, or swiped across it. Nothing here asks the server.

import { el, set } from "./dom.js";
import { beneath, border, bytes, ends, enlarge, heat, outline, picture, said, theme, unpack } from "./paint.js";
import { change, give, mapsOf, scaleOf, store } from "./store.js";
import { slider, views } from "./controls.js";
import { listen } from "./hand.js";
import { apartSaid, scaleSaid } from "./scale.js";
import { inTurn } from "./turns.js";

const VIEWS = { overlay: "Overlay", swipe: "Swipe", beside: "Side by side" };
const KEYS =
  "The arrow keys go from pixel to pixel and read its value, plus and minus zoom, 0 shows the whole picture. " +
  "Comma and full stop lower and raise the threshold.";
const CLOSEST = 12;
const REST = 250; // ms

export class Stage {
  constructor(parent) {
    this.zoom = 1;
    this.middle = null; // of the view, in pixels of the picture
    this.cursor = null; // the pixel that is read
    this.canvas = el("canvas", { "aria-hidden": "true" });
    const keys = el("span", { class: "unseen", id: `keys-${Math.random().toString(36).slice(2)}`, text: KEYS });
    this.room = el("div", { class: "room", tabindex: 0, role: "application", "aria-describedby": keys.id }, this.canvas);
    this.name = el("p", { class: "name" });
    this.reading = el("p", { class: "reading" });
    this.live = el("div", { class: "unseen", role: "status" });
    this.views = views(VIEWS, "How the map is shown", (view) => change({ view }));
    this.zoomed = el("span", { class: "zoomed" });
    const tool = (label, text, work) => el("button", { class: "tool", "aria-label": label, title: label, onclick: work, text });
    const zooms = el(
      "div",
      { class: "zooms" },
      tool("Zoom out", "−", () => this.zoomBy(1 / 1.5)),
      this.zoomed,
      tool("Zoom in", "+", () => this.zoomBy(1.5)),
      tool("Whole picture", "⤢", () => this.whole())
    );
    const percent = (v) => `${Math.round(100 * v)} %`;
    this.opacity = slider("Opacity", 0, 1, 0.05, percent, (opacity) => change({ opacity }));
    this.threshold = slider("Threshold", 0, 1, 0.02, percent, (threshold) => change({ threshold }));
    this.divider = slider("Divider", 0, 1, 0.02, percent, (divider) => change({ divider }));
    this.one = el("input", { type: "checkbox", onchange: (event) => change({ one: event.target.checked }) });
    this.place = el("input", { type: "checkbox", onchange: (event) => change({ place: event.target.checked }) });
    this.placed = el("label", { class: "one", title: "The border of the pixels that are truly strange, drawn along their edges" }, this.place, "outline of the true place");
    this.low = el("span");
    this.high = el("span");
    this.ramp = el("span", { class: "ramp", role: "img" });
    const scale = el("div", { class: "scale" }, this.low, this.ramp, this.high);
    this.begins = el("p", { class: "begins", hidden: true });
    const sliders = el("div", { class: "sliders" }, this.opacity.element, this.threshold.element, this.divider.element);
    this.element = el(
      "div",
      { class: "house above stage" },
      el("div", { class: "bar" }, this.views.element, zooms),
      el("figure", {}, this.room, this.name, this.reading),
      keys,
      el("div", { class: "bar" }, scale, el("label", { class: "one", title: "Where it is off, each map's own strongest pixels set its colours" }, this.one, "one scale for all"), this.placed),
      sliders,
      this.begins,
      this.live
    );
    parent.append(this.element);
    this.work = () => {
      this.draw();
      this.tellReady();
    };
    store.watchers.add(this.work);
    this.watch = new ResizeObserver(this.work);
    this.watch.observe(this.room);
    this.deaf = listen(this);
  }

  // Ask for what is slow once all maps of a picture are there and nobody turns to the next one.
  tellReady() {
    const { token, count } = this.data;
    if (this.ready === token || mapsOf(token).size < count) return;
    this.ready = token;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => inTurn(() => this.component.setTriggerValue("ready", token)), REST);
  }

  end() {
    clearTimeout(this.waiting);
    store.watchers.delete(this.work);
    this.watch.disconnect();
    this.deaf();
    this.element.remove();
  }

  take(component) {
    const { data } = (this.component = component);
    const { width, height } = data.picture;
    const other = this.data?.token !== data.token;
    if (this.data?.picture.width !== width || this.data?.picture.height !== height) this.whole(false);
    this.data = data;
    this.pixels = bytes(data.picture.pixels);
    this.under = picture(data.picture, this.pixels);
    this.beneath = beneath(data.picture, this.pixels);
    this.lines = data.place ? border(unpack(bytes(data.place), width * height), width) : [];
    if (data.map) give(data.token, data.map);
    if (other) this.cursor = null;
    // A press on a tile has changed the picture already, before Python heard of it.
    if (data.chosen !== this.asked_ && !data.pressed) change({ chosen: data.chosen });
    this.asked_ = data.chosen;
    if (data.checked) this.ready = data.token;
    this.draw();
  }

  // The map that is shown: the one that was chosen, as far as this picture has it.
  get map() {
    const maps = mapsOf(this.data.token);
    return maps.get(store.settings.chosen) ?? maps.get("own") ?? maps.values().next().value;
  }

  whole(draw = true) {
    this.zoom = 1;
    this.middle = null;
    if (draw) this.draw();
  }

  zoomBy(factor, at = this.cursor && [this.cursor[0] + 0.5, this.cursor[1] + 0.5]) {
    const before = this.zoom;
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), CLOSEST);
    if (at) {
      const share = before / this.zoom; // what is under the pointer stays there
      const [x, y] = this.middle ?? this.centre;
      this.middle = [at[0] + (x - at[0]) * share, at[1] + (y - at[1]) * share];
    }
    this.draw();
  }

  get centre() {
    return [this.data.picture.width / 2, this.data.picture.height / 2];
  }

  // Panels from left to right: what each shows, and where it is in the room, in CSS pixels.
  panels() {
    const { clientWidth: wide, clientHeight: high } = this.room;
    const { view, divider } = store.settings;
    if (view === "beside") {
      const half = (wide - 6) / 2;
      return [
        { x: 0, from: 0, to: half, wide: half, high, picture: true },
        { x: half + 6, from: half + 6, to: wide, wide: half, high, picture: false, map: true },
      ];
    }
    const from = view === "swipe" ? wide * divider : 0;
    const panels = [{ x: 0, from, to: wide, wide, high, picture: true, map: true }];
    if (from) panels.unshift({ x: 0, from: 0, to: from, wide, high, picture: true });
    return panels;
  }

  // CSS pixels a pixel of the picture has, and where its corner is in a panel.
  lens({ x, wide, high }) {
    const { width, height } = this.data.picture;
    const size = Math.min(wide / width, high / height) * this.zoom;
    const place = (room, whole, middle) => {
      if (whole * size <= room) return (room - whole * size) / 2;
      return Math.min(0, Math.max(room - whole * size, room / 2 - middle * size));
    };
    const [cx, cy] = this.middle ?? this.centre;
    return { size, left: x + place(wide, width, cx), top: place(high, height, cy) };
  }

  // The pixel at a place of the room, or null.
  pixelAt(px, py) {
    const panel = this.panels().find(({ from, to }) => px >= from && px < to);
    if (!panel) return null;
    const { size, left, top } = this.lens(panel);
    const [x, y] = [Math.floor((px - left) / size), Math.floor((py - top) / size)];
    const { width, height } = this.data.picture;
    return x >= 0 && y >= 0 && x < width && y < height ? [x, y] : null;
  }

  draw() {
    if (!this.data) return;
    this.shape();
    const { clientWidth: wide, clientHeight: high } = this.room;
    if (!wide || !high) return;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    Object.assign(this.canvas, { width: Math.round(wide * ratio), height: Math.round(high * ratio) });
    const look = theme(this.element);
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const panel of this.panels()) this.panel(context, panel, look);
    if (store.settings.view === "swipe") this.line(context, wide * store.settings.divider, high);
    this.words(look);
  }

  panel(context, panel, look) {
    const { picture: { width, height } } = this.data;
    const { size, left, top } = this.lens(panel);
    context.save();
    enlarge(context, this.element, size);
    context.beginPath();
    context.rect(panel.from, 0, panel.to - panel.from, panel.high);
    context.clip();
    if (panel.picture) context.drawImage(panel.map && this.map ? this.beneath : this.under, left, top, width * size, height * size);
    else {
      context.fillStyle = look.paper;
      context.fillRect(left, top, width * size, height * size);
    }
    const { map } = this;
    if (panel.map && map) {
      const { opacity, threshold } = store.settings;
      const colours = ends(look.dark, panel.picture);
      const given = { ...scaleOf(this.data.token, map.name), opacity: panel.picture ? opacity : 1, threshold, colours };
      context.drawImage(heat(map.values, width, given), left, top, width * size, height * size);
    }
    context.translate(left, top);
    if (store.settings.place) outline(context, this.lines, size, 2);
    if (this.cursor) {
      const [x, y] = this.cursor;
      outline(context, [[x, y, x + 1, y], [x + 1, y, x + 1, y + 1], [x + 1, y + 1, x, y + 1], [x, y + 1, x, y]], size, 1.5);
    }
    context.restore();
  }

  line(context, x, high) {
    context.fillStyle = "#000000";
    context.fillRect(x - 2, 0, 4, high);
    context.fillStyle = "#ffffff";
    context.fillRect(x - 1, 0, 2, high);
  }

  // The room is as high as the picture asks for.
  shape() {
    const { width, height } = this.data.picture;
    const wide = store.settings.view === "beside" ? 2 * width : width;
    const name = `${wide} / ${height}`;
    if (this.room.style.aspectRatio !== name) this.room.style.aspectRatio = name;
  }

  words(look) {
    const { data, map } = this;
    const { view, opacity, threshold, divider, one, place } = store.settings;
    const shown = map ? map.title : "No map yet";
    set(this.name, "text", shown);
    set(this.room, "aria-label", map ? `${shown} over ${data.title}. ${this.peak(map)}${map.place ? ` ${map.place}` : ""}` : data.title);
    this.room.classList.toggle("zooms", this.zoom > 1);
    this.room.classList.toggle("swipes", view === "swipe");
    this.name.classList.toggle("beside", view === "beside");
    set(this.zoomed, "text", `${Math.round(100 * this.zoom)} %`);
    this.views.show(view);
    this.opacity.show(opacity);
    this.threshold.show(threshold);
    this.divider.show(divider);
    this.divider.element.hidden = view !== "swipe";
    this.one.checked = one;
    this.place.checked = place;
    this.placed.hidden = !this.lines.length;
    this.legend(look);
    this.read();
  }

  // The colour scale: from blue through nothing to orange, or half of that for a map of one sign.
  legend(look) {
    const { data: { token, unit }, map } = this;
    const { more, less } = ends(look.dark, false);
    const { floor, end, times } = scaleOf(token, map?.name);
    const { low, high, colours, said, begins } = scaleSaid({ floor, end, unit, below: floor > 0 && map.values.some((v) => v < 0) });
    set(this.low, "text", low);
    set(this.high, "text", high);
    const named = { more: `rgb(${more})`, less: `rgb(${less})`, none: look.paper };
    this.ramp.style.background = `linear-gradient(to right, ${colours.map((name) => named[name]).join(", ")})`;
    set(this.ramp, "aria-label", said);
    const notes = [begins, apartSaid(times)].filter(Boolean).join(" ");
    set(this.begins, "text", notes);
    this.begins.hidden = !notes;
  }

  peak(map) {
    let at = 0;
    map.values.forEach((v, i) => (at = Math.abs(v) > Math.abs(map.values[at]) ? i : at));
    const { width } = this.data.picture;
    return `Strongest at row ${Math.floor(at / width)}, column ${at % width}: ${said(map.values[at])} ${this.data.unit}.`;
  }

  read(aloud = false) {
    const { map, cursor } = this;
    let text = "";
    if (cursor && map) {
      const [x, y] = cursor;
      text = `row ${y}, column ${x}: ${said(map.values[y * this.data.picture.width + x])} ${this.data.unit}`;
    }
    set(this.reading, "text", text || "Point at a pixel to read its value");
    if (aloud) set(this.live, "text", text);
  }

  get swipes() {
    return store.settings.view === "swipe";
  }

  divide(px) {
    change({ divider: Math.min(Math.max(px / this.room.clientWidth, 0), 1) });
  }

  raise(by) {
    const threshold = Math.min(Math.max(store.settings.threshold + by, 0), 1);
    change({ threshold: Number(threshold.toFixed(2)) });
  }

  pan(dx, dy) {
    const { size } = this.lens(this.panels().at(-1));
    const [x, y] = this.middle ?? this.centre;
    const { width, height } = this.data.picture;
    this.middle = [Math.min(Math.max(x - dx / size, 0), width), Math.min(Math.max(y - dy / size, 0), height)];
    this.soon();
  }

  leave() {
    this.cursor = null;
    this.soon();
  }

  soon() {
    this.asked ||= requestAnimationFrame(() => {
      this.asked = 0;
      this.draw();
    });
  }

  // A step of the cursor by key; the view follows it.
  step(dx, dy) {
    const { width, height } = this.data.picture;
    const [x, y] = this.cursor ?? this.centre.map(Math.floor);
    this.cursor = this.cursor ? [Math.min(Math.max(x + dx, 0), width - 1), Math.min(Math.max(y + dy, 0), height - 1)] : [x, y];
    if (this.zoom > 1) this.middle = this.cursor.map((v) => v + 0.5);
    this.draw();
    this.read(true);
  }
}
