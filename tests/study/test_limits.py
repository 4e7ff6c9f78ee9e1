import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import archbo as ab
from archbo.data import Proposal, State, TrialRecord
from archbo.errors import ProblemError
from archbo.store import NewTrial
from archbo.study.limits import Watch, late_note, seconds_of_full, share_to_train, worth_another
from archbo.study.session import Limits, Resources, RunOptions, overriding
from archbo.training import Failed, Lost

KILLED = Lost(7, 1, "killed by signal 9 (SIGKILL)", 1.0)
TIMED_OUT = Lost(7, 1, "timed out after 5 s", 5.0, limit=True)
ERROR = Failed(7, 1, "ValueError: no luck", None, 1.0)
FULL = Failed(7, 1, "RuntimeError: CUDA out of memory", None, 1.0, crowded=True)


@pytest.mark.parametrize(
    ("end", "another", "another_with_errors"),
    [(KILLED, True, True), (TIMED_OUT, False, False), (ERROR, False, True), (FULL, True, True)],
)
def test_what_another_attempt_may_help(end, another, another_with_errors):
    assert worth_another(end, errors=False) == another
    assert worth_another(end, errors=True) == another_with_errors


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_each_trial_has_its_retries(retries):
    watch = Watch(Limits(retries=retries), [], None)
    for number in (7, 8):
        ends = [watch.again(replace(KILLED, number=number)) for _ in range(5)]
        assert ends == [True] * retries + [False] * (5 - retries)


def test_what_filled_a_shared_gpu_is_tried_again_alone():
    watch = Watch(Limits(), [], None)
    assert watch.again(FULL)
    assert watch.again(replace(KILLED, number=8))
    assert watch.alone(7)
    assert not watch.alone(8)


def trained(seconds, state=State.FINISHED, **more):
    return TrialRecord(0, "a", {}, state, "model", 0.5, seconds=seconds, **more)


def test_a_full_training_takes_the_median_of_those_so_far():
    assert seconds_of_full([], None) is None
    assert seconds_of_full([trained(s) for s in (10.0, 400.0, 30.0)], None) == 30


def test_only_what_was_trained_to_its_end_says_how_long_one_takes():
    others = [
        trained(1.0, State.FAILED),
        trained(None, State.RUNNING),
        trained(2.0, attempt=0),  # imported
        trained(None),
    ]
    assert seconds_of_full(others, None) is None
    assert seconds_of_full([*others, trained(5.0)], None) == 5


def test_short_trainings_count_by_their_share():
    epochs = ab.Epochs(1, 10)
    paused = trained(20.0, State.PAUSED, reached=2.0, fidelity=2.0)
    assert seconds_of_full([paused], epochs) == pytest.approx(100)
    assert seconds_of_full([paused, trained(90.0), trained(80.0)], epochs) == 90


def test_what_is_to_be_trained_is_what_a_proposal_has_not_done():
    epochs = ab.Epochs(1, 10)
    arch = ab.Space(a=ab.Bool()).sample(0)
    assert share_to_train(Proposal(arch, "model"), None) == 1
    assert share_to_train(Proposal(arch, "model"), epochs) == 1
    assert share_to_train(Proposal(arch, "model", fidelity=4.0), epochs) == pytest.approx(0.4)
    going_on = Proposal(arch, "model", fidelity=4.0, resume=1.0)
    assert share_to_train(going_on, epochs) == pytest.approx(0.3)
    assert share_to_train(trained(None, State.RUNNING, fidelity=2.0), epochs) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("left", "expected", "note"),
    [
        (1.0, None, ""),
        (100.0, 100.0, ""),
        (90.0, 100.0, "90 s of the 2 h are left, and half of such trainings take more than 100 s"),
        (3000.0, 9000.0, "50 min of the 2 h are left, and half of .* take more than 2.5 h"),
        (0.0, None, "the 2 h are over"),
        (-5.0, 1.0, "the 2 h are over"),
    ],
)
def test_nothing_is_begun_that_is_unlikely_to_end_in_time(left, expected, note):
    assert re.fullmatch(note, late_note(2, left, expected))


def test_the_time_of_a_run_begins_with_it():
    now = [1000.0]
    records = [trained(1200.0)] * 3
    coming = Proposal(ab.Space(a=ab.Bool()).sample(0), "model")
    watch = Watch(Limits(hours=1), records, None, clock=lambda: now[0])
    for second, begun in [(0, True), (2400, True), (2401, False), (3700, False)]:
        now[0] = 1000.0 + second
        assert (watch.note(records, coming) == "") == begun
        assert (watch.late(records, trained(None, State.RUNNING)) == "") == begun


