"""Fits against finite differences and a long search, and on data that say nothing."""

import numpy as np
import pytest
from scipy.optimize import minimize

from archbo.errors import NumericalError
from archbo.kernels import RBF, Hamming, HistogramRBF, Kernel, LogNormal, Matern52, structure
from archbo.surrogates import GaussianProcess, RankTransform, fit
from archbo.surrogates.fitting import Evidence


def rows(rng, n):
    return {
        "o": rng.integers(0, 3, (n, 3)).astype(float),
        "o.active": rng.random((n, 3)) < 0.7,
        "u": rng.random((n, 2)),
        "u.active": rng.random((n, 2)) < 0.7,
        "f": rng.standard_normal((n, 2)),
        "wl": rng.integers(0, 4, (n, 5), dtype=np.uint64),
    }


HAMMING, MATERN = Hamming("o", (0.7,) * 3), Matern52("u", (0.2,) * 2)
FEATURES, LABELS = RBF("f", (2.0,) * 2), HistogramRBF(("wl",), (6.0,))
KERNELS = [
    structure(HAMMING * LABELS * FEATURES),
    structure(HAMMING, LABELS * MATERN, FEATURES),
    MATERN * (HAMMING + FEATURES),
]


def problem(n=25, seed=0):
    rng = np.random.default_rng(seed)
    data = rows(rng, n)
    y = np.sin(2 * data["f"][:, 0]) + data["o"][:, 1] + 0.1 * rng.standard_normal(n)
    return data, RankTransform()(y).z


def evidence(kernel, data, z, **more):
    more = {"repeats": np.ones(len(z)), "mean": 0.0} | more
    return Evidence(kernel, kernel.distances(data, data), z, **more)


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_the_gradient_of_the_evidence_equals_finite_differences(kernel):
    data, z = problem()
    rng = np.random.default_rng(1)
    objective = evidence(kernel, data, z, repeats=rng.integers(1, 4, len(z)) * 1.0, mean=0.3)
    prior = objective.prior
    h = 1e-5
    for _ in range(3):
        x = prior.mean + rng.standard_normal(len(prior.mean))
        _, slope = objective(x)
        numeric = [
            (objective(x + h * e)[0] - objective(x - h * e)[0]) / (2 * h) for e in np.eye(len(x))
        ]
        np.testing.assert_allclose(slope, numeric, atol=1e-6 * (1 + np.abs(slope).max()))


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_the_evidence_equals_that_of_the_process(kernel):
    data, z = problem()
    repeats = np.arange(1.0, len(z) + 1)
    gp = fit(kernel, data, z, repeats=repeats, mean=0.2)
    x = np.array(list(gp.hyperparameters.values()))
    value, _ = evidence(kernel, data, z, repeats=repeats, mean=0.2)(x)
    assert value == pytest.approx(gp.log_evidence, abs=1e-8)


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_a_long_fit_reaches_a_maximum(kernel):
    data, z = problem()
    gp = fit(kernel, data, z, iterations=200, tolerance=1e-12)
    objective = evidence(kernel, data, z)
    x = np.array(list(gp.hyperparameters.values()))
    assert np.abs(objective(x)[1]).max() < 1e-2
    # An optimizer that knows no gradients finds nothing better nearby.
    found = minimize(lambda at: -objective(at)[0], x, method="Nelder-Mead", options={"maxfev": 400})
    assert -found.fun < gp.log_evidence + 1e-3


def test_a_fit_finds_what_matters():
    rng = np.random.default_rng(2)
    data = {"f": rng.standard_normal((60, 3))}
    z = np.sin(2 * data["f"][:, 1])
    gp = fit(structure(RBF("f", (2.0,) * 3)), data, (z - z.mean()) / z.std(), iterations=50)
    found = gp.hyperparameters
    assert found["0.f.1"] > max(found["0.f.0"], found["0.f.2"]) + 3
    assert gp.noise < 0.01


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_hyperparameters_round_trip_exactly(kernel):
    data, z = problem()
    first = fit(kernel, data, z)
    again = fit(kernel, data, z, start=first.hyperparameters, iterations=0)
    assert again.hyperparameters == first.hyperparameters
    assert set(first.hyperparameters) == {*kernel.names, "noise"}
    assert again.log_evidence == first.log_evidence


