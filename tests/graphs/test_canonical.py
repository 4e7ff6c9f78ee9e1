"""Canonical forms against brute force over all permutations."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.graphs.batch import GraphBatch, label
from archbo.graphs.canonical import canonical_bytes

NAMES = ["conv", "pool"]


def random_graphs(seed, count, vertices, names=NAMES, most=2):
    """Graphs with ends, multiplicities, and inner vertices some of which are absent."""
    rng = np.random.default_rng(seed)
    codes = np.array([label(name) for name in names], dtype=np.uint64)
    labels = codes[rng.integers(len(names), size=(count, vertices))]
    labels[:, 0], labels[:, -1] = label("input"), label("output")
    absent = rng.random((count, vertices)) < 0.2
    absent[:, [0, -1]] = False
    labels[absent] = 0
    adjacency = np.triu(rng.integers(0, most + 1, size=(count, vertices, vertices)), 1)
    adjacency *= rng.random(adjacency.shape) < 0.6
    adjacency *= ~absent[:, :, None] & ~absent[:, None, :]
    return GraphBatch(labels, adjacency)


def brute_force_form(labels, adjacency):
    """The smallest description over all orders of the present vertices."""
    present = np.flatnonzero(labels)
    return min(
        (
            tuple(labels[list(order)].tolist()),
            tuple(adjacency[np.ix_(order, order)].ravel().tolist()),
        )
        for order in permutations(present.tolist())
    )


def shuffled(batch, seed):
    """The same graphs with their vertices in other places."""
    rng = np.random.default_rng(seed)
    order = np.stack([rng.permutation(batch.labels.shape[1]) for _ in range(len(batch))])
    rows = np.take_along_axis(batch.adjacency, order[:, :, None], axis=1)
    return GraphBatch(
        np.take_along_axis(batch.labels, order, axis=1),
        np.take_along_axis(rows, order[:, None, :], axis=2),
    )


@given(seed=st.integers(0, 10_000), most=st.integers(1, 2))
def test_forms_are_equal_exactly_where_a_permutation_makes_the_graphs_equal(seed, most):
    batch = random_graphs(seed, 24, 5, names=NAMES[: 1 + seed % 2], most=most)
    forms = canonical_bytes(batch)
    reference = [
        brute_force_form(labels, adjacency)
        for labels, adjacency in zip(batch.labels, batch.adjacency, strict=True)
    ]
    assert len(set(zip(forms, reference, strict=True))) == len(set(forms)) == len(set(reference))


@given(seed=st.integers(0, 10_000), vertices=st.integers(2, 9))
def test_the_order_of_the_vertices_does_not_count(seed, vertices):
    batch = random_graphs(seed, 16, vertices, names=["conv"], most=1)
    assert canonical_bytes(batch) == canonical_bytes(shuffled(batch, seed))


@given(seed=st.integers(0, 10_000))
def test_a_form_does_not_depend_on_the_batch_and_its_padding(seed):
    batch = random_graphs(seed, 12, 6, names=["conv"], most=1)
    wider = GraphBatch(
        np.insert(batch.labels, 3, 0, axis=1),
        np.insert(np.insert(batch.adjacency, 3, 0, axis=1), 3, 0, axis=2),
    )
    forms = canonical_bytes(batch)
    assert forms == [canonical_bytes(batch.take(np.array([k])))[0] for k in range(len(batch))]
    assert forms == canonical_bytes(wider)
    assert forms[::-1] == canonical_bytes(batch.take(np.arange(len(batch))[::-1]))


def test_an_empty_batch_has_no_forms():
    assert canonical_bytes(random_graphs(0, 0, 4)) == []


@pytest.mark.parametrize("width", [1, 3, 8])
def test_many_equal_branches_take_few_steps(width):
    # 2 * width vertices in equal branches: without symmetries there are width! orders to compare
    vertices = 2 * width + 2
    labels = np.full((1, vertices), label("conv"), dtype=np.uint64)
    labels[0, 0], labels[0, -1] = label("input"), label("output")
    adjacency = np.zeros((1, vertices, vertices), dtype=np.int64)
    for k in range(width):
        adjacency[0, 0, 1 + 2 * k] = adjacency[0, 1 + 2 * k, 2 + 2 * k] = 1
        adjacency[0, 2 + 2 * k, -1] = 1
    batch = GraphBatch(labels, adjacency)
    assert canonical_bytes(batch) == canonical_bytes(shuffled(batch, 1))


def test_graphs_that_refinement_alone_cannot_tell_apart_differ():
    # a cycle of six against two triangles: every vertex has two neighbours
    six = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5)]
    triangles = [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)]
    adjacency = np.zeros((2, 6, 6), dtype=np.int64)
    for matrix, edges in zip(adjacency, (six, triangles), strict=True):
        for s, t in edges:
            matrix[s, t] = matrix[t, s] = 1
    batch = GraphBatch(np.full((2, 6), label("conv"), dtype=np.uint64), adjacency)
    a, b = canonical_bytes(batch)
    assert a != b
    assert canonical_bytes(shuffled(batch, 3)) == [a, b]


def test_many_equal_branches_have_a_form_whatever_their_order():
    vertices, rng = 66, np.random.default_rng(0)
    labels = np.array([label("in"), *[label("a")] * 64, label("out")], dtype=np.uint64)
    adjacency = np.zeros((1, vertices, vertices), dtype=np.int64)
    adjacency[0, 0, 1:33] = adjacency[0, 1:33, -1] = 1  # 32 twins
    first, second = np.arange(33, 49), rng.permutation(np.arange(49, 65))
    adjacency[0, 0, first] = adjacency[0, first, second] = adjacency[0, second, -1] = 1  # 16 pairs
    order = np.array([0, *rng.permutation(np.arange(1, 65)), 65])
    shuffled = adjacency[:, order[:, None], order[None, :]]
    forms = [canonical_bytes(GraphBatch(labels[None], a))[0] for a in (adjacency, shuffled)]
    assert forms[0] == forms[1]
