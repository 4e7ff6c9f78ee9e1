"""The loop of a run: proposals go out, events come in, both are stored here and nowhere else."""

from __future__ import annotations

import sys
import time
import warnings
from contextlib import closing
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Literal

from archbo.data import Decision, Proposal, State, TrialRecord
from archbo.errors import ExhaustedError
from archbo.executors import Executor, InlineExecutor, ProcessExecutor
from archbo.spaces import Part
from archbo.store import Driver, NewTrial
from archbo.study.ledger import Ledger
from archbo.study.limits import Watch
from archbo.study.plan import Plan
from archbo.study.proposing import at_target, changes, decide, paused, task
from archbo.study.session import Limits, Observer, Resources, RunEvent
from archbo.study.steering import Steering
from archbo.training import Event, Failed, Finished, Lost, Reported, Train

if TYPE_CHECKING:
    from archbo.study.running import Running

_LOOK_SECONDS = 1.0  # what other drivers do is looked at so often, while there is nothing to begin

MOST_ATTEMPTS = 10
"""A trial in the middle of which the run ended so often has failed: it may be what ends the run."""


def run(
    study: Running,
    train: Train,
    plan: Plan,
    resources: Resources,
    limits: Limits,
    *,
    observer: Observer | None,
) -> None:
    """Train what the plan says; see `Study.run`."""
    with study.store.driver(lease=resources.lease) as driver:
        executor = _executor(train, study.problem.space, resources)
        loop = _Loop(study, executor, plan, driver, limits, observer)
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


def _executor(train: Train, space: Part, resources: Resources) -> Executor:
    if resources.executor is not None:
        return resources.executor.launch(
            train,
            space,
            workers=resources.workers,
            timeout=resources.timeout,
            memory=resources.memory_bytes,
            env=resources.env,
        )
    if not resources.apart:
        return InlineExecutor(train, space)
    return ProcessExecutor(
        train,
        space,
        workers=resources.workers or 1,
        timeout=resources.timeout,
        memory=resources.memory_bytes,
        threads=resources.threads,
        gpus_per_trial=resources.gpus_per_trial,
        env=resources.env,
    )


