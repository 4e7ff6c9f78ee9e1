"""The wrappers, and what every benchmark keeps."""

import numpy as np
import pytest

import archbo as ab
from archbo.bench import (
    CURVES,
    Failing,
    Negated,
    Noisy,
    Permuted,
    fidelity_range,
    find,
    regret,
)
from archbo.bench.synthetic import Synthetic
from archbo.errors import ProblemError

TABLES = [
    "nas-bench-201/cifar10",
    "nas-bench-201/cifar100",
    "nas-bench-macro",
    "nas-bench-nlp",
    "accel-nas-bench",
    "nas-bench-101",
]


def keeps_the_laws(benchmark):
    """The optimum has no regret, no other has less; all is the same however often it is asked."""
    archs = [benchmark.space.sample(k) for k in range(30)]
    assert all(regret(benchmark, arch) >= 0 for arch in archs)
    ranked = sorted(archs, key=benchmark.truth, reverse=benchmark.maximize)
    regrets = [regret(benchmark, arch) for arch in ranked]
    assert regrets == sorted(regrets)
    for fidelity in (None, *benchmark.fidelities[-3:]):
        first = [benchmark.objective(arch, 1, fidelity, repeat=1) for arch in archs]
        assert first == [benchmark.objective(arch, 1, fidelity, repeat=1) for arch in archs]
        assert all(v is None or np.isfinite(v) for v in first)
    full = [benchmark.objective(arch, 0) for arch in archs]
    assert full == [benchmark.objective(arch, 0, benchmark.fidelities[-1]) for arch in archs]
    assert list(benchmark.fidelities) == sorted(set(benchmark.fidelities))
    times = [benchmark.seconds(archs[0], epochs) for epochs in benchmark.fidelities]
    assert times == [None] * len(times) or times == sorted(times)
    for functions in (benchmark.features, benchmark.measured):
        assert all(isinstance(f(arch), float) for f in functions.values() for arch in archs[:3])
    with pytest.raises(ProblemError, match=r"no fidelity 7777; there are \d+"):
        benchmark.objective(archs[0], 0, 7777)


@pytest.mark.parametrize("name", TABLES)
def test_recorded_benchmarks_keep_the_laws(name, recorded_trainings):
    keeps_the_laws(find(name, recorded_trainings))


@pytest.mark.parametrize("name", ["synthetic/20", "synthetic/20/3", "synthetic/60", *CURVES])
def test_synthetic_benchmarks_keep_the_laws(name):
    keeps_the_laws(find(name))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda b: b,
        lambda b: Noisy(b, sd=2.0),
        lambda b: Failing(b, share=0.3),
        Negated,
        lambda b: Permuted(b, seed=2),
        lambda b: Negated(Permuted(Noisy(b, sd=1.0))),
    ],
    ids=["plain", "noisy", "failing", "negated", "permuted", "all"],
)
def test_wrapped_benchmarks_keep_the_laws(wrap, small, archs):
    benchmark = wrap(small)
    keeps_the_laws(benchmark)
    optima = [arch for arch in archs if regret(benchmark, arch) == 0]
    assert {arch.id for arch in optima} == benchmark.optima
    assert sorted(abs(benchmark.truth(arch)) for arch in archs) == list(np.arange(9) + 0.5)


def test_noise_has_its_standard_deviation_and_no_bias(small, archs):
    noisy = Noisy(small, sd=2.0)
    added = np.array(
        [noisy.objective(a, s) - small.objective(a, s) for a in archs[:5] for s in range(400)]
    )
    assert abs(added.mean()) < 4 * 2 / len(added) ** 0.5
    assert added.std() == pytest.approx(2, rel=4 / (2 * len(added)) ** 0.5)
    repeats = {noisy.objective(archs[0], 0, repeat=k) for k in range(5)}
    assert len(repeats) == 5


def test_failing_is_of_the_network_and_never_the_optimum():
    benchmark = Failing(find("synthetic/20"), share=0.25)
    archs = [benchmark.space.sample(k) for k in range(400)]
    failed = [benchmark.objective(arch, 0) is None for arch in archs]
    assert failed == [benchmark.objective(arch, 9, repeat=2) is None for arch in archs]
    assert np.mean(failed) == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 400) ** 0.5)
    (best,) = benchmark.space.compiled.architectures(
        benchmark.space.compiled.rows(benchmark.inner._optimum)
    )
    assert Failing(benchmark.inner, share=1.0).objective(best, 0) is not None


def test_negated_is_minimised(small, archs):
    turned = Negated(small)
    assert not turned.maximize
    assert turned.best == -8.5
    assert turned.objective(archs[3], 1) == -small.objective(archs[3], 1)
    assert turned.objective(archs[5], 1) is None
    assert [regret(turned, a) for a in archs] == [regret(small, a) for a in archs]
    assert turned.test(archs[2]) == -102


def test_permuted_moves_results_and_leaves_features(small, archs):
    moved = Permuted(small, seed=2)
    truths = [moved.truth(arch) for arch in archs]
    assert truths != [small.truth(arch) for arch in archs]
    there = archs[truths.index(5.5)]  # what fails moves along
    assert moved.objective(there, 0) is None
    assert moved.features["params"](archs[3]) == 9
    # the options of a decision move together
    table = np.array(truths).reshape(3, 3)
    assert np.allclose(np.diff(table, axis=0), np.diff(table, axis=0)[:, :1])


@pytest.mark.parametrize(
    "space", [ab.Space(a=ab.Float(0, 1)), ab.Chain(ab.Choice([1, 2]), length=(1, 3))]
)
def test_permuted_refuses_what_it_cannot_permute(space, small):
    from dataclasses import replace

    with pytest.raises(ProblemError, match="small: cannot be permuted"):
        Permuted(replace(small, space=space))
    with pytest.raises(ProblemError, match="at most 100,000 members"):
        Permuted(Synthetic(2, 8))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nas-bench-nlp", "1 to 50 epochs, continued"),
        ("digits", "1 to 30 epochs, continued"),
        ("nas-bench-201/cifar10", "12, 200 epochs, each level afresh"),
        ("nas-bench-101", "4, 12, 36, 108 epochs, each level afresh"),
        ("nas-bench-macro", "None"),
        ("synthetic/20", "None"),
    ],
)
def test_a_benchmark_says_how_far_trainings_can_go(name, words, recorded_trainings):
    benchmark = find(name, recorded_trainings)
    assert str(fidelity_range(benchmark)) == words
    assert str(fidelity_range(Negated(Failing(benchmark, 0.5)))) == words


@pytest.mark.parametrize("name", ["synthetic/20", "curves/crossing"])
def test_the_average_is_that_of_random_networks(name):
    benchmark = find(name)
    truths = [benchmark.truth(benchmark.space.sample(k)) for k in range(2000)]
    assert benchmark.average == pytest.approx(np.mean(truths), abs=0.1)
    assert Negated(benchmark).average == -benchmark.average


def test_the_average_of_a_table_is_that_of_its_rows(small, archs):
    assert small.average == np.mean([small.truth(arch) for arch in archs])
