"""One database: how it is found, opened, read and written; every failure is a StoreError.

A SQLite file is in WAL mode with `synchronous=FULL`. In WAL mode the file is consistent after
`kill -9` and after power loss alike; FULL adds that a commit which returned is on the disk even
after power loss. It costs one fsync a write, which is nothing beside the training that the write
records.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, inspect
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from archbo.errors import MissingExtraError, StoreError, UnavailableError, nearest
from archbo.store import migrations, sqlite
from archbo.store.schema import metadata
from archbo.store.urls import is_url, parse_url, redacted, shown_url

BUSY_SECONDS = 30.0  # how long a write waits for another process's

_ASK_SECONDS = 0.001, 0.01  # between two attempts to write, at random

_MEMORY = (None, "", ":memory:")
_SUFFIXES = {".db", ".sqlite", ".sqlite3"}  # of the files that a misspelt name may have meant
_HINTS = {
    "file is not a database": "It is no SQLite database; give another file name.",
    "readonly": "It can be read, but not written: copy it to where you may write.",
    "unable to open": "Look at the permissions of the file and its folder.",
    "is full": "The disk is full: free some space and run again; nothing was half-written.",
    "disk i/o": "The disk refused to read or write; nothing was half-written.",
    "is locked": f"Another program has kept it locked for {BUSY_SECONDS:.0f} s.",
    "malformed": "The file is damaged: restore a copy.",
}
_PASSING = ("is full", "disk i/o", "is locked")  # what another attempt may not meet again


class Database:
    """An open database with up-to-date tables; `close` it. Any thread may use it.

    Args:
        location: a file name or Path (SQLite), a URL that SQLAlchemy knows, or None for memory.
        create: whether to make the database where there is none.
        read_only: whether nothing is written: of an older schema a copy in memory is migrated.

    Attributes:
        name: how messages call it; without a password.
        file: its SQLite file, or None.

    Raises:
        StoreError: if it cannot be opened as asked, with the reason.
        SchemaError: if a newer archbo wrote it.
        MissingExtraError: if its driver is not installed.
    """

    def __init__(
        self, location: str | Path | None, *, create: bool, read_only: bool = False
    ) -> None:
        self._url = _url(location)
        self._read_only = read_only
        self.file = _file(self._url)
        self.name = str(self.file or shown_url(self._url))
        if self.file is not None:
            _check_file(self.file, create=create)
        self._turn = RLock()
        url = sqlite.opened_as(self.file, read_only=read_only) if self.file else self._url
        self._engine = self._connect(url, read_only=read_only)
        try:
            self._prepare(create=create)
        except BaseException:
            self.close()
            raise

    def _connect(self, url: URL, *, read_only: bool) -> Engine:
        options: dict[str, Any] = {}
        if url.get_backend_name() == "sqlite":
            options["connect_args"] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
            if url.database in _MEMORY:
                options["poolclass"] = StaticPool  # each new connection would be a new memory
        else:
            options["pool_pre_ping"] = True  # the server may have been restarted
        try:
            engine = create_engine(url, **options)
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"the driver {error.name!r} is not installed",
                path=self.name,
                hint="Install it; for PostgreSQL with: pip install 'archbo[postgres]'",
            ) from error
        except SQLAlchemyError as error:
            raise self._explained(error) from None
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", partial(sqlite.configure, read_only=read_only))
            event.listen(engine, "begin", _begin)
        return engine

    def _prepare(self, *, create: bool) -> None:
        with self.reading() as connection:
            if connection.dialect.name == "sqlite":
                sqlite.check_schema(connection, self.name)
            if migrations.current(connection) == migrations.HEAD:
                return
            tables = set(inspect(connection).get_table_names())
        ours = {*metadata.tables, migrations.VERSION_TABLE}
        if migrations.VERSION_TABLE not in tables:
            taken = tables if self.file else tables & ours
            if taken:
                raise StoreError(
                    f"the database is another program's, it has a table {min(taken)!r}",
                    path=self.name,
                    hint="Give another name.",
                )
            if not create:
                raise StoreError("there is no study in this database", path=self.name)
        if self._read_only and self.file is not None:
            self._copy()
        with self.writing() as connection:
            migrations.upgrade(connection, self.name)

    def _copy(self) -> None:
        """Go on with a copy in memory."""
        memory = self._connect(URL.create("sqlite"), read_only=False)
        with self._engine.connect() as source, memory.connect() as target:
            raw: Any = source.connection.driver_connection
            raw.backup(target.connection.driver_connection)
        self._engine.dispose()
        self._engine = memory

    @property
    def shared(self) -> bool:
        """Whether other processes can use it at the same time."""
        return self.file is not None or self._engine.dialect.name != "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: on SQLite one snapshot that waits for no writer."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it is stored when it ends, or nothing of it."""
        # Asking for the write lock at once waits for its turn; asking after a read can fail.
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        try:
            with self._turn, self._engine.connect() as connection:
                connection = connection.execution_options(begin=begin)
                with connection.begin():
                    yield connection
        # of a damaged file even the error may be no text
        except (SQLAlchemyError, sqlite3.Error, UnicodeError) as error:
            # a driver's error may repeat the URL, and is shown with every traceback
            told = redacted(str(error), self._url) != str(error)
            raise self._explained(error) from (None if told else error)
        except StoreError as error:
            if error.path:
                raise
            raise type(error)(error.message, path=self.name, hint=error.hint) from error

    def _explained(self, error: Exception) -> StoreError:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        text = redacted(str(cause).strip(), self._url)
        hints = [hint for part, hint in _HINTS.items() if part in text.lower()]
        if self.file is None:
            passing = isinstance(error, (OperationalError, InterfaceError))
        else:
            passing = any(part in text.lower() for part in _PASSING)
        kind = UnavailableError if passing else StoreError
        return kind(text, path=self.name, hint=" ".join(hints))

    def close(self) -> None:
        """Let go of it; what was written stays."""
        self._engine.dispose()


