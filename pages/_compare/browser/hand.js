// Mouse, finger and keys on the histogram. A finger scrolls the page past it, unless it begins on the
// grip or moves sideways; a tap puts the line where it is.

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -25, PageUp: 25 };
const FAR = 10; // steps, with Shift
const REST = 400; // ms after the last key

export function listen(room) {
  const { element: plane, grip } = room.histogram;
  let resting = 0;

  function down(event) {
    const touch = event.pointerType === "touch";
    if (event.button > 0 || (touch && event.target !== grip)) return;
    plane.setPointerCapture(event.pointerId);
    room.held = true;
    if (!touch) event.preventDefault();
    if (event.target !== grip) move(event); // who takes it by the grip does not move it by that
    else away = event.clientX - plane.getBoundingClientRect().left - room.histogram.x(room.value);
    grip.focus({ preventScroll: true });
  }

  let away = 0; // from the grip's middle to where it was taken
  function move(event) {
    room.moveTo(event.clientX - plane.getBoundingClientRect().left - away);
  }

  function up(event) {
    if (!room.held) return;
    if (event.type === "pointerup") move(event);
    room.held = false;
    away = 0;
    room.tell();
  }

  function tap(event) {
    if (event.pointerType !== "touch" || event.target === grip) return;
    move(event);
    room.tell();
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const ends = { Home: 0, End: room.rows.at.length - 1 };
    const step = STEPS[event.key];
    if (step === undefined && ends[event.key] === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    room.moveRow(ends[event.key] ?? room.stepped(step * (event.shiftKey ? FAR : 1)));
    later();
  }

  function later() {
    clearTimeout(resting);
    room.waiting = true;
    resting = setTimeout(rest, REST);
  }

  function rest() {
    clearTimeout(resting);
    if (!room.waiting) return;
    room.waiting = false;
    room.tell();
  }

  const heard = { pointerdown: down, pointermove: (event) => room.held && move(event), pointerup: up, pointercancel: up, click: tap };
  Object.entries(heard).forEach(([name, work]) => plane.addEventListener(name, work));
  grip.addEventListener("keydown", key);
  grip.addEventListener("blur", rest);
  return { rest, later };
}
