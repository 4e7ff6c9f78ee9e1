"""A continuous projection of decisions and colour counts onto a few dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float
from archbo.encodings.base import Encode
from archbo.encodings.columns import require_positive, rounded
from archbo.encodings.flat import Counts, Joined, OneHot, Statistics
from archbo.spaces import CompiledSpace, Rows


@dataclass(frozen=True)
class Projection:
    """The principal components of one-hot decisions, colour counts and statistics of the graphs.

    The components are those of the reference sample; each keeps its share of the variance.

    Args:
        dimensions: at most so many.
        rounds: of refinement.
        name: of its block.

    Raises:
        ProblemError: if dimensions is not positive or rounds is negative.
    """

    dimensions: int = 32
    rounds: int = 1
    name: str = "projection"

    def __post_init__(self) -> None:
        require_positive("dimensions", self.dimensions)
        _ = self._columns

    @property
    def _columns(self) -> Joined:
        return Joined(OneHot(), Counts(self.rounds), Statistics())

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        encode = self._columns.prepare(space, reference)
        found = encode(reference)
        center, axes = principal_axes(found, self.dimensions)
        return lambda rows: rounded((encode(rows) - center) @ axes)


def principal_axes(
    columns: Float[Array, "n d"], most: int
) -> tuple[Float[Array, " d"], Float[Array, "d k"]]:
    """The mean of some rows, and the directions in which they vary most, the widest first.

    The largest entry of a direction is positive, so that it is the same wherever it is computed.
    """
    center = columns.mean(axis=0)
    _, _, found = np.linalg.svd(columns - center, full_matrices=False)
    axes = found[:most].T
    largest = np.abs(axes).argmax(axis=0)
    return center, axes * np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1.0, 1.0)
