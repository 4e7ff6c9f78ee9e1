import re

import numpy as np
import pytest

from archbo.explain.names import Names
from archbo.explain.patterns import Kind, patterns
from archbo.spaces.compiled import stack
from archbo.spaces.moves import enumerate_rows


@pytest.fixture(scope="module")
def described(cell):
    """Every pattern of all members of a cell, with its words and its graph."""
    rows = stack(list(enumerate_rows(cell.compiled)))
    ((path, batch),) = cell.compiled.graphs(rows).items()
    names = Names(cell.compiled, path, rows, batch.pruned())
    found = [pattern for pattern, _ in patterns(batch.pruned(), np.ones(len(rows)))]
    return [(pattern, *names.describe(pattern)) for pattern in found]


def test_graph_of_a_motif_has_what_its_words_say_as_often(described):
    told = {words: graph for pattern, words, graph in described if pattern.kind is not Kind.PAIR}
    assert told["2 or more conv"].labels == ("conv", "conv")
    pairs = [one for one in described if one[0].kind is Kind.PAIR]
    assert any(pattern.least > 1 for pattern, _, _ in pairs)
    for pattern, words, graph in pairs:
        assert len(graph.edges) == pattern.least
        ends = {(graph.labels[s], graph.labels[t]) for s, t, _ in graph.edges}
        assert len(ends) == 1
        assert all(name in words for end in ends for name in end)
        # there is one input and one output, whatever is at them
        assert graph.labels.count("input") <= 1
        assert graph.labels.count("output") <= 1


def test_graph_of_a_neighbourhood_is_its_centre_with_all_around(described):
    around = [one for one in described if one[0].kind is Kind.NEIGHBOURHOOD]
    assert around
    for _, words, graph in around:
        (centre,) = {s for s, _, _ in graph.edges} & {t for _, t, _ in graph.edges}
        assert words.startswith(f"{graph.labels[centre]} between ")
        counts = [int(number) - 1 for number in re.findall(r"\b(\d+) ", words)]
        assert len(graph.labels) == 1 + words.count(",") + 2 + sum(counts)
