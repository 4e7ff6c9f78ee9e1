"""Kernel of features: numbers known before training, standardised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float
from archbo.kernels.base import Against, Exponential
from archbo.kernels.blocks import Encoded, by_column, columns, squared_euclidean
from archbo.kernels.scales import scale_of


@dataclass(frozen=True)
class RBF(Exponential):
    """exp(-sum_d theta_d (x_d - y_d)² / scale_d), one hyperparameter a feature.

    In the usual notation the length scale l_d is (scale_d / (2 theta_d))^(1/2).

    Attributes:
        block: name of the features [n d].
        scale: [d] the mean squared distance of each feature over the space.
    """

    block: str
    scale: tuple[float, ...]

    @classmethod
    def of(cls, block: str, sample: Encoded) -> RBF:
        """Scaled to a sample of the space."""
        return cls(block, scale_of(cls(block, (1.0,) * sample[block].shape[1]), sample))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.block}.{d}" for d in range(len(self.scale)))

    def distances(self, a: Encoded, b: Encoded) -> Float[Array, "k n m"]:
        unit = np.asarray(self.scale) ** -0.5
        x = by_column(columns(a, self.block, self.blocks) * unit)
        y = by_column(columns(b, self.block, self.blocks) * unit)
        D = np.empty((self.blocks, x.shape[1], y.shape[1]))
        for d in range(self.blocks):
            np.subtract.outer(x[d], y[d], out=D[d])
            D[d] *= D[d]
        return D

    def squares(self, weights: Float[Array, " k"], known: Encoded) -> Against:
        lengths = np.sqrt(weights / np.asarray(self.scale))
        squares = squared_euclidean(columns(known, self.block, self.blocks) * lengths)
        return lambda others, _: squares(columns(others, self.block, self.blocks) * lengths)
