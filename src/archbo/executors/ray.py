"""Trainings on a Ray cluster: Ray finds a place for each, and archbo keeps the books.

Source: Moritz et al. 2018, Ray: A Distributed Framework for Emerging AI Applications.
"""

from __future__ import annotations

import logging
import socket
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from textwrap import shorten
from typing import Any

from archbo.errors import ArchboError, MissingExtraError, ProblemError, ProgramError
from archbo.executors.base import Sink
from archbo.executors.shipping import EXTRA, pack
from archbo.executors.trainer import Limits, Trainer
from archbo.spaces import Part
from archbo.training import Event, Lost, Reported, Task, Train

_CONNECT_SECONDS = 10.0

_LOOK_SECONDS = 5.0  # how often the cluster is asked for its nodes, while trainings run

_PLACES = 10
"""So many places are tried for a training that has not begun: Ray learns late that a node died."""

_HINT = "What it imports beside the program's own modules must be installed on all nodes."

_ROUNDING = 1e-9  # of shares of a resource: a node of one CPU has room for ten tenths


@dataclass(frozen=True, slots=True)
class Ray:
    """Trains on a Ray cluster: `study.run(train, executor=ab.Ray(cpus=4, gpus=1))`.

    As many trainings go on at a time as `study.run(…, workers=…)` says, or else as the nodes of the
    cluster have room for; nodes that join are used, and the trainings of a node that dies are lost.
    A program that has called `ray.init` itself keeps its connection, and settings.

    Args:
        address: of the cluster: "auto" for the one that this machine is part of, "host:6379", or
            "ray://host:10001". None: the one in RAY_ADDRESS, or that this machine is part of, or
            else a new one of this machine alone, for the time of the run.
        cpus: that a training needs; it is told to use as many threads.
        gpus: that a training needs, of which it sees no others; .5 shares one with another.

    Raises:
        ProblemError: if a number makes no sense.
    """

    address: str | None = None
    cpus: float = 1
    gpus: float = 0

    def __post_init__(self) -> None:
        _check_amount("cpus", self.cpus)
        if self.gpus != 0:
            _check_amount("gpus", self.gpus)

    def launch(
        self,
        train: Train,
        space: Part,
        *,
        workers: int | None = None,
        timeout: float | None = None,
        memory: int | None = None,
        env: Mapping[str, str] | None = None,
    ) -> RayExecutor:
        """Connect to the cluster; see `Launcher`. So much memory is kept for each training.

        Raises:
            MissingExtraError: if Ray is not installed.
            ProblemError: if there is no such cluster, or it has no node for such a training.
            ProgramError: if the function cannot be sent to another machine.
        """
        limits = Limits(
            timeout=timeout,
            memory=memory,
            threads=max(1, int(self.cpus)),
            gpus_per_trial=None if self.gpus else 0,  # all that Ray lets it see, or none
            env=env,
        )
        return RayExecutor(train, space, self, limits, workers=workers)


