import numpy as np
import pytest

from archbo.errors import Stopped
from archbo.spaces import Int, Space
from archbo.training import Failed, Finished, Task, Trial, run_attempt

SPACE = Space(width=Int(1, 8))
ARCH = SPACE.architecture({"width": 3})


def attempt(train):
    task = Task.make(2, ARCH.to_dict(), study_seed=0, attempt=1, epochs=3, objective="accuracy")
    return run_attempt(train, ARCH, Trial(task, lambda _: None))


def returning(value):
    return attempt(lambda arch, trial: value)


def raising(error):
    def train(arch, trial):
        raise error

    return attempt(train)


def test_the_training_gets_the_architecture_and_the_trial():
    ended = attempt(lambda arch, trial: arch["width"] * 10 + trial.number)
    assert isinstance(ended, Finished)
    assert (ended.number, ended.attempt, ended.value) == (2, 1, 32.0)
    assert ended.seconds >= 0


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.array([0.5]), {"accuracy": 0.5}])
def test_one_number_is_the_objective_in_whatever_it_comes(value):
    ended = returning(value)
    assert isinstance(ended, Finished)
    assert ended.value == 0.5


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, "train returned None; it must return the objective, a number"),
        (float("nan"), "what train returns must be a finite number, got nan"),
        (
            {"loss": 1.0, "f1": 2.0},
            "train must return a number or {'accuracy': number}, got ['f1', 'loss']",
        ),
        ({"loss": 1.0}, "train must return a number or {'accuracy': number}, got ['loss']"),
        ({}, "train must return a number or {'accuracy': number}, got []"),
        ((0.5, 3), "what train returns must be a number, got tuple"),
        ({"accuracy": None}, "what train returns must be a number, got NoneType"),
    ],
    ids=repr,
)
def test_what_is_no_objective_fails_with_its_reason_and_no_traceback(value, error):
    ended = returning(value)
    assert isinstance(ended, Failed)
    assert (ended.error, ended.traceback) == (error, None)


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("two\nlines"), "ValueError: two\nlines"),
        (KeyError("width"), "KeyError: 'width'"),
        (MemoryError(), "MemoryError"),
        (UnspeakableError(), "UnspeakableError: <its text cannot be shown>"),
        (SystemExit(), "exited with code 0"),
        (SystemExit(7), "exited with code 7"),
        (SystemExit("no data"), "exited with code 1"),
    ],
    ids=repr,
)
def test_an_exception_is_named_with_its_text(error, text):
    ended = raising(error)
    assert isinstance(ended, Failed)
    assert ended.error == text
    assert ended.traceback.startswith("Traceback (most recent call last):\n")
    assert "run_attempt" not in ended.traceback


def test_the_cause_of_an_error_is_in_the_traceback():
    def train(arch, trial):
        try:
            return 1 / 0
        except ZeroDivisionError as error:
            raise ValueError("no batches") from error

    ended = attempt(train)
    assert ended.error == "ValueError: no batches"
    assert "ZeroDivisionError" in ended.traceback


def test_endless_recursion_is_a_failure():
    def train(arch, trial):
        return train(arch, trial)

    assert attempt(train).error.startswith("RecursionError: maximum recursion depth exceeded")


def test_an_interrupt_passes():
    with pytest.raises(KeyboardInterrupt):
        raising(KeyboardInterrupt())


def test_a_training_that_stops_has_its_last_report_as_value():
    def train(arch, trial):
        trial.report(1, 0.1)
        trial.report(2, 0.2)
        raise Stopped

    ended = attempt(train)
    assert isinstance(ended, Finished)
    assert ended.value == 0.2


def test_a_training_that_stops_before_any_report_failed():
    assert raising(Stopped()).error == "train stopped before its first report"


def test_a_function_with_other_arguments_fails_with_pythons_words():
    ended = attempt(lambda arch: 1.0)
    assert "takes 1 positional argument but 2 were given" in ended.error
