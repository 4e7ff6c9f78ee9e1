"""Several processes run one study."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

import archbo as ab
from archbo.data import Proposal
from archbo.errors import UnavailableError
from archbo.store import NewTrial, Store
from archbo.study import ledger
from archbo.study.ledger import Ledger
from archbo.study.replay import replay

SPACE = ab.Space(a=ab.Int(1, 10_000), b=ab.Float(0, 1))

PROGRAM = """
import os, sys, time
import archbo as ab

def train(arch, trial):
    with open(sys.argv[1] + ".log", "a") as log:
        log.write(f"{trial.number} {os.getpid()}\\n")
    for epoch in range(1, trial.epochs + 1):
        time.sleep(float(sys.argv[4]) / trial.epochs)
        trial.report(epoch, arch["b"])
    return arch["b"]

space = ab.Space(a=ab.Int(1, 10_000), b=ab.Float(0, 1))
if __name__ == "__main__":
    study = ab.Study(sys.argv[1], space, maximize="b", seed=0, method=sys.argv[2], epochs=2)
    study.run(train, trials=int(sys.argv[3]), lease=float(sys.argv[5]))
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "s.db"


@pytest.fixture
def drive(tmp_path, file):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    started = []

    def start(trials, *, method="random", seconds=0.1, lease=60.0):
        arguments = [str(file), method, trials, seconds, lease]
        started.append(
            subprocess.Popen(
                [sys.executable, str(program), *map(str, arguments)],
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()
        process.stderr.close()


def records_of(file):
    if not file.exists():
        return []
    try:
        with Store.open(file, create=False) as store:
            return store.study().read() if store.studies() else []
    except ab.ArchboError:
        return []  # it is being made


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def trainings(file):
    """By which processes each trial was trained."""
    found = {}
    for line in Path(f"{file}.log").read_text().splitlines():
        number, pid = map(int, line.split())
        found.setdefault(number, []).append(pid)
    return found


@pytest.mark.parametrize("method", ["random", "bo"])
def test_two_shells_share_the_trials_of_a_study(drive, file, method):
    drivers = [drive(16, method=method), drive(16, method=method)]
    for driver in drivers:
        assert driver.communicate()[1] == ""
        assert driver.returncode == 0
    records = records_of(file)
    assert [r.number for r in records] == list(range(16))
    assert {r.state for r in records} == {ab.State.FINISHED}
    assert len({r.architecture_id for r in records}) == 16
    assert {r.attempt for r in records} == {1}
    assert all(len(pids) == 1 for pids in trainings(file).values())
    shares = Counter(pids[0] for pids in trainings(file).values())
    assert set(shares) == {driver.pid for driver in drivers}
    assert {int(r.worker.split(":")[1]) for r in records} == set(shares)


@pytest.mark.parametrize("method", ["random", "bo"])
def test_every_proposal_of_two_drivers_comes_again_from_the_history(drive, file, method):
    for driver in [drive(14, method=method), drive(14, method=method)]:
        driver.communicate()
    assert replay(file).same


def test_a_killed_driver_s_trial_is_trained_again_by_the_other(drive, file):
    killed = drive(6, seconds=1.0, lease=600)
    until(lambda: len(records_of(file)) == 1)
    other = drive(6, seconds=0.1, lease=600)
    until(lambda: len(records_of(file)) >= 3)
    killed.kill()
    assert other.communicate()[1] == ""
    records = records_of(file)
    assert {r.state for r in records} == {ab.State.FINISHED}
    assert len(records) == 6
    again = [r for r in records if r.attempt > 1]
    assert len(again) == 1
    assert trainings(file)[again[0].number] == [killed.pid, other.pid]


def stop_in_a_training(process, file):
    """Stop a driver where it trains a trial, and holds no lock of the file; give the number."""
    while True:
        until(lambda: any(r.state is ab.State.RUNNING for r in records_of(file)))
        process.send_signal(signal.SIGSTOP)
        running = [r.number for r in records_of(file) if r.state is ab.State.RUNNING]
        with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as raw:
            try:
                raw.execute("BEGIN IMMEDIATE")
                if running:
                    return running[0]
            except sqlite3.OperationalError:
                pass
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)


def test_one_that_only_paused_comes_back_to_what_is_its_own(drive, file):
    paused = drive(6, seconds=1.5, lease=3)
    number = stop_in_a_training(paused, file)
    other = drive(6, seconds=0.5, lease=3)
    until(lambda: records_of(file)[number].attempt == 2)
    paused.send_signal(signal.SIGCONT)
    for driver in (paused, other):
        assert driver.communicate()[1] == ""
        assert driver.returncode == 0
    records = records_of(file)
    assert {r.state for r in records} == {ab.State.FINISHED}
    assert [r.number for r in records] == list(range(6))
    assert [r.attempt for r in records].count(1) == 5


def test_a_result_that_comes_late_is_kept_where_there_is_none(file):
    """The trial of a driver that paused was taken over, and is still in training there."""
    with Store.open(file) as store:
        study = store.create_study({})
        first, second = Ledger(study, "first"), Ledger(study, "second")
        assert first.begin(trial(0))
        second.refresh()
        assert second.take(second.records[0])
        assert not first.report(0, 1, 0.5, attempt=1)
        assert first.records[0].worker == "second"
        assert first.finish(0, 0.75, 10.0)
        assert not second.finish(0, 0.5, 1.0)
        assert [r.value for r in second.records] == [0.75]


def trial(seed):
    return NewTrial(Proposal(SPACE.sample(seed), "random"))


def test_what_follows_from_an_old_history_is_not_stored(file):
    with Store.open(file) as store:
        study = store.create_study({})
        first, second = Ledger(study, "first"), Ledger(study, "second")
        assert first.begin(trial(0))
        assert not second.begin(trial(1))
        assert len(second.records) == 1  # it has read what it did not know
        assert second.begin(trial(1))
        assert [r.architecture_id for r in study.read()] == [
            SPACE.sample(0).id,
            SPACE.sample(1).id,
        ]


def test_a_write_is_tried_again_while_the_database_is_away(file, monkeypatch):
    pauses = []
    monkeypatch.setattr(ledger.time, "sleep", pauses.append)
    with Store.open(file) as store:
        study = store.create_study({})
        ours = Ledger(study, "ours")
        add, failures = study.add_trial, iter([UnavailableError("the disk is full")] * 5)

        def refuse(*args, **kwargs):
            if (error := next(failures, None)) is not None:
                raise error
            return add(*args, **kwargs)

        monkeypatch.setattr(study, "add_trial", refuse)
        with pytest.warns(UserWarning, match=r"the disk is full.*Trying again"):
            assert ours.begin(trial(0))
        assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6]
        assert len(study.read()) == 1


