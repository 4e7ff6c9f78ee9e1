"""The fit of a process over architecture and epoch against finite differences."""

import numpy as np
import pytest

from archbo.kernels import RBF, Hamming, structure
from archbo.kernels.curves import NAMES, PRIOR
from archbo.kernels.priors import LogNormal
from archbo.surrogates.curve_fitting import CurveEvidence, fit_curves
from archbo.surrogates.curves import CurveProcess
from archbo.surrogates.learning_curves import Curves

# Short trainings say nothing of full ones, and noise is as large as values.
MISLED = LogNormal(
    np.where(np.isin(NAMES, ["rho", "noise"]), 0.0, PRIOR.mean),
    np.where(np.isin(NAMES, ["rho", "noise"]), 1e-6, PRIOR.sd),
)
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
    evidence = CurveEvidence(KERNEL, KERNEL.distances(encoded, encoded), curves, PRIOR)
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


@pytest.mark.parametrize("over", [PRIOR, MISLED], ids=["usual", "misled"])
def test_the_evidence_that_is_maximised_is_that_of_the_process(over):
    """The log likelihood, less what the hyperparameters lose against the most probable ones."""
    rng = np.random.default_rng(0)
    encoded, curves = rows(rng, 8), partial_curves(rng, 8)
    evidence = CurveEvidence(KERNEL, KERNEL.distances(encoded, encoded), curves, over)
    x = evidence.prior.mean + 0.5 * evidence.prior.sd * rng.standard_normal(len(evidence.prior.sd))
    theta, eta = np.split(x, [-len(NAMES)])
    found = CurveProcess.observe(KERNEL, encoded, curves, theta=theta, eta=eta, over=over)
    assert evidence(x)[0] == pytest.approx(found.log_evidence, rel=1e-10)
    p = len(KERNEL.names)
    away = [
        (theta[:p] - KERNEL.prior.mean) / KERNEL.prior.sd,
        (theta[p:] - KERNEL.prior.mean) / KERNEL.prior.sd,
        (eta - over.mean) / over.sd,
    ]
    lost = 0.5 * sum(float(u @ u) for u in away)
    assert found.log_evidence == pytest.approx(found.log_likelihood - lost, rel=1e-10)


def test_a_prior_over_epochs_holds_what_it_is_sure_of():
    rng = np.random.default_rng(0)
    encoded, curves = rows(rng, 20), partial_curves(rng, 20)
    free = fit_curves(KERNEL, encoded, curves, rng=rng)
    found = fit_curves(KERNEL, encoded, curves, rng=rng, over=MISLED)
    assert abs(free.hyperparameters["rho"]) > 0.01
    assert found.hyperparameters["rho"] == pytest.approx(0, abs=1e-4)
    assert found.noise == pytest.approx(1, rel=1e-4)
    assert found.correlation(1) == pytest.approx(0, abs=1e-4)
    assert found.correlation(27) == 1
    # It stays with what knows other curves.
    again = found.with_curves(encoded, curves)
    assert again.over is MISLED
    assert again.log_evidence == pytest.approx(found.log_evidence)
    told = found.condition_on({name: x[:1] for name, x in encoded.items()}, np.zeros(1))
    assert told.over is MISLED


def test_without_curves_a_fit_starts_at_the_mean_of_the_prior_over_epochs():
    rng = np.random.default_rng(0)
    curves = Curves.read([], full=9.0, shortest=1.0)
    found = fit_curves(KERNEL, rows(rng, 0), curves, rng=rng, over=MISLED)
    np.testing.assert_array_equal(found.eta, MISLED.mean)
    assert found.log_evidence == 0


def test_many_curves_are_fitted_by_some_and_all_are_known():
    rng = np.random.default_rng(0)
    encoded, curves = rows(rng, 40), partial_curves(rng, 40)
    found = fit_curves(KERNEL, encoded, curves, rng=np.random.default_rng(1), largest=15)
    again = fit_curves(KERNEL, encoded, curves, rng=np.random.default_rng(1), largest=15)
    assert found.n == 40
    assert found.hyperparameters == again.hyperparameters
    early = {f"early {name}" for name in KERNEL.names}
    assert set(found.hyperparameters) == {*KERNEL.names, *early, *NAMES}
