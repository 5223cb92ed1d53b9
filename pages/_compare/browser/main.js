// The threshold of Compare in the browser. Python gives the counts and rates at many thresholds at
// once, and hears where the line is when it is let go.

import { Deciding } from "./deciding.js";

const rooms = new WeakMap(); // by parent element

export function draw(component) {
  const { parentElement } = component;
  if (!rooms.has(parentElement)) rooms.set(parentElement, new Deciding(parentElement));
  const room = rooms.get(parentElement);
  room.take(component);
  return () => {
    room.end();
    rooms.delete(parentElement);
  };
}
