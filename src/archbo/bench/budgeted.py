"""One search under a budget, and all that is judged later."""

from __future__ import annotations

from bisect import insort
from dataclasses import asdict, dataclass, field
from math import isfinite
from operator import itemgetter
from statistics import fmean
from typing import Any

from archbo.bench.benchmark import Benchmark, regret
from archbo.bench.searches import rows_of
from archbo.data import History, Observation
from archbo.errors import ProblemError
from archbo.problem import Problem
from archbo.spaces import Architecture


@dataclass(frozen=True)
class BudgetSearch:
    """A search's trainings as they ended; each list has one entry for each time that one did.

    A training ends where it fails or reaches the level that it was to reach, though it may go on
    from there at once or later.

    Attributes:
        benchmark, method, seed, budget, workers, features: what was searched how; the budget in
            full trainings, and whether the method was given the benchmark's features.
        begun: how many trainings began; some of them may have been cut.
        full: the epochs of a full training.
        end: when the budget was spent, on the clock; None where nothing was left to train.
        first_regret: of the network that began first.
        random_regret: mean regret of a random network: the best truth less the average one of all
            that are recorded. A regret divided by it is a normalised one.
        full_seconds: mean time of a full training of a random network, on the same clock.
        trainings: their numbers from 0, in the order in which they began.
        ids: of the architectures.
        levels: the epochs that they had reached, of a failed one those at which it failed.
        values: after them; None where training failed.
        spent: what all workers had done by then, in full trainings.
        clock: the seconds that had passed by then; epochs where no seconds were recorded.
        regrets: of the answer: the best of those networks that were trained as far as any was, by
            the mean of their trainings; the network that began first until there is any.
        origins: where the proposals came from.
        propose_seconds: the method's own, to propose it; 0 where it went on at once.
        decide_seconds: the method's own, to decide what becomes of it.
    """

    benchmark: str
    method: str
    seed: int
    budget: float
    workers: int = 1
    features: bool = False
    begun: int = 0
    full: float = 1.0
    end: float | None = None
    first_regret: float = 0.0
    random_regret: float = 1.0
    full_seconds: float = 1.0
    trainings: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)
    regrets: list[float] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    propose_seconds: list[float] = field(default_factory=list)
    decide_seconds: list[float] = field(default_factory=list)

    @property
    def trained_in_full(self) -> int:
        """How many trainings reached the end."""
        ends = zip(self.levels, self.values, strict=True)
        return sum(value is not None and level == self.full for level, value in ends)

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form; `BudgetSearch(**form)` reads it back."""
        return asdict(self)

    def rows(self) -> list[dict[str, Any]]:
        """A row each time that a training ended; what a list holds is named in the singular."""
        return rows_of(self)


def check_budget(budget: float, workers: int) -> None:
    """Refuse what makes no sense.

    Raises:
        ProblemError: saying which.
    """
    if not (budget > 0 and isfinite(budget)):
        raise ProblemError(f"budget must be a positive number of full trainings, got {budget!r}")
    if type(workers) is not int or workers < 1:
        raise ProblemError(f"workers must be a whole number from 1, got {workers!r}")


class Answer:
    """What a search would answer, as results come in.

    Args:
        benchmark: that is searched.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self._sign = 1.0 if benchmark.maximize else -1.0
        self._networks: dict[str, Architecture] = {}
        self._regrets: dict[str, float] = {}
        self._highest = 0.0
        self._values: dict[str, list[float]] = {}  # at the highest level
        self._means: dict[str, float] = {}
        self._failed: set[str] = set()

    def begin(self, arch: Architecture) -> None:
        """A training of an architecture began."""
        self._networks.setdefault(arch.id, arch)

    def learn(self, arch: Architecture, level: float, value: float | None) -> None:
        """A training reached a level, or failed before it."""
        if value is None:
            self._failed.add(arch.id)
            return
        if level > self._highest:
            self._highest, self._values, self._means = level, {}, {}
        if level == self._highest:
            values = self._values.setdefault(arch.id, [])
            values.append(value)
            self._means[arch.id] = self._sign * fmean(values)

    @property
    def regret(self) -> float:
        """How much worse than the best the answer is in truth.

        A network that failed is the answer only where all of the highest level have.
        """
        sound = self._means.keys() - self._failed if self._failed else self._means
        known = {key: mean for key, mean in self._means.items() if key in sound} or self._means
        key = max(known, key=known.__getitem__) if known else next(iter(self._networks))
        if key not in self._regrets:
            self._regrets[key] = regret(self._benchmark, self._networks[key])
        return self._regrets[key]


class Results:
    """Results of trainings that are over, in the order in which these began.

    Args:
        problem: that is searched.

    Attributes:
        history: what a method learns from them.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._known: list[tuple[int, Observation]] = []
        self.history = History(problem)

    def add(self, number: int, seen: Observation) -> None:
        """Learn the result of a trial."""
        insort(self._known, (number, seen), key=itemgetter(0))
        if self._known[-1][0] == number:
            self.history.add([seen])
            return
        self.history = History(self._problem)
        for _, each in self._known:  # one by one, as their ids are remembered
            self.history.add([each])
