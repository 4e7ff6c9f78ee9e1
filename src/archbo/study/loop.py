"""The loop of a run: proposals go out, events come in, both are stored here and nowhere else."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Literal

from archbo.arrays import stream
from archbo.data import Proposal, Report, State, TrialRecord
from archbo.errors import ExhaustedError
from archbo.executors import Executor, InlineExecutor, ProcessExecutor
from archbo.store import NewTrial
from archbo.study.session import Observer, RunEvent
from archbo.training import Event, Failed, Finished, Reported, Task, Train

if TYPE_CHECKING:
    from archbo.study.study import Study

MOST_ATTEMPTS = 10
"""A trial in the middle of which the run ended so often has failed: it may be what ends the run."""


def run(
    study: Study,
    train: Train,
    *,
    trials: int,
    workers: int,
    timeout: float | None,
    observer: Observer | None,
) -> None:
    """Train until the study has `trials` trials; see `Study.run`."""
    with study.store.lock():
        executor: Executor = (
            InlineExecutor(train, study.problem.space)
            if workers == 1 and timeout is None
            else ProcessExecutor(train, study.problem.space, workers=workers, timeout=timeout)
        )
        loop = _Loop(study, executor, trials, observer)
        try:
            with closing(executor):
                loop.run()
            if observer is None:
                loop.warn()
        except KeyboardInterrupt:
            done = sum(r.state is not State.RUNNING for r in loop.records)
            sys.stderr.write(
                f"Stopped after {done} of {trials} trials; all results are stored"
                f"{f' in {study.location}' if study.location else ''}. "
                "The same command goes on from here.\n"
            )
            raise SystemExit(130) from None


class _Loop:
    """One run. `records` mirrors the store's trials; nobody else writes while the lock is held."""

    def __init__(
        self, study: Study, executor: Executor, total: int, observer: Observer | None
    ) -> None:
        self.study = study
        self.store = study.store
        self.executor = executor
        self.total = total
        self.observer = observer
        self.records: list[TrialRecord] = self.store.read()
        self.note = ""

    def run(self) -> None:
        cut = [record.number for record in self.records if record.state is State.RUNNING]
        self._tell("begin")
        while True:
            while self.executor.free and (cut or len(self.records) < self.total) and not self.note:
                if cut:
                    self._retry(cut.pop(0))
                else:
                    self._propose()
            if not self.executor.wait(self._take) and self.executor.free == self.executor.capacity:
                break
        self._tell("done")

    def warn(self) -> None:
        """Say what went other than asked, where no observer shows it."""
        if self.note:
            warnings.warn(f"the run ended early: {self.note}", stacklevel=4)
        failed = [record for record in self.records if record.state is State.FAILED]
        if failed and len(failed) == len(self.records):
            warnings.warn(
                f"all {len(failed)} trials failed, the last one with: {failed[-1].error}",
                stacklevel=4,
            )

    def _retry(self, number: int) -> None:
        """Train again what was cut by the end of an earlier run."""
        record = self.records[number]
        if record.attempt >= MOST_ATTEMPTS:
            reason = f"the run ended {record.attempt} times in the middle of this training"
            with _uninterrupted():
                self.store.fail(number, reason)
            self._change(number, state=State.FAILED, error=reason)
            self._tell("ended")
            return
        with _uninterrupted():
            self.records[number] = self.store.retry(number)
        self._submit(self.records[number])

    def _propose(self) -> None:
        proposal = self._next_proposal()
        if proposal is None:
            return
        running = tuple(r.number for r in self.records if r.state is State.RUNNING)
        features = self.study.problem.features.of(proposal.architecture)
        with _uninterrupted():
            record = self.store.add_trial(NewTrial(proposal, features=features, pending=running))
            self.records.append(record)
        self._submit(record)

    def _next_proposal(self) -> Proposal | None:
        try:
            return propose(self.study, self.records)
        except ExhaustedError as error:
            self.note = str(error)
            return None

    def _submit(self, record: TrialRecord) -> None:
        self.executor.submit(
            Task.make(
                record.number,
                record.architecture,
                study_seed=self.study.problem.seed,
                attempt=record.attempt,
                epochs=self.study.epochs,
                objective=self.study.problem.objective.name,
            )
        )
        self._tell("started")

    def _take(self, event: Event) -> None:
        """Store what an event says."""
        number = event.number
        with _uninterrupted():
            if isinstance(event, Reported):
                self.store.add_report(number, event.epoch, event.value)
                reports = (*self.records[number].reports, Report(event.epoch, event.value))
                self._change(number, reports=reports)
            elif isinstance(event, Finished):
                self.store.finish(number, event.value, seconds=event.seconds)
                self._change(number, state=State.FINISHED, value=event.value, seconds=event.seconds)
            else:
                error = event.error if isinstance(event, Failed) else event.reason
                trace = event.traceback if isinstance(event, Failed) else None
                self.store.fail(number, error, traceback=trace, seconds=event.seconds)
                self._change(
                    number,
                    state=State.FAILED,
                    error=error,
                    traceback=trace,
                    seconds=event.seconds,
                )
        self._tell("reported" if isinstance(event, Reported) else "ended")

    def _change(self, number: int, **changes: object) -> None:
        self.records[number] = replace(self.records[number], **changes)  # type: ignore[arg-type]

    def _tell(self, kind: Literal["begin", "started", "reported", "ended", "done"]) -> None:
        if self.observer is not None:
            self.observer(RunEvent(kind, tuple(self.records), self.total, self.study, self.note))


def propose(study: Study, records: list[TrialRecord]) -> Proposal:
    """The proposal that follows from these trials: a pure function of them and the settings."""
    rng = stream(study.problem.seed, "propose", len(records))
    return study.search.propose(study.dataset(records), 1, rng)[0]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until a result is stored."""
    if current_thread() is not main_thread():  # which alone is interrupted
        yield
        return
    interrupts: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        signal.raise_signal(signal.SIGINT)
