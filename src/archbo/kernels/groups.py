"""Kernels of many decisions, of which those of one group share a hyperparameter.

Notation: d decisions, k groups, h_g [n m] how many decisions of group g two rows differ in.
As in `Hamming`, to be inactive counts as one more option.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from archbo.arrays import Array, Float
from archbo.kernels.base import Exponential, Kernel, Pull
from archbo.kernels.blocks import Distances, Encoded, combine, contract
from archbo.kernels.decisions import options_by_column
from archbo.kernels.priors import LogNormal
from archbo.kernels.scales import scale_of


@dataclass(frozen=True)
class GroupedHamming(Exponential):
    """exp(-sum_g theta_g h_g / scale_g): `Hamming` with one hyperparameter a group.

    Few results say little about the length scales of sixty decisions, but enough about two groups.

    Attributes:
        block: name of the values; the options are compared for equality.
        groups: [d] which group each decision is of, from 0 and without gaps.
        scale: [k] the mean of h_g over the space.
    """

    block: str
    groups: tuple[int, ...]
    scale: tuple[float, ...]

    @classmethod
    def of(cls, block: str, groups: Sequence[int], sample: Encoded) -> GroupedHamming:
        """Scaled to a sample of the space."""
        unscaled = cls(block, tuple(groups), (1.0,) * len(set(groups)))
        return cls(block, unscaled.groups, scale_of(unscaled, sample))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.block}.group{g}" for g in range(self.blocks))

    def distances(self, a: Encoded, b: Encoded) -> Float[Array, "k n m"]:
        return _differing(self.block, self.groups, a, b) / np.array(self.scale)[:, None, None]


@dataclass(frozen=True)
class Additive(Kernel):
    """sum_g a_g (1 - h_g / d_g): a sum of effects of single decisions, as important in each group.

    Each of the d_g decisions of a group adds an effect of its options, independent between options
    and of prior variance a_g / d_g. What is learned of a decision holds whatever the others are, so
    it foresees the joint effect of many changes at once. The variances of the k groups are
    log a_g ~ N(log(1 / (k terms of the sum)), 1); it needs no further amplitude.

    Attributes:
        block: name of the values; the options are compared for equality.
        groups: [d] which group each decision is of, from 0 and without gaps.
    Source: Duvenaud et al. 2011, "Additive Gaussian processes", of first order
        (https://arxiv.org/abs/1112.4394).
    """

    block: str
    groups: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.block}.sum{g}" for g in range(self.blocks))

    @cached_property
    def blocks(self) -> int:
        return len(set(self.groups))

    def prior_within(self, *, beside: int, terms: int) -> LogNormal:  # noqa: ARG002
        k = self.blocks
        return LogNormal(np.full(k, -np.log(max(1, k * terms))), np.ones(k))

    def distances(self, a: Encoded, b: Encoded) -> Float[Array, "k n m"]:
        sizes = np.bincount(self.groups, minlength=self.blocks)
        return _differing(self.block, self.groups, a, b) / sizes[:, None, None]

    def evaluate(self, theta: Float[Array, " p"], distances: Distances) -> tuple[Array, Pull]:
        D, variances = np.asarray(distances), np.exp(theta)
        K = variances.sum() - combine(variances, D)
        return K, lambda W: variances * (W.sum() - contract(D, W))

    def diagonal(self, theta: Float[Array, " p"], n: int) -> Float[Array, " n"]:
        return np.full(n, np.exp(theta).sum())


def _differing(block: str, groups: Sequence[int], a: Encoded, b: Encoded) -> Float[Array, "k n m"]:
    """In how many decisions of each group two rows differ.

    Raises:
        ProblemError: if the block is missing or has not a column for each decision.
    """
    x, y = (options_by_column(rows, block, len(groups)) for rows in (a, b))
    h = np.zeros((len(set(groups)), x.shape[1], y.shape[1]))
    for d, g in enumerate(groups):
        h[g] += np.not_equal.outer(x[d], y[d])
    return h
