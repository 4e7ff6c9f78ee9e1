"""Graphs as dense arrays, for graph neural networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float
from archbo.encodings.base import Encode
from archbo.encodings.decisions import one_hot, shown_by_graphs
from archbo.encodings.frames import Frame
from archbo.spaces import CompiledSpace, Rows


@dataclass(frozen=True)
class Graphs:
    """Each row as one graph [v v+l]: its adjacency, then its vertices' labels, one-hot.

    Cells and chains stand side by side, with labels of their own. Where the space has decisions
    that the graphs do not show, a last vertex feeds all others and has these as its labels.

    Args:
        name: of its block, [n v v+l].
    """

    name: str = "graphs"

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        frame = Frame.of(space, reference)
        hidden = ~shown_by_graphs(space) & (space.options != 1)
        alone = frame.places == 0  # then a vertex for the decisions is all there is
        has_context = bool(hidden.any()) or alone

        def encode(rows: Rows) -> Float[Array, "n v w"]:
            adjacency, places = frame.fill(space.graphs(rows), len(rows))
            labels = places[:, :, None] == np.arange(frame.kinds)
            graph = np.concatenate([adjacency, labels], axis=2, dtype=float)
            if not has_context:
                return graph
            context = one_hot(space, rows, hidden)
            v, k, n = frame.places, frame.kinds, len(rows)
            whole = np.zeros((n, v + 1, v + 1 + k + context.shape[1]))
            whole[:, :v, :v] = graph[:, :, :v]
            whole[:, v, :v] = (places >= 0).astype(float)
            whole[:, :v, v + 1 : v + 1 + k] = graph[:, :, v:]
            whole[:, v, v + 1 + k :] = context
            return whole

        return encode
