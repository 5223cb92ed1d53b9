"""What a run of the command line leaves behind: lines, files, exit status; of hostile names too."""

from __future__ import annotations

import contextlib
import csv
import errno
import json
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pandas
import pytest
import tiny
from conftest import Call, Tiny

import core
from core import __main__ as cli
from core import console, files, scale, service
from core.data.picture import as_pil
from core.inference import scoring
from core.service import Scored
from core.verbs import scoring as score_verb

ROOT = Path(core.__file__).parent.parent
LATIN = os.fsdecode(b"caf\xe9.png")  # a name of an old disk: no UTF-8


def write_box(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    as_pil(tiny.boxes(1, seed=9)[0]).save(path, "PNG")
    return path


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return write_box(tmp_path / "box.png")


def column(file: Path, name: str) -> list[str]:
    """A column of a written table, as others read it."""
    if file.suffix == ".jsonl":
        return [json.loads(line)[name] for line in file.read_text(encoding="utf-8").splitlines()]
    if file.suffix == ".parquet":
        return pandas.read_parquet(file)[name].tolist()
    with file.open(newline="", encoding="utf-8") as opened:
        return [row[name] for row in csv.DictReader(opened)]


# Names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "written"),
    [("jsonl", LATIN), ("csv", "caf\\xe9.png"), ("parquet", "caf\\xe9.png")],
)
def test_a_name_that_is_no_utf_8_is_written_all_the_same(
    tiny_scenario: Tiny, tmp_path: Path, call: Call, ending: str, written: str
) -> None:
    write_box(tmp_path / "old" / LATIN)
    file = tmp_path / f"scores.{ending}"
    said = call("score", "tiny/glow", tmp_path / "old", "--out", file)
    assert (said.status, said.err) == (0, "")
    assert column(file, "image") == [written]


@pytest.mark.usefixtures("few_draws")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_sets_and_images_that_are_no_utf_8_are_written_by_evaluate_too(
    tiny_scenario: Tiny, tmp_path: Path, call: Call, ending: str
) -> None:
    write_box(tmp_path / "old" / LATIN)
    file = tmp_path / f"scores.{ending}"
    against = f"{LATIN}={tmp_path / 'old'}"
    said = call("evaluate", "tiny/glow", "--stored", "--against", against, "--scores", file)
    assert said.status == 0
    assert "│ caf\\xe9.png " in said.out
    assert (column(file, "set")[-1], column(file, "image")[-1]) == ("caf\\xe9.png",) * 2


@pytest.mark.usefixtures("few_draws")
@pytest.mark.parametrize("name", ["[/x]", "tiles[bad]", "[red]", ":100:", "a\\[b]"])
def test_the_name_of_a_set_is_no_markup(
    tiny_scenario: Tiny, box: Path, call: Call, name: str
) -> None:
    arguments = ("evaluate", "tiny/glow", "--against", f"{name}={box}")  # scored: names are told
    assert list(json.loads(call(*arguments, "--json").out)["strange"]) == [name]
    said = call(*arguments, "--stored")
    assert said.status == 0
    assert f"│ {name} " in said.out


def test_the_name_of_a_file_is_no_emoji(tiny_scenario: Tiny, tmp_path: Path, call: Call) -> None:
    (tmp_path / "scan:100:[b].png").write_bytes(b"no image")
    said = call("score", "tiny/glow", tmp_path / "scan:100:[b].png")
    assert said.err.startswith("scan:100:[b].png: ")


def test_control_characters_of_names_never_reach_the_terminal(
    tiny_scenario: Tiny, tmp_path: Path, call: Call
) -> None:
    for name in (
        "a\x1b]0;title\x07\x1b[31m.png",
        "b\nerror: all is lost.png",
        "c\u202egnp.exe.png",
    ):
        (tmp_path / name).write_bytes(b"no image")
    said = call("score", "tiny/glow", *sorted(tmp_path.glob("*.png")))
    assert said.err.splitlines() == [
        "a\\x1b]0;title\\x07\\x1b[31m.png: not an image file that can be read",
        "b\\nerror: all is lost.png: not an image file that can be read",
        "c\\u202egnp.exe.png: not an image file that can be read",
        "error: nothing could be read",
    ]


