"""Answers are made once, are the same for all, cannot be written to, and last as their files do."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np
import pytest
import streamlit as st
from conftest import Tiny
from PIL import Image

from core import checkpoint, service
from core.answers import images
from core.cache import size_of
from core.errors import OutskirtsError
from core.service import (
    AcrossQuery,
    ClassesQuery,
    GalleryQuery,
    ImageQuery,
    LatentQuery,
    LikelihoodsQuery,
    NearQuery,
    OverviewQuery,
    PairQuery,
    PlaceQuery,
    Query,
    ResampleQuery,
    SamplesQuery,
    Target,
)
from pages._shared.ask import ask

GLOW = Target("tiny", "glow")
FIRST, SECOND = (Target("tiny", "glow", f"seed-{i}") for i in (0, 1))
IMAGE = ImageQuery(GLOW, "strokes", 3)
QUERIES: tuple[Query[Any], ...] = (
    OverviewQuery("tiny"),
    LikelihoodsQuery(GLOW, "strokes"),
    IMAGE,
    GalleryQuery(GLOW, ("boxes",), "total", "strangest", 5),
    PairQuery(GLOW, FIRST, "strokes"),
    PlaceQuery(GLOW, FIRST, "strokes"),
    ResampleQuery(IMAGE, 2),
    SamplesQuery(GLOW, 2),
    LatentQuery(GLOW),
    NearQuery(IMAGE),
    AcrossQuery("tiny", ("glow", "glow.seed-0"), (0, 1)),
)


def arrays(value: object) -> list[np.ndarray]:
    """Every array in an answer, found another way than the cache does."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        return [a for inner in value.values() for a in arrays(inner)]
    if isinstance(value, tuple | list):
        return [a for inner in value for a in arrays(inner)]
    return arrays(vars(value)) if hasattr(value, "__dataclass_fields__") else []


def file_of(value: int) -> bytes:
    """A grey picture as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(np.full((28, 28), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def touch(path: Path) -> None:
    os.utime(path, ns=(1, os.stat(path).st_mtime_ns + 1))


# The table --------------------------------------------------------------------------------------


def queries(cls: type = Query) -> list[type[Query[Any]]]:
    """The project's own: tests may have asked what they made up."""
    found = [c for sub in cls.__subclasses__() for c in (sub, *queries(sub))]
    return [c for c in found if c.__module__.startswith("core.")]


def test_every_type_of_query_has_its_function_which_gives_what_the_type_says() -> None:
    assert set(queries()) == set(service.ANSWERED)
    for query, by in service.ANSWERED.items():
        bases = query.__orig_bases__  # type: ignore[attr-defined]
        (answer,) = next(get_args(base) for base in bases if get_origin(base) is Query)
        assert by.__annotations__["query"] == query.__name__
        assert by.__annotations__["return"] == answer.__forward_arg__
        assert query.__dataclass_params__.frozen, query  # type: ignore[attr-defined]


def test_pages_have_words_for_whoever_waits_for_any_answer() -> None:
    for query in service.ANSWERED:
        assert query.wait.endswith("…"), query


# One answer for all -----------------------------------------------------------------------------


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: type(query).__name__)
def test_an_answer_is_made_once_and_none_of_its_arrays_can_be_written_to(
    models: Tiny, query: Query[Any]
) -> None:
    answer = service.ask(query)
    assert service.ask(query) is answer
    assert arrays(answer)
    for array in arrays(answer):
        assert not array.flags.writeable
    assert size_of(answer) >= sum(array.nbytes for array in arrays(answer))


def test_who_finds_an_answer_there_waits_for_nothing(tiny_scenario: Tiny) -> None:
    waits = []

    @contextmanager
    def wait():
        waits.append("begun")
        yield
        waits.append("done")

    for _ in range(3):
        service.ask(IMAGE, wait=wait)
        assert waits == ["begun", "done"]


