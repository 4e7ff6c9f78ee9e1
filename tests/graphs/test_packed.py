"""Packed graphs are the graphs that were packed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archbo.graphs.batch import INPUT, OUTPUT, label
from archbo.graphs.packed import PackedGraphs

HASHES = np.array([INPUT, OUTPUT, *(label(op) for op in "ab")], dtype=np.uint64)
PLAIN = ([0, 1], [(0, 1)])
FORK = ([0, 2, 3, 1], [(0, 1), (0, 2), (1, 3), (2, 3)])
LINE = ([0, 3, 1], [(0, 1), (1, 2)])


def test_a_batch_holds_the_graphs_with_the_output_in_the_last_column():
    batch = PackedGraphs.of([PLAIN, FORK, LINE]).batch(np.array([2, 1, 2]), HASHES)
    assert len(batch) == 3
    for row, (codes, edges) in enumerate([LINE, FORK, LINE]):
        columns = [*range(len(codes) - 1), 3]
        expected = np.zeros(4, dtype=np.uint64)
        expected[columns] = HASHES[codes]
        np.testing.assert_array_equal(batch.labels[row], expected)
        links = {(columns[s], columns[t]) for s, t in edges}
        assert set(map(tuple, np.argwhere(batch.adjacency[row]).tolist())) == links
        assert batch.adjacency[row].max() == 1


@given(which=st.lists(st.integers(0, 2), max_size=6))
def test_rows_of_a_batch_do_not_depend_on_the_others(which):
    packed = PackedGraphs.of([PLAIN, FORK, LINE])
    batch = packed.batch(np.array(which, dtype=np.int64), HASHES)
    assert batch.labels.shape == (len(which), 4)
    for row, k in enumerate(which):
        single = packed.batch(np.array([k]), HASHES)
        np.testing.assert_array_equal(batch.labels[row], single.labels[0])
        np.testing.assert_array_equal(batch.adjacency[row], single.adjacency[0])


def test_single_graphs_come_back():
    graphs = [PLAIN, FORK, LINE]
    packed = PackedGraphs.of(graphs)
    assert [packed.one(k) for k in range(len(packed))] == graphs


def test_content_tells_graphs_and_their_order_apart():
    contents = {
        PackedGraphs.of(graphs).content()
        for graphs in ([PLAIN, FORK], [FORK, PLAIN], [PLAIN, FORK, LINE], [PLAIN, LINE])
    }
    assert len(contents) == 4
    assert PackedGraphs.of([PLAIN, FORK]).content() in contents


def test_many_graphs_take_little_memory():
    packed = PackedGraphs.of([FORK] * 1000)
    arrays = (packed.codes, packed.edges)
    assert sum(array.nbytes for array in arrays) == 1000 * (4 + 8)
