"""Cells that keep some edges: sizes as published, ids against networkx, errors."""

from collections import Counter
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.errors import ArchitectureError, SpaceError
from archbo.spaces import EdgeCell, from_dict

DARTS_OPS = ["max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
             "dil_conv_3x3", "dil_conv_5x5"]  # fmt: skip
DARTS = EdgeCell(nodes=7, ops=DARTS_OPS, inputs=2, keep=2)
OPS = ["none", "skip_connect", "conv", "pool"]


def network(cell, value):
    """The live part as a networkx graph: operations, and the sums that the output joins."""
    sums = [Counter() for _ in range(cell.nodes)]
    labels = {"in": "input"}
    feeds = {}
    for k in range(cell.inputs):
        vertex = ("in", k) if cell.inputs > 1 else "in"
        if cell.inputs > 1:
            labels[vertex], feeds[vertex] = f"input_{k}", Counter(["in"])
        sums[k][vertex] = 1
    for source, target, op in sorted(value, key=lambda edge: (edge[1], edge[0])):
        if op == "skip_connect":
            sums[target] += sums[source]
        elif op != "none":
            labels[source, target, "op"] = op
            feeds[source, target, "op"] = Counter(sums[source])
            sums[target][source, target, "op"] += 1
    for node in range(cell.inputs, cell.nodes - 1):
        labels["sum", node], feeds["sum", node] = "sum", sums[node]
    labels["out"] = "output"
    feeds["out"] = Counter(("sum", node) for node in range(cell.inputs, cell.nodes - 1))
    graph = nx.DiGraph()
    graph.add_nodes_from((v, {"label": label}) for v, label in labels.items())
    for target, fed in feeds.items():
        graph.add_edges_from((source, target, {"times": n}) for source, n in fed.items() if n)
    live = (nx.descendants(graph, "in") | {"in"}) & (nx.ancestors(graph, "out") | {"out"})
    return graph.subgraph(live) if "out" in live else nx.DiGraph()


def same(a, b):
    return nx.is_isomorphic(a, b, node_match=lambda x, y: x == y, edge_match=lambda x, y: x == y)


