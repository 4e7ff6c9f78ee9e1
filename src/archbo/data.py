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
        pending: networks in training now.
        trials: how many trials there are, finished, failed and running.
        hyperparameters: those stored with the newest proposal that has any.
    """

    rows: Rows
    values: Float[Array, " n"]
    repeats: Float[Array, " n"]
    failures: Float[Array, " n"]
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
        first: dict[str, Architecture] = {}
        results: dict[str, list[float]] = {}
        failures: dict[str, int] = {}
        for seen in observations:
            key = seen.architecture.id
            first.setdefault(key, seen.architecture)
            results.setdefault(key, [])
            failures.setdefault(key, 0)
            if seen.value is None:
                failures[key] += 1
            else:
                results[key].append(seen.value)
        means = np.array([fmean(r) if r else np.nan for r in results.values()], dtype=float)
        return cls(
            rows=problem.compiled.encode(list(first.values())),
            values=problem.objective.inward(means),
            repeats=np.array([len(r) for r in results.values()], dtype=float),
            failures=np.array(list(failures.values()), dtype=float),
            pending=problem.compiled.encode(list(pending)),
            trials=len(observations) + len(pending),
            hyperparameters=dict(hyperparameters or {}),
        )

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


@dataclass(frozen=True, slots=True)
class Proposal:
    """An architecture to train next, and why.

    Attributes:
        architecture: what to train.
        origin: "initial", "model", "random", "user" or the name of a method such as "evolution";
            "repeat" and "confirm" for what is trained again.
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
