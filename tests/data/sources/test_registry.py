"""The folder is the registry: a source is found by the text that scenario.json uses for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.data.sources import DataMissing, source_kinds, source_named

OFFERED = (
    "there are: CIFAR10, CIFAR100-even, CIFAR100-odd, FashionMNIST, general-grey, MNIST, "
    "elpv:NAME, mvtec:NAME, npz:NAME"
)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("FashionMNIST", "torchvision", "FashionMNIST"),
        ("torchvision:MNIST", "torchvision", "MNIST"),
        ("CIFAR10", "torchvision", "CIFAR10"),
        ("CIFAR100-odd", "torchvision", "CIFAR100-odd"),
        ("general-grey", "npz", "general-grey"),
        ("npz:general-grey", "npz", "general-grey"),
        ("npz:street", "npz", "street"),
        ("mvtec:screw", "mvtec", "screw"),
        ("elpv:defective", "elpv", "defective"),
    ],
)
def test_a_source_is_found_by_kind_and_name_or_by_a_name_that_is_known(
    text: str, kind: str, name: str
) -> None:
    source = source_named(text)
    assert type(source).__module__ == f"core.data.sources.{kind}"
    assert source.name == name
    assert kind in source_kinds()


@pytest.mark.parametrize(
    "text",
    [
        "tiny-images", "", "npz:", "npz:.", "npz:../elsewhere", "npz:/etc", "npz",
        "torchvision:SVHN", "_base:x", "jpeg:screw",
    ],
)  # fmt: skip
def test_an_unknown_source_lists_those_there_are(text: str) -> None:
    with pytest.raises(DataMissing) as error:
        source_named(text)
    assert str(error.value) == f"no source {text!r}; {OFFERED}"


def test_naming_a_source_loads_nothing_that_only_training_needs() -> None:
    code = (
        "import sys; from core.data.sources import source_named; source_named('MNIST');"
        "sys.exit('torchvision' in sys.modules or 'torch' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
