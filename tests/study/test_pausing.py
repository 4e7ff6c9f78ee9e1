import importlib.util
import io
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from rich.console import Console

import archbo as ab
from archbo.data import Decision, Proposal
from archbo.encodings import Flat
from archbo.errors import MismatchError, ProblemError
from archbo.methods import Search, find_method
from archbo.study.proposing import history, propose
from archbo.study.replay import replay
from archbo.views.infos import study_info
from archbo.views.tables import trial_view

PROGRAM = Path(__file__).with_name("pausing.py")
spec = importlib.util.spec_from_file_location("study_pausing", PROGRAM)
pausing = importlib.util.module_from_spec(spec)
sys.modules["study_pausing"] = pausing
spec.loader.exec_module(pausing)


@pytest.fixture(autouse=True)
def logs(tmp_path, monkeypatch):
    monkeypatch.setenv("LOGS", str(tmp_path))


def run(file, budget, workers=1, **environment):
    environment = os.environ | {"LOGS": str(file.parent)} | environment
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(file), str(budget), str(workers)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def timeless(records):
    own = {"created": 0.0, "seconds": None, "attempt": 1, "worker": None}
    return [replace(record, **own) for record in records]


def epochs_trained(folder, number):
    return [int(epoch) for epoch in (folder / f"{number}.log").read_text().split()]


def test_a_budget_is_spent_on_paused_continued_and_full_trainings(tmp_path):
    with pausing.make(tmp_path / "s.db") as study:
        study.run(pausing.train, budget=6)
        records = study.trials
        states = {record.state for record in records}
        assert states == {ab.State.PAUSED, ab.State.STOPPED, ab.State.FINISHED}
        spent = sum(len(record.reports) for record in records)
        assert 54 <= spent < 54 + 9
        for record in records:
            epochs = [report.epoch for report in record.reports]
            assert epochs == list(range(1, len(epochs) + 1))
            assert epochs_trained(tmp_path, record.number) == epochs  # each was trained once
            if record.state is ab.State.FINISHED:
                assert (len(epochs), record.value) == (9, record.reports[-1].value)
            else:
                assert record.value is None
                assert (record.reached, record.interim) == (len(epochs), record.reports[-1].value)
        assert study.best.value == max(r.value for r in records if r.value is not None)
        stopped = [r.number for r in records if r.state is ab.State.STOPPED]
        assert not any(study.state_file(number) for number in stopped)
        assert all(study.state_file(r.number) for r in records if r.number not in stopped)
        study.run(pausing.train, budget=6)
        assert study.trials == records


def test_every_proposal_comes_again_from_what_was_known_then(tmp_path):
    with pausing.make(tmp_path / "s.db") as study:
        study.run(pausing.train, budget=4)
        records = study.trials
        changed = 0
        for record in records:
            then = history(records, record.number)
            changed += then != records[: record.number]
            assert propose(study, then).architecture.id == record.architecture_id
        assert changed


