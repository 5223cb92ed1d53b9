// Who is looked at: the picture, what the detector says of it, and its neighbours in the latent space.

import { el, set } from "./dom.js";
import { addressOf, Strip } from "./pictures.js";

export class Card {
  constructor(app) {
    this.app = app;
    this.image = el("img", { alt: "" });
    this.name = el("h3", {});
    this.words = el("p", {});
    this.near = el("p", { class: "near" });
    this.strip = new Strip(app, "neighbours", (row) => app.look(app.maps[0], row));
    const face = el("span", { class: "frame face" }, this.image);
    this.element = el("section", { class: "card", hidden: true, "aria-label": "The image that is looked at" }, face, el("div", { class: "words" }, this.name, this.words, this.near), this.strip.element);
  }

  // A point that was just clicked: what is known of it here.
  at(points, row) {
    const { app } = this;
    const said = app.describe(points, row);
    this.element.hidden = false;
    this.image.src = new URL(addressOf(app.data, points, [row]), location.href).href;
    set(this.image, "alt", `The image ${said.title} ${said.index}, ${said.what}`);
    set(this.name, "text", `${said.title} ${said.index}`);
    set(this.words, "text", this.sentence(said));
    set(this.near, "text", "");
    this.strip.element.hidden = true;
  }

  sentence(said) {
    const verdict = said.what === said.title ? said.verdict : `${said.what}, ${said.verdict}`;
    return `${verdict[0].toUpperCase()}${verdict.slice(1)}: ${said.score}, percentile ${said.percentile}.`;
  }

  // What Python says of it, neighbours too; or nothing, where nobody is looked at.
  draw(look, points) {
    this.element.hidden = !look;
    if (!look) return;
    if (look.row !== null) this.at(points, look.row);
    else {
      this.image.src = look.image;
      set(this.image, "alt", `The image ${look.name}, as the detector sees it`);
      set(this.name, "text", look.name);
      set(this.words, "text", look.words);
    }
    const far = look.misplaced.filter(Boolean).length;
    const all = look.rows.length;
    set(
      this.near,
      "text",
      `Nearest in the latent space. ${far ? `The map puts ${far} of these ${all} elsewhere (◇).` : "All are near on the map too."}`
    );
    this.strip.element.hidden = false;
    this.strip
      .draw(points, look.rows, (row, k) => {
        const said = this.app.describe(points, row);
        const away = look.misplaced[k] ? ", elsewhere on the map" : "";
        const distance = look.distances[k].toFixed(1);
        return {
          name: `Neighbour ${k + 1}: ${said.what}, ${said.title} ${said.index}, distance ${distance}${away}`,
          caption: `${distance}${look.misplaced[k] ? " ◇" : ""}`,
        };
      })
      .catch((error) => this.app.fail(error));
  }
}
