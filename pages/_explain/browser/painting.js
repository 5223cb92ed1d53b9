// What was painted on a picture: pixels that are erased, and pixels of a grey level, stroke by stroke.

import { bytes, text, unpack } from "./paint.js";

const STROKES = 200; // that can be taken back

export function packed(mask) {
  const bits = new Uint8Array(Math.ceil(mask.length / 8));
  mask.forEach((v, i) => (bits[i >> 3] |= v ? 128 >> (i & 7) : 0));
  return text(bits);
}

export class Painting {
  // Of so many pixels; `erased` is what an erased one looks like, by pixel and channel.
  constructor(length) {
    this.kind = new Uint8Array(length); // 0 untouched, 1 erased, 2 painted
    this.level = new Uint8Array(length);
    this.before = [];
  }

  get any() {
    return this.kind.some((k) => k);
  }

  begin() {
    this.before.push([this.kind.slice(), this.level.slice()]);
    if (this.before.length > STROKES) this.before.shift();
  }

  // These pixels, by their number.
  stamp(pixels, { erases, level }) {
    for (const i of pixels) {
      this.kind[i] = erases ? 1 : 2;
      this.level[i] = level;
    }
  }

  undo() {
    const last = this.before.pop();
    if (last) [this.kind, this.level] = last;
    return Boolean(last);
  }

  reset() {
    this.begin();
    this.kind = new Uint8Array(this.kind.length);
  }

  // As Python is told.
  told() {
    const of = (kind) => packed(this.kind.map((k) => (k === kind ? 1 : 0)));
    return { erased: of(1), painted: of(2), levels: text(this.level.filter((_, i) => this.kind[i] === 2)) };
  }

  // What Python knows of it.
  take({ erased, painted, levels }) {
    const [out, on, at] = [unpack(bytes(erased), this.kind.length), unpack(bytes(painted), this.kind.length), bytes(levels)];
    let k = 0;
    for (let i = 0; i < this.kind.length; i++) {
      this.kind[i] = out[i] ? 1 : on[i] ? 2 : 0;
      if (on[i]) this.level[i] = at[k++];
    }
  }

  // Pixels of the picture with what was painted on it.
  over(pixels, erased, channels) {
    const found = pixels.slice();
    this.kind.forEach((kind, i) => {
      for (let c = 0; c < channels && kind; c++) found[i * channels + c] = kind === 1 ? erased[i * channels + c] : this.level[i];
    });
    return found;
  }
}
