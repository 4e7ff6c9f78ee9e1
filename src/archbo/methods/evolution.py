"""Regularized evolution: the oldest of the population dies, not the worst."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbo.arrays import Rng
from archbo.data import Dataset, Proposal
from archbo.errors import ExhaustedError, ProblemError
from archbo.methods.base import Search
from archbo.methods.candidates import Taken, new_rows, random_rows
from archbo.problem import Problem
from archbo.spaces import Rows
from archbo.spaces.compiled import stack
from archbo.spaces.moves import mutate

_TRIES = 20  # generations of mutants of mutants before a random network takes their place
_MUTANTS = 8


@dataclass(frozen=True)
class RegularizedEvolution:
    """Mutate the best of a random few among the newest networks.

    Source: Real et al. 2019, algorithm 1.

    Args:
        population: how many of the newest trained networks are alive.
        tournament: how many of them are drawn; the best of these becomes the parent.

    Raises:
        ProblemError: unless 1 <= tournament <= population.
    """

    population: int = 10
    tournament: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.tournament <= self.population:
            raise ProblemError(
                f"evolution needs 1 <= tournament <= population, "
                f"got tournament={self.tournament} and population={self.population}"
            )

    def prepare(self, problem: Problem) -> Search:
        return _RegularizedEvolution(self, problem)


class _RegularizedEvolution(Search):
    def __init__(self, settings: RegularizedEvolution, problem: Problem) -> None:
        self.settings = settings
        self.problem = problem

    def propose(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        taken = Taken.of(self.problem, dataset.rows, dataset.pending)
        proposals: list[Proposal] = []
        for _ in range(count):
            founding = dataset.trials + len(proposals) < self.settings.population
            try:
                child, origin = self._child(dataset, taken, rng, founding=founding)
            except ExhaustedError:
                if not proposals:
                    raise
                break
            taken = taken.plus(child, self.problem.compiled.fingerprints(child).tolist())
            (arch,) = self.problem.compiled.architectures(child)
            proposals.append(Proposal(arch, origin))
        return proposals

    def _child(
        self, dataset: Dataset, taken: Taken, rng: Rng, *, founding: bool
    ) -> tuple[Rows, str]:
        alive = np.flatnonzero(dataset.measured)[-self.settings.population :]
        if not founding and len(alive):
            drawn = rng.choice(alive, size=min(self.settings.tournament, len(alive)), replace=False)
            parent = dataset.rows.take([drawn[np.argmax(dataset.values[drawn])]])
            mutants = stack([parent] * _MUTANTS)
            for _ in range(_TRIES):
                mutants = mutate(self.problem.compiled, mutants, rng)
                fresh, _ = new_rows(self.problem, mutants, taken)
                if len(fresh):
                    return fresh.take([0]), "evolution"
        return random_rows(self.problem, 1, rng, taken), "random"
