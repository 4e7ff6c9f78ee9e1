"""The ratio of two densities: of the best observations, and of the others.

Source: Bergstra et al. 2011, section 4.1: the expected improvement rises with the ratio alone; as a
model of its own, Tiao et al. 2021 (https://arxiv.org/abs/2102.09009).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from archbo.arrays import Array, Float, Int, Rng
from archbo.errors import ProblemError
from archbo.kernels.blocks import Encoded
from archbo.surrogates.base import Posterior, Surrogate
from archbo.surrogates.density import Density, upper
from archbo.surrogates.observations import Observations, fitted, read, require

_LEAST_SLOPE = 1e-6
"""Of the mean over the log ratio: a larger ratio is always better."""

_LEAST_VARIANCE = 1e-4


@dataclass(frozen=True)
class DensityRatio:
    """Settings of a density ratio: a column that is 0 or 1 everywhere counts as two options.

    Its posterior has a mean that rises with the ratio and one variance everywhere, so that an
    acquisition that rises with the mean, such as the expected improvement, ranks by the ratio.

    Args:
        share: of the observations, so large a part counts as the best.
        joint: whether an observation is one kernel over all columns, which keeps what goes
            together; else each column has densities of its own.
        prior: counts as so many observations spread over all that could be.
        block: the block of the encoding that it reads, [n d] numbers.

    Raises:
        ProblemError: if a setting is out of its range.
    """

    share: float = 0.25
    joint: bool = False
    prior: float = 1.0
    block: str = "encoding"

    def __post_init__(self) -> None:
        require(self, positive=["prior"])
        if not 0 < self.share < 1:
            raise ProblemError(f"share must be in (0, 1), got {self.share}", path="DensityRatio")

    def fit(
        self,
        encoded: Encoded,
        z: Float[Array, " n"],
        *,
        repeats: Float[Array, " n"],
        rng: Rng,  # noqa: ARG002 - nothing is drawn
    ) -> Surrogate:
        """The densities of n observations; see `Learner.fit`."""
        return fitted(self._divide, read(encoded, self.block), z, repeats)

    def _divide(self, known: Observations) -> Ratio:
        low, high = known.X.min(axis=0), known.X.max(axis=0)
        binary = np.isin(known.X, (0.0, 1.0)).all(axis=0)
        low, span = np.where(binary, 0.0, low), np.where(binary | (high == low), 1.0, high - low)
        options = np.where(binary, 2, 0)
        unit, good = (known.X - low) / span, upper(known.z, self.share)

        def density(which: Array) -> Density:
            return Density.fit(
                unit[which],
                np.ones(unit[which].shape, dtype=bool),
                options,
                joint=self.joint,
                prior=self.prior,
                weights=known.repeats[which],
            )

        ratio = Ratio(density(good), density(~good), low, span, options, self.block)
        return ratio.calibrated(known)


@dataclass(frozen=True)
class Ratio:
    """Two fitted densities, and what their ratio says of the objective.

    Attributes:
        best, rest: the densities.
        low, span: [d] what turns columns into values on [0, 1].
        options: [d] 2 for a column of zeros and ones, 0 for a number.
        block: that it reads.
        level, slope: of the objective over the log ratio.
        variance: of the objective around that.
    """

    best: Density = field(repr=False)
    rest: Density = field(repr=False)
    low: Float[Array, " d"] = field(repr=False)
    span: Float[Array, " d"] = field(repr=False)
    options: Int[Array, " d"] = field(repr=False)
    block: str
    level: float = 0.0
    slope: float = 1.0
    variance: float = 1.0

    def log_ratio(self, X: Float[Array, "c d"]) -> Float[Array, " c"]:
        """Log of the density of the best over that of the rest, in nats."""
        unit = np.clip((X - self.low) / self.span, 0.0, 1.0)
        unit = np.where(self.options > 0, np.rint(unit), unit)  # what was 0 or 1 may be more here
        active = np.ones(X.shape, dtype=bool)
        return self.best.log_density(unit, active) - self.rest.log_density(unit, active)

    def calibrated(self, known: Observations) -> Ratio:
        """In units of the objective, by least squares over the observations."""
        x, weights = self.log_ratio(known.X), known.repeats / known.repeats.sum()
        x_mean, z_mean = weights @ x, weights @ known.z
        dx, dz = x - x_mean, known.z - z_mean
        spread = float(weights @ dx**2)
        slope = max(float(weights @ (dx * dz)) / spread if spread > 0 else 0.0, _LEAST_SLOPE)
        left = float(weights @ (dz - slope * dx) ** 2)
        return Ratio(
            self.best,
            self.rest,
            self.low,
            self.span,
            self.options,
            self.block,
            level=float(z_mean - slope * x_mean),
            slope=slope,
            variance=max(left, _LEAST_VARIANCE),
        )

    def predict(self, encoded: Encoded) -> Posterior:
        """A mean that rises with the ratio, and the same variance everywhere."""
        mean = self.level + self.slope * self.log_ratio(read(encoded, self.block))
        return Posterior(mean, np.full(len(mean), self.variance))
