"""Places in which one training at a time runs: each with its GPUs and its environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archbo.executors.environment import thread_variables
from archbo.executors.gpus import VISIBLE, shared_out, visible_gpus
from archbo.executors.process import WorkerProcess
from archbo.training import Task


@dataclass(eq=False, slots=True)
class Slot:
    """A place for one training at a time.

    Attributes:
        variables: what its worker finds in its environment.
        gpus: those that its worker sees; empty where nobody says.
        worker: its process, busy or idle; None where there is none yet, or no more.
        waiting: a task that waits until nobody else uses its GPUs.
    """

    variables: Mapping[str, str]
    gpus: tuple[str, ...] = ()
    worker: WorkerProcess | None = None
    waiting: Task | None = None

    @property
    def task(self) -> Task | None:
        """What it trains, or is going to train; None if it is idle."""
        return self.waiting if self.worker is None else self.waiting or self.worker.task

    def shares(self, other: Slot) -> bool:
        """Whether both use the same GPU."""
        return self is not other and not set(self.gpus).isdisjoint(other.gpus)

    def discard(self) -> None:
        """End its worker, and what that one's training started."""
        if self.worker is not None:
            self.worker.kill()
            self.worker = None


def make_slots(
    workers: int, threads: int | None, gpus_per_trial: float | None, env: Mapping[str, str]
) -> list[Slot]:
    """One for each worker.

    Raises:
        ProblemError: if there are not enough GPUs.
    """
    variables = thread_variables(threads, workers) | dict(env)
    if gpus_per_trial is None and workers == 1:
        return [Slot(variables)]
    gpus = visible_gpus(env)
    if gpus_per_trial is None and not gpus:
        return [Slot(variables) for _ in range(workers)]
    shares = shared_out(gpus, workers, gpus_per_trial)
    return [Slot(variables | {VISIBLE: ",".join(share)}, share) for share in shares]


def open_slots(slots: Sequence[Slot]) -> list[Slot]:
    """Those that can take a task now: idle, and no GPU of theirs is kept for one training alone."""
    kept = {gpu for slot in slots if slot.task and slot.task.alone for gpu in slot.gpus}
    return [slot for slot in slots if slot.task is None and kept.isdisjoint(slot.gpus)]
