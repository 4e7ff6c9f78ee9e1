"""Expected improvement over an incumbent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbo.acquisition.normal import log_h
from archbo.arrays import Array, Float
from archbo.surrogates.base import Posterior


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
    """Log expected improvement over a fixed value.

    Attributes:
        best: what is to be improved on, in units of the transformed objective.
    """

    best: float

    def __call__(self, posterior: Posterior) -> Float[Array, " c"]:
        """The score of each row, in nats."""
        return log_expected_improvement(posterior.mean, posterior.sd, self.best)
