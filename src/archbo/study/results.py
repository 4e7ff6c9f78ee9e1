"""Results that come from elsewhere, and the trials as a table.

A table of results names each architecture in one of two ways: a column `architecture` with its
plain value, as JSON or as Python prints it; or a column for each decision, `head.mlp.width`.
"""

from __future__ import annotations

import ast
import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from archbo.data import Observation, Proposal, State, TrialRecord
from archbo.errors import ArchitectureError, ConflictError, ObservationError, nearest
from archbo.optimizer import FAILED, checked_value
from archbo.problem import Problem
from archbo.spaces import Architecture, Choice, Float, Part, Space
from archbo.store import NewTrial, StoredStudy

ARCHITECTURE = "architecture"
_NO_RESULT = (State.RUNNING, State.PAUSED, State.STOPPED, State.DELETED)


def store_results(store: StoredStudy, problem: Problem, results: Sequence[Observation]) -> int:
    """Store those results that were not stored before, in one transaction; give their number."""
    while new := _new(results, records := store.read()):
        running = tuple(r.number for r in records if r.state is State.RUNNING)
        trials = [
            NewTrial(
                Proposal(result.architecture, "user"),
                features=problem.features.of(result.architecture),
                pending=running,
                value=result.value,
                error="told as failed" if result.value is None else None,
            )
            for result in new
        ]
        try:
            return len(store.add_trials(trials, number=len(records)))
        except ConflictError:  # a driver has added one meanwhile
            continue
    return 0


def _new(results: Sequence[Observation], records: Sequence[TrialRecord]) -> list[Observation]:
    """The results beyond those that are stored: a program adds the same again when it goes on.

    What was deleted since is not stored again either.
    """
    stored = Counter((_key(r.architecture), r.undeleted.value) for r in records if r.imported)
    new = []
    for result in results:
        key = (_key(result.architecture.to_dict()), result.value)
        if stored[key] > 0:
            stored[key] -= 1
        else:
            new.append(result)
    return new


def _key(architecture: Any) -> str:
    return json.dumps(architecture, sort_keys=True)


def read_results(path: str | Path, problem: Problem, value: str | None) -> list[Observation]:
    """The results in a CSV file with a header.

    A row whose value, or whose `state`, is "failed" is a failure; one whose `state` is "running",
    "paused", "stopped" or "deleted" is left out.

    Args:
        path: of the file.
        problem: what the results are of.
        value: the column with the results; by default the one with the objective's name, or else
            `value`.

    Raises:
        ObservationError: if there is no such file or column, or a result is none, naming the line.
        ArchitectureError: if one is no member of the space, naming the line and the decision.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns, space = reader.fieldnames or [], problem.space
            name = problem.objective.name
            value = value or (name if name in columns else "value")
            whole = ARCHITECTURE in columns and ARCHITECTURE not in _names(space)
            _check_columns(columns, space, value, whole=whole, path=str(path))
            results = []
            for row in reader:
                where = f"{path}, line {reader.line_num}"
                if whole and row.get("state") in _NO_RESULT:
                    continue
                failed = whole and row.get("state") == State.FAILED
                told = FAILED if failed else _value(row.get(value), f"{where}, column {value!r}")
                plain = _leaf(row[ARCHITECTURE], space) if whole else _assembled(row, space)
                results.append(Observation(_member(space, plain, where), checked_value(told)))
            return results
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ObservationError(f"cannot read it: {error}", path=str(path)) from error


def _check_columns(
    columns: Sequence[str], space: Part, value: str, *, whole: bool, path: str
) -> None:
    if value not in columns:
        raise ObservationError(
            f"there is no column {value!r}", path=path, hint=nearest(value, columns)
        )
    names = _names(space)
    if not whole and not any(column.partition(".")[0] in names for column in columns):
        raise ObservationError(
            "there is neither a column 'architecture' nor one of the space's decisions",
            path=path,
            hint=nearest(columns[0], names) if names else "",
        )


def _names(space: Part) -> list[str]:
    """What the columns of decisions begin with; none where a member has no names."""
    named = isinstance(space, (Space, Choice))
    return [name for name, _, _ in space.children()] if named else []


def _value(text: str | None, where: str) -> Any:
    if text is not None and text.strip().lower() == "failed":
        return FAILED
    try:
        number = float(text or "")
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise ObservationError(
            f"expected a finite number, got {text!r}",
            path=where,
            hint='Write "failed" for a training that failed.',
        )
    return number


def _member(space: Part, plain: Any, where: str) -> Architecture:
    try:
        return space.architecture(plain)
    except ArchitectureError as error:
        path = f"{where}: {error.path}" if error.path else where
        raise ArchitectureError(error.message, path=path, hint=error.hint) from None


def _parsed(text: str) -> Any:
    """A value from JSON, or from what Python prints.

    Raises:
        ValueError: if it is neither.
    """
    try:
        return json.loads(text)
    except ValueError:
        try:
            return ast.literal_eval(text)
        except (SyntaxError, MemoryError, RecursionError) as error:
            raise ValueError(str(error)) from error


def _assembled(row: Mapping[str | None, Any], space: Part) -> Any:
    """A plain value from the columns of its decisions; empty ones are not taken."""
    names = _names(space)
    plain: dict[str, Any] = {}
    for column, text in row.items():
        steps = (column or "").split(".")
        if steps[0] not in names or text in (None, ""):
            continue
        inner = plain
        for step in steps[:-1]:
            held = inner.get(step)
            if not isinstance(held, dict):
                # an option that stands in a column of its own, with decisions in others
                inner[step] = {} if held is None else {held: {}}
            inner = inner[step]
        if isinstance(inner.get(steps[-1]), dict):
            continue  # the option's decisions, which name it, came first
        inner[steps[-1]] = _leaf(text, _part_at(space, steps))
    return plain


def _part_at(space: Part, steps: Sequence[str]) -> Part | None:
    part: Part | None = space
    for step in steps:
        children = {} if part is None else {name: child for name, _, child in part.children()}
        part = children.get(step)
    return part


def _leaf(text: str, part: Part | None) -> Any:
    """A cell's text as the plain value of a part."""
    if isinstance(part, Choice):
        for option in part.options:
            if text == str(option):
                return option
    try:
        value = _parsed(text)
    except ValueError:
        return text
    if isinstance(value, float) and value.is_integer() and not isinstance(part, Float):
        return int(value)  # a column of whole numbers with gaps, as pandas writes it
    return value


def row(record: TrialRecord) -> dict[str, Any]:
    """A trial as a row of a table."""
    prediction = record.prediction
    return {
        "number": record.number,
        "state": str(record.state),
        "value": record.value,
        "origin": record.origin,
        "predicted_mean": None if prediction is None else prediction.mean,
        "predicted_sd": None if prediction is None else prediction.sd,
        "seconds": record.seconds,
        "architecture_id": record.architecture_id,
        "architecture": record.architecture,
        "error": record.error,
        **{f"feature_{name}": value for name, value in record.features.items()},
    }
