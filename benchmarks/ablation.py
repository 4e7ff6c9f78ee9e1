"""The default method with one of its parts left out or replaced, whatever its parts are now.

`python benchmarks/variants.py parts` measures them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

import archbo as ab
from archbo import acquisition
from archbo.arrays import Array, Rng
from archbo.data import Dataset, Proposal
from archbo.methods import Method, Search
from archbo.methods.bayesian import BayesianSearch
from archbo.methods.candidates import Taken, pool
from archbo.problem import Problem
from archbo.spaces import Architecture, Rows
from archbo.surrogates import Outcomes, RankTransform

DEFAULT = ab.BayesianOptimization()
SHARPEST = 1e-3  # temper: all weight goes to the likeliest structure
FLATTEST = 1e6  # all structures weigh the same


def prepared(problem: Problem) -> BayesianSearch:
    """The default method at work."""
    search = DEFAULT.prepare(problem)
    assert isinstance(search, BayesianSearch)
    return search


@dataclass(frozen=True)
class Alone:
    """Only one of the structures, counted from 0; the last one where there are fewer."""

    position: int

    def prepare(self, problem: Problem) -> Search:
        search = prepared(problem)
        search.structures = search.structures[: self.position + 1][-1:]
        return search


@dataclass(frozen=True)
class Without:
    """All structures but one; all, where there are fewer or no other."""

    position: int

    def prepare(self, problem: Problem) -> Search:
        search = prepared(problem)
        kept = [s for k, s in enumerate(search.structures) if k != self.position]
        if self.position >= len(search.structures) - search._fine:
            search._fine -= 1
        search.structures = kept or search.structures
        return search


@dataclass(frozen=True)
class RandomStart:
    """As many trainings before the first fit, drawn instead of spread."""

    def prepare(self, problem: Problem) -> Search:
        return _RandomStart(problem)


class _RandomStart(Search):
    def __init__(self, problem: Problem) -> None:
        self.drawn = ab.RandomSearch().prepare(problem)
        self.modelled = DEFAULT.prepare(problem)

    def propose(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        search = self.drawn if dataset.trials < DEFAULT.initial else self.modelled
        return search.propose(dataset, count, rng)

    def predict(self, dataset: Dataset, archs: list[Architecture]) -> tuple[Array, Array]:
        return self.modelled.predict(dataset, archs)


@dataclass(frozen=True)
class NoMutants:
    """All candidates before the local search are drawn at random."""

    def prepare(self, problem: Problem) -> Search:
        return _NoMutants(DEFAULT, problem)


class _NoMutants(BayesianSearch):
    def _pool(self, dataset: Dataset, taken: Taken, rng: Rng) -> tuple[Rows, Taken]:
        return pool(self.problem, dataset.rows.take([]), self.settings.candidates, rng, taken)


@dataclass(frozen=True)
class Standardise:
    """The objective as it is, shifted and scaled to mean 0 and standard deviation 1."""

    def __call__(self, y: Array) -> Outcomes:
        values, which = np.unique(y, return_inverse=True)
        scores = (values - y.mean()) / (y.std() or 1.0)
        return Outcomes(scores[which], values, scores)


def structures() -> int:
    """How many structures the default method has for cells."""
    cell = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_3x3"])
    return len(prepared(Problem.make(cell)).structures)


PARTS: dict[str, Method] = {
    "bo": DEFAULT,
    **{f"structure {k + 1} alone": Alone(k) for k in range(structures())},
    **{f"no structure {k + 1}": Without(k) for k in range(structures())},
    "the likeliest structure": replace(DEFAULT, temper=SHARPEST),
    "weights by the whole evidence": replace(DEFAULT, temper=1.0),
    "equal weights": replace(DEFAULT, temper=FLATTEST),
    "hyperparameters not fitted": replace(DEFAULT, iterations=0),
    "no transform": replace(DEFAULT, outcome=Standardise()),
    "ranks instead of half-ranks": replace(DEFAULT, outcome=RankTransform()),
    "nothing trained again": replace(DEFAULT, repeat=0.0),
    "all that is not explained is noise": replace(DEFAULT, own=0.0),
    "a random start": RandomStart(),
    "no mutants": NoMutants(),
    "no local search": replace(DEFAULT, climbers=0),
    "noisy expected improvement": replace(
        DEFAULT, acquisition=acquisition.LogNoisyExpectedImprovement()
    ),
    "an upper confidence bound": replace(DEFAULT, acquisition=acquisition.UpperConfidenceBound()),
    "Thompson sampling": replace(DEFAULT, acquisition=acquisition.ThompsonSampling()),
}
"""By what was done to the default method, which is the first."""
