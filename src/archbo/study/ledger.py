"""The trials of a study as they are stored, and all that one driver writes of them."""

from __future__ import annotations

import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import TypeVar

from archbo.data import State, TrialRecord
from archbo.errors import ConflictError, UnavailableError
from archbo.store import NewTrial, StoredStudy

T = TypeVar("T")

_PATIENCE_SECONDS = 24 * 3600.0  # for a database that is away: hours of training are at stake
_LONGEST_PAUSE = 30.0


class Ledger:
    """Writes, and then reads what has changed since, by whomever.

    Ctrl-C waits until a write is done. A database that cannot be reached, or a disk that is full,
    is tried again: what a training gave stays in memory until it is stored.

    Args:
        store: the study.
        worker: the driver's name.

    Attributes:
        records: all trials, by number.
    """

    def __init__(self, store: StoredStudy, worker: str) -> None:
        self.store = store
        self.worker = worker
        self.records: list[TrialRecord] = []
        self._version = 0
        self.refresh()

    def refresh(self) -> None:
        """Read what has changed."""
        self.patiently(self._read)

    def _read(self) -> None:
        version, changed = self.store.changes(self._version)
        for record in changed:
            if record.number < len(self.records):
                self.records[record.number] = record
            else:
                self.records.append(record)
        self._version = version

    def begin(self, trial: NewTrial, *, request: int | None = None) -> bool:
        """Store a trial that follows from the records, and answers a request where it has a key.

        False if others have added a trial, deleted one, or answered the request.
        """
        number, known = len(self.records), self._version
        return self._write(
            lambda: self.store.add_trial(trial, number=number, request=request, known=known)
        )

    def take(self, record: TrialRecord) -> bool:
        """Begin another attempt of a trial; False if others were quicker."""
        return self._write(
            lambda: self.store.retry(record.number, worker=self.worker, attempt=record.attempt)
        )

    def resume(self, number: int, fidelity: float | None) -> bool:
        """Go on with a paused trial; False if others were quicker."""
        return self._write(lambda: self.store.resume(number, fidelity=fidelity, worker=self.worker))

    def aim(self, number: int, fidelity: float | None, *, attempt: int) -> bool:
        """Let a training go on up to a level; False if it is no longer this driver's."""
        return self._write(lambda: self.store.aim(number, fidelity, attempt=attempt))

    def report(self, number: int, epoch: int, value: float, *, attempt: int) -> bool:
        """Store a point of a curve; False if the trial is no longer this driver's."""
        return self._write(lambda: self.store.add_report(number, epoch, value, attempt=attempt))

    def finish(self, number: int, value: float, seconds: float) -> bool:
        """Store a result; False if there is one already."""
        return self._write(lambda: self.store.finish(number, value, seconds=seconds))

    def shorten(
        self,
        number: int,
        state: State,
        *,
        reached: float,
        interim: float,
        seconds: float | None,
        attempt: int,
    ) -> bool:
        """Store the end of a short training; False if the trial is no longer this driver's."""
        return self._write(
            lambda: self.store.shorten(
                number, state, reached=reached, interim=interim, seconds=seconds, attempt=attempt
            )
        )

    def fail(
        self, number: int, error: str, *, traceback: str | None, seconds: float, attempt: int
    ) -> bool:
        """Store why a training failed; False if the trial is no longer this driver's."""
        return self._write(
            lambda: self.store.fail(
                number, error, traceback=traceback, seconds=seconds, attempt=attempt
            )
        )

    def _write(self, write: Callable[[], object]) -> bool:
        done = self.patiently(lambda: _unless_conflict(write))
        self.refresh()
        return done

    def patiently(self, action: Callable[[], T]) -> T:
        """Do it; again and again while the database is away.

        Raises:
            UnavailableError: if it is away for a day.
        """
        end, pause = time.monotonic() + _PATIENCE_SECONDS, 0.1
        while True:
            try:
                with uninterrupted():
                    return action()
            except UnavailableError as error:
                if time.monotonic() >= end:
                    raise
                if pause > 1:
                    warnings.warn(f"{error} Trying again …", stacklevel=2)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _unless_conflict(write: Callable[[], object]) -> bool:
    try:
        write()
    except ConflictError:
        return False
    return True


@contextmanager
def uninterrupted() -> Iterator[None]:
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
