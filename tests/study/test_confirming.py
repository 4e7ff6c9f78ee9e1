import importlib.util
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import archbo as ab
from archbo.errors import ObservationError, ProblemError
from archbo.store import Store
from archbo.study.replay import replay

PROGRAM = Path(__file__).with_name("confirmable.py")


@pytest.fixture
def program(monkeypatch):
    """The program as a module that worker processes can import."""
    monkeypatch.setenv("PYTHONPATH", str(PROGRAM.parent))
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    spec = importlib.util.spec_from_file_location("confirmable", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "confirmable", module)
    spec.loader.exec_module(module)
    return module


def without_times(records):
    own = {"created": 0.0, "seconds": None, "attempt": 1, "worker": None}
    return [replace(record, **own) for record in records]


def again(study):
    return [record for record in study.trials if record.origin == "confirm"]


def test_the_best_are_trained_again_with_new_seeds(program):
    with program.make(None) as study:
        study.run(program.train, trials=12)
        best = sorted(study.trials, key=lambda r: -r.value)[:2]
        found = study.confirm(program.train, top=2, repeats=3)
        trials = again(study)
        assert [r.architecture_id for r in trials] == [r.architecture_id for r in best] * 3
        assert len({r.value for r in trials}) == 6  # each with a seed of its own
        assert {m.architecture.id for m in found.members} == {r.architecture_id for r in best}
        assert {m.selected for m in found.members} == {r.value for r in best}
        assert found == study.confirmation


def test_without_numbers_three_are_trained_three_times(program):
    with program.make(None) as study:
        study.run(program.train, trials=12)
        study.confirm(program.train)
        assert sorted(Counter(r.architecture_id for r in again(study)).values()) == [3, 3, 3]


def test_saying_it_again_trains_only_what_is_missing(program):
    with program.make(None) as study:
        study.run(program.train, trials=12)
        study.confirm(program.train, top=2, repeats=2)
        study.confirm(program.train, top=2, repeats=2)
        assert len(again(study)) == 4
        study.confirm(program.train, top=3, repeats=3)
        assert sorted(Counter(r.architecture_id for r in again(study)).values()) == [3, 3, 3]


def test_the_search_is_not_counted_by_what_confirms_but_learns_from_it(program):
    with program.make(None, method="bo") as study:
        study.run(program.train, trials=8)
        study.confirm(program.train, top=1, repeats=2)
        study.run(program.train, trials=10)
        assert len(study.trials) == 12
        dataset = study.dataset(study.trials)
        assert sorted(dataset.repeats.tolist()) == [1] * 9 + [3]
        known = study.trials
        first = again(study)[0]
        values = [r.value for r in known if r.architecture_id == first.architecture_id]
        means = {r.architecture_id: r.value for r in known}
        means[first.architecture_id] = sum(values) / 3
        assert study.best.value == pytest.approx(max(means.values()))


def test_a_budget_goes_where_it_tells_most(program):
    with program.make(None) as study:
        study.run(program.train, trials=12)
        study.confirm(program.train, budget=9)
        counts = Counter(r.architecture["a"] for r in again(study))
        assert sum(counts.values()) == 9
        ranked = sorted((r.architecture["a"] for r in study.trials[:12]), reverse=True)
        assert max(counts, key=counts.get) in ranked[:4]
        study.confirm(program.train, budget=9)
        assert len(again(study)) == 9


def test_a_budget_works_for_what_is_minimised_and_with_imported_results(program):
    def loss(arch, trial):
        return -program.train(arch, trial)

    with program.make(None, maximize=None, minimize="loss") as study:
        study.add({"a": 30, "b": "x"}, -9.0)
        study.run(loss, trials=8)
        study.confirm(loss, budget=6)
        assert study.confirmation.winner.architecture["a"] == max(
            r.architecture["a"] for r in again(study)
        )


def test_a_failed_confirmation_counts_and_is_not_tried_again(program):
    with program.make(None) as study:
        study.run(program.fragile, trials=12)
        study.confirm(program.fragile, top=3, repeats=2)
        assert len(again(study)) == 6
        study.confirm(program.fragile, budget=12)
        failed = Counter(r.architecture_id for r in again(study)[6:] if r.error)
        assert max(failed.values(), default=0) <= 1
        assert study.confirmation.winner.architecture["a"] % 2 == 0


def test_workers_confirm_side_by_side(program, tmp_path):
    with program.make(tmp_path / "s.db") as study:
        study.run(program.train, trials=12)
        study.confirm(program.train, budget=8, workers=2)
        trials = again(study)
        assert len(trials) == 8
        assert trials[1].pending == (trials[0].number,)
    assert replay(tmp_path / "s.db").same


def run_program(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_trials(file, count):
    for _ in range(600):
        with Store.open(file, create=False) as store:
            if len(store.study().read()) >= count:
                return
        time.sleep(0.05)
    raise AssertionError("the program did not get so far")


@pytest.mark.parametrize("asked", [("repeats", 2), ("budget", 6)])
def test_a_killed_confirmation_goes_on_and_equals_the_uninterrupted_one(program, tmp_path, asked):
    name, number = asked
    with program.make(None) as whole:
        whole.run(program.train, trials=12)
        whole.confirm(program.train, **{name: number})
        expected = without_times(whole.trials)
    file = tmp_path / "s.db"
    program.make(file).run(program.train, trials=12).close()
    for count in (13, 16):
        running = run_program(file, name, number, TRAIN_SECONDS="0.2")
        wait_for_trials(file, count)
        running.kill()
        running.communicate()
    out, err = run_program(file, name, number).communicate()
    assert err == ""
    with program.make(file) as resumed:
        assert without_times(resumed.trials) == expected
        assert float(out) == resumed.confirmation.winner.mean
    result = replay(file)
    assert result.same
    assert {p.note for p in result.proposals[12:]} == {"trained again to confirm"}


def test_a_training_that_the_search_was_cut_in_is_left_to_the_search(program, tmp_path):
    from archbo.store import NewTrial

    with program.make(tmp_path / "s.db") as study:
        study.run(program.train, trials=12)
        cut = NewTrial(ab.Proposal(program.SPACE.sample(77), "random"))
        number = study.store.add_trial(cut).number
        study.confirm(program.train, top=1, repeats=1)
        assert study.trials[number].state == ab.State.RUNNING
        study.run(program.train, trials=13)
        assert study.trials[number].state == ab.State.FINISHED


def test_what_makes_no_sense_is_said(program):
    with program.make(None) as study:
        with pytest.raises(ObservationError, match="nothing has been observed yet"):
            study.confirm(program.train)
        study.run(program.train, trials=2)
        with pytest.raises(ProblemError, match=r"a budget leaves open.*Give a budget alone"):
            study.confirm(program.train, budget=4, top=2)
        with pytest.raises(ProblemError, match="repeats must be a whole number from 1, got 0"):
            study.confirm(program.train, repeats=0)
        with pytest.raises(ProblemError, match="workers must be a whole number from 1, got 0"):
            study.confirm(program.train, workers=0)
        assert len(study.trials) == 2
