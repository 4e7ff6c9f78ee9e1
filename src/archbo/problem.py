"""What is asked: an objective over a space, the features known before training, the constraints.

Everything is turned to "maximise" here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any, TypeVar

import numpy as np

from archbo.arrays import Array, Bool, Float, stream
from archbo.errors import ArchitectureError, InfeasibleError, ProblemError, nearest
from archbo.fidelity import FidelityRange, parse_fidelity
from archbo.older import OlderResults
from archbo.spaces import Architecture, CompiledSpace, Part, Rows
from archbo.spaces.compiled import stack
from archbo.spaces.moves import enumerate_rows, mutate, sample
from archbo.spaces.part import is_whole, plain
from archbo.spaces.prior import log_likeness, log_prior

Feature = Callable[[Architecture], float]
Predicate = Callable[[Architecture], bool]
_Kind = TypeVar("_Kind", bool, float)

_SAMPLES = 2048  # random members looked at before constraints are called unsatisfiable
_ENUMERABLE = 4096  # spaces up to this size are searched completely instead
_CLIMBS = 40  # rounds of mutation towards the constraints
_CLIMBERS = 32  # members that take part in each


@dataclass(frozen=True, slots=True)
class Objective:
    """The number to make large, or small.

    Raises:
        ProblemError: unless exactly one of `maximize` and `minimize` names it.
    """

    name: str
    maximize: bool

    @classmethod
    def parse(cls, maximize: str | None, minimize: str | None) -> Objective:
        """From the two keywords of Study and Optimizer; with neither, maximise "value"."""
        if maximize is not None and minimize is not None:
            raise ProblemError(
                f"one objective is needed, got maximize={maximize!r} and minimize={minimize!r}"
            )
        name = minimize if maximize is None else maximize
        if name is None:
            return cls("value", maximize=True)
        if not isinstance(name, str) or not name:
            raise ProblemError(
                f"an objective is a name, got {name!r}", hint='Say maximize="accuracy".'
            )
        return cls(name, maximize=minimize is None)

    def inward(self, values: Array) -> Array:
        """Objective values, turned so that larger is better."""
        return values if self.maximize else -values

    def better(self, a: float, b: float) -> bool:
        """Whether value a is better than value b."""
        return a > b if self.maximize else a < b


_BOUND = re.compile(r"\s*(<=|>=|<|>)\s*([-+0-9.eE_]+)\s*")
_TESTS: dict[str, Callable[[Array, float], Array]] = {
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "<": np.less,
    ">": np.greater,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """A feature that must stay on one side of a limit."""

    feature: str
    sign: str
    limit: float

    @classmethod
    def parse(cls, feature: str, text: Any) -> Bound:
        """From `"params": "<= 2e6"`."""
        match = _BOUND.fullmatch(text) if isinstance(text, str) else None
        try:
            limit = float(match[2]) if match else float("nan")
        except ValueError:
            limit = float("nan")
        if match is None or not isfinite(limit):
            raise ProblemError(
                f"expected a bound, got {text!r}",
                path=f"constraints.{feature}",
                hint='Write "<= 2e6", "< 5", ">= 3" or "> 0".',
            )
        return cls(feature, match[1], limit)

    def met(self, values: Float[Array, " n"]) -> Bool[Array, " n"]:
        """Which values keep the bound; NaN does not."""
        return _TESTS[self.sign](values, self.limit)

    def excess(self, values: Float[Array, " n"]) -> Float[Array, " n"]:
        """How far values are beyond the limit, 0 where they keep it."""
        beyond = np.abs(values - self.limit)
        return np.where(self.met(values), 0.0, np.where(np.isfinite(values), beyond, np.inf))

    def __str__(self) -> str:
        return f"{self.feature} {self.sign} {self.limit:g}"


class FeatureTable:
    """Numbers known before training: what the space knows of its members, and the user's functions.

    Each function is called once for each member: members that are the same network need not agree,
    since a function may look at operations that lead nowhere.

    Args:
        functions: of an architecture, by name.
        known: names of what the space knows; see `CompiledSpace.known`.
    """

    def __init__(self, functions: Mapping[str, Feature], known: Iterable[str] = ()) -> None:
        self.functions = dict(functions)
        self.known = tuple(known)
        for name, function in functions.items():
            if not callable(function):
                raise ProblemError(
                    f"a feature is a function of an architecture, got {function!r}",
                    path=f"features.{name}",
                )
            if name in self.known:
                raise ProblemError(
                    "the space has a feature of this name",
                    path=f"features.{name}",
                    hint="Use another.",
                )
        self._found: dict[bytes, tuple[float, ...]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The features in the order of the columns of `values`."""
        return (*self.known, *self.functions)

    def of(self, arch: Architecture) -> dict[str, float]:
        """One architecture's features by name."""
        values = self.values(arch.space.compiled, arch.rows)[0]
        return dict(zip(self.names, values.tolist(), strict=True))

    def values(self, compiled: CompiledSpace, rows: Rows) -> Float[Array, "n f"]:
        """The features of each row."""
        known = compiled.known(rows) if self.known else {}
        columns = [known[name] for name in self.known]
        if self.functions:
            keys = np.where(rows.active, rows.values, np.inf)
            archs = compiled.architectures(rows)
            found = [self._row(key.tobytes(), arch) for key, arch in zip(keys, archs, strict=True)]
            columns += [*np.array(found, dtype=float).reshape(len(rows), len(self.functions)).T]
        return np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0))

    def _row(self, key: bytes, arch: Architecture) -> tuple[float, ...]:
        found = self._found.get(key)
        if found is None:
            found = tuple(
                _answer(function, arch, float, f"features.{name}")
                for name, function in self.functions.items()
            )
            self._found[key] = found
        return found


