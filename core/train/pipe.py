"""What two processes tell each other over a pipe: a line of JSON, and the arrays that go with it.

Nothing is unpickled: whoever writes into the pipe can say numbers, and no more.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from core.errors import OutskirtsError, no_arrays

__all__ = ["PipeEnds", "read_message", "write_message"]

LINE = 1_000_000  # bytes of a line at most
_SIZE = "bytes of arrays"


class PipeEnds(OutskirtsError):
    """The other process said nothing more, or what is no message."""


def write_message(
    stream: BinaryIO, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None
) -> None:
    """Say facts, and arrays of any shape () by name, to whoever reads the other end of a stream.

    Raises:
        ValueError: a number of the facts is not finite, for which JSON has no word.
    """
    packed = b""
    if arrays:
        memory = io.BytesIO()
        np.savez(memory, allow_pickle=False, **dict(arrays))  # type: ignore[arg-type]
        packed = memory.getvalue()
    line = json.dumps({**facts, _SIZE: len(packed)}, allow_nan=False)
    stream.write(line.encode() + b"\n" + packed)
    stream.flush()


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The next facts of a stream, and the arrays that came with them, each of its own shape ().

    Raises:
        PipeEnds: there are none, or they were cut short.
    """
    line = stream.readline(LINE)
    try:
        facts = json.loads(line)
        size = facts.pop(_SIZE)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        words = "it ended" if not line else "a line that is no message"
        raise PipeEnds(f"the other process said no more: {words}") from error
    packed = stream.read(size)
    if len(packed) < size:
        raise PipeEnds(f"the other process ended after {len(packed)} of {size} bytes of arrays")
    return facts, _arrays(packed) if packed else {}


def _arrays(packed: bytes) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as read:
            return {name: read[name] for name in read.files}
    except Exception as error:  # numpy and zipfile have several for a damaged archive
        raise PipeEnds(f"the other process sent no arrays: {no_arrays(error)}") from error
