"""The gain against the entropy of a truncated normal, quantiles against the product."""

import numpy as np
import pytest
from scipy import stats

from archbo.acquisition import LogMaxValueEntropy
from archbo.acquisition.entropy import log_gain, quantiles_of_maximum
from archbo.errors import ProblemError
from archbo.surrogates import Posterior
from archbo.testing.acquisition import outlook


@pytest.mark.parametrize("gamma", [-8.0, -2.0, -0.3, 0.0, 0.7, 2.0, 4.0])
def test_the_gain_is_what_cutting_a_normal_takes_off_its_entropy(gamma):
    expected = stats.norm.entropy() - stats.truncnorm(-40, gamma).entropy()
    assert np.exp(log_gain(np.array([gamma]))[0]) == pytest.approx(expected, rel=1e-5)


def test_the_gain_falls_smoothly_and_stays_finite():
    gamma = np.concatenate([-np.logspace(8, -3, 400), np.logspace(-3, 8, 400)])
    gain = log_gain(gamma)
    assert np.isfinite(gain).all()
    assert (np.diff(gain) < 1e-9).all()


@pytest.mark.parametrize("edge", [-30.0, 5.0])
def test_the_branches_meet(edge):
    low, high = log_gain(np.array([edge * (1 - 1e-9), edge * (1 + 1e-9)]))
    assert low == pytest.approx(high, rel=1e-5)


def test_quantiles_of_the_maximum_invert_the_product_of_distributions():
    posterior = Posterior(np.array([0.0, 0.5, -3.0]), np.array([1.0, 0.25, 4.0]))
    levels = np.array([0.05, 0.5, 0.9])
    found = quantiles_of_maximum(posterior, levels)
    product = stats.norm.cdf(found[:, None], posterior.mean, posterior.sd).prod(axis=1)
    assert np.allclose(product, levels, atol=1e-12)


def test_the_score_is_the_mean_gain_over_maxima():
    given = outlook(5)
    drawn = np.random.default_rng(0).normal(
        given.posterior.mean, given.posterior.sd, (20_000, 5)
    ).max(axis=1)  # fmt: skip
    drawn = np.maximum(drawn, given.best)
    gamma = (drawn[:, None] - given.posterior.mean) / given.posterior.sd
    expected = np.exp(log_gain(gamma)).mean(axis=0)
    assert np.allclose(np.exp(LogMaxValueEntropy(256)(given)), expected, rtol=0.05)


def test_no_value_is_refused():
    with pytest.raises(ProblemError, match="values must be at least 1, got 0"):
        LogMaxValueEntropy(0)
