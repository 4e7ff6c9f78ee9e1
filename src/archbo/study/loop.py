"""The loop of a run: proposals go out, events come in, both are stored here and nowhere else."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Literal, Protocol

from archbo.arrays import stream
from archbo.data import Proposal, Report, State, TrialRecord
from archbo.errors import ExhaustedError
from archbo.executors import Executor, InlineExecutor, ProcessExecutor
from archbo.store import NewTrial
from archbo.study.session import Observer, Resources, RunEvent
from archbo.training import Event, Failed, Finished, Reported, Task, Train

if TYPE_CHECKING:
    from archbo.study.study import Study

MOST_ATTEMPTS = 10
"""A trial in the middle of which the run ended so often has failed: it may be what ends the run."""


class Plan(Protocol):
    """What a run trains; all that it says follows from the trials so far."""

    def left(self, records: Sequence[TrialRecord]) -> int:
        """How many trials are still to begin."""
        ...

    def next(self, records: Sequence[TrialRecord]) -> Proposal:
        """The one to begin now.

        Raises:
            ExhaustedError: if there is none.
        """
        ...

    def owns(self, record: TrialRecord) -> bool:
        """Whether it goes on with a trial that was cut by the end of an earlier run."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """Go on until the search has made `trials` trials."""

    study: Study
    trials: int

    def left(self, records: Sequence[TrialRecord]) -> int:
        return self.trials - sum(record.searched for record in records)

    def next(self, records: Sequence[TrialRecord]) -> Proposal:
        return propose(self.study, records)

    def owns(self, record: TrialRecord) -> bool:  # noqa: ARG002 - all of them
        return True


def run(
    study: Study, train: Train, plan: Plan, resources: Resources, *, observer: Observer | None
) -> None:
    """Train what the plan says; see `Study.run`."""
    workers, timeout = resources.workers, resources.timeout
    with study.store.lock():
        executor: Executor = (
            InlineExecutor(train, study.problem.space)
            if workers == 1 and timeout is None
            else ProcessExecutor(train, study.problem.space, workers=workers, timeout=timeout)
        )
        loop = _Loop(study, executor, plan, observer)
        try:
            with closing(executor):
                loop.run()
            if observer is None:
                loop.warn()
        except KeyboardInterrupt:
            done = sum(r.state is not State.RUNNING for r in loop.records)
            sys.stderr.write(
                f"Stopped after {done} of {loop.total} trials; all results are stored"
                f"{f' in {study.location}' if study.location else ''}. "
                "The same command goes on from here.\n"
            )
            raise SystemExit(130) from None


class _Loop:
    """One run. `records` mirrors the store's trials; nobody else writes while the lock is held."""

    def __init__(
        self, study: Study, executor: Executor, plan: Plan, observer: Observer | None
    ) -> None:
        self.study = study
        self.store = study.store
        self.executor = executor
        self.plan = plan
        self.observer = observer
        self.records: list[TrialRecord] = self.store.read()
        self.total = len(self.records) + max(0, plan.left(self.records))
        self.note = ""

    def run(self) -> None:
        running = [record for record in self.records if record.state is State.RUNNING]
        cut = [record.number for record in running if self.plan.owns(record)]
        self._tidy()
        self._tell("begin")
        while True:
            while self.executor.free and (cut or self._left()) and not self.note:
                if cut:
                    self._retry(cut.pop(0))
                else:
                    self._propose()
            if not self.executor.wait(self._take) and self.executor.free == self.executor.capacity:
                break
        self._tell("done")

    def _left(self) -> bool:
        return self.plan.left(self.records) > 0

    def _tidy(self) -> None:
        self.study.files.tidy(self.records, self.study.problem.objective)

    def warn(self) -> None:
        """Say what went other than asked, where no observer shows it."""
        if self.note:
            warnings.warn(f"the run ended early: {self.note}", stacklevel=4)
        trained = [record for record in self.records if not record.imported]
        failed = [record for record in trained if record.state is State.FAILED]
        if failed and len(failed) == len(trained):
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
            self._tidy()
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
            return self.plan.next(self.records)
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
                folder=self.study.files.of_trial(record.number),
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
        if isinstance(event, Reported):
            self._tell("reported")
        else:
            self._tidy()
            self._tell("ended")

    def _change(self, number: int, **changes: object) -> None:
        self.records[number] = replace(self.records[number], **changes)  # type: ignore[arg-type]

    def _tell(self, kind: Literal["begin", "started", "reported", "ended", "done"]) -> None:
        if self.observer is not None:
            self.observer(RunEvent(kind, tuple(self.records), self.total, self.study, self.note))


def propose(study: Study, records: Sequence[TrialRecord]) -> Proposal:
    """The proposal that follows from these trials: a pure function of them and the settings.

    What was proposed last is trained again until it has its repeats; then what the user wants
    trained first; then the method decides.
    """
    again = _to_repeat(records, study.repeats)
    if again is not None:
        return Proposal(study.architecture(again), "repeat")
    if study.problem.start:
        known = {record.architecture_id for record in records}
        for arch in study.problem.starting(known):
            return Proposal(arch, "user")
    rng = stream(study.problem.seed, "propose", len(records))
    return study.search.propose(study.dataset(records), 1, rng)[0]


def _to_repeat(records: Sequence[TrialRecord], repeats: int) -> TrialRecord | None:
    """The newest proposal, if it has not been trained so often; a failure is not tried again."""
    searched = [record for record in records if record.searched]
    proposed = [place for place, r in enumerate(searched) if r.origin != "repeat"]
    if not proposed:
        return None
    group = searched[proposed[-1] :]
    failed = any(record.state is State.FAILED for record in group)
    return None if failed or len(group) >= repeats else group[0]


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
