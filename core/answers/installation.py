"""Whether what is installed works: scenarios are read, weights are their cards', goldens come out.

For health checks: it asks as little as tells a whole installation from a damaged one, and all of it
where there is time.
"""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from urllib.parse import urlsplit

import numpy as np

from core.answers.loaded import Target, variants_of
from core.card import Card, CardError, read_card
from core.errors import OutskirtsError, PicturesElsewhere, Untrained
from core.numerals import counted
from core.scenario import Scenario, load_scenario, scenario_names
from core.settings import settings

__all__ = ["OF_ITSELF", "OF_THE_SPREAD", "Checked", "check_installation", "check_server", "off_by"]

# Float32 through dozens of couplings: against float64, and in batches of another size, parts of 16
# steps a scale were seen to move by 2e-5 of their spread over normal images, and by 4e-7 of
# themselves; another processor adds in yet another order. bfloat16 moves them by a tenth of the
# spread, wrong weights by all of it. Complexity holds the size of a PNG, which is the same to the
# byte with the Pillow that requirements.txt pins; a byte is 8 bits, a hundredth of its spread.
OF_THE_SPREAD = 1e-3
OF_ITSELF = 4e-6
ANEW = "train it anew, or restore the file"  # what helps where weights are not their card's
PATIENCE = 10  # seconds that a server may take to say that it is up


