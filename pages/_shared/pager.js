// The left and right arrow keys turn the pages of the gallery that is shown, as its own arrows do.
const ARROWS = { ArrowLeft: "stPaginationPrev", ArrowRight: "stPaginationNext" };

export default function () {
  if (window.turnsByKeys) return;
  window.turnsByKeys = true;
  addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow || taken(event)) return;
    document.querySelector(`[data-testid=${arrow}]`)?.click();
  });
}
