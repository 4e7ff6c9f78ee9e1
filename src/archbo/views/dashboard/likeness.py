"""Which trials are of similar networks, and in which decisions two networks differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from archbo.arrays import Array
from archbo.data import TrialRecord
from archbo.spaces import Architecture
from archbo.spaces.part import Kind
from archbo.views.dashboard.feed import Snapshot
from archbo.views.infos import number

MOST_COMPARED = 5000  # the newest trials; the decisions of so many are read in a moment


class Difference(NamedTuple):
    """A decision that two networks take differently; empty where one of them does not take it."""

    decision: str
    first: str
    second: str


class Similar(NamedTuple):
    """A trial of another network, and in how many decisions it differs."""

    record: TrialRecord
    differing: int


def similar(snapshot: Snapshot, number: int, *, most: int = 6) -> list[Similar]:
    """The trials whose networks are most like that of a trial, the most alike first.

    Two networks are as far from each other as their decisions: those that one of them does not
    take, and different options, count 1, numbers as far as they are apart in their range.
    """
    own = snapshot.by_number[number]
    others: dict[str, TrialRecord] = {}
    for record in snapshot.records[-MOST_COMPARED:]:
        if record.architecture_id != own.architecture_id:
            others.setdefault(record.architecture_id, record)
    found = list(others.values())
    if not found:
        return []
    archs = [snapshot.architecture(record) for record in (own, *found)]
    distance, differing = _distances(archs)
    order = np.argsort(distance, kind="stable")[:most]
    return [Similar(found[i], int(differing[i])) for i in order]


def differences(a: Architecture, b: Architecture) -> list[Difference]:
    """What two members of one space have differently, in the order of their decisions.

    >>> from archbo.spaces import Choice, Int, Space
    >>> space = Space(width=Int(8, 64), act=Choice(["relu", "tanh"]))
    >>> first = space.architecture({"width": 8, "act": "relu"})
    >>> differences(first, space.architecture({"width": 9, "act": "relu"}))
    [Difference(decision='width', first='8', second='9')]
    """
    first, second = _leaves(a.value, ""), _leaves(b.value, "")
    names = list(dict.fromkeys([*first, *second]))
    return [
        Difference(name, first.get(name, ""), second.get(name, ""))
        for name in names
        if first.get(name) != second.get(name)
    ]


def _distances(archs: Sequence[Architecture]) -> tuple[Array, Array]:
    """How far the first is from each other, and in how many decisions they differ; both [n - 1]."""
    compiled = archs[0].space.compiled
    rows = compiled.encode(archs)
    unit, values, active = compiled.to_unit(rows), rows.values, rows.active
    options = np.array([d.kind is Kind.CATEGORICAL for d in compiled.decisions])
    apart = np.where(options, values[1:] != values[0], np.abs(unit[1:] - unit[0]))
    apart = np.where(active[1:] & active[0], apart, active[1:] != active[0])
    return apart.sum(axis=1), (apart > 0).sum(axis=1)


def _leaves(value: object, path: str) -> dict[str, str]:
    """A plain value's leaves as text, by where they stand."""
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for name, inner in value.items():
            found |= _leaves(inner, f"{path}.{name}" if path else str(name))
        return found
    if isinstance(value, list):
        found = {}
        for place, inner in enumerate(value, start=1):
            if isinstance(inner, tuple) and len(inner) == 3:
                found[f"{path} {inner[0]}→{inner[1]}"] = str(inner[2])
            elif isinstance(inner, tuple) and len(inner) == 2:
                found[f"{path} {inner[0]}→{inner[1]}"] = "edge"
            else:
                found |= _leaves(inner, f"{path} {place}")
        return found
    return {path or "value": number(value) if isinstance(value, float) else str(value)}
