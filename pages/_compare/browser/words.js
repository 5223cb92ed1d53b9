// Numbers as they are written, here and in Python.

const MINUS = "\u2212";
export const SPACE = "\u00a0";

// What lies exactly half way becomes even, as in Python; halves and quarters alone do so in binary.
const half = (value) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));
export const whole = (value) => half(value).toLocaleString("en-US");
export const tenth = (value) => (Number.isInteger(4 * value) ? half(10 * value) / 10 : value).toFixed(1);

// So many of many images: small numbers keep a digit.
export const about = (value) => (value > 0 && value < 9.95 ? tenth(value) : whole(value));

export const percent = (share) => (Number.isFinite(share) ? `${tenth(100 * share)}${SPACE}%` : "none");

// So many of 100; what is not all of them or none is never rounded to it.
export function inHundred(share) {
  if (share >= 0.9995 && share < 1) return "more than 99.9";
  if (share > 0 && share < 0.0005) return "fewer than 0.1";
  return share < 0.995 || share === 1 ? about(100 * share) : tenth(100 * share);
}

// A percentile; what has one is never rounded to that of all or of none.
export function place(percentile) {
  if (percentile >= 100) return "100, beyond all";
  if (percentile <= 0) return "0, below all";
  if (percentile >= 0.1 && percentile <= 99.9) return tenth(percentile);
  return String(Number(Math.min(Math.max(percentile, 0.001), 99.999).toFixed(3)));
}

export function between(low, high) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return "no interval";
  return `${tenth(100 * low)} to ${tenth(100 * high)}${SPACE}%`;
}

// A score: as many digits as tell its neighbours apart on the screen.
export function score(value, step) {
  if (!Number.isFinite(value)) return value < 0 ? "below all" : "above all";
  const digits = Math.min(Math.max(-Math.floor(Math.log10(step)), 0), 6);
  return value.toFixed(digits).replace("-", MINUS);
}

// Round numbers from low to high, about so many of them.
export function ticks(low, high, many) {
  const rough = (high - low) / many;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const digits = Math.max(-Math.floor(Math.log10(step)), 0);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step).map((at) => [at, at.toFixed(digits).replace("-", MINUS)]);
}