class _Loop:
    """One run. What it knows of the study is what is stored; other drivers write there as well."""

    def __init__(
        self,
        study: Running,
        executor: Executor,
        plan: Plan,
        driver: Driver,
        limits: Limits,
        observer: Observer | None,
    ) -> None:
        self.study = study
        self.executor = executor
        self.plan = plan
        self.driver = driver
        self.observer = observer
        self.ledger = Ledger(study.store, driver.name)
        self.steering = Steering(study.store, self.ledger.patiently)
        self.total = len(self.records) + max(0, plan.left(self.records))
        self.note = ""
        self.watch = Watch(limits, self.records, study.problem.fidelity)
        self._training: dict[int, int] = {}  # the attempts that the executor has, by trial
        self._late: set[int] = set()  # what was cut, and there is no time for
        self._ending: dict[int, Decision] = {}  # of trainings that were told to end

    @property
    def records(self) -> list[TrialRecord]:
        """All trials."""
        return self.ledger.records

    def run(self) -> None:
        self._tidy()
        self._tell("begin")
        while True:
            self._heed()
            while not self.steering.paused and self.executor.free and self._begin_one():
                pass
            if not self._training and (self.note or not self._waits()):
                break
            self._wait()
        if self._left() and not self.note:
            self.note = "the method has nothing more to propose"
        self._tell("done")

    def _left(self) -> bool:
        return self.plan.left(self.records) > 0

    def _waits(self) -> bool:
        """Whether something can come to be begun: as others end, or a cluster has room again."""
        held = self.steering.paused or not self.executor.free
        return self._elsewhere() or (held and self._left())

    def _heed(self) -> None:
        """Take notice of what people ask."""
        self.steering.look()
        if self.steering.stopped:
            self.note = "somebody asked it to stop"

    def _elsewhere(self) -> bool:
        """Whether other drivers train what this one would go on with if they died."""
        return bool(self._unattended())

    def _unattended(self) -> list[TrialRecord]:
        """What is not in training here, and what this run would go on with."""
        others = [r for r in self._running() if r.number not in self._training.keys() | self._late]
        return [record for record in others if self.plan.owns(record)]

    def _running(self) -> list[TrialRecord]:
        return [record for record in self.records if record.state is State.RUNNING]

    def _wait(self) -> None:
        """For what happens next, here or elsewhere."""
        elsewhere = self._elsewhere()
        if self._training:
            self.executor.wait(self._take, timeout=_LOOK_SECONDS)
        else:
            self.executor.wait(self._take, timeout=0)  # so that it looks what room there is
            time.sleep(_LOOK_SECONDS)
        if elsewhere:
            self.ledger.refresh()
        for number, attempt in list(self._training.items()):
            record = self.records[number]
            if record.state is not State.RUNNING or record.attempt != attempt:
                self.executor.cancel(number)  # another driver has taken it over
                self._forget(number)

    def _forget(self, number: int) -> None:
        self._training.pop(number, None)
        self._ending.pop(number, None)

    def _begin_one(self) -> bool:
        """Begin a training, or try to; False if there is none to begin for now."""
        orphan = self._orphan()
        if orphan is not None:
            self._retry(orphan)
            return True
        if self.note:
            return False
        wish = self.steering.next(self.study.problem, self.records)
        if wish is not None:
            self._begin(wish.proposal, request=wish.request)
            return True
        return self._left() and self._propose()

    def _orphan(self) -> TrialRecord | None:
        """The first trial in training whose driver is gone."""
        mine = self._unattended()
        if not mine:
            return None
        names = {record.worker or "" for record in mine}
        gone = self.ledger.patiently(lambda: self.driver.gone(names))
        return next((r for r in mine if r.worker in {self.driver.name, None, *gone}), None)

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

    def _retry(self, record: TrialRecord) -> None:
        """Train again what was cut: by the end of its driver, or from outside."""
        number, attempt = record.number, record.attempt
        if attempt >= MOST_ATTEMPTS:
            reason = f"the run ended {attempt} times in the middle of this training"
            seconds = record.seconds or 0.0
            self.ledger.fail(number, reason, traceback=None, seconds=seconds, attempt=attempt)
        elif at_target(self.study, record) and self._decide(number, attempt) is None:
            self._shorten(number, attempt, seconds=record.seconds)  # cut before its end was stored
        else:
            late = self.watch.late(self.records, record)
            if late:
                self.note = late
                self._late.add(number)
            elif self.ledger.take(record):
                self._submit(number)
            return
        self._tidy()
        self._tell("ended")

    def _propose(self) -> bool:
        """Begin what the plan says; False if that is nothing for now."""
        proposal = self._next_proposal()
        if proposal is None:
            return False
        fidelity = self.study.problem.fidelity
        if fidelity is not None:
            proposal = replace(proposal, fidelity=fidelity.short(proposal.fidelity))
        self.note = self.watch.note(self.records, proposal)
        if self.note:
            return False
        if proposal.resume is None:
            self._begin(proposal)
        else:
            number = paused(self.records, proposal)
            if self.ledger.resume(number, proposal.fidelity):
                self._submit(number)
        return True

    def _begin(self, proposal: Proposal, *, request: int | None = None) -> None:
        number = len(self.records)
        trial = NewTrial(
            proposal,
            features=self.study.problem.features.of(proposal.architecture),
            pending=tuple(record.number for record in self._running()),
            progress=changes(self.study, self.records),
            worker=self.driver.name,
        )
        if self.ledger.begin(trial, request=request):
            self._submit(number)

    def _next_proposal(self) -> Proposal | None:
        try:
            return self.plan.next(self.records)
        except ExhaustedError as error:
            self.note = str(error)
            return None

    def _submit(self, number: int) -> None:
        record = self.records[number]
        self._training[number] = record.attempt
        given = task(self.study, record)
        self.executor.submit(replace(given, alone=self.watch.alone(number)))
        self._tell("started")

    def _take(self, event: Event) -> float | None:
        """Store what an event says; answer a report that waits."""
        number, attempt = event.number, event.attempt
        if isinstance(event, (Failed, Lost)) and self.watch.again(event):
            self._forget(number)  # so that it is trained again as what a dead driver left
            return None
        if isinstance(event, Reported):
            kept = self.ledger.report(number, event.epoch, event.value, attempt=attempt)
            self._tell("reported")
            return self._decide(number, attempt) if kept and event.waits else None
        seconds = event.seconds + (self.records[number].seconds or 0.0)  # until it was paused
        if isinstance(event, Finished):
            self._finish(number, attempt, event.value, seconds)
        else:
            error = event.error if isinstance(event, Failed) else event.reason
            trace = event.traceback if isinstance(event, Failed) else None
            self.ledger.fail(number, error, traceback=trace, seconds=seconds, attempt=attempt)
        self._forget(number)
        self._tidy()
        self._tell("ended")
        return None

    def _decide(self, number: int, attempt: int) -> float | None:
        """The next level of a training that has reached its target; None if it ends."""
        decision = decide(self.study, self.records, number)
        if decision.target is None:
            self._ending[number] = decision
            return None
        fidelity = self.study.problem.fidelity
        assert fidelity is not None
        target = fidelity.short(decision.target)
        if not self.ledger.aim(number, target, attempt=attempt):
            return None
        return inf if target is None else target

    def _finish(self, number: int, attempt: int, value: float, seconds: float) -> None:
        """Store the end of a training: as the trial's result only if it was a full one."""
        record, fidelity = self.records[number], self.study.problem.fidelity
        apart = fidelity is not None and not fidelity.continued and record.fidelity is not None
        if number in self._ending or apart:
            self._shorten(number, attempt, seconds, value if apart else None)
        else:
            self.ledger.finish(number, value, seconds)

    def _shorten(
        self, number: int, attempt: int, seconds: float | None, value: float | None = None
    ) -> None:
        """Store the end of a training short of a full one: with its value, or its last report."""
        record, decision = self.records[number], self._ending.pop(number, Decision())
        state = State.STOPPED if decision.final else State.PAUSED
        if value is None:
            reached, interim = float(record.reports[-1].epoch), record.reports[-1].value
        else:
            assert record.fidelity is not None
            reached, interim = record.fidelity, value
        self.ledger.shorten(
            number, state, reached=reached, interim=interim, seconds=seconds, attempt=attempt
        )

    def _tell(self, kind: Literal["begin", "started", "reported", "ended", "done"]) -> None:
        if self.observer is not None:
            total = max(self.total, len(self.records))  # a budget does not say how many
            spending = self.plan.spending(self.records)
            records = tuple(self.records)
            self.observer(RunEvent(kind, records, total, self.study, self.note, spending))
