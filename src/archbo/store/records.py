"""What is written to a store and read from it, beside the trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import Any, NamedTuple

from archbo.data import Prediction, Progress, Proposal, State, TrialRecord
from archbo.errors import ConflictError, ObservationError


class StudyRecord(NamedTuple):
    """A study as it is stored; `created` is in seconds since 1970."""

    name: str
    settings: Mapping[str, Any]
    created: float
    trials: int


class Changes(NamedTuple):
    """What happened in a study; give `version` to the next call of `changes`."""

    version: int
    records: list[TrialRecord]


class Answer(StrEnum):
    """What became of a request."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class NewTrial:
    """A trial to store: running, or ended already where it has a value or an error.

    Attributes:
        proposal: what is trained, and why; origin "user" for what the user brings.
        features: the numbers known before the training, by name.
        pending: numbers of the trials that were running when this one was proposed.
        progress: how far the others were, where trainings can be paused; see `TrialRecord`.
        worker: who trains it.
        value: the result, where it is known already.
        error: why it failed, where it is known already.
        seconds: how long the training took, where it ended already.

    Raises:
        ObservationError: if the value is not finite, or there is an error as well.
    """

    proposal: Proposal
    features: Mapping[str, float] = field(default_factory=dict)
    pending: tuple[int, ...] = ()
    progress: Mapping[int, Progress | None] = field(default_factory=dict)
    worker: str | None = None
    value: float | None = None
    error: str | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.value is not None:
            check_finite(self.value, "the value")
            if self.error is not None:
                raise ObservationError("a trial ends with a value or with an error, not with both")

    @property
    def state(self) -> State:
        """Where it stands when it is stored."""
        if self.error is not None:
            return State.FAILED
        return State.RUNNING if self.value is None else State.FINISHED

    def record(self, number: int, created: float) -> TrialRecord:
        """As it is stored."""
        proposal = self.proposal
        return TrialRecord(
            number=number,
            architecture_id=proposal.architecture.id,
            architecture=proposal.architecture.to_dict(),
            state=self.state,
            origin=proposal.origin,
            value=as_float(self.value),
            prediction=proposal.prediction and Prediction(*map(float, proposal.prediction)),
            score=as_float(proposal.score),
            hyperparameters=as_floats(proposal.hyperparameters),
            features=as_floats(self.features),
            error=self.error,
            attempt=1 if self.state is State.RUNNING else 0,
            worker=self.worker,
            created=created,
            seconds=as_float(self.seconds),
            pending=tuple(self.pending),
            fidelity=as_float(proposal.fidelity),
            progress=dict(self.progress),
        )


def check_finite(value: float, what: str) -> None:
    """Refuse what is no result.

    Raises:
        ObservationError: if the value is not finite, naming it.
    """
    if not isfinite(value):
        raise ObservationError(f"{what} must be a finite number, got {value}")


def check_deletable(number: int, state: State, where: str) -> None:
    """Refuse to delete a trial that has given nothing yet, or was deleted.

    Raises:
        ConflictError: if it is running, or deleted already.
    """
    if state is State.RUNNING:
        hint = "It can be deleted when it has ended."
        raise ConflictError(f"trial {number} is running", path=where, hint=hint)
    if state is State.DELETED:
        raise ConflictError(f"trial {number} is deleted already", path=where)


def as_float(value: float | None) -> float | None:
    """The same as a float of Python's own, which every database takes."""
    return None if value is None else float(value)


def as_floats(values: Mapping[str, float]) -> dict[str, float]:
    """Each value as a float of Python's own."""
    return {name: float(value) for name, value in values.items()}
