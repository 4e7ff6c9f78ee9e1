"""Trainings in this process, one after another: easy to debug, no second process to start."""

from __future__ import annotations

from archbo.executors.base import Sink
from archbo.spaces import Part
from archbo.training import Event, Task, Train, Trial, run_attempt


class InlineExecutor:
    """Runs the submitted task inside `wait`. An interrupt of the training passes through.

    Args:
        train: the training function.
        space: what its architectures are members of.
    """

    def __init__(self, train: Train, space: Part) -> None:
        self._train = train
        self._space = space
        self._task: Task | None = None

    @property
    def capacity(self) -> int:
        return 1

    @property
    def free(self) -> int:
        return 1 if self._task is None else 0

    def submit(self, task: Task) -> None:
        if self._task is not None:
            raise RuntimeError("no worker is free")
        self._task = task

    def wait(self, sink: Sink, *, timeout: float | None = None) -> int:  # noqa: ARG002 - cannot
        if self._task is None:
            return 0
        task, self._task = self._task, None
        guard = _Guard(sink)
        trial = Trial(task, guard)
        try:
            ended = run_attempt(self._train, self._space.architecture(task.architecture), trial)
        finally:
            guard.close()
        sink(ended)
        return guard.count + 1

    def cancel(self, number: int) -> None:
        if self._task is not None and self._task.number == number:
            self._task = None

    def close(self) -> None:
        self._task = None


class _SinkBroke(BaseException):
    """Ends a training whose report could not be taken; no `except Exception` stops it."""


class _Guard:
    """Calls a sink from inside a training, whose failure the sink's error must not become."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._error: BaseException | None = None
        self._closed = False
        self.count = 0

    def __call__(self, event: Event) -> float | None:
        if self._closed:  # a thread that outlived its training
            return None
        if self._error is not None:
            raise _SinkBroke
        try:
            answer = self._sink(event)
        except BaseException as error:
            self._error = error
            raise _SinkBroke from error
        self.count += 1
        return answer

    def close(self) -> None:
        """Take no more; raise what the sink raised."""
        self._closed = True
        if self._error is not None:
            raise self._error
