"""Numbers on pages have a minus that is one."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.numerals import MINUS
from pages._shared.scripts import SHARED


def page() -> None:
    import numpy as np

    from core.service import Gallery
    from pages._shared import gallery

    spots = np.zeros((2, 4, 4, 1), np.uint8)
    values = np.array([-2.839, 0.5])
    shown = Gallery(("a", "a"), np.arange(2), spots, values, np.array([3.0, 60.0]), 1)
    looks = {"titles": {"a": "Boxes"}, "key": "k", "what": "score"}
    gallery.tiles(shown, scenario="x", on_click=lambda *_: None, **looks)


def test_a_picture_of_a_gallery_has_its_number_with_a_true_minus() -> None:
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    first, second = (button.label.replace("\\", "") for button in app.button)
    assert first.endswith(f" {MINUS}2.84")
    assert second.endswith(" 0.50")


@pytest.mark.parametrize("folder", ["latent", "explain", "mirror"])
def test_what_the_browser_writes_of_a_number_has_it_too(folder: str) -> None:
    """Who rounds a number for eyes gives it to `minus`; an attribute or a place is no numeral."""
    scripts = [*(SHARED.parents[1] / f"_{folder}" / "browser").glob("*.js"), *SHARED.glob("*.js")]
    for path in scripts:
        for line in path.read_text(encoding="utf-8").splitlines():
            rounds = "toPrecision" in line or "score[row].toFixed" in line
            assert not rounds or "minus(" in line or path.name == "scale.js", f"{path.name}: {line}"
