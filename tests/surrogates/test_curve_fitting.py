"""The fit of a process over architecture and epoch against finite differences."""

import numpy as np
import pytest

from archbo.kernels import RBF, Hamming, structure
from archbo.kernels.curves import NAMES
from archbo.surrogates.curve_fitting import CurveEvidence, fit_curves
from archbo.surrogates.learning_curves import Curves

EPOCHS = np.array([1.0, 2, 4, 8, 13, 20])
KERNEL = structure(RBF("f", (2.0,) * 2), Hamming("o", (0.7,) * 3))


def rows(rng, n):
    return {
        "f": rng.standard_normal((n, 2)),
        "o": rng.integers(0, 3, (n, 3)).astype(float),
        "o.active": np.ones((n, 3), dtype=bool),
    }


def partial_curves(rng, n, *, jumps=False):
    """Of all lengths, 0 and 1 included, some with gaps."""
    values = rng.standard_normal((n, len(EPOCHS)))
    values[np.arange(len(EPOCHS)) >= rng.integers(0, len(EPOCHS) + 1, n)[:, None]] = np.nan
    values[rng.random(values.shape) < 0.2] = np.nan
    jumped = rng.integers(1, len(EPOCHS) + 1, n) if jumps else None
    return Curves(EPOCHS, values, full=27, jumped=jumped)


@pytest.mark.parametrize("jumps", [False, True])
@pytest.mark.parametrize("n", [1, 3, 15])
def test_the_gradient_of_the_evidence_equals_finite_differences(n, jumps):
    rng = np.random.default_rng(n)
    encoded, curves = rows(rng, n), partial_curves(rng, n, jumps=jumps)
    evidence = CurveEvidence(KERNEL, KERNEL.distances(encoded, encoded), curves)
    h = 1e-5
    for _ in range(3):
        x = evidence.prior.mean + 0.5 * rng.standard_normal(len(evidence.prior.mean))
        _, slope = evidence(x)
        numeric = [
            (evidence(x + h * e)[0] - evidence(x - h * e)[0]) / (2 * h) for e in np.eye(len(x))
        ]
        np.testing.assert_allclose(slope, numeric, atol=1e-6 * (1 + np.abs(slope).max()))


def test_a_fit_never_has_less_evidence_than_its_start():
    rng = np.random.default_rng(0)
    encoded, curves = rows(rng, 20), partial_curves(rng, 20)
    start = fit_curves(KERNEL, encoded, curves, rng=rng, iterations=0)
    found = fit_curves(KERNEL, encoded, curves, rng=rng)
    assert found.log_evidence > start.log_evidence
    again = fit_curves(KERNEL, encoded, curves, rng=rng, start=found.hyperparameters, iterations=1)
    assert again.log_evidence >= found.log_evidence


def test_many_curves_are_fitted_by_some_and_all_are_known():
    rng = np.random.default_rng(0)
    encoded, curves = rows(rng, 40), partial_curves(rng, 40)
    found = fit_curves(KERNEL, encoded, curves, rng=np.random.default_rng(1), largest=15)
    again = fit_curves(KERNEL, encoded, curves, rng=np.random.default_rng(1), largest=15)
    assert found.n == 40
    assert found.hyperparameters == again.hyperparameters
    early = {f"early {name}" for name in KERNEL.names}
    assert set(found.hyperparameters) == {*KERNEL.names, *early, *NAMES}
