"""Trials whose results are known to be wrong: what is learned, proposed and shown without them."""

import csv
import importlib.util
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

import archbo as ab
from archbo.data import State
from archbo.encodings import Flat
from archbo.errors import ConflictError, StoreError
from archbo.methods import Search, find_method
from archbo.older import OlderResults
from archbo.store import Store
from archbo.study.older import read_store
from archbo.study.proposing import cost, history, propose
from archbo.study.replay import replay

SPACE = ab.Space(a=ab.Int(1, 30), b=ab.Choice(["x", "y"]))

PAUSING = Path(__file__).with_name("pausing.py")
spec = importlib.util.spec_from_file_location("deleting_pausing", PAUSING)
pausing = importlib.util.module_from_spec(spec)
sys.modules["deleting_pausing"] = pausing
spec.loader.exec_module(pausing)


def quality(arch, trial):
    if arch["a"] == 13:
        raise ValueError("unlucky")
    return arch["a"] + trial.seed / 2**40


def make(store=None, **more):
    return ab.Study(store, SPACE, **{"maximize": "score", "method": "random"} | more)


def deletes(study, rng, train, share=0.4):
    """A training during which trials are deleted, as somebody else does it."""

    def trained(arch, trial):
        over = [r.number for r in study.trials if r.state not in (State.RUNNING, State.DELETED)]
        if over and rng.random() < share:
            study.delete(int(rng.choice(over)))
        return train(arch, trial)

    return trained


def deleted(study):
    return [record.number for record in study.trials if record.state is State.DELETED]


def test_a_deleted_result_counts_no_more_and_is_kept():
    with make() as study:
        study.run(quality, trials=10)
        best = max(study.trials, key=lambda r: r.value)
        study.delete(best.number)
        record = study.trials[best.number]
        assert (record.state, record.value, record.before) == (State.DELETED, None, best)
        assert study.best.value == max(r.value for r in study.trials if r.value is not None)
        assert study.best.value < best.value
        dataset = study.dataset(study.trials)
        assert (dataset.trials, len(dataset.rows)) == (9, 9)
        assert record.architecture_id not in study.problem.compiled.ids(dataset.rows)


def test_what_cannot_be_deleted_is_said():
    with make() as study:
        study.run(quality, trials=2)
        study.delete(0)
        with pytest.raises(ConflictError, match="study 'default': trial 0 is deleted already"):
            study.delete(0)
        with pytest.raises(StoreError, match="there is no trial 2"):
            study.delete(2)


@pytest.mark.parametrize(("method", "seed"), [("bo", 0), ("bo", 1), ("evolution", 2)])
def test_every_proposal_comes_out_again_whatever_is_deleted(tmp_path, method, seed):
    with make(tmp_path / "s.db", method=method, start=[{"a": 3, "b": "y"}]) as study:
        study.run(deletes(study, np.random.default_rng(seed), quality), trials=14)
        assert len(study.trials) == 14
        assert len(deleted(study)) > 2
        study.delete(next(r.number for r in study.trials if r.state is not State.DELETED))
    assert replay(tmp_path / "s.db").same


@pytest.mark.parametrize(
    ("name", "fidelity"),
    [
        ("bo", ab.Epochs(1, 9)),
        ("bo", ab.Fidelity("data", 0.1, 1.0)),
        ("mobster", ab.Epochs(1, 9)),
        ("hyperband", ab.Epochs(1, 9)),
    ],
)
def test_trials_that_can_be_paused_come_out_again_as_well(name, fidelity):
    method = find_method(name)
    if hasattr(method, "short"):
        short = replace(method.short, start=4)
        method = replace(method, encoding=Flat(), candidates=16, climbs=0, short=short)

    def by_curve(arch, trial):
        for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
            trial.report(epoch, abs(arch["lr"] - 0.1) + arch["goal"] / 1000 / epoch)
        return trial.last_report.value

    def by_level(arch, trial):
        return abs(arch["lr"] - 0.1) + arch["goal"] / 1000 / (9 * trial.fidelity)

    train = by_curve if fidelity.continued else by_level
    space = pausing.SPACE
    with ab.Study(None, space, minimize="loss", method=method, fidelity=fidelity) as study:
        study.run(deletes(study, np.random.default_rng(1), train), budget=2)
        records = study.trials
        gone = [r for r in records if r.state is State.DELETED]
        assert State.PAUSED in {record.undeleted.state for record in gone}
        assert len(study.dataset(records).curves) == len(records) - len(gone)
        for record in records:
            again = propose(study, history(records, record.number))
            assert (again.architecture.id, again.origin) == (record.architecture_id, record.origin)
        spent = sum(cost(study.problem.fidelity, r) for r in records)
        study.delete(next(r.number for r in records if r.state is State.PAUSED))
        assert sum(cost(study.problem.fidelity, r) for r in study.trials) == spent


