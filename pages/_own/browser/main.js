// Own images in the browser: a canvas to draw on, and a picture with a patch that one drags.

import { Canvas } from "./canvas.js";
import { Occluded } from "./occluded.js";

const KINDS = { canvas: Canvas, occluded: Occluded };
const rooms = new WeakMap(); // by parent element

export function draw(component) {
  const { parentElement, data } = component;
  if (!rooms.has(parentElement)) rooms.set(parentElement, new KINDS[data.kind](parentElement));
  const room = rooms.get(parentElement);
  room.take(component);
  return () => {
    room.end();
    rooms.delete(parentElement);
  };
}
