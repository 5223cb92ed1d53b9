// What the large map and all tiles share: settings, which live in the browser alone, and the maps
// of each picture, as they come.

import { bytes } from "./paint.js";

const KEPT = 6; // pictures whose maps are held
const FAR = 10;

export const store = {
  settings: { view: "overlay", opacity: 0.85, threshold: 0.1, divider: 0.5, one: true, place: true, chosen: "own" },
  maps: new Map(), // by picture: maps by name
  watchers: new Set(),
};

export function mapsOf(token) {
  return store.maps.get(token) ?? new Map();
}

export function give(token, map) {
  if (!store.maps.has(token)) store.maps.set(token, new Map());
  const maps = store.maps.get(token);
  maps.delete(map.name);
  maps.set(map.name, { ...map, values: decoded(map) });
  if (store.maps.size > KEPT) store.maps.delete(store.maps.keys().next().value);
  tell();
}

export function change(settings) {
  Object.assign(store.settings, settings);
  tell();
}

let asked = 0;
function tell() {
  if (asked) return;
  asked = requestAnimationFrame(() => {
    asked = 0;
    store.watchers.forEach((work) => work());
  });
}

// Where the colour scale of a map begins and ends: one scale for all is that of the detector's own
// map, or of the first that came. A map that begins at zero does so on that of another, too. One
// that is so many times stronger or weaker would be all colour on it, or none: it keeps its own,
// and `times` says how far apart the two are.
export function scaleOf(token, name) {
  const maps = mapsOf(token);
  const own = maps.get("own") ?? maps.values().next().value;
  const map = maps.get(name) ?? own;
  const apart = store.settings.one && map?.end && own.end ? map.end / own.end : 1;
  const times = apart > FAR || apart < 1 / FAR ? apart : 0;
  const scale = store.settings.one && !times ? own : map;
  return { floor: map?.floor ? scale.floor : 0, end: Math.max(scale?.end ?? 1, 1e-12), times };
}

export function decoded({ values, step }) {
  const raw = bytes(values);
  return Float32Array.from(new Int16Array(raw.buffer, 0, raw.length / 2), (v) => v * step);
}
