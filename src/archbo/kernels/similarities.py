"""Kernels of multisets that have no hyperparameters: shares of what two multisets have in common.

A row is a multiset of labels (unsigned 64-bit, 0 is padding). Several named multisets are compared
as their union. Each kernel is 1 between equal multisets, and 1 between two empty ones; between an
empty one and another it is 0. They need an amplitude, as `structure` gives it.

Notation: n, m rows; x, y the counts of their labels.
    common  [n m]  sum over the labels of min(x, y)
    size    [n]    sum of x
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float, UInt64
from archbo.kernels.base import Kernel, Pull
from archbo.kernels.blocks import Distances, Encoded
from archbo.kernels.histograms import products, union
from archbo.kernels.priors import LogNormal

_PADDING = np.uint64(0)
_NEXT = np.uint64(0x9E3779B97F4A7C15)


class Similarity(Kernel):
    """A kernel whose distances are its covariances already."""

    @abstractmethod
    def similarity(self, a: Encoded, b: Encoded) -> Float[Array, "n m"]:
        """The covariance of rows; 1 of a row with itself."""

    @property
    def names(self) -> tuple[str, ...]:
        return ()

    @property
    def blocks(self) -> int:
        return 1

    def prior_within(self, *, beside: int, terms: int) -> LogNormal:  # noqa: ARG002
        return LogNormal(np.zeros(0), np.zeros(0))

    def distances(self, a: Encoded, b: Encoded) -> Float[Array, "1 n m"]:
        return self.similarity(a, b)[None]

    def evaluate(self, theta: Float[Array, " p"], distances: Distances) -> tuple[Array, Pull]:  # noqa: ARG002
        return np.asarray(distances)[0], lambda _: np.zeros(0)

    def diagonal(self, theta: Float[Array, " p"], n: int) -> Float[Array, " n"]:  # noqa: ARG002
        return np.ones(n)


@dataclass(frozen=True)
class HistogramMinMax(Similarity):
    """sum min(x, y) / sum max(x, y): what two multisets share of their union.

    Attributes:
        multisets: names of the blocks [n w].
    Source: Ralaivola et al. 2005, definition 4, there for counts of paths in molecules.
    """

    multisets: tuple[str, ...]

    def similarity(self, a: Encoded, b: Encoded) -> Float[Array, "n m"]:
        common, size_a, size_b = intersections(union(a, self.multisets), union(b, self.multisets))
        return _ratio(common, np.add.outer(size_a, size_b) - common, size_a, size_b)


@dataclass(frozen=True)
class HistogramLinear(Similarity):
    """x'y / (|x| |y|): the cosine between the counts.

    On the colours of refinement it is the Weisfeiler-Lehman subtree kernel, on shortest paths the
    shortest-path kernel, both normalised.

    Attributes:
        multisets: names of the blocks [n w].
    Source: Shervashidze et al. 2011, section 3.2; Borgwardt and Kriegel 2005.
    """

    multisets: tuple[str, ...]

    def similarity(self, a: Encoded, b: Encoded) -> Float[Array, "n m"]:
        dot, square_a, square_b = products(union(a, self.multisets), union(b, self.multisets))
        roots = np.sqrt(np.multiply.outer(square_a, square_b))
        return _ratio(dot, roots, square_a, square_b)


@dataclass(frozen=True)
class OptimalAssignment(Similarity):
    """The best matching of the vertices of two graphs, where two are worth the rounds they agree.

    That is sum min(x, y) over the colours of all rounds, since colours that agree after a round
    agreed before it; divided by the root of the product of that of each graph with itself.

    Attributes:
        multisets: names of the blocks [n v], one for each round from the first: "wl0", "wl1", ….
    Source: Kriege et al. 2016, theorem 2 and section 4.
    """

    multisets: tuple[str, ...]

    def similarity(self, a: Encoded, b: Encoded) -> Float[Array, "n m"]:
        common, size_a, size_b = intersections(union(a, self.multisets), union(b, self.multisets))
        return _ratio(common, np.sqrt(np.multiply.outer(size_a, size_b)), size_a, size_b)


def intersections(
    a: UInt64[Array, "n v"], b: UInt64[Array, "m w"]
) -> tuple[Float[Array, "n m"], Float[Array, " n"], Float[Array, " m"]]:
    """The sum over the labels of min(x, y), and the sizes of the multisets; exact.

    With a label of its own for the first, second, … time that a label occurs, all counts are 0 or 1
    and what two multisets share is a product.
    """
    return products(_numbered(a), _numbered(b))


def _numbered(multisets: UInt64[Array, "n w"]) -> UInt64[Array, "n w"]:
    """Other labels, which occur once: of each label's first, second, … occurrence."""
    ordered = np.sort(multisets, axis=1)
    w = ordered.shape[1]
    starts = np.ones(ordered.shape, dtype=bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.maximum.accumulate(np.where(starts, np.arange(w), 0), axis=1)
    times = (np.arange(w) - first).astype(np.uint64)
    return np.where(ordered == _PADDING, _PADDING, ordered + times * _NEXT)


def _ratio(
    part: Float[Array, "n m"],
    whole: Float[Array, "n m"],
    size_a: Float[Array, " n"],
    size_b: Float[Array, " m"],
) -> Float[Array, "n m"]:
    """The part by the whole; where one multiset is empty 0, where both are 1."""
    both_empty = np.logical_and.outer(size_a == 0, size_b == 0)
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), both_empty)
