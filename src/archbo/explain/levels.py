"""The decisions of a space with the few values that each is told apart by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from archbo.arrays import Array, Float, Int
from archbo.spaces import Bool, Choice, CompiledSpace, EdgeCell, Grammar, NodeCell, Part, Rows
from archbo.spaces.cells import Cell
from archbo.spaces.compiled import from_unit, middle_unit
from archbo.spaces.part import Decision, Kind

_EACH = 8  # whole numbers of at most so many values are told apart, others fall into bins
_BINS = 6  # of equal probability, unless a prior says otherwise
_RARE = 0.02  # a decision that fewer members take is left out: a sample hardly knows it


@dataclass(frozen=True, eq=False)
class Levels:
    """One decision.

    Attributes:
        column: its position among all decisions.
        path: its name.
        names: [l] of its values, or ranges of them.
        edges: [l + 1] between ranges, on [0, 1]; None where each value is a level.
        low: the number of the first value, where each is a level.
    """

    column: int
    path: str
    names: tuple[str, ...]
    edges: Float[Array, " l1"] | None
    low: float
    decision: Decision

    def of(self, rows: Rows) -> Int[Array, " n"]:
        """The level of each row; -1 where the decision is not taken."""
        values, active = rows.values[:, self.column], rows.active[:, self.column]
        if self.edges is None:
            found = values - self.low
        else:
            unit = middle_unit(self.decision, np.where(active, values, self.decision.low))
            found = np.searchsorted(self.edges[1:-1], unit, side="right").astype(float)
        return np.where(active, found, -1).astype(np.int64)

    def value(self, level: int) -> float:
        """A value of this level; of a range one in its middle."""
        if self.edges is None:
            return self.low + level
        middle = self.edges[level : level + 2].mean(keepdims=True)
        return float(from_unit(self.decision, middle)[0])

    def groups(self, rows: Rows) -> Float[Array, "n l"]:
        """1 for the level of each row, else 0."""
        return (self.of(rows)[:, None] == np.arange(len(self.names))).astype(float)


def levels(compiled: CompiledSpace, rows: Rows) -> list[Levels]:
    """Of all decisions that have a choice and that a part of the rows takes.

    Positions in a pool have no meaning of their own, so they are left out.
    """
    share = rows.active.mean(axis=0)
    return [
        _levels(compiled, d)
        for d, decision in enumerate(compiled.decisions)
        if compiled.options[d] != 1 and decision.near is None and share[d] >= _RARE
    ]


def _levels(compiled: CompiledSpace, d: int) -> Levels:
    decision = compiled.decisions[d]
    path = decision.path.removeprefix("space").removeprefix(".") or "space"
    if decision.kind is Kind.CATEGORICAL:
        names = option_names(compiled, d)
    elif decision.options is not None and decision.options <= _EACH:
        names = [f"{decision.low + k:g}" for k in range(decision.options)]
    else:
        edges = np.linspace(0.0, 1.0, _BINS + 1)
        ends = from_unit(decision, edges)
        names = [f"{a:.3g} to {b:.3g}" for a, b in pairwise(ends.tolist())]
        return Levels(d, path, tuple(names), edges, 0.0, decision)
    return Levels(d, path, tuple(names), None, float(decision.low), decision)


def option_names(compiled: CompiledSpace, d: int) -> list[str]:
    """What the options of a categorical decision are called."""
    count = int(compiled.options[d])
    decision = compiled.decisions[d]
    # blocks come with the outer before the inner: the last one is the innermost
    *_, block = [b for b in compiled.blocks if b.columns.start <= d < b.columns.stop]
    return _names(block.part, d - block.start, decision.path, count)


def _names(part: Part, column: int, path: str, count: int) -> list[str]:
    known: Sequence[object] = ()
    if isinstance(part, Choice):
        known = part.options
    elif isinstance(part, Bool):
        known = (False, True)
    elif isinstance(part, NodeCell) and ".edges[" in path:
        known = ("no edge", "edge")
    elif isinstance(part, Grammar):
        known = part.productions(column)
    elif isinstance(part, EdgeCell) and path.endswith(".sources"):
        known = [", ".join(map(str, sources)) for sources in part.sources(column)]
    elif isinstance(part, Cell):
        known = part.ops
    names = [str(name) for name in known]
    return names if len(names) == count else [f"option {k}" for k in range(count)]
