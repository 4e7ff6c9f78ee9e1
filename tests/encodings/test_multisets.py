"""Shortest paths against networkx; deeper colours against the shallow ones."""

from collections import Counter

import networkx
import numpy as np
import pytest

from archbo.encodings import ShortestPaths, WeisfeilerLehman, weisfeiler_lehman_to
from archbo.encodings.graphs import weisfeiler_lehman
from archbo.encodings.multisets import distances
from archbo.errors import ProblemError


def test_distances_are_those_that_networkx_finds(space, random_rows, as_networkx):
    for batch in space.compiled.graphs(random_rows(space, 40)).values():
        found = distances(batch)
        for g in range(len(batch)):
            graph = as_networkx(batch, g)
            expected = np.zeros(found.shape[1:], dtype=int)
            for s, lengths in networkx.all_pairs_shortest_path_length(graph):
                for t, length in lengths.items():
                    expected[s, t] = length
            assert np.array_equal(found[g], expected)


def test_triples_are_equal_where_both_labels_and_the_distance_are(
    node_cell, random_rows, as_networkx
):
    space, rows = node_cell.compiled, random_rows(node_cell, 40)
    codes = ShortestPaths().prepare(space, rows)(rows)
    (batch,) = space.graphs(rows).values()
    meaning = {}
    for g in range(40):
        graph = as_networkx(batch, g)
        label = networkx.get_node_attributes(graph, "label")
        expected = Counter(
            (label[s], label[t], length)
            for s, lengths in networkx.all_pairs_shortest_path_length(graph)
            for t, length in lengths.items()
            if length
        )
        found = Counter(codes[g][codes[g] > 0].tolist())
        assert sorted(found.values()) == sorted(expected.values())
        meaning[frozenset(expected.items())] = frozenset(found.items())
    assert len(set(meaning.values())) == len(meaning)


def test_a_block_holds_the_colours_after_its_rounds(space, random_rows):
    rows = random_rows(space, 20)
    graphs = space.compiled.graphs(rows)
    for encoding in (WeisfeilerLehman(1), *weisfeiler_lehman_to(4)):
        found = encoding.prepare(space.compiled, rows)(rows)
        if graphs:
            assert np.array_equal(found, weisfeiler_lehman(graphs, 4)[encoding.rounds])
        else:
            assert found.shape == (20, 0)
    assert WeisfeilerLehman(7).name == "wl7"
    assert weisfeiler_lehman_to(2) == ()


def test_negative_rounds_are_refused():
    with pytest.raises(ProblemError, match="rounds must be at least 0, got -1"):
        WeisfeilerLehman(-1)
