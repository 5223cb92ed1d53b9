"""The first picture: what is normal, what is strange, and who finds it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from core.service import (
    Best,
    DetectorRow,
    Finding,
    ImageSet,
    Metrics,
    Overview,
    best_of,
    fooled_parts,
    hardest,
    most_fooled,
    not_here,
)
from pages._overview.cells import BELOW, bar, number
from pages._shared import draw, presenting
from pages._shared.seeds import listed
from pages._shared.theme import Palette

__all__ = ["key", "said", "table"]

SIDE = 56  # pixels of the longer side of a picture, at least
HEIGHT, SHARE = 3.25, 27  # of a strip at most, in rem; and of the window, in percent
MANY, FEWER = 6, 5  # beside more columns than these of words as ever, a strip has so many pictures
ROLES = {
    "normal": "What is normal: it should score lower than all that is strange.",
    "unjudged": "Neither normal nor strange: shown and scored, never counted.",
}


@dataclass(frozen=True)
class Shown:
    """A scenario as the picture shows it.

    Attributes:
        leading: models, a column each.
        rows: all that is trained, the best of which has a column where they are more.
    """

    overview: Overview
    leading: Sequence[DetectorRow]
    rows: Sequence[DetectorRow]
    colours: Palette

    @property
    def strange(self) -> list[str]:
        return [s.name for s in self.overview.scenario.strange]

    @property
    def with_best(self) -> bool:
        return len(self.rows) > len(self.leading) > 0

    @property
    def with_fooled(self) -> bool:
        return most_fooled(self.leading, self.strange) is not None

    @property
    def columns(self) -> int:
        return len(self.leading) + self.with_best + self.with_fooled


def table(
    overview: Overview,
    leading: Sequence[DetectorRow],
    rows: Sequence[DetectorRow],
    colours: Palette,
) -> str:
    """Sets in rows, each with its first images, and a column a detector, as HTML."""
    shown = Shown(overview, leading, rows, colours)
    lines = [_line(shown, image_set) for image_set in overview.scenario.sets]
    return (
        '<table class="ov" role="table" aria-label="What is normal, what is strange, and the AUROC '
        'of each detector on it"><thead role="rowgroup"><tr role="row">'
        f'{_heads(shown)}</tr></thead><tbody role="rowgroup">{"".join(lines)}</tbody></table>'
    )


def _heads(shown: Shown) -> str:
    names = [("Set", "", ""), ("Its first images", "", "")]
    one = ' class="one"' if shown.with_best else ""
    names += [(row.title, f"by its {_score_title(row)}", one) for row in shown.leading]
    if shown.with_best:
        names.append((f"Best of {len(shown.rows)} models", "in hindsight", ""))
    if shown.with_fooled:
        names.append(("Fooled most", "of all that is inside", ""))
    return "".join(
        f'<th role="columnheader" scope="col"{kind}>{escape(title)}<small>{escape(small)}</small></th>'
        for title, small, kind in names
    )


def _score_title(row: DetectorRow) -> str:
    assert row.card is not None
    title = row.part_titles[row.card.score.part]
    return title if title[:1].isdigit() else title[:1].lower() + title[1:]


def _line(shown: Shown, image_set: ImageSet) -> str:
    images = shown.overview.examples[image_set.name]
    few = images[:FEWER] if presenting.scale() * shown.columns > MANY else images
    share = SHARE * len(few) / max(len(images), 1)
    away = shown.overview.scenario.pictures(image_set.name).elsewhere
    role: str = image_set.role
    if away:
        role = f"{role}, pictures {not_here(shown.overview.scenario, image_set.name)[0]}"
    head = (
        f'<th role="rowheader" scope="row" class="set">{escape(image_set.title)}'
        f"<small>{escape(role)}</small></th>"
    )
    strip = f'<td role="cell" class="wide">{_strip(few, image_set.title, share)}</td>'
    return f'<tr role="row">{head}{strip}{_figures(shown, image_set)}</tr>'


def _strip(images: np.ndarray, title: str, share: float) -> str:
    """The first pictures of a set, side by side; they take so many percent of the window at most."""
    picture = draw.strip(np.stack([draw.reduced(i, 2 * SIDE) for i in images]), SIDE)
    height, width = picture.shape[:2]
    rem = HEIGHT * width / height
    source = b64encode(draw.png([picture])).decode()
    return (
        f'<img class="strip" src="data:image/png;base64,{source}" style="width:min({share:.3g}vw,{rem:.2f}rem)" '
        f'alt="The first {len(images)} images of the set {escape(title)}">'
    )


def _figures(shown: Shown, image_set: ImageSet) -> str:
    """The cells of a set: a detector's each, the best, the worst; one that says why there are none."""
    columns = shown.columns
    if image_set.role != "strange":
        text = ROLES[image_set.role]
        if against := [s for s in shown.overview.scenario.strange if s.against == image_set.name]:
            titles = escape(listed([s.title.lower() for s in against]))
            text = f"What {titles} are measured against."
        return f'<td role="cell" class="wide" colspan="{columns}">{text}</td>' if columns else ""
    name, colours = image_set.name, shown.colours
    cells = [
        _cell(row.card.metrics[name][row.card.score.part], row.title, colours)
        for row in shown.leading
        if row.card is not None
    ]
    if shown.with_best and (best := best_of(shown.rows, name)) is not None:
        cells.append(_best(best, {row.name: row.title for row in shown.rows}, colours))
    if shown.with_fooled:
        cells.append(_worst(most_fooled(shown.leading, [name]), shown))
    return "".join(cells)


