"""The knowledge gradient against quadrature and against really measuring."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from archbo.acquisition import LogKnowledgeGradient, Outlook
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