@dataclass(frozen=True)
class Checked:
    """One thing that was checked.

    Attributes:
        what: a scenario, SCENARIO/MODEL, or "server".
        ok: whether it is as it should be.
        text: what was found, in words.
        seconds: that it took.
    """

    what: str
    ok: bool
    text: str
    seconds: float = 0.0

    def as_dict(self) -> dict[str, str | bool | float]:
        """What was checked by the names of its fields, seconds to three decimals."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def check_installation(*, every: bool = False) -> Iterator[Checked]:
    """Check every scenario with the weights of its models, then goldens.

    Args:
        every: goldens, stored scores and map of every model, not of the first of each scenario.

    Raises:
        OutskirtsError: there is no scenario.
    """
    names = scenario_names()
    if not names:
        raise OutskirtsError(f"there is no scenario in {settings().checkpoints}")
    said = set()  # a fault of its scenario's line is a model's, too
    for name in names:
        yield (checked := _timed(name, partial(_scenario, name)))
        said.add(checked.text)
    for name in names:
        try:
            trained = _trained(load_scenario(name))
        except OutskirtsError:
            continue  # its own line says so
        for target in trained if every else trained[:1]:
            checked = _timed(str(target), partial(_goldens, target, whole=every))
            if checked.ok or checked.text not in said:
                yield checked


def _timed(what: str, check: Callable[[], str]) -> Checked:
    """What a check found, or the error that it ended with."""
    began = time.perf_counter()
    try:
        ok, text = True, check()
    except OutskirtsError as error:
        ok, text = False, str(error)
    except OSError as error:
        ok, text = False, f"{error.filename or what}: {error.strerror or error}"
    return Checked(what, ok, text, time.perf_counter() - began)


# Scenarios ----------------------------------------------------------------------------------------


def _targets(scenario: Scenario) -> list[Target]:
    """Every model that a scenario trains, of each of its classes."""
    return [
        target
        for model in scenario.training
        for target in variants_of(Target.of(scenario.name, model))
    ]


def _trained(scenario: Scenario) -> list[Target]:
    """Those of which there is a card or weights."""
    ends = (".json", ".safetensors")
    return [
        target
        for target in _targets(scenario)
        if any((scenario.folder / f"{target.stem}{end}").exists() for end in ends)
    ]


def _scenario(name: str) -> str:
    """Read a scenario's pictures, its cards, and the bytes of its weights; in words what is there.

    Raises:
        OutskirtsError: the first that is not as it should be.
    """
    scenario = load_scenario(name)
    trained = _trained(scenario)
    pictures, elsewhere = 0, 0
    for image_set in scenario.sets:
        try:
            images = scenario.pictures(image_set.name).images
            pictures += len(images[:1]) and len(images)
        except PicturesElsewhere:
            elsewhere += 1
        except Untrained:
            if trained:
                raise
            return f"not trained yet; it has {counted(len(_targets(scenario)), 'model')} to train"
    for target in trained:
        _check_weights(scenario, target.stem)
    missing = len(_targets(scenario)) - len(trained)
    texts = [
        f"{counted(pictures, 'picture')} of {counted(len(scenario.sets) - elsewhere, 'set')}",
        f"pictures of {counted(elsewhere, 'set')} do not ship" if elsewhere else "",
        f"{counted(len(trained), 'model')} with the weights of their cards",
        f"{missing} not trained" if missing else "",
    ]
    return "; ".join(text for text in texts if text)


def _check_weights(scenario: Scenario, stem: str) -> None:
    card, path = read_card(scenario.folder, stem), scenario.folder / f"{stem}.safetensors"
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise CardError(f"weights {scenario.name}/{path.name} are missing: {ANEW}") from error
    if digest != card.weights.sha256:
        raise CardError(
            f"weights {scenario.name}/{path.name} are not those of their card: sha256 "
            f"{digest[:12]}, the card says {card.weights.sha256[:12]}: {ANEW}"
        )


# Goldens ------------------------------------------------------------------------------------------


def off_by(found: np.ndarray, kept: np.ndarray, *, spread: float) -> float:
    """How far scores are from the stored ones, as a share of what another processor may change.

    Args:
        found: (N,), as they are computed now.
        kept: (N,), as they were stored.
        spread: of the part over calibration normals.

    Returns:
        the largest of N shares: up to 1, it is the same model; NaN counts as infinite.

    Example:
        >>> off_by(np.array([2.0, 1.0]), np.array([2.0, 1.0005]), spread=1.0)  # doctest: +ELLIPSIS
        0.498...
    """
    allowed = OF_THE_SPREAD * spread + OF_ITSELF * np.abs(kept)
    share = np.abs(np.asarray(found, float) - kept) / allowed
    return float(np.where(np.isfinite(share), share, np.inf).max())


def _goldens(target: Target, *, whole: bool) -> str:
    """Score the golden images of a model's card anew; in words how near the stored scores are.

    Raises:
        OutskirtsError: it does not load, has other parts, or scores otherwise.
    """
    from core import checkpoint
    from core.inference.scoring import parts_of

    scenario = load_scenario(target.scenario)
    folder = scenario.folder
    _check_weights(scenario, target.stem)
    detector, card = checkpoint.load(folder, target.stem)
    places, images = _golden_images(target, card)
    if not places:
        return "loads; its golden images do not ship"
    found = parts_of(detector, images)
    if set(found) != set(card.golden.parts):
        changed = ", ".join(sorted(set(found) ^ set(card.golden.parts)))
        raise CardError(f"{target} has other parts than its card: {changed}; {_again(target)}")
    shares = {
        part: off_by(values, np.array(card.golden.parts[part])[places], spread=_spread(card, part))
        for part, values in found.items()
    }
    worst = max(shares, key=lambda part: shares[part])
    if shares[worst] > 1:
        raise CardError(
            f"{target} scores otherwise than when it was made: {worst} of its golden images is "
            f"off by {shares[worst]:.3g} times what another processor may change; {_again(target)}"
        )
    if whole:
        checkpoint.read_scores(folder, card)
    parts = counted(len(shares), "part")
    return f"{parts} of {counted(len(places), 'golden image')} come out again"


def _again(target: Target) -> str:
    return f"`python -m core train {target} --keep-weights` measures it anew"


def _golden_images(target: Target, card: Card) -> tuple[list[int], np.ndarray]:
    """Which golden images are here, and their pixels (N, H, W, C) uint8."""
    places, images = [], []
    for place, key in enumerate(card.golden.ids):
        name, _, index = key.partition("#")
        try:
            images.append(target.world.pictures(name).images[int(index)])
        except PicturesElsewhere:
            continue
        places.append(place)
    return places, np.stack(images) if images else np.zeros((0, 1, 1, 1), np.uint8)


def _spread(card: Card, part: str) -> float:
    """Half the distance of the 16 % and 84 % quantiles of calibration normals."""
    low, high = card.quantiles(part)[[160, 840]]
    return float(high - low) / 2


# The server ---------------------------------------------------------------------------------------


def check_server(address: str) -> Checked:
    """Whether the server at an ``address``, with its base path, says of itself that it is up.

    Raises:
        OutskirtsError: it is no http address.
    """
    if not _is_address(address):
        raise OutskirtsError(f"{address!r} is no address such as http://127.0.0.1:8501")
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(
            f"{address.rstrip('/')}/_stcore/health", timeout=PATIENCE
        ) as answer:
            ok, text = True, f"{address} is up: it answers {answer.status}"
    except urllib.error.HTTPError as error:
        ok, text = False, f"{address} is not well: it answers {error.code}"
    except (OSError, ValueError) as error:
        ok, text = False, f"{address} does not answer: {getattr(error, 'reason', error)}"
    except http.client.HTTPException:  # its words are whatever came: bytes of another protocol
        ok, text = False, f"{address} does not answer in HTTP"
    return Checked("server", ok, text, time.perf_counter() - began)


def _is_address(text: str) -> bool:
    """Whether it is an http address that can be asked: a port of digits, no space in it."""
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:  # of a port, or half an IPv6 address
        return False
    return known and text.isprintable() and " " not in text