def test_only_the_failures_of_this_run_count():
    earlier = [replace(trained(1.0, State.FAILED), number=n, error="old") for n in range(5)]
    watch = Watch(Limits(failures=2), earlier, None)
    coming = Proposal(ab.Space(a=ab.Bool()).sample(0), "model")
    new = [replace(earlier[0], number=n, error=f"ValueError: {n}\nmore") for n in (5, 6)]
    assert watch.note([*earlier, new[0]], coming) == ""
    assert (
        watch.note([*earlier, *new], coming)
        == "2 trainings have failed, the last one with: ValueError: 6"
    )


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        (Limits, {"retries": -1}, "retries must be a whole number from 0, got -1"),
        (Limits, {"retries": True}, "retries must be a whole number from 0, got True"),
        (Limits, {"retry_errors": 1}, "retry_errors must be True or False, got 1"),
        (Limits, {"hours": 0}, "hours must be a positive number, got 0"),
        (Limits, {"hours": float("inf")}, "hours must be a positive number, got inf"),
        (Limits, {"failures": 0}, "failures must be a whole number from 1, got 0"),
        (Resources, {"memory": "4 apples"}, "memory must be a positive number of bytes, or a text"),
        (Resources, {"threads": 0}, "threads must be a whole number from 1, got 0"),
        (Resources, {"gpus_per_trial": 1.5}, "gpus_per_trial must be a whole number, or below 1"),
        (Resources, {"gpus_per_trial": -1}, "gpus_per_trial must be a whole number, or below 1"),
        (Resources, {"env": {"A": 1}}, r"env must be names of variables with texts, got 'A': 1"),
        (Resources, {"env": {"A=B": "1"}}, r"env must be .*, got 'A=B': '1'"),
        (Resources, {"env": {"A": "\0"}}, r"env must be names of variables with texts, got 'A'"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, options, message):
    with pytest.raises(ProblemError, match=message):
        settings(**options)


def test_what_the_shell_says_replaces_what_the_program_says():
    shell = RunOptions(workers=3, memory="2GB", retries=0, hours=1.5, env={"A": "1"})
    assert shell.over(Resources(2, timeout=5)) == Resources(3, 5, memory="2GB", env={"A": "1"})
    assert shell.over(Limits(failures=4)) == Limits(0, hours=1.5, failures=4)


@pytest.mark.parametrize(
    ("options", "apart"),
    [({}, False), ({"workers": 2}, True), ({"timeout": 1}, True), ({"memory": 10**9}, True),
     ({"threads": 1}, True), ({"gpus_per_trial": 0}, True), ({"env": {"A": "1"}}, True)],
)  # fmt: skip
def test_one_worker_has_a_process_where_this_one_cannot_do_what_is_asked(options, apart):
    assert Resources(**options).apart == apart


FOLDER = str(Path(__file__).parent)


@pytest.fixture
def trainings(monkeypatch, tmp_path):
    """The training functions, where the worker processes can import them."""
    monkeypatch.setenv("PYTHONPATH", FOLDER)
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("ATTEMPTS", str(tmp_path / "attempts"))
    monkeypatch.delitem(sys.modules, "limited", raising=False)
    import limited

    return limited


def attempts(tmp_path):
    """How often each trial was trained."""
    return Counter(map(int, (tmp_path / "attempts").read_text().split()))


def test_a_training_that_was_killed_is_trained_again_with_its_seed(trainings, tmp_path):
    with trainings.make(tmp_path / "s.db") as study:
        study.run(trainings.killed_at_first, trials=6, workers=2)
        records = study.trials
        log = study.log_file(4).read_text()
    assert [record.state for record in records] == [State.FINISHED] * 6
    assert [record.attempt for record in records] == [1, 2, 1, 1, 2, 1]
    assert attempts(tmp_path) == {0: 1, 1: 2, 2: 1, 3: 1, 4: 2, 5: 1}
    first, second = [line for line in log.splitlines() if line.startswith("attempt")]
    assert first.replace("attempt 1", "attempt 2") == second
    assert "attempt 1: killed by signal 9 (SIGKILL) after" in log


def test_proposals_are_those_of_a_study_where_nothing_was_killed(trainings, tmp_path):
    with trainings.make(None) as killed, trainings.make(None) as calm:
        killed.run(trainings.killed_at_first, trials=5, workers=1, threads=1)
        calm.run(lambda arch, trial: float(arch["width"]), trials=5)
        assert [r.architecture for r in killed.trials] == [r.architecture for r in calm.trials]
        assert [r.value for r in killed.trials] == [r.value for r in calm.trials]


def test_a_training_that_is_killed_again_and_again_has_failed(trainings, tmp_path):
    with trainings.make(None) as study:
        with pytest.warns(UserWarning, match="all 2 trials failed, the last one with: killed by"):
            study.run(trainings.always_killed, trials=2, workers=2, retries=2)
        assert [record.attempt for record in study.trials] == [3, 3]
    assert attempts(tmp_path) == {0: 3, 1: 3}


