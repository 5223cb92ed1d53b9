"""The crowd: what it asks, how an answer that is another's is noticed, and what memory counts."""

from __future__ import annotations

import itertools
import math
import time

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.bench import crowd
from core.bench._browser import resident_mb, served
from core.bench._visitor import Seen, Visitor, _Run
from core.bench.crowd import ON_PAGES, WITH_IMAGES, Log, Visit
from core.errors import OutskirtsError
from pages._shared.pages import PAGES


def text(words: str, *path: int) -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend(path)
    message.delta.new_element.markdown.body = words
    return message


def block(*path: int) -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend(path)
    message.delta.add_block.vertical.SetInParent()
    return message


def spinner(*path: int) -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend(path)
    message.delta.new_element.spinner.text = "Reading…"
    return message


def error(*path: int) -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend(path)
    message.delta.new_element.alert.body = "No such image"
    message.delta.new_element.alert.format = message.delta.new_element.alert.ERROR
    return message


def seen_of(*messages: ForwardMsg) -> Seen:
    run = _Run()
    for message in messages:
        run.take(message)
    return run.seen()


# What a visitor sees ------------------------------------------------------------------------------


def test_the_same_elements_are_the_same_page_whatever_was_there_meanwhile() -> None:
    plain = seen_of(block(0, 0), text("a", 0, 0, 0), text("b", 0, 1))
    waited = seen_of(
        text("b", 0, 2), block(0, 0), spinner(0, 0, 0), text("old", 0, 0, 1), text("a", 0, 0, 1)
    )
    assert plain.digest == waited.digest
    assert (plain.waited, waited.waited) == (False, True)
    assert waited.kinds == ("markdown", "markdown")


@pytest.mark.parametrize(
    "messages",
    [
        (text("a", 0, 0), text("c", 0, 1)),
        (text("b", 0, 0), text("a", 0, 1)),
        (text("a", 0, 0),),
        (text("a", 0, 0), text("b", 0, 1), text("b", 0, 2)),
    ],
)
def test_another_word_another_order_and_another_number_of_elements_are_other_pages(
    messages: tuple[ForwardMsg, ...],
) -> None:
    assert seen_of(*messages).digest != seen_of(text("a", 0, 0), text("b", 0, 1)).digest


def test_a_container_that_takes_anothers_place_has_none_of_its_parts() -> None:
    found = seen_of(block(0, 0), text("a", 0, 0, 0), text("b", 0, 0), block(0, 0), text("c", 0, 1))
    assert found.digest == seen_of(text("c", 0, 0)).digest


def test_what_a_page_says_went_wrong_is_an_error() -> None:
    assert seen_of(text("a", 0, 0), error(0, 1)).errors == ("No such image",)


def chosen(value: str, *, said: bool) -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend((0, 0))
    box = message.delta.new_element.selectbox
    box.id, box.set_value = "a", said
    message.delta.new_element.has_one_shot_effect = said
    if said:
        box.raw_value = value
    return message


def test_a_control_shows_what_the_server_said_of_it_last() -> None:
    """It says it once, where a session's state has it, and no more when the page is seen again."""
    said: dict[str, object] = {}
    digests = []
    for message in (chosen("b", said=True), chosen("", said=False), chosen("c", said=True)):
        run = _Run(said=said)
        run.take(message)
        digests.append(run.seen().digest)
    assert digests[0] == digests[1] != digests[2]


# What it asks -------------------------------------------------------------------------------------


def test_every_page_is_visited_and_none_twice_in_a_row() -> None:
    asked: set[str] = set()
    for number in range(ON_PAGES + WITH_IMAGES):
        visits = list(itertools.islice(crowd._tour(number), 20))
        assert visits == list(itertools.islice(crowd._tour(number), 20))
        assert all(a.page != b.page for a, b in itertools.pairwise(visits))
        asked |= {visit.page for visit in visits if visit.image is None}
        if number >= ON_PAGES:
            assert visits[0].page == "own"
            assert {visit.image for visit in visits} == {number - ON_PAGES}
    assert asked == {page.stem for page in PAGES}


