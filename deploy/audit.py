"""Known vulnerabilities of what requirements.lock installs, a line each, by pip-audit's data.

pip-audit itself ends well where it could look nothing up; this says how much it could.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["main", "told"]

LOCK = Path(__file__).parents[1] / "requirements.lock"
COMMAND = ("--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off")


def told(dependencies: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """Exit status and lines for what pip-audit found of each dependency.

    Example:
        >>> told([{"name": "a", "version": "1", "vulns": []}])
        (0, ['1 of 1 packages looked up, 0 known vulnerabilities'])
        >>> told([{"name": "a", "skip_reason": "not found"}])[0]
        2
    """
    found = [row for row in dependencies if "skip_reason" not in row]
    lines = [
        f"{row['name']} {row['version']}: {each['id']}, "
        f"mended in {', '.join(each['fix_versions']) or 'no version yet'}"
        for row in found
        for each in row["vulns"]
    ]
    counts = f"{len(found)} of {len(dependencies)} packages looked up"
    if not found:
        return 2, [f"{counts}: the data of pypi.org cannot be had here, nothing is known"]
    status = 1 if lines else 0 if len(found) == len(dependencies) else 2
    return status, [*lines, f"{counts}, {len(lines)} known vulnerabilities"]


def main() -> int:
    """Ask pip-audit, which is installed beside the Python that runs this; 0: nothing is known."""
    audit = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), *COMMAND]
    ran = subprocess.run(audit, capture_output=True, text=True, check=False)
    try:
        status, lines = told(json.loads(ran.stdout)["dependencies"])
    except (ValueError, KeyError):
        last = (ran.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        status, lines = 2, [f"nothing could be looked up: {last[:120]}"]
    sys.stdout.write("\n".join(f"audit: {line}" for line in lines) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
