"""Random search: the method to beat first."""

from __future__ import annotations

from dataclasses import dataclass

from archbo.arrays import Rng
from archbo.data import Dataset, Proposal
from archbo.methods.base import Search
from archbo.methods.candidates import Taken, random_rows
from archbo.problem import Problem


@dataclass(frozen=True)
class RandomSearch:
    """Feasible networks at random, none twice. Source: Bergstra and Bengio 2012."""

    def prepare(self, problem: Problem) -> Search:
        return _RandomSearch(problem)


class _RandomSearch(Search):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def propose(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        taken = Taken.of(self.problem, dataset.rows, dataset.pending)
        rows = random_rows(self.problem, count, rng, taken)
        return [Proposal(arch, "random") for arch in self.problem.compiled.architectures(rows)]
