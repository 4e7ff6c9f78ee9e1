import numpy as np
import pytest
from scipy.stats import spearmanr

from archbo.bench import CURVES, fidelity_range, find, regret
from archbo.bench.synthetic import Synthetic
from archbo.bench.synthetic_curves import EPOCHS, KINDS, SyntheticCurves
from archbo.errors import ProblemError

SAMPLE = 500
MARGIN = 4 / SAMPLE**0.5  # four standard errors of a rank correlation of nothing, and more


def recorded(benchmark, seed=5):
    """Random architectures and their curves, [n epochs]; NaN from where one failed."""
    archs = [benchmark.space.sample(k) for k in range(SAMPLE)]
    points = [[benchmark.objective(a, seed, e) for e in benchmark.fidelities] for a in archs]
    return archs, np.array(points, dtype=float)


def correlation(curves, epoch):
    """Rank correlation of the values at an epoch with those of the end."""
    return spearmanr(curves[:, epoch - 1], curves[:, -1])[0]


def test_each_kind_is_found_by_its_name():
    assert tuple(f"curves/{kind}" for kind in KINDS) == CURVES
    for name in (*CURVES, "curves/noisy/3"):
        assert find(name).name == name
        assert str(fidelity_range(find(name))) == "1 to 27 epochs, continued"
    with pytest.raises(ProblemError, match=r"no benchmark 'curves/crosing'\. Did you mean"):
        find("curves/crosing")
    with pytest.raises(ProblemError, match=r"no curves of the kind 'noise'\. Did you mean 'noisy'"):
        SyntheticCurves("noise")


@pytest.mark.parametrize("seed", range(3))
def test_faithful_curves_rank_early(seed):
    _, curves = recorded(SyntheticCurves("faithful", seed))
    assert correlation(curves, EPOCHS // 9) == pytest.approx(0.82, abs=0.07)
    assert correlation(curves, EPOCHS // 3) > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_crossing_curves_rank_later_and_later(seed):
    _, curves = recorded(SyntheticCurves("crossing", seed))
    rungs = [correlation(curves, epoch) for epoch in (1, 3, 9, 27)]
    assert rungs[0] == pytest.approx(0.33, abs=MARGIN / 2)
    assert rungs == sorted(rungs)
    # of those that lead early, others end well: the order turns
    early, end = curves[:, 0].argsort(), curves[:, -1].argsort()
    assert len(set(early[-50:]) & set(end[-50:])) < 25


@pytest.mark.parametrize("seed", range(3))
def test_uninformative_curves_tell_nothing_until_the_last_fifth(seed):
    _, curves = recorded(SyntheticCurves("uninformative", seed))
    for epoch in (1, 3, 9, 21):
        assert abs(correlation(curves, epoch)) < MARGIN
    assert 0.4 < correlation(curves, 24) < 0.8


@pytest.mark.parametrize("seed", range(3))
def test_diverging_curves_become_bad_or_fail_and_that_depends_on_the_architecture(seed):
    benchmark = SyntheticCurves("diverging", seed)
    archs, curves = recorded(benchmark)
    truth = np.array([benchmark.truth(arch) for arch in archs])
    failed, fell = np.isnan(curves[:, -1]), truth == -3
    assert fell.mean() == pytest.approx(0.3, abs=4 * (0.21 / SAMPLE) ** 0.5)
    assert failed[~fell].sum() == 0
    assert failed[fell].mean() == pytest.approx(0.5, abs=4 * 0.5 / fell.sum() ** 0.5)
    assert (curves[fell & ~failed, -1] < -2).all()
    assert np.isfinite(curves[:, 0]).all()  # none at once
    for curve in curves[failed]:  # what has failed stays so
        gone = np.isnan(curve)
        assert (np.diff(gone.astype(int)) >= 0).all()
    # a neighbor of what diverges does so more often than another
    numbers = np.array([arch.numbers for arch in archs])
    near = [(numbers[k, None] == numbers).sum(axis=1) >= 4 for k in np.flatnonzero(fell)]
    assert np.mean([fell[n].sum() - 1 for n in near]) > 1.2 * 0.3 * np.mean(
        [n.sum() - 1 for n in near]
    )


def test_noisy_curves_are_noisy_early_most():
    benchmark = SyntheticCurves("noisy")
    arch = benchmark.space.sample(0)
    points = np.array([[benchmark.objective(arch, s, e) for e in (1, 27)] for s in range(400)])
    early, end = points.std(axis=0)
    assert early > 2 * end
    assert end == pytest.approx(np.hypot(0.4, 0.15), rel=4 / 800**0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_curve_ends_around_the_truth_and_the_optimum_is_that_of_all(kind):
    benchmark = SyntheticCurves(kind, 1)
    assert len(benchmark.truths) == benchmark.space.size == 15_625
    assert benchmark.best == benchmark.truths.max()
    assert benchmark.average == pytest.approx(benchmark.truths.mean())
    archs, curves = recorded(benchmark)
    truths = np.array([benchmark.truth(arch) for arch in archs])
    off = curves[:, -1] - truths
    noise = np.hypot(benchmark.shape.noise, benchmark.shape.jitter)
    assert abs(np.nanmean(off)) < 4 * noise / (SAMPLE / 2) ** 0.5
    assert sum(arch.id in benchmark.optima for arch in archs) == sum(
        regret(benchmark, arch) == 0 for arch in archs
    )


def test_without_divergence_the_end_is_the_value_of_the_other_family():
    benchmark, other = SyntheticCurves("crossing", 2), Synthetic(0, 6, 2)
    archs = [benchmark.space.sample(k) for k in range(20)]
    assert [benchmark.truth(a) for a in archs] == [other.truth(a) for a in archs]
    assert (benchmark.best, benchmark.optima) == (other.best, other.optima)


def test_a_curve_without_noise_is_the_formula_of_the_page():
    """v - m (lost v + early z) - rise d, with d falling from 1 to 0."""
    benchmark = SyntheticCurves("crossing")
    at = np.array([0.0, 9.0, 27.0])
    curves = benchmark.means(at)
    value, start, pace = benchmark._effects.T
    early = np.sqrt(0.75) * start
    assert curves[:, 0] == pytest.approx(value - (0.8 * value + early) - 2)
    assert curves[:, 2] == pytest.approx(value)
    speed = 4 * np.exp(0.25 * pace)
    left = (np.exp(-4 / 3) - np.exp(-4)) / (1 - np.exp(-4))
    own = (np.exp(-speed / 3) - np.exp(-speed)) / (1 - np.exp(-speed))
    assert curves[:, 1] == pytest.approx(value - left * (0.8 * value + early) - 2 * own)


def test_a_training_repeated_is_another_curve_of_the_same_network():
    benchmark = SyntheticCurves("faithful")
    arch = benchmark.space.sample(3)
    first = [benchmark.objective(arch, 0, e) for e in benchmark.fidelities]
    assert first == [benchmark.objective(arch, 0, e) for e in benchmark.fidelities]
    again = [benchmark.objective(arch, 0, e, repeat=1) for e in benchmark.fidelities]
    off = np.array(again) - first
    assert 0 < abs(off).max() < 8 * np.hypot(0.15, 0.1)
    assert benchmark.objective(arch, 0) == first[-1]
