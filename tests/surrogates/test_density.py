"""Densities of decisions against counts, SciPy's kernels and their own draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from archbo.errors import ProblemError
from archbo.surrogates.density import Density, upper

OPTIONS = np.array([3, 0, 2])


def observed(n, seed=0, *, all_active=False):
    """Rows of an option, a number and an option."""
    rng = np.random.default_rng(seed)
    values = np.stack([rng.integers(3, size=n), rng.random(n), rng.integers(2, size=n)], axis=1)
    return values.astype(float), all_active | (rng.random((n, 3)) < 0.7)


def one(density, d, x):
    """The density of one decision alone at x."""
    values, active = np.zeros((len(x), 3)), np.zeros((len(x), 3), dtype=bool)
    values[:, d], active[:, d] = x, True
    return np.exp(density.log_density(values, active))


def test_options_have_the_frequencies_of_their_counts_and_the_prior():
    values, active = observed(20)
    density = Density.fit(values, active, OPTIONS, prior=0.5)
    counts = np.bincount(values[active[:, 0], 0].astype(int), minlength=3)
    expected = (counts + 0.5) / (counts.sum() + 1.5)
    np.testing.assert_allclose(one(density, 0, np.arange(3.0)) / 3, expected, rtol=1e-12)


def test_numbers_have_the_truncated_normal_kernels_of_scipy():
    values, active = observed(20, all_active=True)
    density = Density.fit(values, active, OPTIONS, prior=2.0)
    x = np.linspace(0, 1, 7)
    centres = values[:, 1]
    # Scott's factor, with the sd over n that the density takes
    width = stats.gaussian_kde(centres).factor * centres.std()
    assert width == pytest.approx(density.blur[1])
    kernels = [
        stats.truncnorm((0 - c) / width, (1 - c) / width, loc=c, scale=width).pdf(x)
        for c in centres
    ]
    expected = (np.sum(kernels, axis=0) + 2.0) / 22
    np.testing.assert_allclose(one(density, 1, x), expected, rtol=1e-10)


def test_a_joint_density_is_a_mixture_of_products():
    values, active = observed(9)
    weights = np.arange(1.0, 10)
    density = Density.fit(values, active, OPTIONS, joint=True, weights=weights)
    rows, taken = observed(5, seed=1)
    for x, on, found in zip(rows, taken, density.log_density(rows, taken), strict=True):
        total = 1.0  # the prior
        for i in range(9):
            product = 1.0
            for d in np.flatnonzero(on & active[i]):
                b, c = density.blur[d], values[i, d]
                if OPTIONS[d]:
                    product *= OPTIONS[d] * (1 - b) * (x[d] == c) + b
                else:
                    product *= stats.truncnorm(-c / b, (1 - c) / b, loc=c, scale=b).pdf(x[d])
            total += weights[i] * product
        assert found == pytest.approx(np.log(total / (weights.sum() + 1)))


@settings(max_examples=15)  # integrals by quadrature
@given(n=st.integers(0, 12), seed=st.integers(0, 99), joint=st.booleans(), activity=st.booleans())
def test_a_density_integrates_to_one(n, seed, joint, activity):
    values, active = observed(n, seed, all_active=activity)
    density = Density.fit(values, active, OPTIONS, joint=joint)
    everywhere = np.ones((1, 3), dtype=bool)

    def at(x):
        rows = [np.array([[a, x, b]]) for a in range(3) for b in range(2)]
        return sum(np.exp(density.log_density(row, everywhere)[0]) / 6 for row in rows)

    assert quad(at, 0, 1, limit=200, points=np.unique(values[:, 1]))[0] == pytest.approx(1)


@pytest.mark.parametrize("joint", [False, True])
def test_draws_follow_the_density(joint):
    values, active = observed(6, seed=3)
    density = Density.fit(values, active, OPTIONS, joint=joint)
    drawn = density.sample(np.random.default_rng(0), 8_000)
    for d in (0, 2):
        expected = one(density, d, np.arange(float(OPTIONS[d]))) / OPTIONS[d]
        counts = np.bincount(drawn[:, d].astype(int), minlength=OPTIONS[d])
        assert stats.chisquare(counts, 8_000 * expected / expected.sum()).pvalue > 1e-3
    grid = (np.arange(10_000) + 0.5) / 10_000
    distribution = np.cumsum(one(density, 1, grid)) / 10_000
    found = stats.kstest(drawn[:, 1], lambda x: np.interp(x, grid + 0.5 / 10_000, distribution))
    assert found.pvalue > 1e-3
    # what goes together, against the density of both
    both = np.zeros((6, 3))
    both[:, [0, 2]] = [(a, b) for a in range(3) for b in range(2)]
    expected = np.exp(density.log_density(both, np.tile([True, False, True], (6, 1)))) / 6
    counts = [np.all(drawn[:, [0, 2]] == pair, axis=1).sum() for pair in both[:, [0, 2]]]
    assert stats.chisquare(counts, 8_000 * expected).pvalue > 1e-3


def test_nothing_observed_is_uniform():
    values, active = observed(0)
    for joint in (False, True):
        density = Density.fit(values, active, OPTIONS, joint=joint)
        np.testing.assert_allclose(density.log_density(*observed(5)), 0, atol=1e-12)
        drawn = density.sample(np.random.default_rng(0), 1000)
        assert stats.kstest(drawn[:, 1], "uniform").pvalue > 1e-3
        assert set(drawn[:, 0]) == {0, 1, 2}


def test_what_is_inactive_does_not_count():
    values, active = observed(10)
    rows, taken = observed(4, seed=1)
    for joint in (False, True):
        found = Density.fit(values, active, OPTIONS, joint=joint).log_density(rows, taken)
        other = Density.fit(np.where(active, values, 1.0), active, OPTIONS, joint=joint)
        np.testing.assert_allclose(other.log_density(np.where(taken, rows, 0.0), taken), found)


def test_the_best_share_takes_ties_together():
    z = np.array([1.0, 3.0, 2.0, 3.0, 0.0])
    assert upper(z, 0.2).tolist() == [False, True, False, True, False]
    assert upper(z, 0.6).tolist() == [False, True, True, True, False]
    assert upper(np.zeros(3), 0.1).all()
    assert upper(np.zeros(0), 0.1).shape == (0,)


def test_the_prior_is_positive():
    values, active = observed(3)
    with pytest.raises(ProblemError, match=r"prior must be positive, got 0\.0"):
        Density.fit(values, active, OPTIONS, prior=0.0)
