"""How the bars of the disturbed picture look, and what comes first on a phone."""

__all__ = ["LOOKS"]

LOOKS = """<style>
.own-bars { width: 100%; border-collapse: collapse; }
.own-bars thead, .own-bars .unseen { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
.own-bars th, .own-bars td { padding: .18rem .4rem .18rem 0; border: 0; font-weight: 400; text-align: left; line-height: 1.2; }
.own-bars tbody th { width: 43%; padding-left: 1.2rem; text-indent: -1.2rem; }
.own-bars td:last-child { width: 6.6rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.own-bars .key { display: inline-block; width: 1.2rem; text-indent: 0; font-style: normal; }
.own-bars .track { position: relative; display: block; height: 1.1rem; background: color-mix(in srgb, currentColor 10%, transparent); }
.own-bars .bar { display: block; height: 100%; background: var(--normal); }
.own-bars .flagged .bar { background: var(--strange); }
.own-bars .was { position: absolute; top: 0; bottom: 0; width: 0; border-left: 3px dotted currentColor; }
.own-bars .line { position: absolute; top: -.2rem; bottom: -.2rem; width: 0; border-left: 2px solid currentColor; }
.own-bars .flagged td:last-child { font-weight: 600; }
.own-key { display: none; flex-wrap: wrap; gap: .1rem 1rem; font-size: .875rem; }
.own-key i { font-style: normal; }
.st-key-own_curve .legend { visibility: hidden; }
@media (max-width: 767px) {  /* whoever moves a slider sees picture and bars above it, curves below */
  [data-testid=stColumn]:has(> [data-testid=stVerticalBlock] > * .st-key-own_said),
  [data-testid=stColumn]:has(> [data-testid=stVerticalBlock] > * .st-key-own_said) > [data-testid=stVerticalBlock]
    { display: contents; }
  .own-key { display: flex; }
  [data-testid=stColumn]:has(.st-key-own_knobs) { order: 3; }
  *:has(> .st-key-own_curve), .st-key-own_curve { order: 4; }
}
</style>"""
