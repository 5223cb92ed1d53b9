// Colours of percentiles: blue is ordinary, orange is flagged. What lies above 95 has as much room as
// its rarity asks for.

const NORMAL = { light: [0, 114, 178], dark: [86, 180, 233] };
const STRANGE = { light: [213, 94, 0], dark: [240, 128, 60] };
const TURN = 95; // percentile of the threshold
const LAST = 0.1; // percent of held-out images beyond the end of the scale
const SHARE = 0.6; // of the scale, below its turn
export const TICKS = [0, 50, 95, 99, 99.9];

export function look(element) {
  const style = getComputedStyle(element);
  const of = (name, other) => style.getPropertyValue(name).trim() || other;
  const paper = rgb(of("--st-background-color", "#ffffff"));
  const dark = 0.2126 * paper[0] + 0.7152 * paper[1] + 0.0722 * paper[2] < 128;
  return { paper, ink: rgb(of("--st-text-color", "#111111")), name: dark ? "dark" : "light" };
}

function rgb(colour) {
  if (!colour.startsWith("#")) return (colour.match(/[\d.]+/g) ?? [255, 255, 255]).slice(0, 3).map(Number);
  return [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
}

// How far along the scale a percentile is, 0 to 1.
export function along(percentile) {
  if (percentile <= TURN) return (SHARE * percentile) / TURN;
  const rare = Math.log((100 - TURN) / Math.max(100 - percentile, LAST)) / Math.log((100 - TURN) / LAST);
  return SHARE + (1 - SHARE) * rare;
}

export function colourOf(at, { paper, name }) {
  const low = at <= SHARE;
  const full = low ? NORMAL[name] : STRANGE[name];
  const strength = low ? 0.12 + 0.83 * (1 - at / SHARE) : 0.4 + (0.6 * (at - SHARE)) / (1 - SHARE);
  return full.map((c, k) => Math.round(c * strength + paper[k] * (1 - strength)));
}

export function ramp(theme) {
  const stops = Array.from({ length: 41 }, (_, i) => i / 40).flatMap((at) => [`rgb(${colourOf(at, theme)}) ${100 * at}%`]);
  return `linear-gradient(to right, ${stops})`;
}

// A percentile as text: at the end of the scale it is only known to be beyond all.
export const said = (percentile) => percentile.toFixed(1);
