"""Scales of distances: what makes a block's mean over random rows of a space 1."""

from __future__ import annotations

import numpy as np

from archbo.arrays import Array, Float
from archbo.errors import ProblemError
from archbo.kernels.base import Kernel, Radial
from archbo.kernels.blocks import Encoded, count_rows, rows

_CHUNK = 64  # rows of a sample compared at once: bounds the memory of a large one


def mean_distance(kernel: Kernel, sample: Encoded) -> Float[Array, " k"]:
    """The mean of each block's distance over all pairs of different rows of a sample.

    Raises:
        ProblemError: if the kernel is composite: it has no blocks of its own.
    """
    n = count_rows(sample)
    total: Array | float = 0.0
    for start in range(0, n, _CHUNK):
        D = kernel.distances(rows(sample, slice(start, start + _CHUNK)), sample)
        if isinstance(D, tuple):
            raise ProblemError(f"{type(kernel).__name__} has no blocks of its own, its parts have")
        total = total + D.sum(axis=(1, 2))
    return np.broadcast_to(total, kernel.blocks) / max(1, n * (n - 1))


def scale_of(kernel: Radial, sample: Encoded) -> tuple[float, ...]:
    """The scale that makes the mean of each block's distance over a sample 1.

    A block that is constant in the sample keeps its scale.
    """
    means = mean_distance(kernel, sample)
    return tuple(float(s * d) if d > 0 else s for s, d in zip(kernel.scale, means, strict=True))