def test_a_run_that_is_killed_in_a_curve_ends_as_one_that_is_not(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    with run(whole / "s.db", 3) as process:
        assert process.communicate()[1] == ""
    for place in ("1.1", "0.3"):
        with run(cut / "s.db", 3, WAIT_AT=place) as process:
            for _ in range(600):
                if (cut / place).exists() or process.poll() is not None:
                    break
                time.sleep(0.05)
            process.kill()
    with run(cut / "s.db", 3) as process:
        assert process.communicate()[1] == ""
    with pausing.make(whole / "s.db") as a, pausing.make(cut / "s.db") as b:
        assert timeless(a.trials) == timeless(b.trials)
        assert max(record.attempt for record in b.trials) > 1
        for record in b.trials:  # no epoch was trained twice
            assert epochs_trained(cut, record.number) == [r.epoch for r in record.reports]


def test_trainings_in_processes_wait_for_what_the_method_says(tmp_path):
    with run(tmp_path / "s.db", 3, workers=2) as process:
        assert process.communicate()[1] == ""
    with pausing.make(tmp_path / "s.db") as study:
        assert {r.state for r in study.trials} >= {ab.State.PAUSED, ab.State.FINISHED}
        for record in study.trials:
            assert epochs_trained(tmp_path, record.number) == [r.epoch for r in record.reports]


def test_only_so_many_paused_trials_keep_what_they_saved(tmp_path):
    method = pausing.Promote(eager=False)
    with pausing.make(tmp_path / "s.db", method=method, checkpoints=2) as study:
        study.run(pausing.train, budget=2)
        paused = [r for r in study.trials if r.state is ab.State.PAUSED]
        paused.sort(key=lambda r: (r.reached, r.interim))
        assert len(paused) > 3
        kept = {r.number for r in paused if study.state_file(r.number)}
        # a better one may have lost its file to one that is finished or stopped by now
        assert paused[-1].number in kept <= {r.number for r in paused[-2:]}


@dataclass(frozen=True)
class Script(Search):
    """Proposes and decides what it is told; its own method."""

    proposals: list = field(default_factory=list)
    decisions: list = field(default_factory=list)
    asked: list = field(default_factory=list)

    def prepare(self, problem):  # noqa: ARG002 - inherited
        return self

    def __repr__(self):
        return "Script()"

    def propose(self, dataset, count, rng):  # noqa: ARG002 - inherited
        return [self.proposals.pop(0)] if self.proposals else []

    def decide(self, dataset, curve, rng):  # noqa: ARG002 - inherited
        assert any(curve is known for known in dataset.curves)
        self.asked.append((curve.levels.tolist(), curve.values.tolist(), curve.target))
        return self.decisions.pop(0) if self.decisions else Decision()


SPACE = ab.Space(a=ab.Int(1, 9))


def arch(a):
    return SPACE.architecture({"a": a})


def small(method, store=None, **options):
    options = {"fidelity": ab.Epochs(1, 9)} | options
    return ab.Study(store, SPACE, minimize="loss", method=method, **options)


def by_epoch(arch, trial):
    for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
        trial.report(epoch, arch["a"] / epoch)
    return arch["a"] / 9


def test_a_method_sees_the_curve_and_says_how_it_goes_on():
    method = Script(
        [
            Proposal(arch(9), "model", fidelity=2),
            Proposal(arch(9), "model", fidelity=4, resume=3),
            Proposal(arch(9), "model", resume=4),
        ],
        [Decision(target=3)],
    )
    with small(method) as study:
        study.run(by_epoch, budget=1)
        assert method.asked == [
            ([1, 2], [-9, -4.5], 2),
            ([1, 2, 3], [-9, -4.5, -3], 3),
            ([1, 2, 3, 4], [-9, -4.5, -3, -2.25], 4),  # as it saves nothing it starts afresh
        ]
        (record,) = study.trials
        assert (record.state, record.value, record.fidelity) == (ab.State.FINISHED, 1, None)
        assert record.attempt == 1


def test_a_run_that_ends_between_a_last_report_and_its_pause_decides_again():
    method = Script([Proposal(arch(9), "model", fidelity=2)])
    with small(method) as study:
        study.run(by_epoch, budget=0.1)
        ended = study.trials
        study.store.resume(0, fidelity=2.0)
        study.run(by_epoch, budget=0.1)
        assert timeless(study.trials) == timeless(ended)
        assert method.asked == [([1, 2], [-9, -4.5], 2)] * 2


def test_a_training_that_never_reports_is_a_full_one():
    with small(Script([Proposal(arch(9), "model", fidelity=2)])) as study:
        study.run(lambda arch, trial: trial.epochs, budget=1)
        (record,) = study.trials
        assert (record.state, record.value) == (ab.State.FINISHED, 9)


def test_a_plain_method_trains_in_full():
    with small("random") as study:
        study.run(by_epoch, budget=3)
        assert [record.state for record in study.trials] == [ab.State.FINISHED] * 3
        assert all(len(record.reports) == 9 for record in study.trials)


@pytest.mark.parametrize(
    ("fidelity", "level", "share"),
    [
        (ab.Epochs(1, 9, continued=False), 3, 1 / 3),
        (ab.Steps(1, 9, continued=False), 3, 1 / 3),
        (ab.Fidelity("data", 0.1, 1.0), 0.25, 0.25),
    ],
    ids=repr,
)
def test_where_nothing_is_continued_each_level_is_a_training_of_its_own(fidelity, level, share):
    seen = []

    def train(arch, trial):
        seen.append((trial.number, trial.fidelity, trial.epochs, trial.steps))
        trial.report(trial.epochs, 0.25)
        return 0.5

    proposals = [Proposal(arch(9), "model", fidelity=level), Proposal(arch(9), "model")]
    with small(Script(proposals), fidelity=fidelity) as study:
        study.run(train, budget=share + 1)
        short, full = study.trials
        counted = fidelity.counted
        assert seen == [
            (0, level, level if counted else 1, level if counted else 1),
            (1, fidelity.high, 9 if counted else 1, 9 if counted else 1),
        ]
        assert (short.state, short.value) == (ab.State.PAUSED, None)
        assert (short.reached, short.interim) == (level, 0.5)
        assert (full.state, full.value, full.reached) == (ab.State.FINISHED, 0.5, None)
        first, second = study.dataset(study.trials).curves
        assert (first.levels.tolist(), first.values.tolist()) == ([level], [-0.5])
        assert (second.levels.tolist(), second.values.tolist()) == ([fidelity.high], [-0.5])
        assert len(study.dataset(study.trials).rows) == 1


def test_a_training_that_does_not_let_stopped_pass_is_what_it_becomes():
    def swallows(arch, trial):
        try:
            return by_epoch(arch, trial)
        except ab.Stopped:
            return 0.0

    def breaks(arch, trial):
        try:
            return by_epoch(arch, trial)
        except ab.Stopped:
            raise ValueError("stopped") from None

    with small(Script([Proposal(arch(9), "model", fidelity=2)])) as study:
        study.run(swallows, budget=0.1)
        (record,) = study.trials
        assert (record.state, record.value, record.interim) == (ab.State.PAUSED, None, 4.5)
    with small(Script([Proposal(arch(9), "model", fidelity=2)])) as study:
        with pytest.warns(UserWarning, match="all 1 trials failed.*ValueError: stopped"):
            study.run(breaks, budget=0.1)
        assert study.trials[0].state is ab.State.FAILED


def test_a_method_that_proposes_nothing_while_nothing_is_in_training_ends_the_run():
    with small(Script([Proposal(arch(9), "model", fidelity=2)])) as study:
        with pytest.warns(UserWarning, match="ended early: the method has nothing more to propose"):
            study.run(by_epoch, budget=3)
        assert len(study.trials) == 1


def test_a_method_that_goes_on_where_nothing_is_paused_is_told():
    with (
        small(Script([Proposal(arch(9), "model", resume=3)])) as study,
        pytest.raises(ProblemError, match=r"goes on with .* from 3, but no trial of it is paused"),
    ):
        study.run(by_epoch, budget=1)
    method = Script([Proposal(arch(9), "model", fidelity=2)], [Decision(target=2)])
    with (
        small(method) as study,
        pytest.raises(ProblemError, match="lets trial 0 go on to 2, which has reached 2"),
    ):
        study.run(by_epoch, budget=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": 2}, "repeats: a study with a fidelity trains each proposal once"),
        ({"epochs": 3}, "epochs: a full training has 9 epochs, got epochs=3"),
        ({"fidelity": 9}, "fidelity: expected a fidelity, got 9"),
        ({"checkpoints": 0}, "checkpoints must be a whole number from 1, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ProblemError, match=message):
        small("random", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "how many trials"),
        ({"trials": 3, "budget": 3}, "give trials or a budget, not both"),
        ({"budget": 0}, "budget must be a positive number, got 0"),
        ({"budget": True}, "budget must be a positive number, got True"),
    ],
)
def test_a_run_has_an_end(options, message):
    with small("random") as study, pytest.raises(ProblemError, match=message):
        study.run(by_epoch, **options)


def test_a_study_goes_on_with_its_own_fidelity_only(tmp_path):
    small("random", tmp_path / "s.db").close()
    small("random", tmp_path / "s.db").close()
    with pytest.raises(MismatchError, match="fidelity"):
        small("random", tmp_path / "s.db", fidelity=ab.Epochs(1, 9, continued=False))


def test_a_stored_study_says_how_far_trainings_go(tmp_path):
    file = tmp_path / "s.db"
    with small("random", file) as study:
        study.run(by_epoch, budget=3)
        proposals = replay(file).proposals
        assert [proposal.same for proposal in proposals] == [True] * 3
        facts = study_info(study.store.settings).facts
        assert facts["fidelity"] == "1 to 9 epochs, continued"


def test_a_trial_shows_where_it_is_paused():
    with small(Script([Proposal(arch(9), "model", fidelity=2)])) as study:
        study.run(by_epoch, budget=0.1)
        console = Console(width=80, record=True, file=io.StringIO())
        console.print(trial_view(study.trials[0], study_info(study.store.settings)))
        assert "4.5 at 2" in console.export_text()


def quick(name):
    """A method that learns from short trainings, with one kernel and few candidates."""
    method = find_method(name)
    short = replace(method.short, start=4)
    return replace(method, encoding=Flat(), candidates=16, climbs=0, short=short)


def by_curve(arch, trial):
    for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
        trial.save(b"state", epoch=epoch)
        trial.report(epoch, abs(arch["lr"] - 0.1) + arch["goal"] / 1000 / epoch)
    return trial.last_report.value


def by_level(arch, trial):
    return abs(arch["lr"] - 0.1) + arch["goal"] / 1000 / (9 * trial.fidelity)


PARALLEL = [
    (ab.Epochs(1, 9), by_curve),
    (ab.Fidelity("data", 0.1, 1.0), by_level),
]


def learned(file, name, fidelity):
    return ab.Study(file, pausing.SPACE, minimize="loss", method=quick(name), fidelity=fidelity)


@pytest.mark.parametrize("name", ["bo", "mobster"])
@pytest.mark.parametrize(("fidelity", "train"), PARALLEL, ids=["continued", "data"])
def test_two_workers_end_each_trial_once_or_pause_it(name, fidelity, train, tmp_path):
    file = tmp_path / "s.db"
    with learned(file, name, fidelity) as study:
        study.run(train, budget=2.5, workers=2)
        records = study.trials
        states = [record.state for record in records]
        assert set(states) <= {ab.State.PAUSED, ab.State.FINISHED}
        assert states.count(ab.State.PAUSED) > 1
        assert all(record.attempt == 1 for record in records)
        for record in records:
            epochs = [report.epoch for report in record.reports]
            assert epochs == list(range(1, len(epochs) + 1))
            assert (record.value is None) == (record.state is ab.State.PAUSED)
            again = propose(study, history(records, record.number))
            assert again.architecture.id == record.architecture_id
            assert again.origin == record.origin
        if fidelity.continued:
            ids = [record.architecture_id for record in records if record.origin != "again"]
            assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", ["bo", "mobster"])
@pytest.mark.parametrize(("fidelity", "train"), PARALLEL, ids=["continued", "data"])
def test_a_study_that_is_opened_again_proposes_what_it_would_have(name, fidelity, train, tmp_path):
    for budget in (0.8, 1.6):
        with learned(tmp_path / "s.db", name, fidelity) as study:
            study.run(train, budget=budget, workers=2)
            unbroken = propose(study, study.trials)
        with learned(tmp_path / "s.db", name, fidelity) as study:
            assert propose(study, study.trials) == unbroken