def test_images_of_ones_own_are_all_different() -> None:
    assert len(set(crowd._images())) == WITH_IMAGES


# What is counted ----------------------------------------------------------------------------------


def as_seen(digest: str, seconds: float = 0.5, errors: tuple[str, ...] = ()) -> Seen:
    return Seen(digest, ("markdown",), errors, seconds, first=seconds / 5, waited=False)


def test_an_answer_that_is_anothers_is_counted_and_so_is_each_error() -> None:
    mine, yours = Visit("own", "", 1), Visit("own", "", 2)
    log = Log(
        seen=[
            (mine, as_seen("a")), (yours, as_seen("b", 2.0)), (mine, as_seen("b", 6.0, ("bad",))),
        ],
        failed=["visitor 3: the server hung up"],
        memory=[(0.0, 100.0), (30.0, 200.0), (45.0, 204.0), (99.0, 210.0), (100.0, 210.0)],
    )  # fmt: skip
    alone = {mine: "a", yours: "b"}
    assert crowd._complaints(log, alone) == [
        "visitor 3: the server hung up", f"{mine}: bad", f"{mine} differs",
    ]  # fmt: skip
    rows = {row.what: row for row in crowd._rows(log, alone, seconds=100)}
    assert rows["pages that differ from the same asked alone"].median == 1
    assert rows["errors"].median == 2
    assert rows["pages drawn"].median == 3
    assert rows["page switch, 95th percentile"].median == pytest.approx(5.6)
    assert rows["page switch, 50 sessions"].median == 2.0
    assert rows["waits above 1 s that were answered by a word within it"].median == 0.5
    assert rows["server's memory when settled"].median == 200
    assert rows["server's memory at its highest from then on"].median == 210
    assert rows["growth from then to the end"].median == pytest.approx(5.0)


def test_whatever_ends_a_visit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def __init__(self, address: str) -> None:
            raise KeyError("file_uploader")

    monkeypatch.setattr(crowd, "Visitor", Gone)
    log = Log()
    crowd._stay("http://127.0.0.1:1", 0, [], time.monotonic() + 0.01, log)
    assert log.failed == ["visitor 0: KeyError: 'file_uploader'"]


def test_two_images_with_one_page_are_refused() -> None:
    alone = {Visit("own", "", 1): "a", Visit("own", "", 2): "a"}
    with pytest.raises(OutskirtsError, match="nothing tells them apart"):
        crowd._check_told_apart(alone)
    crowd._check_told_apart({Visit("own", "", None): "a", Visit("explain", "", 2): "a"})


def test_the_memory_of_a_process_that_has_ended_is_no_number() -> None:
    assert math.isnan(resident_mb(2**22 + 1))


@pytest.mark.slow
def test_visitors_of_a_real_server_see_their_own_pages_and_the_same_each_time() -> None:
    images = crowd._images()[:2]
    with served() as (address, process):
        visitors = [Visitor(address) for _ in images]
        query = "scenario=fashion&seed=0"
        plain = [visitor.open("own", query) for visitor in visitors]
        assert plain[0].digest == plain[1].digest
        with_image = [
            visitor.bring(f"{i}.png", image)
            for i, (visitor, image) in enumerate(zip(visitors, images, strict=True))
        ]
        assert len({plain[0].digest, *(seen.digest for seen in with_image)}) == 3
        for visitor in visitors:
            visitor.open("", query)
        again = [visitor.open("own", query) for visitor in visitors]
        assert [seen.digest for seen in again] == [seen.digest for seen in with_image]
        assert not [seen.errors for seen in (*plain, *with_image, *again) if seen.errors]
        with pytest.raises(OutskirtsError, match="there is no page 'nowhere'"):
            visitors[0].open("nowhere")
        assert resident_mb(process.pid) > 100
        for visitor in visitors:
            visitor.close()
