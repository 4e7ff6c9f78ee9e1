"""Pools: the laws of spaces, ids against networkx, lookups, neighbourhoods, features."""

import json
import pickle
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archbo as ab
from archbo.encodings import Encoder
from archbo.errors import ArchitectureError, SpaceError
from archbo.spaces import NodeCell, Pool, from_dict
from archbo.spaces.moves import sample
from archbo.testing.spaces import LAWS, SpaceLaws

OPS = ["input", "output", "conv", "pool"]


@st.composite
def dags(draw: st.DrawFn):
    ops = draw(st.lists(st.sampled_from(OPS), min_size=1, max_size=5))
    pairs = [(s, t) for t in range(len(ops)) for s in range(t)]
    return ops, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    graphs = draw(st.lists(dags(), min_size=1, max_size=8))
    columns = st.lists(st.floats(-1e9, 1e9), min_size=len(graphs), max_size=len(graphs))
    return Pool(graphs, draw(st.dictionaries(st.sampled_from(["a", "b"]), columns)))


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=15)
@given(
    pool=st.one_of(
        pools(),
        pools().map(lambda pool: ab.Space(cell=pool, lr=ab.Float(0, 1))),
        pools().map(lambda pool: ab.Choice({"pool": pool, "none": None})),
        pools().map(lambda pool: ab.Chain(pool, length=(1, 2))),
    ),
    seed=st.integers(0, 2**32 - 2),
)
def test_law_holds_for_random_pools(law, pool, seed):
    law(pool, seed)


def some_cells(count, seed=0):
    """Plain values of random cells as graphs."""
    cell = NodeCell(max_nodes=6, max_edges=8, ops=["conv", "pool"])
    rng = np.random.default_rng(seed)
    values = [cell.sample(rng).value for _ in range(count)]
    return [(["input", *value["ops"], "output"], value["edges"]) for value in values]


@pytest.mark.parametrize(
    "space", [Pool(some_cells(700), {"size": range(700)})], ids=repr, scope="class"
)
class TestManyMembers(SpaceLaws):
    pass


def drawn(ops, edges):
    graph = nx.DiGraph()
    graph.add_nodes_from((v, {"op": op}) for v, op in enumerate(ops))
    graph.add_edges_from(edges)
    return graph


@given(graphs=st.lists(dags(), min_size=2, max_size=6))
def test_ids_are_equal_exactly_where_networkx_finds_an_isomorphism(graphs):
    pool = Pool(graphs)
    whole = []
    for k in range(len(graphs)):
        codes, edges = pool.packed.one(k)
        graph = drawn([pool.labels[code] for code in codes], edges)
        live = (nx.descendants(graph, 0) | {0}) & (
            nx.ancestors(graph, len(codes) - 1) | {len(codes) - 1}
        )
        ends = {0, len(codes) - 1}
        whole.append(graph.subgraph(live | ends if ends <= live else ends))
    archs = list(pool.enumerate())
    for a, b in combinations(range(len(graphs)), 2):
        same = nx.is_isomorphic(whole[a], whole[b], node_match=lambda x, y: x == y)
        assert (archs[a].id == archs[b].id) == same
        assert archs[a] != archs[b]


def test_members_are_the_graphs_in_their_order():
    graphs = some_cells(30)
    pool = Pool(drawn(*graph) for graph in graphs)
    assert pool == Pool(graphs)
    assert pool.size == 30
    assert [arch.value for arch in pool.enumerate()] == list(range(30))
    assert pool.architecture(7).graph.labels == tuple(graphs[7][0])


def test_a_member_has_the_id_of_the_same_node_cell_dead_ends_left_out():
    cell = NodeCell(max_nodes=6, max_edges=8, ops=["conv", "pool"])
    archs = [cell.sample(seed) for seed in range(200)]
    pool = Pool((["input", *a["ops"], "output"], a["edges"]) for a in archs)
    a, b = ([arch.id for arch in found] for found in (archs, pool.enumerate()))
    assert [a.index(key) for key in a] == [b.index(key) for key in b]
    assert len(set(a)) < 200


def test_a_member_has_the_id_of_the_same_cell_in_another_pool():
    graphs = some_cells(40)
    a, b = Pool(graphs), Pool([*graphs[20:], (["input", *["conv"] * 9, "output"], [])])
    assert [a.architecture(k + 20).id for k in range(20)] == [
        b.architecture(k).id for k in range(20)
    ]


def test_neighbours_are_the_nearest_networks_and_not_the_same_one():
    chain = (["conv"] * 3, [(0, 1), (1, 2)])
    longer = (["conv"] * 4, [(0, 1), (1, 2), (2, 3)])
    pool = Pool([chain, chain, longer, *some_cells(400)])
    near = [arch.value for arch in pool.neighbors(pool.architecture(0))]
    assert 2 in near
    assert 1 not in near
    assert len(near) < 100
    assert set(near) == {arch.value for arch in pool.neighbors(pool.architecture(1))}