@dataclass(frozen=True)
class Late:
    """A method during whose second proposal the first trial is deleted, as by somebody else."""

    file: Path

    def prepare(self, problem):
        return _Late(self.file, find_method("random").prepare(problem))


class _Late(Search):
    def __init__(self, file, random):
        self.file = file
        self.random = random
        self.seen = []

    def propose(self, dataset, count, rng):
        self.seen.append(dataset.trials)
        if len(self.seen) == 2:
            with Store.open(self.file) as store:
                store.study().delete(0)
        return self.random.propose(dataset, count, rng)


def test_a_proposal_that_follows_from_a_deleted_result_is_made_again(tmp_path):
    file = tmp_path / "s.db"
    with make(file, method=Late(file)) as study:
        study.run(quality, trials=3)
        assert study.search.seen == [0, 1, 0, 1]
        assert [r.state for r in study.trials] == [State.DELETED] + [State.FINISHED] * 2
        assert study.trials[0].deleted == 1


def test_two_drivers_go_on_after_deletions_by_a_third(tmp_path):
    file = tmp_path / "s.db"
    make(file, method="bo").close()

    def drive(seed):
        with make(file, method="bo") as study:
            study.run(deletes(study, np.random.default_rng(seed), quality, 0.2), trials=16)

    threads = [Thread(target=drive, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with make(file, method="bo") as study:
        assert len(study.trials) == 16
        assert deleted(study)
        assert State.RUNNING not in {record.state for record in study.trials}
    assert replay(file).same


def test_a_deleted_architecture_may_be_trained_again():
    space = ab.Space(a=ab.Int(1, 4))
    with ab.Study(None, space, maximize="score", method="random", start=[{"a": 2}]) as study:
        study.run(quality, trials=4)
        study.delete(0)
        study.delete(next(r.number for r in study.trials if r.architecture == {"a": 4}))
        study.run(quality, trials=6)
        assert study.trials[4].architecture == {"a": 2}
        assert study.trials[4].origin == "user"
        assert study.trials[5].architecture == {"a": 4}


def test_a_deleted_repeat_is_made_up_for_and_a_deleted_network_is_left():
    with make(repeats=2) as study:
        study.run(quality, trials=2)
        study.delete(1)
        study.run(quality, trials=3)
        origins = [record.origin for record in study.trials]
        assert origins == ["random", "repeat", "repeat"]
        study.run(quality, trials=4)
        study.delete(3)
        study.run(quality, trials=6)
        origins = [record.origin for record in study.trials]
        assert origins[3:] == ["random", "random", "repeat"]


def test_trials_are_confirmed_and_confirm_without_what_was_deleted():
    with make() as study:
        study.run(quality, trials=8)
        first = max(study.trials, key=lambda r: r.value)
        study.delete(first.number)
        found = study.confirm(quality, top=1, repeats=2)
        (member,) = found.members
        assert member.architecture.id != first.architecture_id
        study.delete(member.trials[0])
        assert study.confirmation.members[0].trials == member.trials[1:]
        again = study.confirm(quality, top=1, repeats=2)
        assert again.members[0].trials == (member.trials[1], len(study.trials) - 1)
        chosen = next(r for r in study.trials if r.architecture_id == member.architecture.id)
        study.delete(chosen.number)
        (left,) = study.confirmation.members
        assert np.isnan(left.selected)
        assert left.overall == left.mean


def test_what_was_added_and_deleted_is_not_added_again():
    with make() as study:
        assert study.add([{"a": 3, "b": "x"}, {"a": 4, "b": "x"}], [1.0, ab.FAILED]) == 2
        study.delete(0)
        study.delete(1)
        assert study.add([{"a": 3, "b": "x"}, {"a": 4, "b": "x"}], [1.0, ab.FAILED]) == 0
        assert study.add({"a": 3, "b": "x"}, 2.0) == 1


def test_other_studies_learn_nothing_from_what_was_deleted(tmp_path):
    with make(tmp_path / "old.db") as study:
        study.run(quality, trials=12)
        study.delete(5)
        study.to_dataframe().to_csv(tmp_path / "old.csv", index=False)
    older = read_store(SPACE, tmp_path / "old.db")
    assert isinstance(older, OlderResults)
    assert len(older.values) == 11
    with (tmp_path / "old.csv").open() as file:
        assert [row["state"] for row in csv.DictReader(file)].count("deleted") == 1
    with make() as study:
        assert study.add_csv(tmp_path / "old.csv") == 11


def test_what_a_deleted_trial_saved_is_no_longer_kept_for_it(tmp_path):
    def saves(arch, trial):
        trial.save(b"weights", epoch=1)
        return quality(arch, trial)

    with make(tmp_path / "s.db") as study:
        study.run(saves, trials=6)
        best = max(study.trials, key=lambda r: r.value)
        study.delete(best.number)
        study.save_best(1)
        kept = [n for n in range(6) if study.state_file(n) is not None]
        assert kept == [max(study.trials, key=lambda r: r.value or 0.0).number]
