// The triangle: weights of its corners A, B and C, which sum to 1, and places in it. A is at
// [0.5, 0], B at [0, HIGH], C at [1, HIGH]: y grows downward.

export const HIGH = Math.sqrt(3) / 2;

export const placeOf = ([a, , c]) => [a / 2 + c, HIGH * (1 - a)];

export function weightsAt(x, y) {
  const a = 1 - y / HIGH;
  const c = x - a / 2;
  return [a, 1 - a - c, c];
}

// The point of the triangle that is nearest to a place.
export function within(weights) {
  if (weights.every((w) => w >= 0)) return weights;
  const [x, y] = placeOf(weights);
  const onEdges = [[0, 1], [1, 2], [2, 0]].map(([from, to]) => {
    const ends = [from, to].map((k) => placeOf([0, 1, 2].map((i) => Number(i === k))));
    const [dx, dy] = [ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]];
    const share = Math.min(Math.max((x - ends[0][0]) * dx + (y - ends[0][1]) * dy, 0), 1); // a side is 1
    const near = [0, 0, 0];
    near[from] = 1 - share;
    near[to] = share;
    return near;
  });
  const distance = (near) => Math.hypot(placeOf(near)[0] - x, placeOf(near)[1] - y);
  return onEdges.reduce((best, near) => (distance(near) < distance(best) ? near : best));
}

// The steps [a, b, c] of a side that are nearest to weights.
export function nearest(weights, side) {
  const exact = weights.map((w) => w * side);
  const steps = exact.map(Math.round);
  const over = steps[0] + steps[1] + steps[2] - side;
  if (over) {
    const off = exact.map((w, k) => (steps[k] - w) * Math.sign(over));
    steps[off.indexOf(Math.max(...off))] -= over;
  }
  return steps;
}

// The row of steps among all of a side, as core.answers.simplex.steps_of has them.
export const nodeOf = ([a, b], side) => a * (side + 1) - (a * (a - 1)) / 2 + b;

// One arrow key: along the lower side, or straight up and down; at an edge it slides along it.
export function stepped([a, b, c], [across, up], size) {
  let to = [a + up * size, b - (across + up / 2) * size, c + (across - up / 2) * size];
  if (to[0] < 0) to = [0, to[1] + to[0] / 2, to[2] + to[0] / 2];
  if (to[1] < 0) to = up ? [to[0], 0, to[2] + to[1]] : [to[0] + to[1], 0, to[2]];
  if (to[2] < 0) to = up ? [to[0], to[1] + to[2], 0] : [to[0] + to[2], to[1], 0];
  return within(to);
}

// Small triangles of the grid, each by the steps of its three nodes.
function* cells(side) {
  for (let a = 0; a < side; a++) {
    for (let b = 0; b < side - a; b++) {
      yield [[a, b], [a + 1, b], [a, b + 1]];
      if (a + b + 2 <= side) yield [[a + 1, b + 1], [a, b + 1], [a + 1, b]];
    }
  }
}

// Where values at the nodes cross a level: lines [x0, y0, x1, y1].
export function contour(values, level, side) {
  const lines = [];
  for (const nodes of cells(side)) {
    const over = nodes.map((node) => values[nodeOf(node, side)] - level);
    const ends = [];
    for (const [i, j] of [[0, 1], [1, 2], [2, 0]]) {
      if (over[i] > 0 === over[j] > 0) continue;
      const share = over[i] / (over[i] - over[j]);
      const [a, b] = [0, 1].map((k) => (nodes[i][k] + share * (nodes[j][k] - nodes[i][k])) / side);
      ends.push(...placeOf([a, b, 1 - a - b]));
    }
    if (ends.length === 4) lines.push(ends);
  }
  return lines;
}

// What values at the nodes are between them: three nodes and the share of each.
export function between([a, b], side) {
  const [u, v] = [Math.max(a, 0) * side, Math.max(b, 0) * side];
  const [i, j] = [Math.min(Math.floor(u), side - 1), Math.floor(v)];
  const [p, q] = [u - i, v - j];
  const corners = p + q <= 1 ? [[i, j, 1 - p - q], [i + 1, j, p], [i, j + 1, q]] : [[i + 1, j + 1, p + q - 1], [i, j + 1, 1 - p], [i + 1, j, 1 - q]];
  return corners.filter(([x, y, share]) => share > 0 && x + y <= side).map(([x, y, share]) => [nodeOf([x, y], side), share]);
}
