from decimal import Decimal
from fractions import Fraction
from math import inf

import numpy as np
import pytest

from archbo.errors import Stopped, TrainingError
from archbo.training import Reported, Task, Trial
from archbo.training.trial import as_number


@pytest.fixture
def sent():
    return []


@pytest.fixture
def trial(sent):
    task = Task.make(4, {"a": 1}, study_seed=0, attempt=2, epochs=9)
    return Trial(task, sent.append)


def test_a_trial_knows_what_its_task_says(trial):
    assert (trial.number, trial.attempt, trial.epochs, trial.epochs_done) == (4, 2, 9, 0)
    assert trial.seed == Task.make(4, {}, study_seed=0, attempt=1, epochs=3).seed
    assert repr(trial) == "Trial(number=4, attempt=2, epochs=9)"


def test_reports_are_sent_as_they_come(trial, sent):
    assert trial.last_report is None
    trial.report(1, 0.1)
    trial.report(np.int64(5), np.float32(0.5))
    assert sent == [Reported(4, 2, 1, 0.1), Reported(4, 2, 5, 0.5)]
    assert [type(x) for x in (sent[1].epoch, sent[1].value)] == [int, float]
    assert trial.last_report == sent[1]


@pytest.mark.parametrize(
    ("epoch", "value", "message"),
    [
        (0, 0.5, r"trial\.report: epochs count from 1, got 0"),
        (-3, 0.5, r"trial\.report: epochs count from 1, got -3"),
        (1.0, 0.5, r"trial\.report: an epoch is a whole number, got 1\.0"),
        ("1", 0.5, r"trial\.report: an epoch is a whole number, got '1'"),
        (2, 0.5, r"trial\.report: epoch 2 came after epoch 2: epochs increase"),
        (1, 0.5, r"trial\.report: epoch 1 came after epoch 2: epochs increase"),
        (3, float("nan"), r"trial\.report\(3, …\): the value must be a finite number, got nan"),
        (3, float("inf"), r"trial\.report\(3, …\): the value must be a finite number, got inf"),
        (3, None, r"trial\.report\(3, …\): the value must be a number, got NoneType"),
    ],
)
def test_a_report_that_makes_no_sense_is_not_sent(trial, sent, epoch, value, message):
    trial.report(2, 0.2)
    with pytest.raises(TrainingError, match=message):
        trial.report(epoch, value)
    assert sent == [Reported(4, 2, 2, 0.2)]
    trial.report(3, 0.3)
    assert len(sent) == 2


class Scalar:
    """As a tensor of one element: a number only by `item`."""

    def __init__(self, value):
        self.value = value

    def item(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.mark.parametrize(
    "value",
    [0.5, Fraction(1, 2), np.float32(0.5), np.array(0.5), np.array([[0.5]]), Scalar(0.5)],
    ids=["float", "fraction", "NumPy scalar", "array", "nested array", "tensor-like"],
)
def test_whatever_holds_one_number_is_a_number(value):
    assert as_number(value, "it") == 0.5
    assert type(as_number(value, "it")) is float


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0.5", "it must be a number, got str"),
        (Decimal("0.5"), "it must be a number, got Decimal"),
        (1j, "it must be a number, got complex"),
        ([0.5], "it must be a number, got list"),
        (np.array([1.0, 2.0]), "it must be one number, got ndarray: can only convert"),
        (Scalar(RuntimeError("2 elements")), "it must be one number, got Scalar: 2 elements"),
        (Scalar("0.5"), "it must be a number, got Scalar"),
        (np.array(np.nan), "it must be a finite number, got nan"),
        (10**400, "it must be a finite number, got inf"),
    ],
)
def test_what_is_no_number_says_so(value, message):
    with pytest.raises(TrainingError, match=message):
        as_number(value, "it")


def test_a_report_at_the_target_goes_on_as_it_is_told():
    answers, sent = [4, inf], []

    def send(report):
        sent.append((report.epoch, report.waits))
        return answers.pop(0) if report.waits else None

    trial = Trial(Task.make(0, {}, study_seed=0, attempt=1, epochs=9, target=2), send)
    for epoch in (1, 3, 5, 6):  # gaps are fine
        trial.report(epoch, 0.5)
    assert sent == [(1, False), (3, True), (5, True), (6, False)]
    assert answers == []


def test_a_training_that_is_to_end_is_stopped_by_its_report():
    trial = Trial(Task.make(0, {}, study_seed=0, attempt=1, epochs=9, target=1), lambda _: None)
    with pytest.raises(Stopped):
        trial.report(1, 0.5)
    assert trial.last_report.epoch == 1
