// Pictures: of the selected images, or of all that are shown; a page at a time, one request each.

import { el, number, set } from "./dom.js";
import { shuffled } from "./points.js";

export const PER_PAGE = 24;
const ORDERS = { strangest: "Strangest", "most normal": "Most normal", random: "By the seed" };
const IMAGES = new Map(); // loaded sprites by address, so that a page comes back at once
const MOST = 80;
const LATE = 400; // ms after which a wait is told

// An address of pictures side by side.
export const addressOf = (data, points, rows) =>
  `${data.sprite}?of=${rows.map((row) => `${points.sets[points.set[row]]}.${points.index[row]}`).join(",")}`;

function loaded(address) {
  if (!IMAGES.has(address)) {
    const image = new Image();
    image.src = new URL(address, location.href).href;
    IMAGES.set(address, image.decode().then(() => image));
    IMAGES.get(address).catch(() => IMAGES.delete(address));
    if (IMAGES.size > MOST) IMAGES.delete(IMAGES.keys().next().value);
  }
  return IMAGES.get(address);
}

// Show picture k of n in an <img> within a frame of its size.
function cut(image, source, k, n) {
  image.src = source;
  image.style.width = `${100 * n}%`;
  image.style.marginLeft = `${-100 * k}%`;
}

export class Strip {
  // Pictures of rows as buttons; `press` is told the row.
  constructor(app, name, press) {
    Object.assign(this, { app, press, tiles: [] });
    this.slow = el("p", { class: "coming", role: "status", hidden: true, text: "Loading pictures …" });
    this.element = el("div", { class: name }, this.slow);
  }

  // One request for all; tiles change when it has come, together.
  async draw(points, rows, describe) {
    const asked = (this.asked = Symbol());
    const address = rows.length ? addressOf(this.app.data, points, rows) : "";
    set(this.element, "data-asked", address);
    const late = setTimeout(() => this.asked === asked && (this.slow.hidden = false), LATE);
    let image;
    try {
      image = address && (await loaded(address));
    } finally {
      clearTimeout(late);
      if (this.asked === asked) this.slow.hidden = true;
    }
    if (this.asked !== asked) return;
    this.fill(rows, image.src, describe);
    set(this.element, "data-drawn", address);
  }

  fill(rows, source, describe) {
    while (this.tiles.length < rows.length) this.tiles.push(this.tile());
    this.tiles.forEach((tile, k) => {
      tile.button.hidden = k >= rows.length;
      if (k >= rows.length) return;
      const { name, caption, current, title } = describe(rows[k], k);
      tile.row = rows[k];
      cut(tile.image, source, k, rows.length);
      set(tile.caption, "text", caption);
      set(tile.button, "aria-label", name);
      set(tile.button, "title", title ?? name);
      set(tile.button, "aria-current", current ? "true" : null);
    });
  }

  tile() {
    const image = el("img", { alt: "", draggable: "false" });
    const caption = el("span", { class: "caption" });
    const button = el("button", { class: "tile", onclick: () => this.press(tile.row) }, el("span", { class: "frame" }, image), caption);
    const tile = { button, image, caption, row: -1 };
    this.element.append(button);
    return tile;
  }
}

export class Pictures {
  constructor(app) {
    this.app = app;
    this.page = 1;
    this.order = "strangest";
    this.strip = new Strip(app, "grid", (row) => app.look(app.maps[0], row));
    this.choice = el("select", { "aria-label": "Which first", onchange: () => this.reorder(this.choice.value) });
    this.choice.append(...Object.entries(ORDERS).map(([value, text]) => el("option", { value, text })));
    const turn = (by, name, text) => el("button", { class: "tool wide", "aria-label": name, onclick: () => this.turn(by), text });
    [this.back, this.next] = [turn(-1, "Previous page of pictures", "‹"), turn(1, "Next page of pictures", "›")];
    this.place = el("span", { class: "place" });
    this.empty = el("p", { class: "empty", text: "The filter hides every image: widen it to see some." });
    const head = el("div", { class: "order" }, this.choice, el("span", { class: "pages" }, this.back, this.place, this.next));
    const turned = (event) => this.key(event);
    this.element = el("div", { class: "pictures", role: "group", "aria-label": "Pictures", onkeydown: turned }, head, this.empty, this.strip.element);
  }

  get pages() {
    const { selection } = this.app;
    return Math.max(1, Math.ceil((selection.any ? selection.count : selection.total) / PER_PAGE));
  }

  turn(by) {
    const page = Math.min(Math.max(this.page + by, 1), this.pages);
    if (page === this.page) return;
    this.page = page;
    this.draw();
    this.app.report();
  }

  // The arrow keys turn the pages, from any of the pictures.
  key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.target.matches("select")) return;
    event.preventDefault();
    this.turn(by);
  }

  reorder(order) {
    this.order = order;
    this.page = 1;
    this.draw();
    this.app.report();
  }

  // Rows in the order of the pictures.
  ordered() {
    const { points, seed } = this.app;
    if (this.order !== "random") return points.strangest;
    if (this.drawn?.of !== points || this.drawn.seed !== seed) this.drawn = { of: points, seed, rows: shuffled(points.size, seed) };
    return this.drawn.rows;
  }

  here() {
    const { selection } = this.app;
    const mask = selection.any || selection.live ? selection.mask : this.app.shown;
    const rows = this.ordered();
    const back = this.order === "most normal";
    const [found, skip] = [[], (this.page - 1) * PER_PAGE];
    let seen = 0;
    for (let k = 0; k < rows.length && found.length < PER_PAGE; k++) {
      const row = rows[back ? rows.length - 1 - k : k];
      if (mask[row] && seen++ >= skip) found.push(row);
    }
    return found;
  }

  draw() {
    if (!this.app.points) return;
    this.page = Math.min(this.page, this.pages);
    set(this.place, "text", `${number(this.page)} / ${number(this.pages)}`);
    set(this.back, "aria-disabled", String(this.page <= 1));
    set(this.next, "aria-disabled", String(this.page >= this.pages));
    this.choice.value = this.order;
    this.empty.hidden = this.app.selection.total > 0;
    if (this.element.hidden) return;
    const { app } = this;
    this.strip
      .draw(app.points, this.here(), (row) => {
        const said = app.describe(app.points, row);
        return {
          name: `${said.what}, ${said.score}, ${said.title} ${said.index}`,
          title: `${said.what}, ${said.title} ${said.index}. Score ${said.score}, percentile ${said.percentile}`,
          caption: said.score,
          current: app.looked === row,
        };
      })
      .catch((error) => app.fail(error));
  }
}
