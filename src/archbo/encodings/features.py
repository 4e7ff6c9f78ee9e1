"""The feature view as arrays: a few standardised numbers known before training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float
from archbo.graphs.batch import GraphBatch
from archbo.graphs.statistics import statistics
from archbo.graphs.views import SHAPE

_RATIO = 10.0
"""Positive numbers that span more than this ratio are compared by their logarithm."""


def graph_features(graphs: Mapping[str, GraphBatch]) -> list[Float[Array, " n"]]:
    """Size, depth and number of paths of each cell or chain, a column each."""
    columns = []
    for batch in graphs.values():
        found = statistics(batch, {})
        columns += [found[name] for name in SHAPE]
    return columns


@dataclass(frozen=True, slots=True)
class Standardiser:
    """Scales columns to mean 0 and standard deviation 1 over a reference sample.

    Attributes:
        kept: the columns that vary at all.
        logged: of those, which are compared by their logarithm.
        mean, sd: of the kept columns over the reference sample.
    """

    kept: Array
    logged: Array
    mean: Array
    sd: Array

    @classmethod
    def fit(cls, reference: Float[Array, "n f"]) -> Standardiser:
        """From a sample; columns that are constant or not finite in it are dropped."""
        finite = np.isfinite(reference).all(axis=0)
        filled = np.where(finite, reference, 0.0)
        low, high = filled.min(axis=0), filled.max(axis=0)
        kept = np.flatnonzero(finite & (high > low))
        low, high = low[kept], high[kept]
        logged = (low > 0) & (high > _RATIO * low)
        scaled = _logged(filled[:, kept], logged)
        mean, sd = scaled.mean(axis=0), scaled.std(axis=0)
        good = sd > 0
        return cls(kept[good], logged[good], mean[good], sd[good])

    def __call__(self, values: Float[Array, "n f"]) -> Float[Array, "n k"]:
        """The kept columns, standardised; what is not finite counts as average."""
        scaled = (_logged(values[:, self.kept], self.logged) - self.mean) / self.sd
        return np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0)


def _logged(values: Array, logged: Array) -> Array:
    positive = np.maximum(values, np.finfo(float).tiny)
    return np.where(logged, np.log(positive), values)
