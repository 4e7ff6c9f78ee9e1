"""Boosted quantiles: the laws, and what they say of noise that grows."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor

from archbo.surrogates import GradientBoosting
from archbo.testing.surrogates import SurrogateLaws, fit

RNG = np.random.default_rng(0)
X = np.sort(RNG.random((400, 1)), axis=0)


class TestBoosting(SurrogateLaws):
    @pytest.fixture
    def learner(self):
        return GradientBoosting(trees=60)


def test_the_mean_is_that_of_scikit_learn():
    z = np.sin(5 * X[:, 0])
    model = fit(GradientBoosting(trees=10), {"encoding": X}, z)
    reference = GradientBoostingRegressor(
        n_estimators=10,
        min_samples_leaf=2,
        subsample=0.7,
        random_state=int(np.random.default_rng(0).integers(2**31)),
    ).fit(X, z)
    np.testing.assert_allclose(
        model.predict({"encoding": X}).mean, reference.predict(X), rtol=1e-12
    )


def test_the_sd_follows_the_noise():
    z = (0.1 + X[:, 0]) * RNG.standard_normal(400)
    posterior = fit(GradientBoosting(), {"encoding": X}, z).predict({"encoding": X})
    low, high = posterior.sd[X[:, 0] < 0.2].mean(), posterior.sd[X[:, 0] > 0.8].mean()
    assert 0.1 < low < 0.35
    assert 0.65 < high < 1.25
