"""Features and constraints on random members: their values, their time, where they fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from archbo.arrays import Array, Rng
from archbo.checks.results import (
    ConstraintInfo,
    Distribution,
    Failure,
    FeatureInfo,
    MembersInfo,
    Share,
)
from archbo.errors import InfeasibleError, ProblemError
from archbo.problem import Problem
from archbo.spaces import Architecture
from archbo.spaces.moves import sample

FAILURES_KEPT = 3
"""So many of the architectures for which something fails are kept."""

_MOST = 1000  # random members looked at, whatever the time
_FEW = 50  # of fewer networks little can be said: for these the time may be exceeded
_PATIENCE = 2  # so many times
_SEARCHED = 4096  # networks that `Problem.examples` may look at before it gives up


class Looked(NamedTuple):
    """What was found, and the different networks that meet the constraints."""

    info: MembersInfo
    feasible: list[Architecture]


@dataclass
class _Calls:
    """What one function said of each network."""

    function: Callable[[Architecture], Any]
    kind: Callable[[Any], float]
    values: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def __call__(self, arch: Architecture) -> None:
        began = time.perf_counter()
        try:
            value = self.kind(self.function(arch))
        except Exception as error:  # the user's function: whatever it raises
            value = np.nan
            self.failures.append(Failure(arch, f"{type(error).__name__}: {error}"))
        else:
            if not np.isfinite(value):
                self.failures.append(Failure(arch, f"gave {value}"))
        self.seconds.append(time.perf_counter() - began)
        self.values.append(value)


class _Met(NamedTuple):
    """Which networks meet a constraint."""

    name: str
    good: Array
    failures: Sequence[Failure] = ()


def look(problem: Problem, rng: Rng, *, seconds: float) -> Looked:
    """Evaluate features and constraints on random members.

    Args:
        problem: what is asked.
        rng: a random generator.
        seconds: about how long it may take; a call of a feature is never cut.
    """
    began = time.perf_counter()
    compiled = problem.compiled
    rows = sample(compiled, rng, _MOST)
    archs, ids = compiled.architectures(rows), compiled.ids(rows)
    called = {name: _Calls(f, float) for name, f in problem.features.functions.items()}
    predicates = [_Calls(predicate, lambda said: float(bool(said)))
                  for predicate in problem.predicates]  # fmt: skip
    functions = [*called.values(), *predicates]
    networks: dict[str, int] = {}
    which: list[int] = []  # the network of each member looked at
    different: list[Architecture] = []
    for arch, key in zip(archs, ids, strict=True):
        if key not in networks:
            took = time.perf_counter() - began
            # a first call may load and measure much; so a few more, before anything is said
            if took > seconds * (1 if len(different) >= _FEW else _PATIENCE) and different:
                break
            networks[key] = len(different)
            different.append(arch)
            for calls in functions:
                calls(arch)
        which.append(networks[key])
    members = np.array(which)
    values = _values(problem, different, called)
    met = [_Met(str(bound), bound.met(values[bound.feature])) for bound in problem.bounds]
    met += [
        _Met(_name(calls.function), np.array(calls.values) == 1, calls.failures)
        for calls in predicates
    ]
    feasible = np.all([np.ones(len(different), dtype=bool), *(one.good for one in met)], axis=0)
    each = sum(float(np.median(calls.seconds)) for calls in functions)
    left = seconds - (time.perf_counter() - began)
    info = MembersInfo(
        looked_at=len(members),
        features=tuple(
            _feature(name, column[members], called.get(name)) for name, column in values.items()
        ),
        constraints=tuple(
            ConstraintInfo(one.name, _share(one.good[members]), tuple(one.failures[:FAILURES_KEPT]))
            for one in met
        ),
        feasible=_share(feasible[members]) if problem.constrained else None,
        infeasible="" if feasible.any() else _why(problem, each, left),
        seconds_each=each,
    )
    return Looked(info, [different[i] for i in np.flatnonzero(feasible)])


def _values(
    problem: Problem, archs: Sequence[Architecture], called: Mapping[str, _Calls]
) -> dict[str, Array]:
    """All features of each network: those that the space knows, and the user's."""
    compiled = problem.compiled
    known = compiled.known(compiled.encode(archs))
    return known | {name: np.array(calls.values) for name, calls in called.items()}


def _feature(name: str, values: Array, calls: _Calls | None) -> FeatureInfo:
    return FeatureInfo(
        name,
        Distribution.of(values),
        0.0 if calls is None else 1000 * float(np.median(calls.seconds)),
        _share(~np.isfinite(values)),
        () if calls is None else tuple(calls.failures[:FAILURES_KEPT]),
    )


def _why(problem: Problem, seconds_each: float, left: float) -> str:
    """Why none at all meets the constraints, as the search itself would find; empty if one does."""
    if seconds_each * _SEARCHED > max(left, 1.0):
        return ""
    try:
        _ = problem.examples
    except InfeasibleError as error:
        return str(error)
    except ProblemError:  # a function fails: that is told of it
        return ""
    return ""


def _share(mask: Array) -> Share:
    return Share(int(mask.sum()), len(mask))


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
