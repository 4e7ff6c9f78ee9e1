"""What every executor promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from archbo.spaces import Part
from archbo.training import Event, Task, Train

Sink = Callable[[Event], float | None]
"""Takes an event as it arrives, before the training goes on where both share a process.

Of a report that waits it gives the answer: the epoch at which the training waits again, or None to
end it.
"""


class Executor(Protocol):
    """Runs tasks, at most `capacity` at a time; used by one thread.

    Each task that is submitted and not cancelled ends with exactly one Finished, Failed or Lost,
    whatever dies. `archbo.testing.executors` has the laws.
    """

    @property
    def capacity(self) -> int:
        """How many tasks can run at a time."""
        ...

    @property
    def free(self) -> int:
        """How many more tasks can be submitted now."""
        ...

    def submit(self, task: Task) -> None:
        """Start a task.

        Raises:
            RuntimeError: if none is free.
        """
        ...

    def wait(self, sink: Sink, *, timeout: float | None = None) -> int:
        """Give the sink what has happened; wait for one event if nothing has.

        Args:
            sink: takes the events in order. What it raises passes through; later events are kept.
            timeout: return after this many seconds at the latest, if the executor can.

        Returns:
            How many events there were: 0 if the time was up, if there is room for more tasks than
            before, or if no task is running.

        Raises:
            ProgramError: if the training function cannot be run at all.
        """
        ...

    def cancel(self, number: int) -> None:
        """End the trial's task, if it is running; no further event of it comes."""
        ...

    def close(self) -> None:
        """End all tasks and free everything, without further events. Twice is fine."""
        ...


class Launcher(Protocol):
    """What `study.run(…, executor=…)` takes: settings that make an executor."""

    def launch(
        self,
        train: Train,
        space: Part,
        *,
        workers: int | None,
        timeout: float | None,
        memory: int | None,
        env: Mapping[str, str] | None,
    ) -> Executor:
        """Make an executor.

        Args:
            train: the training function.
            space: what its architectures are members of.
            workers: how many trainings at a time; None where that is left to the executor.
            timeout: end a training after this many seconds.
            memory: end a training that uses more bytes.
            env: further variables of the trainings' environment.
        """
        ...
