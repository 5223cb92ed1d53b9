"""Scores beyond one process: folders and buckets of any size, in portions, by workers of Ray Data.

The driver lists files (`locations`) and shares them out (`portions`), workers read, decode and
score a portion at a time (`worker`), and the driver writes each as a parquet file when it comes
(`run`). Ray itself is known to `engine` alone, and imported only there.
"""

from __future__ import annotations

from core.scale.engine import LOCAL, Cluster, cluster
from core.scale.portions import FILES
from core.scale.run import Outcome, Progress, score

__all__ = ["FILES", "LOCAL", "Cluster", "Outcome", "Progress", "cluster", "score"]
