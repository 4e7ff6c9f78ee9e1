from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from archbo.graphs.layers import _crossings, layout, spread


@st.composite
def graphs(draw):
    count = draw(st.integers(0, 12))
    pairs = list(combinations(range(count), 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    widths = draw(st.lists(st.floats(1, 200), min_size=count, max_size=count))
    return widths, edges


@given(graphs())
def test_every_edge_goes_down_and_bends_in_each_layer_between(graph):
    widths, edges = graph
    places = layout(widths, edges, first=[0], last=[len(widths) - 1])
    for (source, target), bends in zip(edges, places.bends, strict=True):
        assert len(bends) == places.layer[target] - places.layer[source] - 1 >= 0


@given(graphs())
def test_vertices_of_a_layer_keep_their_distance(graph):
    widths, edges = graph
    places = layout(widths, edges, gap=10)
    for number in range(places.depth):
        row = sorted(
            (v for v in range(len(widths)) if places.layer[v] == number), key=places.x.__getitem__
        )
        for v, u in pairwise(row):
            assert places.x[u] - places.x[v] >= (widths[u] + widths[v]) / 2 + 10 - 1e-6
    for x, width in zip(places.x, widths, strict=True):
        assert width / 2 - 1e-6 <= x <= places.width - width / 2 + 1e-6


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 9)), min_size=1, max_size=9))
def test_spread_equals_isotonic_regression(items):
    wanted, distances = [w for w, _ in items], [d for _, d in items][1:]
    offsets = np.concatenate([[0.0], np.cumsum(distances)])
    fitted = IsotonicRegression().fit_transform(np.arange(len(wanted)), np.array(wanted) - offsets)
    assert spread(wanted, distances) == pytest.approx(fitted + offsets, abs=1e-6)


@given(st.sets(st.tuples(st.integers(0, 5), st.integers(6, 11))))
def test_crossings_equal_a_count_of_all_pairs(segments):
    rows = [list(range(6)), list(range(6, 12))]
    below = [sorted(t for s, t in segments if s == v) for v in range(12)]
    brute = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(segments, 2))
    assert _crossings(rows, below) == brute


def test_a_graph_that_can_be_drawn_without_crossings_is():
    # a binary tree whose leaves come in a mixed order
    edges = [(0, 1), (0, 2), (1, 3), (2, 4), (1, 5), (2, 6)]
    places = layout([10.0] * 7, edges, first=[0])
    order = sorted(range(3, 7), key=places.x.__getitem__)
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset({3, 5}), frozenset({4, 6})}


def test_what_is_nearly_upright_is_upright():
    edges = [(0, 1), (1, 2), (0, 3), (2, 3), (3, 4)]  # as a cell with one way past two operations
    placed = layout([60.0, 80.0, 76.0, 105.0, 65.0], edges, first=[0], last=[4])
    assert placed.x[1] == placed.x[2]
    assert placed.x[3] == placed.x[4]
    assert placed.bends[2][0] == placed.bends[2][1]


def test_a_long_edge_goes_around_instead_of_across():
    # input 0, a chain 1 2 3, output 4, and edges that skip: planar, but not in order of numbers
    edges = [(0, 1), (0, 3), (0, 4), (1, 2), (1, 4), (2, 3), (3, 4)]
    places = layout([60.0, 80.0, 80.0, 80.0, 60.0], edges, first=[0], last=[4])
    ways = dict(zip(edges, places.bends, strict=True))
    # where both pass layer 2, the edge from vertex 1 and the one to vertex 3 have vertex 2 between
    assert (ways[1, 4][0] - places.x[2]) * (ways[0, 3][1] - places.x[2]) < 0


def test_the_same_graph_is_drawn_the_same_way_again():
    edges = [(0, 3), (0, 4), (1, 3), (1, 5), (2, 4), (2, 5), (0, 5), (1, 4), (2, 3)]
    assert layout([10.0] * 6, edges) == layout([10.0] * 6, edges)


def test_input_is_on_top_and_output_at_the_bottom_even_when_unconnected():
    places = layout([10.0] * 4, [(1, 2)], first=[0], last=[3])
    assert places.layer == (0, 1, 2, 3)


def test_a_lone_vertex_stays_beside_its_row_and_pushes_nobody():
    edges = [(0, 1), (0, 2), (1, 4), (2, 4)]
    alone = layout([20.0] * 5, edges, first=[0], last=[4], gap=10)
    row = sorted(alone.x[v] for v in (1, 2, 3))
    assert [b - a for a, b in pairwise(row)] == pytest.approx([30.0, 30.0])
    assert alone.x[0] == pytest.approx((alone.x[1] + alone.x[2]) / 2, abs=0.1)


def test_no_vertices_give_an_empty_layout():
    assert layout([], []).depth == 0
    assert layout([], []).width == 0.0
