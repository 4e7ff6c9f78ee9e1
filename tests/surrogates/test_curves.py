"""The process over architecture and epoch against a dense one, and what it makes of curves."""

import numpy as np
import pytest

from archbo.kernels import RBF, structure
from archbo.kernels import curves as over_epochs
from archbo.surrogates import (
    SupportsFantasies,
    SupportsJoint,
    SupportsSampling,
    Surrogate,
    fit,
)
from archbo.surrogates.curve_fitting import fit_curves
from archbo.surrogates.curve_outcomes import CurveOutcomes
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
        distances = KERNEL.distances(a.rows, b.rows)
        F, H = (KERNEL.covariance(own, distances) for own in np.split(self.theta, 2))
        rho, (bend, early, own, own_early, wander, settle) = self.eta[0], np.exp(self.eta[1:7])
        e, f = (1 - s) ** bend, (1 - t) ** bend
        level = np.outer(1 - (1 - rho) * e, 1 - (1 - rho) * f)
        last = 1 - np.maximum.outer(s, t)
        same = np.equal.outer(a.curve, b.curve)
        alone = own * level + own_early * np.outer(e, f) + wander * last**settle
        alone = alone + JUMP_VARIANCE * np.outer(self.left(a), self.left(b))
        mean = over_epochs.mean_covariance(s, t)
        return level * F + early * np.outer(e, f) * H + same * alone + mean

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
    theta = np.tile(KERNEL.prior.mean, 2) + 0.3 * rng.standard_normal(2 * len(KERNEL.names))
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
    mean, covariance = dense.joint(Points(new["f"], [27] * 5, n + np.arange(5)))
    np.testing.assert_allclose(together.mean, mean, **close)
    np.testing.assert_allclose(together.covariance, covariance, **close)
    asked = [2, 5, 20, 27]
    mean, covariance = dense.joint(
        Points(found.encoded["f"][[0] * 4], asked, np.zeros(4, dtype=int))
    )
    ahead = found.ahead(0, asked)
    np.testing.assert_allclose(ahead.mean, mean, **close)
    np.testing.assert_allclose(ahead.covariance, covariance, **close)


