"""Trainings in persistent processes of their own: whatever dies there, the search goes on."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import pickle
import signal
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from multiprocessing import connection as connections
from multiprocessing import resource_tracker
from multiprocessing.reduction import ForkingPickler

from archbo.errors import ProgramError
from archbo.executors.base import Sink
from archbo.executors.child import Message, Ready, Unusable, serve
from archbo.spaces import Part
from archbo.training import Event, Failed, Finished, Lost, Reported, Task, Train

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""The environment variables that tell numerical libraries how many threads to use."""

_LOOK_SECONDS = 1.0  # a process that the training forked can hide the worker's end: look for it
_FAREWELL_SECONDS = 5.0  # for an idle worker to end by itself

_HINT = "Define it at module level in a file, or train with workers=1 and no timeout."


class ProcessExecutor:
    """Runs each task in one of several spawned processes, started when they are first needed.

    A worker that dies, or is ended because its time is up, is replaced when the next task comes.

    Args:
        train: the training function, defined at module level: the processes import it.
        space: what its architectures are members of.
        workers: how many processes.
        timeout: end a training after this many seconds.
        threads: how many each process may use for its numerics.

    Raises:
        ProgramError: if the function cannot be sent to another process.
    """

    def __init__(
        self,
        train: Train,
        space: Part,
        *,
        workers: int,
        timeout: float | None = None,
        threads: int = 1,
    ) -> None:
        if workers < 1:
            raise ValueError(f"at least one worker is needed, got {workers}")
        self._payload = _pickled(train, space)
        self._capacity = workers
        self._timeout = timeout
        self._threads = threads
        self._workers: list[_Worker] = []
        self._events: deque[Event] = deque()
        # At exit Python waits for the processes before it frees objects, hence not a finalizer.
        atexit.register(self.close)

    @property
    def capacity(self) -> int:
        return self._capacity

    @property
    def free(self) -> int:
        return self._capacity - len(self._busy())

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.task is not None]

    def submit(self, task: Task) -> None:
        if not self.free:
            raise RuntimeError("no worker is free")
        for worker in [w for w in self._workers if w.task is None]:
            if worker.process.exitcode is None and worker.begin(task):
                return
            self._discard(worker)  # it died idle
        with environment(self._threads), _interrupts_blocked():
            # Before an interrupt can come, it is among those that `close` ends.
            self._workers.append(worker := _Worker(self._payload))
        worker.begin(task)

    def wait(self, sink: Sink, *, timeout: float | None = None) -> int:
        end = inf if timeout is None else time.monotonic() + timeout
        while not self._events and (busy := self._busy()):
            now = time.monotonic()
            nearest = min(end, *(w.deadline(self._timeout) for w in busy), now + _LOOK_SECONDS)
            watched = [s for w in busy for s in (w.connection, w.process.sentinel)]
            connections.wait(watched, max(0.0, nearest - now))
            for worker in busy:
                self._events.extend(self._heard(worker))
            if time.monotonic() >= end:
                break
        count = len(self._events)
        while self._events:
            event = self._events.popleft()
            answer = sink(event)
            if isinstance(event, Reported) and event.waits:
                for worker in self._busy():
                    if worker.owns(event):
                        worker.answer(answer)
        return count

    def _heard(self, worker: _Worker) -> Iterator[Event]:
        """What a busy worker has sent since, and its end if it has come."""
        dead = worker.process.exitcode is not None  # asked first: then all it sent can be read
        for message in worker.messages():
            if isinstance(message, Unusable):
                self._discard(worker)
                raise ProgramError(f"train cannot be loaded: {message.error}", hint=_HINT)
            if isinstance(message, Ready):
                worker.began = time.monotonic()
            elif worker.owns(message):
                yield message
                if isinstance(message, (Finished, Failed)):
                    worker.task = None
        if worker.task is None:
            return
        if dead or worker.broken:
            if worker.began is None:
                end = _end(worker.stop())
                self._discard(worker)
                raise ProgramError(
                    f"a worker process ended before it could train ({end})",
                    hint="Its own error stands above. Is what starts the search in a file, "
                    'under `if __name__ == "__main__":`?',
                )
            yield worker.lost(_end(worker.stop()))
        elif time.monotonic() >= worker.deadline(self._timeout):
            worker.kill()
            yield worker.lost(f"timed out after {self._timeout:g} s")
        else:
            return
        self._discard(worker)

    def _discard(self, worker: _Worker) -> None:
        worker.kill()
        self._workers.remove(worker)

    def cancel(self, number: int) -> None:
        for worker in self._busy():
            if worker.task is not None and worker.task.number == number:
                self._discard(worker)
        self._events = deque(event for event in self._events if event.number != number)

    def close(self) -> None:
        atexit.unregister(self.close)
        for worker in self._workers:
            if worker.task is None:
                worker.dismiss()
        for worker in self._workers:
            if worker.task is None:
                worker.ended(_FAREWELL_SECONDS)
            worker.kill()
        self._workers.clear()
        self._events.clear()


class _Worker:
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

    def lost(self, reason: str) -> Lost:
        """The end of its task."""
        assert self.task is not None
        assert self.began is not None
        task, self.task = self.task, None
        return Lost(task.number, task.attempt, reason, time.monotonic() - self.began)

    def stop(self) -> int | None:
        """The exit code of a worker that has gone silent; None if it had to be killed."""
        code = self.ended(_LOOK_SECONDS)
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
        assert self.process.pid is not None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.connection.close()


def _pickled(train: Train, space: Part) -> bytes:
    name = getattr(train, "__qualname__", repr(train))
    if "<lambda>" in name or "<locals>" in name:
        raise ProgramError(f"train is {name}: other processes cannot import it", hint=_HINT)
    try:
        return bytes(ForkingPickler.dumps((train, space)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ProgramError(f"train cannot be sent to a process: {error}", hint=_HINT) from error


def _end(code: int | None) -> str:
    """How a process ended.

    >>> _end(-11), _end(3)
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
def environment(threads: int) -> Iterator[None]:
    """What a process that is started now finds in its environment."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process that is started now does not see Ctrl-C; this one sees it afterwards."""
    resource_tracker.ensure_running()  # starting it unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
