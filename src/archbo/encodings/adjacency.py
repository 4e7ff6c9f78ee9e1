"""Adjacency encodings: which vertex feeds which, and what stands on each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float
from archbo.encodings.base import Encode
from archbo.encodings.columns import hidden, joined, require_positive, varying
from archbo.encodings.decisions import one_hot
from archbo.encodings.frames import Frame
from archbo.spaces import CompiledSpace, EdgeCell, Rows


@dataclass(frozen=True)
class Adjacency:
    """The operations and the upper triangle of the adjacency matrix of each cell and chain.

    Dead vertices are removed and the others in canonical order, so that equal networks have equal
    columns. A cell with operations on its edges is encoded by these instead, as it was written.
    Decisions that the graphs do not show follow, one-hot.

    Args:
        one_hot: a column for each operation of a vertex or edge; else one, its position.
        truncate: only so many of the columns that vary; all if None.
        name: of its block.

    Raises:
        ProblemError: if truncate is not positive.
    Source: White et al. 2020, "A Study on Encodings for Neural Architecture Search", section 3.
    """

    one_hot: bool = True
    truncate: int | None = None
    name: str = "adjacency"

    def __post_init__(self) -> None:
        require_positive("truncate", self.truncate)

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        on_edges = np.zeros(len(space.decisions), dtype=bool)
        paths = []
        for block in space.blocks:
            if block.path in space.structures:
                if isinstance(block.part, EdgeCell):
                    on_edges[block.columns] = True
                else:
                    paths.append(block.path)
        frame = Frame.of(space, reference, paths)

        def edges(rows: Rows) -> Float[Array, "n d"]:
            if self.one_hot:
                return one_hot(space, rows, on_edges)
            return np.where(rows.active, rows.values + 1, 0.0)[:, on_edges]

        def vertices(rows: Rows) -> Float[Array, "n d"]:
            adjacency, places = frame.fill(space.graphs(rows) if paths else {}, len(rows))
            upper = np.triu(np.ones(adjacency.shape[1:], dtype=bool), 1)
            labels = places + 1
            if self.one_hot:
                hot = places[:, :, None] == np.arange(frame.kinds)
                labels = hot.reshape(len(rows), frame.places * frame.kinds)
            return np.concatenate([adjacency[:, upper], labels], axis=1, dtype=float)

        found = joined([edges, vertices])
        return varying(found, reference, most=self.truncate, beside=hidden(space))
