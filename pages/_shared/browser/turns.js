// Streamlit sends what is told within one turn of the browser's as one message, and where a fragment's
// component is among those who told it, as one of that fragment: the page would not run for what the
// others said. So what is told unasked, by no click and no key, waits for a turn of its own.
export function inTurn(tell) {
  const turns = (window.outskirtsTurns ??= { last: Promise.resolve() });
  const told = turns.last.then(() => void tell()).catch(console.error);
  turns.last = told.then(() => new Promise((sent) => setTimeout(sent)));
}