class RayExecutor:
    """Runs each task in an actor of Ray's, which stays for the next; see `Ray`.

    Ray never repeats a training by itself: where an actor dies in one, its task is lost. No actor
    is detached, so all end with the driver, even if that is killed.

    Args:
        train: the training function; it may be defined anywhere.
        space: what its architectures are members of.
        settings: where, and what a training needs.
        limits: what it may use.
        workers: how many at a time; None for as many as the cluster has room for.
    """

    def __init__(
        self,
        train: Train,
        space: Part,
        settings: Ray,
        limits: Limits,
        *,
        workers: int | None = None,
    ) -> None:
        payload = pack(train, space)
        self._ray = _imported()
        needs = {"CPU": settings.cpus, "GPU": settings.gpus, "memory": limits.memory or 0}
        self._needs = {name: amount for name, amount in needs.items() if amount}
        self._workers = workers
        self._slots: list[_Slot] = []
        self._events: deque[Event] = deque()
        self._connected = not self._ray.is_initialized()
        if self._connected:
            _connect(self._ray, settings.address)
        self._look()
        if not self._room:
            self.close()
            raise _no_room(self._needs, self._nodes.values())
        self._actor = self._ray.remote(Trainer).options(
            num_cpus=settings.cpus,
            num_gpus=settings.gpus,
            memory=limits.memory,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=2,  # an answer comes while the next events are waited for
            scheduling_strategy="SPREAD",
        )
        self._arguments = (self._ray.put(payload), str(Path.cwd()), limits)

    @property
    def capacity(self) -> int:
        return self._room if self._workers is None else self._workers

    @property
    def free(self) -> int:
        return max(0, self.capacity - len(self._busy()))

    def _busy(self) -> list[_Slot]:
        return [slot for slot in self._slots if slot.task is not None]

    def submit(self, task: Task) -> None:
        if not self.free:
            raise RuntimeError("no worker is free")
        idle = next((slot for slot in self._slots if slot.task is None), None)
        if idle is not None:
            idle.begin(task)
        else:
            self._place(task, places=1)

    def _place(self, task: Task, *, places: int) -> None:
        slot = _Slot(self._actor.remote(*self._arguments), places)
        self._slots.append(slot)
        slot.begin(task)

    def wait(self, sink: Sink, *, timeout: float | None = None) -> int:
        end = inf if timeout is None else time.monotonic() + timeout
        if not self._busy():
            self._look()
        free = self.free
        while not self._events and (busy := self._busy()):
            seconds = max(0.0, min(end - time.monotonic(), _LOOK_SECONDS))
            pending = [slot.pending for slot in busy]
            if self._ray.wait(pending, timeout=seconds)[0]:
                ready = self._ray.wait(pending, num_returns=len(pending), timeout=0)[0]
                for slot in busy:
                    if slot.pending in ready:
                        self._events.extend(self._heard(slot))
            if time.monotonic() >= self._looked + _LOOK_SECONDS:
                self._look()
            if time.monotonic() >= end or self.free > free:
                break
        count = len(self._events)
        while self._events:
            event = self._events.popleft()
            answer = sink(event)
            if isinstance(event, Reported) and event.waits:
                for slot in self._busy():
                    if slot.owns(event):
                        slot.answer(answer)
        return count

    def _heard(self, slot: _Slot) -> Sequence[Event]:
        """What a busy slot has sent since, and its end if it has come."""
        errors = self._ray.exceptions
        try:
            received: str | list[Event | ArchboError] = self._ray.get(slot.pending)
        except errors.RayTaskError:  # an error of ours
            raise
        except errors.RayError as error:
            if getattr(error, "actor_init_failed", False):
                self._discard(slot)
                raise ProgramError(
                    f"a worker of the cluster cannot start: {_last_line(error)}",
                    hint="Is the same version of archbo installed on all nodes?",
                ) from error
            self._look()
            if slot.task is not None and not slot.began and slot.places < _PLACES:
                self._discard(slot)
                self._place(slot.task, places=slot.places + 1)
                return []
            lost = slot.lost(self._reason(slot, error))
            self._discard(slot)
            return [lost]
        if isinstance(received, str):
            slot.placed(received, self._nodes.get(received, {}).get("NodeManagerAddress", received))
            return []
        events: list[Event] = []
        for message in received:
            if isinstance(message, ArchboError):
                self._discard(slot)
                raise ProgramError(message.message, hint=_HINT) from message
            events.append(message)
        slot.hear(events)
        return events

    def _reason(self, slot: _Slot, error: Exception) -> str:
        node = self._nodes.get(slot.node)
        if slot.node and node is None:
            return f"the node {slot.address} died"
        if isinstance(error, self._ray.exceptions.ActorUnavailableError):
            return f"the node {slot.address} does not answer any more"
        return f"the cluster's worker died: {_last_line(error)}"

    def _look(self) -> None:
        """See which nodes there are; forget what waits for tasks on those that died."""
        self._looked = time.monotonic()
        self._nodes = {node["NodeID"]: node for node in self._ray.nodes() if node["Alive"]}
        room = sum(_fits(self._needs, node["Resources"]) for node in self._nodes.values())
        self._room = room
        for slot in [s for s in self._slots if s.task is None and s.node not in self._nodes]:
            self._discard(slot)

    def _discard(self, slot: _Slot) -> None:
        self._slots.remove(slot)
        with suppress(self._ray.exceptions.RayError):  # it may be dead
            self._ray.kill(slot.actor)

    def cancel(self, number: int) -> None:
        for slot in self._busy():
            if slot.task is not None and slot.task.number == number:
                self._discard(slot)
        self._events = deque(event for event in self._events if event.number != number)

    def close(self) -> None:
        for slot in self._slots[:]:
            self._discard(slot)
        self._events.clear()
        if self._connected:
            self._connected = False
            self._ray.shutdown()