def test_mutation_stays_near():
    pool = Pool(some_cells(600))
    arch = pool.architecture(5)
    near = set(pool.neighbors(arch))
    assert all(pool.mutate(arch, seed) in near for seed in range(30))


def test_features_are_known_before_training():
    pool = Pool(some_cells(3), {"params": np.array([10, 20, 30]), "latency": [0.1, 0.2, 0.3]})
    found = pool.features(pool.architecture(1))
    assert (found["params"], found["latency"]) == (20.0, 0.2)
    space = ab.Space(cell=pool, head=ab.Choice({"a": pool, "b": None}))
    arch = space.architecture({"cell": 2, "head": "b"})
    found = space.features(arch)
    assert found["cell.params"] == 30.0
    assert found["head.a.params"] == 0.0


def test_the_position_is_never_encoded():
    """Nearby positions are not alike, and an option each would be too many columns."""
    graphs = some_cells(60)
    encoded = []
    for order in (range(60), reversed(range(60))):
        pool = Pool([graphs[k] for k in order])
        rows = pool.compiled.rows(np.arange(60.0)[:, None])
        encoder = Encoder(pool.compiled, rows)
        assert not {"options", "context", "numbers", "sizes"} & set(encoder.reference)
        points = encoder.design_points(rows)
        encoded.append(points if len(encoded) == 0 else points[::-1])
    np.testing.assert_allclose(*encoded)


def test_a_pool_reads_back_from_its_json_form():
    pool = Pool(some_cells(50), {"params": range(50)})
    form = json.loads(json.dumps(pool.to_dict()))
    assert from_dict(form) == pool
    assert len(json.dumps(form["graphs"])) < 50 * 60


def test_pools_are_equal_by_content():
    graphs = some_cells(5)
    pool = Pool(graphs, {"a": range(5)})
    assert pool == pickle.loads(pickle.dumps(pool))
    assert hash(pool) == hash(Pool(graphs, {"a": range(5)}))
    for other in (
        Pool(graphs),
        Pool(graphs[::-1], {"a": range(5)}),
        Pool(graphs, {"b": range(5)}),
        Pool(graphs, {"a": [0, 1, 2, 3, 5]}),
        ab.Bool(),
    ):
        assert pool != other


@pytest.mark.parametrize("value", [-1, 3, 1.5, True, "0", None])
def test_what_is_no_position_is_refused(value):
    with pytest.raises(ArchitectureError, match="space: expected a position, 0 to 2, got"):
        Pool(some_cells(3)).architecture(value)


def test_positions_may_be_numpy_integers():
    pool = Pool(some_cells(3))
    assert pool.architecture(np.int64(2)) == pool.architecture(2)


@pytest.mark.parametrize(
    ("graphs", "features", "message"),
    [
        ([], None, "pool: a pool needs at least one graph, got none"),
        (3, None, "pool: a pool needs a list of graphs, got 3"),
        ([(["a"], []), (["a", "a"], [(0, 1), (1, 0)])], None, r"pool\.graphs\[1\].* a cycle"),
        ([(["a"], [])], [1], r"pool\.features: expected \{name: a number for each graph\}"),
        ([(["a"], [])], {"params": [1, 2]}, r"pool\.features\.params: expected 1 numbers, got 2"),
        ([(["a"], [])], {"params": 3}, r"pool\.features\.params: expected a list of numbers"),
        (
            [(["a"], [])],
            {"zen": [float("nan")]},
            r"pool\.features\.zen\[0\]: expected a finite number, got nan\. Leave",
        ),
    ],
)
def test_what_is_no_pool_is_refused(graphs, features, message):
    with pytest.raises(SpaceError, match=message):
        Pool(graphs, features)


def test_a_batch_does_not_depend_on_what_was_looked_up_before():
    pool = Pool(some_cells(20))
    rows = sample(pool.compiled, np.random.default_rng(0), 12)
    ids = pool.compiled.ids(rows)
    assert [Pool(some_cells(20)).architecture(a.value).id for a in
            pool.compiled.architectures(rows)] == ids  # fmt: skip


def test_thirty_thousand_recorded_cells_are_a_pool(recorded_trainings):
    """Their count of networks, and their ids against those of the cells as a NodeCell."""
    table = np.load(recorded_trainings / "nas_bench_101_30k.npz")
    names = {-1: "input", -2: "output", 0: "conv3x3", 1: "conv1x1", 2: "maxpool3x3"}
    graphs = [
        ([names[op] for op in ops if op in names], np.argwhere(adjacency))
        for ops, adjacency in zip(table["ops"].tolist(), table["adjacency"], strict=True)
    ]
    pool = Pool(graphs, {"params": table["params"]})
    rows = pool.compiled.rows(np.arange(pool.size, dtype=float)[:, None])
    assert len(set(pool.compiled.ids(rows))) == pool.size == 30_001
    degrees = np.array([len(pool.near(k)) for k in range(0, 30_001, 500)])
    assert degrees.min() >= 10
    assert degrees.max() < 300
