"""All reads and writes of studies and their trials. Each write is one transaction."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from archbo.data import Prediction, Progress, Report, State, TrialRecord
from archbo.errors import StoreError, nearest
from archbo.store.database import Database
from archbo.store.lock import locked
from archbo.store.records import Changes, NewTrial, StudyRecord, as_float, check_finite
from archbo.store.schema import reports, studies, trials

_SKIPPED = {"id", "study_id", "version"}
_COLUMNS = [column for column in trials.c if column.name not in _SKIPPED]


class Store:
    """A database of studies. Open it with `Store.open`; close it, or use it in a `with`.

    Any thread may use it. Several processes may read while one writes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, location: str | Path | None, *, create: bool = True) -> Store:
        """A file name or Path is a SQLite file, a URL any database, None is memory.

        Args:
            location: where it is.
            create: whether to make it where there is none.

        Raises:
            StoreError: if it cannot be opened as asked, with the reason.
            SchemaError: if a newer archbo wrote it.
            MissingExtraError: if the URL's driver is not installed.
        """
        return cls(Database(location, create=create))

    @property
    def name(self) -> str:
        """The file, or the URL without a password."""
        return self._database.name

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for memory and other databases."""
        return self._database.file

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def studies(self) -> list[StudyRecord]:
        """All studies, oldest first."""
        count = func.count(trials.c.id)
        query = (
            select(studies.c.name, studies.c.settings, studies.c.created, count)
            .join_from(studies, trials, isouter=True)
            .group_by(studies.c.id)
            .order_by(studies.c.id)
        )
        with self._database.reading() as connection:
            return [StudyRecord(*row) for row in connection.execute(query)]

    def create_study(self, settings: Mapping[str, Any], *, name: str = "default") -> StoredStudy:
        """Store a new study.

        Args:
            settings: what the study is, as a JSON object.
            name: what to call it, unique in the store.

        Raises:
            StoreError: if there is a study of this name.
        """
        row = {"name": name, "settings": dict(settings), "created": time.time(), "version": 0}
        with self._database.writing() as connection:
            try:
                connection.execute(insert(studies), row)
            except IntegrityError as error:
                raise StoreError(f"there is a study {name!r} already", path=self.name) from error
        return self.study(name)

    def study(self, name: str = "default") -> StoredStudy:
        """The stored study of this name.

        Raises:
            StoreError: if there is none, naming those that there are.
        """
        query = select(studies.c.id, studies.c.settings).where(studies.c.name == name)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            hint = nearest(name, [study.name for study in self.studies()])
            raise StoreError(f"there is no study {name!r}", path=self.name, hint=hint)
        return StoredStudy(self._database, row.id, name, row.settings)


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

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from running this study; other studies and readers are free.

        A SQLite file has a lock file beside it; what is not a file is not locked.

        Raises:
            BusyError: if it is run already, naming the process and its host.
        """
        file = self._database.file
        if file is None:
            yield
            return
        suffix = ".lock" if self._key == 1 else f".{self._key}.lock"
        with locked(file.with_name(file.name + suffix)):
            yield

    def add_trial(self, trial: NewTrial) -> TrialRecord:
        """Store one trial, with the next number."""
        return self.add_trials([trial])[0]

    def add_trials(self, new: Sequence[NewTrial]) -> list[TrialRecord]:
        """Store trials with the next numbers, all in one transaction."""
        created = time.time()
        with self._database.writing() as connection:
            version = self._next_version(connection)
            newest = select(func.max(trials.c.number)).where(trials.c.study_id == self._key)
            number = connection.execute(newest).scalar()
            first = 0 if number is None else number + 1
            records = [trial.record(first + i, created) for i, trial in enumerate(new)]
            if records:
                rows = [self._row(record) | {"version": version} for record in records]
                connection.execute(insert(trials), rows)
        return records

    def retry(self, number: int, *, worker: str | None = None) -> TrialRecord:
        """Begin another attempt of a trial that was interrupted or failed.

        The reports of earlier attempts stay until the new one reports their epochs.

        Raises:
            StoreError: if there is no such trial, or it is finished.
        """
        with self._database.writing() as connection:
            key, attempt = self._expect(connection, number, State.RUNNING, State.FAILED)
            values = dict.fromkeys(["value", "error", "traceback", "seconds"])
            changed = {"state": State.RUNNING.value, "attempt": attempt + 1, "worker": worker}
            self._update(connection, key, values | changed)
            return self._one(connection, key)

    def resume(self, number: int, *, fidelity: float | None = None) -> TrialRecord:
        """Go on with a paused trial, up to a level; None for a full training.

        Raises:
            StoreError: if the trial is not paused.
        """
        changed = {"state": State.RUNNING.value, "fidelity": as_float(fidelity)}
        with self._database.writing() as connection:
            key, _ = self._expect(connection, number, State.PAUSED)
            self._update(connection, key, changed | dict.fromkeys(["reached", "interim"]))
            return self._one(connection, key)

    def aim(self, number: int, fidelity: float | None) -> None:
        """Store up to which level a running trial goes on; None for a full training.

        Raises:
            StoreError: if the trial is not running.
        """
        with self._database.writing() as connection:
            key, _ = self._expect(connection, number, State.RUNNING)
            self._update(connection, key, {"fidelity": as_float(fidelity)})

    def add_report(self, number: int, epoch: int, value: float) -> None:
        """Store one point of a running trial's learning curve.

        It replaces the same point and all later ones: of an earlier attempt, or of a training that
        goes on from a state that was saved before them.

        Raises:
            StoreError: if the trial is not running.
            ObservationError: if the value is not finite.
        """
        check_finite(value, f"the report of epoch {epoch}")
        with self._database.writing() as connection:
            key, attempt = self._expect(connection, number, State.RUNNING)
            old = and_(reports.c.trial_id == key, reports.c.epoch >= epoch)
            connection.execute(delete(reports).where(old))
            point = {"trial_id": key, "attempt": attempt, "epoch": epoch, "value": float(value)}
            connection.execute(insert(reports), point)
            self._update(connection, key, {})

    def finish(self, number: int, value: float, *, seconds: float) -> None:
        """Store a running trial's result.

        Raises:
            StoreError: if the trial is not running.
            ObservationError: if the value is not finite.
        """
        check_finite(value, "the value")
        changed = {"state": State.FINISHED.value, "value": float(value), "seconds": float(seconds)}
        with self._database.writing() as connection:
            key, _ = self._expect(connection, number, State.RUNNING)
            self._update(connection, key, changed)

    def shorten(
        self, number: int, state: State, *, reached: float, interim: float, seconds: float | None
    ) -> None:
        """Store that a running trial ended short of a full training.

        Args:
            number: of the trial.
            state: PAUSED, or STOPPED for good.
            reached: the level that it has reached.
            interim: the objective's value there.
            seconds: of training so far.

        Raises:
            StoreError: if the trial is not running.
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
            key, _ = self._expect(connection, number, State.RUNNING)
            self._update(connection, key, changed)

    def fail(
        self, number: int, error: str, *, traceback: str | None = None, seconds: float | None = None
    ) -> None:
        """Store why a running trial failed.

        Raises:
            StoreError: if the trial is not running.
        """
        changed = {
            "state": State.FAILED.value,
            "error": error,
            "traceback": traceback,
            "seconds": as_float(seconds),
        }
        with self._database.writing() as connection:
            key, _ = self._expect(connection, number, State.RUNNING)
            self._update(connection, key, changed)

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
            for number, epoch, value in connection.execute(curves):
                points[number].append(Report(epoch, value))
        return Changes(version, [_record(row, tuple(points[row.number])) for row in rows])

    def _one(self, connection: Connection, key: int) -> TrialRecord:
        points = select(reports.c.epoch, reports.c.value).where(reports.c.trial_id == key)
        curve = connection.execute(points.order_by(reports.c.epoch)).all()
        row = connection.execute(select(*_COLUMNS).where(trials.c.id == key)).one()
        return _record(row, tuple(Report(*point) for point in curve))

    def _version(self, connection: Connection) -> int:
        query = select(studies.c.version).where(studies.c.id == self._key)
        return int(connection.execute(query).scalar_one())

    def _next_version(self, connection: Connection) -> int:
        count = {"version": studies.c.version + 1}
        connection.execute(update(studies).where(studies.c.id == self._key).values(count))
        return self._version(connection)

    def _expect(self, connection: Connection, number: int, *states: State) -> tuple[int, int]:
        """The trial's key in the table and its attempt, if it is in one of the states."""
        query = select(trials.c.id, trials.c.state, trials.c.attempt).where(
            trials.c.study_id == self._key, trials.c.number == number
        )
        row = connection.execute(query).one_or_none()
        where = f"{self._database.name}, study {self.name!r}"
        if row is None:
            raise StoreError(f"there is no trial {number}", path=where)
        if row.state not in states:
            expected = " or ".join(states)
            raise StoreError(f"trial {number} is {row.state}, not {expected}", path=where)
        return row.id, row.attempt

    def _update(self, connection: Connection, key: int, values: Mapping[str, Any]) -> None:
        version = {"version": self._next_version(connection)}
        connection.execute(update(trials).where(trials.c.id == key).values(dict(values) | version))

    def _row(self, record: TrialRecord) -> dict[str, Any]:
        row = {c.name: getattr(record, c.name, None) for c in _COLUMNS}
        mean, sd = record.prediction or (None, None)
        derived = {"state": record.state.value, "prediction_mean": mean, "prediction_sd": sd}
        return row | derived | {"study_id": self._key}


def _record(row: Any, points: tuple[Report, ...]) -> TrialRecord:
    values = dict(row._mapping)
    mean, sd = values.pop("prediction_mean"), values.pop("prediction_sd")
    values["prediction"] = None if mean is None else Prediction(mean, sd)
    values["state"] = State(values["state"])
    values["pending"] = tuple(values["pending"])
    values["progress"] = {
        int(key): None if held is None else Progress(*held)
        for key, held in values["progress"].items()
    }
    return TrialRecord(**values, reports=points)
