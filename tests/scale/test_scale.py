"""Scoring in portions: the plain command's numbers, restarts, and what a folder may hold."""

from __future__ import annotations

import importlib.util
import io
import json
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas
import pyarrow
import pytest
import tiny
from conftest import Call, Tiny
from inline import Inline
from pyarrow import parquet

from core.answers.loaded import Target
from core.data.picture import png
from core.errors import OutskirtsError
from core.files import FileError, alone
from core.scale import Cluster, cluster, run
from core.scale.locations import locations_of, read_location
from core.scale.portions import Portion, Task, file_of, portions_of
from core.scale.run import score
from core.scale.worker import Scorer, fingerprint
from core.scenario import load_scenario

TARGET = Target("tiny", "glow")
IMAGES = 150


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images in two folders, one that is none, a hidden one and a text."""
    folder = tmp_path_factory.mktemp("drawn")
    for name in ("a", "b"):
        (folder / name).mkdir()
    for i, image in enumerate(tiny.boxes(IMAGES, seed=5)):
        (folder / "ab"[i % 2] / f"{i:03d}.png").write_bytes(png(image))
    (folder / "a" / "100x.png").write_bytes(b"no picture")
    (folder / "a" / ".hidden.png").write_bytes(b"no picture")
    (folder / "b" / "read.txt").write_text("read me")
    return folder


@pytest.fixture
def images(drawn: Path, tmp_path: Path, tiny_scenario: Tiny) -> Path:
    """A copy of `drawn`, free to be changed, beside a model that scores it."""
    import shutil

    return shutil.copytree(drawn, tmp_path / "images")


def table(folder: Path) -> pandas.DataFrame:
    """What anybody reads of a folder of parquet files."""
    return pandas.read_parquet(folder)


def plainly(call: Call, path: Path, *options: str) -> pandas.DataFrame:
    """The table of the command without --ray."""
    file = path.parent / "plain.parquet"
    assert call("score", "tiny/glow", path, "--out", file, *options).status == 1
    return pandas.read_parquet(file)


# The numbers ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_table_is_the_plain_commands_to_the_last_bit_where_batches_are(
    images: Path, tmp_path: Path, call: Call
) -> None:
    said: list[str] = []
    found = score(
        TARGET,
        [str(images)],
        tmp_path / "out",
        cluster=Inline(),
        parts=True,
        files=64,
        say=said.append,
    )
    assert (found.images, found.failed, found.portions, found.kept) == (IMAGES, 1, 3, 0)
    plain = plainly(call, images, "--parts")
    pandas.testing.assert_frame_equal(table(tmp_path / "out"), plain, check_exact=True)
    assert said == [
        f"{images}: 1 file of another kind left out: .txt",
        "151 files in 3 portions",
        "a/100x.png: not an image file that can be read",
    ]


def test_one_file_is_counted_as_one(drawn: Path, tmp_path: Path, tiny_scenario: Tiny) -> None:
    one, said = str(drawn / "a" / "000.png"), list[str]()
    for _ in range(2):
        score(TARGET, [one], tmp_path / "out", cluster=Inline(), say=said.append)
    told = "1 file in 1 portion"
    assert said == [told, told, "1 of 1 portion is there already"]


def test_no_more_workers_start_than_there_are_portions_and_ray_warns_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a stand-in for Ray, which warns of workers that have nothing to do."""
    sizes: list[int] = []

    class Rows:
        def map_batches(self, worker: type, *, compute: int, **how: object) -> Rows:
            sizes.append(compute)
            return self

        def iter_batches(self, **how: object) -> Iterator[pyarrow.Table]:
            text = "The minimum number of concurrent actors"  # an error in a test, unless ignored
            warnings.warn_explicit(text, UserWarning, "pool.py", 1, module="ray.data.pool")
            return iter(())

    ray, data = ModuleType("ray"), ModuleType("ray.data")
    vars(data).update(
        ActorPoolStrategy=lambda size: size,
        DataContext=SimpleNamespace(get_current=SimpleNamespace),
        from_items=lambda rows, **how: Rows(),
    )
    vars(ray).update(data=data)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.data", data)
    portions = [Portion(i, (), "") for i in range(2)]
    for workers in (4, 1):
        assert list(Cluster(workers).results(portions, Task("tiny/glow", "", ()))) == []
    assert sizes == [2, 1]


@pytest.mark.slow
def test_in_other_batches_and_of_arrays_the_table_is_the_same_but_for_rounding(
    images: Path, tmp_path: Path, call: Call
) -> None:
    np.save(images / "a" / "few.npy", tiny.boxes(9, seed=9))
    score(TARGET, [str(images)], tmp_path / "out", cluster=Inline(), files=7)
    plain = plainly(call, images)
    found = table(tmp_path / "out")
    assert len(found) == IMAGES + 9
    assert found.image.tolist() == plain.image.tolist()
    # Sums of 1,024 float32 in another order: a few units in the last place.
    np.testing.assert_allclose(found.score, plain.score, rtol=1e-5)
    np.testing.assert_allclose(found.percentile, plain.percentile, atol=0.5)