@pytest.mark.usefixtures("few_draws")
def test_control_characters_of_sets_never_reach_the_terminal(
    tiny_scenario: Tiny, box: Path, call: Call
) -> None:
    said = call("evaluate", "tiny/glow", "--stored", "--against", f"a\x1b[31m\nb={box}")
    assert "│ a\\x1b[31m\\nb │" in said.out
    assert "\\x1b[2J" in call("evaluate", "tiny/glow", "--against", "a=\x1b[2Jgone").error()


@pytest.mark.parametrize("name", ["=1+2.png", "+1.png", "-1.png", "@sum.png"])
def test_a_name_is_no_formula_in_a_csv_and_itself_elsewhere(
    tiny_scenario: Tiny, tmp_path: Path, call: Call, name: str
) -> None:
    write_box(tmp_path / "mine" / name)
    for ending, written in (("csv", f"'{name}"), ("jsonl", name), ("parquet", name)):
        file = tmp_path / f"scores.{ending}"
        assert call("score", "tiny/glow", tmp_path / "mine", "--out", file).status == 0
        assert column(file, "image") == [written]


def test_an_argument_that_is_empty_is_not_this_folder(
    tiny_scenario: Tiny, box: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(box.parent)
    said = call("score", "tiny/glow", "")
    assert (said.status, said.out) == (2, "")
    assert said.err.splitlines() == ["'': there is no such file", "error: nothing could be read"]
    said = call("score", "tiny/glow", "", "box.png")
    assert (said.status, len(said.lines())) == (1, 1)
    assert (
        "'' is not SCENARIO/DETECTOR" in call("evaluate", "tiny/glow", "--compare-with", "").error()
    )


def test_files_of_other_kinds_in_a_folder_are_counted_and_no_failure(
    tiny_scenario: Tiny, tmp_path: Path, call: Call
) -> None:
    folder = write_box(tmp_path / "mine" / "a.png").parent
    (folder / "b.heic").write_bytes(b"")
    (folder / "notes.txt").write_text("x")
    said = call("score", "tiny/glow", folder)
    assert (said.status, len(said.lines())) == (0, 1)
    assert said.err == f"{folder}: 2 files of other kinds left out: .heic, .txt\n"


# Files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_that_a_file_can_be_written_is_tried_before_the_work(
    tiny_scenario: Tiny, box: Path, call: Call, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(service, "score", lambda *a, **k: pytest.fail("scored first"))
    monkeypatch.setattr(service, "evaluate", lambda *a, **k: pytest.fail("evaluated first"))
    taken = box.parent / f"folder.{ending}"
    taken.mkdir()
    assert "is a folder" in call("score", "tiny/glow", box, "--out", taken).error()
    assert "is a folder" in call("evaluate", "tiny/glow", "--scores", taken).error()
    away = box.parent / "away" / f"s.{ending}"
    assert "there is no folder" in call("score", "tiny/glow", box, "--out", away).error()


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_full_disk_leaves_the_older_table_as_it_was(
    tiny_scenario: Tiny, box: Path, call: Call, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    def half(file, content) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_fill", half)
    file = box.parent / f"scores.{ending}"
    file.write_text("precious")
    line = call("score", "tiny/glow", box, "--out", file).error()
    assert line == f"error: {file} cannot be written: No space left on device"
    assert file.read_text() == "precious"
    assert sorted(p.name for p in box.parent.glob("*s*.*")) == [file.name]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error is a terminal."""
    seen = console._Plain(stderr=True, soft_wrap=True, force_terminal=True)
    monkeypatch.setattr(console, "notes", seen)


@pytest.mark.usefixtures("watched")
def test_a_terminal_sees_how_far_scoring_is_and_what_was_written(
    tiny_scenario: Tiny, box: Path, call: Call
) -> None:
    (box.parent / "none.png").write_bytes(b"no image")
    table, page = box.parent / "t.csv", box.parent / "r.html"
    said = call("score", "tiny/glow", box, box.parent / "none.png", "--out", table)
    assert (said.status, said.out) == (1, "")
    assert "1 image scored" in said.err
    assert f"{table}: 1 image, 1 not read" in said.err
    said = call("score", "tiny/glow", box, "--report", page)
    assert [row["image"] for row in said.lines()] == ["box.png"], "rows stay on standard output"
    assert "making a report on 1 image" in said.err
    assert f"{page}: 1 image, 0 not read" in said.err


@pytest.mark.parametrize("ending", ["csv", "parquet", "json", "html"])
def test_no_folder_of_a_table_is_called_as_a_file_is(
    tiny_scenario: Tiny, box: Path, call: Call, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(scale, "score", lambda *a, **k: scale.Outcome(1, 0, 1))
    out = box.parent / f"t.{ending}"
    asked = ("score", "tiny/glow", box, "--ray", "local", "--out", out)
    line = call(*asked).error()
    assert line.endswith(f"{out} is called as a file is: name a folder by --out FOLDER")
    assert not out.exists()
    out.mkdir()  # of a former run: whether it is, `scale.score` finds out
    assert call(*asked).out == f"{out}: 1 image in 1 file, 0 not read\n"


def test_rows_that_are_printed_are_not_kept(
    tiny_scenario: Tiny, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Row(dict):
        pass

    alive: weakref.WeakSet[Row] = weakref.WeakSet()
    most = [0]

    def row(scored: Scored, *, parts: bool) -> Row:
        made = Row(image=scored.image)
        alive.add(made)
        most[0] = max(most[0], len(alive))
        return made

    monkeypatch.setattr(Row, "__hash__", object.__hash__)
    monkeypatch.setattr(Row, "__eq__", object.__eq__)
    monkeypatch.setattr(score_verb, "scored_row", row)
    many = (Scored(str(i), 0.0, 0.0) for i in range(50))
    monkeypatch.setattr(service, "score", lambda *a, **k: many)
    assert len(call("score", "tiny/glow", "x").lines()) == 50
    assert most[0] <= 2


def test_own_images_are_read_before_anything_is_scored(
    tiny_scenario: Tiny, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "parts_of", lambda *a, **k: pytest.fail("scored first"))
    assert "gone" in call("evaluate", "tiny/glow", "--against", "mine=gone").error()


# Tables -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("few_draws")
def test_a_table_in_a_pipe_is_not_folded(
    tiny_scenario: Tiny, box: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    name = "a set with a name that is long " * 4 + "indeed"
    rows = call("evaluate", "tiny/glow", "--stored", "--against", f"{name}={box}").out.splitlines()
    assert [row for row in rows if name in row and "total" in row]


@pytest.mark.usefixtures("few_draws")
def test_one_strange_image_has_no_interval(tiny_scenario: Tiny, box: Path, call: Call) -> None:
    arguments = ("evaluate", "tiny/glow", "--stored", "--against", f"mine={box}")
    assert "│ no interval " in call(*arguments).out
    found = json.loads(call(*arguments, "--json").out)["strange"]["mine"]["score"]
    assert (found["low"], found["high"], found["n_strange"]) == (None, None, 1)


# Exit status ------------------------------------------------------------------------------------


@contextlib.contextmanager
def deaf(kind: str) -> Iterator[None]:
    """A standard output that nobody takes anything from: a closed pipe, or a full disk.

    No fixture: pytest would set its own output again before the test.
    """
    if kind == "pipe":
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open("/dev/full", os.O_WRONLY)
    with pytest.MonkeyPatch.context() as patch, os.fdopen(writer, "w") as stream:
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", sys.stderr)  # typer wraps both where a pipe breaks
        yield
        with open(os.devnull, "w") as nowhere:  # what is left of it can be flushed
            os.dup2(nowhere.fileno(), writer)


@pytest.mark.parametrize("verb", ["scenarios", "evaluate tiny/glow --stored", "--help", ""])
def test_who_reads_the_output_may_leave_off(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch, capsys, verb: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["core", *verb.split()])
    with deaf("pipe"):
        status = cli.main()
    assert status == (0 if verb else 2)  # without a verb it is an error, heard or not
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("verb", ["scenarios", "evaluate tiny/glow --stored"])
def test_an_output_that_cannot_be_written_is_one_line(
    tiny_scenario: Tiny, monkeypatch: pytest.MonkeyPatch, capsys, verb: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["core", *verb.split()])
    with deaf("disk"):
        status = cli.main()
    assert status == 2
    line = "error: standard output cannot be written: No space left on device\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("json_too", [(), ("--json",)])
def test_a_broken_scenario_is_a_failure_among_others(
    tiny_scenario: Tiny, call: Call, json_too: tuple[str, ...]
) -> None:
    (tiny_scenario.checkpoints / "bad").mkdir()
    (tiny_scenario.checkpoints / "bad" / "scenario.json").write_text("{")
    said = call("scenarios", *json_too)
    assert said.status == 1
    assert said.err.startswith("bad: bad/scenario.json: ")
    assert len(said.err.splitlines()) == 1
    assert '"tiny"' in said.out if json_too else said.out.startswith("tiny: ")


def test_no_scenarios_at_all_are_an_error_that_names_the_folder(
    tiny_scenario: Tiny, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.settings import settings

    monkeypatch.setenv("OUTSKIRTS_CHECKPOINTS", str(tmp_path / "nowhere"))
    settings.cache_clear()
    for arguments in (["scenarios"], ["scenarios", "--json"]):
        line = call(*arguments).error()
        assert str(tmp_path / "nowhere") in line
        assert "OUTSKIRTS_CHECKPOINTS" in line


@pytest.mark.parametrize("cause", [None, ImportError("numpy is half there")])
def test_an_interrupt_says_stopped_and_no_more(
    tiny_scenario: Tiny, call: Call, monkeypatch: pytest.MonkeyPatch, cause: Exception | None
) -> None:
    def stop() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            if cause is None:
                raise
            raise cause from interrupt

    monkeypatch.setattr(service, "scenarios", stop)
    said = call("scenarios")
    assert (said.status, said.out, said.err) == (130, "", "stopped\n")


def test_a_pipe_that_breaks_elsewhere_is_one_line(
    tiny_scenario: Tiny, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe", "some/fifo")

    monkeypatch.setattr(service, "scenarios", fail)
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # typer wraps both where a pipe breaks
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    assert call("scenarios").error() == "error: some/fifo: Broken pipe"


def test_an_error_of_the_system_names_its_file(
    tiny_scenario: Tiny, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError(errno.EIO, "Input/output error", "some/file")

    monkeypatch.setattr(service, "scenarios", fail)
    assert call("scenarios").error() == "error: some/file: Input/output error"


# Processes --------------------------------------------------------------------------------------

INTERRUPTED = """
import os, runpy, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":  # among the first that is imported
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" has it ignored
sys.meta_path.insert(0, Finder())
sys.argv = ["core", "scenarios"]
runpy.run_module("core", run_name="__main__", alter_sys=True)
"""


def test_an_interrupt_while_modules_are_imported_is_quiet() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


LATE = """
import os, runpy, signal, sys

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGINT):
        kill(pid, number)  # when Python takes itself down

sys.modules["last"] = last = Last()
sys.argv = ["core", "--help"]
runpy.run_module("core", run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
def test_an_interrupt_when_all_is_done_changes_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: " in done.stdout


@pytest.mark.slow
def test_a_process_whose_reader_has_left_ends_with_0(tiny_scenario: Tiny) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "core", "scenarios"],
        cwd=ROOT,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
def test_a_locale_without_the_letters_of_a_name_shows_their_codes(
    tiny_scenario: Tiny, box: Path
) -> None:
    against = f"caf\u0439={box}"
    done = subprocess.run(
        [sys.executable, "-m", "core", "evaluate", "tiny/glow", "--stored", "--against", against],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "iso-8859-1"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"caf\\u0439" in done.stdout
