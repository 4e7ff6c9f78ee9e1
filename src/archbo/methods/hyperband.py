"""Successive halving, and Hyperband, which hedges how many networks it begins with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, cycle
from math import ceil, prod
from operator import mul
from typing import NamedTuple

from archbo.data import State
from archbo.errors import ProblemError
from archbo.fidelity import FidelityRange, check_eta
from archbo.methods.base import Search
from archbo.methods.baselines import RandomSearch
from archbo.methods.rungs import ROUNDING, RungSearch, Runner, best, one_in
from archbo.problem import Problem


class Stage(NamedTuple):
    """So many networks, trained up to a level."""

    networks: int
    level: float


@dataclass(frozen=True)
class SuccessiveHalving:
    """Many short trainings; when all have ended, the best of them go on; and so on, to one.

    Then the next so many begin; already while the last of a rung are in training, where there are
    workers for it. Without a fidelity all trainings are full ones of random networks.

    Source: Jamieson and Talwalkar 2016, in the form of Li et al. 2018.

    Args:
        eta: each rung trains so many times further than the one below; one in so many goes on.
            Where the fidelity has levels of its own, the factors between these count instead.
        networks: how many begin together; by default as many as leave one for a full training.

    Raises:
        ProblemError: unless eta is above 1 and networks are at least 1.
    """

    eta: float = 3.0
    networks: int | None = None

    def __post_init__(self) -> None:
        check_eta(self.eta)
        if self.networks is not None and (type(self.networks) is not int or self.networks < 1):
            raise ProblemError(f"networks must be a whole number from 1, got {self.networks!r}")

    def prepare(self, problem: Problem) -> Search:
        if problem.fidelity is None:
            return RandomSearch().prepare(problem)
        fidelity, eta = problem.fidelity, self.eta
        (first, *_) = brackets(fidelity, eta)
        if self.networks is not None:
            first = first_bracket(fidelity, eta, self.networks)
        return _Brackets(problem, fidelity, eta, [first])


@dataclass(frozen=True)
class Hyperband:
    """Successive halving, from many networks trained shortly to a few trained in full, in turn.

    Each bracket spends about as much. The next one begins while the last of a rung are in
    training, where there are workers for it. Without a fidelity all trainings are full ones of
    random networks.

    Source: Li et al. 2018, algorithm 1.

    Args:
        eta: each rung trains so many times further than the one below; one in so many goes on.
            Where the fidelity has levels of its own, the factors between these count instead.

    Raises:
        ProblemError: unless eta is above 1.
    """

    eta: float = 3.0

    def __post_init__(self) -> None:
        check_eta(self.eta)

    def prepare(self, problem: Problem) -> Search:
        if problem.fidelity is None:
            return RandomSearch().prepare(problem)
        table = brackets(problem.fidelity, self.eta)
        return _Brackets(problem, problem.fidelity, self.eta, table)


def brackets(fidelity: FidelityRange, eta: float) -> list[list[Stage]]:
    """Hyperband's brackets over the rungs, the one that begins lowest first.

    >>> from archbo.fidelity import Epochs
    >>> for bracket in brackets(Epochs(1, 9), eta=3):
    ...     print(*(f"{count} to {level}" for count, level in bracket), sep=", ")
    9 to 1, 3 to 3, 1 to 9
    5 to 3, 1 to 9
    3 to 9
    """
    levels, factors = fidelity.rungs(eta), fidelity.factors(eta)
    found = []
    for start in range(len(levels)):
        above = len(levels) - 1 - start  # s in the paper, whose eta^s is the product of the factors
        count = ceil(len(levels) * prod(factors[start:]) / (above + 1) * (1 - ROUNDING))
        found.append(_halved(count, levels[start:], factors[start:]))
    return found


def first_bracket(fidelity: FidelityRange, eta: float, count: int) -> list[Stage]:
    """A bracket over all rungs that begins with so many networks."""
    return _halved(count, fidelity.rungs(eta), fidelity.factors(eta))


def _halved(count: int, levels: Sequence[float], factors: Sequence[float]) -> list[Stage]:
    """So many at the lowest level, one in a factor of them at the next, and so on, at least one."""
    return [
        Stage(max(1, one_in(factor, count)), level)
        for level, factor in zip(levels, accumulate(factors, mul, initial=1.0), strict=True)
    ]


class _Brackets(RungSearch):
    """Brackets in turn; networks belong to them in the order in which they began."""

    def __init__(
        self, problem: Problem, fidelity: FidelityRange, eta: float, table: list[list[Stage]]
    ) -> None:
        super().__init__(problem, fidelity, eta)
        self.table = table

    def pick(
        self, runners: Sequence[Runner], *, closed: bool
    ) -> tuple[Runner | None, float] | None:
        begun = 0
        for bracket in cycle(self.table):
            size, lowest = bracket[0]
            members = runners[begun : begun + size]
            if closed and len(members) < size:  # as many as there are
                first = len(self.rungs) - len(bracket)
                stages = _halved(len(members), self.rungs[first:], self.factors[first:])
                return climb(members, stages)
            picked = climb(members, bracket)
            if picked is not None:
                return picked
            if len(members) < size:
                return None, lowest
            begun += size
        raise AssertionError("a cycle has no end")


def climb(members: Sequence[Runner], bracket: Sequence[Stage]) -> tuple[Runner, float] | None:
    """Who of a bracket is to be trained next, and up to which level; None if none is, for now."""
    if len(members) < bracket[0].networks:  # not all have begun
        bracket = bracket[:1]
    for i, (count, level) in enumerate(bracket):
        members = best(members, bracket[i - 1].level, count) if i else members
        ahead = [runner for runner in members if runner.reached < level]
        for runner in ahead:
            if runner.state is State.PAUSED:
                return runner, level
        if any(runner.state is State.RUNNING for runner in ahead):
            return None
    return None
