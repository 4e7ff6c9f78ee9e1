"""Laws of an executor, wherever it trains; and trainings that go wrong in every way.

Inherit `ExecutorLaws` in a test class and give a fixture `make`, which makes an executor for a
training function and a space, and closes it at the end; `SurvivalLaws` as well, if the trainings
run in processes of their own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest

from archbo.errors import Stopped
from archbo.executors import Executor
from archbo.spaces import Architecture, Choice, Part, Space
from archbo.training import Event, Failed, Finished, Lost, Reported, Task, Train, Trial

Make = Callable[[Train, Part], Executor]


def _sleep(_: Trial) -> float:
    time.sleep(3600)
    return 0.0


def _nap(_: Trial) -> float:
    time.sleep(0.2)
    return 0.0


def _kill_itself(_: Trial) -> float:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0.0


def _start_a_process_and_die(trial: Trial) -> float:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    trial.report(1, child.pid)
    os.abort()


def _fork_and_die(trial: Trial) -> float:
    """The forked process keeps the worker's pipes open."""
    child = os.fork()
    if child == 0:
        time.sleep(3600)
    trial.report(1, child)
    os._exit(5)


def _close_everything(_: Trial) -> float:
    os.closerange(3, 256)
    time.sleep(3600)
    return 0.0


def _report_later(trial: Trial) -> float:
    threading.Timer(0.05, trial.report, [2, 0.5]).start()
    return trial.number


def _reports_and_returns(trial: Trial) -> float:
    assert trial.epochs is not None
    for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
        trial.report(epoch, epoch / 10)
    return float(trial.seed)


def _report_and_stop(trial: Trial) -> float:
    trial.report(4, 0.25)
    raise Stopped


def _raise(error: BaseException) -> float:
    raise error


def _print(_: Trial) -> float:
    """From Python, from compiled code, and from another program."""
    print("Python")  # noqa: T201 - what is tested
    ctypes.CDLL(None).puts(b"compiled code")
    sys.stderr.write("an error\n")
    return float(subprocess.call([sys.executable, "-c", "print('another program')"]))


def _print_and_die(trial: Trial) -> float:
    print("last words")  # noqa: T201 - what is tested
    return _kill_itself(trial)


def _flood(_: Trial) -> float:
    for number in range(30_000):
        print(f"line {number:94}")  # noqa: T201 - what is tested
    return 0.0


EATEN = 500_000_000
"""The bytes of memory that the behaviours "eat" and "child eats" take."""


def _eat(trial: Trial) -> float:
    eaten = bytearray(b"x") * EATEN
    return _sleep(trial) + len(eaten)


def _let_a_child_eat(trial: Trial) -> float:
    code = f"import time; eaten = bytearray(b'x') * {EATEN}; time.sleep(3600)"
    subprocess.Popen([sys.executable, "-c", code])
    return _sleep(trial)


