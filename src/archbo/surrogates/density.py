"""Densities of decisions: kernels around observed ones, over a uniform prior.

Notation: n observations, c candidates, k = n + 1 components, the last of them the uniform prior,
D decisions, m draws.
    values   [n D]  the position of an option, or a number on [0, 1]
    active   [n D]  whether the decision is taken; what stands elsewhere does not matter
    options  [D]    how many options the decision has; 0 for a number
The density of a row is that of its active decisions.
Source: Bergstra et al. 2011, section 4; joint kernels as Falkner et al. 2018, section 3.2; the
least bandwidth as Watanabe 2023 (https://arxiv.org/abs/2304.11127), section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri

from archbo.arrays import Array, Bool, Float, Int, Rng
from archbo.errors import ProblemError

_SHARPEST = 100
"""A kernel around a number is at least 1 / (1 + n) wide, and 1 / _SHARPEST from so many on."""

_ROOT_2PI = float(np.sqrt(2 * np.pi))


@dataclass(frozen=True)
class Density:
    """A mixture of kernels. Make one by `Density.fit`.

    Attributes:
        values, active, options: of the observations; see the module's notation.
        joint: whether an observation is one kernel over all decisions, which keeps what goes
            together; else each decision has a mixture of its own.
        weights: [k D] of the components; columns add up to 1, and are equal if joint.
        blur: [D] the sd of the kernel of a number; for options, the part of it that is spread
            evenly over all of them.
    """

    values: Float[Array, "n D"] = field(repr=False)
    active: Bool[Array, "n D"] = field(repr=False)
    options: Int[Array, " D"]
    joint: bool
    weights: Float[Array, "k D"] = field(repr=False)
    blur: Float[Array, " D"]

    @classmethod
    def fit(
        cls,
        values: Float[Array, "n D"],
        active: Bool[Array, "n D"],
        options: Int[Array, " D"],
        *,
        joint: bool = False,
        prior: float = 1.0,
        weights: Float[Array, " n"] | None = None,
    ) -> Density:
        """The density after n observations; without any it is uniform.

        A decision of K options has the probabilities (count + prior) / (n + K prior), unless joint.

        Args:
            values: of the observations, positions of options and numbers on [0, 1].
            active: which of them are taken.
            options: how many options each decision has; 0 for a number.
            joint: whether an observation is one kernel over all decisions.
            prior: counts as so many observations of each option, or spread over all numbers.
            weights: how many observations each one counts for; 1 each if None.

        Raises:
            ProblemError: if the prior is not positive.
        """
        if not prior > 0:
            raise ProblemError(f"prior must be positive, got {prior}")
        n, D = values.shape
        given = np.ones(n) if weights is None else weights
        own = given[:, None] * active  # [n D]
        count = own.sum(axis=0)
        if joint:
            mixed = np.repeat(np.append(given, prior)[:, None], D, axis=1)
        else:
            # options have their prior in each kernel
            mixed = np.vstack([own, np.where((options > 0) & (count > 0), 0.0, prior)])
        spread = prior * np.maximum(options, 1)
        blur = np.where(
            options > 0,
            spread / (count + spread),
            _bandwidths(values, own, dimension=D if joint else 1),
        )
        return cls(values, active, options, joint, mixed / mixed.sum(axis=0), blur)

    def log_density(
        self, values: Float[Array, "c D"], active: Bool[Array, "c D"]
    ) -> Float[Array, " c"]:
        """The log of the density at c rows, by the uniform measure on each decision."""
        columns = range(len(self.options))
        if not self.joint:
            found = np.zeros(len(values))
            for d in columns:
                x, options = values[:, d], int(self.options[d])
                if options:  # one look at each of a few options
                    log = self._log_mixture(d, np.arange(float(options)))[x.astype(int)]
                else:
                    log = self._log_mixture(d, x)
                found += np.where(active[:, d], log, 0.0)
            return found
        logs = np.zeros((len(values), len(self.values) + 1))
        for d in columns:
            logs += np.where(active[:, d, None], np.log(self._kernels(d, values[:, d])), 0.0)
        weights = self.weights[:, 0] if len(self.options) else np.ones(logs.shape[1])
        return logsumexp(logs, b=weights, axis=1)

    def sample(self, rng: Rng, m: int) -> Float[Array, "m D"]:
        """Draws of all decisions, as though each were active."""
        n, D = self.values.shape
        pick = rng.random((m, 1 if self.joint else D))
        edges = self.weights.cumsum(axis=0)[:-1]
        component = np.stack(
            [np.searchsorted(edges[:, d], pick[:, d % pick.shape[1]], "right") for d in range(D)],
            axis=1,
        ).reshape(m, D)
        uniform, within = rng.random((2, m, D))
        column = np.arange(D)
        known = component < n
        place = np.minimum(component, n - 1)
        if n:
            known &= self.active[place, column]
        centre = self.values[place, column] if n else np.zeros((m, D))
        blur = np.where(known, self.blur, 1.0)
        options = np.floor(uniform * self.options)
        chosen = np.where(known & (within >= blur), centre, options)
        low, high = ndtr(-centre / blur), ndtr((1 - centre) / blur)
        number = centre + blur * ndtri(low + uniform * (high - low))
        number = np.where(known, np.clip(number, 0.0, 1.0), uniform)
        return np.where(self.options > 0, chosen, number)

    def _log_mixture(self, d: int, x: Float[Array, " c"]) -> Float[Array, " c"]:
        """Log of one decision's own density."""
        return np.log(self._kernels(d, x) @ self.weights[:, d])

    def _kernels(self, d: int, x: Float[Array, " c"]) -> Float[Array, "c k"]:
        """Each component's density of one decision, where 1 is the uniform density."""
        found = np.ones((len(x), len(self.values) + 1))
        centre, blur, options = self.values[:, d], self.blur[d], self.options[d]
        if options > 0:
            kernel = options * (1 - blur) * (x[:, None] == centre) + blur
        else:
            t = (x[:, None] - centre) / blur
            inside = ndtr((1 - centre) / blur) - ndtr(-centre / blur)
            kernel = np.exp(-0.5 * t * t) / (_ROOT_2PI * blur * inside)
        found[:, :-1] = np.where(self.active[:, d], kernel, 1.0)
        # where a number is so many bandwidths away that the density underflows, it may be 0 for all
        return np.maximum(found, np.finfo(float).tiny)


def upper(z: Float[Array, " n"], share: float) -> Bool[Array, " n"]:
    """Which observations are among the best share, at least one; ties are all in or all out.

    >>> upper(np.array([0.3, 0.9, 0.1, 0.5]), 0.5).tolist()
    [False, True, False, True]
    """
    count = max(1, int(np.ceil(share * len(z))))
    return z >= np.sort(z)[-count:].min(initial=np.inf)


def _bandwidths(
    values: Float[Array, "n D"], weights: Float[Array, "n D"], *, dimension: int
) -> Float[Array, " D"]:
    """Scott's rule for each column, sd n^(-1 / (dimension + 4)), within bounds."""
    count = weights.sum(axis=0)
    shares = weights / np.where(count > 0, count, 1.0)
    mean = (shares * values).sum(axis=0)
    sd = np.sqrt((shares * (values - mean) ** 2).sum(axis=0))
    effective = 1 / np.maximum((shares**2).sum(axis=0), 1 / max(1, len(values)))
    least = 1 / np.minimum(_SHARPEST, 1 + effective)
    return np.clip(sd * effective ** (-1 / (dimension + 4)), least, 1.0)
