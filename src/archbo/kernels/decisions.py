"""Kernels of decisions: options by their mismatch, numbers by their difference.

A block `name` [n D] of values comes with a block `name.active` [n D]: conditional decisions are
compared only where both rows made them. Two rows without the decision agree about it, and a row
that has it differs from one without it by a constant or nearly so; what an inactive decision's
value says never counts. Each distance stays that of points of a Euclidean space, which is why the
kernels stay positive semi-definite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Bool, Float
from archbo.kernels.base import Against, Exponential, Found, Radial
from archbo.kernels.blocks import Encoded, by_column, columns, squared_euclidean
from archbo.kernels.scales import scale_of

_SQRT5 = 5.0**0.5

_INACTIVE = -np.inf  # equals itself and no option


@dataclass(frozen=True)
class Hamming(Exponential):
    """exp(-sum_d theta_d [the rows differ in d] / scale_d), one hyperparameter a decision.

    To be inactive counts as one more option, so that rows of which one has the decision differ in
    it as much as by another option. The kernel is a product over the decisions of kernels with 1
    on equal and exp(-theta / scale) on different options.

    Attributes:
        block: name of the values; the options are compared for equality.
        scale: [D] the mean squared distance of each decision over the space.
    """

    block: str
    scale: tuple[float, ...]

    @classmethod
    def of(cls, block: str, sample: Encoded) -> Hamming:
        """Scaled to a sample of the space."""
        return cls(block, scale_of(cls(block, (1.0,) * sample[block].shape[1]), sample))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.block}.{d}" for d in range(len(self.scale)))

    def distances(self, a: Encoded, b: Encoded) -> Float[Array, "k n m"]:
        x = options_by_column(a, self.block, self.blocks)
        y = options_by_column(b, self.block, self.blocks)
        D = np.empty((self.blocks, x.shape[1], y.shape[1]))
        for d, scale in enumerate(self.scale):
            np.multiply(np.not_equal.outer(x[d], y[d]), 1 / scale, out=D[d])
        return D

    def squares(self, weights: Float[Array, " k"], known: Encoded) -> Against:
        # s = sum_d w_d - sum_d w_d [equal in d], and the latter is a product of one-hot rows
        w = weights / np.asarray(self.scale)
        x = options_by_column(known, self.block, self.blocks)
        ordered = np.sort(x, axis=1)
        first = np.ones(x.shape, dtype=bool)
        first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        column, option = np.nonzero(first)[0], ordered[first]
        hot = ((option == x[column].T) * w[column]).T  # [q n]

        def squares(others: Encoded, found: Found) -> Array:  # noqa: ARG001
            y = options_by_column(others, self.block, self.blocks)
            return w.sum() - (option == y[column].T).astype(float) @ hot

        return squares


@dataclass(frozen=True)
class Matern52(Radial):
    """Matérn 5/2 with one length scale a number: (1 + r + r²/3) exp(-r), r² = 5 sum_d theta_d D_d.

    Where both rows have the number, D is their squared difference over the scale. A row without it
    lies in the middle of the range, at a distance of the whole range in a direction of its own:
    D = ((x - 1/2)² + 1) / scale to a row that has it, 0 to another without it.

    Attributes:
        block: name of the values, on [0, 1].
        scale: [D] the mean squared distance of each number over the space.
    Source: Rasmussen and Williams 2006, equation 4.17, with r their sqrt(5) r / l.
    """

    block: str
    scale: tuple[float, ...]

    @classmethod
    def of(cls, block: str, sample: Encoded) -> Matern52:
        """Scaled to a sample of the space."""
        return cls(block, scale_of(cls(block, (1.0,) * sample[block].shape[1]), sample))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.block}.{d}" for d in range(len(self.scale)))

    def distances(self, a: Encoded, b: Encoded) -> Float[Array, "k n m"]:
        x, has_x = _numbers(a, self.block, self.blocks)
        y, has_y = _numbers(b, self.block, self.blocks)
        D = np.empty((self.blocks, x.shape[1], y.shape[1]))
        for d, scale in enumerate(self.scale):
            np.subtract.outer(x[d], y[d], out=D[d])
            D[d] *= D[d]
            D[d] += np.not_equal.outer(has_x[d], has_y[d])
            D[d] /= scale
        return D

    def squares(self, weights: Float[Array, " k"], known: Encoded) -> Against:
        # whether a row has the number is one more coordinate
        lengths = np.sqrt(weights / np.asarray(self.scale))

        def points(encoded: Encoded) -> Array:
            values, has = _numbers(encoded, self.block, self.blocks)
            return np.concatenate([values.T * lengths, has.T * lengths], axis=1)

        squares = squared_euclidean(points(known))
        return lambda others, _: squares(points(others))

    def profile(self, s: Float[Array, "n m"]) -> tuple[Array, Callable[[], Array]]:
        return matern52(s)


def matern52(s: Float[Array, "n m"]) -> tuple[Array, Callable[[], Array]]:
    """(1 + r + r²/3) exp(-r) with r² = 5 s, and a function that gives its derivative by s."""
    r = _SQRT5 * np.sqrt(s)
    decay = np.exp(-r)
    # dK/ds = dK/dr dr/ds = -(r / 3)(1 + r) exp(-r) * 5 / (2 r), finite where r = 0
    return (1 + r + r * r / 3) * decay, lambda: (-5 / 6) * (1 + r) * decay


def options_by_column(encoded: Encoded, block: str, count: int) -> Float[Array, "D n"]:
    """The options, an inactive decision being one more.

    Raises:
        ProblemError: if the block is missing or does not have so many columns.
    """
    values = columns(encoded, block, count)
    active = columns(encoded, f"{block}.active", count)
    return by_column(np.where(active, values, _INACTIVE))


def _numbers(
    encoded: Encoded, block: str, count: int
) -> tuple[Float[Array, "D n"], Bool[Array, "D n"]]:
    """The numbers, with the middle of the range where they are inactive; and their activity."""
    values = columns(encoded, block, count)
    active = columns(encoded, f"{block}.active", count)
    return by_column(np.where(active, values, 0.5)), by_column(active)
