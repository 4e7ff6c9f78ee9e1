"""Paths against networkx's, and the encoding that BANANAS publishes."""

from collections import Counter

import networkx
import numpy as np
import pytest

import archbo as ab
from archbo.encodings import PathMultiset, Paths
from archbo.encodings.paths import paths_of
from archbo.errors import ProblemError


def sequences(graph):
    """The labels along each path from the input to the output, as often as there are paths."""
    source, target = min(graph), max(graph)
    found = networkx.all_simple_edge_paths(graph, source, target)
    return Counter(tuple(graph.nodes[t]["label"] for _, t, _ in path) for path in found)


def test_paths_are_those_that_networkx_finds(space, random_rows, as_networkx):
    rows = random_rows(space, 60)
    graphs = space.compiled.graphs(rows)
    codes, lengths = paths_of(graphs, 60, 256)
    meaning = {}
    for i in range(60):
        expected = Counter()
        for path, batch in graphs.items():
            if batch.present[i].any():
                for labels, count in sequences(as_networkx(batch, i)).items():
                    expected[path, labels] = count
        found = Counter(codes[i][codes[i] > 0].tolist())
        assert sorted(found.values()) == sorted(expected.values())
        inner = [len(labels) - 1 for (_, labels), count in expected.items() for _ in range(count)]
        assert sorted(lengths[i][codes[i] > 0].tolist()) == sorted(inner)
        # equal sequences have equal codes, different ones different codes
        key = frozenset(expected.items())
        assert meaning.setdefault(key, found) == found
    assert len({frozenset(found.items()) for found in meaning.values()}) == len(meaning)


def test_columns_are_the_paths_of_the_cell_the_shortest_first(edge_cell):
    cell = ab.EdgeCell(nodes=3, ops=["none", "a", "b"])
    every = ab.Space(cell=cell).compiled
    rows = np.array(np.meshgrid([0, 1, 2], [0, 1, 2], [0, 1, 2], indexing="ij"), dtype=float)
    rows = every.rows(rows.reshape(3, -1).T)
    found = Paths().prepare(every, rows)(rows)
    assert found.shape == (27, 6)  # a, b, aa, ab, ba, bb: no path is empty without a skip
    first, direct, second = rows.values.T  # edges by target, then source: (0,1), (0,2), (1,2)
    assert found[:, :2].sum(axis=1).tolist() == (direct > 0).astype(float).tolist()
    long = (first > 0) & (second > 0)
    assert found[:, 2:].sum(axis=1).tolist() == long.astype(float).tolist()
    pairs = {tuple(hot): (a, b) for hot, a, b in zip(found[long, 2:], first[long], second[long],
                                                     strict=True)}  # fmt: skip
    assert len(set(pairs)) == 4
    assert np.array_equal(Paths(truncate=2).prepare(every, rows)(rows), found[:, :2])


def test_a_path_that_comes_twice_counts_twice_unless_one_hot():
    cell = ab.NodeCell(4, 5, ["conv", "pool"])
    twice = cell.architecture({"ops": ["conv", "conv"], "edges": [(0, 1), (0, 2), (1, 3), (2, 3)]})
    once = cell.architecture({"ops": ["conv"], "edges": [(0, 1), (1, 2)]})
    space = cell.compiled
    rows = space.encode([twice, once])
    assert Paths(one_hot=False).prepare(space, rows)(rows).tolist() == [[2], [1]]
    assert Paths().prepare(space, rows)(rows).tolist() == [[0], [0]]  # nothing varies
    found = PathMultiset().prepare(space, rows)(rows)
    assert found[0, 0] == found[0, 1] == found[1, 0]
    assert found[1, 1] == 0


def test_of_too_many_paths_equal_ones_are_kept():
    cell = ab.EdgeCell(nodes=5, ops=["a", "b"])
    space = cell.compiled
    rows = space.rows(np.repeat([[0.0], [1.0]], 10, axis=1))
    few = PathMultiset(most=3).prepare(space, rows)(rows)
    all_ = PathMultiset().prepare(space, rows)(rows)
    assert few.shape == (2, 3)
    assert all_.shape == (2, 8)
    assert set(few[0]) <= set(all_[0])


@pytest.mark.parametrize("settings", [{"truncate": 0}, {"most": 0}])
def test_settings_below_one_are_refused(settings):
    (name,) = settings
    with pytest.raises(ProblemError, match=f"encoding: {name} must be at least 1, got 0"):
        Paths(**settings)
