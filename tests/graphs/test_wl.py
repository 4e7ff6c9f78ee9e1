"""Refinement against a plain Python reference."""

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archbo.graphs.batch import GraphBatch, label
from archbo.graphs.wl import colours, fingerprints, mix


def random_graphs(seed, count, vertices):
    rng = np.random.default_rng(seed)
    names = np.array([label(name) for name in ("a", "b")], dtype=np.uint64)
    labels = names[rng.integers(2, size=(count, vertices))]
    labels[rng.random(labels.shape) < 0.2] = 0
    adjacency = np.triu(rng.integers(0, 3, size=(count, vertices, vertices)), 1)
    adjacency *= (labels > 0)[:, :, None] & (labels > 0)[:, None, :]
    return GraphBatch(labels, adjacency)


def refined(labels, adjacency, rounds):
    """Colours as nested tuples: one's own, those of the neighbours ahead, of those behind."""
    current = {v: int(labels[v]) for v in np.flatnonzero(labels)}
    found = [current]
    for _ in range(rounds):
        current = {
            v: (
                current[v],
                tuple(sorted(repr(current[u]) for u in current for _ in range(adjacency[u, v]))),
                tuple(sorted(repr(current[u]) for u in current for _ in range(adjacency[v, u]))),
            )
            for v in current
        }
        found.append(current)
    return found


@given(seed=st.integers(0, 10_000), vertices=st.integers(1, 6))
def test_colours_tell_apart_what_the_reference_tells_apart(seed, vertices):
    batch = random_graphs(seed, 5, vertices)
    found = colours(batch, 3)
    reference = [
        refined(labels, adjacency, 3)
        for labels, adjacency in zip(batch.labels, batch.adjacency, strict=True)
    ]
    for k in range(4):
        pairs = {
            (int(found[k][g, v]), reference[g][k][v])
            for g in range(len(batch))
            for v in reference[g][k]
        }
        assert (
            len({ours for ours, _ in pairs}) == len({theirs for _, theirs in pairs}) == len(pairs)
        )
        assert ((found[k] == 0) == ~batch.present).all()


def test_equal_multisets_of_colours_are_those_of_networkx():
    batch = random_graphs(7, 60, 4)
    simple = GraphBatch(batch.labels, np.minimum(batch.adjacency, 1))
    ours = [tuple(sorted(row[row > 0].tolist())) for row in colours(simple, 3)[-1]]
    theirs = []
    for labels, adjacency in zip(simple.labels, simple.adjacency, strict=True):
        graph = nx.DiGraph()
        graph.add_nodes_from((int(v), {"op": str(labels[v])}) for v in np.flatnonzero(labels))
        graph.add_edges_from((int(s), int(t)) for s, t in np.argwhere(adjacency))
        theirs.append(nx.weisfeiler_lehman_graph_hash(_with_directions(graph), "kind", "op", 6))
    # networkx looks along the arrows only; with a vertex on each arrow it sees both directions
    assert len(set(zip(ours, theirs, strict=True))) == len(set(ours)) == len(set(theirs))


def _with_directions(graph):
    """An undirected graph that says what a directed one says."""
    found = nx.Graph()
    found.add_nodes_from(graph.nodes(data=True))
    for s, t in graph.edges:
        found.add_node((s, t, "out"), op="out")
        found.add_node((s, t, "in"), op="in")
        found.add_edge(s, (s, t, "out"), kind="")
        found.add_edge((s, t, "out"), (s, t, "in"), kind="")
        found.add_edge((s, t, "in"), t, kind="")
    return found


def test_rounds_do_not_share_colours():
    batch = random_graphs(3, 40, 5)
    levels = [set(level[level > 0].tolist()) for level in colours(batch, 3)]
    assert sum(map(len, levels)) == len(set().union(*levels))


def test_mixing_is_one_to_one():
    numbers = np.arange(100_000, dtype=np.uint64)
    assert len(np.unique(mix(numbers))) == len(numbers)


def test_an_empty_batch_has_no_colours():
    assert [level.shape for level in colours(random_graphs(0, 0, 3), 2)] == [(0, 3)] * 3


def test_colours_do_not_depend_on_the_room_of_a_batch():
    batch, room = random_graphs(5, 30, 6), 30  # so large that sums go over edges
    labels = np.zeros((30, room), dtype=np.uint64)
    adjacency = np.zeros((30, room, room), dtype=np.int64)
    labels[:, 20:26], adjacency[:, 20:26, 20:26] = batch.labels, batch.adjacency
    for ours, padded in zip(
        colours(batch, 3), colours(GraphBatch(labels, adjacency), 3), strict=True
    ):
        np.testing.assert_array_equal(ours, padded[:, 20:26])


@given(seed=st.integers(0, 10_000), vertices=st.integers(1, 7))
def test_fingerprints_do_not_depend_on_the_order_of_vertices(seed, vertices):
    batch = random_graphs(seed, 8, vertices)
    order = np.random.default_rng(seed).permutation(vertices)
    turned = GraphBatch(batch.labels[:, order], batch.adjacency[:, order][:, :, order])
    np.testing.assert_array_equal(fingerprints(turned), fingerprints(batch))
    other = GraphBatch(np.where(batch.labels > 0, np.uint64(7), 0), batch.adjacency)
    there = (batch.labels > 0).any(axis=1)
    assert (fingerprints(other) != fingerprints(batch))[there].all()
