"""A database of studies: how it is opened, and which there are."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from archbo.errors import StoreError, nearest
from archbo.store.database import Database
from archbo.store.records import StudyRecord
from archbo.store.rows import study_settings
from archbo.store.schema import studies, trials
from archbo.store.stored import StoredStudy


class Store:
    """A database of studies. Open it with `Store.open`; close it, or use it in a `with`.

    Any thread may use it, and any number of processes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(
        cls, location: str | Path | None, *, create: bool = True, read_only: bool = False
    ) -> Store:
        """A file name or Path is a SQLite file, a URL any database, None is memory.

        Args:
            location: where it is.
            create: whether to make it where there is none.
            read_only: whether the file is to be read as it is, and not a byte of it changed.

        Raises:
            StoreError: if it cannot be opened as asked, with the reason.
            SchemaError: if a newer archbo wrote it.
            MissingExtraError: if the URL's driver is not installed.
        """
        return cls(Database(location, create=create and not read_only, read_only=read_only))

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
        return StoredStudy(self._database, row.id, name, study_settings(row.settings, self.name))
