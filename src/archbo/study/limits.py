"""When a training is tried again, and when a run begins no more: what follows from its trials.

`Watch` keeps count of one run; what it decides are pure functions.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median

from archbo.data import Proposal, State, TrialRecord
from archbo.fidelity import FidelityRange
from archbo.study.proposing import cost
from archbo.study.session import Limits
from archbo.training import Failed, Lost


class Watch:
    """One run and its limits.

    Args:
        limits: what was asked for.
        records: all trials when the run begins.
        fidelity: of the study.
        clock: gives seconds, and never goes back.
    """

    def __init__(
        self,
        limits: Limits,
        records: Sequence[TrialRecord],
        fidelity: FidelityRange | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._fidelity = fidelity
        self._before = frozenset(r.number for r in records if r.state is State.FAILED)
        self._clock = clock
        self._began = clock()
        self._retried: Counter[int] = Counter()
        self._alone: set[int] = set()

    def again(self, end: Failed | Lost) -> bool:
        """Whether a training that did not finish is to be tried again; counted as a retry."""
        number = end.number
        if self._retried[number] >= self._limits.retries:
            return False
        if not worth_another(end, errors=self._limits.retry_errors):
            return False
        self._retried[number] += 1
        if isinstance(end, Failed) and end.crowded:
            self._alone.add(number)
        return True

    def alone(self, number: int) -> bool:
        """Whether a trial is to have its GPU for itself."""
        return number in self._alone

    def note(self, records: Sequence[TrialRecord], proposal: Proposal) -> str:
        """Why a proposal is not begun, a sentence; empty if it is."""
        if self._limits.failures is not None:
            new = [r for r in records if r.state is State.FAILED and r.number not in self._before]
            if len(new) >= self._limits.failures:
                return failures_note(new)
        return self.late(records, proposal)

    def late(self, records: Sequence[TrialRecord], coming: Proposal | TrialRecord) -> str:
        """Why there is no time for a proposal, or for a trial that was cut; empty if there is."""
        hours = self._limits.hours
        if hours is None:
            return ""
        left = hours * 3600 - (self._clock() - self._began)
        full = seconds_of_full(records, self._fidelity)
        part = share_to_train(coming, self._fidelity)
        return late_note(hours, left, None if full is None else full * part)


def worth_another(end: Failed | Lost, *, errors: bool) -> bool:
    """Whether another attempt may end better.

    After a crash from outside it may, and where other trainings may have filled the GPU; after an
    error of the training only if `errors` says so. What broke a limit would break it again.
    """
    return not end.limit if isinstance(end, Lost) else errors or end.crowded


def seconds_of_full(records: Sequence[TrialRecord], fidelity: FidelityRange | None) -> float | None:
    """What a full training takes: the median of those so far, short ones by their share.

    None where nothing is known. Failed ones say nothing, as they end early.
    """
    taken = [
        record.seconds / (1.0 if fidelity is None else cost(fidelity, record))
        for record in records
        if record.seconds is not None
        and (record.state is State.FINISHED or record.state.short)
        and not record.imported
    ]
    return median(taken) if taken else None


def share_to_train(coming: Proposal | TrialRecord, fidelity: FidelityRange | None) -> float:
    """How much of a full training is to be done."""
    if fidelity is None:
        return 1.0
    done = coming.resume if isinstance(coming, Proposal) else None
    return fidelity.share(coming.fidelity) - (0.0 if done is None else fidelity.share(done))


def late_note(hours: float, left: float, expected: float | None) -> str:
    """Why a training is not begun that is unlikely to end in time; empty if it is likely to.

    Args:
        hours: what there was.
        left: the seconds of it that are left.
        expected: what half of such trainings take at most, in seconds; None where nobody knows.

    >>> late_note(8, left=600, expected=1500)
    '10 min of the 8 h are left, and half of such trainings take more than 25 min'
    """
    if left <= 0:
        return f"the {hours:g} h are over"
    if expected is None or expected <= left:
        return ""
    return (
        f"{_span(left)} of the {hours:g} h are left, and half of such trainings take more than "
        f"{_span(expected)}"
    )


def failures_note(failed: Sequence[TrialRecord]) -> str:
    """That so many trainings of a run have failed, and how the last one did."""
    reason = (failed[-1].error or "").partition("\n")[0]
    many = "1 training has" if len(failed) == 1 else f"{len(failed)} trainings have"
    return f"{many} failed, the last one with: {reason}"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
