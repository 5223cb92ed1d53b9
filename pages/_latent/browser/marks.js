// What is drawn over the points: names of groups, who is looked at, its neighbours, a line in work.

export function marks(context, map) {
  const { theme } = map.app;
  if (map.look) looked(context, map, theme);
  if (map.app.open.names) names(context, map, theme);
  if (map.line) line(context, map, theme);
  if (map.aim) aim(context, map, theme);
}

function halo(context, theme, stroke) {
  context.lineJoin = "round";
  context.strokeStyle = theme.paper;
  context.lineWidth = 4;
  stroke();
}

function names(context, map, theme) {
  const { colouring, middles } = map;
  if (!colouring.names || colouring.names.length < 2) return;
  const taken = [];
  const letters = theme.size;
  context.font = `600 ${letters}px ${theme.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const order = middles.map((m, i) => [m, i]).filter(([m]) => m && m.total > 12);
  for (const [{ x, y }, i] of order.sort((a, b) => b[0].total - a[0].total)) {
    const text = colouring.short?.[i] ?? colouring.names[i];
    const [px, py] = map.camera.to(x, y);
    const wide = context.measureText(text).width + 6;
    const at = [px - wide / 2, py - letters / 2 - 2, px + wide / 2, py + letters / 2 + 2];
    if (at[0] < 0 || at[1] < 0 || at[2] > map.camera.size[0] || at[3] > map.camera.size[1]) continue;
    if (taken.some((t) => at[0] < t[2] && at[2] > t[0] && at[1] < t[3] && at[3] > t[1])) continue;
    taken.push(at);
    halo(context, theme, () => context.strokeText(text, px, py));
    context.fillStyle = theme.text;
    context.fillText(text, px, py);
  }
}

function looked(context, map, theme) {
  const { camera, look, points } = map;
  const [x, y] = camera.to(...look.xy);
  const ends = look.rows.map((row) => camera.to(points.places[2 * row], points.places[2 * row + 1]));
  const path = (way) => {
    halo(context, theme, () => way(context.lineWidth));
    context.strokeStyle = theme.text;
    context.lineWidth = 1.6;
    way();
  };
  ends.forEach(([a, b], i) => {
    context.setLineDash(look.misplaced[i] ? [5, 4] : []);
    path(() => {
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(a, b);
      context.stroke();
    });
  });
  context.setLineDash([]);
  ends.forEach(([a, b], i) => {
    path(() => {
      context.beginPath();
      if (look.misplaced[i]) diamond(context, a, b, 6);
      else context.arc(a, b, 5, 0, 7);
      context.stroke();
    });
  });
  path(() => {
    context.beginPath();
    context.arc(x, y, 9, 0, 7);
    context.moveTo(x - 14, y);
    context.lineTo(x - 9, y);
    context.moveTo(x + 9, y);
    context.lineTo(x + 14, y);
    context.moveTo(x, y - 14);
    context.lineTo(x, y - 9);
    context.moveTo(x, y + 9);
    context.lineTo(x, y + 14);
    context.stroke();
  });
}

function diamond(context, x, y, side) {
  context.moveTo(x, y - side);
  context.lineTo(x + side, y);
  context.lineTo(x, y + side);
  context.lineTo(x - side, y);
  context.closePath();
}

function line(context, map, theme) {
  const corners = map.line.corners();
  context.beginPath();
  for (let i = 0; i < corners.length; i += 2) context.lineTo(...map.camera.to(corners[i], corners[i + 1]));
  context.closePath();
  context.fillStyle = theme.wash;
  context.fill();
  context.setLineDash([]);
  context.strokeStyle = theme.text;
  context.lineWidth = 1.5;
  context.stroke();
}

// The middle of the map, while keys move it.
function aim(context, map, theme) {
  const [x, y] = [map.camera.size[0] / 2, map.camera.size[1] / 2];
  context.strokeStyle = theme.text;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x - 7, y);
  context.lineTo(x + 7, y);
  context.moveTo(x, y - 7);
  context.lineTo(x, y + 7);
  context.stroke();
}