def test_a_write_whose_answer_was_lost_is_not_done_twice(file, monkeypatch):
    monkeypatch.setattr(ledger.time, "sleep", lambda _: None)
    with Store.open(file) as store:
        study = store.create_study({})
        ours = Ledger(study, "ours")
        add, lost = study.add_trial, iter([UnavailableError("server closed the connection")])

        def add_and_lose(*args, **kwargs):
            record = add(*args, **kwargs)
            if (error := next(lost, None)) is not None:
                raise error
            return record

        monkeypatch.setattr(study, "add_trial", add_and_lose)
        assert not ours.begin(replace(trial(0), worker="ours"))
        assert [(r.number, r.worker) for r in ours.records] == [(0, "ours")]


def test_a_file_that_another_keeps_locked_is_waited_for(file, monkeypatch):
    monkeypatch.setattr("archbo.store.database.BUSY_SECONDS", 0.05)
    with Store.open(file) as store, Store.open(file) as other:
        study = store.create_study({})
        ours = Ledger(study, "ours")
        holding = other._database._engine.connect()
        holding = holding.execution_options(begin="BEGIN IMMEDIATE")
        holding.execute(text("SELECT 1"))
        slept = []

        def release(seconds):  # also for SQLite's own pauses, which are shorter
            if seconds >= 0.1:
                slept.append(seconds)
                holding.close()

        monkeypatch.setattr(ledger.time, "sleep", release)
        assert ours.begin(trial(0))
        assert slept == [0.1]


def test_a_run_with_nothing_left_to_begin_does_not_wait_for_others(file):
    space = ab.Space(a=ab.Choice([0, 1]))
    with (
        ab.Study(file, space, maximize="a", method="random") as study,
        study.store.driver(lease=60) as other,
    ):
        study.store.add_trial(
            NewTrial(Proposal(space.architecture({"a": 0}), "random"), worker=other.name)
        )
        with pytest.warns(UserWarning, match="the run ended early: all 2 different networks"):
            study.run(lambda arch, trial: arch["a"], trials=10)
        assert [r.state for r in study.trials] == [ab.State.RUNNING, ab.State.FINISHED]


def test_a_lease_is_a_positive_number():
    with (
        ab.Study(None, SPACE, maximize="b") as study,
        pytest.raises(ab.ArchboError, match="lease must be a positive number of seconds, got 0"),
    ):
        study.run(lambda arch, trial: 0.0, trials=1, lease=0)


def test_the_trials_say_who_trained_them(file):
    with ab.Study(file, SPACE, maximize="b", method="random") as study:
        study.run(lambda arch, trial: arch["b"], trials=2)
        assert len({r.worker for r in study.trials}) == 1
        assert f":{os.getpid()}:" in study.trials[0].worker
