// The simplex of Mirror in the browser. Python gives all mixtures of three images at once, and hears
// where the point is when it is let go.

import { Simplex } from "./simplex.js";

const rooms = new WeakMap(); // by parent element

export function draw(component) {
  const { parentElement } = component;
  if (!rooms.has(parentElement)) rooms.set(parentElement, new Simplex(parentElement));
  const room = rooms.get(parentElement);
  room.take(component);
  return () => {
    room.end();
    rooms.delete(parentElement);
  };
}
