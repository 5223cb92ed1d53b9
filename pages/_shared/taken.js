// Where an arrow key means something else: while somebody types, or moves what has the focus.
const TAKEN =
  "input, textarea, select, canvas, [contenteditable=true], [role=radiogroup], [role=slider], " +
  "[role=listbox], [role=combobox], [role=tablist], [role=dialog], [role=grid], [role=application]";

// The innermost element that a key goes to: one of a component lies in a part of its own.
const taken = (event) =>
  event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey ||
  event.composedPath().some((e) => e instanceof Element && e.matches(TAKEN));
