"""What a surrogate gives: posteriors, and what it can do beyond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from archbo.arrays import Array, Float, Rng
from archbo.kernels.blocks import Encoded
from archbo.surrogates.linalg import cholesky


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of the noise-free objective at c rows, each by itself.

    Attributes:
        mean, variance: [c]; the variance is positive.
    """

    mean: Float[Array, " c"]
    variance: Float[Array, " c"]

    @property
    def sd(self) -> Float[Array, " c"]:
        """The standard deviation."""
        return np.sqrt(self.variance)


@dataclass(frozen=True, slots=True)
class JointPosterior:
    """What is believed of the noise-free objective at c rows together: a normal distribution.

    Attributes:
        mean: [c].
        covariance: [c c].
    """

    mean: Float[Array, " c"]
    covariance: Float[Array, "c c"]

    @property
    def variance(self) -> Float[Array, " c"]:
        """The diagonal of the covariance."""
        return self.covariance.diagonal()

    @property
    def sd(self) -> Float[Array, " c"]:
        """The standard deviation."""
        return np.sqrt(self.variance)

    def sample(self, rng: Rng, m: int) -> Float[Array, "m c"]:
        """Draws of all rows together.

        Raises:
            NumericalError: if the covariance is not positive semi-definite.
        """
        L = cholesky(self.covariance).lower
        return self.mean + rng.standard_normal((m, len(self.mean))) @ L.T


@runtime_checkable
class Surrogate(Protocol):
    """A fitted model of the objective."""

    def predict(self, encoded: Encoded) -> Posterior:
        """The posterior of each row by itself."""
        ...


@runtime_checkable
class SupportsJoint(Surrogate, Protocol):
    """A surrogate that knows how rows vary together."""

    @property
    def noise(self) -> float:
        """The variance of a single measurement around the noise-free objective."""
        ...

    def joint(self, encoded: Encoded, *, observed: int = 0) -> JointPosterior:
        """The posterior of all rows together; the first `observed` rows are those it has seen."""
        ...


@runtime_checkable
class SupportsSampling(Surrogate, Protocol):
    """A surrogate whose functions can be drawn at given rows."""

    def sample(self, encoded: Encoded, rng: Rng, m: int) -> Float[Array, "m c"]:
        """Draws of the noise-free objective at all rows together."""
        ...


@runtime_checkable
class SupportsFantasies(Surrogate, Protocol):
    """A surrogate that can be told more without being fitted again."""

    def condition_on(self, encoded: Encoded, z: Float[Array, " q"]) -> SupportsFantasies:
        """Another surrogate, which knows these observations too."""
        ...


@runtime_checkable
class Learner(Protocol):
    """The settings of a surrogate that is fitted anew to each dataset: a frozen dataclass."""

    @property
    def block(self) -> str:
        """The block of an encoding that it reads."""
        ...

    def fit(
        self,
        encoded: Encoded,
        z: Float[Array, " n"],
        *,
        repeats: Float[Array, " n"],
        rng: Rng,
    ) -> Surrogate:
        """The surrogate after n observations; a function of the arguments alone.

        Args:
            encoded: the observed rows.
            z: what was observed, standardised, larger is better.
            repeats: how many measurements each z is the mean of.
            rng: for what is drawn.

        Raises:
            NumericalError: if z is not finite.
        """
        ...
