import os
import pickle
import re
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest

from archbo.errors import ProgramError
from archbo.executors import ProcessExecutor
from archbo.executors.logs import LARGEST, read_log
from archbo.testing import executors
from archbo.testing.executors import (
    SPACE,
    ExecutorLaws,
    SurvivalLaws,
    alive,
    drain,
    gone,
    run,
    task,
    train,
    unheard,
)
from archbo.training import Finished, Lost


@pytest.fixture
def make():
    made = []

    def make(train, space, **options):
        made.append(ProcessExecutor(train, space, **{"workers": 2} | options))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


class TestProcesses(ExecutorLaws, SurvivalLaws):
    pass


def test_a_training_that_takes_too_long_is_ended(make):
    executor = make(train, SPACE, timeout=1)
    events = run(executor, ["sleep", "good", "good"])
    (lost,) = events[0]
    assert isinstance(lost, Lost)
    assert lost.reason == "timed out after 1 s"
    assert lost.seconds >= 1
    assert isinstance(events[1][-1], Finished)
    assert isinstance(events[2][-1], Finished)


def test_a_worker_that_closes_its_connection_is_replaced(make):
    events = run(make(train, SPACE, workers=1), ["close", "good"])
    (lost,) = events[0]
    assert lost.reason == "closed its connection"
    assert isinstance(events[1][-1], Finished)


def test_workers_stay_from_task_to_task(make):
    executor = make(train, SPACE, workers=1)
    pids = {events[-1].value for events in run(executor, ["pid"] * 3).values()}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_a_worker_that_died_idle_is_replaced(make):
    executor = make(train, SPACE, workers=1)
    (first,) = run(executor, ["pid"])[0]
    os.kill(int(first.value), signal.SIGKILL)
    os.waitid(os.P_PID, int(first.value), os.WEXITED | os.WNOWAIT)  # all its threads have ended
    (second,) = run(executor, ["pid"])[0]
    assert isinstance(second, Finished)
    assert second.value != first.value


def test_waiting_ends_when_its_time_is_up(make):
    executor = make(train, SPACE)
    executor.submit(task(0, "sleep"))
    assert executor.wait(unheard, timeout=0) == 0
    assert executor.wait(unheard, timeout=0.2) == 0
    assert executor.free == 1


def test_events_that_a_broken_sink_did_not_take_are_kept(make):
    executor = make(train, SPACE)
    executor.submit(task(0, "good"))
    while executor._busy():  # all four have come
        executor._events.extend(executor._heard(*executor._busy()[0]))

    def broken(event):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        executor.wait(broken)
    assert [getattr(e, "epoch", None) for e in drain(executor)] == [2, 3, None]