class _Slot:
    """One actor, seen from the driver.

    Attributes:
        task: what it trains; None while it is idle.
        pending: what the driver waits for: that the training begins, and then what happens in it.
        node: the identifier of its node; empty before it has one.
        address: of the node.
        places: which actor this is of those that were started for its first task.
    """

    def __init__(self, actor: Any, places: int) -> None:
        self.actor = actor
        self.places = places
        self.task: Task | None = None
        self.pending: Any = None
        self.node = ""
        self.address = ""
        self._began: float | None = None

    @property
    def began(self) -> bool:
        """Whether the training has begun."""
        return self._began is not None

    def begin(self, task: Task) -> None:
        """Send it a task."""
        self.task = task
        self._began = None
        self.pending = self.actor.begin.remote(task)

    def placed(self, node: str, address: str) -> None:
        """Take note that the training has begun there."""
        self.node, self.address = node, address
        self._began = time.monotonic()
        self.pending = self.actor.events.remote()

    def hear(self, events: Sequence[Event]) -> None:
        """Take note of what has happened."""
        if isinstance(events[-1], Reported):
            self.pending = self.actor.events.remote()
        else:
            self.task = None

    def answer(self, target: float | None) -> None:
        """Say how its training goes on."""
        self.actor.answer.remote(target)

    def owns(self, event: Event) -> bool:
        """Whether an event is of its task."""
        task = self.task
        return task is not None and (event.number, event.attempt) == (task.number, task.attempt)

    def lost(self, reason: str) -> Lost:
        """The end of its task."""
        assert self.task is not None
        task, self.task = self.task, None
        seconds = 0.0 if self._began is None else time.monotonic() - self._began
        return Lost(task.number, task.attempt, reason, seconds)


def _check_amount(name: str, amount: object) -> None:
    number = isinstance(amount, (int, float)) and not isinstance(amount, bool)
    if not (number and 0 < amount < inf) or (amount > 1 and amount % 1):  # type: ignore[operator]
        raise ProblemError(
            f"a whole number from 1, or a share of one, got {amount!r}", path=f"Ray.{name}"
        )


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("a Ray cluster needs Ray", hint=EXTRA) from error
    return ray


def _connect(ray: Any, address: str | None) -> None:
    try:
        if address is not None and ":" in address:  # of which Ray itself gives up after minutes
            host, _, port = address.removeprefix("ray://").rpartition(":")
            socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
        ray.init(address=address, logging_level=logging.WARNING)
    except (OSError, ValueError, RuntimeError) as error:
        raise ProblemError(
            f"there is no Ray cluster to connect to: {_last_line(error)}",
            path=f"Ray.address={address!r}",
            hint="Start one with: ray start --head.",
        ) from error


def _fits(needs: Mapping[str, float], resources: Mapping[str, float]) -> int:
    """How many trainings a node has room for.

    >>> _fits({"CPU": 0.1, "GPU": 0.5}, {"CPU": 8.0, "GPU": 2.0, "memory": 1e9})
    4
    """
    return int(min(resources.get(name, 0) / amount for name, amount in needs.items()) + _ROUNDING)


def _no_room(needs: Mapping[str, float], nodes: Iterable[Mapping[str, Any]]) -> ProblemError:
    found = [", ".join(f"{n['Resources'].get(name, 0):g} {name}" for name in needs) for n in nodes]
    wanted = ", ".join(f"{amount:g} {name}" for name, amount in needs.items())
    return ProblemError(
        f"a training needs {wanted}, and no node of the cluster has that: {'; '.join(found)}",
        path="Ray",
    )


def _last_line(error: Exception) -> str:
    """What is said of the cause, at the end of a long text."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return shorten(lines[-1], 200, placeholder=" …") if lines else type(error).__name__