def _answer(
    function: Callable[[Architecture], Any], arch: Architecture, kind: type[_Kind], path: str
) -> _Kind:
    """What a user's function says of an architecture.

    Raises:
        ProblemError: if it fails or says something else, naming the architecture.
    """
    try:
        return kind(function(arch))
    except Exception as error:
        raise ProblemError(
            f"failed for {arch!r}: {type(error).__name__}: {error}", path=path
        ) from error


@dataclass(frozen=True)
class Problem:
    """A space, what to optimise over it, and what must hold.

    Attributes:
        space: what can be built.
        objective: what to make large or small.
        features: the user's numbers known before training.
        bounds: limits on features.
        predicates: functions that say whether an architecture may be proposed.
        seed: of every random choice.
        start: what the user wants trained first; the guess is the first of it.
        guess: what the user believes to be good; None without one.
        older: results of older searches.
        fidelity: how far trainings can go; None where all are full ones.
    """

    space: Part
    objective: Objective
    features: FeatureTable = field(default_factory=lambda: FeatureTable({}))
    bounds: tuple[Bound, ...] = ()
    predicates: tuple[Predicate, ...] = ()
    seed: int = 0
    start: tuple[Architecture, ...] = ()
    guess: Architecture | None = None
    older: tuple[OlderResults, ...] = ()
    fidelity: FidelityRange | None = None

    @classmethod
    def make(
        cls,
        space: Part,
        *,
        maximize: str | None = None,
        minimize: str | None = None,
        features: Mapping[str, Feature] | None = None,
        constraints: Mapping[str, str] | Sequence[Any] | None = None,
        seed: int = 0,
        start: Sequence[Any] = (),
        guess: Any = None,
        older: Sequence[OlderResults] = (),
        fidelity: FidelityRange | None = None,
        draft: bool = False,
    ) -> Problem:
        """From the keywords of Study and Optimizer; a draft's constraints are not tried out yet.

        Raises:
            ProblemError: if a keyword makes no sense.
            InfeasibleError: if no architecture meets the constraints, or one of `start` does not.
            ArchitectureError: if `guess` or one of `start` is no member of the space.
        """
        if not isinstance(space, Part):
            raise ProblemError(
                f"expected a space, got {space!r}", hint="Make one with ab.Space(…)."
            )
        seed = plain(seed)
        if not is_whole(seed):
            raise ProblemError(f"seed must be a whole number, got {seed!r}")
        nothing = space.compiled.encode([])
        table = FeatureTable(features or {}, known=space.compiled.known(nothing))
        bounds, predicates = _parse_constraints(constraints, table.names)
        objective = Objective.parse(maximize, minimize)
        archs = _parse_start(space, start)
        believed = None
        if guess is not None:
            (believed,) = _parse_start(space, [guess], "guess")
            archs = (believed, *archs)
        problem = cls(
            space, objective, table, bounds, predicates, seed, archs, believed, tuple(older),
            parse_fidelity(fidelity),
        )  # fmt: skip
        if problem.constrained and not draft:
            _ = problem.examples
            problem.check_start()
        return problem

    def check_start(self) -> None:
        """Refuse a start that is not allowed.

        Raises:
            InfeasibleError: if one of its architectures does not meet the constraints.
        """
        for i, arch in enumerate(self.start):
            if not self.feasible(arch.rows)[0]:
                raise InfeasibleError(f"{arch!r} does not meet the constraints", path=f"start[{i}]")

    def starting(self, known: Container[str]) -> list[Architecture]:
        """What is left to train first, given the ids of the networks that were proposed or told."""
        left: dict[str, Architecture] = {}
        for arch in self.start:
            if arch.id not in known:
                left.setdefault(arch.id, arch)
        return list(left.values())

    def log_prior(self, rows: Rows) -> Float[Array, " n"]:
        """How much likelier the user believes each row to be good than a random one, in nats."""
        total = log_prior(self.compiled, rows)
        if self.guess is not None:
            total = total + log_likeness(self.compiled, rows, self.guess.rows)
        return total

    @property
    def compiled(self) -> CompiledSpace:
        """The space as a list of decisions."""
        return self.space.compiled

    @property
    def constrained(self) -> bool:
        """Whether some architectures must not be proposed."""
        return bool(self.bounds or self.predicates)

    def feasible(self, rows: Rows) -> Bool[Array, " n"]:
        """Which rows meet all constraints."""
        good = np.ones(len(rows), dtype=bool)
        for bound, values in self._bounded(rows):
            good &= bound.met(values)
        for predicate in self.predicates:
            for i in np.flatnonzero(good):
                arch = self.compiled.architectures(rows.take([i]))[0]
                good[i] = _answer(predicate, arch, bool, "constraints")
        return good

    def excess(self, rows: Rows) -> Float[Array, " n"]:
        """By how much rows break the bounds: the sum over bounds, relative to each limit."""
        total = np.zeros(len(rows))
        for bound, values in self._bounded(rows):
            total += bound.excess(values) / max(abs(bound.limit), 1e-12)
        return total

    def _bounded(self, rows: Rows) -> list[tuple[Bound, Float[Array, " n"]]]:
        """Each bound with the values of its feature."""
        if not self.bounds:
            return []
        values = self.features.values(self.compiled, rows)
        return [(bound, values[:, self.features.names.index(bound.feature)])
                for bound in self.bounds]  # fmt: skip

    @cached_property
    def examples(self) -> Rows:
        """Some feasible rows, found once.

        Raises:
            InfeasibleError: if there are none.
        """
        size = self.space.size
        countable = size is not None and size <= _ENUMERABLE
        if countable:
            rows = stack(list(enumerate_rows(self.compiled)))
        else:
            rows = sample(self.compiled, stream(self.seed, "feasible"), _SAMPLES)
        good = self.feasible(rows)
        if not good.any() and not countable:
            rows = self._climb(rows)
            good = self.feasible(rows)
        if good.any():
            return rows.take(good)
        raise InfeasibleError(self._why(rows), path="constraints", hint="Loosen the constraints.")

    def _climb(self, rows: Rows) -> Rows:
        """Mutants of the rows that come closest to the bounds, round after round.

        Mutants go first: where nothing says which is closer, the search wanders on.
        """
        rng = stream(self.seed, "climb")
        for _ in range(_CLIMBS):
            closest = rows.take(np.argsort(self.excess(rows), kind="stable")[:_CLIMBERS])
            parents = closest.take(np.repeat(np.arange(len(closest)), 8))
            rows = stack([mutate(self.compiled, parents, rng), closest])
            if self.feasible(rows).any():
                break
        return rows

    def _why(self, rows: Rows) -> str:
        closest = []
        for bound, values in self._bounded(rows):
            best = values[np.argmin(bound.excess(values))]
            closest.append(f"{bound} (the closest found: {best:g})")
        closest += [f"predicate {getattr(p, '__name__', p)}" for p in self.predicates]
        return f"no architecture found that meets {' and '.join(closest)}"

    def describe(self) -> dict[str, Any]:
        """The problem in JSON form, as far as it has one: functions by their names."""
        return {
            "space": self.space.to_dict(),
            "objective": self.objective.name,
            "direction": "maximize" if self.objective.maximize else "minimize",
            "seed": self.seed,
            "features": list(self.features.functions),
            "constraints": [str(bound) for bound in self.bounds]
            + [getattr(p, "__name__", type(p).__name__) for p in self.predicates],
            "start": [arch.to_dict() for arch in self.start] or None,
            "guess": None if self.guess is None else self.guess.to_dict(),
            "older": [results.describe() for results in self.older] or None,
            "fidelity": None if self.fidelity is None else self.fidelity.to_dict(),
        }


