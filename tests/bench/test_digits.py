import numpy as np
import pytest
from scipy.stats import spearmanr

import archbo as ab
from archbo.bench import find, regret
from archbo.bench.digits import FEATURES, digits
from archbo.errors import ProblemError


@pytest.fixture(scope="module")
def benchmark():
    return digits()


def cell(benchmark, op):
    edges = benchmark.space.edges
    return benchmark.space.architecture([(s, t, op) for s, t in edges])


def test_it_needs_no_folder(benchmark, monkeypatch):
    monkeypatch.delenv("ARCHBO_DATA", raising=False)
    assert find("digits").best == benchmark.best


def test_every_distinct_network_of_the_space_is_recorded_once(benchmark):
    recorded = benchmark.space.compiled.ids(benchmark.rows)
    assert len(recorded) == len(set(recorded)) == 1011
    assert {arch.id for arch in benchmark.space.enumerate()} == set(recorded)


def test_curves_are_complete_accuracies(benchmark):
    assert benchmark.values.shape == (1011, 30, 2)
    assert benchmark.fidelities == tuple(range(1, 31))
    assert 0 <= benchmark.values.min() < benchmark.values.max() <= 100
    right = benchmark.values * 5  # of 500 images
    np.testing.assert_allclose(right, right.round(), atol=1e-9)


def test_the_optimum_has_no_regret_and_all_others_have(benchmark):
    assert benchmark.optima
    for arch in benchmark.space.compiled.architectures(benchmark.rows):
        assert (regret(benchmark, arch) == 0) == (arch.id in benchmark.optima)
        assert regret(benchmark, arch) >= 0


def test_it_is_neither_solved_nor_flat(benchmark):
    assert 94 < benchmark.best < 99
    low, high = np.percentile(benchmark.truths, [25, 95])
    assert high - low > 5


def test_networks_rank_as_they_should(benchmark):
    names = ["none", "skip_connect", "conv_1x1", "conv_3x3"]
    truths = [benchmark.truth(cell(benchmark, name)) for name in names]
    assert truths == sorted(truths)
    assert truths[0] < 15  # disconnected: a guess among ten
    assert truths[-1] > 90


def test_seeds_differ_and_agree_on_the_whole(benchmark):
    first, second = benchmark.values[:, -1].T
    assert np.mean(first != second) > 0.9
    assert spearmanr(first, second).statistic > 0.8


def test_a_repeat_is_the_other_recorded_training(benchmark):
    arch = cell(benchmark, "conv_3x3")
    looked_up = {benchmark.objective(arch, 0, repeat=k) for k in range(3)}
    recorded = benchmark.values[benchmark.position(arch), -1]
    assert looked_up == set(recorded)
    assert benchmark.truth(arch) == pytest.approx(recorded.mean())


def test_curves_end_at_the_objective(benchmark):
    rng = np.random.default_rng(0)
    for arch in [benchmark.space.sample(rng) for _ in range(20)]:
        curve = [benchmark.objective(arch, 3, epoch) for epoch in benchmark.fidelities]
        assert curve[-1] == benchmark.objective(arch, 3)
        column = np.flatnonzero(benchmark.values[benchmark.position(arch), -1] == curve[-1])
        assert any(
            curve == benchmark.values[benchmark.position(arch), :, s].tolist() for s in column
        )


def test_trainings_learn(benchmark):
    curve = benchmark.values.mean(axis=(0, 2))
    assert curve[0] < 20
    assert curve[29] > curve[19] > curve[9] > curve[0]
    half, full = benchmark.values[:, 14].mean(axis=1), benchmark.truths
    assert spearmanr(half, full).statistic > 0.8


def test_isomorphic_cells_are_one_network(benchmark):
    def through(node):
        """A 3x3 convolution, then a 1x1 convolution, by way of an inner node."""
        ops = {(0, node): "conv_3x3", (node, 3): "conv_1x1"}
        return benchmark.space.architecture(
            [(s, t, ops.get((s, t), "none")) for s, t in benchmark.space.edges]
        )

    one, other = through(1), through(2)
    assert one.value != other.value
    assert one.id == other.id
    assert benchmark.objective(one, 5, 7) == benchmark.objective(other, 5, 7)
    assert benchmark.test(one) == benchmark.test(other)


def test_features_are_what_the_built_network_costs(benchmark):
    assert tuple(benchmark.features) == FEATURES
    rng = np.random.default_rng(1)
    for arch in [benchmark.space.sample(rng) for _ in range(10)]:
        cost = ab.torch.cost(arch, inputs=(1, 8, 8), channels=8, stages=1)
        assert benchmark.features["params"](arch) == cost.params
        assert benchmark.features["flops"](arch) == cost.flops


def test_all_columns_are_finite_numbers(benchmark):
    for column in [*benchmark.known.values(), *benchmark.results.values(), benchmark.tests]:
        assert column.shape == (1011,)
        assert np.isfinite(column).all()
    assert benchmark.results["latency_ms"].min() > 0


def test_time_grows_with_the_epochs(benchmark):
    arch = cell(benchmark, "conv_3x3")
    assert benchmark.seconds(arch, 15) == pytest.approx(benchmark.seconds(arch) / 2)
    assert 0 < benchmark.seconds(arch, 1) < benchmark.seconds(arch, 2)


def test_test_values_are_near_the_validation_values(benchmark):
    assert spearmanr(benchmark.tests, benchmark.truths).statistic > 0.95


def test_an_epoch_that_was_not_recorded_is_named(benchmark):
    with pytest.raises(ProblemError, match="no fidelity 31"):
        benchmark.objective(cell(benchmark, "conv_3x3"), 0, 31)


def test_the_file_is_small_and_says_its_licence():
    from importlib.resources import files

    path = files("archbo.bench") / "data" / "digits.npz"
    assert len(path.read_bytes()) < 3_000_000
    with path.open("rb") as file, np.load(file) as table:
        assert "MIT" in str(table["licence"])
