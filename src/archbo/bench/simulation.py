"""Searches under a budget, simulated: a clock of its own, workers, recorded trainings.

Whatever happens in a study happens here, in the same order and told in the same way: a free worker
asks for a proposal at once, what runs is pending, of a running curve all points up to now are
known, and a training that has reached its target is decided on. Only the trainings are looked up.

Source: Klein et al. 2020, who simulate asynchronous searches on tables in this way
(https://arxiv.org/abs/2003.10865).
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from statistics import fmean

import numpy as np

from archbo.arrays import stream
from archbo.bench.benchmark import Benchmark, fidelity_range, regret
from archbo.bench.budgeted import Answer, BudgetSearch, Results, check_budget
from archbo.data import Curve, Dataset, Decision, Observation, Proposal, State
from archbo.errors import ExhaustedError, ProblemError
from archbo.methods import Method, find_method
from archbo.problem import Problem
from archbo.spaces import Architecture

_ROUNDING = 1e-9  # of what is spent, in full trainings
_USUAL = 64  # random networks that tell what a full training takes


def run_budget(
    benchmark: Benchmark,
    method: str | Method,
    *,
    seed: int,
    budget: float,
    workers: int = 1,
    name: str | None = None,
    features: bool = False,
) -> BudgetSearch:
    """Search a benchmark until so many full trainings are spent.

    Epochs are charged as they go: of a curve that is continued, those that are new; else a training
    starts afresh and all its epochs count. What has not ended when the budget is spent is cut.
    Where there is one fidelity only, all trainings are full ones.

    Args:
        benchmark: what is searched.
        method: a method or its name.
        seed: of the search, and of the noise.
        budget: in full trainings.
        workers: so many train at a time, for as long as was recorded; each epoch takes one second
            where it was not.
        name: what to call the method; its own name if it is None.
        features: whether the method is given the benchmark's features.

    Raises:
        ProblemError: if there is no such method, the budget or the workers make no sense, or the
            method does what cannot be done.

    >>> from archbo.bench import find
    >>> search = run_budget(find("digits"), "asha", seed=0, budget=3)
    >>> search.levels[:6], search.spent[-1] <= 3
    ([1, 1, 1, 3, 1, 1], True)
    """
    check_budget(budget, workers)
    search = BudgetSearch(benchmark.name, name or str(method), seed, budget, workers, features)
    simulation = _Simulation(benchmark, find_method(method), search)
    end = simulation.run()
    if not simulation.trials:
        raise ProblemError("the method proposes nothing to begin with", path=search.method)
    usual = [_seconds(benchmark, benchmark.space.sample(k)) for k in range(_USUAL)]
    return replace(
        search,
        begun=len(simulation.trials),
        full=benchmark.fidelities[-1],
        end=end,
        first_regret=regret(benchmark, simulation.trials[0].arch),
        random_regret=abs(benchmark.best - benchmark.average),
        full_seconds=fmean(usual),
    )


def _seconds(benchmark: Benchmark, arch: Architecture, level: int | None = None) -> float:
    """How long a training takes up to a level; its epochs where that was not recorded."""
    seconds = benchmark.seconds(arch, level)
    return float(level or benchmark.fidelities[-1]) if seconds is None else seconds


@dataclass(slots=True, eq=False)
class _Trial:
    """A training as the search knows it: its points and where it stands.

    Attributes:
        number: in the order in which trials began.
        repeat: how many trainings of the same network began before it.
        levels, values: of its curve, up to where its last segment ended.
        segment: what it is training now, None unless it runs.
    """

    number: int
    arch: Architecture
    repeat: int
    state: State = State.RUNNING
    target: float | None = None
    levels: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    segment: _Segment | None = None

    @property
    def reached(self) -> int:
        """The highest level with a value, 0 without any."""
        return self.levels[-1] if self.levels else 0


@dataclass(slots=True, eq=False)
class _Segment:
    """What a worker trains without asking: a trial, from one level to another.

    Attributes:
        levels, values, times: its epochs, what comes of them, and when on the clock; the last value
            is None where the training fails there.
        begun: when on the clock.
        epochs: that it is charged.
        origin, propose_seconds: of the proposal.
    """

    trial: _Trial
    levels: list[int]
    values: list[float | None]
    times: list[float]
    begun: float
    epochs: int
    origin: str
    propose_seconds: float

    def seen(self, now: float) -> int:
        """How many of its points are known by then, its last one not before it ends."""
        return bisect_right(self.times, now, hi=len(self.times) - 1)

    def done(self, now: float) -> float:
        """How many of its epochs are done, in proportion to the time."""
        length = self.times[-1] - self.begun
        return self.epochs * min((now - self.begun) / length, 1.0) if length > 0 else self.epochs


class _Simulation:
    """One search. `trials` are what a study would store."""

    def __init__(self, benchmark: Benchmark, method: Method, search: BudgetSearch) -> None:
        self.benchmark = benchmark
        self.search = search
        self.problem = Problem.make(
            benchmark.space,
            maximize="value" if benchmark.maximize else None,
            minimize=None if benchmark.maximize else "value",
            seed=search.seed,
            features=benchmark.features if search.features else None,
            fidelity=fidelity_range(benchmark),
        )
        self.method = method.prepare(self.problem)
        self.full = benchmark.fidelities[-1]
        self.now = 0.0
        self.trials: list[_Trial] = []
        self.answer = Answer(benchmark)
        self._results = Results(self.problem)
        self._hyperparameters: Mapping[str, float] = {}
        self._running: list[tuple[float, int, _Segment]] = []  # a heap, by when they end
        self._segments = 0
        self._epochs = 0  # of all segments that ended
        self._points = 0  # of all curves
        self._begun: Counter[object] = Counter()
        self._active: dict[int, _Trial] = {}  # in training, by number
        self._curves: list[Curve] = []
        self._exhausted = False

    def run(self) -> float | None:
        """Until the budget is spent, and when that was; None where nothing is left to train."""
        while True:
            while len(self._running) < self.search.workers and not self._exhausted:
                if not self._propose():
                    break
            if not self._running:
                return None
            end = self._running[0][0]
            before, spent = self._spent(self.now), self._spent(end)
            if spent > self.search.budget + _ROUNDING:  # in proportion to the time until then
                left = (self.search.budget - before) / (spent - before)
                return self.now + left * (end - self.now)
            self.now = end
            for segment in self._ending(end):
                self._end(segment, spent)
            if spent > self.search.budget - _ROUNDING:
                return self.now

    def _spent(self, now: float) -> float:
        """What all workers have done by then, in full trainings."""
        running = sum(segment.done(now) for _, _, segment in self._running)
        return (self._epochs + running) / self.full

    def _ending(self, end: float) -> list[_Segment]:
        """What ends at one time, in the order in which it began."""
        found = []
        while self._running and self._running[0][0] == end:
            found.append(heappop(self._running)[2])
        return found

    def _propose(self) -> bool:
        """Begin what the method says; False if that is nothing for now."""
        dataset = self._dataset()
        key = [len(self.trials)]
        if self.problem.fidelity is not None and self.benchmark.continued:
            training = (trial.segment for trial in self._active.values())
            seen = sum(segment.seen(self.now) for segment in training if segment is not None)
            key.append(self._points + seen)
        rng = stream(self.problem.seed, "propose", *key)
        start = time.perf_counter()
        try:
            proposals = self.method.propose(dataset, 1, rng)
        except ExhaustedError:
            self._exhausted = True
            return False
        seconds = time.perf_counter() - start
        if not proposals:
            return False
        proposal = proposals[0]
        trial = self._begin(proposal) if proposal.resume is None else self._paused(proposal)
        self._train(trial, proposal.fidelity, proposal.origin, seconds)
        return True

    def _begin(self, proposal: Proposal) -> _Trial:
        arch = proposal.architecture
        # where levels are trainings of their own, each has noise of its own
        key = (arch.id, None if self.benchmark.continued else proposal.fidelity)
        trial = _Trial(len(self.trials), arch, self._begun[key])
        self._begun[key] += 1
        self.trials.append(trial)
        self._curves.append(self._curve(trial))
        self.answer.begin(arch)
        self._hyperparameters = proposal.hyperparameters or self._hyperparameters
        return trial

    def _paused(self, proposal: Proposal) -> _Trial:
        """The trial that a proposal goes on with.

        Raises:
            ProblemError: if there is none.
        """
        arch = proposal.architecture
        for trial in self.trials:
            paused = trial.state is State.PAUSED and trial.reached == proposal.resume
            if paused and self.benchmark.continued and trial.arch.id == arch.id:
                return trial
        raise ProblemError(
            f"the method goes on with {arch!r} from {proposal.resume}, but no training of it is "
            "paused there",
            path=self.search.method,
        )

    def _train(self, trial: _Trial, target: float | None, origin: str, seconds: float) -> None:
        """A worker trains a trial up to a level; what comes of it is looked up.

        Raises:
            ProblemError: if it has been there, or the benchmark has no such level.
        """
        fidelity, benchmark = self.problem.fidelity, self.benchmark
        trial.target = None if fidelity is None else fidelity.short(target)
        level = self.full
        if fidelity is not None and trial.target is not None:
            level = int(fidelity.level(trial.target, self.search.method))
        if level <= trial.reached:
            raise ProblemError(
                f"the method trains {trial.arch!r} to {level}, which has reached {trial.reached}",
                path=self.search.method,
            )
        levels = [level]
        if benchmark.continued:
            levels = [k for k in benchmark.fidelities if trial.reached < k <= level]
        values: list[float | None] = []
        for k in levels:
            values.append(benchmark.objective(trial.arch, self.search.seed, k, repeat=trial.repeat))
            if values[-1] is None:
                break
        levels = levels[: len(values)]
        before = self._until(trial)
        trial.state = State.RUNNING
        self._active[trial.number] = trial
        trial.segment = _Segment(
            trial,
            levels,
            values,
            [self.now + _seconds(benchmark, trial.arch, k) - before for k in levels],
            self.now,
            levels[-1] - (trial.reached if benchmark.continued else 0),
            origin,
            seconds,
        )
        heappush(self._running, (trial.segment.times[-1], self._segments, trial.segment))
        self._segments += 1

    def _until(self, trial: _Trial) -> float:
        """How long a trial was trained until it was paused."""
        return _seconds(self.benchmark, trial.arch, trial.reached) if trial.reached else 0.0

    def _end(self, segment: _Segment, spent: float) -> None:
        """Learn what came of a segment, and decide what becomes of its trial."""
        trial, value = segment.trial, segment.values[-1]
        points = zip(segment.levels, segment.values, strict=True)
        known = [(level, value) for level, value in points if value is not None]
        trial.levels += [level for level, _ in known]
        trial.values += [value for _, value in known]
        trial.segment = None
        self._points += len(known)
        self._epochs += segment.epochs
        self.answer.learn(trial.arch, segment.levels[-1], value)
        decision, seconds = Decision(), 0.0
        if value is None:
            trial.state = State.FAILED
        elif trial.target is None:
            trial.state = State.FINISHED
        else:
            if self.benchmark.continued:
                decision, seconds = self._decide(trial)
            trial.state = State.STOPPED if decision.final else State.PAUSED
        if trial.state in (State.FAILED, State.FINISHED):
            self._results.add(trial.number, Observation(trial.arch, value))
        if decision.target is not None:
            self._train(trial, decision.target, segment.origin, 0.0)
        else:
            del self._active[trial.number]
            self._curves[trial.number] = self._curve(trial)
        self._write(segment, spent, seconds)

    def _decide(self, trial: _Trial) -> tuple[Decision, float]:
        dataset = self._dataset()
        curve = dataset.curves[trial.number]
        rng = stream(self.problem.seed, "decide", trial.number, trial.reached)
        start = time.perf_counter()
        decision = self.method.decide(dataset, curve, rng)
        return decision, time.perf_counter() - start

    def _write(self, segment: _Segment, spent: float, decide_seconds: float) -> None:
        search = self.search
        search.trainings.append(segment.trial.number)
        search.ids.append(segment.trial.arch.id)
        search.levels.append(segment.levels[-1])
        search.values.append(segment.values[-1])
        search.spent.append(spent)
        search.clock.append(self.now)
        search.regrets.append(self.answer.regret)
        search.origins.append(segment.origin)
        search.propose_seconds.append(segment.propose_seconds)
        search.decide_seconds.append(decide_seconds)

    def _dataset(self) -> Dataset:
        """What a study would tell its method now."""
        active = [self._active[number] for number in sorted(self._active)]
        if self.problem.fidelity is not None:
            for trial in active:
                self._curves[trial.number] = self._curve(trial)
        pending = [trial.arch for trial in active]
        known = self._results.history.dataset(pending, self._hyperparameters, self._curves)
        return replace(known, trials=len(self.trials))

    def _curve(self, trial: _Trial) -> Curve:
        """What is known of a trial now."""
        levels, values = trial.levels, trial.values
        if trial.segment is not None and (seen := trial.segment.seen(self.now)):
            levels = levels + trial.segment.levels[:seen]
            values = values + [v for v in trial.segment.values[:seen] if v is not None]
        over = trial.state not in (State.RUNNING, State.FAILED)
        return Curve(
            trial.arch,
            np.array(levels, dtype=float),
            self.problem.objective.inward(np.array(values, dtype=float)),
            trial.state,
            trial.target,
            self._until(trial) if over else None,
        )
