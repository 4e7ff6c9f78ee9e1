import networkx
import numpy as np
import pytest

import archbo as ab
from archbo.arrays import stream
from archbo.spaces.moves import sample

CELL = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"])
SPACES = {
    "edge cell": CELL,
    "node cell": ab.NodeCell(6, 8, ["conv", "pool"]),
    "chain": ab.Chain(ab.Space(op=ab.Choice(["a", "b"]), width=ab.Int(16, 256)), length=(1, 4)),
    "pool": ab.Pool(
        [
            (["a", "b"], [(0, 1)]),
            (["a", "b", "b"], [(0, 1), (0, 2), (1, 2)]),
            (["a", "b", "a", "b"], [(0, 1), (0, 2), (1, 3), (2, 3)]),
        ]
    ),
    "chain of cells": ab.Chain(ab.EdgeCell(3, ["none", "a", "b"]), length=2),
    "cells and settings": ab.Space(
        normal=CELL,
        head=ab.Choice({"linear": None, "cell": ab.NodeCell(4, 4, ["conv", "pool"])}),
        lr=ab.Float(1e-4, 1e-1, log=True),
    ),
    "grammar": ab.Grammar(
        "net", {"net": ["seq(net, net)", "par(net, net)", "a", "b"]}, max_depth=4
    ),
    "numbers": ab.Space(x=ab.Float(0, 1), y=ab.Int(1, 5)),
    "no choice": ab.Space(x=ab.Choice(["only"])),
}


@pytest.fixture(params=SPACES)
def space(request):
    """Cells, chains, both with settings beside them, and neither."""
    return SPACES[request.param]


@pytest.fixture
def edge_cell():
    return CELL


@pytest.fixture
def node_cell():
    return SPACES["node cell"]


@pytest.fixture
def random_rows():
    def draw(space, count, seed=0):
        return sample(space.compiled, stream(seed, "rows"), count)

    return draw


@pytest.fixture
def as_networkx():
    """One graph of a batch, its vertices labelled, edges as often as they count."""

    def convert(batch, g):
        graph = networkx.MultiDiGraph()
        for v in np.flatnonzero(batch.present[g]).tolist():
            graph.add_node(v, label=int(batch.labels[g, v]))
        for s, t in np.argwhere(batch.adjacency[g] > 0).tolist():
            graph.add_edges_from([(s, t)] * int(batch.adjacency[g, s, t]))
        return graph

    return convert
