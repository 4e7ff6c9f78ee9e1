"""What is known: observations, proposals, and trials as they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from archbo.arrays import Array, Bool, Float
from archbo.problem import Problem
from archbo.spaces import Architecture, Rows
from archbo.spaces.compiled import stack

_REMEMBERED = 16  # an id of its own takes longer to find, but it is kept with the architecture
_CHUNK = 1024  # networks identified at once: bounds the memory


class State(StrEnum):
    """Where a trial stands."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    DELETED = "deleted"

    @property
    def short(self) -> bool:
        """Whether a training ended short of a full one: for now, or for good."""
        return self in (State.PAUSED, State.STOPPED)


class Prediction(NamedTuple):
    """What the surrogate expects, in the objective's own units."""

    mean: float
    sd: float


class Best(NamedTuple):
    """The incumbent: an architecture and its observed value (the mean, where it was repeated)."""

    architecture: Architecture
    value: float


@dataclass(frozen=True, slots=True)
class Observation:
    """One training's result; `value` is None where it failed, `fidelity` where it was in full.

    `seconds` are those that the training took up to there, None where that is not known.
    """

    architecture: Architecture
    value: float | None
    fidelity: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """What is known of one trial of a study with a fidelity.

    Attributes:
        architecture: what is trained.
        levels: [k] epochs, steps or whatever the fidelity counts, ascending.
        values: [k] of the objective after them, larger is better. Where each level is a training of
            its own there is one, the training's result.
        state: where the trial stands; only a paused one can be proposed again.
        target: the level that it was to reach; None for a full training.
        seconds: of training up to the highest level with a value, where that is known.
    """

    architecture: Architecture
    levels: Float[Array, " k"]
    values: Float[Array, " k"]
    state: State
    target: float | None
    seconds: float | None = None

    @property
    def reached(self) -> float:
        """The highest level with a value, 0 without any."""
        return float(self.levels[-1]) if len(self.levels) else 0.0

    @classmethod
    def of(cls, problem: Problem, arch: Architecture, record: TrialRecord) -> Curve:
        """From a stored trial."""
        assert problem.fidelity is not None
        points: dict[float, float] = {}
        if problem.fidelity.continued:
            points = {report.epoch: report.value for report in record.reports}
        if record.interim is not None and record.reached is not None:
            points[record.reached] = record.interim
        if record.value is not None:
            points[problem.fidelity.high] = record.value
        ended = record.state not in (State.RUNNING, State.FAILED)
        seconds = record.seconds if ended else None
        return cls._made(problem, arch, points, record.state, record.fidelity, seconds)

    @classmethod
    def told(
        cls,
        problem: Problem,
        observations: Sequence[Observation],
        pending: Sequence[tuple[Architecture, float | None]],
    ) -> tuple[Curve, ...]:
        """One for each architecture that was told or is pending."""
        assert problem.fidelity is not None
        archs: dict[str, Architecture] = {}
        points: dict[str, dict[float, float]] = {}
        states: dict[str, State] = {}
        targets: dict[str, float | None] = {}
        seconds: dict[str, float | None] = {}
        for seen in observations:
            key, level = seen.architecture.id, seen.fidelity
            archs.setdefault(key, seen.architecture)
            own = points.setdefault(key, {})
            targets[key], seconds[key] = level, seen.seconds
            if seen.value is None:
                states[key] = State.FAILED
            else:
                own[problem.fidelity.high if level is None else level] = seen.value
                states[key] = State.FINISHED if level is None else State.PAUSED
        for arch, target in pending:
            archs.setdefault(arch.id, arch)
            states[arch.id], targets[arch.id] = State.RUNNING, target
        return tuple(
            cls._made(
                problem, arch, points.get(key, {}), states[key], targets[key], seconds.get(key)
            )
            for key, arch in archs.items()
        )

    @classmethod
    def _made(
        cls,
        problem: Problem,
        arch: Architecture,
        points: Mapping[float, float],
        state: State,
        target: float | None,
        seconds: float | None,
    ) -> Curve:
        levels = np.array(sorted(points), dtype=float)
        values = np.array([points[level] for level in sorted(points)], dtype=float)
        return cls(arch, levels, problem.objective.inward(values), state, target, seconds)


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a training that has reached its target.

    Attributes:
        target: go on at once up to this level; None to end the training here.
        final: whether an ended one is stopped for good; else it is paused, and can be proposed
            again.
    """

    target: float | None = None
    final: bool = False


@dataclass(frozen=True)
class Dataset:
    """All that a method learns from, repeated measurements put together.

    Attributes:
        rows: the distinct networks that were trained, in the order of their first training.
        values: [n] means of the objective, larger is better; NaN where every training failed.
        repeats: [n] how many trainings each mean is of.
        failures: [n] how many trainings of each failed.
        scatter: [n] sum of the squared deviations of the trainings from their mean.
        pending: networks in training now.
        trials: how many trials there are, finished, failed and running.
        hyperparameters: those stored with the newest proposal that has any.
        curves: of all trials in the order in which they began, where the problem has a fidelity.
            Those that were trained in full are in `rows` as well, the others are not.
    """

    rows: Rows
    values: Float[Array, " n"]
    repeats: Float[Array, " n"]
    failures: Float[Array, " n"]
    scatter: Float[Array, " n"]
    pending: Rows
    trials: int
    hyperparameters: Mapping[str, float]
    curves: tuple[Curve, ...] = ()

    @classmethod
    def make(
        cls,
        problem: Problem,
        observations: Sequence[Observation],
        pending: Sequence[Architecture] = (),
        hyperparameters: Mapping[str, float] | None = None,
        curves: Sequence[Curve] = (),
    ) -> Dataset:
        """From single results in the order in which their trials began."""
        history = History(problem)
        history.add(observations)
        return history.dataset(pending, hyperparameters, curves)

    def with_pending(self, problem: Problem, archs: Sequence[Architecture]) -> Dataset:
        """The same with more networks in training."""
        if not archs:
            return self
        return replace(
            self,
            pending=stack([self.pending, problem.compiled.encode(list(archs))]),
            trials=self.trials + len(archs),
        )

    @property
    def measured(self) -> Bool[Array, " n"]:
        """Which networks have a value."""
        return self.repeats > 0


class History:
    """Results as they come, repeated measurements put together; see `Dataset`.

    Attributes:
        trials: how many results there are.
    """

    def __init__(self, problem: Problem) -> None:
        self.trials = 0
        self._problem = problem
        self._rows = problem.compiled.encode([])
        self._places: dict[str, int] = {}
        self._results: list[list[float]] = []
        self._means: list[float] = []
        self._scatter: list[float] = []
        self._failures: list[int] = []

    def copy(self) -> History:
        """The same, to which more can be added."""
        other = History(self._problem)
        other.trials = self.trials
        other._rows = self._rows  # never changed, only replaced
        other._places = dict(self._places)
        other._results = [list(results) for results in self._results]
        other._means = list(self._means)
        other._scatter = list(self._scatter)
        other._failures = list(self._failures)
        return other

    def add(self, observations: Sequence[Observation]) -> None:
        """Learn more results, in the order in which their trials began."""
        self.trials += len(observations)
        observations = [seen for seen in observations if seen.fidelity is None]
        if not observations:
            return
        rows = self._problem.compiled.encode([seen.architecture for seen in observations])
        new: list[int] = []
        ids = self._ids(observations, rows)
        for i, (key, seen) in enumerate(zip(ids, observations, strict=True)):
            place = self._places.setdefault(key, len(self._results))
            if place == len(self._results):
                new.append(i)
                self._results.append([])
                self._means.append(np.nan)
                self._scatter.append(0.0)
                self._failures.append(0)
            if seen.value is None:
                self._failures[place] += 1
            else:
                self._results[place].append(seen.value)
                mean = fmean(self._results[place])
                self._means[place] = mean
                self._scatter[place] = sum((x - mean) ** 2 for x in self._results[place])
        self._rows = stack([self._rows, rows.take(new)])

    def _ids(self, observations: Sequence[Observation], rows: Rows) -> list[str]:
        if len(observations) <= _REMEMBERED:
            return [seen.architecture.id for seen in observations]
        found: list[str] = []
        for start in range(0, len(rows), _CHUNK):
            found += self._problem.compiled.ids(rows.take(slice(start, start + _CHUNK)))
        return found

    def dataset(
        self,
        pending: Sequence[Architecture] = (),
        hyperparameters: Mapping[str, float] | None = None,
        curves: Sequence[Curve] = (),
    ) -> Dataset:
        """All that is known now, beside what is in training."""
        means = np.array(self._means, dtype=float)
        return Dataset(
            rows=self._rows,
            values=self._problem.objective.inward(means),
            repeats=np.array([len(results) for results in self._results], dtype=float),
            failures=np.array(self._failures, dtype=float),
            scatter=np.array(self._scatter, dtype=float),
            pending=self._problem.compiled.encode(list(pending)),
            trials=self.trials + len(pending),
            hyperparameters=dict(hyperparameters or {}),
            curves=tuple(curves),
        )


@dataclass(frozen=True, slots=True)
class Proposal:
    """An architecture to train next, and why.

    Attributes:
        architecture: what to train.
        origin: "initial", "model", "random", "user", "asked" where somebody asked for it while the
            study ran, or the name of a method such as "evolution";
            "repeat", "again" and "confirm" for what is trained again.
        prediction: what the surrogate expected before the training; None without a surrogate.
        score: the acquisition's value, such as log expected improvement in nats; None without one.
        hyperparameters: the fitted surrogate's, by name; the next fit starts from them.
        fidelity: train up to this level; None for a full training.
        resume: the level that a paused training of the architecture has reached, which is to be
            continued; None for a fresh training.
    """

    architecture: Architecture
    origin: str
    prediction: Prediction | None = None
    score: float | None = None
    hyperparameters: Mapping[str, float] = field(default_factory=dict)
    fidelity: float | None = None
    resume: float | None = None


class Progress(NamedTuple):
    """How far a trial was: the level that it had reported last, and the one it was to reach."""

    reported: int
    target: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """One point of a learning curve; steps are counted as epochs are."""

    epoch: int
    value: float


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial as it is stored: one architecture's training, all its attempts.

    `architecture` is the plain value in JSON form (`Architecture.to_dict()`); times are seconds
    since 1970 (`created`) and of training (`seconds`). `pending` are the numbers of the trials that
    were running when this one was proposed: with it a proposal can be made again from the history.
    `attempt` counts the trainings that were begun; it is 0 for a result that the user brought.

    In a study with a fidelity `fidelity` is the level that the trial is to reach, None for a full
    training. One that is paused or stopped has no `value`, but an `interim` one at the level
    `reached`. `progress` says of each trial that was running or paused when this one was proposed
    which level it had reported last, and which it was to reach, and None of one that had ended; all
    as far as it had changed since the trial before this one was proposed.

    One that was deleted has no result: no value, no reports, no error. `before` is the trial with
    them, and `deleted` says how many trials the study had then, so from which proposal on it counts
    no more.
    """

    number: int
    architecture_id: str
    architecture: Any
    state: State
    origin: str
    value: float | None = None
    prediction: Prediction | None = None
    score: float | None = None
    hyperparameters: Mapping[str, float] = field(default_factory=dict)
    features: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    traceback: str | None = None
    attempt: int = 1
    worker: str | None = None
    created: float = 0.0
    seconds: float | None = None
    pending: tuple[int, ...] = ()
    reports: tuple[Report, ...] = ()
    fidelity: float | None = None
    reached: float | None = None
    interim: float | None = None
    progress: Mapping[int, Progress | None] = field(default_factory=dict)
    deleted: int | None = None
    before: TrialRecord | None = None

    def without_result(self, deleted: int) -> TrialRecord:
        """The same, deleted when the study had so many trials."""
        nothing: dict[str, Any] = dict.fromkeys(
            ["value", "reached", "interim", "error", "traceback"]
        )
        return replace(
            self, state=State.DELETED, reports=(), deleted=deleted, before=self, **nothing
        )

    @property
    def undeleted(self) -> TrialRecord:
        """With what its training gave, whether or not it was deleted."""
        return self.before or self

    @property
    def imported(self) -> bool:
        """Whether the user brought it with its result."""
        return self.attempt == 0

    @property
    def searched(self) -> bool:
        """Whether the search trained it: it was not imported, nor trained again to confirm."""
        return not self.imported and self.origin != "confirm"
