// The browser's half of a visitor's own lecture: one text in its local storage, told to the server
// when a session begins and when another tab has changed it.
const KEY = "outskirts.lecture", DAMAGED = "outskirts.lecture.damaged";
const here = (window.outskirtsOwnLecture ??= { sessions: {}, home: null, listens: false });

const tell = (found) => inTurn(() => here.home?.setTriggerValue("stored", found));

function write(text, aside) {
  try {
    const old = localStorage.getItem(KEY);
    if (aside && old) localStorage.setItem(DAMAGED, old); // somebody may mend it
    if (text) localStorage.setItem(KEY, text);
    else localStorage.removeItem(KEY);
  } catch {
    tell({ failed: true });
  }
}

function hand_over() {
  try {
    const text = localStorage.getItem(KEY);
    if (text) tell({ text });
  } catch {
    // said where something is to be kept
  }
}

export default function (component) {
  const { session, text, times, aside, home } = component.data;
  if (home) here.home = component;
  const seen = (here.sessions[session] ??= { times: 0, met: false });
  if (times > seen.times) {
    seen.times = times;
    write(text, aside);
  }
  if (!here.listens) {
    here.listens = true;
    addEventListener("storage", ({ key, newValue }) => {
      if (key === KEY || key === null) tell({ text: newValue ?? "" });
    });
  }
  if (!home || seen.met) return;
  seen.met = true;
  hand_over();
}
