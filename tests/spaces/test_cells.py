"""Ids of cells against brute force over permutations, and against recorded tables."""

from collections import Counter
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.graphs.batch import alive_vertices
from archbo.spaces import EdgeCell, NodeCell, Rows

OPS = ["none", "skip_connect", "conv", "pool"]


def edge_network(value, nodes):
    """The labels of an edge cell's operations, and how often each feeds each: see `smallest`."""
    labels = {"in": "input"}
    feeds = {}  # of each operation: what is summed into it, how often
    sums = [Counter() for _ in range(nodes)]
    sums[0]["in"] = 1
    for source, target, op in sorted(value, key=lambda edge: (edge[1], edge[0])):
        if op == "skip_connect":
            sums[target] += sums[source]
        elif op != "none":
            labels[source, target] = op
            feeds[source, target] = Counter(sums[source])
            sums[target][source, target] += 1
    labels["out"], feeds["out"] = "output", sums[-1]
    return labels, feeds


def node_network(value):
    """The same of a node cell."""
    last = len(value["ops"]) + 1
    labels = dict(enumerate(["input", *value["ops"], "output"]))
    feeds = {v: Counter(s for s, t in value["edges"] if t == v) for v in range(1, last + 1)}
    rename = {0: "in", last: "out"}
    return (
        {rename.get(v, v): name for v, name in labels.items()},
        {
            rename.get(v, v): Counter({rename.get(s, s): n for s, n in fed.items()})
            for v, fed in feeds.items()
        },
    )


def smallest(labels, feeds):
    """The smallest description of the live part over all orders of its operations."""
    reached = {"in"}
    for _ in labels:
        reached |= {v for v, fed in feeds.items() if any(u in reached for u in fed)}
    useful = {"out"}
    for _ in labels:
        useful |= {u for v in useful for u in feeds.get(v, ())}
    live = [v for v in labels if v in reached & useful and v not in ("in", "out")]
    if "out" not in reached:
        return None
    groups = {}
    for v in live:
        groups.setdefault(labels[v], []).append(v)
    names = sorted(groups)
    best = None
    for orders in product(*(permutations(groups[name]) for name in names)):
        order = ["in", *(v for group in orders for v in group), "out"]
        matrix = tuple(feeds.get(v, {}).get(u, 0) for v in order for u in order)
        best = matrix if best is None else min(best, matrix)
    return tuple((name, len(groups[name])) for name in names), best


@given(
    nodes=st.integers(2, 4),
    ops=st.lists(st.sampled_from(OPS), min_size=1, max_size=4, unique=True),
    seed=st.integers(0, 10_000),
)
def test_ids_of_edge_cells_are_equal_exactly_where_brute_force_says_so(nodes, ops, seed):
    cell, rng = EdgeCell(nodes=nodes, ops=ops), np.random.default_rng(seed)
    archs = [cell.sample(rng) for _ in range(40)]
    pairs = {(arch.id, smallest(*edge_network(arch.value, nodes))) for arch in archs}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@given(
    nodes=st.integers(2, 6),
    edges=st.integers(1, 10),
    ops=st.integers(1, 2),
    seed=st.integers(0, 10_000),
)
def test_ids_of_node_cells_are_equal_exactly_where_brute_force_says_so(nodes, edges, ops, seed):
    cell = NodeCell(max_nodes=nodes, max_edges=edges, ops=OPS[2 : 2 + ops])
    rng = np.random.default_rng(seed)
    archs = [cell.sample(rng) for _ in range(40)]
    pairs = {(arch.id, smallest(*node_network(arch.value))) for arch in archs}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_the_order_of_equal_nodes_does_not_count():
    cell = EdgeCell(nodes=4, ops=OPS)
    edges = {
        (0, 1): "conv",
        (0, 2): "pool",
        (1, 2): "none",
        (0, 3): "none",
        (1, 3): "pool",
        (2, 3): "conv",
    }
    swapped = edges | {(0, 1): "pool", (0, 2): "conv", (1, 3): "conv", (2, 3): "pool"}
    a, b = ([(s, t, op) for (s, t), op in value.items()] for value in (edges, swapped))
    assert cell.architecture(a).id == cell.architecture(b).id
    assert cell.architecture(a) != cell.architecture(b)


def test_a_dead_branch_does_not_count():
    cell = NodeCell(max_nodes=5, max_edges=5, ops=["conv", "pool"])
    plain = cell.architecture({"ops": ["conv"], "edges": [(0, 1), (1, 2)]})
    dead_end = cell.architecture({"ops": ["conv", "pool"], "edges": [(0, 1), (0, 2), (1, 3)]})
    no_input = cell.architecture({"ops": ["conv", "pool"], "edges": [(0, 1), (1, 3), (2, 3)]})
    assert plain.id == dead_end.id == no_input.id


