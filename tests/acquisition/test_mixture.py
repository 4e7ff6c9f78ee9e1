"""Weights and averages against plain arithmetic."""

import numpy as np
import pytest

from archbo.acquisition import evidence_weights, mix


def test_weights_are_tempered_evidence():
    raw = np.array([2.0, 3.0, 5.0])
    np.testing.assert_allclose(evidence_weights(np.log(raw), temper=1.0), raw / 10, rtol=1e-14)
    root = raw ** (1 / 3)
    np.testing.assert_allclose(evidence_weights(np.log(raw)), root / root.sum(), rtol=1e-14)


def test_weights_survive_large_evidence_and_leave_models_out():
    np.testing.assert_allclose(evidence_weights([-1e6, -1e6, -np.inf]), [0.5, 0.5, 0.0])
    np.testing.assert_array_equal(evidence_weights([-3.0]), [1.0])


@pytest.mark.parametrize("logs", [[], [-np.inf, -np.inf], [0.0, np.nan], [np.inf, 0.0]])
def test_weights_need_a_finite_maximum(logs):
    with pytest.raises(ValueError, match="finite maximum"):
        evidence_weights(logs)


@pytest.mark.parametrize("temper", [0.0, -1.0, np.nan])
def test_temper_is_positive(temper):
    with pytest.raises(ValueError, match="temper must be positive"):
        evidence_weights([0.0], temper=temper)


def test_mix_is_the_log_of_the_average():
    scores = np.random.default_rng(0).standard_normal((3, 7))
    weights = np.array([0.2, 0.5, 0.3])
    np.testing.assert_allclose(mix(weights, scores), np.log(weights @ np.exp(scores)), rtol=1e-13)


def test_mix_does_not_underflow_and_leaves_weight_zero_out():
    scores = np.array([[-5e15, -1e5], [-5e15, np.inf]])
    mixed = mix(np.array([1.0, 0.0]), scores)
    np.testing.assert_allclose(mixed, [-5e15, -1e5])
