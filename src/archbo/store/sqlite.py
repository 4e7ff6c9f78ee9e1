"""A SQLite file as data: it may come from a stranger, and nothing of it is run.

A database can hold SQL of its own: triggers, views, generated columns, virtual tables. archbo makes
none of them, so a file that has one in the way of its tables is refused before anything is read or
written. What remains, defaults and checks of columns, may call no function but harmless ones.
Source: "Defense Against The Dark Arts", https://www.sqlite.org/security.html
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, bindparam, text

from archbo.errors import StoreError
from archbo.store.migrations import VERSION_TABLE
from archbo.store.schema import metadata

LONGEST_VALUE = 64_000_000
"""Bytes of one value. The space of all of NAS-Bench-101 as a pool has about two thirds of it."""

_TABLES = (*metadata.tables, VERSION_TABLE)
_SUPER_JOURNAL = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"

_IN_THE_WAY = text(
    "SELECT type, name FROM sqlite_master WHERE type = 'trigger' "
    "OR (lower(name) IN :tables AND (type <> 'table' OR rootpage = 0))"
).bindparams(bindparam("tables", expanding=True))
_GENERATED = text("SELECT name FROM pragma_table_xinfo(:table) WHERE hidden <> 0")


def opened_as(file: Path, *, read_only: bool) -> URL:
    """The URL to open a file by: to read it, as it is beside it, in a way that changes nothing.

    Raises:
        StoreError: if the journal beside it would have SQLite delete another file.
    """
    _check_journal(file)
    if not read_only:
        return URL.create("sqlite", database=str(file))
    # To be read, the log needs an index beside it: one that is opened to write alone removes it.
    # Where another program works on the file, or left it in the middle, all is there already.
    mode = {"mode": "rw"}
    if any(Path(f"{file}{end}").exists() for end in ("-wal", "-journal")):
        mode = {"mode": "ro"}
    elif not os.access(file.parent, os.W_OK):
        mode = {"immutable": "1"}
    return URL.create("sqlite", database=f"file:{quote(str(file))}", query=mode | {"uri": "true"})


def configure(connection: sqlite3.Connection, _: object, *, read_only: bool) -> None:
    """Set up a new connection."""
    connection.isolation_level = None  # transactions begin where they are asked for
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
        return
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_mode = WAL")  # of no effect in memory


def check_schema(connection: Connection, name: str) -> None:
    """Refuse a database that would run SQL of its own when its tables are read or written.

    Raises:
        StoreError: naming what it holds.
    """
    for kind, held in connection.execute(_IN_THE_WAY, {"tables": list(_TABLES)}):
        raise _foreign(f"{'virtual ' if kind == 'table' else ''}{kind} {held!r}", name)
    for table in _TABLES:
        for (column,) in connection.execute(_GENERATED, {"table": table}):
            raise _foreign(f"computed column {table + '.' + column!r}", name)


def _foreign(what: str, name: str) -> StoreError:
    return StoreError(
        f"the database holds the {what}, which archbo did not make and does not run",
        path=name,
        hint="Remove it from a copy of the file, or ask where the file comes from.",
    )


def _check_journal(file: Path) -> None:
    """A journal of several databases names a file that SQLite deletes; archbo's never is one."""
    journal = Path(f"{file}-journal")
    try:
        with journal.open("rb") as stream:
            stream.seek(-len(_SUPER_JOURNAL), os.SEEK_END)
            ends = stream.read()
    except OSError:  # there is none, or it is too short to name anything
        return
    if ends == _SUPER_JOURNAL:
        raise StoreError(
            "the journal beside it belongs to several databases and was not left by archbo",
            path=str(journal),
            hint="Move it away.",
        )
