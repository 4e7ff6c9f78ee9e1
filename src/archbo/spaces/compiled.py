"""A space as a fixed list of decisions, and architectures as rows of numbers.

Notation: n rows, D decisions.
    values  [n D]  positions of options, or the numbers themselves; 0 where inactive
    active  [n D]  whether the decision is taken
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from archbo.arrays import Array, Bool, Float
from archbo.errors import SpaceError
from archbo.graphs.batch import GraphBatch
from archbo.graphs.views import GraphView, Remembered
from archbo.graphs.wl import mix
from archbo.spaces.architecture import Architecture
from archbo.spaces.cells import Cell
from archbo.spaces.part import Condition, Decision, Kind, Part
from archbo.spaces.space import Chain
from archbo.spaces.structure import Structure

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Rows:
    """Architectures as numbers; see the module's notation."""

    values: Float[Array, "n D"]
    active: Bool[Array, "n D"]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, which: Any) -> Rows:
        """The rows at these positions, or where a mask is true."""
        return Rows(self.values[which], self.active[which])

    def keys(self) -> list[bytes]:
        """Equal bytes for equal rows."""
        return [row.tobytes() for row in self.values]


def stack(batches: Sequence[Rows]) -> Rows:
    """Several batches as one."""
    return Rows(
        np.concatenate([rows.values for rows in batches]),
        np.concatenate([rows.active for rows in batches]),
    )


@dataclass(frozen=True, slots=True)
class Block:
    """A part somewhere in the space: its columns, and when it is active."""

    path: str
    part: Part
    start: int
    condition: Condition | None

    @property
    def columns(self) -> slice:
        """Its columns in a row."""
        return slice(self.start, self.start + self.part.width)