def test_the_cells_of_darts_are_as_many_as_published():
    """Liu, Simonyan and Yang 2019, appendix A.5: the product of (k + 1) k / 2 * 7^2 over 4 nodes,
    about 10^9 for one cell and 10^18 for a normal and a reduction cell."""
    assert DARTS.size == np.prod([(k + 1) * k // 2 * 7**2 for k in (1, 2, 3, 4)])
    assert DARTS.size == 1_037_664_180


@pytest.mark.parametrize("inputs", [1, 2, 3])
@pytest.mark.parametrize("keep", [1, 2, 3])
def test_members_are_all_choices_of_sources_and_operations(inputs, keep):
    cell = EdgeCell(nodes=inputs + 3, ops=["a", "b"], inputs=inputs, keep=keep)
    expected = 1
    for target in (inputs, inputs + 1):
        kept = min(keep, target)
        expected *= len(list(combinations(range(target), kept))) * 2**kept
    found = [arch.value for arch in cell.enumerate()]
    assert len({str(value) for value in found}) == len(found) == cell.size == expected
    for value in found:
        assert value == sorted(value, key=lambda edge: (edge[1], edge[0]))
        counts = Counter(target for _, target, _ in value)
        assert counts == {t: min(keep, t) for t in (inputs, inputs + 1)}
        assert len({(source, target) for source, target, _ in value}) == len(value)


@given(
    inputs=st.integers(1, 2),
    inner=st.integers(1, 3),
    keep=st.integers(1, 3),
    ops=st.lists(st.sampled_from(OPS), min_size=1, max_size=4, unique=True),
    seed=st.integers(0, 10_000),
)
def test_ids_are_equal_exactly_where_networkx_finds_an_isomorphism(inputs, inner, keep, ops, seed):
    cell = EdgeCell(nodes=inputs + inner + 1, ops=ops, inputs=inputs, keep=keep)
    rng = np.random.default_rng(seed)
    archs = [cell.sample(rng) for _ in range(12)]
    networks = [network(cell, arch.value) for arch in archs]
    for a, b in combinations(range(len(archs)), 2):
        assert (archs[a].id == archs[b].id) == same(networks[a], networks[b])


def cell_of(*nodes):
    """A DARTS cell by what goes into its four inner nodes: pairs (operation, source)."""
    return DARTS.architecture(
        [(source, target, op) for target, node in enumerate(nodes, 2) for op, source in node]
    )


def test_the_order_of_inner_nodes_does_not_count():
    first = [("sep_conv_3x3", 0), ("max_pool_3x3", 1)]
    second = [("dil_conv_5x5", 0), ("dil_conv_3x3", 1)]
    third = [("avg_pool_3x3", 0), ("sep_conv_5x5", 2)]
    swapped = [("avg_pool_3x3", 0), ("sep_conv_5x5", 3)]
    rest = [("sep_conv_3x3", 0), ("sep_conv_3x3", 1)]
    assert cell_of(first, second, third, rest).id == cell_of(second, first, swapped, rest).id
    assert cell_of(first, second, third, rest).id != cell_of(second, first, third, rest).id


def test_which_terms_a_node_sums_counts_though_all_are_concatenated():
    a, b = ("sep_conv_3x3", 0), ("max_pool_3x3", 1)
    c, d = ("dil_conv_5x5", 0), ("dil_conv_3x3", 1)
    rest = [[("sep_conv_5x5", 0), ("sep_conv_5x5", 1)]] * 2
    assert cell_of([a, b], [c, d], *rest).id != cell_of([c, b], [a, d], *rest).id


def test_the_inputs_are_told_apart():
    node = [("sep_conv_3x3", 0), ("max_pool_3x3", 1)]
    turned = [("max_pool_3x3", 0), ("sep_conv_3x3", 1)]
    assert cell_of(node, node, node, node).id != cell_of(turned, turned, turned, turned).id


def test_edges_may_be_given_in_any_order():
    arch = DARTS.sample(3)
    assert DARTS.architecture(arch.value[::-1]) == arch


def test_json_of_a_cell_without_inputs_is_as_it_was():
    plain = EdgeCell(nodes=3, ops=["a"])
    assert set(plain.to_dict()) == {"kind", "nodes", "ops", "none", "skip"}
    assert from_dict(DARTS.to_dict()) == DARTS
    assert EdgeCell(nodes=7, ops=DARTS_OPS, inputs=2, keep=3) != DARTS


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nodes": 7, "inputs": 2}, "space: a cell with 2 inputs needs keep.*keep=2"),
        ({"nodes": 7, "inputs": 0, "keep": 2}, "inputs must be a whole number from 1 to 8, got 0"),
        ({"nodes": 7, "inputs": 2, "keep": 0}, "keep must be a whole number from 1 to 64, got 0"),
        ({"nodes": 3, "inputs": 2, "keep": 2}, "nodes must be a whole number from 4 to 64, got 3"),
        ({"nodes": 40, "inputs": 2, "keep": 9}, r"keep=9 leaves one node \d+ choices of sources"),
    ],
)
def test_cells_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(SpaceError, match=message):
        _ = EdgeCell(ops=["conv"], **settings).size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda edges: edges[1:], r"space\[0,2\]: this edge is missing"),
        (lambda edges: edges[:-1], r"space\[5\]: the node keeps 2 edges, got 1"),
        (
            lambda edges: [*edges, (0, 5, "sep_conv_3x3")],
            r"space\[5\]: the node keeps 2 edges, got 3",
        ),
        (
            lambda edges: [*edges, (0, 1, "sep_conv_3x3")],
            "no edge goes into node 1: it is an input",
        ),
        (lambda edges: [*edges, (0, 6, "sep_conv_3x3")], "node 6: it is the output, which concat"),
        (lambda edges: [*edges, edges[0]], r"edge \(0, 2\) is given twice"),
        (lambda edges: [(0, 2, "sep_conv"), *edges[1:]], r"space\[0,2\]: no operation 'sep_conv'"),
    ],
)
def test_what_is_no_member_is_refused(change, message):
    edges = cell_of(*[[("sep_conv_3x3", k), ("max_pool_3x3", k + 1)] for k in range(4)]).value
    with pytest.raises(ArchitectureError, match=message):
        DARTS.architecture(change(edges))
