"""Training as a whole: who may write when, what is tried first, what a run builds on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Call, Tiny, change

from core import checkpoint, files
from core.card import CardError
from core.files import Busy, FileError, alone, check_writable, write_together, write_whole
from core.scenario import load_scenario
from core.train import maps, run

HOLDER = """
import sys
from pathlib import Path
from core.files import alone
with alone(Path(sys.argv[1]), "tiny/glow is being trained"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def trained(name: str = "glow", **options: Any) -> Any:
    scenario = load_scenario("tiny")
    return run.train(scenario, name, training=scenario.training_of(name), **options)


def test_a_second_training_of_one_model_is_refused_with_the_number_of_the_first(
    untrained: Tiny, call: Call
) -> None:
    folder = untrained.runs / "tiny" / "glow"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(run.__file__).parents[2],
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        try:
            said = call("train", "tiny/glow")
            assert said.error() == f"error: tiny/glow is being trained by process {first.pid}"
            assert not (untrained.folder / "glow.json").exists()
        finally:
            first.stdin.write("\n")
            first.stdin.flush()
        assert first.wait(60) == 0
    with alone(folder, "work"):  # whoever comes after finds the place free
        assert (folder / "lock.pid").read_text() == f"{os.getpid()}\n"


def test_a_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), alone(tmp_path, "work"):
        raise ZeroDivisionError
    mine = f"work by process {os.getpid()}"
    with alone(tmp_path, "work"), pytest.raises(Busy, match=mine), alone(tmp_path, "work"):
        pass


def test_whether_a_checkpoint_can_be_written_is_tried_before_the_work(
    untrained: Tiny, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    beside = files._beside

    def refused(path: Path) -> Path:
        return Path("/proc/none/x") if path.parent == untrained.folder else beside(path)

    monkeypatch.setattr(files, "_beside", refused)
    monkeypatch.setattr(run, "streams_of", lambda *a, **k: pytest.fail("the work has begun"))
    with pytest.raises(FileError, match=r"tiny/glow\.json cannot be written"):
        trained()


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda s: s["training"]["glow"].update(batch_size=400), "do not fill a batch of 400"),
        (
            lambda s: s["split"].update(calibration=512),
            "there are 512 training images, and split holds out 512 of them",
        ),
    ],
    ids=["batch", "calibration"],
)
def test_sizes_that_the_images_do_not_have_are_told_in_one_line(
    untrained: Tiny, call: Call, edit: Any, words: str
) -> None:
    change(untrained, edit)
    said = call("train", "tiny/glow")
    assert said.status == 2
    line = said.err.splitlines()[-1]
    assert line.startswith("error: tiny/scenario.json: ")
    assert words in line


