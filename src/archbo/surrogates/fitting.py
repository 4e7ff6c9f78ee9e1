"""Hyperparameters of a Gaussian process: the maximum of the posterior, by L-BFGS.

Notation: n observations, p hyperparameters of the kernel, t = n (n + 1) / 2 pairs of rows.
    x  [p+1]  the kernel's log hyperparameters, then the log noise variance
    A  [n n]  K + diag(noise / repeats)
    M  [n n]  A^-1 - alpha alpha', so that d log likelihood = -1/2 tr(M dA)
All matrices are symmetric, so only their lower triangles are computed: a kernel looks at each pair
of rows by itself and takes the t pairs as one long row.
Source: Rasmussen and Williams 2006, equation 5.9.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from scipy.linalg.blas import dsyr
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
from scipy.optimize import minimize

from archbo.arrays import Array, Float
from archbo.kernels.base import Kernel
from archbo.kernels.blocks import Distances, Encoded, map_distances
from archbo.kernels.priors import LogNormal
from archbo.surrogates.gp import NOISE_PRIOR, GaussianProcess, require_finite

_REACH = 6.0
"""Logs of hyperparameters stay so many prior standard deviations around their prior mean: further
out nothing changes but the conditioning of the matrices."""

_REJECTED = 1e10
"""What is minimised where there is no value: finite, since the line search interpolates, and far
above any value."""


@runtime_checkable
class LogDensity(Protocol):
    """The log posterior density of hyperparameters, up to a constant."""

    prior: LogNormal

    def __call__(self, x: Float[Array, " x"]) -> tuple[float, Float[Array, " x"]]:
        """Value in nats and gradient at x; -inf where there is none."""
        ...


class Evidence:
    """The log posterior density of hyperparameters, up to a constant, with its gradient.

    Args:
        kernel: the prior covariance.
        distances: of the observed rows to each other.
        z: what was observed.
        repeats: how many measurements each z is the mean of.
        mean: the prior mean.
    """

    def __init__(
        self,
        kernel: Kernel,
        distances: Distances,
        z: Float[Array, " n"],
        *,
        repeats: Float[Array, " n"],
        mean: float,
    ) -> None:
        n = len(z)
        self._kernel = kernel
        self._residual = z - mean
        self._weights = 1 / repeats
        self._pairs = np.flatnonzero(np.tril(np.ones((n, n), dtype=bool)))  # row by row
        self._distances = map_distances(
            lambda D: D.reshape(len(D), 1, n * n).take(self._pairs, axis=2), distances
        )
        # Each pair off the diagonal stands for two entries of a symmetric matrix.
        self._counts = np.where(self._pairs // n == self._pairs % n, 1.0, 2.0)
        self.prior = LogNormal.join([kernel.prior, NOISE_PRIOR])

    def __call__(self, x: Float[Array, " p1"]) -> tuple[float, Float[Array, " p1"]]:
        """Value in nats and gradient at x; -inf and 0 where A has no Cholesky factor."""
        n = len(self._residual)
        noise = np.exp(x[-1]) * self._weights
        v, pull = self._kernel.evaluate(x[:-1], self._distances)  # [1 t]
        A = np.empty((n, n))
        A.reshape(-1)[self._pairs] = v[0]
        A.reshape(-1)[:: n + 1] += noise
        # The lower triangle row by row is the upper one column by column.
        factor, info = dpotrf(A.T, lower=0, clean=0, overwrite_a=1)
        log_determinant = 2 * np.log(factor.diagonal()).sum() if info == 0 else np.inf
        if not np.isfinite(log_determinant):
            return -np.inf, np.zeros(len(x))
        alpha, _ = dpotrs(factor, self._residual, lower=0)
        value = -0.5 * (self._residual @ alpha + log_determinant + n * np.log(2 * np.pi))
        M, _ = dpotri(factor, lower=0, overwrite_c=1)
        M = dsyr(-1.0, alpha, a=M, lower=0, overwrite_a=1)
        slope = self.prior.slope(x)
        slope[-1] -= 0.5 * noise @ M.diagonal()
        W = M.T.reshape(-1).take(self._pairs)
        W *= self._counts
        slope[:-1] -= 0.5 * pull(W[None])
        return float(value + self.prior.log_ratio(x)), slope


def fit(
    kernel: Kernel,
    encoded: Encoded,
    z: Float[Array, " n"],
    *,
    start: Mapping[str, float] | None = None,
    iterations: int = 12,
    tolerance: float = 1e-3,
    repeats: Float[Array, " n"] | None = None,
    mean: float = 0.0,
    distances: Distances | None = None,
) -> GaussianProcess:
    """The Gaussian process with the most probable hyperparameters after n observations.

    The result is a function of the arguments alone; it never has less evidence than the start.
    Without observations it is the start.

    Args:
        kernel: the prior covariance, which brings the priors of its hyperparameters.
        encoded: the observed rows.
        z: what was observed, standardised.
        start: logs of hyperparameters by name, such as an earlier fit's `hyperparameters`; those
            that it lacks start at their prior mean, names that the kernel lacks are ignored.
        iterations: at most; 0 takes the start as it is.
        tolerance: stop where an iteration gains less than this part of the log evidence.
        repeats: how many measurements each z is the mean of; 1 each if None.
        mean: the prior mean of the objective.
        distances: of the rows to each other, if they are known already.

    Raises:
        NumericalError: if z is not finite or the covariance stays singular.
    """
    found = most_probable(
        kernel,
        encoded,
        z,
        start=start,
        iterations=iterations,
        tolerance=tolerance,
        repeats=repeats,
        mean=mean,
        distances=distances,
    )
    return GaussianProcess.observe(
        kernel,
        encoded,
        z,
        theta=np.array([found[name] for name in kernel.names]),
        log_noise=found["noise"],
        repeats=repeats,
        mean=mean,
    )


def most_probable(
    kernel: Kernel,
    encoded: Encoded,
    z: Float[Array, " n"],
    *,
    start: Mapping[str, float] | None = None,
    iterations: int = 12,
    tolerance: float = 1e-3,
    repeats: Float[Array, " n"] | None = None,
    mean: float = 0.0,
    distances: Distances | None = None,
) -> dict[str, float]:
    """The logs of the hyperparameters that `fit` takes, by name; its arguments are the same.

    Raises:
        NumericalError: if z is not finite.
    """
    require_finite(z)
    repeats = np.ones(len(z)) if repeats is None else repeats
    x = _start(kernel, start)
    if len(z) and iterations:
        if distances is None:
            distances = kernel.distances(encoded, encoded)
        evidence = Evidence(kernel, distances, z, repeats=repeats, mean=mean)
        x = maximise(evidence, x, iterations=iterations, tolerance=tolerance)
    return dict(zip((*kernel.names, "noise"), x.tolist(), strict=True))


def _start(kernel: Kernel, start: Mapping[str, float] | None) -> Float[Array, " p1"]:
    """The start's values, and prior means where it has none."""
    means = [*map(float, kernel.prior.mean), *map(float, NOISE_PRIOR.mean)]
    known = start or {}
    names = (*kernel.names, "noise")
    return np.array([known.get(name, m) for name, m in zip(names, means, strict=True)])


def maximise(
    density: LogDensity,
    x: Float[Array, " x"],
    *,
    iterations: int,
    tolerance: float,
    reach: float = _REACH,
) -> Float[Array, " x"]:
    """The best point that L-BFGS meets, x included.

    Args:
        density: what is maximised.
        x: where to start.
        iterations: at most.
        tolerance: stop where an iteration gains less than this part of the value.
        reach: points stay so many prior standard deviations around the prior mean.
    """
    best_value, best = -np.inf, x

    def loss(point: Array) -> tuple[float, Array]:
        nonlocal best_value, best
        value, slope = density(point)
        if value > best_value:
            best_value, best = value, point.copy()
        return (-value, -slope) if np.isfinite(value) else (_REJECTED, slope)

    prior = density.prior
    low, high = prior.mean - reach * prior.sd, prior.mean + reach * prior.sd
    minimize(
        loss,
        np.clip(x, low, high),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(low, high, strict=True)),
        options={"maxiter": iterations, "ftol": tolerance},
    )
    return best