def test_a_skip_is_contracted_and_counts_as_often_as_it_adds():
    cell = EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"])

    def id_of(first, direct, second):
        return cell.architecture([(0, 1, first), (0, 2, direct), (1, 2, second)]).id

    assert id_of("skip_connect", "none", "conv") == id_of("conv", "none", "skip_connect")
    assert id_of("skip_connect", "none", "conv") == id_of("none", "conv", "none")
    assert id_of("skip_connect", "conv", "none") == id_of("none", "conv", "skip_connect")
    # the input arrives once, or twice
    assert id_of("none", "skip_connect", "none") != id_of(
        "skip_connect", "skip_connect", "skip_connect"
    )


def test_without_the_meanings_each_operation_counts():
    cell = EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"], none=None, skip=None)
    assert len({arch.id for arch in cell.enumerate()}) == cell.size == 27


def test_ids_of_all_recorded_edge_cells(recorded_trainings):
    table = np.load(recorded_trainings / "nas_bench_201.npz")
    names = [str(name) for name in table["op_names"]]
    cell = EdgeCell(nodes=4, ops=names)
    archs = cell.compiled.architectures(cell.compiled.rows(table["ops"].astype(float)))
    ids = cell.compiled.ids(cell.compiled.encode(archs))
    assert len(archs) == cell.size == 15_625
    assert len(set(ids)) == 5_425
    assert len(set(cell.compiled.fingerprints(cell.compiled.encode(archs)).tolist())) == 5_425
    reference = [smallest(*edge_network(arch.value, 4)) for arch in archs]
    assert len(set(reference)) == len(set(zip(ids, reference, strict=True))) == 5_425


def test_ids_of_all_recorded_node_cells(recorded_trainings):
    table = np.load(recorded_trainings / "nas_bench_101_30k.npz")
    ops = ["conv3x3", "conv1x1", "maxpool3x3"]
    cell = NodeCell(max_nodes=7, max_edges=9, ops=ops)
    archs = []
    for codes, adjacency in zip(table["ops"], table["adjacency"], strict=True):
        inner = [ops[code] for code in codes if code >= 0]
        edges = [(int(s), int(t)) for s, t in np.argwhere(adjacency)]
        archs.append(cell.architecture({"ops": inner, "edges": edges}))
    assert len(set(cell.compiled.ids(cell.compiled.encode(archs)))) == len(archs) == 30_001


def distinct_networks(max_nodes, max_edges, ops):
    """How many networks a node cell has: all labelings of all unlabelled live graphs."""
    plain = NodeCell(max_nodes=max_nodes, max_edges=max_edges, ops=["op"]).compiled
    graphs = {}
    for rows in _batches(plain):
        batch = plain.root.graphs(rows.values)
        live = (alive_vertices(batch) == batch.present).all(axis=1)
        for key, row in zip(plain.ids(rows.take(live)), rows.values[live], strict=True):
            graphs.setdefault(key, row)
    cell = NodeCell(max_nodes=max_nodes, max_edges=max_edges, ops=ops).compiled
    found = set()
    for row in graphs.values():
        inner = int(row[0]) - 2
        labelings = np.array(list(product(range(len(ops)), repeat=inner))).reshape(
            len(ops) ** inner, inner
        )
        values = np.repeat(row[None], len(labelings), axis=0)
        values[:, 1 : 1 + inner] = labelings
        # two graphs of different shape share no network
        found.update(cell.ids(cell.rows(values)))
    return len(found)


def _batches(space):
    from archbo.spaces.moves import enumerate_rows

    return enumerate_rows(space, chunk=16_384)


@pytest.mark.parametrize(("nodes", "edges", "ops"), [(3, 3, 3), (4, 6, 2), (5, 4, 2), (5, 10, 1)])
def test_labelings_of_unlabelled_graphs_are_all_networks(nodes, edges, ops):
    cell = NodeCell(max_nodes=nodes, max_edges=edges, ops=OPS[:ops])
    rows = cell.compiled.encode(list(cell.enumerate()))
    assert len(set(cell.compiled.ids(rows))) == distinct_networks(nodes, edges, OPS[:ops])


@pytest.mark.slow
def test_networks_of_the_published_node_cell():
    # Ying et al. 2019, section 2.1: 423k unique graphs
    assert distinct_networks(7, 9, ["conv3x3", "conv1x1", "maxpool3x3"]) == 423_624


def test_counting_members_agrees_with_enumeration_beyond_what_the_laws_enumerate():
    cell = NodeCell(max_nodes=5, max_edges=6, ops=["conv", "pool"])
    assert cell.size == sum(len(rows) for rows in _batches(cell.compiled))


def test_the_size_of_a_large_cell_is_counted_without_enumeration():
    assert NodeCell(max_nodes=7, max_edges=9, ops=["a", "b", "c"]).size == 141_331_021
    assert NodeCell(max_nodes=7, max_edges=2016, ops=["a"]).size < 2**21 + 2**15 + 2**11


def test_samples_of_a_tight_cell_are_valid():
    cell = NodeCell(max_nodes=12, max_edges=11, ops=["conv", "pool"])
    rng = np.random.default_rng(0)
    archs = [cell.sample(rng) for _ in range(50)]
    assert all(len(arch.value["edges"]) <= 11 for arch in archs)
    assert isinstance(archs[0].rows, Rows)
