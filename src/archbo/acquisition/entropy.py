"""Max-value entropy search: what a training would tell of how good the best candidate is.

Notation: c candidates, m values that the maximum may have.
    gamma  [m c]  (maximum - mean) / sd
Source: Wang and Jegelka 2017, equation 6 (https://arxiv.org/abs/1703.01968).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import logsumexp

from archbo.acquisition.base import Averaging, Outlook
from archbo.acquisition.normal import log_cdf, log_pdf
from archbo.arrays import Array, Float
from archbo.errors import ProblemError
from archbo.surrogates.base import Posterior

_HALVINGS = 60
"""Of the interval that holds a quantile of the maximum: to the last digit."""

_LOW, _HIGH = -30.0, 5.0
"""Between them the gain is computed as it stands; outside it cancels or underflows."""


@dataclass(frozen=True, slots=True)
class LogMaxValueEntropy:
    """Log of the information, in nats, that a noise-free value gives of the largest one.

    Attributes:
        values: how many values the maximum may have: quantiles of its distribution, in which the
            candidates count as independent.

    Raises:
        ProblemError: if there is none.
    """

    values: int = 16
    averaging: ClassVar[Averaging] = Averaging.LOGS
    pool_wide: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.values < 1:
            raise ProblemError(f"values must be at least 1, got {self.values}")

    def __call__(self, outlook: Outlook) -> Float[Array, " c"]:
        posterior = outlook.posterior
        levels = (np.arange(self.values) + 0.5) / self.values
        maximum = np.maximum(quantiles_of_maximum(posterior, levels), outlook.best)
        gamma = (maximum[:, None] - posterior.mean) / posterior.sd
        return np.asarray(logsumexp(log_gain(gamma), axis=0)) - np.log(self.values)


def quantiles_of_maximum(posterior: Posterior, levels: Float[Array, " m"]) -> Float[Array, " m"]:
    """Where the distribution function of the largest of independent normal values has levels.

    Args:
        posterior: of at least one row.
        levels: between 0 and 1, both excluded.
    """
    mean, sd = posterior.mean, posterior.sd
    low = np.full(len(levels), (mean - 40 * sd).max())
    high = np.full(len(levels), (mean + 40 * sd).max())
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        below = log_cdf((middle[:, None] - mean) / sd).sum(axis=1) < np.log(levels)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)


def log_gain(gamma: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Log of gamma phi(gamma) / (2 Phi(gamma)) - log Phi(gamma), finite from -1e8 to 1e8.

    It is how much the entropy of a standard normal falls when it is cut at gamma.
    """
    result = np.empty(gamma.shape)
    middle = (gamma > _LOW) & (gamma < _HIGH)
    x = gamma[middle]
    cdf = log_cdf(x)
    result[middle] = np.log(0.5 * x * np.exp(log_pdf(x) - cdf) - cdf)

    far = gamma >= _HIGH
    x = gamma[far]
    beyond = log_cdf(-x)  # -log Phi = Q + Q²/2 + …, where Q = Phi(-gamma)
    cut = np.log(0.5 * x) + log_pdf(x) - log_cdf(x)
    result[far] = np.logaddexp(cut, beyond + np.log1p(0.5 * np.exp(beyond)))

    below = gamma <= _LOW
    x = gamma[below]
    # the asymptotic series of Phi: the terms in gamma² cancel
    result[below] = np.log(np.log(-x) + 0.5 * np.log(2 * np.pi) - 0.5 + 2 / (x * x))
    return result
