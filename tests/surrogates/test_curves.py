"""The process over architecture and epoch against a dense one, and what it makes of curves."""

import numpy as np
import pytest

from archbo.kernels import RBF, structure
from archbo.kernels import curves as over_epochs
from archbo.surrogates import GaussianProcess, SupportsJoint, SupportsSampling, Surrogate
from archbo.surrogates.curves import CurveProcess, places
from archbo.surrogates.learning_curves import Curves
from archbo.surrogates.reduction import JUMP_VARIANCE

KERNEL = structure(RBF("f", (2.0,) * 2))
EPOCHS = np.array([1.0, 2, 4, 8, 13, 20])


def architectures(rng, n):
    return {"f": rng.standard_normal((n, 2))}


def partial_curves(rng, n, *, jumps=False):
    """Of all lengths, 0 and 1 included, some with gaps."""
    values = rng.standard_normal((n, len(EPOCHS)))
    values[np.arange(len(EPOCHS)) >= rng.integers(0, len(EPOCHS) + 1, n)[:, None]] = np.nan
    values[rng.random(values.shape) < 0.2] = np.nan
    jumped = rng.integers(1, len(EPOCHS) + 1, n) if jumps else None
    return Curves(EPOCHS, values, full=27, jumped=jumped)


class Dense:
    """The same model, written down value by value."""

    def __init__(self, encoded, curves, theta, eta):
        self.encoded, self.curves, self.theta, self.eta = encoded, curves, theta, eta
        self.curve, column = np.nonzero(curves.known)
        self.y = curves.values[self.curve, column]
        self.epochs = curves.epochs[column]
        self.rows = {"f": encoded["f"][self.curve]}
        s = places(curves, self.epochs)
        known = self.covariance(self, self)
        self.A = known + np.diag(np.exp(eta[7] + eta[8] * (1 - s)))

    def covariance(self, a, b):
        s, t = places(self.curves, a.epochs), places(self.curves, b.epochs)
        K = KERNEL.covariance(self.theta, KERNEL.distances(a.rows, b.rows))
        rho, (bend, early, own, own_early, wander, settle) = self.eta[0], np.exp(self.eta[1:7])
        e, f = (1 - s) ** bend, (1 - t) ** bend
        level = np.outer(1 - (1 - rho) * e, 1 - (1 - rho) * f)
        last = 1 - np.maximum.outer(s, t)
        same = np.equal.outer(a.curve, b.curve)
        alone = own * level + own_early * np.outer(e, f) + wander * last**settle
        alone = alone + JUMP_VARIANCE * np.outer(self.left(a), self.left(b))
        mean = over_epochs.mean_covariance(s, t)
        return (level + early * np.outer(e, f)) * K + same * alone + mean

    def left(self, points):
        jumped = self.curves.jumped
        if jumped is None:
            return np.zeros(len(points.epochs))
        starts = np.array([*EPOCHS, np.inf])[np.append(jumped, len(EPOCHS))]
        return (points.epochs >= starts[np.minimum(points.curve, len(jumped))]).astype(float)

    def joint(self, points):
        Ks = self.covariance(self, points)
        mean = Ks.T @ np.linalg.solve(self.A, self.y)
        return mean, self.covariance(points, points) - Ks.T @ np.linalg.solve(self.A, Ks)

    @property
    def log_likelihood(self):
        misfit = self.y @ np.linalg.solve(self.A, self.y)
        return -0.5 * (misfit + np.linalg.slogdet(2 * np.pi * self.A)[1])


class Points:
    def __init__(self, f, epochs, curve):
        self.rows, self.epochs, self.curve = {"f": f}, np.asarray(epochs, dtype=float), curve


def process(seed, n, *, jumps=False):
    rng = np.random.default_rng(seed)
    encoded, curves = architectures(rng, n), partial_curves(rng, n, jumps=jumps)
    theta = KERNEL.prior.mean + 0.3 * rng.standard_normal(len(KERNEL.names))
    eta = over_epochs.PRIOR.mean + 0.3 * rng.standard_normal(len(over_epochs.NAMES))
    found = CurveProcess.observe(KERNEL, encoded, curves, theta=theta, eta=eta)
    return found, Dense(encoded, curves, theta, eta), architectures(rng, 5)


@pytest.mark.parametrize("jumps", [False, True])
@pytest.mark.parametrize("n", [1, 2, 12])
def test_everything_equals_the_dense_process(n, jumps):
    found, dense, new = process(n, n, jumps=jumps)
    close = {"rtol": 1e-8, "atol": 1e-8}
    np.testing.assert_allclose(found.log_likelihood, dense.log_likelihood, **close)
    for epoch in (1, 3, 8, 27):
        mean, covariance = dense.joint(Points(new["f"], [epoch] * 5, n + np.arange(5)))
        posterior = found.predict(new, epoch)
        np.testing.assert_allclose(posterior.mean, mean, **close)
        np.testing.assert_allclose(posterior.variance, covariance.diagonal(), **close)
        mean, covariance = dense.joint(Points(found.encoded["f"], [epoch] * n, np.arange(n)))
        posterior = found.finals(epoch)
        np.testing.assert_allclose(posterior.mean, mean, **close)
        np.testing.assert_allclose(posterior.variance, covariance.diagonal(), **close)
    together = found.joint(new)
    np.testing.assert_allclose(together.covariance, dense_covariance := covariance_of(dense, new, n))
    assert np.linalg.eigvalsh(dense_covariance)[0] > 0
    asked = [2, 5, 20, 27]
    mean, covariance = dense.joint(Points(found.encoded["f"][[0] * 4], asked, np.zeros(4, dtype=int)))
    ahead = found.ahead(0, asked)
    np.testing.assert_allclose(ahead.mean, mean, **close)
    np.testing.assert_allclose(ahead.covariance, covariance, **close)


def covariance_of(dense, new, n):
    return dense.joint(Points(new["f"], [27] * 5, n + np.arange(5)))[1]
