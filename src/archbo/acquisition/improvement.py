"""Improvement over an incumbent: expected, probable, and where the incumbent is uncertain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import logsumexp

from archbo.acquisition.base import Averaging, Outlook, joint_model
from archbo.acquisition.normal import log_cdf, log_h
from archbo.arrays import Array, Float
from archbo.errors import ProblemError
from archbo.kernels.blocks import count_rows, join_rows
from archbo.surrogates.linalg import cholesky


def log_expected_improvement(
    mean: Float[Array, " c"], sd: Float[Array, " c"], best: float
) -> Float[Array, " c"]:
    """Log of the expected improvement over `best`, in nats; finite down to mean - best = -1e8 sd.

    >>> log_expected_improvement(np.array([0.0, -1e8]), np.array([1.0, 1.0]), 0.0).round(3).tolist()
    [-0.919, -5000000000000038.0]

    Args:
        mean: of the posterior, in units of the transformed objective.
        sd: of the posterior, same units; above 0.
        best: same units.

    Raises:
        ValueError: if an sd is not positive.
    Source: Ament et al. 2023, equation 9 (https://arxiv.org/abs/2310.20708).
    """
    bad = int((~(sd > 0)).sum())
    if bad:
        raise ValueError(f"standard deviations must be positive, {bad} of {len(sd)} are not")
    return log_h((mean - best) / sd) + np.log(sd)


_LEAST_VARIANCE = 1e-12
"""Left of a candidate's variance at least when the objective at known rows is given."""


@dataclass(frozen=True, slots=True)
class LogExpectedImprovement:
    """Log expected improvement over the best posterior mean at known rows, in nats."""

    averaging: ClassVar[Averaging] = Averaging.LOGS
    pool_wide: ClassVar[bool] = False

    def __call__(self, outlook: Outlook) -> Float[Array, " c"]:
        return log_expected_improvement(outlook.posterior.mean, outlook.posterior.sd, outlook.best)


@dataclass(frozen=True, slots=True)
class LogProbabilityOfImprovement:
    """Log of the probability to beat the best posterior mean at known rows by a margin.

    Source: Kushner 1964.

    Attributes:
        margin: in units of the transformed objective, whose standard deviation is 1; with 0 the
            search stays close to the best.
    """

    margin: float = 0.01
    averaging: ClassVar[Averaging] = Averaging.LOGS
    pool_wide: ClassVar[bool] = False

    def __call__(self, outlook: Outlook) -> Float[Array, " c"]:
        posterior = outlook.posterior
        return log_cdf((posterior.mean - outlook.best - self.margin) / posterior.sd)


@dataclass(frozen=True, slots=True)
class LogNoisyExpectedImprovement:
    """Log of the expected improvement over what the best known row may really be worth, in nats.

    The noise-free objective at the known rows is drawn several times; the expected improvement of
    a candidate, given what was drawn, over the best of it is averaged over the draws. They are the
    same at every call, so that scores can be compared.
    Source: Letham et al. 2019, equation 3 (https://arxiv.org/abs/1706.07094).

    Attributes:
        draws: how many, an even number: each comes with its mirror image.

    Raises:
        ProblemError: if there are no draws, or an odd number.
    """

    draws: int = 32
    averaging: ClassVar[Averaging] = Averaging.LOGS
    pool_wide: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.draws < 2 or self.draws % 2:
            raise ProblemError(f"draws must be an even number from 2, got {self.draws}")

    def __call__(self, outlook: Outlook) -> Float[Array, " c"]:
        model, n = joint_model(outlook, self), count_rows(outlook.known)
        if n == 0:
            return LogExpectedImprovement()(outlook)
        together = model.joint(join_rows(outlook.known, outlook.candidates), observed=n)
        factor = cholesky(together.covariance[:n, :n])
        half = np.random.default_rng(n).standard_normal((self.draws // 2, n))
        white = np.concatenate([half, -half])  # [m n]
        known = together.mean[:n] + white @ factor.lower.T
        gain = factor.whiten(together.covariance[:n, n:])  # [n c]
        mean = together.mean[n:] + white @ gain  # [m c]
        prior = together.variance[n:]
        variance = np.maximum(
            prior - np.einsum("nc,nc->c", gain, gain), _LEAST_VARIANCE * np.maximum(prior, 1e-300)
        )
        sd = np.sqrt(variance)
        scores = log_h((mean - known.max(axis=1)[:, None]) / sd) + np.log(sd)
        return np.asarray(logsumexp(scores, axis=0)) - np.log(self.draws)