def _cell(figures: Metrics, words: str, colours: Palette, *, head: str = "") -> str:
    """A number, its bar, and words: a detector's name where the head of its column is not seen.

    Args:
        head: of a column whose cells have words of their own.
    """
    about = escape(f"95 % interval: {draw.interval(figures)}")
    narrow = f'<span class="narrow">{escape(head or words)}</span>'
    return (
        f'<td role="cell" title="{about}"><b>{number(figures)}</b>'
        f"{bar(figures, colours)}<small>{narrow}{escape(words) if head else ''}</small></td>"
    )


def _best(best: Best, titles: dict[str, str], colours: Palette) -> str:
    alike = f", {len(best.alike)} alike" if best.alike else ""
    words = titles[best.finding.model] + alike
    return _cell(best.finding.figures, words, colours, head=f"Best of {best.among}: ")


def _worst(finding: Finding | None, shown: Shown) -> str:
    if finding is None:
        return '<td role="cell"><small>nothing is fooled</small></td>'
    row = next(row for row in shown.leading if row.name == finding.model)
    words = f"{row.title}: {row.part_titles[finding.part]}"
    return _cell(finding.figures, words, shown.colours, head="Fooled most: ")


def key(*, with_best: bool) -> str:
    """What the numbers, the bars and the colours of all tables mean."""
    text = (
        "AUROC: the chance that a strange image scores above a normal one. 1 is perfect, 0.5 a "
        f"coin, {BELOW} below chance: the strange look *more* normal than the normal. Bars and "
        "colours grow with the distance from the coin: blue finds, orange is fooled; what "
        "is grey, or has no colour, these images do not tell from a coin."
    )
    alike = " Alike: models that these images do not tell from the best."
    return text + alike * with_best


def said(overview: Overview, leading: Sequence[DetectorRow]) -> str:
    """What one sees: the set that each detector finds worst, and how many parts are fooled."""
    titles = {s.name: s.title for s in overview.scenario.strange}
    worst = [
        f"for {row.title} it is **{titles[finding.strange]}** ({_verdict(finding.figures)})"
        for row in leading
        if (finding := hardest(row, list(titles))) is not None
    ]
    if not worst:
        return ""
    text = f"**What you see.** What is hardest: {listed(worst)}."
    fooled, parts = fooled_parts(leading, list(titles))
    if not fooled:
        return f"{text} Of the {parts} parts inside, none finds a strange set *more* normal than what is normal, as far as these images tell."
    verb = "finds" if fooled == 1 else "find"
    return (
        f"{text} Of the {parts} parts inside, {fooled} {verb} a strange set *more* normal than "
        "what is normal: the last column says where it is worst."
    )


def _verdict(figures: Metrics) -> str:
    if figures.fooled:
        return f"{number(figures)}, below chance"
    if figures.has_interval and not figures.finds:
        return f"{figures.auroc:.3f}, no better than a coin"
    return f"{figures.auroc:.3f}"
