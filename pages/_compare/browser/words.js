// Numbers as they are written, here and in Python.

const MINUS = "\u2212";
export const SPACE = "\u00a0";

// So many digits; what lies half way becomes even, as in Python.
const FORMS = [0, 1].map((digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: "halfEven" }));
export const whole = (value) => FORMS[0].format(value);
const tenth = (value) => FORMS[1].format(value);

// So many of many images: small numbers keep a digit.
export const about = (value) => (value > 0 && value < 9.95 ? tenth(value) : whole(value));

export const percent = (share) => (Number.isFinite(share) ? `${tenth(100 * share)}${SPACE}%` : "none");

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
