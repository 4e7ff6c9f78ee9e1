"""The tables. `migrations` builds them; a test compares the two.

Structured values are JSON in text columns: floats are written so that they read back exactly
(a column declared as JSON would let SQLite turn 1.0 into 1).
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from archbo.errors import StoreError

MOST_NESTED = 200
"""Objects and lists inside each other: a part of a space inside another is two of them."""


class Json(TypeDecorator[Any]):
    """A JSON value as text; None is JSON's null, never SQL's."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002 - inherited
        return json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        # these columns are never null; but whoever wrote the file may not have kept to that
        try:
            found = json.loads(value or "")
        except (ValueError, TypeError, RecursionError) as error:
            raise StoreError(
                f"this is no JSON: {str(value)[:60]!r}", hint="The database is damaged."
            ) from error
        if str(value).count("[") + str(value).count("{") > MOST_NESTED:
            _check_nested(found)
        return found


def _check_nested(value: Any) -> None:
    """Refuse what no function that calls itself could read."""
    level = [value]
    for _ in range(MOST_NESTED):
        level = [
            inner
            for outer in level
            if isinstance(outer, (list, dict))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise StoreError(
        f"JSON is nested more than {MOST_NESTED} deep", hint="No study of archbo's is."
    )


class Prose(TypeDecorator[str]):
    """Text of any origin: what no database takes (a NUL, half a surrogate pair) is escaped."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

studies = Table(
    "studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("settings", Json, nullable=False),
    Column("created", Double, nullable=False),
    Column("version", Integer, nullable=False),  # counts the writes to the study
    UniqueConstraint("name"),
)

trials = Table(
    "trials",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", Integer, ForeignKey("studies.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("version", Integer, nullable=False),  # the study's, when the trial changed last
    Column("architecture_id", String(200), nullable=False),
    Column("architecture", Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("origin", String(64), nullable=False),
    Column("value", Double),
    Column("prediction_mean", Double),
    Column("prediction_sd", Double),
    Column("score", Double),
    Column("hyperparameters", Json, nullable=False),
    Column("features", Json, nullable=False),
    Column("pending", Json, nullable=False),
    Column("error", Prose),
    Column("traceback", Prose),
    Column("attempt", Integer, nullable=False),
    Column("worker", Prose),
    Column("created", Double, nullable=False),
    Column("seconds", Double),
    Column("fidelity", Double),
    Column("reached", Double),
    Column("interim", Double),
    Column("progress", Json, nullable=False),
    Column("deleted", Integer),  # how many trials there were when this one was deleted
    Column("was", String(16)),  # the state that it had
    UniqueConstraint("study_id", "number"),
    Index("ix_trials_study_id_version", "study_id", "version"),
)

reports = Table(
    "reports",
    metadata,
    Column("trial_id", Integer, ForeignKey("trials.id"), primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("value", Double, nullable=False),
)

drivers = Table(
    "drivers",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("study_id", Integer, ForeignKey("studies.id"), nullable=False),
    Column("machine", Prose, nullable=False),  # empty where it cannot be told
    Column("pid", Integer, nullable=False),
    Column(
        "born", BigInteger, nullable=False
    ),  # tells a process from a later one of the same number
    Column("beat", Integer, nullable=False),  # counts its signs of life
)

requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", Integer, ForeignKey("studies.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("trial", Integer),
    Column("architecture", Json, nullable=False),
    Column("created", Double, nullable=False),
    Column("answer", String(16), nullable=False),
    Column("words", Prose, nullable=False),
)