def test_workers_have_the_threads_they_are_given(make, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    (end,) = run(make(train, SPACE, threads=3), ["threads"])[0]
    assert end.value == 3
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_by_default_workers_share_the_cores(make, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    assert {e[-1].value for e in run(make(train, SPACE), ["threads"] * 2).values()} == {3}


def test_workers_have_the_variables_they_are_given(make):
    (end,) = run(make(train, SPACE, env={"ARCHBO_LAW": "5"}), ["variable"])[0]
    assert end.value == 5
    assert "ARCHBO_LAW" not in os.environ


@pytest.mark.parametrize("behaviour", ["eat", "child eats"])
def test_a_training_that_uses_too_much_memory_is_ended(make, behaviour):
    events = run(make(train, SPACE, memory=executors.EATEN), [behaviour, "good"])
    (lost,) = events[0]
    assert isinstance(lost, Lost)
    assert lost.limit
    assert re.fullmatch(r"used more than 500 MB of memory \(\d{3} MB\)", lost.reason)
    assert isinstance(events[1][-1], Finished)


def test_a_limit_that_was_broken_is_told_from_a_crash(make):
    events = run(make(train, SPACE, timeout=2), ["sleep", "kill"])
    assert [end.limit for (end,) in events.values()] == [True, False]


def test_workers_see_their_gpus(make, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    for options in ({}, {"gpus_per_trial": 1}, {"gpus_per_trial": 0.5}):
        executor = make(train, SPACE, **options)
        executor.submit(task(0, "gpu"))
        executor.submit(task(1, "gpu"))
        assert {end.value for end in drain(executor)} == {3, 5}
        executor.close()


def test_a_full_gpu_is_told_where_others_may_have_filled_it(make):
    visible = {"CUDA_VISIBLE_DEVICES": "0"}
    for executor in (make(train, SPACE, env=visible), make(train, SPACE, workers=1, env=visible)):
        executor.submit(task(0, "gpu full"))
        (end,) = drain(executor)
        assert end.crowded == (executor.capacity == 2)


def test_a_task_that_runs_alone_waits_for_its_gpu_and_keeps_others_from_it(make):
    executor = make(train, SPACE, workers=4, env={"CUDA_VISIBLE_DEVICES": "0,1"})
    for number in range(3):  # on the GPUs 0, 1, 0
        executor.submit(task(number, "sleep"))
    executor.submit(replace(task(3, "gpu"), alone=True))
    assert executor.free == 0
    assert executor.wait(unheard, timeout=0.5) == 0
    executor.cancel(0)
    assert executor.free == 1
    executor.cancel(1)
    (end,) = first(executor)
    assert (end.number, end.value) == (3, 1)
    assert executor.free == 3
    executor.submit(replace(task(4, "sleep"), alone=True))
    assert executor.free == 1  # beside the one that sleeps on the other
    executor.cancel(4)
    executor.submit(replace(task(5, "gpu full"), alone=True))
    (end,) = first(executor)
    assert not end.crowded


def test_what_waits_to_run_alone_can_be_cancelled(make):
    executor = make(train, SPACE, env={"CUDA_VISIBLE_DEVICES": "0"})
    executor.submit(task(0, "sleep"))
    executor.submit(replace(task(1, "good"), alone=True))
    executor.cancel(1)
    assert executor.free == 1
    executor.submit(task(2, "gpu"))
    (end,) = first(executor)
    assert end.number == 2


def test_what_a_training_prints_is_in_its_log(make, tmp_path, capfd):
    executor = make(train, SPACE, workers=1)
    for number, behaviour in enumerate(["print", "print and die", "flood"]):
        executor.submit(replace(task(number, behaviour), log=tmp_path / f"{number}.txt"))
        drain(executor)
    printed, last, flood = (read_log(tmp_path / f"{number}.txt") for number in range(3))
    assert sorted(printed.splitlines()[1:-1]) == [
        "Python",
        "an error",
        "another program",
        "compiled code",
    ]
    assert last.splitlines()[1] == "last words"
    assert ": killed by signal 9 (SIGKILL) after " in last
    assert len(flood) <= LARGEST
    assert "bytes are left out here]" in flood
    assert flood.splitlines()[-1].startswith("--- trial 2, attempt 1: finished after ")
    assert capfd.readouterr().out == ""


def test_a_worker_that_dies_while_it_starts_is_a_lost_training(make):
    executor = make(train, SPACE)
    run(executor, ["good"])
    executor.submit(task(1, "sleep"))
    executor.submit(task(2, "good"))  # for which a second process starts
    (starting,) = [w for _, w in executor._busy() if w.task.number == 2]
    os.kill(starting.group, signal.SIGKILL)
    (end,) = first(executor)
    assert isinstance(end, Lost)
    assert (end.number, end.reason, end.limit) == (2, "killed by signal 9 (SIGKILL)", False)


def first(executor):
    """What happens next."""
    events = []
    while not executor.wait(events.append):
        pass
    return events


def test_closing_leaves_no_process(make):
    executor = make(train, SPACE)
    executor.submit(task(0, "pid"))
    (end,) = drain(executor)
    executor.submit(task(1, "sleep"))
    executor.submit(task(2, "sleep"))
    pids = [worker.process.pid for _, worker in executor._busy()]
    assert end.value in pids
    assert len(pids) == 2
    executor.close()
    assert gone(*pids)


def test_a_lambda_is_an_error_at_once():
    with pytest.raises(ProgramError, match=r"<lambda>: other processes cannot import it\. Define"):
        ProcessExecutor(lambda *_: 1.0, SPACE, workers=1)


def test_a_function_that_holds_what_cannot_be_sent_is_an_error_at_once():
    with pytest.raises(ProgramError, match=r"train cannot be sent to a process: .*Define it at"):
        ProcessExecutor(partial(train, log=sys.stdout), SPACE, workers=1)


def test_a_function_within_a_function_is_an_error_at_once():
    def inner(arch, trial):
        return 1.0

    with pytest.raises(ProgramError, match=r"inner: other processes cannot import it\. Define it"):
        ProcessExecutor(inner, SPACE, workers=1)


def test_at_least_one_worker_is_needed():
    with pytest.raises(ValueError, match="at least one worker is needed, got 0"):
        ProcessExecutor(train, SPACE, workers=0)


PROGRAM = """
import sys, time
from archbo.executors import ProcessExecutor
from archbo.testing.executors import SPACE, drain, task

def train(arch, trial):
    trial.report(1, float(__import__("os").getpid()))
    if arch["behaviour"] == "sleep":
        time.sleep(3600)
    return 1.0
"""
MAIN = """
if __name__ == "__main__":
    executor = ProcessExecutor(train, SPACE, workers=2)
    executor.submit(task(0, "good"))
    executor.submit(task(1, "BEHAVIOUR"))
    events = []
    while len(events) < 3:
        executor.wait(events.append)
    print(*(int(e.value) for e in events if hasattr(e, "epoch")), flush=True)
    DO
"""


def start(tmp_path, behaviour, do, program=PROGRAM + MAIN):
    file = tmp_path / "program.py"
    file.write_text(program.replace("BEHAVIOUR", behaviour).replace("DO", do))
    return subprocess.Popen(
        [sys.executable, file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_function_of_the_main_program_is_found_and_no_worker_outlives_it(tmp_path):
    with start(tmp_path, "good", "raise SystemExit(5)") as program:
        pids = [int(pid) for pid in program.communicate()[0].split()]
    assert program.returncode == 5
    assert len(pids) == 2
    assert gone(*pids)


def test_a_program_that_ends_by_an_error_ends_its_running_workers(tmp_path):
    with start(tmp_path, "sleep", "raise ValueError('broke')") as program:
        out, err = program.communicate()
    assert "ValueError: broke" in err
    assert gone(*map(int, out.split()))


def test_workers_die_with_a_driver_that_is_killed(tmp_path):
    with start(tmp_path, "sleep", "time.sleep(3600)") as program:
        pids = [int(pid) for pid in program.stdout.readline().split()]
        assert all(map(alive, pids))
        program.kill()
    assert gone(*pids)


INTERRUPTED = """
if __name__ == "__main__":
    executor = ProcessExecutor(train, SPACE, workers=2)
    executor.submit(task(0, "sleep"))
    try:
        executor.wait(lambda report: print(int(report.value), flush=True))
        executor.wait(print)
    except KeyboardInterrupt:
        executor.wait(print, timeout=0.2)
        print(executor.free)
        executor.close()
"""


def test_an_interrupt_of_the_terminal_reaches_the_driver_alone(tmp_path):
    with start(tmp_path, "", "", PROGRAM + INTERRUPTED) as program:
        pid = int(program.stdout.readline())
        os.killpg(program.pid, signal.SIGINT)
        out, err = program.communicate()
    assert out == "1\n"  # the training went on
    assert err == ""
    assert gone(pid)


def test_a_program_without_a_main_guard_is_told_so(tmp_path):
    unguarded = PROGRAM + MAIN.replace('if __name__ == "__main__":', "if True:")
    with start(tmp_path, "good", "pass", unguarded) as program:
        _, err = program.communicate()
    assert "a worker process ended before it could train (exited with code 1)" in err
    assert 'in a file, under `if __name__ == "__main__":`?' in err


def test_a_function_that_workers_cannot_import_is_an_error():
    code = PROGRAM + MAIN.replace("BEHAVIOUR", "good").replace("DO", "pass")
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (
        "ProgramError: train cannot be loaded: AttributeError: Can't get attribute" in done.stderr
    )
    assert "Define it at module level" in done.stderr


def test_the_messages_of_the_process_survive_pickling():
    for message in [task(0, "good"), Lost(0, 1, "exited with code 3", 0.5)]:
        assert pickle.loads(pickle.dumps(message)) == message


def test_every_behaviour_is_a_member_of_the_space():
    assert SPACE.size == len(executors.BEHAVIOURS)
