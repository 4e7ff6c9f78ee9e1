"""Adjacency encodings against the matrices and operations that they stand for."""

import numpy as np
import pytest

import archbo as ab
from archbo.encodings import Adjacency, OneHot
from archbo.errors import ProblemError

CELL = ab.NodeCell(4, 6, ["conv", "pool"])


def prepared(encoding, space, rows):
    return encoding.prepare(space.compiled, rows)(rows)


def test_columns_are_the_upper_triangle_and_the_operations():
    chain = CELL.architecture({"ops": ["conv", "pool"], "edges": [(0, 1), (1, 2), (2, 3)]})
    wide = CELL.architecture({"ops": ["pool", "conv"], "edges": [(0, 1), (0, 2), (1, 3), (2, 3)]})
    small = CELL.architecture({"ops": ["pool"], "edges": [(0, 1), (1, 2), (0, 2)]})
    rows = CELL.compiled.encode([chain, wide, small])
    found = prepared(Adjacency(), CELL, rows)
    # (0, 1) is always linked; of (0, 2), (0, 3), (1, 2), (1, 3), (2, 3) the second says what
    # small alone has, and three more repeat another column
    sizes = {tuple(column) for column in found.T.tolist()}
    assert {(0, 1, 0), (0, 0, 1), (1, 0, 0), (0, 1, 1), (1, 1, 0)} <= sizes
    assert len(sizes) == found.shape[1]


def test_all_published_columns_of_nas_bench_101_vary(random_rows):
    cell = ab.NodeCell(7, 9, ["conv3x3", "conv1x1", "maxpool3x3"])
    rows = random_rows(cell, 3000)
    # 21 possible edges and 3 operations on 5 vertices; 0 always feeds 1 where there is one
    assert prepared(Adjacency(), cell, rows).shape[1] in (35, 36)
    assert prepared(Adjacency(one_hot=False), cell, rows).shape[1] in (25, 26)


def test_cells_with_operations_on_edges_are_encoded_as_they_were_written(edge_cell, random_rows):
    rows = random_rows(edge_cell, 100)
    hot = prepared(Adjacency(), edge_cell, rows)
    assert np.array_equal(hot, prepared(OneHot(), edge_cell, rows))
    positions = prepared(Adjacency(one_hot=False), edge_cell, rows)
    assert np.array_equal(positions, rows.values + 1)


def test_truncation_keeps_the_first_columns_and_all_other_decisions(random_rows):
    space = ab.Space(cell=CELL, lr=ab.Float(0, 1))
    rows = random_rows(space, 100)
    whole = prepared(Adjacency(), space, rows)
    few = prepared(Adjacency(truncate=4), space, rows)
    assert np.array_equal(few, np.column_stack([whole[:, :4], whole[:, -1]]))
    assert np.array_equal(few[:, -1], rows.values[:, -1])
    with pytest.raises(ProblemError, match="truncate must be at least 1, got 0"):
        Adjacency(truncate=0)
