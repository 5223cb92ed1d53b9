// What lies within a line, how large a map is, and which point is nearest: numbers alone.

// Rows of places (2N) within a polygon [x0, y0, x1, y1, ...]; an odd number of its sides is crossed
// on the way to the right. `only` (N) says which rows are asked about.
export function within(line, places, only) {
  const n = places.length / 2;
  const mask = new Uint8Array(n);
  const sides = line.length / 2;
  if (sides < 3) return mask;
  const [left, low, right, high] = box(line);
  for (let i = 0; i < n; i++) {
    const x = places[2 * i];
    const y = places[2 * i + 1];
    if (!only[i] || x < left || x > right || y < low || y > high) continue;
    let inside = 0;
    let x0 = line[2 * sides - 2];
    let y0 = line[2 * sides - 1];
    for (let k = 0; k < sides; k++) {
      const x1 = line[2 * k];
      const y1 = line[2 * k + 1];
      if (y0 > y !== y1 > y && x < x0 + ((y - y0) * (x1 - x0)) / (y1 - y0)) inside ^= 1;
      x0 = x1;
      y0 = y1;
    }
    mask[i] = inside;
  }
  return mask;
}

export function withinBox([x0, y0, x1, y1], places, only) {
  const n = places.length / 2;
  const mask = new Uint8Array(n);
  const [left, right] = x0 < x1 ? [x0, x1] : [x1, x0];
  const [low, high] = y0 < y1 ? [y0, y1] : [y1, y0];
  for (let i = 0; i < n; i++) {
    const x = places[2 * i];
    const y = places[2 * i + 1];
    mask[i] = only[i] && x >= left && x <= right && y >= low && y <= high ? 1 : 0;
  }
  return mask;
}

function box(line) {
  let [left, low, right, high] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let k = 0; k < line.length; k += 2) {
    left = Math.min(left, line[k]);
    right = Math.max(right, line[k]);
    low = Math.min(low, line[k + 1]);
    high = Math.max(high, line[k + 1]);
  }
  return [left, low, right, high];
}

// A side of the map is cut to the shortest stretch that holds this share of what is shown ...
const HELD = 0.98;
// ... if that is not longer than this share of the whole.
const WORTH = 0.75;

// What the picture holds: [[left, right], [low, high]], and whether stray points were left out.
export function limits(places, shown, { all = false } = {}) {
  const sides = [0, 1].map((axis) => {
    const values = [];
    for (let i = 0; i < places.length / 2; i++) if (shown[i]) values.push(places[2 * i + axis]);
    return side(Float32Array.from(values).sort(), all);
  });
  return { sides: sides.map((s) => s.ends), cut: sides.some((s) => s.cut) };
}

function side(values, all) {
  const n = values.length;
  if (!n) return { ends: [0, 1], cut: false };
  const whole = values[n - 1] - values[0];
  const held = Math.ceil(HELD * n);
  let best = 0;
  for (let i = 1; i + held - 1 < n; i++) {
    if (values[i + held - 1] - values[i] < values[best + held - 1] - values[best]) best = i;
  }
  const short = values[best + held - 1] - values[best];
  const cut = !all && n > 50 && short < WORTH * whole;
  const [from, to] = cut ? [values[best], values[best + held - 1]] : [values[0], values[n - 1]];
  const room = Math.max(cut ? 0.06 * (to - from) : 0.03 * (to - from), 1e-6);
  return { ends: [from - room, to + room], cut };
}

// The row whose point is nearest to (x, y), at most `far` away; or -1.
export function nearest(x, y, far, places, only) {
  let found = -1;
  let best = far * far;
  for (let i = 0; i < places.length / 2; i++) {
    if (!only[i]) continue;
    const dx = places[2 * i] - x;
    const dy = places[2 * i + 1] - y;
    const d = dx * dx + dy * dy;
    if (d <= best) {
      best = d;
      found = i;
    }
  }
  return found;
}

// Where a name stands best: the fullest of 24 x 24 fields, by category; null where there is none.
export function middles(places, shown, code, count, [[left, right], [low, high]]) {
  const side = 24;
  const fields = Array.from({ length: count }, () => new Uint32Array(side * side));
  const total = new Uint32Array(count);
  for (let i = 0; i < places.length / 2; i++) {
    if (!shown[i] || code[i] >= count) continue;
    const a = Math.floor(((places[2 * i] - left) / (right - left)) * side);
    const b = Math.floor(((places[2 * i + 1] - low) / (high - low)) * side);
    if (a < 0 || b < 0 || a >= side || b >= side) continue;
    fields[code[i]][b * side + a]++;
    total[code[i]]++;
  }
  return fields.map((field, k) => {
    let best = -1;
    let most = 0;
    for (let j = 0; j < field.length; j++) {
      let sum = 2 * field[j];
      if (j % side) sum += field[j - 1];
      if ((j + 1) % side) sum += field[j + 1] || 0;
      sum += (field[j - side] || 0) + (field[j + side] || 0);
      if (sum > most) [most, best] = [sum, j];
    }
    if (best < 0) return null;
    const x = left + (((best % side) + 0.5) / side) * (right - left);
    const y = low + ((Math.floor(best / side) + 0.5) / side) * (high - low);
    return { x, y, total: total[k] };
  });
}