def _parse_start(
    space: Part, start: Sequence[Any], name: str = "start"
) -> tuple[Architecture, ...]:
    """Architectures, or their plain values."""
    if not isinstance(start, (list, tuple)):
        raise ProblemError(
            f"expected a list of architectures, got {start!r}", path="start", hint="Write [value]."
        )
    archs = []
    for i, value in enumerate(start):
        try:
            archs.append(space.architecture(value))
        except ArchitectureError as error:
            where = name if name == "guess" else f"{name}[{i}]"
            path = f"{where}{error.path.removeprefix('space')}"
            raise ArchitectureError(error.message, path=path, hint=error.hint) from None
    return tuple(archs)


def _parse_constraints(
    constraints: Mapping[str, str] | Sequence[Any] | None, features: tuple[str, ...]
) -> tuple[tuple[Bound, ...], tuple[Predicate, ...]]:
    """Bounds and predicates; a sequence may mix predicates and mappings of bounds."""
    if constraints is None:
        return (), ()
    items = [constraints] if isinstance(constraints, Mapping) else list(constraints)
    bounds: list[Bound] = []
    predicates: list[Predicate] = []
    for item in items:
        if isinstance(item, Mapping):
            for feature, text in item.items():
                if feature not in features:
                    raise ProblemError(
                        f"{feature!r} is not a feature, so it is not known before training",
                        path="constraints",
                        hint=nearest(feature, features)
                        or f'Give features={{"{feature}": a function of an architecture}}.',
                    )
                bounds.append(Bound.parse(feature, text))
        elif callable(item):
            predicates.append(item)
        else:
            raise ProblemError(
                f"expected a bound or a predicate, got {item!r}",
                path="constraints",
                hint='Write {"params": "<= 2e6"} or [lambda arch: …].',
            )
    return tuple(bounds), tuple(predicates)
