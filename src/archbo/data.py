"""What is known: observations, proposals, and trials as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from archbo.spaces import Architecture


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

    @property
    def failed(self) -> bool:
        """Whether the training crashed instead of giving a value."""
        return self.value is None


@dataclass(frozen=True, slots=True)
class Proposal:
    """An architecture to train next, and why.

    Attributes:
        architecture: what to train.
        origin: "initial", "model", "random", "evolution" or "user".
        prediction: what the surrogate expected before the training; None without a surrogate.
        score: the acquisition's value (log expected improvement, in nats); None without one.
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
    since 1970 (`created`) and of training (`seconds`).
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
    reports: tuple[Report, ...] = ()
