"""A figure as a cell shows it: the number, how far it is from a coin, and which way round."""

from __future__ import annotations

from html import escape

from core.service import Metrics
from pages._shared import draw
from pages._shared.theme import Palette

__all__ = ["BELOW", "CSS", "bar", "interval", "number", "shade"]

BELOW = "▼"
STRENGTH = 0.45  # of a colour at the ends of the scale: words on it stay legible

# A table becomes a list of blocks where it is narrow: each cell then says its column itself.
CSS = """<style>
.ov { border-collapse: separate; border-spacing: 0 2px; width: 100%; line-height: 1.2; }
.ov :is(th, td) { text-align: left; padding: 1px .5rem; font-weight: 400; border: 0; vertical-align: middle; }
.ov thead th { vertical-align: bottom; font-weight: 600; padding-bottom: 3px; }
.ov small { display: block; font-size: .8rem; font-weight: 400; opacity: 1; }
.ov b { font-size: 1.15rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.ov tbody th { font-weight: 600; }
.ov .set { min-width: 8.6rem; }
.ov .one { width: clamp(6.3rem, 7.9vw, 11rem); }
.ov .strip { display: block; image-rendering: var(--house-rendering, pixelated); border-radius: 4px; height: auto; max-width: none; }
.ov .bar { display: block; position: relative; height: .45rem; min-width: 4rem; border-radius: 2px; margin-top: 2px; }
.ov .bar i { position: absolute; top: 0; bottom: 0; border-radius: 2px; }
.ov .bar i.coin { width: 2px; margin-left: -1px; top: -2px; bottom: -2px; left: 50%; border-radius: 0; }
.ov.numbers { border-spacing: 2px; }
.ov.numbers td { padding: .25rem .45rem; border-radius: 3px; }
.ov.numbers .part th { padding-left: 1.25rem; }
.ov.numbers b { font-weight: 400; }
.ov.numbers b.best { font-weight: 700; }
.ov.numbers .part :is(th, b) { font-size: 1rem; font-weight: 400; }
.ov .narrow { display: none; }
[class*="st-key-overview_start"] [data-testid=stPageLink-NavLink] { height: auto; align-items: flex-start; padding-left: 0; }
[class*="st-key-overview_start"] [data-testid=stPageLink-NavLink] :is(span, p) { white-space: normal; overflow: visible; line-height: 1.3; }
@media (max-width: 1023px) {
  .ov thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .ov, .ov tbody { display: block; }
  .ov tr { display: flex; flex-wrap: wrap; gap: 2px 8px; padding-bottom: .6rem; }
  .ov :is(th, td) { padding: 0; }
  .ov tbody th, .ov td.wide { flex: 1 0 100%; }
  .ov tbody th small { display: inline; margin-left: .4rem; }
  .ov td { flex: 0 1 calc(50% - 8px); min-width: 0; }
  .ov .strip { width: 100% !important; max-width: 24rem; }
  .ov.numbers td { flex: 0 1 calc(33% - 9px); }
  .ov.numbers .part th { padding-left: 0; }
  .ov .narrow { display: inline; }
  .ov.numbers .narrow { display: block; font-size: .8rem; }
}
@media (min-width: 600px) and (max-width: 1023px) {
  .ov td, .ov.numbers td { flex: 1 1 15%; }
}
</style>"""


def number(figures: Metrics) -> str:
    """An AUROC; below chance marked by a sign, not by colour alone."""
    return f"{BELOW}\u00a0{figures.auroc:.3f}" if figures.fooled else f"{figures.auroc:.3f}"


def interval(figures: Metrics) -> str:
    """The interval, for a small line of its own."""
    return escape(draw.interval(figures, dash=draw.DASH))


def _side(figures: Metrics, colours: Palette) -> str:
    """The colour of what finds or is fooled; neutral where the interval does not exclude a coin."""
    if figures.fooled:
        return colours.strange
    return colours.normal if figures.finds else colours.neutral


def shade(figures: Metrics, colours: Palette) -> str:
    """The colour of a cell: as the background where a coin may do as well, and the stronger the
    farther from that; to one side that of what finds, to the other that of what is fooled.
    """
    far, auroc = _side(figures, colours), figures.auroc
    share = 0.0 if far == colours.neutral else STRENGTH * min(1.0, abs(2 * auroc - 1))
    mixed = (
        round(a + share * (b - a))
        for a, b in zip(bytes.fromhex(colours.background[1:]), bytes.fromhex(far[1:]), strict=True)
    )
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def bar(figures: Metrics, colours: Palette) -> str:
    """A bar from the coin in the middle to the AUROC, as HTML."""
    auroc, colour = figures.auroc, _side(figures, colours)
    left, width = 100 * min(auroc, 0.5), 100 * abs(auroc - 0.5)
    return (
        f'<span class="bar" aria-hidden="true" style="background:{colours.grid}">'
        f'<i style="left:{left:.1f}%;width:{width:.1f}%;background:{colour}"></i>'
        f'<i class="coin" style="background:{colours.text}"></i></span>'
    )
