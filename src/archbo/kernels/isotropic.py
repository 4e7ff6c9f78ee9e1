"""Kernels of a whole block of columns with one length scale, for continuous encodings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float
from archbo.kernels.base import Exponential, Radial
from archbo.kernels.blocks import Encoded, columns
from archbo.kernels.decisions import matern52
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
        return _squared(columns(a, self.block), columns(b, self.block)) / self.scale[0]


@dataclass(frozen=True)
class IsotropicMatern52(Radial):
    """Matérn 5/2 with one length scale: (1 + r + r²/3) exp(-r), r² = 5 theta |x - y|² / scale.

    Attributes:
        block: name of the block [n d].
        scale: one number, the mean squared distance over the space.
    Source: Rasmussen and Williams 2006, equation 4.17, with r their sqrt(5) r / l.
    """

    block: str
    scale: tuple[float, ...] = (1.0,)

    @classmethod
    def of(cls, block: str, sample: Encoded) -> IsotropicMatern52:
        """Scaled to a sample of the space."""
        return cls(block, scale_of(cls(block), sample))

    @property
    def names(self) -> tuple[str, ...]:
        return (self.block,)

    def distances(self, a: Encoded, b: Encoded) -> Float[Array, "1 n m"]:
        return _squared(columns(a, self.block), columns(b, self.block)) / self.scale[0]

    def profile(self, s: Float[Array, "n m"]) -> tuple[Array, Callable[[], Array]]:
        return matern52(s)


def _squared(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "1 n m"]:
    D = np.add.outer((x * x).sum(axis=1), (y * y).sum(axis=1))
    D -= 2 * (x @ y.T)
    return np.maximum(D, 0.0)[None]  # differences of rounding may fall below 0
