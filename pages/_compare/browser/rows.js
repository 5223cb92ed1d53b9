// What is known at each of many thresholds, rising; nothing of it is computed here.

export const RATES = ["recall", "precision", "f1", "false_alarm_rate", "cost"];

export function decoded(text) {
  return new Float64Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
}

export function rowsOf(sent) {
  return Object.fromEntries(Object.entries(sent).map(([name, text]) => [name, decoded(text)]));
}

// What is shown of one row: counts, and each rate with its interval.
export function rowAt(rows, k) {
  const one = Object.fromEntries(Object.entries(rows).map(([name, values]) => [name, values[k]]));
  return { ...one, row: k };
}

// The row whose value is nearest; values rise, and may begin with -Infinity.
export function nearest(values, value) {
  let [low, high] = [0, values.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) low = middle;
    else high = middle;
  }
  return value - values[low] < values[high] - value ? low : high;
}