@pytest.mark.parametrize("jumps", [False, True])
@pytest.mark.parametrize("n", [0, 1, 12])
def test_courses_equal_the_dense_process(n, jumps):
    found, dense, new = process(n, n, jumps=jumps)
    asked = [1, 3, 8, 20, 27]
    means, covariances = found.courses(new, asked)
    assert covariances.shape == (5, 5, 5)
    for i in range(5):
        points = Points(new["f"][[i] * 5], asked, np.full(5, n))
        mean, covariance = dense.joint(points)
        np.testing.assert_allclose(means[i], mean, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(covariances[i], covariance, rtol=1e-8, atol=1e-8)
    which = np.arange(n)[::-1]
    means, covariances = found.courses_of(which, asked)
    for i, mean, covariance in zip(which, means, covariances, strict=True):
        expected = dense.joint(Points(found.encoded["f"][[i] * 5], asked, np.full(5, i)))
        np.testing.assert_allclose(mean, expected[0], rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(covariance, expected[1], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("jumps", [False, True])
def test_courses_agree_with_what_is_asked_epoch_by_epoch(jumps):
    found, _, new = process(5, 7, jumps=jumps)
    asked = [2, 5.5, 13, 27]
    mean, covariance = found.courses(new, asked)
    for k, epoch in enumerate(asked):
        alone = found.predict(new, epoch)
        np.testing.assert_allclose(mean[:, k], alone.mean)
        np.testing.assert_allclose(covariance[:, k, k], alone.variance)
    together = found.joint(new)
    np.testing.assert_allclose(mean[:, -1], together.mean)
    np.testing.assert_allclose(covariance[:, -1, -1], together.covariance.diagonal())
    mean, covariance = found.courses_of(np.arange(7), asked)
    for k, epoch in enumerate(asked):
        alone = found.finals(epoch)
        np.testing.assert_allclose(mean[:, k], alone.mean)
        np.testing.assert_allclose(covariance[:, k, k], alone.variance)
    ahead = found.ahead(3, asked)
    np.testing.assert_allclose(mean[3], ahead.mean)
    np.testing.assert_allclose(covariance[3], ahead.covariance)


def test_courses_of_none_and_of_one_epoch():
    found, _, new = process(5, 7)
    mean, covariance = found.courses(new, [27])
    np.testing.assert_allclose(mean[:, 0], found.predict(new).mean)
    np.testing.assert_allclose(covariance[:, 0, 0], found.predict(new).variance)
    mean, covariance = found.courses_of(np.arange(0), [9, 27])
    assert (mean.shape, covariance.shape) == ((0, 2), (0, 2, 2))
    mean, covariance = found.courses({"f": np.zeros((0, 2))}, [9, 27])
    assert (mean.shape, covariance.shape) == ((0, 2), (0, 2, 2))


def flattening(rng, n, *, noise=0.02):
    """Curves that rise to a smooth function of the architecture, which is given, too."""
    encoded = architectures(rng, n)
    ends = np.sin(encoded["f"][:, 0]) + 0.5 * encoded["f"][:, 1]
    speed = 1 + 0.3 * rng.random((n, 1))
    values = ends[:, None] - speed * EPOCHS**-0.7 + noise * rng.standard_normal((n, len(EPOCHS)))
    return encoded, ends, values


def read(values, full=20.0):
    return CurveOutcomes.of(Curves(EPOCHS, values, full))


def fitted(encoded, values):
    return fit_curves(KERNEL, encoded, read(values).curves, rng=np.random.default_rng(0))


def test_it_offers_what_a_search_needs():
    found, _, _ = process(0, 4)
    for protocol in (Surrogate, SupportsJoint, SupportsSampling, SupportsFantasies):
        assert isinstance(found, protocol)


@pytest.mark.parametrize("n", [0, 3])
def test_without_values_it_knows_the_prior(n):
    rng = np.random.default_rng(0)
    encoded = architectures(rng, n)
    curves = Curves.read([[]] * n, full=9.0, shortest=1.0)
    found = fit_curves(KERNEL, encoded, curves, rng=rng)
    assert found.log_likelihood == 0
    posterior = found.predict(architectures(rng, 2))
    own = np.exp(found.eta[3])
    prior = KERNEL.diagonal(KERNEL.prior.mean, 1) + own + over_epochs.mean_variance(np.ones(1))
    np.testing.assert_allclose(posterior.mean, 0, atol=1e-12)
    np.testing.assert_allclose(posterior.variance, np.repeat(prior, 2))
    np.testing.assert_allclose(found.finals().variance, np.repeat(prior, n))
    assert found.sample(encoded, rng, 3).shape == (3, n)


def test_telling_a_final_value_equals_observing_it():
    found, _, new = process(3, 6)
    z = np.array([0.3, -0.2, 1.0, 0.0, 0.5])
    told = found.condition_on(new, z)
    values = np.full((11, len(EPOCHS) + 1), np.nan)
    values[:6, :-1], values[6:, -1] = found.curves.values, z
    curves = Curves(np.append(EPOCHS, 27.0), values, 27.0)
    encoded = {"f": np.concatenate([found.encoded["f"], new["f"]])}
    observed = found.with_curves(encoded, curves)
    assert told.log_likelihood == pytest.approx(observed.log_likelihood)
    np.testing.assert_allclose(told.predict(new).mean, observed.predict(new).mean)


def test_full_trainings_alone_predict_what_a_plain_process_does():
    rng = np.random.default_rng(0)
    encoded, new, z = architectures(rng, 9), architectures(rng, 4), rng.standard_normal(9)
    theta = np.tile(KERNEL.prior.mean, 2)
    curves = Curves(np.array([9.0]), z[:, None], 9.0)
    found = CurveProcess.observe(KERNEL, encoded, curves, theta=theta, eta=over_epochs.PRIOR.mean)
    # The plain process has the level of the mean curve as a constant of its own.
    level = over_epochs.mean_variance(np.ones(1))[0]
    A = KERNEL.covariance(theta[:3], KERNEL.distances(encoded, encoded)) + level
    A += (found.noise + np.exp(found.eta[3])) * np.eye(9)
    Ks = KERNEL.covariance(theta[:3], KERNEL.distances(encoded, new)) + level
    np.testing.assert_allclose(found.predict(new).mean, Ks.T @ np.linalg.solve(A, z))


def test_final_values_are_predicted_from_partial_curves():
    rng = np.random.default_rng(1)
    encoded, _, values = flattening(rng, 40)
    finals = values[:, -1].copy()
    values[10:, 3:] = np.nan
    outcomes = read(values)
    found = fit_curves(KERNEL, encoded, outcomes.curves, rng=rng)
    posterior = found.finals()
    assert found.best == posterior.mean.max()
    mean, sd = outcomes.to_objective(posterior.mean, posterior.sd)
    errors = np.abs(mean - finals)[10:]
    # What is added from epoch 4 on differs by at most .3 * 4^-.7 = .11.
    assert np.sqrt(np.mean(errors**2)) < 0.11
    assert 0.75 < np.mean(errors < 1.645 * np.hypot(sd, 0.02)[10:]) <= 1
    new, truth, _ = flattening(rng, 40)
    mean, _ = outcomes.to_objective(found.predict(new).mean, found.predict(new).sd)
    assert np.corrcoef(mean, truth)[0, 1] > 0.95


def test_more_epochs_make_a_curve_surer():
    rng = np.random.default_rng(2)
    encoded, _, values = flattening(rng, 30)
    values[20:25, 2:], values[25:, 4:] = np.nan, np.nan
    sd = fitted(encoded, values).finals().sd
    assert sd[:20].max() < sd[25:].min()
    assert sd[25:].max() < sd[20:25].min()


@pytest.mark.parametrize("crash", [-np.inf, np.nan, -1e6, -20.0])
def test_a_diverged_curve_does_not_poison_the_others(crash):
    rng = np.random.default_rng(3)
    encoded, _, values = flattening(rng, 30)
    values[15:, 4:] = np.nan
    new = architectures(rng, 20)

    def predictions(values):
        points = [list(zip(EPOCHS.tolist(), row.tolist(), strict=True)) for row in values]
        kept = [[p for p in curve if not np.isnan(p[1]) or np.isnan(crash)] for curve in points]
        outcomes = CurveOutcomes.of(Curves.read(kept, full=20.0))
        found = fit_curves(KERNEL, encoded, outcomes.curves, rng=rng)
        ends, others = found.finals(), found.predict(new)
        return (
            outcomes.to_objective(ends.mean, ends.sd)[0],
            outcomes.to_objective(others.mean, others.sd)[0],
        )

    sane_ends, sane = predictions(values)
    values[0, 3:] = crash
    ends, others = predictions(values)
    assert np.sqrt(np.mean((ends[1:] - sane_ends[1:]) ** 2)) < 0.05
    assert np.sqrt(np.mean((others - sane) ** 2)) < 0.15
    if np.isfinite(crash):
        assert ends[0] < np.quantile(ends, 0.1)


def misled(rng, n, known, correlation):
    """All n after a short training, some after a full one; both are functions of f."""
    encoded = architectures(rng, n)
    ends = np.sin(1.5 * encoded["f"][:, 0])
    starts = np.cos(1.5 * encoded["f"][:, 1])
    values = np.full((n, 2), np.nan)
    values[:, 0] = correlation * ends + (1 - correlation) * starts
    values[:known, 1] = ends[:known]
    values += 0.02 * rng.standard_normal(values.shape)
    outcomes = CurveOutcomes.of(Curves(np.array([1.0, 9.0]), values, 9.0))
    return fit_curves(KERNEL, encoded, outcomes.curves, rng=rng), outcomes, encoded, values


def test_short_trainings_that_mislead_are_not_trusted():
    rng = np.random.default_rng(0)
    found, outcomes, encoded, values = misled(rng, 80, 30, 0.0)
    assert abs(found.correlation(1)) < 0.35
    new = architectures(rng, 200)
    truth = np.sin(1.5 * new["f"][:, 0])
    mean, _ = outcomes.to_objective(found.predict(new).mean, found.predict(new).sd)
    alone = CurveOutcomes.of(Curves(np.array([9.0]), values[:30, 1:], 9.0))
    plain = fit(KERNEL, {"f": encoded["f"][:30]}, alone.curves.values[:, 0]).predict(new)
    without, _ = alone.to_objective(plain.mean, plain.sd)
    assert np.mean((mean - truth) ** 2) < 1.1 * np.mean((without - truth) ** 2)


def test_short_trainings_that_tell_are_trusted():
    rng = np.random.default_rng(0)
    found, *_ = misled(rng, 80, 15, 1.0)
    assert found.correlation(1) > 0.8
    assert found.correlation(9) == 1
