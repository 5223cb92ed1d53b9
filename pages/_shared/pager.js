// The left and right arrow keys turn the pages of the gallery that is shown, as its own arrows do.

// Where an arrow key means something else.
const TAKEN =
  "input, textarea, select, canvas, [contenteditable=true], [role=radiogroup], [role=slider], " +
  "[role=listbox], [role=combobox], [role=tablist], [role=dialog], [role=grid], [role=application]";
const ARROWS = { ArrowLeft: "stPaginationPrev", ArrowRight: "stPaginationNext" };

export default function () {
  if (window.turnsByKeys) return;
  window.turnsByKeys = true;
  addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target instanceof Element && event.target.closest(TAKEN)) return;
    document.querySelector(`[data-testid=${arrow}]`)?.click();
  });
}
