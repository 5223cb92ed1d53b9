"""Solar cells are read from their package, one by one, or one line says what is wrong with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.sources import DataMissing, elpv, source_named
from core.data.views import Files
from core.shape import Shape

SHAPE = Shape(1, 300, 300)
NOWHERE = Path("/nowhere")
ROWS = [
    ("a", "0.0", "mono"),
    ("b", "0.0", "poly"),
    ("c", "0.3333333333333333", "mono"),
    ("d", "0.6666666666666666", "poly"),
    ("e", "1.0", "poly"),
    ("f", "0.0", "mono"),
    ("g", "0.0", "mono"),
]


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder of a package of that name with seven small cells, each flat grey."""
    data = tmp_path / "elpv_dataset" / "data"
    (data / "images").mkdir(parents=True)
    (data.parent / "__init__.py").write_text("raise RuntimeError('nothing of it is imported')")
    for i, (name, _, _) in enumerate(ROWS):
        Image.fromarray(np.full((6, 6), 10 + i, np.uint8)).save(data / "images" / f"{name}.png")
    lines = [f"images/{name}.png  {p}   {kind}" for name, p, kind in ROWS]
    (data / "labels.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(elpv, "CELLS", len(ROWS))
    monkeypatch.syspath_prepend(tmp_path)
    elpv._root.cache_clear()
    yield data
    elpv._root.cache_clear()


@pytest.fixture(autouse=True)
def found_anew() -> Iterator[None]:
    elpv._root.cache_clear()
    yield
    elpv._root.cache_clear()


def levels(name: str, *, train: bool = False) -> list[int]:
    images = source_named(f"elpv:{name}").read(NOWHERE, Shape(1, 6, 6), train=train).images
    return [int(image.max()) for image in images[:]]


# The installed package ---------------------------------------------------------------------------


def test_the_split_is_fixed_of_each_kind_disjoint_and_holds_every_functional_cell() -> None:
    source = source_named("elpv:functional")
    train = source.read(NOWHERE, SHAPE, train=True)
    test = source.read(NOWHERE, SHAPE, train=False)
    assert np.bincount(train.labels).tolist() == [353, 552]  # 60 % of 588 and of 920
    assert np.bincount(test.labels).tolist() == [235, 368]
    assert not set(train.ids) & set(test.ids)
    assert len({*train.ids, *test.ids}) == 1508
    assert train.classes == test.classes == ("mono", "poly")
    assert train.ids[:3] == source.read(NOWHERE, SHAPE, train=True).ids[:3]
    assert test.ids[:3] == ("cell0009.png", "cell0060.png", "cell0065.png")


@pytest.mark.parametrize(
    ("name", "mono", "poly"), [("uncertain", 173, 228), ("defective", 313, 402)]
)
def test_cells_that_are_not_functional_are_for_tests_alone(name: str, mono: int, poly: int) -> None:
    source = source_named(f"elpv:{name}")
    assert np.bincount(source.read(NOWHERE, SHAPE, train=False).labels).tolist() == [mono, poly]
    with pytest.raises(DataMissing, match=f"elpv:{name} is for tests alone"):
        source.read(NOWHERE, SHAPE, train=True)


def test_pictures_are_those_of_the_files_and_few_are_kept() -> None:
    images = source_named("elpv:defective").read(NOWHERE, SHAPE, train=False).images
    assert isinstance(images, Files)
    assert images.shape == (715, 300, 300, 1)
    whole = images[np.arange(200)]
    assert sum(image.nbytes for image in images.kept.values()) <= elpv.SHOWN
    with Image.open(elpv._root() / "images" / "cell0001.png") as image:
        assert np.array_equal(whole[0, ..., 0], np.asarray(image))


def test_nothing_of_the_package_is_imported() -> None:
    code = (
        "import sys; from pathlib import Path; from core.data.sources import source_named;"
        "from core.shape import Shape;"
        "source_named('elpv:uncertain').read(Path('x'), Shape(1, 300, 300), train=False).images[0];"
        "sys.exit('elpv_dataset' in sys.modules or 'torch' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


# A planted one -----------------------------------------------------------------------------------


def test_rows_go_by_their_probability(planted: Path) -> None:
    assert levels("uncertain") == [12, 13]
    assert levels("defective") == [14]
    assert sorted(levels("functional", train=True) + levels("functional")) == [10, 11, 15, 16]


@pytest.mark.parametrize("name", ["broken", "mono", "", "Functional"])
def test_another_name_is_refused(name: str) -> None:
    words = "there are: .*elpv" if not name else f"no set 'elpv:{name}'; there are: elpv:functional"
    with pytest.raises(DataMissing, match=words):
        source_named(f"elpv:{name}")


def test_without_the_package_one_line_says_how_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "elpv_dataset", None)
    with pytest.raises(DataMissing) as error:
        levels("defective")
    assert str(error.value).endswith("is not installed: `pip install elpv-dataset==1.0.0.post1`")
    source = source_named("elpv:defective")
    assert source.watched(NOWHERE) == ()
    with pytest.raises(DataMissing, match="pip install"):
        source.version()


def test_the_version_is_of_the_labels_and_of_the_files(planted: Path) -> None:
    source = source_named("elpv:functional")
    before = source.version()
    assert source.version() == before
    assert source.watched(NOWHERE) == (planted / "labels.csv",)
    Image.fromarray(np.arange(36, dtype=np.uint8).reshape(6, 6)).save(planted / "images/e.png")
    changed = source.version()
    assert changed != before
    text = (planted / "labels.csv").read_text()
    (planted / "labels.csv").write_text(text.replace("a.png  0.0", "a.png  1.0"))
    assert source.version() not in (before, changed)


def row(change: Callable[[str], str]) -> Callable[[Path], None]:
    """A change of the text of labels.csv."""

    def damage(data: Path) -> None:
        path = data / "labels.csv"
        path.write_text(change(path.read_text()))

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (row(lambda t: t + "images/h.png 0.0 mono\n"), r"it has 8 rows, not 7"),
        (row(lambda t: t.partition("\n")[2]), r"it has 6 rows, not 7"),
        (row(lambda t: ""), r"it has 0 rows, not 7"),
        (row(lambda t: t.replace("0.6666", "0.5")), r"row 4 is 'images/d"),
        (row(lambda t: t.replace("1.0", "2.0")), r"row 5 is"),
        (row(lambda t: t.replace("1.0", "nan")), r"row 5 is"),
        (row(lambda t: t.replace("1.0", "much")), r"row 5 is"),
        (row(lambda t: t.replace("1.0   poly", "1.0   amorphous")), r"row 5 is"),
        (row(lambda t: t.replace("  1.0   poly", "")), r"row 5 is 'images/e.png', not a file, a"),
        (row(lambda t: t.replace("images/e.png", "../../e.png")), r"row 5 is"),
        (row(lambda t: t.replace("e.png", "d.png")), r"it names a file twice"),
        (lambda d: (d / "labels.csv").unlink(), r"No such file"),
        (lambda d: (d / "labels.csv").write_bytes(b"\xff\x00"), r"is no UTF-8 text"),
    ],
)  # fmt: skip
def test_labels_that_are_broken_are_said_in_one_line(
    planted: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(planted)
    with pytest.raises(DataMissing, match=words) as error:
        levels("functional")
    assert str(error.value).startswith(f"{planted / 'labels.csv'} cannot be read: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", [Path.unlink, lambda p: p.write_bytes(p.read_bytes()[:50])])
def test_a_picture_that_is_missing_or_damaged_is_named(
    planted: Path, damage: Callable[[Path], None]
) -> None:
    file = planted / "images" / "e.png"
    damage(file)
    with pytest.raises(DataMissing) as error:
        levels("defective")
    assert str(error.value).startswith(f"{file} cannot be read: ")
    assert "\n" not in str(error.value)
    assert levels("uncertain") == [12, 13]
