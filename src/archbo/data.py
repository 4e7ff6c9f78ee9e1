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

_CHUNK = 1024  # networks identified at once: bounds the memory


class State(StrEnum):
    """Where a trial stands."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


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
    """One training's result; `value` is None where it failed."""

    architecture: Architecture
    value: float | None


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
    """

    rows: Rows
    values: Float[Array, " n"]
    repeats: Float[Array, " n"]
    failures: Float[Array, " n"]
    scatter: Float[Array, " n"]
    pending: Rows
    trials: int
    hyperparameters: Mapping[str, float]

    @classmethod
    def make(
        cls,
        problem: Problem,
        observations: Sequence[Observation],
        pending: Sequence[Architecture] = (),
        hyperparameters: Mapping[str, float] | None = None,
    ) -> Dataset:
        """From single results in the order in which their trials began."""
        history = History(problem)
        history.add(observations)
        return history.dataset(pending, hyperparameters)

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

    def add(self, observations: Sequence[Observation]) -> None:
        """Learn more results, in the order in which their trials began."""
        if not observations:
            return
        rows = self._problem.compiled.encode([seen.architecture for seen in observations])
        new: list[int] = []
        for i, (key, seen) in enumerate(zip(self._ids(observations), observations, strict=True)):
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
        self.trials += len(observations)

    def _ids(self, observations: Sequence[Observation]) -> list[str]:
        if len(observations) == 1:
            return [observations[0].architecture.id]  # which is remembered
        compiled, found = self._problem.compiled, []
        for start in range(0, len(observations), _CHUNK):
            archs = [seen.architecture for seen in observations[start : start + _CHUNK]]
            found += compiled.ids(compiled.encode(archs))
        return found

    def dataset(
        self,
        pending: Sequence[Architecture] = (),
        hyperparameters: Mapping[str, float] | None = None,
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
        )


@dataclass(frozen=True, slots=True)
class Proposal:
    """An architecture to train next, and why.

    Attributes:
        architecture: what to train.
        origin: "initial", "model", "random", "user" or the name of a method such as "evolution";
            "repeat", "again" and "confirm" for what is trained again.
        prediction: what the surrogate expected before the training; None without a surrogate.
        score: the acquisition's value, such as log expected improvement in nats; None without one.
        hyperparameters: the fitted surrogate's, by name; the next fit starts from them.
    """

    architecture: Architecture
    origin: str
    prediction: Prediction | None = None
    score: float | None = None
    hyperparameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """One point of a learning curve."""

    epoch: int
    value: float


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial as it is stored: one architecture's training, all its attempts.

    `architecture` is the plain value in JSON form (`Architecture.to_dict()`); times are seconds
    since 1970 (`created`) and of training (`seconds`). `pending` are the numbers of the trials that
    were running when this one was proposed: with it a proposal can be made again from the history.
    `attempt` counts the trainings that were begun; it is 0 for a result that the user brought.
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

    @property
    def imported(self) -> bool:
        """Whether the user brought it with its result."""
        return self.attempt == 0

    @property
    def searched(self) -> bool:
        """Whether the search trained it: it was not imported, nor trained again to confirm."""
        return not self.imported and self.origin != "confirm"
