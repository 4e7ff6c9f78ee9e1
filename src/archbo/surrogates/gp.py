"""Exact Gaussian process regression.

Notation: n observations, c candidates, q new observations, p hyperparameters.
    K      [n n]  prior covariance of the observations    theta  [p]    log hyperparameters
    A      [n n]  K + diag(own + noise / repeats) = L L'  alpha  [n]    A^-1 (z - mean)
    z      [n]    observed, transformed objective         Ks     [n c]  covariance with candidates
A part of what the kernel does not explain may be each row's own deviation, which its next
measurement shows again: a nugget, part of the objective, unlike the noise.
Source: Rasmussen and Williams 2006, algorithm 2.1 and section 5.4.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from archbo.arrays import Array, Float, Int, Rng
from archbo.errors import NumericalError
from archbo.kernels.base import Against, Found, Kernel
from archbo.kernels.blocks import Encoded, count_rows, join_rows
from archbo.kernels.priors import LogNormal
from archbo.surrogates.base import JointPosterior, Posterior
from archbo.surrogates.linalg import Cholesky, cholesky

NOISE_PRIOR = LogNormal(np.array([np.log(0.02)]), np.array([1.5]))
"""Of the noise variance, in units of the standardised objective's variance."""

LEAST_VARIANCE = 1e-12
"""A posterior variance is at least this part of the prior one: the difference of two nearly equal
numbers may be 0 or below, and acquisitions divide by its root."""


