// The browser's half of the notebook: it keeps in its local storage what the server tells it, item by
// item, and hands over what is there, when a session begins and when another tab has changed it.

const KEY = "outskirts.notebook", NAME = "outskirts.notebook.name", DAMAGED = "outskirts.notebook.damaged";

// Of the whole window: several places of a page hand over, and each may be a module of its own.
const here = (window.outskirtsNotebook ??= { sessions: {}, home: null, outdated: false, handed: "" });

const numbersOf = (runs) => {
  const numbers = new Set();
  for (const run of runs.split(",")) {
    const [first, last = first] = run.split("-").map(Number);
    for (let i = first; i <= last; i++) numbers.add(i);
  }
  return numbers;
};

const runsOf = (numbers) => {
  const runs = [];
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run && run[1] === n - 1) run[1] = n;
    else runs.push([n, n]);
  }
  return runs.map(([a, b]) => (b > a ? `${a}-${b}` : `${a}`)).join(",");
};

const ofImages = (key) => ["tag", "chosen"].includes(JSON.parse(key)[0]);

function put(group, given, images) {
  for (const [id, value] of Object.entries(given)) {
    const old = images && id in group ? numbersOf(group[id]) : [];
    group[id] = images ? runsOf(new Set([...old, ...numbersOf(value)])) : value;
  }
}

function drop(group, given, images) {
  for (const [id, value] of Object.entries(given)) {
    if (!(id in group)) continue;
    const gone = images && numbersOf(value);
    const left = images ? [...numbersOf(group[id])].filter((n) => !gone.has(n)) : [];
    if (left.length) group[id] = runsOf(left);
    else delete group[id];
  }
}

export function changed(text, changes) {
  const kept = text ? JSON.parse(text) : {};
  for (const [, came, went] of changes) {
    for (const [given, act] of [[went, drop], [came, put]]) {
      for (const [key, group] of Object.entries(given)) {
        act((kept[key] ??= {}), group, ofImages(key));
        if (!Object.keys(kept[key]).length) delete kept[key];
      }
    }
  }
  return Object.keys(kept).length ? JSON.stringify(kept) : "";
}

function readable() {
  const text = localStorage.getItem(KEY) ?? "";
  try {
    changed(text, []);
    return text;
  } catch {
    return put_aside(text);
  }
}

// Not away: somebody may mend it.
function put_aside(text) {
  localStorage.removeItem(KEY);
  localStorage.setItem(DAMAGED, text);
  return "";
}

// Read, changed and written at once: where browsers allow it, no other tab writes meanwhile.
async function write(changes, longest, anew) {
  const work = () => {
    let text = readable();
    const same = text === here.handed;  // else another tab wrote: it is handed over again
    if (anew && text && same) text = put_aside(text);
    text = changed(text, changes);
    if (text.length > longest) throw new DOMException("", "QuotaExceededError");
    if (text) localStorage.setItem(KEY, text);
    else localStorage.removeItem(KEY);
    if (same) here.handed = text;
  };
  if (navigator.locks) await navigator.locks.request(KEY, work);
  else work();
}

const why = (error) => (error.name === "QuotaExceededError" ? "full" : "denied");

function hand_over() {
  let text = "", name = "", failed = "";
  try {
    [text, name] = [readable(), localStorage.getItem(NAME) ?? ""];
  } catch (error) {
    failed = why(error);
  }
  here.outdated = false;
  here.handed = text;
  return { text, name, failed };
}

function tell(always) {
  const found = hand_over();
  if (always || found.text || found.name || found.failed) inTurn(() => here.home?.setTriggerValue("stored", found));
}

function remember(name) {
  try {
    if (name) localStorage.setItem(NAME, name);
    else localStorage.removeItem(NAME);
  } catch {
    // the server is told when it next asks for what is kept here
  }
}

// What fails is tried again with the next change, which may take something out.
async function keep(session, changes, longest, times) {
  const fresh = changes.filter(([number]) => number > session.kept);
  const last = Math.max(changes.at(-1)?.[0] ?? 0, session.kept);
  const anew = times > session.anew;
  if (last <= session.tried && !anew) return;
  session.anew = times;
  const before = session.kept;
  session.kept = session.tried = last;
  let failed = "";
  try {
    await write(fresh, longest, anew);
  } catch (error) {
    failed = why(error);
    session.kept = before;
  }
  const number = session.kept;
  inTurn(() => here.home?.setTriggerValue("seen", { number, failed }));
}

if (!here.listens) {
  here.listens = true;
  const look = () => here.outdated && document.visibilityState === "visible" && tell(true);
  addEventListener("storage", ({ key }) => {
    if (key !== KEY && key !== null) return;
    here.outdated = true;
    look();
  });
  document.addEventListener("visibilitychange", look);
}

export default async function (component) {
  const { session: id, changes, home, asked, named, name, longest, anew } = component.data;
  if (home) here.home = component;
  const session = (here.sessions[id] ??= { kept: 0, tried: 0, asked: 0, named: 0, anew: 0, met: false });
  if (home && named > session.named) {
    session.named = named;
    remember(name);
  }
  await keep(session, changes, longest, anew);
  if (!home || (session.met && asked <= session.asked)) return;
  tell(session.met);
  Object.assign(session, { met: true, asked });
}
