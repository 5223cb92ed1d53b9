"""What is said of files that cannot be read."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Tiny

from core import checkpoint
from core.errors import OutskirtsError, no_arrays
from core.scenario import load_scenario

DAMAGE = {
    "text": "it is no .npz file",
    "pickled": "it holds Python objects",
    "lone array": "it is no .npz file",
    "empty": "No data left in file",
}


def _scores(found: Tiny) -> object:
    return checkpoint.read_scores(found.folder, checkpoint.read_card(found.folder, "glow"))


READ = {
    "glow.atlas.npz": _scores,
    "reference.npz": lambda found: load_scenario(found.folder.name).pictures("boxes"),
}


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    ("file", "key"), [("glow.atlas.npz", "weights"), ("reference.npz", "boxes/images")]
)
def test_no_advice_of_numpys_to_trust_a_damaged_file_is_passed_on(
    tiny_scenario: Tiny, file: str, key: str, damage: str
) -> None:
    with (tiny_scenario.folder / file).open("wb") as stream:
        if damage == "pickled":
            objects = np.array([{"a": 1}], dtype=object)
            np.savez(stream, **{key: objects})  # type: ignore[arg-type]
        elif damage == "lone array":
            np.save(stream, np.zeros(3))
        elif damage == "text":
            stream.write(b"no arrays")
    with pytest.raises(OutskirtsError, match=f"{file} cannot be read: {DAMAGE[damage]}"):
        READ[file](tiny_scenario)


def test_an_error_without_words_is_called_by_its_name() -> None:
    assert no_arrays(EOFError()) == "EOFError"
