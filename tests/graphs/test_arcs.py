from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.graphs.arcs import MOST_VERTICES, arcs, reads_as_arcs


@st.composite
def shapes(draw, most=9):
    count = draw(st.integers(1, most))
    every = list(combinations(range(count), 2))
    return count, draw(st.lists(st.sampled_from(every), unique=True)) if every else []


def spans(placed, edges):
    rank = {v: i for i, v in enumerate(placed.order)}
    return [(rank[source], rank[target]) for source, target in edges]


@given(shapes())
def test_every_vertex_stands_behind_all_that_feed_it(shape):
    count, edges = shape
    placed = arcs(count, edges)
    assert sorted(placed.order) == list(range(count))
    assert all(start < end for start, end in spans(placed, edges))


@given(shapes())
def test_arcs_of_one_lane_never_meet_and_only_neighbours_are_joined_straight(shape):
    count, edges = shape
    placed = arcs(count, edges)
    found = list(zip(spans(placed, edges), placed.lanes, strict=True))
    assert all((lane == 0) == (end - start == 1) for (start, end), lane in found)
    for ((a, b), one), ((c, d), other) in combinations(found, 2):
        assert one != other or b <= c or d <= a


@given(shapes())
def test_an_arc_is_farther_out_than_those_that_it_encloses(shape):
    count, edges = shape
    placed = arcs(count, edges)
    found = list(zip(spans(placed, edges), placed.lanes, strict=True))
    for ((a, b), outer), ((c, d), inner) in permutations(found, 2):
        if a <= c and d <= b and inner * outer > 0:
            assert abs(outer) > abs(inner)


@given(shapes(most=6))
def test_no_move_of_one_vertex_makes_the_edges_shorter(shape):
    count, edges = shape
    order = list(arcs(count, edges).order)

    def length(order):
        ends = [order.index(target) - order.index(source) for source, target in edges]
        return sum(ends) if all(end > 0 for end in ends) else float("inf")

    for v in order:
        for to in range(count):
            moved = [u for u in order if u != v]
            moved.insert(to, v)
            assert length(moved) >= length(order)


def test_arcs_that_would_cross_on_one_side_go_to_both():
    edges = [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3)]
    assert arcs(4, edges).lanes == (0, 0, 0, 1, -1)


def test_a_branch_stands_beside_what_it_joins():
    # 0 feeds 1, 2, 3 and 4; 4 stands alone before 5
    edges = [(0, 4), (0, 1), (1, 2), (2, 3), (3, 5), (4, 5)]
    order = arcs(6, edges).order
    assert order in ((0, 1, 2, 3, 4, 5), (0, 4, 1, 2, 3, 5))


PATH = [(i, i + 1) for i in range(5)]


@pytest.mark.parametrize(
    ("count", "edges", "line"),
    [
        (6, [*PATH, (0, 5), (1, 4)], True),  # residual
        (6, list(combinations(range(6), 2)), True),  # dense
        (7, [*PATH[:4], (4, 6), (0, 3), (1, 6), (0, 5), (5, 6)], True),  # one vertex beside
        (6, PATH, False),  # nothing to pass
        (6, [*PATH, (0, 5)], False),  # one skip
        (6, [(0, i) for i in range(1, 5)] + [(i, 5) for i in range(1, 5)], False),  # branches
        (MOST_VERTICES + 1, list(combinations(range(MOST_VERTICES + 1), 2)), False),
        (1, [], False),
        (0, [], False),
    ],
)
def test_a_line_is_taken_for_a_long_path_with_several_skips(count, edges, line):
    assert reads_as_arcs(count, edges) is line
