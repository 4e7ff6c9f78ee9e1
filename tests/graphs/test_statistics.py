"""Path statistics against the enumeration of all paths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.graphs.batch import GraphBatch, label
from archbo.graphs.statistics import statistics

NAMES = {name: label(name) for name in ("conv", "pool", "vertex", "absent")}


def random_graphs(seed, count, vertices):
    rng = np.random.default_rng(seed)
    codes = np.array(list(NAMES.values())[:3], dtype=np.uint64)
    labels = codes[rng.integers(3, size=(count, vertices))]
    labels[:, 0], labels[:, -1] = label("input"), label("output")
    adjacency = np.triu(rng.integers(0, 3, size=(count, vertices, vertices)), 1)
    adjacency *= rng.random(adjacency.shape) < 0.6
    return GraphBatch(labels, adjacency).pruned()


def all_paths(adjacency, start=0):
    """Every path to the last vertex, as often as multiplicities give it."""
    if start == len(adjacency) - 1:
        return [[start]]
    return [
        [start, *rest]
        for target in np.flatnonzero(adjacency[start])
        for rest in all_paths(adjacency, target)
        for _ in range(adjacency[start, target])
    ]


@given(seed=st.integers(0, 10_000), vertices=st.integers(2, 6))
def test_statistics_are_those_of_all_paths(seed, vertices):
    batch = random_graphs(seed, 6, vertices)
    found = statistics(batch, NAMES)
    for g in range(len(batch)):
        labels, adjacency = batch.labels[g], batch.adjacency[g]
        paths = all_paths(adjacency)
        lengths = [len(path) - 2 for path in paths] or [0]
        assert found["vertices"][g] == (labels[1:-1] > 0).sum()
        assert found["edges"][g] == adjacency.sum()
        assert found["log_paths"][g] == pytest.approx(np.log1p(len(paths)))
        assert (found["longest"][g], found["shortest"][g]) == (max(lengths), min(lengths))
        for name, code in NAMES.items():
            counts = [sum(labels[v] == code for v in path) for path in paths] or [0]
            assert found[f"{name}.count"][g] == (labels == np.uint64(code)).sum()
            assert found[f"{name}.most"][g] == max(counts)
            assert found[f"{name}.fewest"][g] == min(counts)
            assert found[f"{name}.mean"][g] == pytest.approx(np.mean(counts))


def test_an_empty_batch_has_empty_statistics():
    found = statistics(random_graphs(0, 0, 4), NAMES)
    assert {column.shape for column in found.values()} == {(0,)}
