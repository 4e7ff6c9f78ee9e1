"""A run while it goes on: bars in a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import fmean
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from archbo.data import State, TrialRecord
from archbo.fidelity import FidelityRange
from archbo.study.proposing import cost
from archbo.views.infos import (
    Member,
    StudyInfo,
    duration,
    members,
    number,
    one_line,
    study_info,
    study_name,
)
from archbo.views.levels import in_training, standing

if TYPE_CHECKING:
    from archbo.study.session import RunEvent, Spending

RUNNING_LISTED = 6


class Status(NamedTuple):
    """Where a run stands.

    Attributes:
        done: how many trials have ended, failures included.
        total: how many there will be.
        failed: how many failed.
        paused: how many stand still, and can go on.
        running: the trials in training.
        best: the incumbent; None before the first result.
        seconds_left: until the end at the pace so far; None before the first end.
        spending: what of its budget has been trained, if it has one.
    """

    done: int
    total: int
    failed: int
    paused: int
    running: tuple[TrialRecord, ...]
    best: Member | None
    seconds_left: float | None
    spending: Spending | None = None


def run_status(
    records: Sequence[TrialRecord],
    total: int,
    study: StudyInfo,
    *,
    workers: int,
    now: float,
    spending: Spending | None = None,
) -> Status:
    """Where a run stands at `now`, in seconds since 1970.

    The time left is that of the trials to come at the mean time of those that have ended, and the
    rest of that time for those in training, shared by the workers. With a budget it is that of the
    full trainings to come, at the time that one took so far.
    """
    ended = [r for r in records if r.state is not State.RUNNING]
    running = tuple(r for r in records if r.state is State.RUNNING)
    if spending is not None and study.fidelity is not None:
        ahead = sum(_ahead(r, study.fidelity) for r in running)
        work = _work_left(ended, spending, ahead, study.fidelity)
        spending = spending._replace(spent=spending.spent - ahead)
    else:
        work = _trials_left(ended, running, total, now)
    left = None if work is None else work / max(workers, 1)
    failed = sum(r.state is State.FAILED for r in ended)
    best = next(iter(members(records, study, limit=1)), None)
    paused = sum(r.state is State.PAUSED for r in ended)
    return Status(len(ended), total, failed, paused, running, best, left, spending)


def _trials_left(
    ended: Sequence[TrialRecord], running: Sequence[TrialRecord], total: int, now: float
) -> float | None:
    """Seconds of training until there are `total` trials."""
    took = [r.seconds for r in ended if r.seconds is not None]
    if not took:
        return None
    mean = fmean(took)
    waiting = max(total - len(ended) - len(running), 0) * mean
    return waiting + sum(max(mean - (now - r.created), 0.0) for r in running)


def _work_left(
    ended: Sequence[TrialRecord], spending: Spending, ahead: float, fidelity: FidelityRange
) -> float | None:
    """Seconds of training until the budget is spent, and what is in training has ended."""
    took = [(r.seconds, cost(fidelity, r)) for r in ended if r.seconds is not None]
    trained = sum(share for _, share in took)
    if not trained:
        return None
    coming = ahead + max(spending.budget - spending.spent, 0.0)
    return coming * sum(seconds for seconds, _ in took) / trained


def _ahead(record: TrialRecord, fidelity: FidelityRange) -> float:
    """What a running trial has still to train, in full trainings."""
    done = record.reports[-1].epoch if record.reports and fidelity.counted else 0.0
    return max(cost(fidelity, record) - fidelity.share(done), 0.0)


class ProgressView:
    """Shows the runs of a program as they go on; an observer for `overriding`.

    Args:
        console: where to show them: a live display if it is a terminal, else a line a trial.
        clock: gives seconds since 1970.

    Attributes:
        finished: the last event of each run that has ended.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.time) -> None:
        self.finished: list[RunEvent] = []
        self._console = console
        self._clock = clock
        self._event: RunEvent | None = None
        self._study: StudyInfo | None = None
        self._ended: set[int] = set()
        self._workers = 1
        self._live = Live(
            get_renderable=self._display,
            console=console,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,  # see printing_above, which leads more through the console
            redirect_stderr=False,
        )

    def __call__(self, event: RunEvent) -> None:
        """Take notice of what happened."""
        running = sum(r.state is State.RUNNING for r in event.records)
        ended = [r for r in event.records if r.state is not State.RUNNING]
        if event.kind == "begin" or self._study is None:
            name = study_name(event.study.location) if event.study.location else "study"
            self._study = study_info(event.study.store.settings, name=name)
            self._workers = 1
            self._ended = {r.number for r in ended}
            self._begin(event, len(ended))
        self._workers = max(self._workers, running)
        self._event = event
        for record in ended:
            # bars show all but why a training failed
            if record.number not in self._ended and (
                record.state is State.FAILED
                or (record.state is not State.DELETED and not self._console.is_terminal)
            ):
                self._line(record, event, self._study)
        self._ended = {r.number for r in ended}  # one that was paused may end again
        if event.kind == "done":
            self.finished.append(event)
            self._event = self._study = None
            if self._live.is_started:
                self._live.refresh()  # what the program prints now is not about a run

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def _begin(self, event: RunEvent, ended: int) -> None:
        assert self._study is not None
        if event.spending is not None:
            spent, budget = event.spending
            already = f", {spent:.1f} of them spent already" if spent else ""
            much = "1 full training" if budget == 1 else f"{budget:g} full trainings"
            words = f"{self._study.name}: a budget of {much}{already}"
        else:
            already = f", {ended} of them done already" if ended else ""
            trials = "1 trial" if event.total == 1 else f"{event.total} trials"
            words = f"{self._study.name}: {trials}{already}"
        self._console.print(Text(words), soft_wrap=True)

    def _line(self, record: TrialRecord, event: RunEvent, study: StudyInfo) -> None:
        status = self._status(event, study)
        words = f"trial {record.number}: "
        if record.value is not None:
            words += f"{study.objective} {number(record.value)}"
        elif record.interim is not None and record.reached is not None:
            words += f"{study.objective} {number(record.interim)}, {standing(record, study)}"
        else:
            words += f"failed: {(record.error or 'no reason recorded').strip().splitlines()[0]}"
        if self._console.is_terminal:
            self._console.print(Text(words, style="red"), soft_wrap=True)
            return
        words = f"{_far(status)}  {words}"
        if status.best is not None:
            words += f", best {number(status.best.value)}"
        if status.seconds_left:
            words += f", {_left(status.seconds_left)}"
        self._console.print(Text(words), soft_wrap=True)

    def _status(self, event: RunEvent, study: StudyInfo) -> Status:
        return run_status(
            event.records,
            event.total,
            study,
            workers=self._workers,
            now=self._clock(),
            spending=event.spending,
        )

    def _display(self) -> RenderableType:
        event, study = self._event, self._study  # the run goes on in another thread
        if event is None or study is None:
            return Text("")
        return run_view(self._status(event, study), study)


