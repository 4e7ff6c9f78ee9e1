"""What older searches say of a new one: their predictions as something that networks share.

Networks that an older search expects to do equally well may do equally well now. How much that is
worth is learned from the new results: each kernel structure comes twice, without a term for the
older predictions and with it, and the evidence of both decides, as the amplitude of the term does.
An older search that ranks the new results badly is left out.
Source: the idea of older models that drop out by how they rank, Feurer et al. 2018
(https://arxiv.org/abs/1802.02219); here inside the covariance instead of over the posteriors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float
from archbo.data import Dataset, Observation
from archbo.encodings import Encode, Encoder
from archbo.kernels import RBF, Encoded, Kernel, structure
from archbo.kernels.base import Sum
from archbo.kernels.blocks import rows as take
from archbo.methods.processes import ProcessBelief
from archbo.methods.structures import default_structures
from archbo.older import OlderResults
from archbo.problem import Problem
from archbo.spaces import CompiledSpace, Rows
from archbo.surrogates.outcomes import HalfRank

_MOST = 400  # results that an older model is fitted to: half the best, half spread over the rest
_SCALED = 300  # random members that scale its kernels
_ITERATIONS = 30
_TEMPER = 3.0
_JUDGED = 4  # results, before an older search is judged by them
_RIGHT = 0.8  # of the differences must be in the right order; half are by chance


@dataclass(frozen=True)
class OlderPrediction:
    """The posterior mean of an older search, one column.

    Attributes:
        results: of the older search.
        name: of the block.
    """

    results: OlderResults
    name: str

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        encoder = Encoder(space, reference)
        belief = ProcessBelief.fit(
            self._dataset(space),
            encoder,
            default_structures(take(encoder.reference, slice(0, _SCALED))),
            HalfRank(),
            iterations=_ITERATIONS,
            temper=_TEMPER,
        )

        def encode(rows: Rows) -> Float[Array, "n 1"]:
            posteriors = belief.posteriors(encoder.encode(rows))
            return (belief.weights @ np.stack([p.mean for p in posteriors]))[:, None]

        return encode

    def _dataset(self, space: CompiledSpace) -> Dataset:
        values = self.results.values
        order = self.results.ranked
        if len(order) > _MOST:
            rest = np.linspace(_MOST // 2, len(order) - 1, _MOST // 2).astype(int)
            order = np.concatenate([order[: _MOST // 2], order[rest]])
        archs = space.architectures(self.results.rows.take(order))
        told = [Observation(a, float(v)) for a, v in zip(archs, values[order], strict=True)]
        return Dataset.make(Problem.make(space.root), told)


def with_older(
    structures: Sequence[Kernel], reference: Encoded, names: Sequence[str]
) -> list[Kernel]:
    """The structures without older predictions, then those with a term for each of them.

    Args:
        structures: of the search.
        reference: the encoding of random members, which scales each block.
        names: of the blocks of older predictions.
    """
    terms = [structure(RBF.of(name, reference)) for name in names]
    added = [term for found in terms for term in found.terms]
    return [*structures, *(Sum((*_terms(kernel), *added)) for kernel in structures)]


def _terms(kernel: Kernel) -> tuple[Kernel, ...]:
    return kernel.terms if isinstance(kernel, Sum) else (kernel,)


def ranks_well(predicted: Float[Array, " n"], values: Float[Array, " n"]) -> bool:
    """Whether an older prediction puts enough of the new results into the right order.

    Each pair counts by how far apart its values are, so that what training noise decides hardly
    counts. Fewer than four results say nothing against it.
    """
    if len(values) < _JUDGED:
        return True
    apart = np.subtract.outer(values, values)
    right = apart * np.subtract.outer(predicted, predicted) > 0
    weight = np.abs(apart)
    return bool((weight * right).sum() >= _RIGHT * weight.sum())
