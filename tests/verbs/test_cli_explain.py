"""`python -m core explain`: the files, the line, and one line for an error."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tiny
from conftest import Call, Tiny
from PIL import Image

from core import service
from core.data.picture import as_pil
from core.service import ImageQuery, MapQuery, Target, map_png, map_svg

TARGET = Target("tiny", "glow")


def test_a_map_of_a_set_is_that_of_the_page(
    tiny_scenario: Tiny, tmp_path: Path, call: Call
) -> None:
    out = tmp_path / "map.png"
    said = call("explain", "tiny/glow", "strokes#2", "--out", out, "--part", "total")
    found = service.ask(MapQuery(ImageQuery(TARGET, "strokes", 2), part="total"))
    assert said.status == 0
    assert said.err == ""
    assert said.lines() == [
        {
            "image": "strokes#2",
            "score": found.score,
            "percentile": found.percentile,
            "part": "total",
            "method": "own",
            "baseline": "black",
            "offset": found.offset,
            "padding": found.padding,
            "residual": found.residual,
            "residual_share": found.residual_share,
            "files": [str(out), str(tmp_path / "map.npy")],
        }
    ]
    assert np.array_equal(np.load(tmp_path / "map.npy"), found.map)
    assert out.read_bytes() == map_png(found.map)


def test_a_file_and_an_svg(tiny_scenario: Tiny, tmp_path: Path, call: Call) -> None:
    image, out = tmp_path / "box.png", tmp_path / "map.svg"
    as_pil(TARGET.world.pictures("boxes").images[3]).save(image)
    options = ("--method", "occlusion", "--baseline", "mean")
    said = call("explain", "tiny/glow", image, "--out", out, *options)
    query = MapQuery(ImageQuery(TARGET, "boxes", 3), method="occlusion", baseline="mean")
    found = service.ask(query)
    (row,) = said.lines()
    assert row["image"] == "box.png"
    assert row["score"] == found.score
    assert np.array_equal(np.load(tmp_path / "map.npy"), found.map)
    title = f"tiny/glow, {found.part} of box.png, occlusion"
    assert out.read_text(encoding="utf-8") == map_svg(found.map, title=title, unit=found.unit)


def test_a_fault_is_planted_as_on_the_page(tiny_scenario: Tiny, tmp_path: Path, call: Call) -> None:
    out = tmp_path / "map.png"
    (row,) = call("explain", "tiny/glow", "boxes#3", "--out", out, "--fault", "2").lines()
    found = service.ask(MapQuery(ImageQuery(TARGET, "boxes", 3), fault=2))
    assert (row["image"], row["score"]) == ("boxes#3 with fault 2", found.score)
    assert np.array_equal(np.load(tmp_path / "map.npy"), found.map)


def test_what_was_done_to_a_file_is_said(tiny_scenario: Tiny, tmp_path: Path, call: Call) -> None:
    image = tmp_path / "large.png"
    Image.fromarray(np.zeros((56, 56), np.uint8) + 90).save(image)
    said = call("explain", "tiny/glow", image, "--out", tmp_path / "map.png")
    assert said.status == 0
    assert "56x56 fitted to 28x28, shrunk 2 times each way" in said.err


def test_an_array_of_one_image_is_explained_and_of_several_refused(
    tiny_scenario: Tiny, tmp_path: Path, call: Call
) -> None:
    np.save(tmp_path / "one.npy", tiny.boxes(1, seed=9))
    np.save(tmp_path / "two.npy", tiny.boxes(2, seed=9))
    out = tmp_path / "map.png"
    assert call("explain", "tiny/glow", tmp_path / "one.npy", "--out", out).status == 0
    error = call("explain", "tiny/glow", tmp_path / "two.npy", "--out", out).error()
    assert "two.npy holds several images: name one" in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.png", "--out", "map.png"], "nothing.png: there is no such file"),
        (["strokes#9999", "--out", "map.png"], "strokes has images 0 to"),
        (["shoes#1", "--out", "map.png"], "no set 'shoes'"),
        (["strokes#1", "--out", "map.gif"], "'map.gif' must end in .png or .svg"),
        (["strokes#1", "--out", "no/folder/map.png"], "there is no folder no/folder"),
        (["strokes#1", "--out", "map.png", "--part", "depth"], "no part 'depth'; there are: total"),
        (["strokes#1", "--out", "map.png", "--method", "dream"], "no method 'dream'; there are:"),
        (["strokes#1", "--out", "map.png", "--method", "linear", "--baseline", "red"],
         "no baseline 'red'"),
        (["strokes#1", "--out", "map.png", "--part", "complexity", "--method", "linear"],
         "Complexity-corrected has no gradient: The detector's own map and Occlusion only."),
        (["strokes#1"], "Missing option '--out'"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line_and_leaves_no_file(
    tiny_scenario: Tiny,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert words in call("explain", "tiny/glow", *arguments).error()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_share_that_is_infinite_is_null(
    tiny_scenario: Tiny, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON has no infinity."""
    found = service.ask(MapQuery(ImageQuery(TARGET, "boxes", 3)))
    endless = dataclasses.replace(found, residual_share=float("inf"))
    monkeypatch.setattr(service, "ask", lambda query, data=None: endless)
    said = call("explain", "tiny/glow", "boxes#3", "--out", tmp_path / "map.png")
    assert said.lines()[0]["residual_share"] is None
