"""The kernel over epochs against finite differences, and its laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.kernels.curves import (
    NAMES,
    PRIOR,
    loadings,
    mean_covariance,
    mean_variance,
    own_covariance,
    own_variance,
    place,
    shape,
    slopes,
)

PLACES = np.array([0.0, 0.1, 0.35, 0.6, 0.61, 1.0])
ETAS = st.lists(st.floats(-2, 2), min_size=len(NAMES), max_size=len(NAMES)).map(
    lambda x: PRIOR.mean + np.array(x) * PRIOR.sd
)


@pytest.mark.parametrize("seed", range(3))
def test_slopes_equal_finite_differences(seed):
    eta = PRIOR.mean + np.random.default_rng(seed).standard_normal(len(NAMES))
    h = 1e-6
    found = slopes(eta, PLACES)
    for k, step in enumerate(h * np.eye(len(NAMES))):
        above, below = shape(eta + step, PLACES), shape(eta - step, PLACES)
        for name in ("loadings", "own", "noise"):
            numeric = (getattr(above, name) - getattr(below, name)) / (2 * h)
            np.testing.assert_allclose(getattr(found, name)[k], numeric, atol=1e-7)


@given(eta=ETAS)
def test_covariances_are_positive_semidefinite(eta):
    for K in (own_covariance(eta, PLACES, PLACES), mean_covariance(PLACES, PLACES)):
        np.testing.assert_allclose(K, K.T)
        assert np.linalg.eigvalsh(K)[0] > -1e-10 * np.trace(K)


@given(eta=ETAS)
def test_variances_are_the_diagonals(eta):
    own = own_covariance(eta, PLACES, PLACES)
    np.testing.assert_allclose(own_variance(eta, PLACES), own.diagonal())
    np.testing.assert_allclose(mean_variance(PLACES), mean_covariance(PLACES, PLACES).diagonal())


@given(eta=ETAS)
def test_a_full_training_shows_its_final_value_alone(eta):
    np.testing.assert_allclose(loadings(eta, np.ones(1)), [[1, 0]])
    np.testing.assert_allclose(own_variance(eta, np.ones(1)), np.exp(eta[3]))


def correlations(eta, s):
    a, b = loadings(eta, s).T
    return a / np.hypot(a, b)


@given(eta=ETAS)
def test_longer_trainings_say_more_of_full_ones(eta):
    found = correlations(eta, PLACES)
    assert (np.diff(found) >= 0).all()
    assert found[-1] == 1


def test_before_any_full_training_the_shortest_is_taken_to_say_something():
    assert correlations(PRIOR.mean, np.zeros(1))[0] == pytest.approx(0.577, abs=0.005)


def test_curves_flatten():
    eta = PRIOR.mean
    early, late = np.array([0.0, 0.2]), np.array([0.8, 1.0])

    def step(s):
        K = own_covariance(eta, s, s)
        return K[0, 0] + K[1, 1] - 2 * K[0, 1]

    epochs = np.array([1.0, 2.0, 80.0, 81.0])
    s = place(epochs, shortest=1, full=81)
    assert step(s[2:]) < step(s[:2]) / 10
    assert step(late) <= step(early)


def test_one_fidelity_is_full_training():
    assert place(np.array([5.0, 5.0]), shortest=5, full=5).tolist() == [1, 1]
