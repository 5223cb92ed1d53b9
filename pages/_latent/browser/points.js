// The files of points: see core/answers/points.py, which packs them.

const TYPES = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array };
const kept = new Map(); // by address, the newest last
const MOST = 12;

const ceil = (size) => Math.ceil(size / 8) * 8;

export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = ceil(4 + length);
  const columns = {};
  for (const [name, kind] of about.columns) {
    columns[name] = new TYPES[kind](buffer, at, about.size);
    at = ceil(at + columns[name].byteLength);
  }
  return { ...about, ...columns };
}

async function fetched(address, early) {
  const coming = early?.get(address);
  early?.set(address, undefined); // it is read once: one that failed is asked for anew
  const answer = await (coming ?? fetch(new URL(address, location.href)));
  if (!answer.ok) throw new Error(await answer.text());
  return unpack(await answer.arrayBuffer());
}

// `early`: answers that are on their way already, by address.
export function load(address, early) {
  if (!kept.has(address)) {
    const coming = fetched(address, early);
    coming.catch(() => kept.delete(address));
    kept.set(address, coming);
    if (kept.size > MOST) kept.delete(kept.keys().next().value);
  }
  return kept.get(address);
}

// A map's points with what is worked out of them once: places, the order of drawing and of scores.
export function prepare(points) {
  if (points.places) return points;
  const { size, low, high } = points;
  const steps = 65535;
  points.places = new Float32Array(2 * size);
  for (let i = 0; i < size; i++) {
    points.places[2 * i] = low[0] + (points.x[i] / steps) * (high[0] - low[0]);
    points.places[2 * i + 1] = low[1] + (points.y[i] / steps) * (high[1] - low[1]);
  }
  points.shuffled = shuffled(size, 1);
  const { score } = points;
  points.strangest = points.shuffled.slice().sort((a, b) => score[b] - score[a] || a - b);
  return points;
}

// 0 ... size - 1 in an order that the seed names: no class is drawn over another one as a whole.
export function shuffled(size, seed) {
  const order = new Uint32Array(size);
  for (let i = 0; i < size; i++) order[i] = i;
  let state = (seed * 2654435761 + 12345) >>> 0;
  for (let i = size - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 4294967296) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

// Which rows are chosen, as text: a bit each, the first one the highest of its byte.
export function packBits(mask) {
  const bytes = new Uint8Array(Math.ceil(mask.length / 8));
  for (let i = 0; i < mask.length; i++) if (mask[i]) bytes[i >> 3] |= 128 >> (i & 7);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

export function unpackBits(text, size) {
  const bytes = atob(text);
  const mask = new Uint8Array(size);
  for (let i = 0; i < size; i++) mask[i] = (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1;
  return mask;
}

export function unpackBytes(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
