"""What was scored of an image whose picture is not here: its numbers ship, its pixels do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from core.answers.images import (
    ImageQuery,
    ImageView,
    find_picture,
    foreign_to,
    percentiles,
    row_of,
)
from core.answers.loaded import files_of, loaded, stored_scores
from core.answers.query import Answered, Query
from core.scenario import ScenarioError

__all__ = ["ANSWERS", "StoredQuery", "stored"]


@dataclass(frozen=True)
class StoredQuery(Query["ImageView"]):
    """A reference image by its stored scores, whether or not its picture is here."""

    wait: ClassVar[str] = "Reading what was scored…"

    image: ImageQuery

    def files(self) -> Iterable[Path]:
        return files_of(self.image.target)


def stored(query: StoredQuery) -> ImageView:
    """Every part of an image and its percentiles; no maps, which need its pixels.

    Raises:
        ScenarioError: no such set, the index is outside of it, or the image is none of a set.
    """
    asked, index = query.image, query.image.index
    if index is None:
        raise ScenarioError(f"{asked.set_name} is of no set: nothing of it is stored")
    detector, card = loaded(asked.target)
    picture, name, label = find_picture(asked.target.world, asked, None, stand_in=True)
    columns = {
        part: values[index : index + 1]
        for part, values in stored_scores(asked.target)[asked.set_name].items()
    }
    parts, standing = row_of(columns, 0), percentiles(card, columns)
    return ImageView(
        id=name,
        image=picture.image,
        label=label,
        parts=parts,
        percentiles=row_of(standing, 0),
        displayed={k: float(detector.to_display(k, v)[0]) for k, v in columns.items()},
        maps={},
        padding={},
        flagged=parts[card.score.part] > card.score.threshold,
        extra={},
        foreign=bool(foreign_to(card, standing)[0]),
        warnings=picture.warnings,
    )


ANSWERS: tuple[Answered[Any], ...] = (Answered(StoredQuery, stored),)
