"""What can go wrong and be said in one line."""

from __future__ import annotations

from pydantic import ValidationError

__all__ = [
    "NotTrained",
    "OutskirtsError",
    "PicturesElsewhere",
    "ScenarioError",
    "Untrained",
    "brief",
    "complaint",
    "no_arrays",
]

LONGEST, END = 600, 100  # letters of a message; those of its end that stay where it is cut


def brief(text: str) -> str:
    """A text on one line of no more than `LONGEST` letters: of a longer one, its two ends.

    Example:
        >>> brief("too long: " + "a" * 100_000 + ", got b")[-10:]
        'aaa, got b'
        >>> len(brief("a" * 100_000)), brief("a")
        (600, 'a')
    """
    text = " ".join(line.strip() for line in text.splitlines())
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - END - 3]} … {text[-END:]}"


class OutskirtsError(Exception):
    """Its message says what was asked and what came; it is shown as it is.

    What others wrote may stand in it, at any length: it is `brief` wherever it is shown.
    """

    def __str__(self) -> str:
        return brief(super().__str__())


class ScenarioError(OutskirtsError):
    """A scenario is unknown, or its folder does not hold what it should."""


class NotTrained(OutskirtsError):
    """Nothing is wrong: nobody trained what is asked for yet; the message says how that is done."""


class Untrained(ScenarioError, NotTrained):
    """A scenario has neither models nor pictures yet: its first training lays these."""


class PicturesElsewhere(ScenarioError):
    """Pictures are asked for that may not ship, and that nobody has laid in the data folder."""


def complaint(error: Exception) -> str:
    """What an error says; of a schema's complaints the first, with the place that it is about."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def no_arrays(error: Exception) -> str:
    """Why numpy cannot read a .npz file, in one line.

    It is in the words of numpy's error, but for its advice to trust the file.
    """
    words = " ".join(str(error).split()) or type(error).__name__
    if words.startswith("Object arrays"):
        return "it holds Python objects"
    if words.startswith(("Cannot parse header", "Header info")):
        return "the head of an array is damaged"
    if "pickle" in words or "context manager" in words:  # anything else, or a lone array
        return "it is no .npz file"
    return words
