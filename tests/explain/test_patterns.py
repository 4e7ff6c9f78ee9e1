from collections import Counter

import numpy as np
import pytest

import archbo as ab
from archbo.explain.names import Names
from archbo.explain.patterns import Kind, patterns

CHAIN = ab.Chain(ab.Choice(["conv", "pool", "norm"]), length=(2, 5))
SETTINGS = ab.Chain(ab.Space(op=ab.Choice(["conv", "pool"]), rate=ab.Float(0, 1)), length=4)
NODES = ab.NodeCell(max_nodes=5, max_edges=7, ops=["conv", "pool"])


def found_in(space, archs):
    rows = space.compiled.encode(archs)
    ((path, batch),) = space.compiled.graphs(rows).items()
    return Names(space.compiled, path, rows, batch), batch


def drawn(arch):
    """What a signal passes of an architecture's drawing: operations, and edges by operations."""
    graph = arch.graph
    edges = [(s, t) for s, t, _ in graph.edges if graph.alive[s] and graph.alive[t]]
    used = {end for edge in edges for end in edge}
    operations = Counter(graph.labels[v] for v in used)
    return operations, Counter((graph.labels[t], graph.labels[s]) for s, t in edges)


@pytest.mark.parametrize("space", [CHAIN, NODES, "cell"], ids=["chain", "node cell", "edge cell"])
def test_operations_and_pairs_are_those_of_the_drawings(space, cell, sampled):
    space = cell if space == "cell" else space
    archs = sampled(space, 150)
    names, batch = found_in(space, archs)
    seen = [drawn(arch) for arch in archs]
    checked = 0
    for pattern, has in patterns(batch, np.ones(len(archs))):
        labels = tuple(map(names._name, pattern.labels)) if pattern.kind != "neighbourhood" else ()
        if pattern.kind is Kind.OPERATION:
            expected = [operations[labels[0]] >= pattern.least for operations, _ in seen]
        elif pattern.kind is Kind.PAIR:
            expected = [pairs[labels] >= pattern.least for _, pairs in seen]
        else:
            continue
        checked += 1
        assert has.tolist() == expected, (pattern, labels)
    assert checked > 10


def test_patterns_are_found_again_in_other_graphs(cell, sampled):
    archs = sampled(cell, 200)
    _, batch = found_in(cell, archs)
    few = batch.take(np.arange(50))
    for pattern, has in patterns(batch, np.ones(200)):
        assert pattern.present(few).tolist() == has[:50].tolist()
        assert 0.03 <= has.mean() <= 0.97


def test_words_say_what_a_pattern_is(sampled):
    names, batch = found_in(CHAIN, sampled(CHAIN, 300))
    words = {names.describe(p)[0] for p, _ in patterns(batch, np.ones(300))}
    assert words >= {
        "2 or more conv",
        "conv after pool",
        "norm on the input",
        "pool right before the output",
        "conv between input and norm",
        "norm between conv and pool",
    }


def test_graph_of_a_neighbourhood_has_what_is_before_and_behind(sampled):
    names, batch = found_in(CHAIN, sampled(CHAIN, 300))
    graphs = dict(names.describe(p) for p, _ in patterns(batch, np.ones(300)))
    graph = graphs["norm between conv and pool"]
    assert graph.labels == ("conv", "norm", "pool")
    assert graph.edges == ((0, 1, 1), (1, 2, 1))
    assert "<svg" in graph._repr_svg_()


def test_layers_of_several_settings_are_named_by_what_labels_them(sampled):
    names, batch = found_in(SETTINGS, sampled(SETTINGS, 200))
    words = {names.describe(p)[0] for p, _ in patterns(batch, np.ones(200))}
    assert "op=conv after op=pool" in words
    assert not any("rate=" in one for one in words)