@pytest.mark.slow
def test_a_card_names_the_auxiliary_models_that_its_scores_come_from(
    models: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = checkpoint.read_card(models.folder, "glow.general").weights.sha256
    measure = run.write_card

    def exchanged(*arguments: Any, **options: Any) -> Any:
        """While glow is scored, another process trains its auxiliary model anew."""
        checkpoint.read_card(models.folder, "glow.general")
        for suffix in ("json", "safetensors", "atlas.npz"):
            (models.folder / f"glow.general.{suffix}").unlink()
        return measure(*arguments, **options)

    monkeypatch.setattr(run, "write_card", exchanged)
    card = trained(keep_weights=True)
    assert card.auxiliary_models == {"glow.general": before}


@pytest.mark.slow
def test_the_seeds_of_a_card_are_its_own_model_and_those_alike(models: Tiny) -> None:
    card = trained(keep_weights=True)
    assert card.seeds is not None
    assert card.seeds.models == ("glow", "glow.seed-0", "glow.seed-1")
    assert card.seeds.text == "3 random starts, alike in all else"
    for name, parts in card.seeds.auroc.items():
        for part, figures in parts.items():
            assert figures[0] == card.metrics[name][part].auroc
            other = checkpoint.read_card(models.folder, "glow.seed-1").metrics[name][part]
            assert figures[2] == other.auroc
    change(models, lambda s: s["training"]["glow"].update(seeds=["glow.outliers"]))
    told: list[str] = []  # after hours of training it is too late to refuse
    assert trained(keep_weights=True, watcher=run.Watcher(stage=told.append)).seeds is None
    assert "no seeds: glow, glow.outliers differ in more than their seed" in told


@pytest.mark.slow
def test_kept_weights_have_their_fitting_pass_on_held_out_images_made_anew(models: Tiny) -> None:
    before, _ = checkpoint.load_alone(models.folder, "glow")
    change(models, lambda s: s["training"]["glow"]["config"].update(draws=2))
    trained(keep_weights=True)
    after, card = checkpoint.load_alone(models.folder, "glow")
    assert card.config["draws"] == 2
    assert not before.mean.equal(after.mean)  # of two draws, not of four
    for name, value in before.flow.state_dict().items():
        assert value.equal(after.flow.state_dict()[name]), name


def test_a_map_is_made_anew_by_one_process_at_a_time(models: Tiny, call: Call) -> None:
    with alone(models.runs / "tiny" / "glow", "held"):
        line = call("train", "tiny/glow", "--atlas-only").error()
    assert line == f"error: tiny/glow is being trained by process {os.getpid()}"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"border": 2}, "glow knows no setting border"),
        ({"image": [1, 64, 64]}, "glow knows no setting image"),
    ],
)
def test_the_shape_of_pictures_is_no_setting_of_a_model_but_the_scenarios(
    untrained: Tiny, call: Call, settings: dict[str, Any], words: str
) -> None:
    change(untrained, lambda s: s["training"]["glow"]["config"].update(settings))
    said = call("train", "tiny/glow")
    assert said.status == 2
    assert words in said.err


@pytest.mark.slow
def test_a_bug_of_the_map_is_told_as_what_it_is_and_loses_no_training(
    untrained: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*arguments: Any, **options: Any) -> None:
        raise ValueError("a bug of somebody else's")

    monkeypatch.setattr(maps, "_laid_out", breaks)
    with pytest.raises(ValueError, match="somebody else"):
        trained()
    _, card = checkpoint.load(untrained.folder, "glow")
    assert checkpoint.read_scores(untrained.folder, card).sets
    with pytest.raises(CardError, match="has no map of its codes"):
        checkpoint.read_atlas(untrained.folder, card)


# Files ------------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_whole(path, "old\n")

    def breaks(file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(FileError, match=r"table\.csv cannot be written: No space left on device"):
        write_whole(path, breaks)
    assert path.read_text() == "old\n"
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


def test_of_files_that_belong_together_none_is_replaced_if_one_cannot_be_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(FileError, match="c/b cannot be written: No such file"):
        write_together(tmp_path, {"a": b"new", "c/b": b"new"})
    assert (tmp_path / "a").read_bytes() == b"old"
    write_together(tmp_path, {"a": b"new"})
    assert (tmp_path / "a").read_bytes() == b"new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a"]


def test_a_link_stays_a_link_and_a_new_file_has_the_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_whole(tmp_path / "link", b"1")
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "usual").touch()
    assert (tmp_path / "real").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_private_file_stays_private_and_a_circle_of_links_is_told(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_whole(path, "old")
    path.chmod(0o600)
    write_whole(path, "new")
    assert path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "l.csv").symlink_to("l.csv")
    for act in (check_writable, lambda path: write_whole(path, "x")):
        with pytest.raises(FileError, match=r"l\.csv is a link that leads to itself"):
            act(tmp_path / "l.csv")
    long = tmp_path / ("n" * 250)
    write_whole(long, "x")
    assert long.read_text() == "x"


def test_a_folder_and_a_missing_folder_are_found_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(FileError, match="cannot be written: No such file or directory"):
        check_writable(tmp_path / "missing" / "table.csv")
    check_writable(tmp_path / "table.csv")
    assert not list(tmp_path.iterdir())
