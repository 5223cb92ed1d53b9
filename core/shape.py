"""The shape of a scenario's pictures: the one truth of how many channels, rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["SHARP", "Shape"]

SHARP = 64  # pixels of the longer side: up to here a picture is shown pixel by pixel
COLOURS = {1: "grey", 3: "colour"}
MOST = 4096  # pixels of a side, four times what `new` lays out: a thousand controls are made of it


class Shape(NamedTuple):
    """Channels (1 is grey, 3 red, green and blue), rows and columns of a picture, in pixels.

    Example:
        >>> str(Shape(1, 28, 28)), str(Shape(3, 48, 64))
        ('28x28 grey', '48x64 colour')
        >>> Shape(3, 48, 64).size, Shape(3, 48, 64).pixels
        ((64, 48), (48, 64, 3))
    """

    channels: int
    height: int
    width: int

    @classmethod
    def checked(cls, image: Sequence[int]) -> Shape:
        """The shape of an image ``[channels, height, width]``, as scenario.json and cards hold it.

        Raises:
            ValueError: they are not three whole numbers, channels not 1 or 3, a side below 1 or
                beyond `MOST`.

        Example:
            >>> Shape.checked([1, 28, 28])
            Shape(channels=1, height=28, width=28)
        """
        given = list(image)
        if len(given) != 3 or not all(type(number) is int for number in given):
            raise ValueError(f"a shape must be [channels, height, width], got {given}")
        shape = cls(*given)
        if shape.channels not in COLOURS:
            raise ValueError(f"channels must be 1 (grey) or 3 (colour), got {shape.channels}")
        if min(shape.height, shape.width) < 1:
            raise ValueError(
                f"height and width must be 1 or more, got {shape.height} and {shape.width}"
            )
        if max(shape.height, shape.width) > MOST:
            raise ValueError(f"height and width may be {MOST} pixels each, got more")
        return shape

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), as Pillow has it."""
        return self.width, self.height

    @property
    def pixels(self) -> tuple[int, int, int]:
        """(height, width, channels), as an array of a picture has it."""
        return self.height, self.width, self.channels

    @property
    def rendering(self) -> str:
        """How a browser is to enlarge such a picture, CSS's ``image-rendering``.

        Single pixels of a small picture are what is looked at; a large one, shown at about its own
        size or smaller, would lose rows and columns.

        Example:
            >>> Shape(1, 28, 28).rendering, Shape(1, 256, 256).rendering
            ('pixelated', 'auto')
        """
        return "pixelated" if max(self.height, self.width) <= SHARP else "auto"

    def __str__(self) -> str:
        """``HEIGHTxWIDTH`` and grey or colour."""
        return (
            f"{self.height}x{self.width} {COLOURS.get(self.channels, f'{self.channels} channels')}"
        )
