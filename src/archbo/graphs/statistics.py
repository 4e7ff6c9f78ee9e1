"""Cheap numbers about graphs, known before any training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbo.arrays import Array, Float
from archbo.graphs.batch import GraphBatch


def statistics(batch: GraphBatch, names: Mapping[str, int]) -> dict[str, Float[Array, " g"]]:
    """Size, depth and paths of pruned graphs, and how often each operation occurs.

    Gives `vertices` (inner ones), `edges`, `longest` and `shortest` (inner vertices on the longest
    and shortest path from the input to the output), `log_paths` (log of 1 + their number), and for
    each named operation its `count`, and the `most`, `fewest` and `mean` of it on a path.

    Args:
        batch: pruned graphs.
        names: the label of each operation by its name.
    """
    present, matrix = batch.present, batch.adjacency.astype(float)
    inner = present.copy()
    inner[:, [0, -1]] = False
    paths = np.zeros(present.shape)
    paths[:, 0] = 1.0
    for v in range(1, present.shape[1]):
        paths[:, v] = np.einsum("gu,gu->g", paths[:, :v], matrix[:, :v, v])
    found = {
        "vertices": inner.sum(axis=1).astype(float),
        "edges": matrix.sum(axis=(1, 2)),
        "log_paths": np.log1p(paths[:, -1]),
    }
    found["longest"], found["shortest"], _ = _along_paths(inner.astype(float), matrix, paths)
    for name, code in names.items():
        share = (batch.labels == np.uint64(code)).astype(float)
        most, fewest, mean = _along_paths(share, matrix, paths)
        found |= {f"{name}.count": share.sum(axis=1), f"{name}.most": most}
        found |= {f"{name}.fewest": fewest, f"{name}.mean": mean}
    return found


def _along_paths(share: Array, matrix: Array, paths: Array) -> tuple[Array, Array, Array]:
    """The largest, smallest and mean sum of `share` on a path from the input to the output, [g].

    0 where there is no path.
    """
    most = np.full(share.shape, -np.inf)
    fewest = np.full(share.shape, np.inf)
    total = np.zeros(share.shape)  # of the sums over all paths that end at a vertex
    most[:, 0] = fewest[:, 0] = 0.0
    for v in range(1, share.shape[1]):
        linked = matrix[:, :v, v] > 0
        most[:, v] = np.where(linked, most[:, :v], -np.inf).max(axis=1) + share[:, v]
        fewest[:, v] = np.where(linked, fewest[:, :v], np.inf).min(axis=1) + share[:, v]
        total[:, v] = np.einsum("gu,gu->g", total[:, :v], matrix[:, :v, v])
        total[:, v] += paths[:, v] * share[:, v]
    reached = paths[:, -1] > 0
    mean = total[:, -1] / np.maximum(paths[:, -1], 1.0)
    return np.where(reached, most[:, -1], 0.0), np.where(reached, fewest[:, -1], 0.0), mean
