"""Trainings in persistent processes of their own: whatever dies there, the search goes on."""

from __future__ import annotations

import atexit
import pickle
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from multiprocessing import connection as connections
from multiprocessing.reduction import ForkingPickler

from archbo.errors import ProgramError
from archbo.executors.base import Sink
from archbo.executors.child import Ready, Unusable
from archbo.executors.environment import environment
from archbo.executors.gpus import out_of_memory
from archbo.executors.logs import cut_log, end_log
from archbo.executors.memory import check_measurable, in_words, used
from archbo.executors.process import LOOK_SECONDS, WorkerProcess, ending, interrupts_blocked
from archbo.executors.slots import Slot, make_slots, open_slots
from archbo.spaces import Part
from archbo.training import Event, Failed, Finished, Lost, Reported, Task, Train

_MEMORY_SECONDS = 0.5  # between two looks at the memory of trainings
_FAREWELL_SECONDS = 5.0  # for an idle worker to end by itself

_HINT = "Define it at module level in a file, or train with workers=1 and no limits."


class ProcessExecutor:
    """Runs each task in one of several spawned processes, started when they are first needed.

    A worker that dies, or is ended because its training broke a limit, is replaced when the next
    task comes.

    Args:
        train: the training function, defined at module level: the processes import it.
        space: what its architectures are members of.
        workers: how many processes.
        timeout: end a training after this many seconds.
        memory: end a training that uses more bytes, with all the processes that it started.
        threads: how many each may use for its numerics; None for an equal share of the cores.
        gpus_per_trial: how many GPUs each training sees: a whole number, or below 1 the share of
            one that it has. None for an equal share.
        env: further variables of their environment.

    Raises:
        ProgramError: if the function cannot be sent to another process.
        ProblemError: if there are not enough GPUs, or memory cannot be measured here.
    """

    def __init__(
        self,
        train: Train,
        space: Part,
        *,
        workers: int,
        timeout: float | None = None,
        memory: int | None = None,
        threads: int | None = None,
        gpus_per_trial: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        if workers < 1:
            raise ValueError(f"at least one worker is needed, got {workers}")
        if memory is not None:
            check_measurable()
        self._payload = _pickled(train, space)
        self._slots = make_slots(workers, threads, gpus_per_trial, env or {})
        self._timeout = timeout
        self._memory = memory
        self._look_seconds = LOOK_SECONDS if memory is None else _MEMORY_SECONDS
        self._looked = -inf
        self._loads = False  # whether a worker has been ready to train
        self._events: deque[Event] = deque()
        # At exit Python waits for the processes before it frees objects, hence not a finalizer.
        atexit.register(self.close)

    @property
    def capacity(self) -> int:
        return len(self._slots)

    @property
    def free(self) -> int:
        return len(open_slots(self._slots))

    def _busy(self) -> list[tuple[Slot, WorkerProcess]]:
        return [(slot, slot.worker) for slot in self._slots if slot.worker and slot.worker.task]

    def _neighbours(self, slot: Slot) -> int:
        """How many trainings use a GPU of this slot's."""
        return sum(other.shares(slot) for other, _ in self._busy())

    def submit(self, task: Task) -> None:
        found = open_slots(self._slots)
        if not found:
            raise RuntimeError("no worker is free")
        slot = min(found, key=lambda s: (self._neighbours(s), s.worker is None))
        if task.alone and self._neighbours(slot):
            slot.waiting = task
        else:
            self._begin(slot, task)

    def _begin(self, slot: Slot, task: Task) -> None:
        if task.alone:  # idle workers may hold memory of the GPU
            for other in self._slots:
                if other is slot or other.shares(slot):
                    other.discard()
        worker = slot.worker
        if worker is not None:
            if worker.alive and not self._bloated(worker) and worker.begin(task):
                return
            slot.discard()
        with environment(slot.variables), interrupts_blocked():
            # Before an interrupt can come, it is among those that `close` ends.
            slot.worker = worker = WorkerProcess(self._payload)
        worker.begin(task)

    def _bloated(self, worker: WorkerProcess) -> bool:
        """Whether an earlier training has left too little of the allowed memory for the next."""
        if self._memory is None:
            return False
        half = self._memory // 2
        return used([worker.group], enough=half)[worker.group] > half

    def wait(self, sink: Sink, *, timeout: float | None = None) -> int:
        end = inf if timeout is None else time.monotonic() + timeout
        self._begin_waiting()
        while not self._events and (busy := self._busy()):
            now = time.monotonic()
            deadlines = [worker.deadline(self._timeout) for _, worker in busy]
            nearest = min(end, *deadlines, now + self._look_seconds)
            watched = [s for _, w in busy for s in (w.connection, w.process.sentinel)]
            connections.wait(watched, max(0.0, nearest - now))
            for slot, worker in busy:
                self._events.extend(self._heard(slot, worker))
            self._events.extend(self._seen())
            if time.monotonic() >= end:
                break
        count = len(self._events)
        while self._events:
            event = self._events.popleft()
            answer = sink(event)
            if isinstance(event, Reported) and event.waits:
                for _, worker in self._busy():
                    if worker.owns(event):
                        worker.answer(answer)
        return count

    def _begin_waiting(self) -> None:
        for slot in self._slots:
            if slot.waiting is not None and not self._neighbours(slot):
                task, slot.waiting = slot.waiting, None
                self._begin(slot, task)

    def _heard(self, slot: Slot, worker: WorkerProcess) -> Iterator[Event]:
        """What a busy worker has sent since, and its end if it has come."""
        dead = not worker.alive  # asked first: then all it sent can be read
        for message in worker.messages():
            if isinstance(message, Unusable):
                slot.discard()
                raise ProgramError(f"train cannot be loaded: {message.error}", hint=_HINT)
            if isinstance(message, Ready):
                self._loads = True
                worker.began = time.monotonic()
            elif worker.owns(message):
                yield message if isinstance(message, Reported) else self._ended(slot, message)
        if worker.task is None:
            return
        if dead or worker.broken:
            reason = ending(worker.stop())
            if worker.began is None and not self._loads:
                slot.discard()
                raise ProgramError(
                    f"a worker process ended before it could train ({reason})",
                    hint="Its own error stands above. Is what starts the search in a file, "
                    'under `if __name__ == "__main__":`?',
                )
            yield self._ended(slot, worker.lost(reason))
        elif time.monotonic() >= worker.deadline(self._timeout):
            worker.kill()
            reason = f"timed out after {self._timeout:g} s"
            yield self._ended(slot, worker.lost(reason, limit=True))

    def _seen(self) -> Iterator[Event]:
        """Now and then: cut logs that are too long, end trainings that use too much memory."""
        now = time.monotonic()
        if now < self._looked + self._look_seconds:
            return
        self._looked = now
        busy = self._busy()
        for _, worker in busy:
            if worker.task is not None and worker.task.log is not None:
                cut_log(worker.task.log)
        if self._memory is None:
            return
        found = used([worker.group for _, worker in busy], enough=self._memory)
        for slot, worker in busy:
            if found[worker.group] > self._memory:
                worker.kill()
                most = f"more than {in_words(self._memory)} of memory"
                reason = f"used {most} ({in_words(found[worker.group])})"
                yield self._ended(slot, worker.lost(reason, limit=True))

    def _ended(self, slot: Slot, end: Finished | Failed | Lost) -> Event:
        """The end of a slot's task, which has come."""
        assert slot.worker is not None
        assert slot.task is not None
        task, slot.worker.task = slot.task, None
        end_log(task, end)
        full = isinstance(end, Failed) and out_of_memory(end.error)
        if full or isinstance(end, Lost):  # one whose GPU was full may still hold some of it
            slot.discard()
        if isinstance(end, Failed) and full and not task.alone:
            return replace(end, crowded=any(other.shares(slot) for other in self._slots))
        return end

    def cancel(self, number: int) -> None:
        for slot in self._slots:
            if slot.task is not None and slot.task.number == number:
                slot.waiting = None
                slot.discard()
        self._events = deque(event for event in self._events if event.number != number)

    def close(self) -> None:
        atexit.unregister(self.close)
        idle = [s.worker for s in self._slots if s.worker and s.worker.task is None]
        for worker in idle:
            worker.dismiss()
        for worker in idle:
            worker.ended(_FAREWELL_SECONDS)
        for slot in self._slots:
            slot.waiting = None
            slot.discard()
        self._events.clear()


def _pickled(train: Train, space: Part) -> bytes:
    name = getattr(train, "__qualname__", repr(train))
    if "<lambda>" in name or "<locals>" in name:
        raise ProgramError(f"train is {name}: other processes cannot import it", hint=_HINT)
    try:
        return bytes(ForkingPickler.dumps((train, space)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ProgramError(f"train cannot be sent to a process: {error}", hint=_HINT) from error
