"""What an actor of Ray's runs: a training process of its own, and a mailbox for its driver."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import Queue
from threading import Thread

from archbo.errors import ArchboError
from archbo.executors.processes import ProcessExecutor
from archbo.executors.shipping import unpacked
from archbo.training import Event, Reported, Task


@dataclass(frozen=True, slots=True)
class Limits:
    """What a training may use, by the names that `ProcessExecutor` has."""

    timeout: float | None
    memory: int | None
    threads: int
    gpus_per_trial: float | None
    env: Mapping[str, str] | None


class Trainer:
    """Trains one task after another; its methods are called from another machine.

    The training runs in a process of its own, as on the driver's machine: so a crash has its
    reason, a timeout its end, and what a training started dies with it. That process ends together
    with this one.

    Args:
        payload: what `pack` gave.
        folder: where the program runs; so do the trainings, if it is there.
        limits: of the process, which `ProcessExecutor` keeps.
    """

    def __init__(self, payload: bytes, folder: str, limits: Limits) -> None:
        with suppress(OSError):
            os.chdir(folder)
        with suppress(AttributeError):  # the training process need not import Ray's worker
            del sys.modules["__main__"].__file__
        train, space = unpacked(payload)
        self._executor = ProcessExecutor(
            train,
            space,
            workers=1,
            timeout=limits.timeout,
            memory=limits.memory,
            threads=limits.threads,
            gpus_per_trial=limits.gpus_per_trial,
            env=limits.env,
        )
        self._tasks: Queue[Task] = Queue()
        self._events: Queue[Event | ArchboError] = Queue()
        self._answers: Queue[float | None] = Queue()
        Thread(target=self._serve, daemon=True).start()

    def begin(self, task: Task) -> str:
        """Train a task, the one before having ended; gives the identifier of the node."""
        import ray

        self._tasks.put(task)
        return str(ray.get_runtime_context().get_node_id())

    def events(self) -> list[Event | ArchboError]:
        """What has happened since, at least one event; wait for it.

        An error means that the training function cannot be run at all.
        """
        found = [self._events.get()]
        while not self._events.empty():
            found.append(self._events.get())
        return found

    def answer(self, target: float | None) -> None:
        """Say how the training goes on whose last event was a report that waits."""
        self._answers.put(target)

    def _serve(self) -> None:
        while True:
            try:
                self._executor.submit(self._tasks.get())
                while self._executor.wait(self._take):
                    pass
            except ArchboError as error:
                self._events.put(error)

    def _take(self, event: Event) -> float | None:
        self._events.put(event)
        return self._answers.get() if isinstance(event, Reported) and event.waits else None
