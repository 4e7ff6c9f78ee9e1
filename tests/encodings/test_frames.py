"""Vertices in an order that isomorphic graphs share."""

import networkx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import archbo as ab
from archbo.encodings.frames import Frame, depths, ordered
from archbo.graphs.batch import ABSENT, INPUT, OUTPUT, GraphBatch

CELL = ab.NodeCell(7, 9, ["a", "b", "c"])


def relabelled(batch, order):
    """The same graphs with their vertices in another order."""
    return GraphBatch(batch.labels[:, order], batch.adjacency[:, order][:, :, order])


def topological_order(batch, rng):
    """A random order of all places that the edges of one graph allow."""
    width = batch.labels.shape[1]
    graph = networkx.DiGraph((s, t) for s, t in np.argwhere(batch.adjacency[0] > 0))
    graph.add_nodes_from(range(width))
    keys = rng.random(width)
    keys[0], keys[-1] = -1, 2
    graph.add_edges_from((0, v) for v in range(1, width))
    graph.add_edges_from((v, width - 1) for v in range(width - 1))
    return list(networkx.lexicographical_topological_sort(graph, key=keys.item))


@given(seed=st.integers(0, 2**32))
def test_the_order_does_not_depend_on_that_of_the_vertices(seed):
    rng = np.random.default_rng(seed)
    batch = CELL.graphs(CELL.sample(rng).rows.values).pruned()
    other = relabelled(batch, topological_order(batch, rng))
    a, b = ordered(batch, 7), ordered(other, 7)
    assert np.array_equal(a.labels, b.labels)
    assert np.array_equal(a.adjacency, b.adjacency)


def test_the_ordered_graph_is_the_same_graph_from_input_to_output(space, random_rows, as_networkx):
    for batch in space.compiled.graphs(random_rows(space, 30)).values():
        width = batch.labels.shape[1]
        for size in (width, width + 2):
            found = ordered(batch, size)
            assert found.labels.shape == (30, size)
            assert found.adjacency.shape == (30, size, size)
            assert not np.tril(found.adjacency).any()
            for g in range(30):
                if batch.present[g].any():
                    assert found.labels[g, 0] == INPUT
                    assert found.labels[g, -1] == OUTPUT
                assert networkx.is_isomorphic(
                    as_networkx(batch, g),
                    as_networkx(found, g),
                    node_match=lambda x, y: x["label"] == y["label"],
                    edge_match=lambda x, y: len(x) == len(y),
                )


def test_inner_vertices_that_find_no_place_are_left_out():
    batch = CELL.graphs(
        CELL.architecture(
            {"ops": ["a", "b", "c"], "edges": [(0, 1), (1, 2), (2, 3), (3, 4)]}
        ).rows.values
    ).pruned()
    found = ordered(batch, 4)
    assert found.labels[0, -1] == OUTPUT
    assert (found.labels[0] != ABSENT).all()


def test_depth_is_the_length_of_the_longest_way_from_the_input(space, random_rows, as_networkx):
    for batch in space.compiled.graphs(random_rows(space, 30)).values():
        found = depths(batch)
        for g in range(30):
            graph = networkx.DiGraph(as_networkx(batch, g))
            for layer, vertices in enumerate(networkx.topological_generations(graph)):
                if graph.number_of_edges():
                    assert all(found[g, v] == layer for v in vertices)


def test_places_say_labels_of_the_reference_and_parts_share_none(random_rows):
    cell = ab.EdgeCell(nodes=3, ops=["none", "a", "b"])
    space = ab.Space(x=cell, y=cell)
    rows = random_rows(space, 40)
    frame = Frame.of(space.compiled, rows)
    adjacency, places = frame.fill(space.compiled.graphs(rows), 40)
    assert adjacency.shape == (40, frame.places, frame.places)
    assert frame.kinds == 8  # input, output, a, b of each
    half = frame.places // 2
    assert set(places[:, :half].ravel()) == {-1, 0, 1, 2, 3}
    assert set(places[:, half:].ravel()) == {-1, 4, 5, 6, 7}
    assert not adjacency[:, :half, half:].any()
    only = space.compiled.rows(np.ones((1, 6)))
    unseen = Frame.of(space.compiled, only)
    assert (unseen.fill(space.compiled.graphs(rows), 40)[1] < unseen.kinds).all()
