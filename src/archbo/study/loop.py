"""The loop of a run: proposals go out, events come in, both are stored here and nowhere else."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from math import ceil, inf
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Literal, Protocol

from archbo.data import Decision, Proposal, Report, State, TrialRecord
from archbo.errors import ExhaustedError
from archbo.executors import Executor, InlineExecutor, ProcessExecutor
from archbo.store import NewTrial
from archbo.study.proposing import at_target, changes, cost, decide, paused, propose, task
from archbo.study.session import Observer, Resources, RunEvent, Spending
from archbo.training import Event, Failed, Finished, Reported, Train

if TYPE_CHECKING:
    from archbo.study.study import Study

_ROUNDING = 1e-9  # of a sum of shares

MOST_ATTEMPTS = 10
"""A trial in the middle of which the run ended so often has failed: it may be what ends the run."""


class Plan(Protocol):
    """What a run trains; all that it says follows from the trials so far."""

    def left(self, records: Sequence[TrialRecord]) -> int:
        """How many trials are still to begin."""
        ...

    def spending(self, records: Sequence[TrialRecord]) -> Spending | None:
        """What is spent of its budget, if it has one that is not a number of trials."""
        ...

    def next(self, records: Sequence[TrialRecord]) -> Proposal | None:
        """The one to begin now; None to wait for those in training.

        Raises:
            ExhaustedError: if there is none.
        """
        ...

    def owns(self, record: TrialRecord) -> bool:
        """Whether it goes on with a trial that was cut by the end of an earlier run."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """Go on until the search has made `trials` trials, or has spent `budget` full trainings.

    A budget is for a study with a fidelity.
    """

    study: Study
    trials: int = 0
    budget: float | None = None

    def left(self, records: Sequence[TrialRecord]) -> int:
        spending = self.spending(records)
        if spending is None:
            return self.trials - sum(record.searched for record in records)
        return ceil(spending.budget - spending.spent - _ROUNDING)

    def spending(self, records: Sequence[TrialRecord]) -> Spending | None:
        fidelity = self.study.problem.fidelity
        if self.budget is None or fidelity is None:
            return None
        return Spending(sum(cost(fidelity, r) for r in records if r.searched), self.budget)

    def next(self, records: Sequence[TrialRecord]) -> Proposal | None:
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
            of = "" if plan.spending(loop.records) else f" of {loop.total}"
            sys.stderr.write(
                f"Stopped after {done}{of} trials; all results are stored"
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
        self._ending: dict[int, Decision] = {}  # of trainings that were told to end

    def run(self) -> None:
        running = [record for record in self.records if record.state is State.RUNNING]
        cut = [record.number for record in running if self.plan.owns(record)]
        self._tidy()
        self._tell("begin")
        while True:
            while self.executor.free and (cut or self._left()) and not self.note:
                if cut:
                    self._retry(cut.pop(0))
                elif not self._propose():
                    break
            if not self.executor.wait(self._take) and self.executor.free == self.executor.capacity:
                break
        if self._left() and not self.note:
            self.note = "the method has nothing more to propose"
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
        if at_target(self.study, record) and self._decide(number) is None:
            self._shorten(number, seconds=record.seconds)  # cut between its last report and its end
            self._tidy()
            self._tell("ended")
            return
        with _uninterrupted():
            self.records[number] = self.store.retry(number)
        self._submit(self.records[number])

    def _propose(self) -> bool:
        """Begin what the plan says; False if that is nothing for now."""
        proposal = self._next_proposal()
        if proposal is None:
            return False
        fidelity = self.study.problem.fidelity
        if fidelity is not None:
            proposal = replace(proposal, fidelity=fidelity.short(proposal.fidelity))
        if proposal.resume is None:
            self._begin(proposal)
        else:
            number = paused(self.records, proposal)
            with _uninterrupted():
                self.records[number] = self.store.resume(number, fidelity=proposal.fidelity)
            self._submit(self.records[number])
        return True

    def _begin(self, proposal: Proposal) -> None:
        running = tuple(r.number for r in self.records if r.state is State.RUNNING)
        features = self.study.problem.features.of(proposal.architecture)
        with _uninterrupted():
            record = self.store.add_trial(
                NewTrial(
                    proposal,
                    features=features,
                    pending=running,
                    progress=changes(self.study, self.records),
                )
            )
            self.records.append(record)
        self._submit(record)

    def _next_proposal(self) -> Proposal | None:
        try:
            return self.plan.next(self.records)
        except ExhaustedError as error:
            self.note = str(error)
            return None

    def _submit(self, record: TrialRecord) -> None:
        self.executor.submit(task(self.study, record))
        self._tell("started")

    def _take(self, event: Event) -> float | None:
        """Store what an event says; answer a report that waits."""
        number = event.number
        seconds = self.records[number].seconds or 0.0  # until it was paused
        with _uninterrupted():
            if isinstance(event, Reported):
                self.store.add_report(number, event.epoch, event.value)
                before = [r for r in self.records[number].reports if r.epoch < event.epoch]
                reports = (*before, Report(event.epoch, event.value))
                self._change(number, reports=reports)
            elif isinstance(event, Finished):
                self._finish(number, event.value, seconds + event.seconds)
            else:
                error = event.error if isinstance(event, Failed) else event.reason
                trace = event.traceback if isinstance(event, Failed) else None
                seconds += event.seconds
                self.store.fail(number, error, traceback=trace, seconds=seconds)
                self._change(
                    number, state=State.FAILED, error=error, traceback=trace, seconds=seconds
                )
        if isinstance(event, Reported):
            self._tell("reported")
            return self._decide(number) if event.waits else None
        self._ending.pop(number, None)
        self._tidy()
        self._tell("ended")
        return None

    def _decide(self, number: int) -> float | None:
        """The next level of a training that has reached its target; None if it ends."""
        decision = decide(self.study, self.records, number)
        if decision.target is None:
            self._ending[number] = decision
            return None
        fidelity = self.study.problem.fidelity
        assert fidelity is not None
        target = fidelity.short(decision.target)
        with _uninterrupted():
            self.store.aim(number, target)
        self._change(number, fidelity=target)
        return inf if target is None else target

    def _finish(self, number: int, value: float, seconds: float) -> None:
        """Store the end of a training: as the trial's result only if it was a full one."""
        record, fidelity = self.records[number], self.study.problem.fidelity
        apart = fidelity is not None and not fidelity.continued and record.fidelity is not None
        if number in self._ending or apart:
            self._shorten(number, seconds, value if apart else None)
            return
        self.store.finish(number, value, seconds=seconds)
        self._change(number, state=State.FINISHED, value=value, seconds=seconds)

    def _shorten(self, number: int, seconds: float | None, value: float | None = None) -> None:
        """Store the end of a training short of a full one: with its value, or its last report."""
        record, decision = self.records[number], self._ending.pop(number, Decision())
        state = State.STOPPED if decision.final else State.PAUSED
        if value is None:
            reached, interim = float(record.reports[-1].epoch), record.reports[-1].value
        else:
            assert record.fidelity is not None
            reached, interim = record.fidelity, value
        with _uninterrupted():
            self.store.shorten(number, state, reached=reached, interim=interim, seconds=seconds)
        self._change(number, state=state, reached=reached, interim=interim, seconds=seconds)

    def _change(self, number: int, **changes: object) -> None:
        self.records[number] = replace(self.records[number], **changes)  # type: ignore[arg-type]

    def _tell(self, kind: Literal["begin", "started", "reported", "ended", "done"]) -> None:
        if self.observer is not None:
            total = max(self.total, len(self.records))  # a budget does not say how many
            spending = self.plan.spending(self.records)
            records = tuple(self.records)
            self.observer(RunEvent(kind, records, total, self.study, self.note, spending))


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
