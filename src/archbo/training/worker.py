"""One attempt: calls the training function and turns whatever comes of it into one event."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping

from archbo.errors import Stopped, TrainingError
from archbo.spaces import Architecture
from archbo.training.messages import Failed, Finished
from archbo.training.trial import Trial, as_number

Train = Callable[[Architecture, Trial], object]
"""What users write: trains the architecture and returns the objective."""


def run_attempt(train: Train, architecture: Architecture, trial: Trial) -> Finished | Failed:
    """Train, and say how it ended.

    `train` returns a number (or what has one as `.item()`), or a mapping of the objective to it. A
    training that ends by `Stopped` has its last report as its value. SystemExit is a failure, as
    any exception; KeyboardInterrupt passes.
    """
    began = time.perf_counter()

    def failed(error: str, trace: str | None = None) -> Failed:
        return Failed(trial.number, trial.attempt, error, trace, time.perf_counter() - began)

    try:
        returned = train(architecture, trial)
    except Stopped:
        if trial.last_report is None:
            return failed("train stopped before its first report")
        returned = trial.last_report.value
    except SystemExit as exit_:
        return failed(f"exited with code {_exit_code(exit_)}", _trace(exit_))
    except Exception as error:
        return failed(_described(error), _trace(error))
    try:
        value = _objective(returned, trial.objective)
    except TrainingError as error:
        return failed(str(error))
    return Finished(trial.number, trial.attempt, value, time.perf_counter() - began)


def _objective(returned: object, name: str) -> float:
    if returned is None:
        raise TrainingError("train returned None; it must return the objective, a number")
    if isinstance(returned, Mapping):
        if list(returned) != [name]:
            got = sorted(map(str, returned))
            raise TrainingError(f"train must return a number or {{{name!r}: number}}, got {got}")
        returned = returned[name]
    return as_number(returned, "what train returns")


def _exit_code(error: SystemExit) -> int:
    """As the interpreter would exit: no code is success, a text is 1."""
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1


def _described(error: Exception) -> str:
    """`ValueError: the text`, whatever the error's own `str` does."""
    try:
        text = str(error)
    except Exception:  # a broken __str__ must not end the worker
        text = "<its text cannot be shown>"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _trace(error: BaseException) -> str:
    """The traceback from the user's function on: the frame of this module says nothing."""
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
    return "".join(traceback.format_exception(error))
