"""What a training function gets beside the architecture."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from math import inf, isfinite
from numbers import Real
from operator import index
from pathlib import Path
from typing import Any

from archbo.errors import Stopped, TrainingError
from archbo.training.messages import Reported, Task
from archbo.training.states import epoch_of, read_state, state_file, write_state


class Trial:
    """One attempt of one trial, seen from inside `train(arch, trial)`.

        for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
            ...
            trial.report(epoch, accuracy)

    Args:
        task: what is to be trained.
        send: takes each report; the training goes on when it returns. Of a report that waits it
            gives the next epoch to wait at (infinity for none), or None to end the training.

    Attributes:
        number: of the trial in its study, from 0.
        attempt: 1, and more where earlier attempts failed or were interrupted.
        seed: for all that is random in the training; the same on every attempt.
        epochs: train up to this one.
        epochs_done: those that the state that `load` gave has seen; 0 without one.
        fidelity: in a study with a fidelity, the level of this training, such as the share of the
            data to train with; else None.
        objective: the name of what the training returns.
    """

    def __init__(self, task: Task, send: Callable[[Reported], float | None]) -> None:
        self.number = task.number
        self.attempt = task.attempt
        self.seed = task.seed
        self.epochs = task.epochs
        self.epochs_done = 0
        self.fidelity = task.fidelity
        self.objective = task.objective
        self._folder = task.folder
        self._send = send
        self._target = inf if task.target is None else task.target
        self._last: Reported | None = None

    @property
    def steps(self) -> int:
        """Train up to this one, in a study that counts steps: the number in `epochs`."""
        return self.epochs

    @property
    def steps_done(self) -> int:
        """As `epochs_done`."""
        return self.epochs_done

    @property
    def last_report(self) -> Reported | None:
        """The newest report of this attempt."""
        return self._last

    def report(self, epoch: int, value: float) -> None:
        """Store the objective's value after an epoch.

        Args:
            epoch: 1, 2, …; gaps are fine.
            value: a finite number, or what has one as `.item()`, such as a tensor.

        Raises:
            TrainingError: if the epochs do not increase, or the value is no finite number.
            Stopped: where the study pauses this training, or ends it; let it pass.
        """
        try:
            at = index(epoch)
        except TypeError:
            raise TrainingError(
                f"an epoch is a whole number, got {epoch!r}", path="trial.report"
            ) from None
        if at < 1:
            raise TrainingError(f"epochs count from 1, got {at}", path="trial.report")
        if self._last is not None and at <= self._last.epoch:
            raise TrainingError(
                f"epoch {at} came after epoch {self._last.epoch}: epochs increase",
                path="trial.report",
            )
        value = as_number(value, f"trial.report({at}, …): the value")
        self._last = Reported(self.number, self.attempt, at, value, waits=at >= self._target)
        answer = self._send(self._last)
        if self._last.waits:
            if answer is None:
                raise Stopped
            self._target = answer

    def save(self, state: Any, *, epoch: int | None = None) -> None:
        """Keep the training's state in a file of this trial, in place of the one saved before.

            trial.save({"model": model.state_dict(), "epoch": epoch})
            trial.report(epoch, accuracy)

        Save first: where the study pauses a training, `report` does not return.

        Args:
            state: bytes, or nested dicts and lists of tensors, NumPy arrays and plain values.
            epoch: the last that the state has seen. By default the number that it holds itself as
                "epoch", or else the last epoch that was reported.

        Raises:
            TrainingError: if the study keeps no files; if the state holds anything else, or cannot
                be written.
        """
        if epoch is None and isinstance(state, Mapping) and type(state.get("epoch")) is int:
            epoch = state["epoch"]
        if epoch is None:
            epoch = self.epochs_done if self._last is None else self._last.epoch
        if type(epoch) is not int or epoch < 0:
            raise TrainingError(f"an epoch is a whole number, got {epoch!r}", path="trial.save")
        write_state(self._kept("save"), state, epoch=epoch)

    def load(self) -> Any:
        """The state that this trial saved last, in whichever attempt; None for a fresh start.

        `epochs_done` then says what it has seen. Tensors are on the CPU. A file that cannot be read
        is a warning, and a fresh start.

        Raises:
            TrainingError: if the study keeps no files.
        """
        self.epochs_done = 0
        file = state_file(self._kept("load"))
        if file is None:
            return None
        try:
            state = read_state(file)
        except TrainingError as error:
            warnings.warn(f"{error}. Trial {self.number} starts afresh.", stacklevel=2)
            return None
        self.epochs_done = epoch_of(file)
        return state

    def _kept(self, call: str) -> Path:
        if self._folder is None:
            raise TrainingError(
                "the study has no folder for files, as its store is no SQLite file",
                path=f"trial.{call}",
                hint='Name one: ab.Study(…, files="folder").',
            )
        return self._folder

    def __repr__(self) -> str:
        return f"Trial(number={self.number}, attempt={self.attempt}, epochs={self.epochs})"


def as_number(value: Any, what: str) -> float:
    """A finite float from a number, or from what has one as `.item()` (a tensor, an array).

    Raises:
        TrainingError: saying what is wrong with `what`.

    >>> import numpy as np
    >>> as_number(np.array([0.5]), "the value")
    0.5
    """
    given = type(value).__name__
    if not isinstance(value, Real) and hasattr(value, "item"):
        try:
            value = value.item()
        except Exception as error:  # each library has its own
            raise TrainingError(f"{what} must be one number, got {given}: {error}") from error
    if not isinstance(value, Real):
        raise TrainingError(f"{what} must be a number, got {given}")
    try:
        number = float(value)
    except OverflowError:  # a huge integer
        number = inf
    if not isfinite(number):
        raise TrainingError(f"{what} must be a finite number, got {number}")
    return number
