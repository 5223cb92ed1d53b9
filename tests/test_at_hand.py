"""Sets whose pictures come with an installed package: read from there, or words say how to."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny
from conftest import Tiny, forget_everything
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import service
from core.answers import lesson
from core.answers.absent import absent_of
from core.data.picture import no_picture
from core.data.reference import read_reference, write_reference
from core.data.sources import elpv
from core.errors import PicturesElsewhere
from core.scenario import build_reference, load_scenario
from core.service import GalleryQuery, ImageQuery, StoredQuery, Target
from core.train.streams import reference_sets

SIZE = 8
HAD = "they come with the Python package elpv-dataset: `pip install elpv-dataset==1.0.0.post1`"
CELLS = {"0.0": (10, 10), "0.3333333333333333": (1, 2), "1.0": (3, 5)}  # mono and poly
TESTS = (4, 4)  # of the functional ones of each kind: six train
SETS = ("functional", "mono", "all", "turned", "functional-poly", "uncertain")


def set_json(name: str, **more: object) -> dict:
    own = {"name": name, "title": name.title(), "text": "Cells.", "licence": "MIT", **more}
    if "source" in more:
        own |= {"shipped": False, "had": HAD}
    return own | {"classes": ["mono", "poly"]}


def cells_json() -> dict:
    """A scenario.json with every kind of set that can be at hand, or be made of one that is."""
    return {
        "schema": 1,
        "name": "tiny",
        "title": "Cells",
        "question": "Which are defective?",
        "normal": set_json("functional", source="elpv:functional"),
        "strange": [
            set_json("mono", source="elpv:defective", only=0),
            set_json("poly", source="elpv:defective", only=1, against="functional-poly", first=4),
            set_json("all", joins=True),
            set_json("turned", change="turned"),
        ],
        "others": [
            set_json("functional-poly", role="normal", part_of="functional", only=1),
            set_json("uncertain", role="unjudged", source="elpv:uncertain"),
        ],
        "image": [1, SIZE, SIZE],
        "images": "shipped",
        "split": {"calibration": 4, "seed": 0},
        "training": {},
    }


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder of a package with a few cells, no two of which are the same."""
    data = tmp_path / "site" / "elpv_dataset" / "data"
    (data / "images").mkdir(parents=True)
    (data.parent / "__init__.py").write_text("")
    rows = [
        f"images/cell{100 * i + n:04}{kind}.png {probability} {kind}"
        for i, (probability, counts) in enumerate(CELLS.items())
        for kind, count in zip(elpv.KINDS, counts, strict=True)
        for n in range(count)
    ]
    for i, row in enumerate(rows):
        pixels = np.random.default_rng(i).integers(0, 256, (SIZE, SIZE), np.uint8)
        Image.fromarray(pixels).save(data / row.split()[0])
    (data / "labels.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.setattr(elpv, "CELLS", len(rows))
    monkeypatch.syspath_prepend(tmp_path / "site")
    elpv._root.cache_clear()
    yield data
    elpv._root.cache_clear()


@pytest.fixture
def cells(untrained: Tiny, package: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's data, and reference.npz as training makes it: no data folder is needed."""
    from core.data.sources import source_named

    monkeypatch.setattr("core.train.streams.source_named", source_named)
    (untrained.folder / "scenario.json").write_text(json.dumps(cells_json()))
    scenario = load_scenario("tiny")
    build_reference(scenario, reference_sets(scenario, download=False))
    forget_everything()
    return package


def taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine on which nobody has installed the package."""
    monkeypatch.setitem(sys.modules, "elpv_dataset", None)
    elpv._root.cache_clear()
    forget_everything()


def of_file(package: Path, pattern: str) -> np.ndarray:
    files = sorted((package / "images").glob(pattern))
    return np.stack([np.asarray(Image.open(file)) for file in files])[..., None]


def test_of_a_set_at_hand_nothing_ships_but_its_shape_labels_and_version(
    cells: Path, untrained: Tiny
) -> None:
    with np.load(untrained.folder / "reference.npz") as stored:
        keys = {key.rpartition("/") for key in stored.files}
    own = {"functional", "mono", "poly", "uncertain"}
    assert {(s, k) for s, _, k in keys} == {
        (s, k) for s in own for k in ("labels", "shape", "sha256", "version")
    }


def test_pictures_of_every_kind_of_set_are_those_of_the_package(cells: Path) -> None:
    scenario = load_scenario("tiny")
    assert not any(scenario.pictures(s.name).elsewhere for s in scenario.sets)
    mono, poly = (scenario.pictures(name) for name in ("mono", "poly"))
    assert np.array_equal(mono.images[:], of_file(cells, "cell02??mono.png"))
    assert np.array_equal(poly.images[:], of_file(cells, "cell02??poly.png")[:4])  # the first 4
    strange = [scenario.pictures(name).images[:] for name in ("mono", "poly", "turned")]
    assert np.array_equal(scenario.pictures("all").images[:], np.concatenate(strange))
    whole, part = scenario.pictures("functional"), scenario.pictures("functional-poly")
    assert tuple(np.bincount(whole.labels)) == TESTS
    assert np.array_equal(part.images[:], whole.images[whole.labels == 1])
    assert len(scenario.pictures("uncertain").images) == 3
    assert scenario.normal_of("poly").name == "functional-poly"
    assert scenario.normal_of("mono").name == "functional"


@pytest.mark.parametrize("name", SETS)
def test_without_the_package_every_set_says_with_which_it_comes(
    cells: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    taken_away(monkeypatch)
    scenario = load_scenario("tiny")
    pictures = scenario.pictures(name)
    with pytest.raises(PicturesElsewhere, match="pip install elpv-dataset"):
        pictures.images[0]
    assert np.array_equal(pictures.shown(0), no_picture(scenario.shape))
    assert pictures.nbytes < 1000
    (said,) = absent_of(scenario, (name,))
    for text in (said, pictures.elsewhere):
        assert HAD in text
        assert "not here" in text
        assert "not shipped" not in text
    assert said.startswith(f"The pictures of {name.title()} are not here, their scores are: ")


def test_pictures_are_had_again_once_the_package_is_installed(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        taken_away(patch)
        assert load_scenario("tiny").pictures("mono").elsewhere
    assert len(load_scenario("tiny").pictures("mono").images[:]) == 3


@pytest.mark.parametrize("change", ["another picture", "another label"])
def test_another_version_of_the_package_is_not_taken_for_it(cells: Path, change: str) -> None:
    if change == "another picture":
        Image.fromarray(np.zeros((SIZE, SIZE), np.uint8)).save(cells / "images/cell0200mono.png")
    else:
        labels = (cells / "labels.csv").read_text()
        (cells / "labels.csv").write_text(
            labels.replace("cell0201mono.png 1.0", "cell0201mono.png 0.0")
        )
    forget_everything()
    for name in ("mono", "functional-poly", "all"):
        text = load_scenario("tiny").pictures(name).elsewhere
        assert text.endswith("(those that are installed are others)")
        assert HAD in text


def test_a_lesson_without_normal_pictures_is_refused_in_one_line(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_away(monkeypatch)
    with pytest.raises(
        lesson.LessonError, match=r"learns from normal images.*pip install"
    ) as error:
        lesson._images_of(load_scenario("tiny"))
    assert "\n" not in str(error.value)


# Pages ------------------------------------------------------------------------------------------


@pytest.fixture
def bare(models: Tiny, few_draws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    """A trained scenario, its normal and its strange pictures in a package that is missing."""
    path, reference = models.folder / "scenario.json", models.folder / "reference.npz"
    scenario = json.loads(path.read_text())
    away = {"shipped": False, "had": HAD}
    scenario["normal"] |= {"source": "elpv:functional", **away}
    scenario["strange"][0] |= {"source": "elpv:defective", **away}
    names = {scenario["normal"]["name"], scenario["strange"][0]["name"]}
    sets = {
        key: (np.asarray(p.images[:]), p.labels)
        for key, p in read_reference(reference, "tiny").items()
    }
    write_reference(reference, sets, elsewhere=names, versions=dict.fromkeys(names, "another"))
    path.write_text(json.dumps(scenario))
    taken_away(monkeypatch)
    yield models
    forget_everything()


def test_stored_numbers_and_galleries_go_on_without_the_package(bare: Tiny) -> None:
    scenario, glow = load_scenario("tiny"), Target("tiny", "glow")
    names = [scenario.normal.name, scenario.strange[0].name, "turned"]
    view = service.ask(StoredQuery(ImageQuery(glow, names[1], 3)))
    assert view.warnings == (f"its picture is not here, its scores are: {HAD}",)
    found = service.ask(GalleryQuery(glow, tuple(names), "total", "random", count=20))
    assert len(found.absent) == 3
    assert np.array_equal(found.images[0], no_picture(tiny.SHAPE))


@pytest.mark.usefixtures("quick_apps")
@pytest.mark.parametrize(
    "page",
    ["overview", "latent", "compare", "cards", "likelihoods", "explain", "own", "labels", "mirror"],
)
def test_pages_go_on_without_the_package(bare: Tiny, page: str) -> None:
    app = AppTest.from_file("../pages/_frame.py", default_timeout=60).run()
    app = app.switch_page(f"{page}.py").run()
    assert not app.exception, [e.value for e in app.exception]
    said = [e.value for kind in (app.error, app.info, app.warning, app.caption) for e in kind]
    assert not any("not shipped" in text for text in said)
    if page in ("explain", "overview"):
        text = " ".join(said) + "".join(h.proto.body for h in app.get("html"))
        assert "not here" in text