@dataclass(frozen=True)
class GaussianProcess:
    """A Gaussian process that knows n observations. Make one by `GaussianProcess.observe`.

    Attributes:
        kernel: the prior covariance.
        theta: [p] logs of the kernel's hyperparameters.
        log_noise: log of the variance that a single measurement adds to the kernel's.
        encoded: the observed rows.
        z: [n] what was observed.
        repeats: [n] how many measurements each z is the mean of.
        mean: the prior mean, one number.
        factor: of A.
        alpha: [n].
        against: gives the covariance of any rows with the observed ones.
        share: the part of the noise that is each row's own deviation, 0 to 1.
    """

    kernel: Kernel
    theta: Float[Array, " p"]
    log_noise: float
    encoded: Encoded = field(repr=False)
    z: Float[Array, " n"] = field(repr=False)
    repeats: Float[Array, " n"] = field(repr=False)
    mean: float
    factor: Cholesky = field(repr=False)
    alpha: Float[Array, " n"] = field(repr=False)
    against: Against = field(repr=False, compare=False)
    share: float = 0.0

    @classmethod
    def observe(
        cls,
        kernel: Kernel,
        encoded: Encoded,
        z: Float[Array, " n"],
        *,
        theta: Float[Array, " p"],
        log_noise: float,
        repeats: Float[Array, " n"] | None = None,
        mean: float = 0.0,
        share: float = 0.0,
    ) -> GaussianProcess:
        """The process with given hyperparameters after n observations; n may be 0.

        Args:
            kernel: the prior covariance.
            encoded: the observed rows.
            z: what was observed there.
            theta: logs of the kernel's hyperparameters.
            log_noise: log of the variance of a single measurement.
            repeats: how many measurements each z is the mean of; 1 each if None.
            mean: the prior mean.
            share: the part of the noise that is each row's own deviation.

        Raises:
            NumericalError: if z is not finite or the covariance stays singular.
        """
        require_finite(z)
        repeats = np.ones(len(z)) if repeats is None else repeats
        against = kernel.against(theta, encoded)
        A = against(encoded, {})
        added = np.exp(log_noise) / effective(repeats, share)
        np.fill_diagonal(A, kernel.diagonal(theta, len(z)) + added)
        factor = cholesky(A)
        alpha = factor.solve(z - mean)
        return cls(
            kernel, theta, log_noise, encoded, z, repeats, mean, factor, alpha, against, share
        )

    @property
    def n(self) -> int:
        """The number of observations."""
        return len(self.z)

    @property
    def noise(self) -> float:
        """The variance of a single measurement around the row's own value."""
        return (1 - self.share) * float(np.exp(self.log_noise))

    @property
    def own(self) -> float:
        """The variance of a row's own deviation."""
        return self.share * float(np.exp(self.log_noise))

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The logs of all hyperparameters by name, the noise's last."""
        names = (*self.kernel.names, "noise")
        return dict(zip(names, [*map(float, self.theta), self.log_noise], strict=True))

    @property
    def log_likelihood(self) -> float:
        """Log marginal likelihood of the observations, in nats."""
        # Alg. 2.1, line 7
        misfit = float((self.z - self.mean) @ self.alpha)
        return -0.5 * (misfit + self.factor.log_determinant + self.n * float(np.log(2 * np.pi)))

    @property
    def log_evidence(self) -> float:
        """Log evidence of the kernel, about; a fit maximises it.

        The log marginal likelihood plus the log of the hyperparameters' prior density over its
        largest: Laplace's approximation where the posterior of the hyperparameters is as wide as
        the prior. With the density itself, each hyperparameter of which the observations say
        nothing would count against its kernel.
        """
        prior = self.kernel.prior.log_ratio(self.theta)
        return self.log_likelihood + prior + NOISE_PRIOR.log_ratio(np.array([self.log_noise]))

    @property
    def fitted(self) -> Float[Array, " n"]:
        """The posterior mean at the observed rows."""
        # (K + own) alpha = (A - diag(noise / repeats)) alpha
        return self.z - self.noise / self.repeats * self.alpha

    @property
    def best(self) -> float:
        """The largest posterior mean at the observed rows; the prior mean if there are none.

        A noisy observation that was lucky does not raise it by all of its luck.
        """
        return float(self.fitted.max()) if self.n else self.mean

    def observed(self, which: Int[Array, " m"]) -> Posterior:
        """The posterior at observed rows, by their positions; each knows its own deviation."""
        noise = self.noise / self.repeats[which]
        units = np.zeros((self.n, len(which)))
        units[which, np.arange(len(which))] = 1.0
        half = self.factor.whiten(units)
        # cov = N - N A^-1 N for N = diag(noise / repeats)
        variance = noise - noise**2 * np.einsum("nm,nm->m", half, half)
        prior = self.kernel.diagonal(self.theta, len(which)) + self.own
        return Posterior(self.fitted[which], np.maximum(variance, LEAST_VARIANCE * prior))

    def predict(self, encoded: Encoded) -> Posterior:
        """The posterior of each row by itself, taken for another than those observed."""
        return self.project(encoded, {})[0]

    def project(self, encoded: Encoded, found: Found) -> tuple[Posterior, Float[Array, "n c"]]:
        """The posterior of c rows by themselves, and L^-1 Ks.

        The latter gives the posterior covariance of any two of the rows, k(x, y) - v(x)' v(y).

        Args:
            encoded: the rows.
            found: what processes that observed the same rows share for these; see `Against`.
        """
        Ks = self.against(encoded, found).T
        prior = self.kernel.diagonal(self.theta, count_rows(encoded)) + self.own
        V = self.factor.whiten(Ks)  # Alg. 2.1, line 5
        variance = np.maximum(prior - np.einsum("nc,nc->c", V, V), LEAST_VARIANCE * prior)
        return Posterior(self.mean + self.alpha @ Ks, variance), V

    def joint(self, encoded: Encoded, *, observed: int = 0) -> JointPosterior:
        """The posterior of all rows together.

        Args:
            encoded: the rows.
            observed: so many of them, the first ones, are the first observed rows; the others are
                taken for other rows.
        """
        Ks = self.against(encoded, {}).T
        prior = self.kernel.covariance(self.theta, self.kernel.distances(encoded, encoded))
        prior = prior + self.own * np.eye(len(prior))
        np.fill_diagonal(Ks[:observed, :observed], Ks.diagonal()[:observed] + self.own)
        V = self.factor.whiten(Ks)
        covariance = prior - V.T @ V
        least = LEAST_VARIANCE * prior.diagonal()
        np.fill_diagonal(covariance, np.maximum(covariance.diagonal(), least))
        return JointPosterior(self.mean + self.alpha @ Ks, covariance)

    def sample(self, encoded: Encoded, rng: Rng, m: int) -> Float[Array, "m c"]:
        """Draws of the noise-free objective at all rows together."""
        return self.joint(encoded).sample(rng, m)

    def leave_one_out(self) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        """Mean and variance of each observation, noise included, given all the others.

        Source: equations 5.10 to 5.12.
        """
        variance = 1 / self.factor.inverse_upper().diagonal()
        return self.z - self.alpha * variance, variance

    def told(self, z: Float[Array, " n"]) -> GaussianProcess:
        """The process that observed other values at the same rows; O(n²).

        Raises:
            NumericalError: if z is not finite.
        """
        require_finite(z)
        return replace(self, z=z, alpha=self.factor.solve(z - self.mean))

    def condition_on(
        self,
        encoded: Encoded,
        z: Float[Array, " q"],
        *,
        repeats: Float[Array, " q"] | None = None,
    ) -> GaussianProcess:
        """The process that knows q observations more, with the same hyperparameters; O(n² q).

        Raises:
            NumericalError: if z is not finite or the covariance stays singular.
        """
        require_finite(z)
        repeats = np.ones(len(z)) if repeats is None else repeats
        B = self.against(encoded, {}).T
        C = self.kernel.covariance(self.theta, self.kernel.distances(encoded, encoded))
        factor = self.factor.extend(
            B, C + np.diag(np.exp(self.log_noise) / effective(repeats, self.share))
        )
        together = np.concatenate([self.z, z])
        old, new = self.against, self.kernel.against(self.theta, encoded)
        return GaussianProcess(
            kernel=self.kernel,
            theta=self.theta,
            log_noise=self.log_noise,
            encoded=join_rows(self.encoded, encoded),
            z=together,
            repeats=np.concatenate([self.repeats, repeats]),
            mean=self.mean,
            factor=factor,
            alpha=factor.solve(together - self.mean),
            against=lambda others, found: np.hstack([old(others, found), new(others, found)]),
            share=self.share,
        )


def effective(repeats: Float[Array, " n"], share: float) -> Float[Array, " n"]:
    """How many measurements count where a share of their noise is the row's own and stays."""
    return 1 / (share + (1 - share) / repeats)


def require_finite(z: Float[Array, " n"]) -> None:
    """Refuse observations that are not finite.

    Raises:
        NumericalError: if there are any.
    """
    bad = int((~np.isfinite(z)).sum())
    if bad:
        raise NumericalError(f"{bad} of {len(z)} observations are not finite")
