"""Short trainings first: the best of each rung go on to the next, and ASHA, which never waits."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from archbo.arrays import Rng
from archbo.data import Curve, Dataset, Decision, Proposal, State
from archbo.errors import ExhaustedError
from archbo.fidelity import FidelityRange, check_eta
from archbo.methods.base import Search
from archbo.methods.baselines import RandomSearch
from archbo.methods.candidates import Taken, random_rows
from archbo.problem import Problem
from archbo.spaces import Architecture

ROUNDING = 1e-9
"""Relative: what is a whole number but for rounding stays it."""


@dataclass(frozen=True)
class Asha:
    """Asynchronous successive halving: a network goes on once it is among the best of its rung.

    Nothing waits: where none is to go on, a new network begins. Without a fidelity all trainings
    are full ones of random networks.

    Source: Li et al. 2020, algorithm 2; the variant that stops, which they name, as Ray Tune and
    Syne Tune have it.

    Args:
        eta: each rung trains so many times further than the one below; one in so many goes on.
            Where the fidelity has levels of its own, the factors between these count instead.
        stopping: decide at each rung at once, a training that does not go on being stopped for
            good; else it is paused, and goes on later if it is among the best then.

    Raises:
        ProblemError: unless eta is above 1.
    """

    eta: float = 3.0
    stopping: bool = False

    def __post_init__(self) -> None:
        check_eta(self.eta)

    def prepare(self, problem: Problem) -> Search:
        if problem.fidelity is None:
            return RandomSearch().prepare(problem)
        return _Asha(self, problem, problem.fidelity)


def asha_stopping() -> Asha:
    """ASHA that stops what is not among the best of its rung."""
    return Asha(stopping=True)


@dataclass(slots=True)
class Runner:
    """A network on its way up, all its trainings put together.

    Attributes:
        arch: what is trained.
        points: values by level, larger is better.
        state: of the training that began last; running, if any is.
    """

    arch: Architecture
    points: dict[float, float]
    state: State

    @classmethod
    def of(cls, problem: Problem, dataset: Dataset) -> list[Runner]:
        """In the order in which their first trainings began."""
        found: dict[str, Runner] = {}
        for curve in dataset.curves:
            points = dict(zip(curve.levels.tolist(), curve.values.tolist(), strict=True))
            runner = found.setdefault(
                curve.architecture.id, cls(curve.architecture, {}, curve.state)
            )
            runner.points |= points
            if runner.state is not State.RUNNING:
                runner.state = curve.state
        for arch in problem.compiled.architectures(dataset.pending):  # begun in the same list
            found.setdefault(arch.id, cls(arch, {}, State.RUNNING))
        return list(found.values())

    @property
    def reached(self) -> float:
        """The highest level with a value, 0 without any."""
        return max(self.points, default=0.0)

    def at(self, level: float) -> float | None:
        """The value at a level: the last one up to it, or the first one; None where it is ahead."""
        if self.reached < level:
            return None
        below = [known for known in self.points if known <= level]
        return self.points[max(below) if below else min(self.points)]


def best(runners: Sequence[Runner], level: float, count: int) -> list[Runner]:
    """The best at a level of those that have reached it, at most so many; the earlier of a tie."""
    there = [(value, runner) for runner in runners if (value := runner.at(level)) is not None]
    there.sort(key=lambda pair: -pair[0])
    return [runner for _, runner in there[:count]]


def one_in(factor: float, count: int) -> int:
    """How many of a count are one in so many, rounded down.

    >>> one_in(3, 8), one_in(0.3 / 0.1, 9), one_in(0.9 / 0.3, 9)
    (2, 3, 3)
    """
    return floor(count / factor * (1 + ROUNDING))


class RungSearch(Search):
    """Random networks that climb from rung to rung.

    Args:
        problem: that is searched.
        fidelity: the problem's.
        eta: the factor from rung to rung, where the fidelity leaves it open.

    Attributes:
        rungs: the levels, ascending.
        factors: of so many that reach a rung one goes on, for all rungs but the last.
    """

    def __init__(self, problem: Problem, fidelity: FidelityRange, eta: float) -> None:
        self.problem = problem
        self.fidelity = fidelity
        self.rungs = fidelity.rungs(eta)
        self.factors = fidelity.factors(eta)

    @abstractmethod
    def pick(
        self, runners: Sequence[Runner], *, closed: bool
    ) -> tuple[Runner | None, float] | None:
        """What to train next, and up to which level; no runner for a new network.

        Args:
            runners: all networks so far.
            closed: no new network is left; None then says that there is nothing to train now.
        """

    def propose(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        compiled = self.problem.compiled
        runners = Runner.of(self.problem, dataset)
        taken = Taken.of(self.problem, compiled.encode([runner.arch for runner in runners]))
        proposals: list[Proposal] = []
        exhausted: ExhaustedError | None = None
        while len(proposals) < count:
            picked = self.pick(runners, closed=exhausted is not None)
            if picked is None:
                break
            runner, level = picked
            target = self.fidelity.short(level)
            if runner is not None:
                resume = runner.reached if self.fidelity.continued and runner.points else None
                proposals.append(Proposal(runner.arch, "promoted", fidelity=target, resume=resume))
                runner.state = State.RUNNING
                continue
            try:
                row = random_rows(self.problem, 1, rng, taken)
            except ExhaustedError as error:
                exhausted = error
                continue
            taken = taken.plus(row, compiled.fingerprints(row).tolist())
            (arch,) = compiled.architectures(row)
            proposals.append(Proposal(arch, "random", fidelity=target))
            runners.append(Runner(arch, {}, State.RUNNING))
        waiting = any(runner.state is State.RUNNING for runner in runners)
        if exhausted is not None and not proposals and not waiting:
            raise exhausted
        return proposals


class _Asha(RungSearch):
    def __init__(self, settings: Asha, problem: Problem, fidelity: FidelityRange) -> None:
        super().__init__(problem, fidelity, settings.eta)
        self.stopping = settings.stopping

    def pick(
        self, runners: Sequence[Runner], *, closed: bool
    ) -> tuple[Runner | None, float] | None:
        for k in reversed(range(len(self.rungs) - 1)):
            for runner in self._top(runners, k, least=int(closed or self.stopping)):
                if runner.state is State.PAUSED and runner.reached < self.rungs[k + 1]:
                    return runner, self.rungs[k + 1]
        for runner in runners:  # paused below the first rung, by the user
            if runner.state is State.PAUSED and runner.reached < self.rungs[0]:
                return runner, self.rungs[0]
        return None if closed else (None, self.rungs[0])

    def _top(self, runners: Sequence[Runner], k: int, least: int) -> list[Runner]:
        """The best of a rung; those that failed on their way to it count among the others."""
        level, below = self.rungs[k], self.rungs[k - 1] if k else 0.0
        size = sum(
            r.reached >= level or (r.state is State.FAILED and r.reached >= below) for r in runners
        )
        return best(runners, level, max(least, one_in(self.factors[k], size)))

    def decide(self, dataset: Dataset, curve: Curve, rng: Rng) -> Decision:
        if not self.stopping:
            return super().decide(dataset, curve, rng)
        runners = Runner.of(self.problem, dataset)
        k = max(k for k, level in enumerate(self.rungs) if level <= curve.reached)
        top = self._top(runners, k, least=1)
        if any(runner.arch.id == curve.architecture.id for runner in top):
            return Decision(target=self.rungs[k + 1])
        return Decision(final=True)
