// Mouse, finger and keys on the large map. A finger scrolls the page past it; a tap reads a pixel.

const CLICK = 5; // CSS pixels that a click may wander

export function listen(stage) {
  const { room } = stage;
  let press = null;

  const place = (event) => {
    const { left, top } = room.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };

  function down(event) {
    if (event.button > 0 || event.pointerType === "touch") return;
    press = { at: place(event), from: place(event) };
    room.setPointerCapture(event.pointerId);
    if (stage.swipes) stage.divide(press.at[0]);
  }

  function move(event) {
    const at = place(event);
    if (event.pointerType === "touch") return;
    if (press && stage.swipes) stage.divide(at[0]);
    else if (press && stage.zoom > 1) {
      stage.pan(at[0] - press.at[0], at[1] - press.at[1]);
      press.at = at;
    } else point(at);
  }

  function point(at) {
    const pixel = stage.pixelAt(...at);
    if (String(pixel) === String(stage.cursor)) return;
    stage.cursor = pixel;
    stage.soon();
  }

  function up(event) {
    const at = place(event);
    const still = press && Math.hypot(at[0] - press.from[0], at[1] - press.from[1]) <= CLICK;
    press = null;
    if (still && !stage.swipes) point(at);
  }

  function wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const pixel = stage.pixelAt(...place(event));
    stage.zoomBy(Math.exp(-Math.max(-120, Math.min(120, event.deltaY)) * 0.004), pixel && pixel.map((v) => v + 0.5));
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      "+": () => stage.zoomBy(1.5),
      "=": () => stage.zoomBy(1.5),
      "-": () => stage.zoomBy(1 / 1.5),
      0: () => stage.whole(),
      ArrowLeft: () => stage.step(-1, 0),
      ArrowRight: () => stage.step(1, 0),
      ArrowUp: () => stage.step(0, -1),
      ArrowDown: () => stage.step(0, 1),
      ",": () => stage.raise(-0.02),
      ".": () => stage.raise(0.02),
      Escape: () => stage.leave(),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  const heard = {
    pointerdown: down,
    pointermove: move,
    pointerup: up,
    pointercancel: () => (press = null),
    pointerleave: (event) => event.pointerType !== "touch" && !press && stage.leave(),
    click: (event) => event.pointerType === "touch" && point(place(event)),
    keydown: key,
  };
  Object.entries(heard).forEach(([name, work]) => room.addEventListener(name, work));
  room.addEventListener("wheel", wheel, { passive: false });
  return () => {
    Object.entries(heard).forEach(([name, work]) => room.removeEventListener(name, work));
    room.removeEventListener("wheel", wheel);
  };
}
