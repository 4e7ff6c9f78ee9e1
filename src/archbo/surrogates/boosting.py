"""Gradient boosting of trees on quantiles. Needs scikit-learn.

Source: Friedman 2001, algorithm 3, with the loss of Koenker and Bassett 1978.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from archbo.arrays import Array, Float, Rng
from archbo.kernels.blocks import Encoded
from archbo.surrogates.base import Posterior, Surrogate
from archbo.surrogates.observations import (
    Observations,
    fitted,
    read,
    require,
    require_library,
)

_QUANTILES = (0.16, 0.84)
"""Of a normal distribution these are one standard deviation below and above the mean."""

_FEWER, _LARGER = 3, 4  # see the arguments `trees` and `leaf`


@dataclass(frozen=True)
class GradientBoosting:
    """Settings of gradient boosting: the mean by squared error, the sd from two quantiles.

    Args:
        trees: how many for the mean. Quantiles have a third: with more they follow the noise, and
            come too close to each other.
        depth: of a tree, at most.
        rate: how much of a tree counts.
        leaf: the fewest observations in a leaf of the mean's trees; in those of the quantiles, 4
            times as many, since quantiles of few observations hardly differ.
        share: of the observations, so large a part is drawn for each tree.
        floor: the least variance, in units of the standardised objective's.
        block: the block of the encoding that it reads, [n d] numbers.

    Raises:
        ProblemError: if a setting is out of its range.
        MissingExtraError: if scikit-learn is not installed.
    """

    trees: int = 100
    depth: int = 3
    rate: float = 0.1
    leaf: int = 2
    share: float = 0.7
    floor: float = 1e-3
    block: str = "encoding"

    def __post_init__(self) -> None:
        require(
            self,
            least={"trees": 1, "depth": 1, "leaf": 1},
            positive=["floor"],
            parts=["rate", "share"],
        )
        require_library(self, "sklearn", name="scikit-learn", extra="sklearn")

    def fit(
        self,
        encoded: Encoded,
        z: Float[Array, " n"],
        *,
        repeats: Float[Array, " n"],
        rng: Rng,
    ) -> Surrogate:
        """The three models after n observations; see `Learner.fit`."""
        return fitted(lambda known: self._boost(known, rng), read(encoded, self.block), z, repeats)

    def _boost(self, known: Observations, rng: Rng) -> Boosted:
        from sklearn.ensemble import GradientBoostingRegressor

        # scikit-learn refuses to draw none
        share = self.share if self.share * len(known.z) >= 1 else 1.0

        def model(trees: int, leaf: int, **loss: Any) -> Any:
            boosting = GradientBoostingRegressor(
                n_estimators=trees,
                max_depth=self.depth,
                learning_rate=self.rate,
                min_samples_leaf=leaf,
                subsample=share,
                random_state=int(rng.integers(2**31)),
                **loss,
            )
            return boosting.fit(known.X, known.z, sample_weight=known.repeats)

        mean = model(self.trees, self.leaf, loss="squared_error")
        trees = max(1, self.trees // _FEWER)
        low, high = (
            model(trees, _LARGER * self.leaf, loss="quantile", alpha=a) for a in _QUANTILES
        )
        return Boosted(mean, low, high, self.floor, self.block)


@dataclass(frozen=True)
class Boosted:
    """Fitted models of the mean and of two quantiles.

    Attributes:
        mean, low, high: scikit-learn's.
        floor: the least variance.
        block: that they read.
    """

    mean: Any = field(repr=False)
    low: Any = field(repr=False)
    high: Any = field(repr=False)
    floor: float
    block: str

    def predict(self, encoded: Encoded) -> Posterior:
        """The mean; half the distance of the quantiles is the standard deviation."""
        X = read(encoded, self.block)
        if len(X) == 0:  # scikit-learn refuses
            return Posterior(np.zeros(0), np.zeros(0))
        half = (self.high.predict(X) - self.low.predict(X)) / 2
        return Posterior(self.mean.predict(X), np.maximum(half**2, self.floor))
