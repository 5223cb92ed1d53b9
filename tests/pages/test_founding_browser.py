"""From folders of screws to the map of a defect: `new`, `train`, and Explain in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Call, _settle, forget_everything
from PIL import Image
from visitor import made_app, newcomer, settled

from core.scenario import load_scenario

pytestmark = pytest.mark.browser

SIDE = 64  # pixels: the whole way takes seconds


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Sixteen good screws, and four scratched ones with their masks, small."""
    for name, kind, count in (("good", "normal", 16), ("scratch-neck", "strange/scratch", 4)):
        pictures = load_scenario("screws").pictures(name)
        for i, image in enumerate(pictures.images[:count]):
            _save(tmp_path / f"mine/{kind}/{i:02}.png", image[..., 0])
        if kind != "normal":
            for i, mask in enumerate(pictures.masks[:count]):
                _save(tmp_path / f"mine/masks/scratch/{i:02}.png", 255 * mask.astype("uint8"))
    return tmp_path / "mine"


def _save(path: Path, pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def place(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict]:
    found = _settle(monkeypatch, tmp_path)
    found.checkpoints.mkdir()
    yield {
        "OUTSKIRTS_CHECKPOINTS": str(found.checkpoints),
        "OUTSKIRTS_RUNS": str(found.runs),
        "OUTSKIRTS_DATA": str(found.data),
    }
    forget_everything()


def test_from_folders_to_the_map_of_a_defect(
    chromium, browser, folders: Path, place: dict, call: Call
) -> None:
    given = ("--normal", folders / "normal", "--strange", folders / "strange")
    made = call("new", "mine", *given, "--masks", folders / "masks", "--size", SIDE)
    assert made.status == 0, made.err
    trained = call("train", "mine/novelty")
    assert trained.status == 0, trained.err
    with made_app(**place) as address:
        tab = newcomer(browser).new_page()
        tab.set_default_timeout(120_000)
        tab.goto(f"{address}/explain?scenario=mine&explain_image=scratch%230")
        canvas = tab.locator(".stage canvas").first
        canvas.wait_for()
        settled(tab)
        assert tab.locator("[data-testid=stException]").count() == 0
        assert tab.locator(".stage .name").inner_text()
        colours = canvas.evaluate(
            "c => new Set(new Uint32Array("
            "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
        )
        assert colours > 100
        tab.context.close()
