"""What a driver sends to a training process, and the events that come back.

Each names the trial's `number` and `attempt`. An attempt ends with exactly one of Finished, Failed
and Lost; Reported come before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archbo.arrays import stream


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt to train one architecture.

    Attributes:
        architecture: in JSON form (`Architecture.to_dict`).
        seed: for the training's randomness, the same on every attempt.
        epochs: train up to here.
        objective: the name of what the training returns.
        folder: for the trial's saved state; None where none can be kept.
        fidelity: how full a training it is, in the study's fidelity; None where it has none.
        target: from this epoch on a report waits for what the driver says; None for no such epoch.
        log: the file that takes what the training prints; None where none can be kept.
        again: whether this trial was trained before: then its log goes on.
        alone: whether no other training may use its GPU meanwhile.
    """

    number: int
    attempt: int
    architecture: Any
    seed: int
    epochs: int
    objective: str = "value"
    folder: Path | None = None
    fidelity: float | None = None
    target: float | None = None
    log: Path | None = None
    again: bool = False
    alone: bool = False

    @classmethod
    def make(
        cls,
        number: int,
        architecture: Any,
        *,
        study_seed: int,
        attempt: int,
        epochs: int,
        objective: str = "value",
        folder: Path | None = None,
        fidelity: float | None = None,
        target: float | None = None,
        log: Path | None = None,
        again: bool = False,
    ) -> Task:
        """The task of a study's trial; its seed depends on the study's and the number alone."""
        # 31 bits: what every library takes as a seed.
        seed = int(stream(study_seed, "train", number).integers(2**31))
        return cls(
            number, attempt, architecture, seed, epochs, objective, folder, fidelity, target, log,
            again,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reported:
    """One point of the learning curve.

    Attributes:
        waits: whether the training waits for an answer: up to which epoch it goes on, or None, by
            which it ends.
    """

    number: int
    attempt: int
    epoch: int
    value: float
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """The training gave the objective's value."""

    number: int
    attempt: int
    value: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The training raised an error, or returned what is no result (then without a traceback).

    Attributes:
        crowded: whether it ran out of the memory of a GPU that other trainings may have used, too.
    """

    number: int
    attempt: int
    error: str
    traceback: str | None
    seconds: float
    crowded: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """The process died in the training, or was ended because the training broke a limit.

    Attributes:
        limit: whether it was a limit: of time, or of memory.
    """

    number: int
    attempt: int
    reason: str
    seconds: float
    limit: bool = False


Event = Reported | Finished | Failed | Lost
