"""How large the image of deploy/Dockerfile is, computed: no Docker is needed.

The packages that requirements.txt asks for are weighed as they lie on this disk. Where torch is
PyPI's build, what the CPU build leaves out is left out: its CUDA libraries and NVIDIA's packages.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

__all__ = ["closure", "main", "weight"]

ROOT = Path(__file__).parents[1]
BASE = 125_000_000  # bytes of python:3.11-slim, unpacked: Debian and Python
TARGET = 2_500_000_000
CUDA_ONLY = re.compile(r"^(nvidia-|cuda-|triton$)")
CUDA_FILE = re.compile(r"torch(vision)?/.*(cuda|nvrtc|cupti|nvshmem|nccl|cudnn)", re.IGNORECASE)


def closure(requirements: Path) -> dict[str, Distribution]:
    """The packages that a file asks for, and what these ask for, by name, but for CUDA's.

    Raises:
        SystemExit: one is not installed.
    """
    lines = (line.partition("#")[0].strip() for line in requirements.read_text().splitlines())
    found: dict[str, Distribution] = {}
    wanted = [Requirement(line) for line in lines if line]
    seen: set[tuple[str, ...]] = set()
    while wanted:
        asked = wanted.pop()
        name = re.sub(r"[-_.]+", "-", asked.name).lower()
        extras = ["", *sorted(asked.extras)]
        if CUDA_ONLY.match(name) or (name, *extras) in seen:
            continue
        seen.add((name, *extras))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            sys.exit(f"{name} is not installed: make app first")
        for line in found[name].requires or ():
            needed = Requirement(line)
            if not needed.marker or any(needed.marker.evaluate({"extra": e}) for e in extras):
                needed.marker = None
                wanted.append(needed)
    return found


def weight(package: Distribution) -> int:
    """Bytes of a package's files on the disk, but for those that only CUDA needs."""
    files = (file for file in package.files or () if not CUDA_FILE.search(str(file)))
    paths = (Path(str(package.locate_file(file))) for file in files)
    return sum(path.stat().st_size for path in paths if path.is_file())


def of_project() -> int:
    """Bytes of the project's own files in the image."""
    rules = Path(__file__).with_name("Dockerfile.dockerignore").read_text().split()
    paths = (
        path
        for name in (rule[1:] for rule in rules if rule.startswith("!"))
        for path in ((ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name])
    )
    return sum(path.stat().st_size for path in paths if path.is_file())


def main() -> int:
    """Print the largest packages and the sum; 1 where it is above the target."""
    weights = {
        name: weight(package) for name, package in closure(ROOT / "requirements.txt").items()
    }
    rows = sorted(weights.items(), key=lambda row: -row[1])
    whole = BASE + sum(weights.values()) + of_project()
    lines = [f"{size / 1e6:8.1f} MB  {name}" for name, size in rows[:12]]
    lines += [f"{sum(size for _, size in rows[12:]) / 1e6:8.1f} MB  {len(rows) - 12} more packages"]
    lines += [f"{of_project() / 1e6:8.1f} MB  Outskirts, checkpoints included"]
    lines += [f"{BASE / 1e6:8.1f} MB  python:3.11-slim"]
    lines += [f"{whole / 1e9:8.2f} GB  in all; {TARGET / 1e9:.1f} GB is the target"]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(whole > TARGET)


if __name__ == "__main__":
    sys.exit(main())
