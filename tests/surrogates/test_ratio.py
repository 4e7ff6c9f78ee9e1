"""The density ratio against counts by hand, and what an acquisition makes of it."""

import numpy as np
import pytest

from archbo.acquisition.improvement import log_expected_improvement
from archbo.surrogates import DensityRatio
from archbo.testing.surrogates import SurrogateLaws, fit

RNG = np.random.default_rng(0)
X = RNG.integers(2, size=(30, 4)).astype(float)
Z = X @ [2.0, -1.0, 0.5, 0.0] + 0.01 * RNG.standard_normal(30)
THERE = RNG.integers(2, size=(12, 4)).astype(float)


class TestRatio(SurrogateLaws):
    @pytest.fixture
    def learner(self):
        return DensityRatio()


class TestJointRatio(SurrogateLaws):
    @pytest.fixture
    def learner(self):
        return DensityRatio(joint=True)


def test_zeros_and_ones_are_counted():
    model = fit(DensityRatio(share=0.3, prior=0.5), {"encoding": X}, Z)
    good = np.sort(Z)[-9] <= Z
    for x, found in zip(THERE, model.log_ratio(THERE), strict=True):
        best = ((X[good] == x).sum(axis=0) + 0.5) / (9 + 1)
        rest = ((X[~good] == x).sum(axis=0) + 0.5) / (21 + 1)
        assert found == pytest.approx(np.log(best / rest).sum())


def test_the_mean_is_the_line_of_least_squares_over_the_log_ratio():
    model = fit(DensityRatio(), {"encoding": X}, Z)
    slope, level = np.polyfit(model.log_ratio(X), Z, 1)
    found = model.predict({"encoding": THERE})
    np.testing.assert_allclose(found.mean, level + slope * model.log_ratio(THERE))
    left = Z - model.predict({"encoding": X}).mean
    np.testing.assert_allclose(found.variance, np.mean(left**2))


def test_the_expected_improvement_ranks_by_the_ratio():
    model = fit(DensityRatio(), {"encoding": X}, Z)
    posterior = model.predict({"encoding": THERE})
    score = log_expected_improvement(posterior.mean, posterior.sd, 1.0)
    ratio = model.log_ratio(THERE)
    for a in range(12):
        for b in range(12):
            assert ratio[a] <= ratio[b] or score[a] > score[b]
