"""From any earlier schema to the present one, by alembic, when a store is opened.

A change of the tables is a new file in `versions` and a new `HEAD`; files that were released never
change. Alembic is loaded only where there is something to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from archbo.errors import SchemaError

HEAD = "0005"
VERSION_TABLE = "archbo_version"
_LOCK = 0x61726368626F  # "archbo"


def current(connection: Connection) -> str | None:
    """The schema version of a database; None where archbo has written nothing yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def upgrade(connection: Connection, name: str) -> None:
    """Bring the tables of the database called `name` up to date in the caller's transaction.

    Raises:
        SchemaError: if a newer archbo wrote the database.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext, MigrationStep
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    scripts = ScriptDirectory(Path(__file__).parent)

    def steps(heads: tuple[str, ...], _: MigrationContext) -> Iterable[Any]:
        ahead = list(scripts.iterate_revisions(HEAD, heads, implicit_base=True))
        return [
            MigrationStep.upgrade_from_script(scripts.revision_map, script)
            for script in reversed(ahead)
        ]

    if connection.dialect.name == "postgresql":  # of those who find nothing, one makes the tables
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    found = current(connection)
    if found is not None:
        try:
            scripts.get_revision(found)
        except CommandError as error:
            raise SchemaError(
                f"its schema {found!r} is newer than this archbo knows ({HEAD!r})",
                path=name,
                hint="Upgrade with: pip install --upgrade archbo",
            ) from error
    context = MigrationContext.configure(
        connection, opts={"fn": steps, "script": scripts, "version_table": VERSION_TABLE}
    )
    with Operations.context(context):
        context.run_migrations()