def _url(location: str | Path | None) -> URL:
    if location is None or location == ":memory:":
        return URL.create("sqlite")
    if isinstance(location, str) and is_url(location):
        return parse_url(location)
    return URL.create("sqlite", database=str(location))


def _file(url: URL) -> Path | None:
    """The absolute path of a SQLite file: a later change of folder does not matter."""
    if url.get_backend_name() != "sqlite" or url.database in _MEMORY:
        return None
    return Path(url.database).expanduser().absolute()


def _check_file(file: Path, *, create: bool) -> None:
    """Say what SQLite's "unable to open database file" leaves open."""
    if file.is_dir():
        raise StoreError("this is a folder", path=str(file), hint="Give a file name.")
    if not file.parent.is_dir():
        raise StoreError(
            f"the folder {str(file.parent)!r} does not exist",
            path=str(file),
            hint="Create it, or give another file name.",
        )
    if not file.exists():
        if not create:
            near = sorted(f.name for f in file.parent.glob("*") if f.suffix in _SUFFIXES)
            raise StoreError("there is no such file", path=str(file), hint=nearest(file.name, near))
        if not os.access(file.parent, os.W_OK):
            raise StoreError("the folder cannot be written to", path=str(file))


def _begin(connection: Connection) -> None:
    begin = connection.get_execution_options().get("begin", "BEGIN")
    if begin == "BEGIN":
        connection.exec_driver_sql(begin)
        return
    # SQLite itself asks less and less often, so that of many who write some wait for ever.
    end = time.monotonic() + BUSY_SECONDS
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.exec_driver_sql(begin)
                return
            except OperationalError as error:
                if "locked" not in str(error.orig) or time.monotonic() >= end:
                    raise
            time.sleep(random.uniform(*_ASK_SECONDS))
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
