"""What is done of a folder of scores stays where a path is missing, is another, or has shrunk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np
import pandas
import pytest
import tiny
from conftest import Tiny
from inline import Inline

from core.answers.loaded import Target
from core.data.picture import png
from core.errors import OutskirtsError
from core.scale import run
from core.scale.portions import Portion, Task, file_of
from core.scale.run import score

TARGET = Target("tiny", "glow")
IMAGES, FILES = 20, 4


@pytest.fixture
def images(tmp_path: Path, tiny_scenario: Tiny) -> Path:
    """A folder of images, beside a model that scores them."""
    folder = tmp_path / "images"
    (folder / "a").mkdir(parents=True)
    for i, image in enumerate(tiny.boxes(IMAGES, seed=5)):
        (folder / "a" / f"{i:02d}.png").write_bytes(png(image))
    return folder


def again(out: Path, *paths: Path | str) -> list[int]:
    """Score once more; the numbers of the portions that it takes."""
    workers = Inline()
    score(TARGET, [str(path) for path in paths], out, cluster=workers, files=FILES)
    return workers.asked


@pytest.fixture
def out(images: Path, tmp_path: Path) -> Path:
    """A folder of five portions that are done."""
    assert again(tmp_path / "out", images) == [0, 1, 2, 3, 4]
    return tmp_path / "out"


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.glob("*.*")}


class Stopping(Inline):
    """Workers of a run that ends after so many portions, by an error or what they say."""

    def __init__(self, portions: int, why: str = "") -> None:
        super().__init__()
        self.portions, self.why = portions, why

    def results(self, portions: Iterable[Portion], task: Task) -> Iterator[tuple[int, bytes, str]]:
        yield from islice(super().results(portions, task), self.portions)
        if not self.why:
            raise KeyboardInterrupt
        yield 1, b"", self.why


def test_files_of_a_folder_that_has_shrunk_stay_until_all_others_are_there(
    images: Path, out: Path
) -> None:
    for i in (0, *range(12, 20)):
        (images / "a" / f"{i:02d}.png").unlink()
    said, last = list[str](), [file_of(out, 3), file_of(out, 4)]
    for workers in (Stopping(0), Stopping(1), Stopping(0, "no weights here"), Inline([2])):
        with suppress(KeyboardInterrupt, OutskirtsError):
            score(TARGET, [str(images)], out, cluster=workers, files=FILES, say=said.append)
        assert all(path.exists() for path in last), workers
    assert said[-1] == (
        "part-000003.parquet and what follows are of a folder that held more, and stay until all "
        "else is there"
    )
    assert again(out, images) == [2]
    assert not any(path.exists() for path in last)
    assert len(pandas.read_parquet(out)) == IMAGES - 9


def no_cluster() -> Inline:
    raise AssertionError("workers were started")


@pytest.mark.parametrize("named", ["missing", "emptied", "link", "nothing", "bucket"])
def test_a_path_that_is_not_there_stops_before_a_table_is_touched(
    images: Path, out: Path, tmp_path: Path, named: str
) -> None:
    there, path = tmp_path / "unmounted", str(images)
    images.rename(there)
    if named == "emptied":  # where nothing is mounted, the folder is there
        images.mkdir()
    elif named == "link":
        images.symlink_to(tmp_path / "elsewhere")
    elif named == "nothing":
        path = ""
    elif named == "bucket":
        images.mkdir()
        path = f"file://{images}"
    before = everything(out)
    words = "holds no image files" if named in ("emptied", "bucket") else "there is no such file"
    words = "a link to nowhere" if named == "link" else words
    for paths in ([path], [str(there), path]):
        for folder in (tmp_path / "new", relabelled(out, paths)):
            with pytest.raises(OutskirtsError, match=f"{words}; nothing is scored$"):
                score(TARGET, paths, folder, cluster=no_cluster, files=FILES)
    assert not (tmp_path / "new").exists()
    assert {**everything(out), "_run.json": before["_run.json"]} == before


def relabelled(out: Path, paths: list[str]) -> Path:
    """A folder of scores that says that it was begun with other paths."""
    values = json.loads((out / "_run.json").read_text())
    (out / "_run.json").write_text(json.dumps({**values, "paths": [run._place(p) for p in paths]}))
    return out


def test_a_folder_of_scores_is_of_the_paths_that_it_was_begun_with(
    images: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(out)
    few = tmp_path / "few.npy"
    np.save(few, tiny.boxes(3, seed=9))
    with pytest.raises(OutskirtsError) as raised:
        score(TARGET, [str(few)], out, cluster=no_cluster, files=FILES)
    assert str(raised.value) == (
        f"{out} holds scores of what lies at {images}, which is not named now: name it too, or "
        "another folder by --out"
    )
    assert everything(out) == before
    monkeypatch.chdir(images)
    for same in (".", f"{images}/", "../images"):
        assert again(out, same) == []
    assert again(out, images, "../few.npy") == [5]
    assert len(pandas.read_parquet(out)) == IMAGES + 3
    with pytest.raises(OutskirtsError, match=r"lies at .*few\.npy, which is not named now"):
        again(out, images)


def test_a_folder_of_scores_from_before_paths_were_kept_goes_on(images: Path, out: Path) -> None:
    values = json.loads((out / "_run.json").read_text())
    assert values.pop("paths") == [str(images)]
    (out / "_run.json").write_text(json.dumps(values))
    file_of(out, 2).unlink()
    assert again(out, images) == [2]
    assert json.loads((out / "_run.json").read_text())["paths"] == [str(images)]
