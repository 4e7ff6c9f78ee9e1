"""What a worker process does: trains one task after another until the driver ends it."""

from __future__ import annotations

import os
import pickle
import signal
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from threading import Lock, Thread

from archbo.executors.logs import captured
from archbo.training import Event, Reported, Task, Trial, run_attempt


@dataclass(frozen=True, slots=True)
class Ready:
    """The first message of a worker that can train."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """The only message of a worker that cannot: the training function does not load."""

    error: str


Message = Ready | Unusable | Event


def serve(connection: Connection, payload: bytes) -> None:
    """The main function of a worker process.

    Args:
        connection: gives Tasks and finally None, and an answer to each report that waits; takes
            Messages.
        payload: the pickled training function and space.
    """
    # The driver decides what an interrupt of the terminal means. It started this process with the
    # signal blocked, so that none comes before this line.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.setpgid(0, 0)  # what the training starts is ended together with it
    Thread(target=_end_with_driver, daemon=True).start()
    try:
        train, space = pickle.loads(payload)
    except Exception as error:
        connection.send(Unusable(f"{type(error).__name__}: {error}"))
        return
    turn = Lock()

    def send(message: Message) -> None:
        with turn:  # a training may report from several threads
            connection.send(message)

    def report(event: Reported) -> float | None:
        send(event)
        if not event.waits:
            return None
        answer: float | None = connection.recv()
        return answer

    send(Ready())
    while (task := _next(connection)) is not None:
        with captured(task):
            end = run_attempt(train, space.architecture(task.architecture), Trial(task, report))
        send(end)


def _next(connection: Connection) -> Task | None:
    try:
        task: Task | None = connection.recv()
    except EOFError:
        return None
    return task


def _end_with_driver() -> None:
    """End this process and all it started when the driver has died, be it by kill -9."""
    driver = parent_process()
    assert driver is not None  # this is a process of its own
    wait([driver.sentinel])
    os.killpg(0, signal.SIGKILL)
