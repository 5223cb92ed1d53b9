// Explain in the browser: the large map, the tiles that stand beside it, and the picture that is
// painted on. Python gives pictures and maps, and hears only of what was painted.

import { Ask } from "./ask.js";
import { Stage } from "./stage.js";
import { Tile } from "./tile.js";

const KINDS = { stage: Stage, tile: Tile, ask: Ask };
const rooms = new WeakMap(); // by parent element

export function draw(component) {
  const { parentElement, data } = component;
  if (!KINDS[data.kind]) return () => {}; // it only fetches the scripts
  let room = rooms.get(parentElement);
  if (room && room.kind !== data.kind) {
    room.end();
    room = null;
  }
  if (!room) {
    room = new KINDS[data.kind](parentElement);
    room.kind = data.kind;
    rooms.set(parentElement, room);
  }
  room.take(component);
  return () => {
    room.end();
    rooms.delete(parentElement);
  };
}
