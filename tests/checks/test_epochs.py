import time

import numpy as np
import pytest

import archbo as ab
from archbo.checks.epochs import probe_epoch, stored_epochs
from archbo.data import Report, State, TrialRecord
from archbo.errors import TrainingError

SPACE = ab.Space(a=ab.Int(1, 8))


def record(number, seconds, *, epochs=(), state=State.FINISHED):
    reports = tuple(Report(epoch, 0.5) for epoch in epochs)
    return TrialRecord(number, "id", 1, state, "random", seconds=seconds, reports=reports)


def probe(train):
    arch = SPACE.sample(np.random.default_rng(0))
    return probe_epoch(train, arch, seed=0, objective="accuracy")


def test_stored_trials_are_divided_by_the_epochs_that_they_reached():
    records = [
        record(0, 20.0, epochs=(5, 10)),
        record(1, 9.0),
        record(2, 100.0, state=State.FAILED),
        record(3, 40.0, epochs=(10,)),
    ]
    info = stored_epochs(records, epochs=3)
    assert (info.seconds, info.least, info.most, info.trials) == (3.0, 2.0, 4.0, 3)
    assert stored_epochs(records[2:3], epochs=3) is None


def test_probe_ends_at_the_first_report_and_divides_by_its_epoch():
    epochs = []

    def train(arch, trial):
        for epoch in (4, 8):
            epochs.append(epoch)
            time.sleep(0.04)
            trial.report(epoch, 0.5)

    info = probe(train)
    assert epochs == [4]
    assert info.seconds >= 0.01
    assert info.trials == 0


def test_probe_asks_for_one_epoch_and_keeps_no_files():
    asked = []

    def train(arch, trial):
        trial.save({"epoch": 1})
        asked.append(trial.epochs)
        return 0.5

    assert probe(train).seconds > 0
    assert asked == [1]


def test_probe_that_fails_says_why():
    def train(arch, trial):
        raise RuntimeError("no such data")

    with pytest.raises(
        TrainingError, match=r"a probe of Architecture\(.*\) failed: .*no such data"
    ):
        probe(train)
