// What fingers and keys do on the maps, which Streamlit's ECharts chart does not know of:
// - one finger scrolls the page past a map, two move and zoom it (in 3-D: turn it); a tap clicks;
// - lasso and box stay chosen, and the zoom stays, when the chart is drawn anew;
// - Shift adds what is drawn to the selection, Alt takes it away.
// The chart object is found in Streamlit's own React state, which is no promise of Streamlit's:
// where it is not there, the last two are missing and the page scrolls all the same.

const MAPS = ["left", "right"].map((place) => ({
  selector: `[class*="st-key-latent_map_${place}"] .stEChartsChart`,
  listen: (box, tell) => listen(box, place, tell),
}));
const TURNING = { selector: ".st-key-latent_3d .js-plotly-plot", listen: (box) => turn(box) };
const NARROWEST = 1; // percent of an axis that can fill the map
const tools = {}; // by place, what is chosen: "polygon", "rect" or nothing

function chartOf(box) {
  const name = Object.keys(box).find((key) => key.startsWith("__reactFiber"));
  for (let part = name && box[name], up = 0; part && up < 30; part = part.return, up++) {
    let hook = part.memoizedState;
    for (let i = 0; hook && typeof hook === "object" && i < 80; hook = hook.next, i++) {
      const found = hook.memoizedState;
      if (found && found.dispatchAction && found.getModel && !found.isDisposed()) return found;
    }
  }
  return null;
}

const brushOf = (chart) => chart.getModel()?.getComponent("brush");

function choose(chart, brushType, brushMode = "single") {
  chart.dispatchAction({
    type: "takeGlobalCursor",
    key: "brush",
    brushOption: { brushType, brushMode },
  });
}

const edgesOf = (chart) =>
  ["xAxis", "yAxis"].map((name) => {
    const { min, max } = chart.getModel().getComponent(name).option;
    return [min, max];
  });
const rangesOf = (chart) =>
  [0, 1].map((i) => chart.getModel().getComponent("dataZoom", i).getPercentRange());

function zoom(chart, ranges) {
  const batch = ranges.map(([start, end], dataZoomIndex) => ({ dataZoomIndex, start, end }));
  chart.dispatchAction({ type: "dataZoom", batch });
}

// A chart that is drawn anew has forgotten its tool and its zoom: choose them again.
function keep(chart, place, tell) {
  let seen = null; // what is zoomed to, of which whole map
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  const taken = (event) => {
    if (event.key === "brush") tools[place] = event.brushOption?.brushType || false;
  };
  const zoomed = () => (seen = { ranges: rangesOf(chart), edges: edgesOf(chart) });
  const drawn = () => {
    const brush = brushOf(chart);
    if (!brush) return;
    if (seen && !same(seen.edges, edgesOf(chart))) seen = null;
    if (seen && !same(seen.ranges, rangesOf(chart))) zoom(chart, seen.ranges);
    if (tools[place] && (brush.brushType || false) !== tools[place]) choose(chart, tools[place]);
  };
  const heard = {
    globalcursortaken: taken,
    datazoom: zoomed,
    restore: () => (seen = null),
    finished: drawn,
    brushEnd: tell,
  };
  Object.entries(heard).forEach(([name, what]) => chart.on(name, what));
  drawn();
  return () => {
    if (!chart.isDisposed()) Object.entries(heard).forEach(([name, what]) => chart.off(name, what));
  };
}

