"""Kernel of multisets of labels, such as Weisfeiler-Lehman colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.sparse import csr_array

from archbo.arrays import Array, Float, Int, UInt64
from archbo.kernels.base import Against, Exponential, Found
from archbo.kernels.blocks import Encoded, columns
from archbo.kernels.scales import scale_of

_PADDING = 0

_Runs: TypeAlias = tuple[Int[Array, " r"], UInt64[Array, " r"], Float[Array, " r"]]


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

    def squares(self, weights: Float[Array, " k"], known: Encoded) -> Against:
        weight, counted = weights[0] / self.scale[0], counted_products(union(known, self.multisets))

        def squares(others: Encoded, found: Found) -> Array:
            key = self, id(known)
            if key not in found:
                if (self, 0) not in found:  # whatever rows are known
                    found[self, 0] = _runs(union(others, self.multisets))
                dot, norm_a, norm_b = counted(len(next(iter(others.values()))), found[self, 0])
                D = np.add.outer(norm_b, norm_a)
                D -= 2 * dot
                found[key] = D
            return weight * found[key]

        return squares


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

    The cost grows with n times the labels of `b`, not with the number of different labels.
    """
    dot, norm_a, norm_b = counted_products(a)(len(b), _runs(b))
    return np.ascontiguousarray(dot.T), norm_a, norm_b


def counted_products(
    known: UInt64[Array, "n v"],
) -> Callable[[int, _Runs], tuple[Array, Array, Array]]:
    """What gives the x'y of the counts of m multisets with these, [m n]; |x|² and their |y|².

    It is called with m and the runs of the multisets. Only labels that occur in the known ones
    matter for x'y.
    """
    n = len(known)
    row, label, count = _runs(known)
    norm = np.bincount(row, count**2, minlength=n).astype(float)  # int if empty
    vocabulary, place = np.unique(label, return_inverse=True)
    dense = np.zeros((len(vocabulary), n))
    dense[place, row] = count

    def products(m: int, others: _Runs) -> tuple[Array, Array, Array]:
        row, label, count = others
        norm_b = np.bincount(row, count**2, minlength=m).astype(float)
        if len(vocabulary) == 0:
            return np.zeros((m, n)), norm, norm_b
        place = np.minimum(np.searchsorted(vocabulary, label), len(vocabulary) - 1)
        shared = vocabulary[place] == label
        starts = np.concatenate([[0], np.cumsum(np.bincount(row[shared], minlength=m))])
        sparse = csr_array((count[shared], place[shared], starts), shape=(m, len(vocabulary)))
        return sparse @ dense, norm, norm_b

    return products


def _runs(multisets: UInt64[Array, "n w"]) -> _Runs:
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
