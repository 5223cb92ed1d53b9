// Which images are selected: what was drawn, narrowed by the bars that are pressed; with a past.

export const FACETS = ["set", "class", "verdict", "bin"];
const MOST = 60; // steps that can be undone

const nothing = () => ({ drawn: null, facets: Object.fromEntries(FACETS.map((name) => [name, new Set()])) });

export class Selection {
  constructor(points) {
    this.points = points;
    this.state = nothing();
    this.past = [];
    this.future = [];
    this.shown = new Uint8Array(points.size).fill(1);
    this.mask = new Uint8Array(points.size); // what is selected of what is shown
    this.held = new Uint8Array(points.size); // and what is, shown or not
    this.before = null; // what was held before the line that is being drawn
    this.count = 0;
    this.refresh();
  }

  get any() {
    const { drawn, facets } = this.state;
    return drawn !== null || FACETS.some((name) => facets[name].size);
  }

  // Take the next state; the present one can be come back to.
  act(next) {
    this.past.push(this.state);
    if (this.past.length > MOST) this.past.shift();
    this.future = [];
    this.state = next;
    this.settle();
  }

  undo() {
    if (!this.past.length) return false;
    this.future.push(this.state);
    this.state = this.past.pop();
    this.settle();
    return true;
  }

  redo() {
    if (!this.future.length) return false;
    this.past.push(this.state);
    this.state = this.future.pop();
    this.settle();
    return true;
  }

  // The state after a line round these rows: "replace" keeps the bars that are pressed; "add" and
  // "remove" begin with what is selected now, whatever made it.
  stroked(rows, how) {
    if (how === "replace") return { drawn: rows, facets: this.state.facets };
    const drawn = this.any ? Uint8Array.from(this.before ?? this.held) : new Uint8Array(rows.length);
    for (let i = 0; i < rows.length; i++) if (rows[i]) drawn[i] = how === "add" ? 1 : 0;
    return { ...nothing(), drawn };
  }

  stroke(rows, how) {
    const next = this.stroked(rows, how);
    const none = !next.drawn.some(Boolean);
    this.act(none ? nothing() : next);
  }

  // What a line that is being drawn would select, without a past.
  preview(rows, how) {
    const kept = this.state;
    this.before ??= Uint8Array.from(this.held);
    this.state = this.stroked(rows, how);
    this.refresh();
    this.state = kept;
  }

  // No line is being drawn any more.
  settle() {
    this.before = null;
    this.refresh();
  }

  give(rows) {
    this.act(rows.some(Boolean) ? { ...nothing(), drawn: rows } : nothing());
  }

  clear() {
    if (this.any) this.act(nothing());
  }

  toggle(name, value) {
    const facets = Object.fromEntries(FACETS.map((f) => [f, new Set(this.state.facets[f])]));
    if (!facets[name].delete(value)) facets[name].add(value);
    this.act({ drawn: this.state.drawn, facets });
  }

  press(name, values) {
    const facets = Object.fromEntries(FACETS.map((f) => [f, new Set(this.state.facets[f])]));
    facets[name] = new Set(values);
    this.act({ drawn: this.state.drawn, facets });
  }

  show(shown) {
    this.shown = shown;
    this.refresh();
  }

  // Work out what is selected, and for each value of each facet how many images are shown, how many
  // are selected, and how many would be if no other value of this facet were pressed.
  refresh() {
    const { points, shown, mask, held } = this;
    const { drawn, facets } = this.state;
    const codes = FACETS.map((name) => points[name]);
    const pressed = FACETS.map((name) => {
      if (!facets[name].size) return null;
      const held = new Uint8Array(65536);
      facets[name].forEach((value) => (held[value] = 1));
      return held;
    });
    const counted = FACETS.map(() => ({ all: new Uint32Array(65536), chosen: new Uint32Array(65536), could: new Uint32Array(65536) }));
    const any = this.any;
    this.count = 0;
    this.total = 0;
    for (let i = 0; i < mask.length; i++) {
      mask[i] = held[i] = 0;
      if (!shown[i] && !drawn?.[i]) continue;
      let failed = 0;
      let last = 0;
      for (let f = 0; f < 4; f++) {
        if (pressed[f] && !pressed[f][codes[f][i]]) {
          failed++;
          last = f;
        }
      }
      const chosen = any && (!drawn || drawn[i]);
      if (chosen && !failed) held[i] = 1;
      if (!shown[i]) continue;
      this.total++;
      for (let f = 0; f < 4; f++) counted[f].all[codes[f][i]]++;
      if (chosen && !failed) {
        mask[i] = 1;
        this.count++;
        for (let f = 0; f < 4; f++) {
          counted[f].chosen[codes[f][i]]++;
          counted[f].could[codes[f][i]]++;
        }
      } else if (chosen && failed === 1) counted[last].could[codes[last][i]]++;
    }
    this.counts = Object.fromEntries(FACETS.map((name, f) => [name, counted[f]]));
  }
}