function listen(box, place, tell) {
  let chart = null;
  let leave = () => {};
  let start = null; // of a gesture of two fingers
  let stroke = "replace";
  const current = () => {
    if (!chart || chart.isDisposed()) {
      chart = chartOf(box);
      if (chart) leave = keep(chart, place, () => tell(stroke));
    }
    return chart;
  };

  // Where two fingers are, as shares of the drawn area from its lower left, and how far apart.
  function hand(touches) {
    const { left, top } = box.getBoundingClientRect();
    const grid = chart.getModel().getComponent("grid").coordinateSystem.getRect();
    const [a, b] = touches;
    const x = (a.clientX + b.clientX) / 2 - left - grid.x;
    const y = (a.clientY + b.clientY) / 2 - top - grid.y;
    const apart = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    return { at: [x / grid.width, 1 - y / grid.height], apart: Math.max(apart, 1) };
  }

  function moved(now) {
    const ranges = start.ranges.map(([from, to], i) => {
      const under = from + start.at[i] * (to - from); // what lay under the fingers stays there
      const wide = Math.min(Math.max(((to - from) * start.apart) / now.apart, NARROWEST), 100);
      const low = Math.min(Math.max(under - now.at[i] * wide, 0), 100 - wide);
      return [low, low + wide];
    });
    zoom(chart, ranges);
  }

  function touch(event) {
    const two = event.touches.length === 2;
    if (event.touches.length < 2 && tools[place] && !start) return; // a finger that draws
    event.stopImmediatePropagation(); // else the chart would move, and keep the page from moving
    if (!two) {
      if (start && event.cancelable) event.preventDefault(); // the last finger of two is no tap
      if (event.touches.length === 0) start = null;
      return;
    }
    if (!current() || !event.cancelable) return; // once the page scrolls, it does to the end
    event.preventDefault();
    const now = hand(event.touches);
    if (event.type === "touchmove" && start) moved(now);
    else start = { ...now, ranges: rangesOf(chart) };
  }

  function press(event) {
    if (!tools[place] || !current()) return;
    const wanted = event.shiftKey ? "add" : event.altKey ? "remove" : "replace";
    const mode = wanted === "replace" ? "single" : "multiple";
    if (brushOf(chart)?.brushOption?.brushMode !== mode) choose(chart, tools[place], mode);
    stroke = wanted;
  }

  const untouch = onTouch(box, touch);
  box.addEventListener("mousedown", press, { capture: true });
  current();
  const end = () => {
    leave();
    untouch();
    box.removeEventListener("mousedown", press, { capture: true });
  };
  return { current, end };
}

function onTouch(box, touch) {
  const kinds = ["touchstart", "touchmove", "touchend", "touchcancel"];
  box.style.touchAction = "pan-x pan-y"; // fingers scroll; they do not zoom the page here
  kinds.forEach((kind) => box.addEventListener(kind, touch, { capture: true, passive: false }));
  return () => kinds.forEach((kind) => box.removeEventListener(kind, touch, { capture: true }));
}

// The codes in 3-D, which Plotly turns with one finger: two are as a mouse that drags.
function turn(box) {
  let at = null; // where the mouse would be, while it is down
  const send = (kind, buttons) =>
    box
      .querySelector("canvas")
      ?.dispatchEvent(new MouseEvent(kind, { bubbles: true, cancelable: true, buttons, ...at }));
  const end = onTouch(box, (event) => {
    event.stopImmediatePropagation();
    if (event.touches.length < 2) {
      if (at) send("mouseup", 0);
      at = null;
    } else if (event.cancelable) {
      event.preventDefault();
      const [a, b] = event.touches;
      const kind = at ? "mousemove" : "mousedown";
      at = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
      send(kind, 1);
    }
  });
  return { current: () => {}, end };
}

export default function ({ data, setStateValue }) {
  const heard = new Map(); // by the chart's element
  let told = data.stroke; // what Python knows
  const tell = (stroke) => {
    if (stroke !== told) setStateValue("stroke", (told = stroke));
  };
  const look = () => {
    for (const [box, one] of heard) {
      if (box.isConnected) one.current();
      else {
        one.end();
        heard.delete(box);
      }
    }
    for (const one of [...MAPS, TURNING]) {
      const box = document.querySelector(one.selector);
      if (box?.querySelector("canvas") && !heard.has(box)) heard.set(box, one.listen(box, tell));
    }
  };
  const watch = new MutationObserver(look);
  watch.observe(document.querySelector("[data-testid=stMain]") ?? document.body, {
    childList: true,
    subtree: true,
  });
  look();
  return () => {
    watch.disconnect();
    heard.forEach((one) => one.end());
  };
}
