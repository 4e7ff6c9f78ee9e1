"""Rows of the tables as records, each value checked: a file may be damaged, or a stranger's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from archbo.data import Prediction, Progress, Report, State, TrialRecord
from archbo.errors import StoreError

_MOST = 2**53  # of a count; more is none, and not every number is exact
_LATEST = 253_402_300_799.0  # the last second of the year 9999, in seconds since 1970
_STATES = frozenset(state.value for state in State)
_ENDED = _STATES - {State.RUNNING.value, State.DELETED.value}
_DAMAGED = "The database is damaged, or another program wrote to it."


def study_settings(settings: Any, where: str) -> Mapping[str, Any]:
    """The settings of a study as they were stored.

    Raises:
        StoreError: if they are no JSON object.
    """
    if not isinstance(settings, dict):
        raise StoreError(
            f"the settings of a study are an object, got {shown(settings)}",
            path=where,
            hint=_DAMAGED,
        )
    return settings


def study_version(version: Any, where: str) -> int:
    """How often a study was written to.

    Raises:
        StoreError: if it is no count.
    """
    if not _count(version):
        what = f"the version of a study is a whole number from 0, got {shown(version)}"
        raise StoreError(what, path=where, hint=_DAMAGED)
    return int(version)


def trial_record(row: Any, points: tuple[Report, ...], where: str) -> TrialRecord:
    """A row of the table of trials, and the points of its curve, as a record.

    Args:
        row: by column.
        points: in the order of their epochs.
        where: the database, for the errors.

    Raises:
        StoreError: if a value is not what the column is for, naming the trial and the column.
    """
    values = dict(row._mapping)
    for name, (fits, expected) in _COLUMNS.items():
        if not fits(values[name]):
            what = f"{name} is {expected}, got {shown(values[name])}"
            raise StoreError(f"trial {shown(row.number)}: {what}", path=where, hint=_DAMAGED)
    for point in points:
        if not (_count(point.epoch) and _finite(point.value)):
            what = f"a report is an epoch and a finite number, got {shown(point)}"
            raise StoreError(f"trial {row.number}: {what}", path=where, hint=_DAMAGED)
    deleted, was = values.pop("deleted"), values.pop("was")
    if {deleted is not None, was is not None} != {values["state"] == State.DELETED.value}:
        what = f"it is {values['state']}, got deleted {shown(deleted)} and was {shown(was)}"
        raise StoreError(f"trial {row.number}: {what}", path=where, hint=_DAMAGED)
    mean, sd = values.pop("prediction_mean"), values.pop("prediction_sd")
    values["prediction"] = None if mean is None or sd is None else Prediction(mean, sd)
    values["state"] = State(was or values["state"])
    values["pending"] = tuple(values["pending"])
    values["progress"] = {
        int(key): None if held is None else Progress(*held)
        for key, held in values["progress"].items()
    }
    record = TrialRecord(**values, reports=points)
    return record if deleted is None else record.without_result(deleted)


def shown(value: object) -> str:
    """A value for an error message, cut where it gets long."""
    if isinstance(value, (str, bytes)):
        value = value[:60]
    elif isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    elif isinstance(value, int) and abs(value) > _MOST:
        return "a huge number"
    return repr(value)


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST


def _real(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) <= _MOST)


def _finite(value: Any) -> bool:
    return _real(value) and isfinite(value)


def _text(value: Any) -> bool:
    return type(value) is str


def _time(value: Any) -> bool:
    return _real(value) and 0 <= value <= _LATEST


def _reals(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_real, value.values()))


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_count, value))


def _progress(value: Any) -> bool:
    return isinstance(value, dict) and all(
        key.isdecimal() and len(key) < 17 and (held is None or _is_progress(held))
        for key, held in value.items()
    )


def _is_progress(held: Any) -> bool:
    return (
        isinstance(held, list)
        and len(held) == len(Progress._fields)
        and _count(held[0])
        and _or_nothing(_finite)(held[1])
    )


def _or_nothing(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


_NUMBER = (_or_nothing(_finite), "a finite number or nothing")
_EXPECTED = (_or_nothing(_real), "a number or nothing")
_WORDS = (_or_nothing(_text), "text or nothing")
_BY_NAME = (_reals, "numbers by name")

_COLUMNS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "number": (_count, "a whole number from 0"),
    "architecture_id": (_text, "text"),
    "state": (_STATES.__contains__, f"one of {', '.join(State)}"),
    "origin": (_text, "text"),
    "value": _NUMBER,
    "prediction_mean": _EXPECTED,
    "prediction_sd": _EXPECTED,
    "score": _EXPECTED,
    "hyperparameters": _BY_NAME,
    "features": _BY_NAME,
    "pending": (_counts, "a list of whole numbers from 0"),
    "error": _WORDS,
    "traceback": _WORDS,
    "attempt": (_count, "a whole number from 0"),
    "worker": _WORDS,
    "created": (_time, "a time in seconds since 1970"),
    "seconds": _NUMBER,
    "fidelity": _NUMBER,
    "reached": _NUMBER,
    "interim": _NUMBER,
    "progress": (_progress, "a level and an aim, or nothing, by trial"),
    "deleted": (_or_nothing(_count), "a whole number from 0 or nothing"),
    "was": (_or_nothing(_ENDED.__contains__), f"one of {', '.join(sorted(_ENDED))}, or nothing"),
}
