"""What every part of a space can do: decisions, plain values, moves on architectures."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from archbo.arrays import Array, Rng
from archbo.errors import ArchitectureError, SpaceError

if TYPE_CHECKING:
    from archbo.graphs.labelled import LabelledGraph
    from archbo.spaces.architecture import Architecture
    from archbo.spaces.compiled import CompiledSpace

INACTIVE = float("nan")
"""Marks a decision that is not taken, in what `Part.encode` returns."""


def plain(value: Any) -> Any:
    """NumPy's scalars as Python's own, all else as it is."""
    scalar = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)
    return value.item() if scalar else value


def listed(given: Any) -> Any:
    """What was given as a tuple; as it is where it is no list, for `Part.check` to report."""
    unordered = isinstance(given, (str, bytes, set, frozenset, Mapping))
    if unordered or not isinstance(given, Iterable) or isinstance(given, Part):
        return given
    return tuple(plain(item) for item in given)


def is_whole(value: Any) -> bool:
    """Whether it is an integer; booleans are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_finite(value: Any) -> bool:
    """Whether it is a number that a double can hold; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return -sys.float_info.max <= value <= sys.float_info.max


def shown(value: Any) -> str:
    """A value for an error message, cut where it gets long.

    >>> shown("x" * 200)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…"
    """
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


MOST_DECISIONS = 2**16
"""Of a space: what is made of them fits into memory, whoever wrote the space."""


def check_decisions(count: int, path: str) -> None:
    """Refuse a part with more decisions than any search could take.

    Raises:
        SpaceError: naming the path.
    """
    if count > MOST_DECISIONS:
        raise SpaceError(f"at most {MOST_DECISIONS} decisions are possible, got {count}", path=path)


class Kind(Enum):
    """What a decision's numbers mean."""

    CATEGORICAL = "categorical"
    INTEGER = "integer"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class Condition:
    """A decision is active where its parent is, and the parent's value lies in [low, high]."""

    parent: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Decision:
    """One column of a compiled space.

    Attributes:
        path: where it stands, such as `space.head.mlp.width`.
        kind: CATEGORICAL values are positions 0, 1, …; INTEGER and REAL are the numbers themselves.
        low, high: the smallest and largest value, both possible.
        log: whether distances are those of the logarithm.
        default: what it starts from where it gets switched on and cannot be enumerated.
        condition: when it is active; None for always.
        near: gives the options that are one step from an option, for options that are mere
            positions in a list, such as a pool's members: no encoding shows which one is taken.
            None where options have a meaning of their own, and each is one step from all others.
        prior: what the user believes: the probability of each option, or a guess of the number.
    """

    path: str
    kind: Kind
    low: float
    high: float
    log: bool
    default: float
    condition: Condition | None
    near: Callable[[int], Array] | None = None
    prior: tuple[float, ...] = ()

    @classmethod
    def categorical(
        cls,
        path: str,
        options: int,
        condition: Condition | None,
        default: float = 0.0,
        near: Callable[[int], Array] | None = None,
        prior: tuple[float, ...] = (),
    ) -> Decision:
        """One of so many options."""
        high = float(options - 1)
        return cls(path, Kind.CATEGORICAL, 0.0, high, False, default, condition, near, prior)

    @classmethod
    def integer(
        cls, path: str, low: int, high: int, condition: Condition | None, default: int
    ) -> Decision:
        """A whole number, both ends included."""
        return cls(path, Kind.INTEGER, float(low), float(high), False, float(default), condition)

    @property
    def options(self) -> int | None:
        """How many values it can take; None where infinitely many."""
        if self.kind is Kind.REAL:
            return 1 if self.low == self.high else None
        return int(self.high - self.low) + 1


