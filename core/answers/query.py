"""What a question is: its type says what it asks, of which files, and what answers it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

__all__ = ["Answered", "Query", "digest_of"]

A = TypeVar("A")


class Query(Generic[A]):
    """A question with an answer of type A: a frozen dataclass, which its answer is held by.

    Attributes:
        wait: what whoever waits for the answer reads.
    """

    wait: ClassVar[str]

    def files(self) -> Iterable[Path]:
        """The files that the answer comes from: when one of them changes, it is made anew.

        Raises:
            ScenarioError: there is no such scenario.
        """
        raise NotImplementedError


def digest_of(data: bytes | None) -> bytes | None:
    """What ``data``, the visitor's file if there is one, is held by, beside a query."""
    return None if data is None else hashlib.sha256(data).digest()


@dataclass(frozen=True)
class Answered(Generic[A]):
    """Which function answers a type of query; given the bytes of the visitor's file, if any."""

    query: type[Query[A]]
    by: Callable[..., A]