def test_a_fit_never_loses_evidence():
    data, z = problem()
    before = fit(KERNELS[1], data, z, iterations=0)
    first = fit(KERNELS[1], data, z)
    second = fit(KERNELS[1], data, z, start=first.hyperparameters)
    assert before.log_evidence < first.log_evidence <= second.log_evidence


def test_known_distances_give_the_same_fit():
    data, z = problem()
    distances = KERNELS[0].distances(data, data)
    known = fit(KERNELS[0], data, z, distances=distances)
    assert known.hyperparameters == fit(KERNELS[0], data, z).hyperparameters


def test_a_start_may_lack_names_and_have_others():
    data, z = problem()
    gp = fit(KERNELS[0], data, z, start={"noise": -2.0, "other": 9.0}, iterations=0)
    assert gp.log_noise == -2.0
    np.testing.assert_array_equal(gp.theta, KERNELS[0].prior.mean)


def test_a_start_far_out_is_brought_back():
    data, z = problem()
    far = dict.fromkeys([*KERNELS[0].names, "noise"], 500.0)
    gp = fit(KERNELS[0], data, z, start=far)
    assert np.isfinite(gp.log_evidence)
    assert max(gp.hyperparameters.values()) < 10


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("value", [0.0, 1e-12, 1e6])
def test_equal_observations_of_equal_rows_fit(kernel, n, value):
    row = rows(np.random.default_rng(3), 1)
    data = {name: np.repeat(block, n, axis=0) for name, block in row.items()}
    gp = fit(kernel, data, np.full(n, value))
    assert np.isfinite(gp.log_evidence)
    posterior = gp.predict(row)
    assert np.isfinite(posterior.mean).all()
    assert (posterior.variance > 0).all()


def test_without_observations_the_hyperparameters_are_the_prior_means():
    gp = fit(KERNELS[0], rows(np.random.default_rng(4), 0), np.zeros(0))
    np.testing.assert_array_equal(gp.theta, KERNELS[0].prior.mean)


def test_observations_that_are_not_finite_are_refused():
    data, z = problem(3)
    z = z.copy()
    z[0] = np.nan
    with pytest.raises(NumericalError, match="1 of 3 observations are not finite"):
        fit(KERNELS[0], data, z)


class Fragile(Kernel):
    """Positive definite only below theta = 0, and infinite from 3."""

    names = ("x",)
    blocks = 1

    def prior_within(self, *, beside, terms):  # noqa: ARG002
        return LogNormal(np.array([-1.0]), np.array([5.0]))

    def distances(self, a, b):
        return np.not_equal.outer(a["f"][:, 0], b["f"][:, 0])[None].astype(float)

    def evaluate(self, theta, distances):
        size = np.exp(theta[0]) if theta[0] < 3 else np.inf
        K = np.where(distances[0] == 0, 1.0 if theta[0] < 3 else np.inf, size)
        return K, lambda W: np.array([size * np.vdot(W, distances[0])])

    def diagonal(self, theta, n):  # noqa: ARG002
        return np.ones(n)


def test_steps_without_a_covariance_are_rejected():
    n = 12
    data = {"f": np.arange(n, dtype=float)[:, None]}
    z = np.full(n, 3.0)  # wants rows as correlated as can be, and more
    kernel = Fragile()
    objective = evidence(kernel, data, z)
    assert objective(np.array([1.0, -9.0]))[0] == -np.inf
    assert objective(np.array([4.0, -9.0]))[0] == -np.inf
    gp = fit(kernel, data, z, iterations=50)
    assert isinstance(gp, GaussianProcess)
    assert np.isfinite(gp.log_evidence)
    assert gp.log_evidence > fit(kernel, data, z, iterations=0).log_evidence