@pytest.mark.parametrize("asked", [False, True])
def test_an_error_is_tried_again_where_that_is_asked(trainings, tmp_path, asked):
    with trainings.make(None) as study:
        study.run(trainings.fails_at_first, trials=3, retry_errors=asked)
        assert study.trials[1].state is (State.FINISHED if asked else State.FAILED)
        assert study.trials[1].error == (None if asked else "ValueError: no luck")


def test_a_training_that_filled_a_shared_gpu_is_tried_again(trainings, tmp_path):
    with trainings.make(None) as study:
        visible = {"CUDA_VISIBLE_DEVICES": "2"}
        study.run(trainings.fills_the_gpu, trials=4, workers=2, gpus_per_trial=0.5, env=visible)
        assert [record.value for record in study.trials] == [2.0] * 4
        assert [record.attempt for record in study.trials] == [1, 2, 1, 1]


def test_a_run_ends_after_so_many_failures_and_says_why(trainings, tmp_path):
    with trainings.make(None) as study:
        with pytest.warns(UserWarning, match="ended early: 2 trainings have failed, .* no luck"):
            study.run(trainings.fails_at_first, trials=12, failures=2)
        assert [r.number for r in study.trials if r.state is State.FAILED] == [1, 4]
        assert len(study.trials) == 5
        study.run(trainings.fails_at_first, trials=6, failures=2)  # counts afresh
        assert len(study.trials) == 6


def test_a_timeout_is_not_tried_again(trainings, tmp_path):
    warned = pytest.warns(UserWarning, match="all 1 trials failed, .*: timed out after 2 s")
    with trainings.make(None) as study, warned:
        study.run(trainings.sleeps, trials=1, timeout=2, retries=3)
    assert attempts(tmp_path) == {0: 1}


def test_a_run_whose_time_is_nearly_up_begins_nothing_more(trainings, tmp_path):
    with trainings.make(tmp_path / "s.db") as study:
        long = ab.Proposal(trainings.SPACE.sample(0), "random")
        number = study.store.add_trial(NewTrial(long)).number
        study.store.finish(number, 1.0, seconds=7200.0)
        with pytest.warns(UserWarning, match="ended early: 60 min of the 1 h are left, and half"):
            study.run(trainings.fails_at_first, trials=9, hours=1)
        assert len(study.trials) == 1
        study.run(trainings.fails_at_first, trials=3, hours=3)
        assert len(study.trials) == 3


def test_what_was_cut_is_left_to_the_next_run_where_the_time_is_up(trainings, tmp_path):
    with trainings.make(None) as study:
        for seed in (0, 1):
            study.store.add_trial(NewTrial(ab.Proposal(trainings.SPACE.sample(seed), "random")))
        study.store.finish(0, 1.0, seconds=7200.0)
        with pytest.warns(UserWarning, match="ended early: 60 min of the 1 h are left, and half"):
            study.run(trainings.fails_at_first, trials=2, hours=1)
        assert study.trials[1].state is State.RUNNING
        study.run(trainings.fails_at_first, trials=2, hours=3)
        assert study.trials[1].state is State.FINISHED
        assert study.trials[1].attempt == 2


def test_what_was_killed_is_tried_again_after_the_last_failure(trainings, tmp_path):
    with trainings.make(None) as study:
        with pytest.warns(UserWarning, match="1 training has failed, .*: ValueError: too narrow"):
            study.run(trainings.killed_then_fails, trials=9, workers=2, failures=1)
        killed, failed = study.trials
        assert (killed.state, killed.attempt) == (State.FINISHED, 2)
        assert failed.state is State.FAILED


def test_trials_of_a_study_without_files_have_no_logs(trainings, capfd):
    with trainings.make(None) as study:
        study.run(trainings.killed_at_first, trials=1, threads=1)
        assert study.log_file(0) is None
    assert "attempt 1 with seed" in capfd.readouterr().out


def test_a_training_in_this_process_prints_where_it_did(trainings, tmp_path, capfd):
    with trainings.make(tmp_path / "s.db") as study:
        study.run(trainings.killed_at_first, trials=1)
        assert study.log_file(0) is None
    assert "attempt 1 with seed" in capfd.readouterr().out


def test_the_limits_of_the_shell_are_those_of_the_run(trainings, tmp_path):
    with trainings.make(None) as study, overriding(RunOptions(failures=1, retries=0)):
        with pytest.warns(UserWarning, match="1 training has failed, the last one with: killed"):
            study.run(trainings.killed_at_first, trials=9, workers=1, threads=1, retries=5)
        assert len(study.trials) == 2


def test_confirming_has_the_same_limits(trainings, tmp_path):
    with trainings.make(None) as study:
        study.run(trainings.fails_at_first, trials=1)
        study.confirm(trainings.killed_at_first, top=1, repeats=2, threads=1)
        assert [record.attempt for record in study.trials] == [1, 2, 1]
        assert [record.state for record in study.trials] == [State.FINISHED] * 3
