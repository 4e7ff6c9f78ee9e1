"""Priors of positive hyperparameters, as densities of their logarithms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Independent log-normal priors.

    Attributes:
        mean, sd: [p] of the logarithms.
    """

    mean: Float[Array, " p"]
    sd: Float[Array, " p"]

    def log_density(self, theta: Float[Array, " p"]) -> float:
        """Log density of the logarithms theta, in nats."""
        u = (theta - self.mean) / self.sd
        return float(-0.5 * u @ u - np.log(self.sd).sum() - 0.5 * len(u) * np.log(2 * np.pi))

    def log_ratio(self, theta: Float[Array, " p"]) -> float:
        """Log of the density at theta over its largest, in nats."""
        u = (theta - self.mean) / self.sd
        return float(-0.5 * u @ u)

    def slope(self, theta: Float[Array, " p"]) -> Float[Array, " p"]:
        """Gradient of `log_density`."""
        return (self.mean - theta) / self.sd**2

    @staticmethod
    def join(parts: list[LogNormal]) -> LogNormal:
        """The priors of several parts one after another."""
        return LogNormal(
            np.concatenate([part.mean for part in parts]),
            np.concatenate([part.sd for part in parts]),
        )
