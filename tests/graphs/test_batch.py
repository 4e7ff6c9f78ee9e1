"""Batches of graphs: pruning, line graphs, graphs in series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.graphs.batch import (
    GraphBatch,
    alive_vertices,
    from_edge_operations,
    in_series,
    label,
    single_vertices,
)

NONE, SKIP, CONV, POOL = (label(name) for name in ("none", "skip", "conv", "pool"))
SOURCES, TARGETS = np.array([0, 0, 1]), np.array([1, 2, 2])


def line_graph(*operations):
    """Of a cell with three nodes: edges 0-1, 0-2, 1-2."""
    return from_edge_operations(
        np.array([operations], dtype=np.uint64), SOURCES, TARGETS, nodes=3, none=NONE, skip=SKIP
    )


def edges(batch):
    """(source, target, multiplicity) in the first graph: input 0, edge e at e + 1, output last."""
    return [
        (int(s), int(t), int(batch.adjacency[0, s, t])) for s, t in np.argwhere(batch.adjacency[0])
    ]


def test_operations_become_vertices_fed_by_their_source():
    batch = line_graph(CONV, POOL, CONV)
    assert edges(batch) == [(0, 1, 1), (0, 2, 1), (1, 3, 1), (2, 4, 1), (3, 4, 1)]
    assert batch.labels[0, 1:-1].tolist() == [CONV, POOL, CONV]


def test_none_edges_vanish():
    assert edges(line_graph(NONE, POOL, CONV).pruned()) == [(0, 2, 1), (2, 4, 1)]


def test_a_skip_passes_its_source_on():
    assert edges(line_graph(SKIP, NONE, CONV)) == [(0, 3, 1), (3, 4, 1)]


def test_a_term_that_arrives_by_two_ways_counts_twice():
    assert edges(line_graph(SKIP, SKIP, SKIP)) == [(0, 4, 2)]
    assert edges(line_graph(CONV, NONE, SKIP)) == [(0, 1, 1), (1, 4, 1)]


def test_without_such_operations_their_names_are_plain():
    batch = from_edge_operations(
        np.array([[NONE, SKIP, CONV]], dtype=np.uint64), SOURCES, TARGETS, nodes=3, none=0, skip=0
    )
    assert batch.present.all()


def test_all_dead_graphs_become_one():
    dead = [
        line_graph(NONE, NONE, CONV),
        line_graph(CONV, NONE, NONE),
        line_graph(NONE, NONE, NONE),
    ]
    for batch in dead:
        pruned = batch.pruned()
        assert pruned.present[0].tolist() == [True, False, False, False, True]
        assert not pruned.adjacency.any()


@given(seed=st.integers(0, 10_000), vertices=st.integers(2, 6))
def test_alive_is_what_lies_on_a_path(seed, vertices):
    rng = np.random.default_rng(seed)
    adjacency = np.triu(rng.random((4, vertices, vertices)) < 0.4, 1).astype(np.int64)
    batch = GraphBatch(np.full((4, vertices), CONV, dtype=np.uint64), adjacency)
    for g, alive in enumerate(alive_vertices(batch)):
        # entry (s, t) of the sum of powers counts the paths from s to t
        paths = np.linalg.matrix_power(np.eye(vertices, dtype=np.int64) + adjacency[g], vertices)
        assert alive.tolist() == ((paths[0] > 0) & (paths[:, -1] > 0)).tolist()


def test_pruning_keeps_the_graph_it_was_given():
    batch = line_graph(NONE, NONE, CONV)
    before = batch.labels.copy()
    batch.pruned()
    np.testing.assert_array_equal(batch.labels, before)


def test_an_absent_block_in_a_series_is_passed_by():
    one = single_vertices(np.full(2, CONV, dtype=np.uint64))
    everywhere = np.array([True, True])
    batch = in_series([(one, everywhere), (one, np.array([True, False])), (one, everywhere)])
    assert batch.present.tolist() == [[True, True, True], [True, False, True]]
    assert [np.argwhere(a).tolist() for a in batch.adjacency] == [[[0, 1], [1, 2]], [[0, 2]]]


@pytest.mark.parametrize("name", ["", "conv", "é"])
def test_labels_are_stable_and_never_zero(name):
    assert label(name) == label(name) != 0


def test_the_label_of_a_name_stays_the_same_between_versions():
    assert label("conv_3x3") == 6_333_306_699_107_798_201


def test_packing_leaves_out_what_no_graph_needs():
    labels = np.array([[CONV, 0, POOL, 0, 0, CONV], [CONV, 0, 0, 0, SKIP, POOL]], dtype=np.uint64)
    adjacency = np.zeros((2, 6, 6), dtype=np.int64)
    adjacency[0, 0, 2] = adjacency[0, 2, 5] = 3
    adjacency[1, 0, 4], adjacency[1, 4, 5] = 1, 2
    packed = GraphBatch(labels, adjacency).packed()
    assert packed.labels.tolist() == [[CONV, POOL, CONV], [CONV, SKIP, POOL]]
    assert packed.adjacency[0].tolist() == [[0, 3, 0], [0, 0, 3], [0, 0, 0]]
    assert packed.adjacency[1].tolist() == [[0, 1, 0], [0, 0, 2], [0, 0, 0]]
    assert GraphBatch(labels[:0], adjacency[:0]).packed().labels.shape == (0, 1)