@pytest.mark.parametrize("scheme", ["file", "memory"])
def test_a_bucket_is_scored_as_the_folder_that_it_mirrors(
    images: Path, tmp_path: Path, scheme: str
) -> None:
    address, said = f"file://{images}", list[str]()
    if scheme == "memory":
        import fsspec

        address = f"memory://{tmp_path.name}"
        fsspec.filesystem("memory").put(f"{images}/", f"/{tmp_path.name}/", recursive=True)
    for name, path in (("there", address), ("here", str(images))):
        score(TARGET, [path], tmp_path / name, cluster=Inline(), files=64, say=said.append)
    here, there = table(tmp_path / "here"), table(tmp_path / "there")
    pandas.testing.assert_frame_equal(there, here, check_exact=True)
    assert said[0] == f"{address}: 1 file of another kind left out: .txt"
    assert said[2] == "a/100x.png: not an image file that can be read"


def test_of_a_bucket_one_file_an_array_and_a_zip_are_read_too(images: Path, tmp_path: Path) -> None:
    import zipfile

    np.save(images / "few.npy", tiny.boxes(3, seed=9))
    with zipfile.ZipFile(images / "some.zip", "w") as archive:
        archive.write(images / "a" / "000.png", "first.png")
    paths = [f"file://{images}/{name}" for name in ("a/000.png", "few.npy", "some.zip", "no.png")]
    with pytest.raises(OutskirtsError, match=r"no\.png cannot be listed: there is no such folder"):
        locations_of(paths)
    shape = load_scenario("tiny").shape
    items = [i for location in locations_of(paths[:3]) for i in read_location(location, shape)]
    names = ["000.png", "few.npy#0", "few.npy#1", "few.npy#2", "some.zip/first.png"]
    assert [item.id for item in items] == names
    assert all(item.picture for item in items)


@pytest.mark.parametrize("address", ["nothing://there/is", "s3://", "file://relative/path"])
def test_an_address_that_nobody_can_open_is_one_line(address: str) -> None:
    with pytest.raises(OutskirtsError) as raised:
        locations_of([address])
    assert address in str(raised.value)
    assert "\n" not in str(raised.value)


# Restarts ---------------------------------------------------------------------------------------


def again(images: Path, out: Path, lost: tuple[int, ...] = ()) -> list[int]:
    """Score once more; the numbers of the portions that it takes."""
    workers = Inline(lost)
    score(TARGET, [str(images)], out, cluster=workers, files=32)
    return workers.asked


@pytest.fixture
def out(images: Path, tmp_path: Path) -> Path:
    """A folder of five portions that are done."""
    assert again(images, tmp_path / "out") == [0, 1, 2, 3, 4]
    return tmp_path / "out"


def test_a_run_that_is_done_scores_nothing_and_says_the_same(images: Path, out: Path) -> None:
    before, errors = table(out), (out / "_errors.jsonl").read_text()
    said, workers = list[str](), Inline()
    found = score(TARGET, [str(images)], out, cluster=workers, files=32, say=said.append)
    assert (workers.asked, found.kept, found.failed) == ([], 5, 1)
    assert said[2:] == [
        "a/100x.png: not an image file that can be read",
        "5 of 5 portions are there already",
    ]
    pandas.testing.assert_frame_equal(table(out), before, check_exact=True)
    assert json.loads(errors) == {"image": "a/100x.png", "error": said[2].partition(": ")[2]}
    assert (out / "_errors.jsonl").read_text() == errors


