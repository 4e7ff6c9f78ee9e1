"""NAS-Bench-101 as a benchmark, from all that its authors recorded."""

from __future__ import annotations

import numpy as np

from archbo.arrays import Array
from archbo.bench.recorded import Recorded, by_id, by_row
from archbo.errors import DataError
from archbo.spaces import NodeCell, Pool, Rows

OPS = ("conv3x3", "conv1x1", "maxpool3x3")
"""The names of the operations, in the order of their codes."""

ALL = 423_624
"""How many different networks the space has, by Ying et al. 2019, section 2.1."""

_DIVERGED = 0.11  # accuracy: no better than a guess among ten classes
_AT_ONCE = 2**15


def nas_bench_101(table: dict[str, Array]) -> Recorded:
    """The benchmark of the arrays that `read_nasbench101` gives.

    Where every network is recorded, the space is that of all cells of at most 7 nodes and 9 edges,
    of which many are the same network; else it is a pool of the recorded ones. A search sees one of
    the trainings, three in the authors' files; those of the full length that ended no better than a
    guess failed.

    Raises:
        DataError: if a cell was not trained with each number of epochs.
    """
    if len(never := np.argwhere(np.isnan(table["val_seeds"][:, :, 0]))):
        cell, budget = never[0]
        raise DataError(
            f"cell {table['hash'][cell].decode()} was never trained for {table['epochs'][budget]} "
            "epochs, as others were",
            path="nas-bench-101",
        )
    whole = len(table["hash"]) == ALL
    space = NodeCell(max_nodes=7, max_edges=9, ops=OPS) if whole else _pool(table)
    rows = space.compiled.rows(_numbers(space, table))
    values = 100 * table["val_seeds"].astype(float)
    failed = np.zeros(values.shape, dtype=bool)
    failed[:, -1] = values[:, -1] < 100 * _DIVERGED
    return Recorded(
        name="nas-bench-101",
        space=space,
        maximize=True,
        unit="percent points",
        fidelities=tuple(table["epochs"].tolist()),
        rows=rows,
        position=by_id(_ids(space, rows)) if whole else by_row(rows),
        values=values,
        failed=failed,
        tests=100 * np.nanmean(table["test_seeds"][:, -1].astype(float), axis=1),
        times=np.nanmean(table["seconds"].astype(float), axis=2),
        known={"params": table["params"].astype(float)},
    )


def _numbers(space: NodeCell | Pool, table: dict[str, Array]) -> Array:
    """The recorded cells as numbers of the space, [n D]."""
    if isinstance(space, Pool):
        return np.arange(len(table["hash"]), dtype=float)[:, None]
    nodes, ops = table["n_vertices"].astype(int), table["ops"][:, 1:-1]
    edges = table["adjacency"].astype(float)
    # in a row the output is the last node of the largest cell
    small = np.flatnonzero(nodes < space.max_nodes)
    edges[small, :, -1] = edges[small, :, nodes[small] - 1]
    edges[small, :, nodes[small] - 1] = 0
    sources, targets = np.array(space.pairs).T
    return np.column_stack([nodes, np.maximum(ops, 0), edges[:, sources, targets]])


def _ids(space: NodeCell | Pool, rows: Rows) -> list[str]:
    """The id of each row, some at once: canonical forms take memory."""
    parts = np.split(np.arange(len(rows)), range(_AT_ONCE, len(rows), _AT_ONCE))
    return [key for part in parts for key in space.compiled.ids(rows.take(part))]


def _pool(table: dict[str, Array]) -> Pool:
    graphs = []
    for nodes, ops, adjacency in zip(
        table["n_vertices"].tolist(), table["ops"].tolist(), table["adjacency"], strict=True
    ):
        names = ["input", *(OPS[code] for code in ops[1 : nodes - 1]), "output"]
        graphs.append((names, np.argwhere(adjacency).tolist()))
    return Pool(graphs)
