// Mouse, fingers and keys on a map. One finger scrolls the page past it unless it draws; two move and
// zoom. A drag without a tool moves the map; Shift adds what is drawn, Alt takes it away.

import { nearest, within, withinBox } from "./geometry.js";

const CLICK = 5; // CSS pixels that a click may wander
const FINGER = 22; // and how far off a finger's tap may be
const MOUSE = 9;
const APART = 2; // pixels between two corners of a line

const how = (event) => (event.shiftKey ? "add" : event.altKey ? "remove" : "replace");

class Line {
  constructor(kind, x, y) {
    this.kind = kind;
    this.path = [x, y];
  }

  to(x, y, apart) {
    if (this.kind === "box") this.path = [this.path[0], this.path[1], x, y];
    else {
      const n = this.path.length;
      if (Math.hypot(x - this.path[n - 2], y - this.path[n - 1]) >= apart) this.path.push(x, y);
    }
  }

  corners() {
    if (this.kind !== "box") return this.path;
    const [x0, y0, x1 = x0, y1 = y0] = this.path;
    return [x0, y0, x1, y0, x1, y1, x0, y1];
  }

  rows(map) {
    const { places } = map.points;
    if (this.kind === "box") return this.path.length < 4 ? new Uint8Array(places.length / 2) : withinBox(this.path, places, map.shown);
    return within(Float64Array.from(this.path), places, map.shown);
  }
}

