"""Kernel of a whole block of columns with one length scale, for continuous encodings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float
from archbo.kernels.base import Exponential
from archbo.kernels.blocks import Encoded, columns
from archbo.kernels.scales import scale_of


@dataclass(frozen=True)
class Isotropic(Exponential):
    """exp(-theta |x - y|² / scale), one hyperparameter however many columns there are.

    Attributes:
        block: name of the block [n d].
        scale: one number, the mean squared distance over the space.
    """

    block: str
    scale: tuple[float, ...] = (1.0,)

    @classmethod
    def of(cls, block: str, sample: Encoded) -> Isotropic:
        """Scaled to a sample of the space."""
        return cls(block, scale_of(cls(block), sample))

    @property
    def names(self) -> tuple[str, ...]:
        return (self.block,)

    def distances(self, a: Encoded, b: Encoded) -> Float[Array, "1 n m"]:
        x, y = columns(a, self.block), columns(b, self.block)
        D = np.add.outer((x * x).sum(axis=1), (y * y).sum(axis=1))
        D -= 2 * (x @ y.T)
        D /= self.scale[0]
        return np.maximum(D, 0.0)[None]  # differences of rounding may fall below 0