class CompiledSpace:
    """The fixed list of decisions of a space, and what follows from it for whole batches.

    Attributes:
        root: the space it was made from.
        decisions: its columns; a decision stands after the one that it depends on.
        blocks: every part of the space, the outer before the inner.
        structures: the outermost cells and chains, by path; the graph view is made of them.
    """

    def __init__(self, root: Part) -> None:
        self.root = root
        self.decisions = root.decisions("space", 0, None)
        self.blocks = list(self._walk(root, "space", 0))
        outermost = self._outermost(root, "space", 0)
        self.structures = {block.path: Structure(block.part) for block in outermost}
        if len(self.structures) < len(outermost):
            raise SpaceError("two parts have the same path", hint="Name them without dots.")

    def _walk(self, part: Part, path: str, at: int) -> list[Block]:
        found = [Block(path, part, at, self.decisions[at].condition)]
        for name, offset, child in part.children():
            found += self._walk(child, f"{path}.{name}", at + offset)
        return found

    def _outermost(self, part: Part, path: str, at: int) -> list[Block]:
        if isinstance(part, Cell | Chain):
            return [Block(path, part, at, self.decisions[at].condition)]
        found = []
        for name, offset, child in part.children():
            found += self._outermost(child, f"{path}.{name}", at + offset)
        return found

    @cached_property
    def cells(self) -> list[Block]:
        """Every cell of the space."""
        return [block for block in self.blocks if isinstance(block.part, Cell)]

    @cached_property
    def constrained(self) -> list[Block]:
        """The parts of which not every combination of numbers is a member."""
        return [b for b in self.blocks if b.part.valid(np.zeros((0, b.part.width))) is not None]

    @cached_property
    def _scalars(self) -> Array:
        """The columns that belong to no cell."""
        free = np.ones(len(self.decisions), dtype=bool)
        for block in self.cells:
            free[block.columns] = False
        return np.flatnonzero(free)

    @cached_property
    def _graph_blocks(self) -> list[Block]:
        return [block for block in self.blocks if block.path in self.structures]

    @cached_property
    def options(self) -> Array:
        """How many values each decision can take, [D]; 0 where infinitely many."""
        return np.array([d.options or 0 for d in self.decisions])

    def activity(self, values: Float[Array, "n D"]) -> Bool[Array, "n D"]:
        """Which decisions are taken; what stands in the others does not matter."""
        active = np.ones(values.shape, dtype=bool)
        for columns, parents, low, high in self._levels:
            parent = values[:, parents]
            active[:, columns] = active[:, parents] & (parent >= low) & (parent <= high)
        return active

    @cached_property
    def _levels(self) -> list[tuple[Array, Array, Array, Array]]:
        """Columns, parents and conditions of the decisions below 1, 2, … others."""
        depth: list[int] = []
        for decision in self.decisions:
            condition = decision.condition
            depth.append(0 if condition is None else depth[condition.parent] + 1)
        found = []
        for level in range(1, max(depth) + 1):
            columns = np.flatnonzero(np.array(depth) == level)
            conditions = [c for d in columns if (c := self.decisions[d].condition) is not None]
            parents = np.array([c.parent for c in conditions])
            low = np.array([c.low for c in conditions])
            found.append((columns, parents, low, np.array([c.high for c in conditions])))
        return found

    def active(self, values: Float[Array, "n D"], d: int) -> Bool[Array, " n"]:
        """Where one decision is taken, by the decisions that it depends on."""
        active = np.ones(len(values), dtype=bool)
        condition = self.decisions[d].condition
        while condition is not None:
            parent = values[:, condition.parent]
            active &= (parent >= condition.low) & (parent <= condition.high)
            condition = self.decisions[condition.parent].condition
        return active

    @cached_property
    def dependents(self) -> Bool[Array, "D D"]:
        """Whether the second decision is taken or not depending on the first."""
        found = np.zeros((len(self.decisions), len(self.decisions)), dtype=bool)
        for d, decision in enumerate(self.decisions):
            if decision.condition is not None:
                parent = decision.condition.parent
                found[:, d] = found[:, parent]
                found[parent, d] = True
        return found

    def rows(self, values: Float[Array, "n D"]) -> Rows:
        """Rows from numbers, with what is inactive set to 0."""
        active = self.activity(values)
        # adding 0.0 makes -0.0 and 0.0 one
        return Rows(np.where(active, values, 0.0) + 0.0, active)

    def valid(self, rows: Rows) -> Bool[Array, " n"]:
        """Which rows are members of the space, given that each number is within its bounds."""
        good = np.ones(len(rows), dtype=bool)
        for block in self.constrained:
            good &= self.valid_block(rows, block)
        return good

    def valid_block(self, rows: Rows, block: Block) -> Bool[Array, " n"]:
        """In which rows a part is valid, or not active."""
        verdict = block.part.valid(rows.values[:, block.columns])
        return (
            ~self.present(rows, block) if verdict is None else verdict | ~self.present(rows, block)
        )

    def present(self, rows: Rows, block: Block) -> Bool[Array, " n"]:
        """In which rows a part is active."""
        return rows.active[:, block.start]

    def architecture(self, value: Any) -> Architecture:
        """One architecture from its plain value.

        Raises:
            ArchitectureError: naming the path of what does not fit.
        """
        numbers = self.root.encode(value, "space")
        # as `rows` does it: 0 for what is inactive, and -0.0 and 0.0 are one
        return Architecture(self.root, tuple(0.0 if isnan(x) else x + 0.0 for x in numbers))

    def architectures(self, rows: Rows) -> list[Architecture]:
        """The architectures of these rows."""
        return [Architecture(self.root, tuple(row)) for row in rows.values.tolist()]

    def encode(self, archs: Sequence[Architecture]) -> Rows:
        """The rows of these architectures."""
        values = np.array([arch.numbers for arch in archs], dtype=float)
        return self.rows(values.reshape(len(archs), len(self.decisions)))

    def graphs(self, rows: Rows) -> dict[str, GraphBatch]:
        """The graph view: each outermost cell or chain by its path, dead vertices removed.

        Where a part is inactive, its graph has no vertices.
        """
        found = {}
        for block in self._graph_blocks:
            structure = self.structures[block.path]
            values, active = rows.values[:, block.columns], rows.active[:, block.columns]
            batch = structure.graphs(values, active).pruned()
            present = self.present(rows, block)
            found[block.path] = batch if present.all() else batch.where(present)
        return found

    def views(self, rows: Rows) -> dict[str, GraphView]:
        """What is encoded of the graph view; see `graphs`."""
        found = {}
        for _, blocks in self._alike(self._graph_blocks):
            columns = [block.columns for block in blocks]
            seen = self.structures[blocks[0].path].view(
                np.concatenate([rows.values[:, own] for own in columns]),
                np.concatenate([rows.active[:, own] for own in columns]),
            )
            for k, block in enumerate(blocks):
                own = seen.take(np.arange(k * len(rows), (k + 1) * len(rows)))
                present = self.present(rows, block)
                found[block.path] = own if present.all() else own.where(present)
        return {block.path: found[block.path] for block in self._graph_blocks}

    @staticmethod
    def _alike(blocks: Sequence[Block]) -> list[tuple[Part, list[Block]]]:
        """The blocks of each different part."""
        found: dict[Part, list[Block]] = {}
        for block in blocks:
            found.setdefault(block.part, []).append(block)
        return list(found.items())

    def ids(self, rows: Rows) -> list[str]:
        """The canonical identity of each architecture: equal for equal networks.

        Cells count by the canonical form of their pruned graph, all other decisions by their value.
        """
        scalars = np.where(rows.active, rows.values, -np.inf)[:, self._scalars]
        contents = [row.tobytes() for row in scalars]
        cells: dict[str, list[bytes]] = {}
        for part, blocks in self._alike(self.cells):
            assert isinstance(part, Cell)
            there = [np.flatnonzero(self.present(rows, block)) for block in blocks]
            own = [rows.values[w, b.columns] for w, b in zip(there, blocks, strict=True)]
            forms = iter(part.forms(np.concatenate(own)))
            for block, which in zip(blocks, there, strict=True):
                cells[block.path] = [b""] * len(rows)
                for i in which.tolist():
                    cells[block.path][i] = next(forms)
        for block in self.cells:
            contents = [
                content + len(form).to_bytes(4, "little") + form
                for content, form in zip(contents, cells[block.path], strict=True)
            ]
        return [blake2b(content, digest_size=16).hexdigest() for content in contents]

    def fingerprints(self, rows: Rows) -> Array:
        """A fast stand-in for `ids`, [n]: equal ids have equal fingerprints.

        Two different networks share one only where colour refinement cannot tell their cells apart.
        """
        scalars = np.where(rows.active, rows.values, -np.inf)[:, self._scalars]
        found = np.zeros(len(rows), dtype=np.uint64)
        for column in scalars.T:
            found = mix(found + np.ascontiguousarray(column).view(np.uint64) + np.uint64(1))
        cells: dict[str, Array] = {}
        for part, blocks in self._alike(self.cells):
            values = np.concatenate([rows.values[:, block.columns] for block in blocks])
            (prints,) = self._fingerprints[part](values)
            cells |= zip((b.path for b in blocks), np.split(prints, len(blocks)), strict=True)
        for block in self.cells:
            own = np.where(self.present(rows, block), cells[block.path], np.uint64(0))
            found = mix(found + own + np.uint64(1))
        return found

    @cached_property
    def _fingerprints(self) -> dict[Part, Remembered]:
        """Of each cell."""

        def of(cell: Cell) -> Remembered:
            return Remembered(lambda values: (cell.fingerprints(values),))

        return {block.part: of(block.part) for block in self.cells if isinstance(block.part, Cell)}

    def known(self, rows: Rows) -> dict[str, Float[Array, " n"]]:
        """The numbers that parts know of their members, by path and name; 0 where inactive."""
        found = {}
        for block in self.blocks:
            path = block.path.removeprefix("space").removeprefix(".")
            for name, column in block.part.known(rows.values[:, block.columns]).items():
                full = f"{path}.{name}" if path else name
                found[full] = np.where(self.present(rows, block), column, 0.0)
        return found

    def to_unit(self, rows: Rows) -> Float[Array, "n D"]:
        """Values on [0, 1]: options and numbers by position, logarithmic ones by ratio."""
        unit = np.zeros(rows.values.shape)
        for d, decision in enumerate(self.decisions):
            unit[:, d] = to_unit(decision, rows.values[:, d])
        return np.where(rows.active, unit, 0.0)

    def from_unit(self, unit: Float[Array, "n D"]) -> Float[Array, "n D"]:
        """Each decision's values at positions in [0, 1]; see the function of the same name."""
        span = self._high - self._low
        found = np.minimum(self._low + np.floor(unit * (span + 1)), self._high)
        for d in self._uneven:
            found[:, d] = from_unit(self.decisions[d], unit[:, d])
        return found

    @cached_property
    def informed(self) -> bool:
        """Whether any decision has a prior."""
        return any(decision.prior for decision in self.decisions)

    @cached_property
    def prior_positions(self) -> Array:
        """Where in [0, 1] the guess of each number is, [D]; 0 where there is none."""
        found = np.zeros(len(self.decisions))
        for d, decision in enumerate(self.decisions):
            if decision.prior and decision.kind is not Kind.CATEGORICAL:
                found[d] = to_unit(decision, np.array(decision.prior))[0]
        return found

    @cached_property
    def _low(self) -> Array:
        return np.array([decision.low for decision in self.decisions], dtype=float)

    @cached_property
    def _high(self) -> Array:
        return np.array([decision.high for decision in self.decisions], dtype=float)

    @cached_property
    def _uneven(self) -> list[int]:
        """The decisions whose values are not whole numbers at equal distances."""
        return [d for d, k in enumerate(self.decisions) if k.log or k.kind is Kind.REAL]


