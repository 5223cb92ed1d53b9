// One map, small: a button that shows it large.

import { el, set } from "./dom.js";
import { beneath, border, bytes, ends, enlarge, heat, outline, theme, unpack } from "./paint.js";
import { apartSaid } from "./scale.js";
import { change, give, mapsOf, scaleOf, store } from "./store.js";

export class Tile {
  constructor(parent) {
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.apart = el("span", { class: "apart", "aria-hidden": "true", hidden: true, text: "own scale" });
    this.button = el("button", { class: "house tile", onclick: () => this.press() }, this.canvas, this.apart);
    parent.append(this.button);
    this.work = () => this.draw();
    store.watchers.add(this.work);
    this.watch = new ResizeObserver(this.work);
    this.watch.observe(this.button);
  }

  end() {
    store.watchers.delete(this.work);
    this.watch.disconnect();
    this.button.remove();
  }

  take(component) {
    const { data } = (this.component = component);
    this.data = data;
    const { width, height } = data.picture;
    this.under = beneath(data.picture, bytes(data.picture.pixels));
    this.lines = data.place ? border(unpack(bytes(data.place), width * height), width) : [];
    set(this.button, "aria-label", `${data.map.title}: show this map large${data.map.place ? `. ${data.map.place}` : ""}`);
    this.title = `${data.map.title}. ${data.text}`;
    give(data.token, data.map);
  }

  // The large map changes at once; Python, which hears of it, keeps it in the address.
  press() {
    const { name } = this.data.map;
    if (store.settings.chosen === name) return;
    change({ chosen: name });
    this.component.setTriggerValue("large", name);
  }

  draw() {
    const map = mapsOf(this.data.token).get(this.data.map.name);
    const { width, height } = this.data.picture;
    const wide = Math.round(this.button.clientWidth * Math.min(devicePixelRatio || 1, 2));
    if (!map || !wide) return;
    set(this.button, "aria-pressed", String(store.settings.chosen === map.name));
    const scale = wide / width;
    Object.assign(this.canvas, { width: wide, height: Math.round(height * scale) });
    const context = this.canvas.getContext("2d");
    enlarge(context, this.button);
    const { opacity, threshold } = store.settings;
    const colours = ends(theme(this.button).dark, true);
    const scaled = scaleOf(this.data.token, map.name);
    this.apart.hidden = !scaled.times;
    set(this.button, "title", [this.title, apartSaid(scaled.times)].filter(Boolean).join(" "));
    const layer = heat(map.values, width, { ...scaled, opacity, threshold, colours });
    for (const one of [this.under, layer]) context.drawImage(one, 0, 0, this.canvas.width, this.canvas.height);
    if (store.settings.place) outline(context, this.lines, scale, 1.5);
  }
}
