import importlib.util
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import archbo as ab
from archbo.errors import (
    ArchitectureError,
    MismatchError,
    ObservationError,
    ProblemError,
)
from archbo.executors import InlineExecutor
from archbo.store import Store
from archbo.study.session import RunOptions, overriding

PROGRAM = Path(__file__).with_name("programs.py")
spec = importlib.util.spec_from_file_location("study_programs", PROGRAM)
programs = importlib.util.module_from_spec(spec)
sys.modules["study_programs"] = programs
spec.loader.exec_module(programs)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let the worker processes import the training functions."""
    monkeypatch.setenv("PYTHONPATH", str(PROGRAM.parent))
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    import programs as by_its_file_name

    for name in ("train", "slow", "dies"):
        monkeypatch.setattr(programs, name, getattr(by_its_file_name, name))


def without_times(records):
    own = {"created": 0.0, "seconds": None, "traceback": None, "attempt": 1, "worker": None}
    return [replace(record, **own) for record in records]


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
        if Path(file).exists():
            try:
                with Store.open(file, create=False) as store:
                    if store.studies() and len(store.study().read()) >= count:
                        return
            except ab.ArchboError:
                pass  # the file is being made
        time.sleep(0.05)
    raise AssertionError("the program did not get so far")


@pytest.mark.parametrize("method", ["bo", "random", "evolution"])
def test_a_study_runs_stores_and_finds_its_best(tmp_path, method):
    study = programs.make(str(tmp_path / "s.db"), method=method)
    assert study.run(programs.train, trials=12) is study
    records = study.trials
    assert [record.number for record in records] == list(range(12))
    finished = [record for record in records if record.state == ab.State.FINISHED]
    failed = [record for record in records if record.state == ab.State.FAILED]
    assert len(finished) + len(failed) == 12
    assert study.best.value == max(record.value for record in finished)
    assert study.best.architecture.id in {record.architecture_id for record in finished}
    assert all(len(record.reports) == 2 for record in finished)
    assert all("ValueError: diverged" in record.error for record in failed)
    study.close()


def test_a_study_in_memory_needs_no_file():
    with programs.make(None, method="random") as study:
        study.run(programs.train, trials=5)
        assert len(study.trials) == 5
        study.run(programs.train, trials=8)
        assert len(study.trials) == 8


def test_a_study_goes_on_where_it_was(tmp_path):
    whole = programs.make(None)
    whole.run(programs.train, trials=14)
    for trials in (3, 9, 14):
        with programs.make(str(tmp_path / "s.db")) as part:
            part.run(programs.train, trials=trials)
            assert len(part.trials) == trials
    with programs.make(str(tmp_path / "s.db")) as again:
        assert without_times(again.trials) == without_times(whole.trials)


def test_a_study_killed_at_any_point_equals_the_uninterrupted_one(tmp_path):
    whole = programs.make(None)
    whole.run(programs.train, trials=12)
    file = tmp_path / "s.db"
    for count in (1, 4, 8):
        running = run_program(file, "bo", 12, TRAIN_SECONDS="0.1")
        wait_for_trials(file, count)
        running.kill()
        running.communicate()
    out, err = run_program(file, "bo", 12).communicate()
    assert err == ""
    assert float(out) == whole.best.value
    with programs.make(str(file)) as resumed:
        assert without_times(resumed.trials) == without_times(whole.trials)


def test_ctrl_c_stores_everything_and_says_how_to_go_on(tmp_path):
    file = tmp_path / "s.db"
    running = run_program(file, "random", 50, TRAIN_SECONDS="0.2")
    wait_for_trials(file, 3)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate()
    assert running.returncode == 130
    assert "all results are stored" in err
    assert "The same command goes on from here." in err
    assert "Traceback" not in err
    with Store.open(file, create=False) as store:
        records = store.study().read()
    assert sum(record.state != ab.State.RUNNING for record in records) >= 2


def test_workers_train_side_by_side_and_a_dead_one_is_a_failed_trial(tmp_path):
    with programs.make(str(tmp_path / "s.db"), method="random") as study:
        study.run(programs.dies, trials=8, workers=2)
        records = study.trials
    assert len(records) == 8
    assert "SIGABRT" in records[2].error
    assert "exited with code 3" in records[3].error
    assert "exited with code 4" in records[4].error
    others = [record for record in records if record.number not in (2, 3, 4)]
    assert all(record.state == ab.State.FINISHED for record in others)


def test_a_timeout_is_a_failed_trial_and_the_search_goes_on():
    with programs.make(None, method="random") as study:
        with pytest.warns(UserWarning, match=r"all 2 trials failed, the last one with: timed out"):
            study.run(programs.slow, trials=2, workers=2, timeout=0.5)
        assert all("timed out after 0.5 s" in record.error for record in study.trials)


def test_a_proposal_takes_running_trials_into_account(tmp_path):
    with programs.make(str(tmp_path / "s.db")) as study:
        study.run(programs.train, trials=12, workers=3)
        records = study.trials
    assert records[0].pending == ()
    assert records[2].pending == (0, 1)
    assert len({record.architecture_id for record in records}) == 12


def test_a_program_without_a_main_guard_is_told_so_in_one_sentence(tmp_path):
    program = tmp_path / "unguarded.py"
    program.write_text(
        "import archbo as ab\n"
        "def train(arch, trial):\n"
        "    return arch['a']\n"
        "study = ab.Study('s.db', ab.Space(a=ab.Int(1, 9)), method='random')\n"
        "study.run(train, trials=4, workers=2)\n"
    )
    done = subprocess.run(
        [sys.executable, program.name], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert 'if __name__ == "__main__":' in done.stderr.splitlines()[-1]


def test_a_trial_that_was_cut_ten_times_has_failed(tmp_path):
    file = str(tmp_path / "s.db")
    with programs.make(file, method="random") as study:
        study.run(programs.train, trials=3)
        proposal = ab.Proposal(programs.SPACE.sample(5), "random")
        from archbo.store import NewTrial

        number = study.store.add_trial(NewTrial(proposal)).number
        for _ in range(9):
            study.store.retry(number)
        study.run(programs.train, trials=4)
        assert study.trials[number].state == ab.State.FAILED
        assert "ended 10 times in the middle of this training" in study.trials[number].error


def test_an_exhausted_space_ends_the_run_early():
    space = ab.Space(a=ab.Choice([0, 1]), b=ab.Bool())
    with ab.Study(None, space, maximize="a") as study:
        with pytest.warns(UserWarning, match="the run ended early: all 4 different networks"):
            study.run(lambda arch, trial: arch["a"], trials=10)
        assert len(study.trials) == 4


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"maximize": "f1"}, r'-  "objective": "accuracy"\n.*\n?.*\+  "objective": "f1"'),
        ({"seed": 7}, r'-  "seed": 0\n.*\+  "seed": 7'),
        ({"space": ab.Space(cell=programs.CELL)}, r'"lr"'),
        ({"method": "random"}, r'\+  "method": "random"'),
    ],
    ids=["objective", "seed", "space", "method"],
)
def test_a_study_that_is_not_the_program_s_shows_the_difference(tmp_path, changed, shown):
    file = str(tmp_path / "s.db")
    programs.make(file).close()
    keywords = {"space": programs.SPACE, "maximize": "accuracy", "seed": 0, "epochs": 2} | changed
    space = keywords.pop("space")
    with pytest.raises(MismatchError, match=r"the stored study is another one") as caught:
        ab.Study(file, space, **keywords)
    import re

    assert re.search(shown, str(caught.value))


def test_another_pool_is_shown_in_few_lines_and_the_same_one_goes_on(tmp_path):
    def pool(op):
        return ab.Pool([(["input", *[op] * k, "output"], []) for k in range(90)])

    file = str(tmp_path / "s.db")
    ab.Study(file, pool("conv")).close()
    ab.Study(file, pool("conv")).close()
    longer = ab.Pool([(["a"] * k, [(0, 1)]) for k in range(2, 90)])
    with pytest.raises(MismatchError, match=r"… and \d+ more lines") as caught:
        ab.Study(file, longer)
    assert str(caught.value).count("\n") < 50


def test_a_study_with_a_method_of_its_own_goes_on_in_another_process(tmp_path):
    def method():  # a function has another address in each process, as here each time
        return ab.BayesianOptimization(kernel=lambda _: [])

    file = str(tmp_path / "s.db")
    first, second = method(), method()
    assert repr(first) != repr(second)
    ab.Study(file, programs.SPACE, method=first).close()
    ab.Study(file, programs.SPACE, method=second).close()


def test_what_is_wrong_and_what_to_do_are_sentences(tmp_path):
    file = str(tmp_path / "s.db")
    programs.make(file).close()
    with pytest.raises(
        MismatchError, match=r"It goes on only as it is\. Use another file for another study, or"
    ):
        ab.Study(file, programs.SPACE, maximize="accuracy", seed=0, epochs=3)


def test_best_of_nothing_says_so():
    with programs.make(None) as study, pytest.raises(ObservationError, match="nothing has been"):
        _ = study.best


def test_a_run_needs_a_number_of_trials():
    with programs.make(None) as study:
        with pytest.raises(ProblemError, match=r"how many trials\?"):
            study.run(programs.train)
        with pytest.raises(ProblemError, match="trials must be a whole number from 1, got 0"):
            study.run(programs.train, trials=0)
        with pytest.raises(ProblemError, match="workers must be a whole number from 1, got -1"):
            study.run(programs.train, trials=3, workers=-1)


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan"), "3"])
def test_a_timeout_is_a_positive_number(timeout):
    with ab.Study(None, programs.SPACE) as study:
        with pytest.raises(ProblemError, match="timeout must be a positive number of seconds"):
            study.run(programs.train, trials=1, timeout=timeout)
        assert not study.trials


def test_no_workers_from_the_shell_are_refused():
    refused = pytest.raises(ProblemError, match="workers must be a whole number from 1, got 0")
    with ab.Study(None, programs.SPACE) as study, overriding(RunOptions(workers=0)), refused:
        study.run(programs.train, trials=1)


class Place:
    """Trains here, and remembers how it was asked."""

    def launch(self, train, space, **asked):
        self.asked = asked
        return InlineExecutor(train, space)


def test_an_executor_of_ones_own_trains_and_is_told_what_was_asked():
    place = Place()
    with ab.Study(None, programs.SPACE, method="random") as study:
        study.run(programs.train, trials=2, executor=place)
        assert place.asked == dict.fromkeys(("workers", "timeout", "memory", "env"))
        asked = {"workers": 3, "timeout": 9.0, "env": {"A": "b"}}
        study.run(programs.train, trials=4, executor=place, memory="1GB", **asked)
        assert place.asked == asked | {"memory": 10**9}
        assert len(study.trials) == 4
        study.confirm(programs.train, top=1, repeats=1, timeout=1.0, executor=place)
        assert place.asked["timeout"] == 1.0
        assert study.trials[-1].origin == "confirm"


def test_the_shell_replaces_the_executor():
    place, other = Place(), Place()
    with ab.Study(None, programs.SPACE) as study, overriding(RunOptions(executor=place)):
        study.run(programs.train, trials=1, executor=other)
    assert place.asked
    assert not hasattr(other, "asked")


def test_what_makes_no_executor_is_refused():
    with (
        ab.Study(None, programs.SPACE) as study,
        pytest.raises(ProblemError, match=r"executor must be settings such as ab\.Ray.*'ray'"),
    ):
        study.run(programs.train, trials=1, executor="ray")


@pytest.mark.parametrize("limit", [{"threads": 2}, {"gpus_per_trial": 0.5}])
def test_what_the_executor_says_is_not_said_twice(limit):
    refused = pytest.raises(ProblemError, match=r"is for trainings on this machine.*ab\.Ray")
    with ab.Study(None, programs.SPACE) as study, refused:
        study.run(programs.train, trials=1, executor=Place(), **limit)


def test_an_observer_that_fails_ends_the_run_and_the_next_one_goes_on():
    def breaks(event):
        if event.kind == "ended" and len(event.records) == 3:
            raise RuntimeError("no display")

    with ab.Study(None, programs.SPACE, method="random") as study:
        with overriding(RunOptions(), breaks), pytest.raises(RuntimeError, match="no display"):
            study.run(lambda arch, trial: 1.0, trials=5)
        assert [record.state for record in study.trials] == [ab.State.FINISHED] * 3
        study.run(lambda arch, trial: 1.0, trials=5)
        assert study.run(lambda arch, trial: 2.0, trials=5).best.value == 1.0
        assert len(study.trials) == 5


def test_predictions_are_of_members_of_the_space():
    with ab.Study(None, programs.SPACE) as study:
        study.run(lambda arch, trial: float(trial.number), trials=3)
        assert study.predict([]) == []
        assert len(study.predict([programs.SPACE.sample(0), programs.SPACE.sample(1).value])) == 2
        with pytest.raises(ArchitectureError, match="belongs to another space"):
            study.predict([programs.CELL.sample(0)])


def test_trials_as_a_data_frame():
    pandas = pytest.importorskip("pandas")
    with programs.make(None, constrained=True) as study:
        study.run(programs.train, trials=6)
        frame = study.to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == 6
    assert {"number", "state", "value", "origin", "feature_convs"} <= set(frame.columns)
    assert (frame.feature_convs <= 4).all()


def test_the_same_seed_reaches_train_on_every_attempt():
    seeds = []
    with programs.make(None, method="random") as study:
        study.run(lambda arch, trial: seeds.append(trial.seed) or 1.0, trials=4)
    again = []
    with programs.make(None, method="random") as study:
        study.run(lambda arch, trial: again.append(trial.seed) or 1.0, trials=4)
    assert seeds == again
    assert len(set(seeds)) == 4


def test_a_run_waits_for_a_place_that_has_no_room_for_now(monkeypatch):
    monkeypatch.setattr("archbo.study.loop._LOOK_SECONDS", 0.01)

    class Full(InlineExecutor):
        looked = 0

        @property
        def free(self):
            return super().free if self.looked >= 3 else 0

        def wait(self, sink, *, timeout=None):
            self.looked += 1
            return super().wait(sink, timeout=timeout)

    class Place:
        def launch(self, train, space, **_):
            return Full(train, space)

    with programs.make(None, method="random") as study:
        study.run(programs.train, trials=3, executor=Place())
        assert len(study.trials) == 3
