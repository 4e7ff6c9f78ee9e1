from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import archbo as ab
from archbo.arrays import stream
from archbo.encodings.graphs import counts, weisfeiler_lehman
from archbo.spaces.moves import sample


@given(arrays(np.uint64, (5, 4), elements=st.integers(0, 3)))
def test_counts_equal_those_of_a_counter(multisets):
    found, vocabulary = counts(multisets)
    for row, multiset in zip(found, multisets, strict=True):
        expected = Counter(int(label) for label in multiset if label)
        assert {int(k): int(c) for k, c in zip(vocabulary, row, strict=True) if c} == expected


def test_counts_over_a_given_vocabulary_ignore_other_labels():
    multisets = np.array([[1, 2, 2, 9], [0, 0, 3, 1]], dtype=np.uint64)
    found, _ = counts(multisets, np.array([2, 3], dtype=np.uint64))
    assert found.tolist() == [[2, 0], [0, 1]]
    empty, _ = counts(np.zeros((2, 3), dtype=np.uint64))
    assert empty.shape == (2, 0)


def test_graphs_of_different_parts_share_no_colours():
    cell = ab.EdgeCell(nodes=3, ops=["none", "conv"])
    space = ab.Space(normal=cell, reduce=cell)
    rows = sample(space.compiled, stream(0, "rows"), 30)
    for level in weisfeiler_lehman(space.compiled.graphs(rows), 1):
        normal, reduce = np.split(level, 2, axis=1)
        assert not (set(normal.ravel()) & set(reduce.ravel()) - {0})
