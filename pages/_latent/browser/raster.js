// Points as pixels: small, translucent marks, blended in a shuffled order, so that density is read
// and no class hides another. No WebGL: machines without a screen and old laptops lack it.

const CELL = 6; // CSS pixels: the side of a field in which points are counted
const CLEAR = 0.85; // opacity of a point that is alone
const FAINTEST = 0.1;

export const SHAPES = ["circle", "triangle", "diamond"];

// Whether a place (in radii from the middle) belongs to a mark.
const HELD = {
  circle: (x, y) => x * x + y * y <= 1,
  triangle: (x, y) => y <= 0.85 && y >= -1.1 && Math.abs(x) <= (y + 1.1) * 0.6,
  diamond: (x, y) => Math.abs(x) + Math.abs(y) <= 1.25,
};

// Offsets of a mark's pixels and how much of each it covers, of 256.
function stamp(shape, radius, width) {
  const reach = Math.ceil(radius * 1.3);
  const offsets = [];
  const covers = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      let hits = 0;
      for (let a = 0; a < 4; a++) {
        for (let b = 0; b < 4; b++) {
          const x = (dx - 0.375 + a / 4) / radius;
          const y = (dy - 0.375 + b / 4) / radius;
          if (HELD[shape](x, y)) hits++;
        }
      }
      if (hits) {
        offsets.push(dy * width + dx);
        covers.push(hits * 16);
      }
    }
  }
  return { offsets: Int32Array.from(offsets), covers: Int32Array.from(covers), reach };
}

// The opacity of each field's points, of 256: the more there are, the less each of them covers.
function opacities(x, y, drawn, width, height, cell) {
  const across = Math.ceil(width / cell);
  const counts = new Uint16Array(across * Math.ceil(height / cell));
  for (let i = 0; i < x.length; i++) {
    if (drawn[i]) counts[Math.floor(y[i] / cell) * across + Math.floor(x[i] / cell)]++;
  }
  const alphas = new Uint16Array(counts.length);
  for (let k = 0; k < counts.length; k++) {
    alphas[k] = 256 * Math.max(Math.min(CLEAR, 1.3 / Math.sqrt(counts[k] || 1)), FAINTEST);
  }
  return { alphas, across };
}

// Draws rows of a map into the pixels of an image.
//   x, y: places in pixels, (N); level: (N), 0 not drawn, 1 faint, 2 as it is, 3 chosen
//   colours: [[r, g, b], ...], code: (N), shape: (N), places in colours and SHAPES
export function paint(image, { x, y, order, level, colours, code, shape, radius, scale, ground }) {
  const { data, width, height } = image;
  const pixels = new Uint32Array(data.buffer);
  pixels.fill(((255 << 24) | (ground[2] << 16) | (ground[1] << 8) | ground[0]) >>> 0);
  const stamps = SHAPES.map((name) => stamp(name, radius * scale, width));
  const reach = Math.max(...stamps.map((s) => s.reach)) + 1;
  const drawn = new Uint8Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const inside = x[i] >= reach && y[i] >= reach && x[i] < width - reach && y[i] < height - reach;
    drawn[i] = inside ? level[i] : 0;
  }
  const { alphas, across } = opacities(x, y, drawn, width, height, CELL * scale);
  const cell = CELL * scale;
  for (const now of [1, 2, 3]) {
    for (let k = 0; k < order.length; k++) {
      const i = order[k];
      if (drawn[i] !== now) continue;
      const px = Math.round(x[i]);
      const py = Math.round(y[i]);
      let alpha = alphas[Math.floor(y[i] / cell) * across + Math.floor(x[i] / cell)];
      if (now === 1) alpha = Math.max(alpha >> 2, 20);
      if (now === 3) alpha = Math.min(256, alpha + 70);
      const [r, g, b] = colours[code[i]];
      const { offsets, covers } = stamps[shape[i]];
      const middle = py * width + px;
      for (let j = 0; j < offsets.length; j++) {
        const p = (middle + offsets[j]) << 2;
        const a = (covers[j] * alpha) >> 8;
        data[p] += ((r - data[p]) * a) >> 8;
        data[p + 1] += ((g - data[p + 1]) * a) >> 8;
        data[p + 2] += ((b - data[p + 2]) * a) >> 8;
      }
    }
  }
}

export function rgb(text) {
  const hex = text.trim().match(/^#([0-9a-f]{6})$/i);
  if (hex) return [0, 2, 4].map((at) => parseInt(hex[1].slice(at, at + 2), 16));
  const found = text.match(/[\d.]+/g) || [0, 0, 0];
  return found.slice(0, 3).map(Number);
}

// Whether a ground is dark, and which of two themes' colours stand on it.
export const dark = ([r, g, b]) => 0.3 * r + 0.59 * g + 0.11 * b < 128;
