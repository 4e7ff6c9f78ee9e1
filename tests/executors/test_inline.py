import pytest

from archbo.executors import InlineExecutor
from archbo.spaces import Bool, Space
from archbo.testing.executors import SPACE, ExecutorLaws, drain, task, train, unheard
from archbo.training import Finished, Reported, Task


class TestInline(ExecutorLaws):
    @pytest.fixture
    def make(self):
        return InlineExecutor


def test_reports_are_given_while_the_training_goes_on():
    happened = []

    def train(arch, trial):
        trial.report(1, 0.5)
        happened.append("went on")
        return 1.0

    executor = InlineExecutor(train, Space(a=Bool()))
    executor.submit(Task.make(0, {"a": True}, study_seed=0, attempt=1, epochs=1))
    assert executor.wait(lambda event: happened.append(type(event))) == 2
    assert happened == [Reported, "went on", Finished]


def test_an_interrupt_of_the_training_passes_through():
    def train(arch, trial):
        raise KeyboardInterrupt

    executor = InlineExecutor(train, SPACE)
    executor.submit(task(0, "good"))
    with pytest.raises(KeyboardInterrupt):
        executor.wait(unheard)
    assert executor.free == 1


def test_a_training_cannot_hide_that_its_report_was_not_taken():
    def train(arch, trial):
        try:
            trial.report(1, 0.5)
        except BaseException:
            return 1.0

    def broken(event):
        raise OSError("disk full")

    executor = InlineExecutor(train, SPACE)
    executor.submit(task(0, "good"))
    with pytest.raises(OSError, match="disk full"):
        executor.wait(broken)


def test_the_training_gets_the_architecture():
    seen = []

    def train(arch, trial):
        seen.append(arch)

    executor = InlineExecutor(train, SPACE)
    executor.submit(task(0, "good"))
    drain(executor)
    assert seen == [SPACE.architecture({"behaviour": "good"})]


def test_the_same_training_twice_in_one_executor():
    executor = InlineExecutor(train, SPACE)
    values = []
    for attempt in [1, 2]:
        executor.submit(task(0, "good", attempt=attempt))
        *_, end = drain(executor)
        values.append(end.value)
    assert values[0] == values[1]


def test_a_cancelled_task_does_not_begin():
    executor = InlineExecutor(train, SPACE)
    executor.submit(task(0, "good"))
    executor.cancel(1)
    assert executor.free == 0
    executor.cancel(0)
    assert executor.free == 1
    assert executor.wait(unheard) == 0


def test_reports_after_one_that_was_not_taken_are_not_taken_either():
    calls = []

    def train(arch, trial):
        for epoch in [1, 2]:
            try:
                trial.report(epoch, 0.5)
            except BaseException as error:
                calls.append(type(error).__name__)
        return 1.0

    def broken(event):
        calls.append(event.epoch)
        raise OSError("disk full")

    executor = InlineExecutor(train, SPACE)
    executor.submit(task(0, "good"))
    with pytest.raises(OSError, match="disk full"):
        executor.wait(broken)
    assert calls == [1, "_SinkBroke", "_SinkBroke"]
