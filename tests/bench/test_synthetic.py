import numpy as np
import pytest

from archbo.bench import regret
from archbo.bench.synthetic import _EDGES, OPS, Synthetic, _longest_paths, synthetic
from archbo.spaces.moves import enumerate_rows, neighbors, sample


@pytest.mark.parametrize(("cells", "layers"), [(1, 2), (0, 5), (1, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_the_optimum_is_that_of_all_networks(cells, layers, seed):
    benchmark = Synthetic(cells, layers, seed)
    values = np.concatenate(
        [benchmark.values(r.values) for r in enumerate_rows(benchmark.space.compiled)]
    )
    assert len(values) == benchmark.space.size
    assert benchmark.best == values.max()
    assert (values == values.max()).sum() >= 1


@pytest.mark.parametrize("name", [(20, 0), (20, 5), (60, 0)])
def test_no_neighbour_of_the_optimum_is_better(name):
    benchmark = synthetic(*name)
    compiled = benchmark.space.compiled
    row = compiled.rows(benchmark._optimum)
    near = neighbors(compiled, row)
    assert len(near) == 4 * name[0]
    assert benchmark.values(near.values).max() <= benchmark.best
    (best,) = compiled.architectures(row)
    assert regret(benchmark, best) == 0
    assert best.id in benchmark.optima


@pytest.mark.parametrize("decisions", [20, 60])
def test_random_networks_have_mean_0_and_sd_1(decisions):
    benchmark = synthetic(decisions)
    rows = sample(benchmark.space.compiled, np.random.default_rng(9), 4000)
    values = benchmark.values(rows.values)
    assert rows.values.shape == (4000, decisions)
    assert abs(values.mean()) < 0.1
    assert values.std() == pytest.approx(1, abs=0.1)
    assert benchmark.best > values.max() + 0.5


def test_the_same_network_has_the_same_value():
    """Dead branches, the order of nodes and passed-on inputs change nothing."""
    benchmark = Synthetic(1, 1)
    rows = sample(benchmark.space.compiled, np.random.default_rng(0), 3000)
    rows.values[:, _EDGES:] = 0
    values, first = benchmark.values(rows.values), {}
    shared = 0
    for key, value in zip(benchmark.space.compiled.ids(rows), values, strict=True):
        shared += key in first
        assert first.setdefault(key, value) == value
    assert shared > 300


def test_longest_paths_are_those_of_networkx():
    networkx = pytest.importorskip("networkx")
    benchmark = Synthetic(1, 1)
    edges = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
    for seed in range(60):
        ops = [OPS[int(k)] for k in benchmark.space.sample(seed).numbers[:_EDGES]]
        graph = networkx.DiGraph()
        graph.add_nodes_from(range(4))
        for ends, op in zip(edges, ops, strict=True):
            if op != "none":
                graph.add_edge(*ends, weight=int(op != "skip"))
        paths = networkx.all_simple_paths(graph, 0, 3)
        longest = max((networkx.path_weight(graph, p, "weight") for p in paths), default=0)
        where = np.ravel_multi_index([OPS.index(op) for op in ops], (5,) * _EDGES)
        assert _longest_paths()[where] == longest


def test_noise_is_normal_around_the_truth_and_new_in_each_repeat():
    benchmark = synthetic(20)
    arch = benchmark.space.sample(1)
    off = np.array([benchmark.objective(arch, s) for s in range(600)]) - benchmark.truth(arch)
    assert abs(off.mean()) < 4 * 0.2 / 600**0.5
    assert off.std() == pytest.approx(0.2, rel=4 / 1200**0.5)
    assert len({benchmark.objective(arch, 0, repeat=k) for k in range(5)}) == 5


def test_members_of_the_family_differ_and_are_named():
    assert [synthetic(20, s).name for s in (0, 3)] == ["synthetic/20", "synthetic/20/3"]
    arch = synthetic(20).space.sample(0)
    assert len({synthetic(20, s).truth(arch) for s in range(4)}) == 4
    assert len(OPS) == 5