class Part(ABC):
    """A part of a search space, or a whole one: immutable, equal by content.

    Whoever adds a kind writes the abstract methods; everything else follows from them.
    """

    @abstractmethod
    def check(self, path: str) -> None:
        """Raise SpaceError, naming the path, if this part makes no sense."""

    @abstractmethod
    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:
        """Its columns in order, parents first; `at` is the position of the first one."""

    @abstractmethod
    def encode(self, value: Any, path: str) -> list[float]:
        """A plain value as numbers, one a decision, INACTIVE where it is not taken.

        Raises:
            ArchitectureError: naming the path of what does not fit.
        """

    @abstractmethod
    def decode(self, numbers: Sequence[float]) -> Any:
        """The plain value of its numbers; what is inactive is never looked at."""

    @abstractmethod
    def count(self) -> int | None:
        """How many members it has, given that it makes sense: see `size`."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Its JSON form, for `from_dict`."""

    def children(self) -> list[tuple[str, int, Part]]:
        """The parts inside: name, position of its first decision within this part, part."""
        return []

    def valid(self, values: Array) -> Array | None:  # noqa: ARG002 - for those that override it
        """Which rows [n] of its own numbers [n w] are members; None if all are."""
        return None

    def draw(self, rng: Rng, count: int) -> Array | None:  # noqa: ARG002 - as above
        """Random numbers [count w], if independent decisions would rarely be valid; else None."""
        return None

    def known(self, values: Array) -> dict[str, Array]:  # noqa: ARG002 - as above
        """Numbers known of its members before training, by name: [n] for rows [n w]."""
        return {}

    @property
    def size(self) -> int | None:
        """How many members it has, exactly; None where infinitely many.

        Raises:
            SpaceError: if it makes no sense.
        """
        self.check("space")
        return self.count()

    @cached_property
    def width(self) -> int:
        """How many decisions it has."""
        return len(self.decisions("", 0, None))

    @cached_property
    def compiled(self) -> CompiledSpace:
        """Its fixed list of decisions, for work on whole batches of rows."""
        from archbo.spaces.compiled import CompiledSpace

        self.check("space")
        return CompiledSpace(self)

    def architecture(self, value: Any) -> Architecture:
        """The architecture of a plain value.

        Raises:
            ArchitectureError: if the value is no member of the space, naming the path.
        """
        from archbo.spaces.architecture import Architecture

        if isinstance(value, Architecture):
            if value.space != self:
                raise ArchitectureError(f"{value!r} belongs to another space", path="space")
            return value
        return self.compiled.architecture(value)

    def sample(self, rng: Rng | int) -> Architecture:
        """A random member; an integer seeds a generator of its own."""
        from archbo.spaces import moves

        rows = moves.sample(self.compiled, np.random.default_rng(rng), 1)
        return self.compiled.architectures(rows)[0]

    def neighbors(self, arch: Architecture) -> list[Architecture]:
        """All members that differ in one decision, and in what it switches on or off.

        Numbers move by 1, 2, 4, … (integers) or by 1/2, 1/4, 1/8, 1/16 of their range (reals).
        Where a change switches on more than 256 settings, or reals, they start from their defaults;
        so that b is a neighbor of a wherever a is one of b.
        """
        from archbo.spaces import moves

        return self.compiled.architectures(moves.neighbors(self.compiled, self._row(arch)))

    def mutate(self, arch: Architecture, rng: Rng | int) -> Architecture:
        """A random change of one decision; of more, where one does not give another network.

        Raises:
            SpaceError: if the space has no other network.
        """
        from archbo.spaces import moves

        return moves.mutate_one(self.compiled, arch, np.random.default_rng(rng))

    def crossover(self, a: Architecture, b: Architecture, rng: Rng | int) -> Architecture:
        """Each decision from one of the two, at random."""
        from archbo.spaces import moves

        rng = np.random.default_rng(rng)
        child = moves.crossover(self.compiled, self._row(a), self._row(b), rng)
        return self.compiled.architectures(child)[0]

    def enumerate(self) -> Iterator[Architecture]:
        """Every member, once.

        Raises:
            SpaceError: if there are infinitely many.
        """
        from archbo.spaces import moves

        for rows in moves.enumerate_rows(self.compiled):
            yield from self.compiled.architectures(rows)

    def graph(self, arch: Architecture) -> LabelledGraph:
        """Its cells and chains as one drawing."""
        return self.architecture(arch).graph

    def features(self, arch: Architecture) -> dict[str, float]:
        """A few numbers known before training: counts of operations, depth, paths; and a pool's."""
        from archbo.graphs.statistics import statistics

        known = self.compiled.known(self._row(arch))
        found = {name: float(column[0]) for name, column in known.items()}
        for path, batch in self.compiled.graphs(self._row(arch)).items():
            names = self.compiled.structures[path].names
            found |= {f"{path}.{k}": float(v[0]) for k, v in statistics(batch, names).items()}
        return found

    def _row(self, arch: Architecture) -> Any:
        return self.architecture(arch).rows

    def __getstate__(self) -> dict[str, Any]:
        # what is cached can be computed again, and may be large
        kind = type(self)
        return {
            name: value
            for name, value in self.__dict__.items()
            if not isinstance(getattr(kind, name, None), cached_property)
        }
