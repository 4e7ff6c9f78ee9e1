"""Dense graphs against those that they stand for."""

import networkx
import numpy as np

import archbo as ab
from archbo.encodings import Graphs


def test_the_arrays_are_the_graphs_of_the_space(node_cell, random_rows, as_networkx):
    rows = random_rows(node_cell, 30)
    found = Graphs().prepare(node_cell.compiled, rows)(rows)
    v = found.shape[1]
    assert found.shape == (30, v, v + 4)  # input, output, conv, pool
    (batch,) = node_cell.compiled.graphs(rows).values()
    kinds = {label: k for k, label in enumerate(np.unique(batch.labels)[1:].tolist())}
    for g in range(30):
        graph = networkx.MultiDiGraph()
        for u in np.flatnonzero(found[g, :, v:].any(axis=1)).tolist():
            graph.add_node(u, label=int(found[g, u, v:].argmax()))
        for s, t in np.argwhere(found[g, :, :v] > 0).tolist():
            graph.add_edges_from([(s, t)] * int(found[g, s, t]))
        assert networkx.is_isomorphic(
            graph,
            as_networkx(batch, g),
            node_match=lambda x, y: x["label"] == kinds[y["label"]],
            edge_match=lambda x, y: len(x) == len(y),
        )


def test_other_decisions_become_a_vertex_that_feeds_all_others(edge_cell, random_rows):
    space = ab.Space(cell=edge_cell, lr=ab.Float(0, 1), act=ab.Choice(["relu", "gelu"]))
    rows = random_rows(space, 20)
    found = Graphs().prepare(space.compiled, rows)(rows)
    inside = edge_cell.compiled.rows(rows.values[:, :6])
    alone = Graphs().prepare(edge_cell.compiled, inside)(inside)
    v = alone.shape[1]
    assert found.shape == (20, v + 1, v + 1 + 5 + 3)
    assert np.array_equal(found[:, :v, :v], alone[:, :, :v])
    present = alone[:, :, v:].any(axis=2)
    assert np.array_equal(found[:, v, :v], present.astype(float))
    assert not found[:, :, v].any()
    assert np.array_equal(found[:, v, -1], rows.values[:, 6])
    assert not found[:, :v, -3:].any()


def test_a_space_without_graphs_is_one_vertex(random_rows):
    space = ab.Space(x=ab.Float(0, 1), act=ab.Choice(["relu", "gelu"]))
    rows = random_rows(space, 20)
    found = Graphs().prepare(space.compiled, rows)(rows)
    assert found.shape == (20, 1, 1 + 3)
    assert np.array_equal(found[:, 0, -1], rows.values[:, 0])