def test_a_page_shows_a_spinner_for_what_is_made_and_none_for_what_is_there(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, spinner = [], st.spinner
    monkeypatch.setattr(st, "spinner", lambda text: texts.append(text) or spinner(text))
    ask(IMAGE)
    ask(IMAGE)
    assert texts == ["Asking the detector about this image…"]


def test_a_question_that_has_no_answer_is_asked_again_and_no_answer_may_be_none(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        with pytest.raises(OutskirtsError, match="asked for 99"):
            service.ask(ImageQuery(GLOW, "boxes", 99))
    classes, asked = service.ANSWERED[ClassesQuery], []
    monkeypatch.setitem(service.ANSWERED, ClassesQuery, lambda q: asked.append(q) or classes(q))
    assert [service.ask(ClassesQuery("tiny")) for _ in range(2)] == [None, None]
    assert len(asked) == 1


# Versions ---------------------------------------------------------------------------------------


def test_an_answer_lasts_as_the_files_of_its_own_models_do(models: Tiny) -> None:
    """A model that is being trained throws away no answer of another, and every one of its own."""
    of_first = LikelihoodsQuery(FIRST, "strokes")
    of_two = PairQuery(FIRST, SECOND, "strokes")
    of_all = AcrossQuery("tiny", ("glow", "glow.seed-0"), (0,))
    asked = (of_first, of_two, of_all, LikelihoodsQuery(GLOW, "strokes"))
    for file, anew in (
        ("glow.patches.json", ()),
        ("glow.seed-1.safetensors", (of_two,)),
        ("glow.seed-0.atlas.npz", (of_first, of_two, of_all)),
        ("glow.general.safetensors", (of_all, asked[3])),  # glow asks it
        ("scenario.json", asked),
        ("reference.npz", asked),
    ):
        before = [service.ask(query) for query in asked]
        path = models.folder / file
        if not path.exists():
            path.write_bytes(b"another model's")
        touch(path)
        fresh = [q for q, b in zip(asked, before, strict=True) if service.ask(q) is not b]
        assert fresh == list(anew), file


def test_an_overview_is_made_anew_for_a_card_and_not_for_weights(models: Tiny) -> None:
    before = service.ask(OverviewQuery("tiny"))
    touch(models.folder / "glow.safetensors")
    assert service.ask(OverviewQuery("tiny")) is before
    touch(models.folder / "glow.seed-0.json")
    assert service.ask(OverviewQuery("tiny")) is not before


def test_an_answer_is_had_while_its_model_is_being_replaced(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, load, tried = service.ask(IMAGE), checkpoint.load, []

    def torn(folder, stem):
        tried.append(stem)
        if len(tried) == 1:  # the weights are those of the next card
            touch(folder / "glow.json")
            raise checkpoint.CardError("weights are not those of their card")
        return load(folder, stem)

    monkeypatch.setattr(checkpoint, "load", torn)
    touch(tiny_scenario.folder / "glow.safetensors")
    after = service.ask(IMAGE)
    assert after is not before
    assert after.parts == before.parts
    assert tried == ["glow", "glow"]


# The visitor's own ------------------------------------------------------------------------------


def test_files_of_one_name_are_told_apart_by_what_they_hold(tiny_scenario: Tiny) -> None:
    query = ImageQuery(GLOW, "picture.png", None)
    dark, bright = (service.ask(query, file_of(value)) for value in (20, 200))
    assert dark.image.max() == 20
    assert bright.image.max() == 200
    assert service.ask(query, file_of(20)) is dark


def test_a_file_is_decoded_once_for_every_model_and_every_page(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, times = images.decode, []
    monkeypatch.setattr(images, "decode", lambda *given: times.append(1) or decode(*given))
    names = ("glow", "glow.general", "glow.seed-0", "glow.seed-1")
    for name in names * 3:
        service.ask(ImageQuery(Target.of("tiny", name), "mine", None), file_of(90))
    service.ask(NearQuery(ImageQuery(GLOW, "mine", None)), file_of(90))
    service.ask(AcrossQuery("tiny", names), file_of(90))
    assert times == [1]
