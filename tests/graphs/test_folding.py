from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.graphs.folding import TIMES, Block, fold
from archbo.graphs.labelled import LabelledGraph


def sequence(*inner, dead=()):
    labels = ("input", *inner, "output")
    edges = tuple((i, i + 1, 1) for i in range(len(labels) - 1))
    alive = tuple(i not in dead for i in range(len(labels)))
    return LabelledGraph(labels, edges, alive, ("",) * len(labels))


def inner(folded):
    return folded.graph.labels[1:-1]


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ("a a a", [f"a {TIMES}3"]),
        ("a a", ["a", "a"]),  # as quickly read as counted
        ("a b a b", [f"(a → b) {TIMES}2"]),
        ("a b a b a b c", [f"(a → b) {TIMES}3", "c"]),
        ("a a a a b a b a", [f"a {TIMES}4", f"(b → a) {TIMES}2"]),
        ("a b c", ["a", "b", "c"]),
    ],
)
def test_blocks_that_repeat_in_a_sequence_are_counted(labels, shown):
    assert list(inner(fold(sequence(*labels.split())))) == shown


def test_what_branches_is_no_sequence():
    labels = ("input", "a", "a", "a", "output")
    edges = ((0, 1, 1), (1, 2, 1), (1, 3, 1), (2, 3, 1), (3, 4, 1))
    graph = LabelledGraph(labels, edges, (True,) * 5, ("",) * 5)
    assert fold(graph).graph == graph


def test_dead_operations_are_not_counted_with_living_ones():
    assert inner(fold(sequence("a", "a", "a", "a", dead=(4,)))) == (f"a {TIMES}3", "a")


def test_vertices_that_stay_apart_are_not_folded():
    folded = fold(sequence(*"aaaaaa"), apart={4})
    assert inner(folded) == (f"a {TIMES}3", "a", "a", "a")
    assert folded.graph.labels[folded.place[4]] == "a"


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_what_is_folded_unfolds_to_the_same_sequence(labels):
    folded = fold(sequence(*labels))
    ordered = []
    for vertex, label in enumerate(folded.graph.labels):
        block = folded.blocks.get(vertex, Block((label,), 1))
        ordered += block.labels * block.times
    assert ordered == ["input", *labels, "output"]
    assert list(folded.graph.edges) == [
        (s, t, 1) for s, t in pairwise(range(len(folded.graph.labels)))
    ]
    assert list(folded.place) == sorted(folded.place)