def to_unit(decision: Decision, values: Float[Array, " n"]) -> Float[Array, " n"]:
    """A decision's values on [0, 1]."""
    low, high = float(decision.low), float(decision.high)
    scale = np.log if decision.log else np.asarray
    span = scale(high) - scale(low)
    if span == 0:  # also where two bounds are so close that their logarithms are equal
        return np.zeros(values.shape)
    unit: Array = (scale(np.maximum(values, low)) - scale(low)) / span
    return np.minimum(unit, 1.0)


def from_unit(decision: Decision, unit: Float[Array, " n"]) -> Float[Array, " n"]:
    """The decision's values at positions in [0, 1]; integers cover intervals of equal width."""
    low, high = float(decision.low), float(decision.high)
    if decision.kind is not Kind.REAL:
        low, high = low - 0.5, high + 0.5
    if decision.log:
        # not by the ratio of the bounds, which may overflow
        found = np.exp((1 - unit) * np.log(low) + unit * np.log(high))
    else:
        found = low + unit * (high - low)
    if decision.kind is not Kind.REAL:
        found = np.floor(found + 0.5)
    return np.clip(found, decision.low, decision.high)


def middle_unit(decision: Decision, values: Float[Array, " n"]) -> Float[Array, " n"]:
    """A position that `from_unit` maps to each value: for integers inside their interval."""
    if decision.kind is Kind.REAL:
        return to_unit(decision, values)
    low, high = decision.low - 0.5, decision.high + 0.5
    if decision.log:
        return (np.log(values) - np.log(low)) / (np.log(high) - np.log(low))
    return (values - low) / (high - low)
