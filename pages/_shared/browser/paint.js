// Pictures and maps as pixels, and the colours of the house in the light and in the dark.

import { minus } from "./dom.js";

const MORE = [213, 94, 0]; // stranger: the orange and the blue of every comparison
const LESS = [0, 114, 178];
const MORE_DARK = [240, 128, 60];
const LESS_DARK = [86, 180, 233];

export function theme(element) {
  const style = getComputedStyle(element);
  const of = (name, other) => style.getPropertyValue(name).trim() || other;
  const paper = of("--st-background-color", "#ffffff");
  const [r, g, b] = rgb(paper);
  const dark = 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
  return { paper, dark, text: of("--st-text-color", "#111111"), font: of("--st-font", "sans-serif"), mark: of("--st-primary-color", "#0072b2") };
}

function rgb(colour) {
  if (!colour.startsWith("#")) return (colour.match(/[\d.]+/g) ?? [255, 255, 255]).slice(0, 3).map(Number);
  return [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
}

// The two ends of the scale: on the paper those of the theme, on a picture, which has none, one pair.
export function ends(dark, over) {
  return dark && !over ? { more: MORE_DARK, less: LESS_DARK } : { more: MORE, less: LESS };
}

export const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

export const text = (values) => btoa(values.reduce((all, v) => all + String.fromCharCode(v), ""));

export function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  return canvas;
}

const SINGLE = 6; // CSS pixels a pixel: so far enlarged, single ones of a large picture are looked at

// How a picture is drawn on a canvas: sharp or smooth, as the page says for its size.
export function enlarge(context, element, size = 0) {
  const smooth = getComputedStyle(element).getPropertyValue("--house-rendering").trim() === "auto";
  context.imageSmoothingEnabled = smooth && size < SINGLE;
  context.imageSmoothingQuality = "high";
}

// A canvas over its whole room, for drawing in CSS pixels, with how wide and high it is; null: it has
// no room yet.
export function over(canvas, room) {
  const { clientWidth: wide, clientHeight: high } = room;
  if (!wide || !high) return null;
  const ratio = Math.min(devicePixelRatio || 1, 2);
  Object.assign(canvas, { width: Math.round(wide * ratio), height: Math.round(high * ratio) });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  enlarge(context, room);
  return { context, wide, high };
}

const LUMA = [0.299, 0.587, 0.114]; // as core makes a colour picture grey

// What a map is drawn over: a colour picture in grey, whose own orange and blue would be read as the map's.
export function beneath(size, pixels) {
  if (size.channels === 1) return picture(size, pixels);
  const grey = Uint8Array.from({ length: size.width * size.height }, (_, i) => Math.round(LUMA.reduce((all, share, c) => all + share * pixels[i * size.channels + c], 0)));
  return picture({ ...size, channels: 1 }, grey);
}

// A picture {width, height, channels} with its pixels in rows, as a canvas of so many pixels.
export function picture({ width, height, channels }, pixels) {
  const canvas = canvasOf(width, height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[i * channels + Math.min(c, channels - 1)];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

// A map as a canvas: each pixel the more opaque the further it is from zero, nothing up to where the
// scale begins, or below the threshold, which is a share of the scale.
export function heat(values, width, { floor = 0, end, opacity, threshold, colours }) {
  const canvas = canvasOf(width, values.length / width);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < values.length; i++) {
    const share = Math.min((Math.abs(values[i]) - floor) / (end - floor), 1);
    if (share < threshold || !(share > 0)) continue;
    const colour = values[i] > 0 ? colours.more : colours.less;
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = colour[c];
    image.data[4 * i + 3] = 255 * opacity * share;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

// The border of a place (W x H, 1 inside) as lines between pixels: [x0, y0, x1, y1] each.
export function border(place, width) {
  const lines = [];
  const height = place.length / width;
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && place[y * width + x] > 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!inside(x, y)) continue;
      if (!inside(x - 1, y)) lines.push([x, y, x, y + 1]);
      if (!inside(x + 1, y)) lines.push([x + 1, y, x + 1, y + 1]);
      if (!inside(x, y - 1)) lines.push([x, y, x + 1, y]);
      if (!inside(x, y + 1)) lines.push([x, y + 1, x + 1, y + 1]);
    }
  }
  return lines;
}

// Lines that are seen on black, on white and on both colours of the scale.
export function outline(context, lines, scale, thick) {
  for (const [colour, width] of [["#000000", 2 * thick], ["#ffffff", thick]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.lineCap = "square";
    context.beginPath();
    for (const [x0, y0, x1, y1] of lines) {
      context.moveTo(x0 * scale, y0 * scale);
      context.lineTo(x1 * scale, y1 * scale);
    }
    context.stroke();
  }
}

export const unpack = (packed, length) => Uint8Array.from({ length }, (_, i) => (packed[i >> 3] >> (7 - (i & 7))) & 1);

export const said = (value) => (value > 0 ? "+" : "") + minus(Number(value.toPrecision(3)));
