"""`python -m core check`: a whole installation passes, each kind of damage is a line of its own."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from babbling import babbling
from conftest import Call, Said, Tiny, change, forget_everything

from core.answers.installation import check_server
from core.card import Card
from core.errors import OutskirtsError


def lines(said: Said) -> list[str]:
    return said.out.splitlines()


def resealed(found: Tiny, **update: object) -> None:
    """Write the card of the tiny flow with other values, whole and with a seal that fits."""
    path = found.folder / "glow.json"
    card = Card.model_validate_json(path.read_text()).model_copy(update=update)
    path.write_text(card.sealed().text())
    forget_everything()


def test_a_whole_installation_is_a_line_a_thing_and_status_0(
    tiny_scenario: Tiny, call: Call
) -> None:
    said = call("check")
    assert (said.status, said.err) == (0, "")
    scenario, goldens = lines(said)
    assert scenario.startswith("ok    tiny: ")
    assert "1 model with the weights of their cards" in scenario
    card = Card.model_validate_json((tiny_scenario.folder / "glow.json").read_text())
    counts = f"{len(card.golden.parts)} parts of {len(card.golden.ids)} golden images"
    assert goldens == f"ok    tiny/glow: {counts} come out again"


def test_json_holds_the_same(tiny_scenario: Tiny, call: Call) -> None:
    said = call("check", "--json", "--all")
    assert said.status == 0
    found = json.loads(said.out)
    assert found["ok"] is True
    assert [c["what"] for c in found["checks"]] == ["tiny", "tiny/glow"]
    assert all(c["ok"] and c["seconds"] >= 0 for c in found["checks"])


def flipped(found: Tiny) -> None:
    path = found.folder / "glow.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))


def without_weights(found: Tiny) -> None:
    (found.folder / "glow.safetensors").unlink()


def without_pictures(found: Tiny) -> None:
    (found.folder / "reference.npz").write_bytes(b"no more")


def broken_scenario(found: Tiny) -> None:
    (found.folder / "scenario.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (flipped, "FAULT tiny: weights tiny/glow.safetensors are not those of their card"),
        (without_weights, "FAULT tiny: weights tiny/glow.safetensors are missing"),
        (without_pictures, "FAULT tiny: "),
        (broken_scenario, "FAULT tiny: "),
    ],
)
def test_each_kind_of_damage_is_a_line_and_status_2(
    tiny_scenario: Tiny, call: Call, damage: Callable[[Tiny], None], words: str
) -> None:
    damage(tiny_scenario)
    forget_everything()
    said = call("check")
    assert said.status == 2
    assert lines(said)[0].startswith(words)
    (error,) = said.err.splitlines()
    assert error.startswith("error: ")
    assert "checks failed: tiny" in error


@pytest.mark.parametrize("damage", [flipped, without_weights])
def test_weights_that_are_broken_are_said_once_with_what_to_do(
    tiny_scenario: Tiny, call: Call, damage: Callable[[Tiny], None]
) -> None:
    damage(tiny_scenario)
    forget_everything()
    said = call("check", "--all")
    (line,) = lines(said)
    assert line.startswith("FAULT tiny: weights tiny/glow.safetensors are ")
    assert line.endswith(": train it anew, or restore the file")
    assert said.err == "error: 1 of 1 checks failed: tiny\n"


def test_scores_that_moved_by_a_hundredth_of_the_spread_are_a_fault(
    tiny_scenario: Tiny, call: Call
) -> None:
    card = Card.model_validate_json((tiny_scenario.folder / "glow.json").read_text())
    low, high = card.quantiles("total")[[160, 840]]
    moved = card.golden.parts["total"]
    moved = (moved[0] + 0.01 * float(high - low) / 2, *moved[1:])
    golden = card.golden.model_copy(update={"parts": {**card.golden.parts, "total": moved}})
    resealed(tiny_scenario, golden=golden)
    said = call("check")
    assert said.status == 2
    assert lines(said)[0].startswith("ok    tiny: "), "its weights are its card's"
    assert "FAULT tiny/glow: tiny/glow scores otherwise than when it was made: total" in said.out
    again = "`python -m core train tiny/glow --keep-weights` measures it anew"
    assert lines(said)[1].endswith(f"; {again}")


def test_what_nobody_trained_yet_is_no_fault(tiny_scenario: Tiny, call: Call) -> None:
    for path in tiny_scenario.folder.glob("glow.*"):
        path.unlink()
    forget_everything()
    said = call("check")
    assert said.status == 0
    assert lines(said)[0].endswith("0 models with the weights of their cards; 1 not trained")
    assert len(lines(said)) == 1


def test_a_scenario_before_its_first_training_is_no_fault_but_pictures_that_went_are(
    tiny_scenario: Tiny, call: Call
) -> None:
    (tiny_scenario.folder / "reference.npz").unlink()
    forget_everything()
    said = call("check")
    assert said.status == 2
    assert "FAULT tiny: tiny/reference.npz is missing: `python -m core train tiny/glow`" in said.out
    for path in tiny_scenario.folder.glob("glow.*"):
        path.unlink()
    forget_everything()
    said = call("check")
    assert said.status == 0
    assert lines(said) == ["ok    tiny: not trained yet; it has 1 model to train"]


def test_one_damaged_scenario_leaves_the_others_checked(tiny_scenario: Tiny, call: Call) -> None:
    other = tiny_scenario.checkpoints / "another"
    other.mkdir()
    (other / "scenario.json").write_text("[]")
    said = call("check", "--json")
    found = json.loads(said.out)
    assert said.status == 2
    assert {c["what"]: c["ok"] for c in found["checks"]} == {
        "another": False, "tiny": True, "tiny/glow": True,
    }  # fmt: skip


def test_no_scenario_at_all_is_one_line(tiny_scenario: Tiny, call: Call, tmp_path: Path) -> None:
    change(tiny_scenario, lambda values: None)
    for path in tiny_scenario.folder.iterdir():
        path.unlink()
    tiny_scenario.folder.rmdir()
    assert "there is no scenario in" in call("check").error()


@pytest.fixture
def serving() -> Iterator[Callable[[int], str]]:
    """Address of a server that answers every question with one status."""
    servers: list[http.server.HTTPServer] = []

    def serve(status: int) -> str:
        class Answers(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                well = status if self.path == "/base/_stcore/health" else 404
                self.send_response(well)
                self.end_headers()

            def log_message(self, *arguments: object) -> None: ...

        server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/base/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
def test_a_server_is_asked_below_its_base_path(tiny_scenario: Tiny, call: Call, serving) -> None:
    said = call("check", "--server", serving(200))
    assert said.status == 0
    assert lines(said)[0].startswith("ok    server: http://127.0.0.1:")
    said = call("check", "--server", serving(503))
    assert said.status == 2
    assert lines(said)[0].endswith("is not well: it answers 503")


def test_a_server_that_does_not_answer_is_a_fault_and_no_other_address_is_opened(
    tiny_scenario: Tiny, call: Call
) -> None:
    said = call("check", "--server", "http://127.0.0.1:9")
    assert said.status == 2
    assert "FAULT server: http://127.0.0.1:9 does not answer" in said.out
    assert "is no address" in call("check", "--server", "file:///etc/passwd").error()


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:abc",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:9/a b",
        "http://127.0.0.1:9/a\nb",
        "http://[::1",
    ],
)
def test_an_address_that_cannot_be_asked_is_one_line(address: str) -> None:
    with pytest.raises(OutskirtsError) as raised:
        check_server(address)
    assert str(raised.value) == f"{address!r} is no address such as http://127.0.0.1:8501"


def test_a_port_that_speaks_no_http_is_a_fault_in_one_line() -> None:
    with babbling() as address:
        found = check_server(address)
    assert (found.ok, found.text) == (False, f"{address} does not answer in HTTP")
