"""One worker process, seen from the driver."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from multiprocessing import resource_tracker

from archbo.executors.child import Message, serve
from archbo.training import Event, Lost, Task

LOOK_SECONDS = 1.0
"""A process that the training forked can hide the worker's end: look for it so often."""


class WorkerProcess:
    """One process, seen from the driver.

    Attributes:
        task: what it trains; None while it is idle.
        began: when the training began, by the monotonic clock; None while the process starts.
        broken: whether it no longer sends.
    """

    def __init__(self, payload: bytes) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        # Not a daemon: those may not have processes of their own, such as data loaders.
        self.process = context.Process(target=serve, args=(theirs, payload), name="archbo worker")
        self.process.start()
        theirs.close()
        self.task: Task | None = None
        self.began: float | None = None
        self.broken = False
        self._started = False

    @property
    def alive(self) -> bool:
        return self.process.exitcode is None

    @property
    def group(self) -> int:
        """The id of its process group, in which is what its training starts, too."""
        assert self.process.pid is not None
        return self.process.pid

    def begin(self, task: Task) -> bool:
        """Send it a task; False if it is dead."""
        try:
            self.connection.send(task)
        except OSError:
            # A new one is left to `wait`, which says why it died.
            if self._started:
                return False
        self.task = task
        self.began = time.monotonic() if self._started else None
        self._started = True
        return True

    def answer(self, target: float | None) -> None:
        """Say how its training goes on."""
        with suppress(OSError):  # it died meanwhile, which `wait` sees
            self.connection.send(target)

    def messages(self) -> Iterator[Message]:
        """What it has sent, up to now or to its end."""
        try:
            while self.connection.poll():
                yield self.connection.recv()
        except (EOFError, OSError):
            self.broken = True

    def owns(self, event: Event) -> bool:
        """Whether an event is of its task; a thread left over from an earlier one may report."""
        task = self.task
        return task is not None and (event.number, event.attempt) == (task.number, task.attempt)

    def deadline(self, timeout: float | None) -> float:
        """When its task's time is up, by the monotonic clock."""
        return inf if timeout is None or self.began is None else self.began + timeout

    def lost(self, reason: str, *, limit: bool = False) -> Lost:
        """The end of its task."""
        assert self.task is not None
        seconds = 0.0 if self.began is None else time.monotonic() - self.began
        return Lost(self.task.number, self.task.attempt, reason, seconds, limit)

    def stop(self) -> int | None:
        """The exit code of a worker that has gone silent; None if it had to be killed."""
        code = self.ended(LOOK_SECONDS)
        self.kill()
        return code

    def ended(self, seconds: float) -> int | None:
        """Its exit code if it ends within this time. `join` would trust the sentinel's pipe."""
        end = time.monotonic() + seconds
        while self.process.exitcode is None and time.monotonic() < end:
            time.sleep(0.005)
        return self.process.exitcode

    def dismiss(self) -> None:
        """Let it end by itself."""
        with suppress(OSError):
            self.connection.send(None)

    def kill(self) -> None:
        """End it, and what its training started."""
        if self.connection.closed:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.group, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.connection.close()


def ending(code: int | None) -> str:
    """How a process ended.

    >>> ending(-11), ending(3)
    ('killed by signal 11 (SIGSEGV)', 'exited with code 3')
    """
    if code is None:
        return "closed its connection"
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:  # a real-time signal has no name
        return f"killed by signal {-code}"


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """A process that is started now does not see Ctrl-C; this one sees it afterwards."""
    resource_tracker.ensure_running()  # starting it unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