export function listen(map) {
  const { room, app } = map;
  let press = null; // of the mouse or of a drawing finger: where it began
  let pinch = null;
  let asked = 0;

  const place = (event) => {
    const { left, top } = room.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const soon = (work) => {
    if (asked) return;
    asked = requestAnimationFrame(() => {
      asked = 0;
      work();
    });
  };
  const hit = (px, py, far) => {
    const [x, y] = map.camera.from(px, py);
    return nearest(x, y, far / map.camera.scale, map.points.places, map.shown);
  };

  function down(event) {
    if (!map.points || event.button > 0 || (event.pointerType === "touch" && !app.tool)) return;
    const [px, py] = place(event);
    press = { px, py, at: [px, py], line: null, touch: event.pointerType === "touch", id: event.pointerId };
    const kind = app.tool || (event.shiftKey ? "box" : null);
    if (kind) press.line = map.line = new Line(kind, ...map.camera.from(px, py));
    room.setPointerCapture(event.pointerId);
    hide();
  }

  function move(event) {
    if (!map.points) return;
    const [px, py] = place(event);
    if (!press) {
      if (event.pointerType !== "touch") soon(() => hover(px, py));
      return;
    }
    const far = Math.hypot(px - press.px, py - press.py) > CLICK;
    press.far ||= far;
    if (press.line) {
      for (const one of event.getCoalescedEvents?.() ?? [event]) {
        press.line.to(...map.camera.from(...place(one)), APART / map.camera.scale);
      }
      press.how = how(event);
      soon(() => {
        if (!press?.line) return;
        app.preview(map.base(press.line.rows(map)), press.how);
      });
    } else if (press.far) {
      map.camera.pan(px - press.at[0], py - press.at[1]);
      press.at = [px, py];
      room.classList.add("moving");
      soon(() => map.draw());
    }
  }

  function up(event) {
    if (!press) return;
    const { line, far, px, py, touch } = press;
    press = null;
    map.line = null;
    room.classList.remove("moving");
    if (line && far) {
      line.to(...map.camera.from(...place(event)), 0);
      app.stroke(map.base(line.rows(map)), how(event));
    } else if (!far) {
      const row = hit(px, py, touch ? FINGER : MOUSE);
      if (line) app.unpreview();
      if (row >= 0) app.look(map, row);
    }
    map.drawOver();
  }

  function cancel() {
    if (!press) return;
    if (press.line) app.unpreview();
    press = null;
    map.line = null;
    map.drawOver();
  }

  function hover(px, py) {
    const row = hit(px, py, MOUSE);
    room.classList.toggle("over", row >= 0 && !app.tool);
    if (row === map.hovered) return;
    map.hovered = row;
    app.tell(map, row, px, py);
  }

  function hide() {
    map.hovered = -1;
    app.tell(map, -1);
  }

  let hint = 0;
  function wheel(event) {
    if (!map.points) return;
    if (!event.ctrlKey && !event.metaKey) {
      map.hint.hidden = false;
      clearTimeout(hint);
      hint = setTimeout(() => (map.hint.hidden = true), 1200);
      return;
    }
    event.preventDefault();
    const turned = event.deltaMode === 1 ? 24 * event.deltaY : event.deltaY;
    map.camera.by(Math.exp(-Math.max(-120, Math.min(120, turned)) * 0.004), ...place(event));
    hide();
    soon(() => map.draw());
  }

  // Two fingers: where their middle is, and how far they are apart.
  function hand(touches) {
    const [a, b] = touches;
    const { left, top } = room.getBoundingClientRect();
    const apart = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    return { px: (a.clientX + b.clientX) / 2 - left, py: (a.clientY + b.clientY) / 2 - top, apart: Math.max(apart, 1) };
  }

  let tap = null;
  function touch(event) {
    if (!map.points) return;
    if (event.touches.length >= 2) {
      if (event.cancelable) event.preventDefault();
      cancel();
      tap = null;
      const now = hand(event.touches);
      if (pinch && event.type === "touchmove") {
        map.camera.pan(now.px - pinch.px, now.py - pinch.py);
        map.camera.by(now.apart / pinch.apart, now.px, now.py);
        soon(() => map.draw());
      }
      pinch = now;
      return;
    }
    if (pinch && event.cancelable) event.preventDefault(); // the last finger of two is no tap
    if (event.touches.length === 0) pinch = null;
    if (app.tool) return;
    if (event.type === "touchstart") tap = place(event.touches[0]);
    else if (event.type === "touchmove" && tap) {
      const [px, py] = place(event.touches[0]);
      if (Math.hypot(px - tap[0], py - tap[1]) > 2 * CLICK) tap = null;
    } else if (event.type === "touchend" && tap && map.points) {
      const row = hit(...tap, FINGER);
      tap = null;
      if (row >= 0) app.look(map, row);
    }
  }

  function key(event) {
    if (!map.points || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 60;
    const acts = {
      "+": () => map.camera.by(1.4),
      "=": () => map.camera.by(1.4),
      "-": () => map.camera.by(1 / 1.4),
      0: () => map.camera.whole(),
      ArrowLeft: () => map.camera.pan(step, 0),
      ArrowRight: () => map.camera.pan(-step, 0),
      ArrowUp: () => map.camera.pan(0, step),
      ArrowDown: () => map.camera.pan(0, -step),
      l: () => app.choose("lasso"),
      b: () => app.choose("box"),
      Escape: () => (press ? cancel() : app.choose(null)),
      Enter: () => {
        const row = hit(map.camera.size[0] / 2, map.camera.size[1] / 2, 1e6);
        if (row >= 0) app.look(map, row);
      },
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    map.aim = event.key.startsWith("Arrow");
    act();
    map.draw();
  }

  const heard = {
    pointerdown: down,
    pointermove: move,
    pointerup: up,
    pointercancel: cancel,
    pointerleave: () => !press && hide(),
    keydown: key,
    blur: () => {
      map.aim = false;
      map.drawOver();
    },
  };
  const touches = ["touchstart", "touchmove", "touchend", "touchcancel"];
  Object.entries(heard).forEach(([name, work]) => room.addEventListener(name, work));
  room.addEventListener("wheel", wheel, { passive: false });
  touches.forEach((name) => room.addEventListener(name, touch, { passive: false }));
  return () => {
    Object.entries(heard).forEach(([name, work]) => room.removeEventListener(name, work));
    room.removeEventListener("wheel", wheel);
    touches.forEach((name) => room.removeEventListener(name, touch));
  };
}
