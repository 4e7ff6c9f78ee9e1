"""Kernel of multisets of labels, such as Weisfeiler-Lehman colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from archbo.arrays import Array, Float, Int, UInt64
from archbo.kernels.base import Exponential
from archbo.kernels.blocks import Encoded, columns
from archbo.kernels.scales import scale_of

_PADDING = 0


@dataclass(frozen=True)
class HistogramRBF(Exponential):
    """exp(-theta |count vector - count vector|² / scale), one hyperparameter.

    A row is a multiset of labels (unsigned 64-bit, 0 is padding). Several named multisets are
    compared as their union; for a hyperparameter each, multiply kernels.

    Attributes:
        multisets: names of the blocks [n w]; their widths may differ.
        scale: one number, the mean squared distance over the space.
    """

    multisets: tuple[str, ...]
    scale: tuple[float, ...] = (1.0,)

    @classmethod
    def of(cls, multisets: tuple[str, ...], sample: Encoded) -> HistogramRBF:
        """Scaled to a sample of the space."""
        return cls(multisets, scale_of(cls(multisets), sample))

    @property
    def names(self) -> tuple[str, ...]:
        return ("+".join(self.multisets),)

    def distances(self, a: Encoded, b: Encoded) -> Float[Array, "1 n m"]:
        D = squared_distances(union(a, self.multisets), union(b, self.multisets))
        D /= self.scale[0]
        return D[None]


def union(encoded: Encoded, multisets: Sequence[str]) -> UInt64[Array, "n w"]:
    """Several multisets of each row as one."""
    return np.concatenate([columns(encoded, name) for name in multisets], axis=1)


def squared_distances(a: UInt64[Array, "n v"], b: UInt64[Array, "m w"]) -> Float[Array, "n m"]:
    """Squared Euclidean distance |x|² + |y|² - 2 x'y between the counts of multisets; exact."""
    dot, norm_a, norm_b = products(a, b)
    D = np.add.outer(norm_a, norm_b)
    D -= 2 * dot
    return D


def products(
    a: UInt64[Array, "n v"], b: UInt64[Array, "m w"]
) -> tuple[Float[Array, "n m"], Float[Array, " n"], Float[Array, " m"]]:
    """The x'y of the counts of multisets, and their |x|² and |y|²; exact.

    Only labels that occur in `a` matter for x'y: the cost grows with n times the labels of `b`, not
    with the number of different labels.
    """
    row_a, label_a, count_a = _runs(a)
    row_b, label_b, count_b = _runs(b)
    n, m = len(a), len(b)
    norm_a = np.bincount(row_a, count_a**2, minlength=n).astype(float)  # int if empty
    norm_b = np.bincount(row_b, count_b**2, minlength=m).astype(float)
    vocabulary, place_a = np.unique(label_a, return_inverse=True)
    if len(vocabulary) == 0:
        return np.zeros((n, m)), norm_a, norm_b
    place_b = np.minimum(np.searchsorted(vocabulary, label_b), len(vocabulary) - 1)
    known = vocabulary[place_b] == label_b
    dense = np.zeros((len(vocabulary), n))
    dense[place_a, row_a] = count_a
    size = (m, len(vocabulary))
    sparse = csr_array((count_b[known], (row_b[known], place_b[known])), shape=size)
    return np.ascontiguousarray((sparse @ dense).T), norm_a, norm_b


def _runs(
    multisets: UInt64[Array, "n w"],
) -> tuple[Int[Array, " r"], UInt64[Array, " r"], Float[Array, " r"]]:
    """Each different label of each row: its row, the label, and how often it occurs there."""
    n, w = multisets.shape
    ordered = np.sort(multisets, axis=1)
    starts = np.ones((n, w), dtype=bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    at = np.flatnonzero(starts)
    count = np.diff(at, append=n * w).astype(float)
    label = ordered.reshape(-1)[at]
    real = label != _PADDING
    return at[real] // max(1, w), label[real], count[real]