BEHAVIOURS: dict[str, Callable[[Trial], Any]] = {
    "good": _reports_and_returns,
    "attempt": lambda trial: trial.attempt,
    "error": lambda _: _raise(ValueError("no such layer")),
    "none": lambda _: None,
    "nan": lambda _: float("nan"),
    "nan report": lambda trial: trial.report(1, float("nan")),
    "sys.exit": lambda _: sys.exit(3),
    "stopped": _report_and_stop,
    "threads": lambda _: float(os.environ["OMP_NUM_THREADS"]),
    "pid": lambda _: os.getpid(),
    "late report": _report_later,
    "abort": lambda _: os.abort(),
    "os._exit": lambda _: os._exit(4),
    "kill": _kill_itself,
    "nap": _nap,
    "sleep": _sleep,
    "child": _start_a_process_and_die,
    "fork": _fork_and_die,
    "close": _close_everything,
    "print": _print,
    "print and die": _print_and_die,
    "flood": _flood,
    "eat": _eat,
    "child eats": _let_a_child_eat,
    "gpu": lambda _: float(os.environ["CUDA_VISIBLE_DEVICES"]),
    "gpu full": lambda _: _raise(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")),
    "variable": lambda _: float(os.environ["ARCHBO_LAW"]),
}

SPACE = Space(behaviour=Choice(list(BEHAVIOURS)))


def train(arch: Architecture, trial: Trial) -> Any:
    """Do what the architecture's `behaviour` names."""
    return BEHAVIOURS[arch["behaviour"]](trial)


def task(
    number: int, behaviour: str, *, attempt: int = 1, epochs: int = 3, target: float | None = None
) -> Task:
    """A task of `SPACE`, for `train`."""
    architecture = SPACE.architecture({"behaviour": behaviour}).to_dict()
    return Task.make(
        number, architecture, study_seed=0, attempt=attempt, epochs=epochs, target=target
    )


def drain(executor: Executor) -> list[Event]:
    """All events until nothing runs any more."""
    events: list[Event] = []
    while executor.wait(events.append):
        pass
    return events


def run(executor: Executor, behaviours: Sequence[str]) -> dict[int, list[Event]]:
    """The events of each task, tasks being submitted as soon as there is room."""
    events: list[Event] = []
    for number, behaviour in enumerate(behaviours):
        while not executor.free:
            executor.wait(events.append)
        executor.submit(task(number, behaviour))
    events += drain(executor)
    return {n: [e for e in events if e.number == n] for n in range(len(behaviours))}


def unheard(event: Event) -> None:
    """A sink for where no event may come."""
    raise AssertionError(event)


def alive(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def gone(*pids: int) -> bool:
    """Wait until none of the processes lives."""
    while any(map(alive, pids)):
        time.sleep(0.005)
    return True


class ExecutorLaws:
    """What every executor must keep."""

    @pytest.fixture
    def executor(self, make: Make) -> Executor:
        """Of `train` and `SPACE`."""
        return make(train, SPACE)

    def test_all_is_free_at_first(self, executor: Executor) -> None:
        assert executor.free == executor.capacity > 0
        assert executor.wait(unheard) == 0

    def test_no_more_than_the_capacity_is_taken(self, executor: Executor) -> None:
        for number in range(executor.capacity):
            executor.submit(task(number, "good"))
        assert executor.free == 0
        with pytest.raises(RuntimeError, match="no worker is free"):
            executor.submit(task(99, "good"))

    def test_reports_come_in_order_and_then_one_end(self, executor: Executor) -> None:
        given = task(7, "good", attempt=2)
        executor.submit(given)
        events = drain(executor)
        *reports, end = events
        assert reports == [Reported(7, 2, epoch, epoch / 10) for epoch in [1, 2, 3]]
        assert isinstance(end, Finished)
        assert (end.number, end.attempt, end.value) == (7, 2, given.seed)
        assert end.seconds >= 0
        assert executor.free == executor.capacity

    def test_each_task_ends_once_whatever_it_does(self, executor: Executor) -> None:
        behaviours = ["good", "error", "none", "sys.exit", "nan", "nan report", "attempt"] * 2
        for events in run(executor, behaviours).values():
            ends = [e for e in events if not isinstance(e, Reported)]
            assert ends == events[-1:]
        assert executor.free == executor.capacity

    def test_a_failure_says_why(self, executor: Executor) -> None:
        errors = {
            "error": "ValueError: no such layer",
            "none": "train returned None; it must return the objective, a number",
            "nan": "what train returns must be a finite number, got nan",
            "nan report": "TrainingError: trial.report(1, …): the value must be a finite number, "
            "got nan",
            "sys.exit": "exited with code 3",
        }
        found = {}
        for behaviour, events in zip(errors, run(executor, list(errors)).values(), strict=True):
            (end,) = events
            assert isinstance(end, Failed)
            found[behaviour] = end.error
        assert found == errors

    def test_the_traceback_begins_in_the_training_function(self, executor: Executor) -> None:
        (events,) = run(executor, ["error"]).values()
        (end,) = events
        assert isinstance(end, Failed)
        assert end.traceback is not None
        first, *_ = [x for x in end.traceback.splitlines() if x.startswith("  File")]
        assert first.endswith("in train")
        assert end.traceback.endswith("ValueError: no such layer\n")

    def test_a_training_that_stops_itself_has_its_last_report(self, executor: Executor) -> None:
        (events,) = run(executor, ["stopped"]).values()
        assert [type(e) for e in events] == [Reported, Finished]
        assert [e.value for e in events if isinstance(e, (Reported, Finished))] == [0.25, 0.25]

    def test_a_report_at_the_target_waits_for_its_answer(self, executor: Executor) -> None:
        answers = {2: 4.0, 4: None}
        heard: list[tuple[int, bool]] = []

        def sink(event: Event) -> float | None:
            if not isinstance(event, Reported):
                heard.append((int(event.value * 10) if isinstance(event, Finished) else -1, False))
                return None
            heard.append((event.epoch, event.waits))
            return answers[event.epoch] if event.waits else None

        for _ in range(2):  # the answers are not left over for the next training
            executor.submit(task(3, "good", epochs=9, target=2))
            while executor.wait(sink):
                pass
            assert heard == [(1, False), (2, True), (3, False), (4, True), (4, False)]
            heard.clear()
        answers[2] = inf
        executor.submit(task(3, "good", epochs=9, target=2))
        while executor.wait(sink):
            pass
        assert heard[:-1] == [(epoch, epoch == 2) for epoch in range(1, 10)]

    def test_an_error_of_the_sink_passes_through(self, executor: Executor) -> None:
        def broken(_: Event) -> None:
            raise OSError("disk full")

        executor.submit(task(0, "good"))
        with pytest.raises(OSError, match="disk full"):
            executor.wait(broken)

    def test_a_report_that_comes_after_the_end_is_dropped(self, executor: Executor) -> None:
        for events in run(executor, ["late report", "nap"] * 2).values():
            (end,) = events
            assert isinstance(end, Finished)

    def test_a_cancelled_task_is_heard_of_no_more(self, executor: Executor) -> None:
        executor.submit(task(0, "good"))
        executor.cancel(0)
        assert executor.free == executor.capacity
        executor.cancel(5)  # which is unknown
        executor.submit(task(1, "good"))
        assert {e.number for e in drain(executor)} == {1}

    def test_nothing_is_heard_after_the_end(self, executor: Executor) -> None:
        executor.submit(task(0, "good"))
        executor.close()
        executor.close()
        assert executor.wait(unheard) == 0


class SurvivalLaws:
    """What every executor must keep whose trainings run in processes of their own."""

    @pytest.fixture
    def executor(self, make: Make) -> Executor:
        """Of `train` and `SPACE`."""
        return make(train, SPACE)

    def test_a_process_that_dies_is_lost_once_with_its_reason(self, executor: Executor) -> None:
        reasons = {
            "abort": "killed by signal 6 (SIGABRT)",
            "os._exit": "exited with code 4",
            "kill": "killed by signal 9 (SIGKILL)",
        }
        behaviours = [b for death in reasons for b in (death, "good")]
        for number, events in run(executor, behaviours).items():
            *reports, end = events
            assert all(isinstance(e, Reported) for e in reports)
            if number % 2:
                assert isinstance(end, Finished)
            else:
                assert isinstance(end, Lost)
                assert end.reason == reasons[behaviours[number]]
        assert executor.free == executor.capacity

    def test_what_a_training_started_dies_with_it(self, executor: Executor) -> None:
        (events,) = run(executor, ["child"]).values()
        report, end = events
        assert isinstance(report, Reported)
        assert isinstance(end, Lost)
        assert gone(int(report.value))

    def test_a_forked_process_does_not_hide_the_death(self, executor: Executor) -> None:
        (events,) = run(executor, ["fork"]).values()
        report, end = events
        assert isinstance(report, Reported)
        assert isinstance(end, Lost)
        assert end.reason == "exited with code 5"
        assert gone(int(report.value))