def damaged(data: bytes) -> bytes:
    """A parquet file with a flipped bit, which is read without a word, as other numbers."""
    before = parquet.read_table(io.BytesIO(data))
    for place in range(len(data) // 2):
        flipped = bytearray(data)
        flipped[place] ^= 1
        with suppress(OSError, ValueError, pyarrow.ArrowException):
            if not parquet.read_table(io.BytesIO(flipped)).equals(before):
                return bytes(flipped)
    raise AssertionError("every flip is found by the reader itself")


def test_a_portion_that_is_missing_cut_short_or_damaged_is_scored_anew(
    images: Path, out: Path
) -> None:
    before = table(out)
    file_of(out, 0).unlink()
    data = file_of(out, 1).read_bytes()
    file_of(out, 1).write_bytes(data[: len(data) // 2])
    file_of(out, 3).write_bytes(damaged(file_of(out, 3).read_bytes()))
    file_of(out, 4).write_bytes(b"")
    (half := out / ".part-000004.parquet.12-ab.part").write_bytes(b"PAR1")
    assert again(images, out) == [0, 1, 3, 4]
    assert not half.exists()
    pandas.testing.assert_frame_equal(table(out), before, check_exact=True)


def test_a_portion_of_other_images_weights_or_columns_is_scored_anew(
    images: Path,
    out: Path,
    tmp_path: Path,
    tiny_scenario: Tiny,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (images / "a" / "004.png").write_bytes(png(tiny.boxes(1, seed=77)[0]))
    monkeypatch.chdir(tmp_path)  # however it is named
    assert again(Path("images"), out) == [0]
    pandas.DataFrame({"image": ["x"]}).to_parquet(file_of(out, 2))
    assert again(images, out) == [2]
    card = tiny_scenario.folder / "glow.json"
    card.write_text(card.read_text() + " ")
    assert again(images, out) == [0, 1, 2, 3, 4]


def test_files_of_a_folder_that_has_shrunk_leave_the_table(images: Path, out: Path) -> None:
    for file in sorted((images / "b").glob("*.png"))[-40:]:
        file.unlink()
    assert again(images, out) == [3]
    assert len(table(out)) == IMAGES - 40


def test_what_could_not_be_reached_is_tried_again_and_what_is_no_image_is_not(
    images: Path, out: Path
) -> None:
    link = images / "a" / "nowhere.png"
    link.symlink_to(images / "later")
    assert again(images, out) == [2, 3, 4]  # names move on by one
    assert again(images, out) == [2]
    (images / "later").write_bytes(png(tiny.boxes(1, seed=1)[0]))
    assert again(images, out) == [2]
    assert again(images, out) == []


def test_files_whose_workers_died_are_named_and_the_others_are_scored(
    images: Path, tmp_path: Path
) -> None:
    out, said = tmp_path / "out", list[str]()
    found = score(TARGET, [str(images)], out, cluster=Inline([2]), files=32, say=said.append)
    assert (found.images, found.failed) == (IMAGES - 32, 33)
    assert sum("its worker died at every try" in line for line in said) == 32
    assert len((out / "_errors.jsonl").read_text().splitlines()) == 33
    assert again(images, out) == [2]
    assert len(table(out)) == IMAGES


def test_what_was_done_to_images_is_counted(tmp_path: Path, tiny_scenario: Tiny) -> None:
    np.save(tmp_path / "small.npy", tiny.boxes(5, seed=1)[:, ::2, ::2])
    for _ in range(2):  # of a portion that is there, too
        said: list[str] = []
        score(TARGET, [str(tmp_path / "small.npy")], tmp_path / "out", cluster=Inline(),
              say=said.append)  # fmt: skip
        assert any(line.endswith("(5 of 5)") for line in said)


# Refusals ---------------------------------------------------------------------------------------


def test_a_folder_that_holds_something_else_is_refused(
    images: Path, out: Path, tmp_path: Path
) -> None:
    others = {
        images: "holds other files, such as a",
        images / "b" / "read.txt": "is a file: with --ray",
        tmp_path / "no" / "where": "there is no folder",
    }
    for folder, words in others.items():
        with pytest.raises(OutskirtsError, match=words):
            score(TARGET, [str(images)], folder, cluster=Inline())
    with pytest.raises(OutskirtsError, match="scores of tiny/glow, not of tiny/glow --parts"):
        score(TARGET, [str(images)], out, cluster=Inline(), parts=True)
    with (
        alone(out / "_lock", "it is written"),
        pytest.raises(OutskirtsError, match="is being written by process"),
    ):
        score(TARGET, [str(images)], out, cluster=Inline())


def test_a_worker_that_has_other_weights_says_so(images: Path, tiny_scenario: Tiny) -> None:
    task = Task(str(TARGET), "other", ("image", "score", "percentile"))
    (portion, *_) = portions_of(locations_of([str(images)]), task)
    number, content, why = Scorer(task, tiny_scenario.checkpoints)(portion)
    assert (number, content) == (0, b"")
    assert "tiny/glow has other weights on this machine" in why
    assert fingerprint(TARGET) != "other"


def test_what_all_workers_say_is_one_line_and_whole_files_stay_whole(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(Inline):
        def results(self, portions: object, task: object) -> Iterator[tuple[int, bytes, str]]:
            yield 0, b"", "no weights here"
            yield 1, b"", "no weights here"

    with pytest.raises(OutskirtsError, match=r"^no weights here$"):
        score(TARGET, [str(images)], tmp_path / "out", cluster=Failing(), files=64)
    monkeypatch.setattr(run, "finished", lambda *a, **k: None)
    with pytest.raises(FileError, match="is not as it was written"):
        score(TARGET, [str(images)], tmp_path / "out", cluster=Inline(), files=64)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workers", "2"], "--workers is of --ray alone"),
        (["--ray", "local"], "name it by --out FOLDER"),
        (["--ray", "local", "--out", "x", "--report", "r.html"], "without --ray"),
        (["--ray", "local", "--out", "x", "--threshold", "5"], "without --ray"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    arguments: list[str], words: str, tiny_scenario: Tiny, call: Call
) -> None:
    assert words in call("score", "tiny/glow", "x", *arguments).error()


def test_without_ray_the_line_that_installs_it_is_named(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    arguments = ("score", "tiny/glow", images, "--ray", "local", "--out", tmp_path / "out")
    said = call(*arguments)
    assert said.status == 2
    assert "pip install -r requirements-scale.txt" in said.err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["", "host", "ray://host:1", "host:0", "host:70000", ":1"])
def test_an_address_of_another_form_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(OutskirtsError, match="takes HOST:PORT"), cluster(address):
        pass


def test_an_address_where_nothing_listens_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    words = f"^no Ray cluster answers at {address}: Connection"
    with pytest.raises(OutskirtsError, match=words), cluster(address):
        pass
