"""The Gaussian process against scikit-learn, refits and sampling."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process import kernels as sk

from archbo.errors import NumericalError
from archbo.kernels import RBF, Hamming, HistogramRBF, Matern52, structure
from archbo.surrogates import (
    GaussianProcess,
    SupportsFantasies,
    SupportsJoint,
    SupportsSampling,
    Surrogate,
)

SCALE = np.array([0.5, 2.0, 1.0])
THETA = np.array([0.3, -0.5, 0.2, 0.4])


def rows(rng, n):
    x = rng.random((n, 3))
    return {"x": x, "x.active": np.ones((n, 3), dtype=bool)}


def mixed_rows(rng, n):
    return rows(rng, n) | {
        "o": rng.integers(0, 3, (n, 2)).astype(float),
        "o.active": rng.random((n, 2)) < 0.7,
        "wl": rng.integers(0, 4, (n, 5), dtype=np.uint64),
    }


MIXED = structure(Hamming("o", (1.0, 1.0)) * HistogramRBF(("wl",)), Matern52("x", (0.2,) * 3))


def mixed_process(rng, n, **more):
    return GaussianProcess.observe(
        MIXED,
        mixed_rows(rng, n),
        rng.standard_normal(n),
        theta=MIXED.prior.mean + 0.3 * rng.standard_normal(len(MIXED.names)),
        log_noise=np.log(0.05),
        **more,
    )


@pytest.mark.parametrize("kind", ["rbf", "matern"])
@pytest.mark.parametrize("n", [1, 2, 30])
def test_posterior_and_likelihood_equal_scikit_learn(kind, n):
    rng = np.random.default_rng(0)
    data, new = rows(rng, n), rows(rng, 9)
    z, repeats, mean = rng.standard_normal(n), rng.integers(1, 4, n).astype(float), 0.7
    length = np.sqrt(SCALE / np.exp(THETA[1:]))
    if kind == "rbf":
        kernel = structure(RBF("x", tuple(SCALE)))
        radial = sk.RBF(length / np.sqrt(2))
    else:
        kernel = structure(Matern52("x", tuple(SCALE)))
        radial = sk.Matern(length, nu=2.5)
    reference = GaussianProcessRegressor(
        sk.ConstantKernel(np.exp(THETA[0])) * radial, alpha=0.1 / repeats, optimizer=None
    ).fit(data["x"], z - mean)
    expected, sd = reference.predict(new["x"], return_std=True)
    _, covariance = reference.predict(new["x"], return_cov=True)

    gp = GaussianProcess.observe(
        kernel, data, z, theta=THETA, log_noise=np.log(0.1), repeats=repeats, mean=mean
    )
    posterior, joint = gp.predict(new), gp.joint(new)
    np.testing.assert_allclose(posterior.mean, expected + mean, atol=1e-9)
    np.testing.assert_allclose(posterior.sd, sd, atol=1e-9)
    np.testing.assert_allclose(joint.mean, expected + mean, atol=1e-9)
    np.testing.assert_allclose(joint.covariance, covariance, atol=1e-9)
    np.testing.assert_allclose(joint.sd, sd, atol=1e-9)
    value = reference.log_marginal_likelihood_value_
    assert gp.log_likelihood == pytest.approx(value, abs=1e-9)


def test_without_observations_the_posterior_is_the_prior():
    rng = np.random.default_rng(1)
    gp = mixed_process(rng, 0, mean=0.4)
    posterior = gp.predict(mixed_rows(rng, 4))
    np.testing.assert_array_equal(posterior.mean, 0.4)
    np.testing.assert_allclose(posterior.variance, gp.kernel.diagonal(gp.theta, 4))
    assert gp.log_likelihood == 0
    assert gp.best == 0.4
    mean, variance = gp.leave_one_out()
    assert mean.shape == variance.shape == (0,)


def test_without_candidates_the_posterior_is_empty():
    rng = np.random.default_rng(2)
    gp = mixed_process(rng, 3)
    assert gp.predict(mixed_rows(rng, 0)).mean.shape == (0,)
    assert gp.joint(mixed_rows(rng, 0)).covariance.shape == (0, 0)
    assert gp.sample(mixed_rows(rng, 0), rng, 2).shape == (2, 0)


@pytest.mark.parametrize("n", [0, 1, 12])
@pytest.mark.parametrize("q", [0, 1, 4])
def test_conditioning_equals_observing_all_at_once(n, q):
    rng = np.random.default_rng(3)
    gp = mixed_process(rng, n, mean=-0.2)
    more, z = mixed_rows(rng, q), rng.standard_normal(q)
    more["wl"] = np.pad(more["wl"], ((0, 0), (0, 2)))
    repeats = np.full(q, 2.0)
    extended = gp.condition_on(more, z, repeats=repeats)
    wider = np.pad(gp.encoded["wl"], ((0, 0), (0, 2)))
    known = {**gp.encoded, "wl": wider}
    whole = GaussianProcess.observe(
        MIXED,
        {name: np.concatenate([known[name], more[name]]) for name in known},
        np.concatenate([gp.z, z]),
        theta=gp.theta,
        log_noise=gp.log_noise,
        repeats=np.concatenate([np.ones(n), repeats]),
        mean=-0.2,
    )
    new = mixed_rows(rng, 5)
    np.testing.assert_allclose(extended.predict(new).mean, whole.predict(new).mean, atol=1e-10)
    np.testing.assert_allclose(extended.predict(new).sd, whole.predict(new).sd, atol=1e-10)
    assert extended.log_evidence == pytest.approx(whole.log_evidence, abs=1e-9)
    assert extended.n == n + q
    assert gp.n == n


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_row_s_own_deviation_is_a_kernel_of_identity(share):
    rng = np.random.default_rng(21)
    repeats = rng.integers(1, 4, 9).astype(float)
    first = mixed_process(rng, 9, repeats=repeats, mean=0.1)
    gp = GaussianProcess.observe(
        MIXED, first.encoded, first.z, theta=first.theta, log_noise=-2.0, repeats=repeats,
        mean=0.1, share=share,
    )  # fmt: skip
    total = np.exp(-2.0)
    assert gp.own == pytest.approx(share * total)
    assert gp.noise == pytest.approx((1 - share) * total)
    new = mixed_rows(rng, 3)
    K = MIXED.covariance(gp.theta, MIXED.distances(gp.encoded, gp.encoded))
    Ks = MIXED.covariance(gp.theta, MIXED.distances(gp.encoded, new))
    objective = K + gp.own * np.eye(9)  # two rows share a deviation only if they are the same
    inverse = np.linalg.inv(objective + np.diag(gp.noise / repeats))
    seen = gp.observed(np.array([4, 0]))
    mean = 0.1 + objective @ inverse @ (gp.z - 0.1)
    covariance = objective - objective @ inverse @ objective
    np.testing.assert_allclose(seen.mean, mean[[4, 0]], atol=1e-9)
    np.testing.assert_allclose(seen.variance, covariance.diagonal()[[4, 0]], atol=1e-9)
    assert gp.best == pytest.approx(mean.max())
    variance = MIXED.diagonal(gp.theta, 3) + gp.own - ((inverse @ Ks) * Ks).sum(axis=0)
    np.testing.assert_allclose(gp.predict(new).mean, 0.1 + Ks.T @ inverse @ (gp.z - 0.1), atol=1e-9)
    np.testing.assert_allclose(gp.predict(new).variance, variance, atol=1e-9)
    few = {name: block[:2] for name, block in gp.encoded.items()}
    joint = gp.joint(few, observed=2)
    np.testing.assert_allclose(joint.mean, mean[:2], atol=1e-9)
    np.testing.assert_allclose(joint.covariance, covariance[:2, :2], atol=1e-9)


def test_leave_one_out_equals_leaving_each_one_out():
    rng = np.random.default_rng(4)
    repeats = rng.integers(1, 4, 10).astype(float)
    gp = mixed_process(rng, 10, repeats=repeats, mean=0.3)
    mean, variance = gp.leave_one_out()
    for i in range(10):
        others = np.arange(10) != i
        left = GaussianProcess.observe(
            MIXED,
            {name: block[others] for name, block in gp.encoded.items()},
            gp.z[others],
            theta=gp.theta,
            log_noise=gp.log_noise,
            repeats=repeats[others],
            mean=0.3,
        )
        one = left.predict({name: block[[i]] for name, block in gp.encoded.items()})
        assert mean[i] == pytest.approx(one.mean[0], abs=1e-9)
        assert variance[i] == pytest.approx(one.variance[0] + gp.noise / repeats[i], abs=1e-9)


def test_repeated_measurements_equal_their_mean_with_repeats():
    rng = np.random.default_rng(5)
    data, z = mixed_rows(rng, 6), rng.standard_normal(6)
    third = rng.standard_normal(2)
    arguments = {"theta": MIXED.prior.mean, "log_noise": np.log(0.1)}
    single = GaussianProcess.observe(MIXED, data, z, **arguments)
    row = {name: np.repeat(block[2:3], 2, axis=0) for name, block in data.items()}
    apart = single.condition_on(row, third)
    averaged = z.copy()
    averaged[2] = np.mean([z[2], *third])
    repeats = np.array([1.0, 1, 3, 1, 1, 1])
    together = GaussianProcess.observe(MIXED, data, averaged, repeats=repeats, **arguments)
    new = mixed_rows(rng, 5)
    np.testing.assert_allclose(apart.predict(new).mean, together.predict(new).mean, atol=1e-10)
    np.testing.assert_allclose(apart.predict(new).sd, together.predict(new).sd, atol=1e-10)


def test_fitted_is_the_posterior_mean_at_the_observed_rows():
    gp = mixed_process(np.random.default_rng(6), 8, repeats=np.arange(1.0, 9))
    expected = gp.predict(gp.encoded).mean
    np.testing.assert_allclose(gp.fitted, expected, atol=1e-10)
    assert gp.best == pytest.approx(expected.max(), abs=1e-10)


def test_samples_have_the_moments_of_the_joint_posterior():
    rng = np.random.default_rng(7)
    gp = mixed_process(rng, 6)
    new = mixed_rows(rng, 4)
    joint, m = gp.joint(new), 20_000
    draws = gp.sample(new, rng, m)
    assert draws.shape == (m, 4)
    # Five standard errors of a mean and of a covariance of normal variables
    error = 5 * joint.sd / np.sqrt(m)
    assert (np.abs(draws.mean(axis=0) - joint.mean) < error).all()
    C, v = joint.covariance, joint.variance
    error = 5 * np.sqrt((C**2 + np.outer(v, v)) / m)
    assert (np.abs(np.cov(draws.T) - C) < error).all()


def test_variances_stay_positive_at_rows_that_were_measured_exactly():
    rng = np.random.default_rng(8)
    data = mixed_rows(rng, 5)
    gp = GaussianProcess.observe(
        MIXED, data, np.zeros(5), theta=MIXED.prior.mean, log_noise=np.log(1e-15)
    )
    assert (gp.predict(data).variance > 0).all()
    assert (gp.joint(data).variance > 0).all()


def test_the_same_row_many_times_is_fine():
    row = mixed_rows(np.random.default_rng(9), 1)
    data = {name: np.repeat(block, 5, axis=0) for name, block in row.items()}
    z = np.array([1.0, 2, 3, 4, 5])
    arguments = {"theta": MIXED.prior.mean, "log_noise": np.log(1e-3)}
    gp = GaussianProcess.observe(MIXED, data, z, **arguments)
    np.testing.assert_allclose(gp.predict(row).mean, 3, rtol=1e-3)


def test_log_evidence_is_likelihood_plus_the_priors_ratio_to_its_mode():
    gp = mixed_process(np.random.default_rng(10), 5)
    noise = -0.5 * ((gp.log_noise - np.log(0.02)) / 1.5) ** 2
    expected = gp.log_likelihood + gp.kernel.prior.log_ratio(gp.theta) + noise
    assert gp.log_evidence == pytest.approx(expected, abs=1e-12)


def test_observations_that_are_not_finite_are_refused():
    rng = np.random.default_rng(11)
    with pytest.raises(NumericalError, match="1 of 2 observations are not finite"):
        GaussianProcess.observe(
            MIXED,
            mixed_rows(rng, 2),
            np.array([0.0, np.nan]),
            theta=MIXED.prior.mean,
            log_noise=0.0,
        )
    gp = mixed_process(rng, 2)
    with pytest.raises(NumericalError, match="1 of 1 observations are not finite"):
        gp.condition_on(mixed_rows(rng, 1), np.array([np.inf]))


def test_a_gaussian_process_has_every_capability():
    gp = mixed_process(np.random.default_rng(12), 2)
    for capability in (Surrogate, SupportsJoint, SupportsSampling, SupportsFantasies):
        assert isinstance(gp, capability)
