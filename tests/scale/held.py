"""The command, whose Ray stays when all is scored until a line comes: others can join it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.__main__ import main
from core.scale import engine

started = engine._started


@contextmanager
def held(**how: Any) -> Iterator[None]:
    """Say at the end where Ray answers, and to which token; go on when a line comes."""
    with started(**how):
        yield
        import ray  # not before: it looks for the token when it is imported

        words = ("held at", ray.get_runtime_context().gcs_address, os.environ["RAY_AUTH_TOKEN"])
        sys.stderr.write(" ".join(words) + "\n")
        sys.stderr.flush()
        sys.stdin.readline()


if __name__ == "__main__":  # a worker of Ray's may import it
    engine._started = held
    sys.exit(main())