def run_view(status: Status, study: StudyInfo) -> RenderableType:
    """The live display: how far, the incumbent, what is in training."""
    words = [(_far(status).strip(), "")]
    if status.paused:
        words.append((f"{status.paused} paused", "blue"))
    if status.failed:
        words.append((f"{status.failed} failed", "red"))
    if status.seconds_left is not None:
        words.append((_left(status.seconds_left), "dim"))
    head = Table.grid(padding=(0, 2))
    head.add_row(
        Text(study.name, style="bold"),
        ProgressBar(*_bar(status), width=32),
        Text("  ", no_wrap=True, overflow="ellipsis").join(Text(*word) for word in words),
    )
    lines: list[RenderableType] = [head]
    if status.best is not None:
        best = status.best
        lines.append(
            _one_line(
                ("best     ", "dim"),
                (f"{study.objective} {number(best.value)}", "bold green"),
                f"  trial {best.trials[0]}  ",
                (one_line(best.architecture), "dim"),
            )
        )
    if status.running:
        shown = " · ".join(in_training(r, study) for r in status.running[:RUNNING_LISTED])
        lines.append(_one_line(("training ", "dim"), shown))
    return Group(*lines)


def _left(seconds: float) -> str:
    return "less than 10 s left" if seconds < 10 else f"about {duration(seconds)} left"


def _far(status: Status) -> str:
    """How far a run is, of how much, at a width that does not change."""
    if status.spending is None:
        return f"{status.done:>{len(str(status.total))}}/{status.total}"
    spent, budget = (f"{amount:.1f}" for amount in status.spending)
    return f"{spent:>{len(budget)}}/{budget}"


def _bar(status: Status) -> tuple[float, float]:
    """The length of the bar, and how much of it is filled."""
    if status.spending is None:
        return status.total, status.done
    spent, budget = status.spending
    return budget, min(spent, budget)


def _one_line(*parts: str | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")
