"""One study of a store: all reads and writes of its trials. Each write is one transaction."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from archbo.data import Report, State, TrialRecord
from archbo.errors import ConflictError, StoreError
from archbo.store.database import Database
from archbo.store.drivers import Driver
from archbo.store.records import (
    Answer,
    Changes,
    NewTrial,
    as_float,
    check_deletable,
    check_finite,
)
from archbo.store.rows import study_version, trial_record
from archbo.store.schema import reports, requests, studies, trials

_SKIPPED = {"id", "study_id", "version"}
_COLUMNS = [column for column in trials.c if column.name not in _SKIPPED]


class StoredStudy:
    """One study of a store: its settings, and its trials. Comes from a `Store`.

    Trials are numbered 0, 1, … in the order in which they are added.

    Attributes:
        name: unique in the store.
        settings: as they were given to `create_study`.
    """

    def __init__(
        self, database: Database, key: int, name: str, settings: Mapping[str, Any]
    ) -> None:
        self._database = database
        self._key = key
        self.name = name
        self.settings = settings

    @property
    def location(self) -> str:
        """The file of its store, or the URL without a password."""
        return self._database.name

    @property
    def _where(self) -> str:
        return f"{self.location}, study {self.name!r}"

    def driver(self, *, lease: float) -> Driver:
        """This process as one that runs the study; see `Driver`."""
        return Driver(self._database, self._key, lease=lease)

    def add_trial(
        self,
        trial: NewTrial,
        *,
        number: int | None = None,
        request: int | None = None,
        known: int | None = None,
    ) -> TrialRecord:
        """Store one trial, with the next number; see `add_trials`."""
        return self.add_trials([trial], number=number, request=request, known=known)[0]

    def add_trials(
        self,
        new: Sequence[NewTrial],
        *,
        number: int | None = None,
        request: int | None = None,
        known: int | None = None,
    ) -> list[TrialRecord]:
        """Store trials with the next numbers, all in one transaction.

        Args:
            new: the trials.
            number: the one that the first must get; None for any.
            request: the key of an open request that they answer; None without one.
            known: the version of the study that they follow from; None where they follow from none.

        Raises:
            ConflictError: if the next number is another: others have added trials. Or if the
                request has been answered. Or if a trial has been deleted since that version.
        """
        created = time.time()
        with self._database.writing() as connection:
            version = self._next_version(connection)
            first = self._count(connection)
            if number not in (None, first):
                raise ConflictError(f"the next trial is {first}, not {number}", path=self.location)
            if known is not None:
                self._check_deleted(connection, known)
            records = [trial.record(first + i, created) for i, trial in enumerate(new)]
            if records:
                rows = [self._row(record) | {"version": version} for record in records]
                connection.execute(insert(trials), rows)
            if request is not None:
                self._answer(connection, request, f"trial {first}")
        return records

    def retry(
        self, number: int, *, worker: str | None = None, attempt: int | None = None
    ) -> TrialRecord:
        """Begin another attempt of a trial that was interrupted or failed.

        The reports of earlier attempts stay until the new one reports their epochs.

        Args:
            number: of the trial.
            worker: who trains it now.
            attempt: the newest one so far, where another driver may have been quicker.

        Raises:
            ConflictError: if the trial has ended otherwise, or has a newer attempt.
            StoreError: if there is no such trial.
        """
        with self._database.writing() as connection:
            trial = self._claimed(connection, number, State.RUNNING, State.FAILED, attempt=attempt)
            values = dict.fromkeys(["value", "error", "traceback", "seconds"])
            newest = {"state": State.RUNNING.value, "attempt": trial.attempt + 1, "worker": worker}
            self._update(connection, trial, values | newest)
            return self._one(connection, trial.key)

    def resume(
        self, number: int, *, fidelity: float | None = None, worker: str | None = None
    ) -> TrialRecord:
        """Go on with a paused trial, up to a level; None for a full training.

        Raises:
            ConflictError: if the trial is not paused.
        """
        changed = {
            "state": State.RUNNING.value,
            "fidelity": as_float(fidelity),
            "worker": worker,
        }
        with self._database.writing() as connection:
            trial = self._claimed(connection, number, State.PAUSED)
            self._update(connection, trial, changed | dict.fromkeys(["reached", "interim"]))
            return self._one(connection, trial.key)

    def aim(self, number: int, fidelity: float | None, *, attempt: int | None = None) -> None:
        """Store up to which level a running trial goes on; None for a full training.

        Raises:
            ConflictError: if the trial is not running, or in another attempt.
        """
        with self._database.writing() as connection:
            trial = self._claimed(connection, number, State.RUNNING, attempt=attempt)
            self._update(connection, trial, {"fidelity": as_float(fidelity)})

    def add_report(
        self, number: int, epoch: int, value: float, *, attempt: int | None = None
    ) -> None:
        """Store one point of a running trial's learning curve.

        It replaces the same point and all later ones: of an earlier attempt, or of a training that
        goes on from a state that was saved before them.

        Raises:
            ConflictError: if the trial is not running, or in another attempt.
            ObservationError: if the value is not finite.
        """
        check_finite(value, f"the report of epoch {epoch}")
        with self._database.writing() as connection:
            trial = self._claimed(connection, number, State.RUNNING, attempt=attempt)
            old = and_(reports.c.trial_id == trial.key, reports.c.epoch >= epoch)
            connection.execute(delete(reports).where(old))
            point = {
                "trial_id": trial.key,
                "attempt": trial.attempt,
                "epoch": epoch,
                "value": float(value),
            }
            connection.execute(insert(reports), point)
            self._update(connection, trial, {})

    def finish(self, number: int, value: float, *, seconds: float) -> None:
        """Store a running trial's result: of whichever attempt it is, the first one counts.

        Raises:
            ConflictError: if the trial is not running.
            ObservationError: if the value is not finite.
        """
        check_finite(value, "the value")
        changed = {"state": State.FINISHED.value, "value": float(value), "seconds": float(seconds)}
        with self._database.writing() as connection:
            trial = self._claimed(connection, number, State.RUNNING)
            self._update(connection, trial, changed)

    def shorten(
        self,
        number: int,
        state: State,
        *,
        reached: float,
        interim: float,
        seconds: float | None,
        attempt: int | None = None,
    ) -> None:
        """Store that a running trial ended short of a full training.

        Args:
            number: of the trial.
            state: PAUSED, or STOPPED for good.
            reached: the level that it has reached.
            interim: the objective's value there.
            seconds: of training so far.
            attempt: whose end this is; None for the newest.

        Raises:
            ConflictError: if the trial is not running, or in another attempt.
            ObservationError: if the value is not finite.
        """
        check_finite(interim, "the value")
        changed = {
            "state": state.value,
            "reached": float(reached),
            "interim": float(interim),
            "seconds": as_float(seconds),
        }
        with self._database.writing() as connection:
            trial = self._claimed(connection, number, State.RUNNING, attempt=attempt)
            self._update(connection, trial, changed)

    def fail(
        self,
        number: int,
        error: str,
        *,
        traceback: str | None = None,
        seconds: float | None = None,
        attempt: int | None = None,
    ) -> None:
        """Store why a running trial failed.

        Raises:
            ConflictError: if the trial is not running, or in another attempt.
        """
        changed = {
            "state": State.FAILED.value,
            "error": error,
            "traceback": traceback,
            "seconds": as_float(seconds),
        }
        with self._database.writing() as connection:
            trial = self._claimed(connection, number, State.RUNNING, attempt=attempt)
            self._update(connection, trial, changed)

    def delete(self, number: int) -> TrialRecord:
        """Mark an ended or paused trial as deleted: its result counts no more, and stays stored.

        Returns:
            The trial without its result; `before` has it.

        Raises:
            ConflictError: if the trial is running, or deleted already.
            StoreError: if there is no such trial.
        """
        with self._database.writing() as connection:
            trial = self._claimed(connection, number, *State)
            check_deletable(number, trial.state, self._where)
            changed = {
                "state": State.DELETED.value,
                "was": trial.state.value,
                "deleted": self._count(connection),
            }
            self._update(connection, trial, changed)
            return self._one(connection, trial.key)

    def read(self) -> list[TrialRecord]:
        """All trials in the order of their numbers, each with its curve."""
        return self.changes(0).records

    def changes(self, since: int) -> Changes:
        """The trials added or changed after version `since`, which an earlier call gave.

        Three queries, however many trials there are.
        """
        mine = and_(trials.c.study_id == self._key, trials.c.version > since)
        curves = (
            select(trials.c.number, reports.c.epoch, reports.c.value)
            .join_from(reports, trials)
            .where(mine)
            .order_by(reports.c.trial_id, reports.c.epoch)
        )
        points: defaultdict[int, list[Report]] = defaultdict(list)
        with self._database.reading() as connection:
            # The version first: what is written meanwhile is then given again, never missed.
            version = self._version(connection)
            rows = connection.execute(select(*_COLUMNS).where(mine).order_by(trials.c.number)).all()
            for number, epoch, value in connection.execute(curves).all():
                points[number].append(Report(epoch, value))
        where = self._database.name
        records = [trial_record(row, tuple(points[row.number]), where) for row in rows]
        return Changes(version, records)

    def _one(self, connection: Connection, key: int) -> TrialRecord:
        points = select(reports.c.epoch, reports.c.value).where(reports.c.trial_id == key)
        curve = connection.execute(points.order_by(reports.c.epoch)).all()
        row = connection.execute(select(*_COLUMNS).where(trials.c.id == key)).one()
        return trial_record(row, tuple(Report(*point) for point in curve), self._database.name)

    def _count(self, connection: Connection) -> int:
        """How many trials there are."""
        newest = select(func.max(trials.c.number)).where(trials.c.study_id == self._key)
        found = connection.execute(newest).scalar()
        return 0 if found is None else int(found) + 1

    def _check_deleted(self, connection: Connection, since: int) -> None:
        """Refuse what follows from trials of which one has been deleted since."""
        mine = and_(trials.c.study_id == self._key, trials.c.version > since)
        gone = select(func.min(trials.c.number)).where(mine, trials.c.state == State.DELETED.value)
        number = connection.execute(gone).scalar()
        if number is not None:
            raise ConflictError(f"trial {number} has been deleted", path=self.location)

    def _version(self, connection: Connection) -> int:
        query = select(studies.c.version).where(studies.c.id == self._key)
        return study_version(connection.execute(query).scalar_one(), self._database.name)

    def _next_version(self, connection: Connection) -> int:
        count = {"version": studies.c.version + 1}
        connection.execute(update(studies).where(studies.c.id == self._key).values(count))
        return self._version(connection)

    def _claimed(
        self, connection: Connection, number: int, *states: State, attempt: int | None = None
    ) -> _Claimed:
        """A trial that is in one of the states, and in this attempt, until the transaction ends.

        Whoever writes to a study takes its next version first, so one after another.
        """
        version = self._next_version(connection)
        query = select(trials.c.id, trials.c.state, trials.c.attempt).where(
            trials.c.study_id == self._key, trials.c.number == number
        )
        row = connection.execute(query).one_or_none()
        where = self._where
        if row is None:
            raise StoreError(f"there is no trial {number}", path=where)
        if row.state not in states:
            expected = " or ".join(states)
            raise ConflictError(f"trial {number} is {row.state}, not {expected}", path=where)
        if attempt not in (None, row.attempt):
            raise ConflictError(
                f"trial {number} is in attempt {row.attempt}, not {attempt}", path=where
            )
        return _Claimed(row.id, State(row.state), row.attempt, version)

    def _update(self, connection: Connection, trial: _Claimed, values: Mapping[str, Any]) -> None:
        changed = dict(values) | {"version": trial.version}
        connection.execute(update(trials).where(trials.c.id == trial.key).values(changed))

    def _answer(self, connection: Connection, request: int, words: str) -> None:
        """Say that a request is done, in the transaction that does it: once, and for certain."""
        still = and_(requests.c.id == request, requests.c.answer == Answer.OPEN.value)
        done = update(requests).where(still).values(answer=Answer.DONE.value, words=words)
        if not connection.execute(done).rowcount:
            raise ConflictError("another run has done what was asked for", path=self.location)

    def _row(self, record: TrialRecord) -> dict[str, Any]:
        row = {c.name: getattr(record, c.name, None) for c in _COLUMNS}
        mean, sd = record.prediction or (None, None)
        derived = {"state": record.state.value, "prediction_mean": mean, "prediction_sd": sd}
        return row | derived | {"study_id": self._key}


class _Claimed(NamedTuple):
    """A trial in the middle of a write.

    Attributes:
        key: in the table of trials.
        state: that it has.
        attempt: the newest one.
        version: of the study, with this write.
    """

    key: int
    state: State
    attempt: int
    version: int
