// The map as a PNG: without tools, with its title and its legend.

import { minus } from "./dom.js";

const EDGE = 16;
const LETTERS = 15;

export function save(app) {
  const map = app.maps[0];
  if (!map?.points) return;
  const canvas = drawing(app, map);
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = map.about.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}

export function drawing(app, map) {
  const { theme } = app;
  const { scale } = map;
  const [width, high] = [map.room.clientWidth, map.free];
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const rows = entries(context, app, map, width - 2 * EDGE);
  const foot = EDGE + rows.length * (LETTERS + 9);
  canvas.width = width * scale;
  canvas.height = (44 + high + foot) * scale;
  context.scale(scale, scale);
  context.fillStyle = theme.paper;
  context.fillRect(0, 0, width, 44 + high + foot);
  for (const part of [map.points_, map.over]) {
    context.drawImage(part, 0, 0, width * scale, high * scale, 0, 44, width, high);
  }
  context.fillStyle = theme.text;
  context.font = `600 18px ${theme.font}`;
  context.fillText(map.about.title, EDGE, 28);
  context.font = `${LETTERS}px ${theme.font}`;
  rows.forEach((row, k) => {
    let x = EDGE;
    const y = 44 + high + EDGE + k * (LETTERS + 9);
    for (const { mark, colour, text, ramp } of row) {
      if (ramp) x = drawRamp(context, ramp, x, y);
      if (mark) {
        context.fillStyle = colour;
        context.fillText(mark, x, y);
        x += 18;
      }
      context.fillStyle = theme.text;
      context.fillText(text, x, y);
      x += context.measureText(text).width + 22;
    }
  });
  return canvas;
}

function drawRamp(context, colours, x, y) {
  colours.forEach((colour, k) => {
    context.fillStyle = colour;
    context.fillRect(x + 14 * k, y - 12, 14, 14);
  });
  return x + 14 * colours.length + 8;
}

// The legend's entries that are shown, in rows that fit.
function entries(context, app, map, width) {
  context.font = `${LETTERS}px ${app.theme.font}`;
  const { colouring } = map;
  if (!colouring.names) {
    const unit = colouring.unit ? `, ${colouring.unit}` : "";
    const colours = (app.theme.dark ? colouring.dark : colouring.light).map((c) => `rgb(${c.join()})`);
    const [low, high] = [colouring.low, colouring.high].map((v) => minus(Number(v.toPrecision(3))));
    return [[{ ramp: colours, text: `${colouring.title}${unit}: ${low} to ${high}` }]];
  }
  const rows = [[]];
  let x = 0;
  map.legend.buttons.forEach((button, k) => {
    if (button.hidden || app.hidden.has(k)) return;
    const [mark, name, many] = [...button.children];
    const text = `${name.textContent} ${many.textContent}`;
    const wide = context.measureText(text).width + 40;
    if (x + wide > width && rows.at(-1).length) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1).push({ mark: mark.textContent, colour: mark.style.color, text });
    x += wide;
  });
  return rows;
}
