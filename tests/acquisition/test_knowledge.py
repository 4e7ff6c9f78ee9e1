"""The knowledge gradient against quadrature and against really measuring."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from archbo.acquisition import LogKnowledgeGradient, Outlook, log_repeat_gain
from archbo.acquisition.knowledge import log_expected_rise
from archbo.errors import ProblemError
from archbo.kernels.blocks import join_rows, rows
from archbo.testing.acquisition import outlook

SOME = st.floats(-3, 3)


@settings(max_examples=60)
@given(level=arrays(float, 6, elements=SOME), slope=arrays(float, (2, 6), elements=SOME))
def test_the_expected_rise_equals_quadrature(level, slope):
    z = np.linspace(-12, 12, 200_001)
    highest = (level[:, None] + slope[:, :, None] * z).max(axis=1)  # [2 z]
    expected = np.trapezoid((highest - level.max()) * stats.norm.pdf(z), z)
    assert np.allclose(np.exp(log_expected_rise(level, slope)), expected, atol=1e-6)


def test_lines_that_all_move_alike_promise_nothing():
    assert log_expected_rise(np.array([0.0, 1.0]), np.ones((3, 2))).tolist() == [-np.inf] * 3


def test_a_rise_too_small_for_a_double_keeps_its_logarithm():
    (found,) = log_expected_rise(np.array([0.0, -100.0]), np.array([[0.0, 1.0]]))
    assert -5100 < found < -5000


def test_it_is_the_mean_rise_of_the_best_posterior_mean_after_a_measurement():
    before = outlook(5)
    model, both = before.model, join_rows(before.known, before.candidates)
    now = model.predict(both).mean.max()
    chosen = rows(before.candidates, np.array([2]))
    there = model.predict(chosen)
    sd = np.sqrt(there.variance[0] + model.noise)
    nodes = stats.norm.ppf((np.arange(400) + 0.5) / 400)
    rises = [
        model.condition_on(chosen, there.mean + sd * z).predict(both).mean.max() - now
        for z in nodes
    ]
    assert np.exp(LogKnowledgeGradient()(before)[2]) == pytest.approx(np.mean(rises), rel=0.02)


def test_a_surrogate_without_covariances_is_named():
    class Alone:
        def predict(self, encoded):
            raise NotImplementedError

    given = outlook()
    alone = Outlook(given.posterior, 0.0, given.candidates, given.known, Alone(), given.rng)
    with pytest.raises(ProblemError, match="LogKnowledgeGradient needs to know how architectures"):
        LogKnowledgeGradient()(alone)


@settings(max_examples=60)
@given(
    mean=arrays(float, 4, elements=SOME),
    variance=arrays(float, 4, elements=st.floats(0.01, 2)),
    noise=st.floats(0, 2),
)
def test_the_gain_of_a_repeat_is_the_rise_of_the_largest_mean_by_quadrature(mean, variance, noise):
    z = np.linspace(-12, 12, 20_001)
    moved = mean + np.eye(4)[:, None] * (variance / np.sqrt(variance + noise) * z[:, None])[None]
    expected = np.trapezoid((moved.max(axis=2) - mean.max()) * stats.norm.pdf(z), z)
    assert np.allclose(np.exp(log_repeat_gain(mean, variance, noise)), expected, atol=1e-5)


def test_a_repeat_gains_nothing_where_it_teaches_nothing_or_there_is_no_choice():
    known = log_repeat_gain(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 0.1)
    assert known[0] == -np.inf
    assert np.isfinite(known[1])
    assert log_repeat_gain(np.array([1.0]), np.array([1.0]), 0.1).tolist() == [-np.inf]
    assert log_repeat_gain(np.zeros(0), np.zeros(0), 0.1).shape == (0,)


def test_of_two_equal_leaders_the_one_that_was_trained_less_gains_more():
    gain = log_repeat_gain(np.array([1.0, 1.0, 0.0]), np.array([0.1, 0.4, 0.4]), 0.2)
    assert gain.argmax() == 1
