import numpy as np
import pytest

from archbo.acquisition import Outlook, ThompsonSampling, UpperConfidenceBound
from archbo.errors import ProblemError
from archbo.surrogates import Posterior
from archbo.testing.acquisition import outlook


class Means:
    """A surrogate that says nothing of how rows vary together."""

    def predict(self, encoded):
        return Posterior(encoded["x"][:, 0], np.ones(len(encoded["x"])))


def without_joint():
    rows = {"x": np.zeros((3, 1))}
    return Outlook(Means().predict(rows), 0.0, rows, rows, Means(), np.random.default_rng(0))


def test_the_upper_confidence_bound_adds_deviations():
    given = outlook()
    expected = given.posterior.mean + 3 * given.posterior.sd
    assert np.array_equal(UpperConfidenceBound(3.0)(given), expected)


def test_a_negative_bound_is_refused():
    with pytest.raises(ProblemError, match="beta must not be negative, got -1"):
        UpperConfidenceBound(-1.0)


@pytest.mark.parametrize("independent", [False, True])
def test_a_candidate_is_drawn_as_often_as_it_is_the_best(independent):
    given = outlook(4)
    joint = given.model.joint(given.candidates)
    covariance = np.diag(joint.variance) if independent else joint.covariance
    rng = np.random.default_rng(1)
    brute = rng.multivariate_normal(joint.mean, covariance, 20_000).argmax(axis=1)
    drawn = [ThompsonSampling(independent)(given).argmax() for _ in range(600)]
    share, expected = (np.bincount(best, minlength=4) / len(best) for best in (drawn, brute))
    assert np.abs(share - expected).max() < 4 * np.sqrt(0.25 / 600)


def test_a_surrogate_without_functions_is_named():
    with pytest.raises(ProblemError, match="ThompsonSampling draws functions, and none can be"):
        ThompsonSampling()(without_joint())


def test_each_row_by_itself_can_be_drawn_from_any_surrogate():
    assert ThompsonSampling(independent=True)(without_joint()).shape == (3,)
