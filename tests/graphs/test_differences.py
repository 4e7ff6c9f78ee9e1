import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.graphs.differences import differences
from archbo.graphs.labelled import LabelledGraph, side_by_side
from archbo.spaces import EdgeCell

CELL = EdgeCell(nodes=4, ops=["none", "conv_1x1", "conv_3x3", "pool"])
OTHER = {"conv_1x1": "conv_3x3", "conv_3x3": "pool", "pool": "conv_1x1"}


def sequence(*inner):
    labels = ("input", *inner, "output")
    edges = tuple((i, i + 1, 1) for i in range(len(labels) - 1))
    return LabelledGraph(labels, edges, (True,) * len(labels), ("",) * len(labels))


@given(st.integers(0, 10**6))
def test_a_graph_does_not_differ_from_itself(seed):
    graph = CELL.sample(seed).graph
    found = differences(graph, graph)
    assert found.operations == 0
    assert found.edges == (frozenset(), frozenset())


@given(st.integers(0, 10**6))
def test_one_operation_that_changed_is_the_one_that_is_marked(seed):
    graph = CELL.sample(seed).graph
    inner = [v for v, label in enumerate(graph.labels) if label in OTHER]
    if not inner:
        return
    changed = inner[seed % len(inner)]
    labels = list(graph.labels)
    labels[changed] = OTHER[labels[changed]]
    other = LabelledGraph(tuple(labels), graph.edges, graph.alive, graph.group)
    found = differences(graph, other)
    assert found.operations == 1
    assert found.edges == (frozenset(), frozenset())


def test_the_numbering_of_vertices_does_not_matter():
    graph = LabelledGraph(
        ("input", "a", "b", "c", "output"),
        ((0, 1, 1), (0, 2, 1), (1, 3, 1), (2, 4, 1), (3, 4, 1)),
        (True,) * 5,
        ("",) * 5,
    )
    swapped = LabelledGraph(
        ("input", "b", "a", "c", "output"),
        ((0, 1, 1), (0, 2, 1), (2, 3, 1), (1, 4, 1), (3, 4, 1)),
        (True,) * 5,
        ("",) * 5,
    )
    found = differences(graph, swapped)
    assert found.operations == 0
    assert found.edges == (frozenset(), frozenset())


def test_a_connection_more_is_marked_on_its_side_alone():
    graph = LabelledGraph(
        ("input", "a", "b", "output"), ((0, 1, 1), (1, 2, 1), (2, 3, 1)), (True,) * 4, ("",) * 4
    )
    more = LabelledGraph(graph.labels, (*graph.edges, (0, 2, 1)), graph.alive, graph.group)
    found = differences(graph, more)
    assert found.vertices == (frozenset(), frozenset())
    assert found.edges == (frozenset(), frozenset({(0, 2)}))


def test_layers_that_a_sequence_has_more_are_those_that_differ():
    found = differences(sequence("a", "b", "c"), sequence("a", "x", "b", "c", "c"))
    assert found.vertices == (frozenset(), frozenset({2, 5}))
    assert found.edges == (frozenset(), frozenset())  # the vertices say it all


def test_a_group_that_the_other_lacks_differs_as_a_whole():
    one = side_by_side({"stem": sequence("a"), "head": sequence("b")})
    found = differences(one, side_by_side({"stem": sequence("a")}))
    assert found.vertices == (frozenset({3, 4, 5}), frozenset())


@pytest.mark.parametrize("size", [61, 400])
def test_large_graphs_are_matched_in_their_order(size):
    rng = np.random.default_rng(0)
    edges = tuple((int(rng.integers(max(0, t - 3), t)), t, 1) for t in range(1, size))
    labels = tuple(f"op{i % 7}" for i in range(size))
    graph = LabelledGraph(labels, edges, (True,) * size, ("",) * size)
    other = LabelledGraph(("new", *labels[1:]), edges, (True,) * size, ("",) * size)
    assert differences(graph, other).vertices == (frozenset({0}), frozenset({0}))
