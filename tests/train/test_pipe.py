"""What two processes say arrives as it was said, and what is no message is refused."""

from __future__ import annotations

import io
import json
import pickle

import numpy as np
import pytest

from core.train.pipe import PipeEnds, read_message, write_message


def heard(data: bytes) -> tuple:
    return read_message(io.BytesIO(data))


def said(*messages: tuple) -> bytes:
    stream = io.BytesIO()
    for message in messages:
        write_message(stream, *message)
    return stream.getvalue()


def test_messages_arrive_one_after_the_other_with_their_arrays() -> None:
    stream = io.BytesIO(
        said(({"a": 1}, {"x": np.array([[1, 2]], np.uint8)}), ({"b": "ü\n"},), ({"c": 0.5},))
    )
    facts, arrays = read_message(stream)
    assert facts == {"a": 1}
    assert arrays["x"].dtype == np.uint8
    assert arrays["x"].tolist() == [[1, 2]]
    assert read_message(stream) == ({"b": "ü\n"}, {})
    assert read_message(stream) == ({"c": 0.5}, {})


def test_an_end_is_told_from_an_end_in_the_middle() -> None:
    whole = said(({"a": 1}, {"x": np.arange(9)}))
    with pytest.raises(PipeEnds, match="it ended"):
        heard(b"")
    with pytest.raises(PipeEnds, match=r"ended after \d+ of \d+ bytes"):
        heard(whole[:-1])
    with pytest.raises(PipeEnds, match="no message"):
        heard(whole[:5])


@pytest.mark.parametrize("line", [b"hello\n", b"[1]\n", b"{}\n", b'"text"\n', b"1\n"])
def test_a_line_that_a_library_printed_is_no_message(line: bytes) -> None:
    with pytest.raises(PipeEnds, match="no message"):
        heard(line)


def test_no_object_is_unpickled_and_none_is_sent() -> None:
    memory = io.BytesIO()
    np.savez(memory, x=np.array([print], object))
    packed = memory.getvalue()
    for payload in (packed, pickle.dumps(print)):
        line = json.dumps({"bytes of arrays": len(payload)}).encode() + b"\n"
        with pytest.raises(PipeEnds, match="no arrays"):
            heard(line + payload)
    with pytest.raises(ValueError, match="allow_pickle"):
        said(({}, {"x": np.array([print], object)}))


def test_a_number_that_json_has_no_word_for_is_not_sent() -> None:
    with pytest.raises(ValueError, match="JSON"):
        said(({"loss": float("nan")},))
