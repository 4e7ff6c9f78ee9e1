"""Expected improvement over an incumbent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from archbo.acquisition.base import Averaging, Outlook
from archbo.acquisition.normal import log_h
from archbo.arrays import Array, Float


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


@dataclass(frozen=True, slots=True)
class LogExpectedImprovement:
    """Log expected improvement over the best posterior mean at known rows, in nats."""

    averaging: ClassVar[Averaging] = Averaging.LOGS
    pool_wide: ClassVar[bool] = False

    def __call__(self, outlook: Outlook) -> Float[Array, " c"]:
        return log_expected_improvement(outlook.posterior.mean, outlook.posterior.sd, outlook.best)
