"""A random forest, whose trees disagree where little is known. Needs scikit-learn.

Notation: c candidates, t trees, m draws.
    leaves    [t c]  the node that each row falls into
    means     [t k]  of the observations in a node, weighted by repeats
    variance  [t k]  of the same
Source: Breiman 2001; the variance as Hutter et al. 2014 (https://arxiv.org/abs/1211.0906), section
4.3.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from archbo.arrays import Array, Float, Int, Rng
from archbo.kernels.blocks import Encoded
from archbo.surrogates.base import Posterior, Surrogate
from archbo.surrogates.observations import (
    Observations,
    fitted,
    read,
    require,
    require_library,
)


@dataclass(frozen=True)
class RandomForest:
    """Settings of a random forest.

    Args:
        trees: how many.
        leaf: the fewest observations in a leaf.
        share: of the columns, so large a part is looked at for each split.
        extra: whether splits are drawn at random ("extremely randomized trees"), each tree from
            all observations; else each is the best split of a bootstrap sample.
        floor: the least variance, in units of the standardised objective's.
        block: the block of the encoding that it reads, [n d] numbers.

    Raises:
        ProblemError: if a setting is out of its range.
        MissingExtraError: if scikit-learn is not installed.
    """

    trees: int = 100
    leaf: int = 1
    share: float = 5 / 6
    extra: bool = False
    floor: float = 1e-4
    block: str = "encoding"

    def __post_init__(self) -> None:
        require(self, least={"trees": 1, "leaf": 1}, positive=["floor"], parts=["share"])
        require_library(self, "sklearn", name="scikit-learn", extra="sklearn")

    def fit(
        self,
        encoded: Encoded,
        z: Float[Array, " n"],
        *,
        repeats: Float[Array, " n"],
        rng: Rng,
    ) -> Surrogate:
        """The forest after n observations; see `Learner.fit`."""
        return fitted(lambda known: self._grow(known, rng), read(encoded, self.block), z, repeats)

    def _grow(self, known: Observations, rng: Rng) -> Forest:
        from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

        kind = ExtraTreesRegressor if self.extra else RandomForestRegressor
        forest = kind(
            n_estimators=self.trees,
            min_samples_leaf=self.leaf,
            max_features=self.share,
            bootstrap=not self.extra,
            n_jobs=1,
            random_state=int(rng.integers(2**31)),
        )
        forest.fit(known.X, known.z, sample_weight=known.repeats)
        return Forest([tree.tree_ for tree in forest.estimators_], self.floor, self.block)


@dataclass(frozen=True)
class Forest:
    """A fitted forest.

    Attributes:
        trees: scikit-learn's.
        floor: the least variance.
        block: that it reads.
    """

    trees: list[Any] = field(repr=False)
    floor: float
    block: str

    def predict(self, encoded: Encoded) -> Posterior:
        """The mean over trees, and the variance by the law of total variance over them."""
        means, variances = self._moments(self._leaves(encoded))
        mean = means.mean(axis=0)
        total = variances.mean(axis=0) + means.var(axis=0)
        return Posterior(mean, np.maximum(total, self.floor))

    def sample(self, encoded: Encoded, rng: Rng, m: int) -> Float[Array, "m c"]:
        """Draws of the objective: those of a random tree, its leaves moved by their spread."""
        leaves = self._leaves(encoded)
        means, variances = self._moments(leaves)
        picked = rng.integers(len(self.trees), size=m)
        noise = rng.standard_normal((m, int(leaves.max(initial=0)) + 1))
        moved = np.take_along_axis(noise, leaves[picked], axis=1)
        return means[picked] + np.sqrt(variances[picked]) * moved

    def _leaves(self, encoded: Encoded) -> Int[Array, "t c"]:
        X = read(encoded, self.block).astype(np.float32)  # the precision of scikit-learn's trees
        return np.stack([tree.apply(X) for tree in self.trees])

    def _moments(
        self, leaves: Int[Array, "t c"]
    ) -> tuple[Float[Array, "t c"], Float[Array, "t c"]]:
        """Mean and variance of the observations in each row's leaf, by tree."""
        pairs = list(zip(self.trees, leaves, strict=True))
        means = np.stack([tree.value[leaf, 0, 0] for tree, leaf in pairs])
        return means, np.stack([np.maximum(tree.impurity[leaf], 0.0) for tree, leaf in pairs])
