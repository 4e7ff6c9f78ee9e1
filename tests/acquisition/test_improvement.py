"""Improvement against quadrature, sampling and limits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from archbo.acquisition import (
    LogExpectedImprovement,
    LogNoisyExpectedImprovement,
    LogProbabilityOfImprovement,
    Outlook,
    log_expected_improvement,
)
from archbo.errors import ProblemError
from archbo.kernels.blocks import join_rows
from archbo.surrogates import GaussianProcess, Posterior
from archbo.testing.acquisition import outlook


@given(mean=st.floats(-3, 3), sd=st.floats(0.1, 3), best=st.floats(-3, 3))
def test_it_equals_quadrature(mean, sd, best):
    expected, _ = integrate.quad(
        lambda f: (f - best) * stats.norm.pdf(f, mean, sd),
        best,
        max(best, mean) + 12 * sd,
        epsabs=0,
        epsrel=1e-10,
        points=[min(max(best, mean), max(best, mean) + sd)],
        limit=200,
    )
    given = log_expected_improvement(np.array([mean]), np.array([sd]), best)
    assert given[0] == pytest.approx(np.log(expected), abs=1e-6)


@given(best=st.floats(-1e3, 1e3), sd=st.floats(1e-6, 1e3))
def test_it_rises_with_the_mean(best, sd):
    mean = best + sd * np.linspace(-1e3, 1e3, 101)
    assert (np.diff(log_expected_improvement(mean, np.full(101, sd), best)) > 0).all()


def test_it_rises_with_the_deviation():
    sd = np.logspace(-6, 3, 100)
    for mean in (-1.0, 0.0, 1.0):
        steps = np.diff(log_expected_improvement(np.full(100, mean), sd, 0.0))
        assert (steps > -1e-14).all()  # far below the mean the deviation does not count


def test_it_is_finite_in_the_far_tail():
    score = log_expected_improvement(np.array([-1e8, -1.0]), np.array([1.0, 1e-8]), 0.0)
    assert np.isfinite(score).all()


@pytest.mark.parametrize("size", [1e-12, 1e12])
def test_it_scales_with_the_objective(size):
    mean, sd = np.array([-2.0, 0.3]), np.array([0.5, 2.0])
    scaled = log_expected_improvement(size * mean, size * sd, size * 0.7)
    expected = log_expected_improvement(mean, sd, 0.7) + np.log(size)
    np.testing.assert_allclose(scaled, expected, rtol=1e-12)


@pytest.mark.parametrize("sd", [0.0, -1.0, np.nan])
def test_a_deviation_that_is_not_positive_is_refused(sd):
    with pytest.raises(ValueError, match="must be positive, 1 of 2 are not"):
        log_expected_improvement(np.zeros(2), np.array([1.0, sd]), 0.0)


def test_the_acquisition_looks_at_the_posterior_and_the_best():
    posterior = Posterior(np.array([0.0, 1.0]), np.array([1.0, 4.0]))

    class Unneeded:
        def predict(self, encoded):
            raise NotImplementedError

    outlook = Outlook(posterior, 0.5, {}, {}, Unneeded(), np.random.default_rng(0))
    expected = log_expected_improvement(np.array([0.0, 1.0]), np.array([1.0, 2.0]), 0.5)
    np.testing.assert_array_equal(LogExpectedImprovement()(outlook), expected)


def test_the_probability_of_improvement_is_that_of_a_normal():
    given = outlook()
    expected = stats.norm.logsf(given.best + 0.1, given.posterior.mean, given.posterior.sd)
    assert np.allclose(LogProbabilityOfImprovement(margin=0.1)(given), expected)


def test_noisy_improvement_is_the_mean_over_what_the_known_may_be_worth():
    given = outlook(4)
    both = given.model.joint(join_rows(given.known, given.candidates))
    rng = np.random.default_rng(1)
    drawn = rng.multivariate_normal(both.mean, both.covariance, 200_000)
    gains = np.maximum(drawn[:, 8:] - drawn[:, :8].max(axis=1)[:, None], 0)
    margin = 5 * gains.std(axis=0) / np.sqrt(len(gains))
    found = np.exp(LogNoisyExpectedImprovement(draws=4096)(given))
    assert (np.abs(found - gains.mean(axis=0)) < margin + 0.02 * gains.mean(axis=0)).all()


def test_without_noise_noisy_improvement_is_improvement():
    given = outlook(6)
    noisy = given.model
    model = GaussianProcess.observe(
        noisy.kernel, noisy.encoded, noisy.z, theta=noisy.theta, log_noise=-25.0
    )
    exact = replace(given, model=model, best=model.best, posterior=model.predict(given.candidates))
    expected = LogExpectedImprovement()(exact)
    assert np.allclose(np.exp(LogNoisyExpectedImprovement()(exact)), np.exp(expected), atol=1e-4)


@pytest.mark.parametrize("draws", [0, 3])
def test_an_odd_number_of_draws_is_refused(draws):
    with pytest.raises(ProblemError, match=f"an even number from 2, got {draws}"):
        LogNoisyExpectedImprovement(draws)
