"""How many members a space has, and how many different networks they are.

Only a cell says the same network twice: its id is the canonical form of its graph, all other
decisions count by their value. So the different networks of a space follow from those of its cells
by the rules that give its size: products, sums and powers. A cell is counted completely where time
allows; else a uniform sample of it gives bounds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from archbo.arrays import Rng
from archbo.checks.classes import Bounds, class_bounds
from archbo.spaces import Chain, Choice, CompiledSpace, Part, Rows, Space
from archbo.spaces.moves import enumerate_rows, sample

_ERROR = 0.05  # how often a bound may be wrong, all cells of a space together
_PROBED = 200  # members whose ids show how quick a cell is
_TRIED = 2000  # members at a time; the first show how often random numbers are valid
_HOPELESS = 1_000_000  # so many members a draw, and nothing but their number bounds from above
_MOST = 1_000_000  # members counted one by one, and draws, whatever the time


@dataclass(frozen=True, slots=True)
class CellSize:
    """A cell somewhere in the space.

    Attributes:
        path: where it stands; in a chain at the first of its places.
        members: how many ways there are to write it down; None if infinitely many.
        distinct: how many different networks; None if infinitely many.
    """

    path: str
    members: int | None
    distinct: Bounds | None


@dataclass(frozen=True, slots=True)
class SizeInfo:
    """Of a whole space.

    Attributes:
        members: how many architectures; None if infinitely many.
        distinct: how many different networks they are, with 95% confidence where it is not exact;
            None if infinitely many.
        cells: those parts of which several members may be one network.
        endless: the decisions that make it infinite.
    """

    members: int | None
    distinct: Bounds | None
    cells: tuple[CellSize, ...]
    endless: tuple[str, ...]


def size_info(space: Part, rng: Rng, *, seconds: float) -> SizeInfo:
    """The size of a space with and without duplicates.

    Args:
        space: what can be built.
        rng: a random generator, for cells that are too large to be counted.
        seconds: about how long it may take.
    """
    places = list(_cells(space, "space"))
    different = [part for k, (_, part) in enumerate(places)
                 if all(part != other for _, other in places[:k])]  # fmt: skip
    share = max(1, len(different))
    counted = [
        (part, count_cell(part, rng, seconds=seconds / share, error=_ERROR / share))
        for part in different
    ]

    def distinct(cell: Part) -> Bounds | None:
        return next(bounds for part, bounds in counted if part == cell)

    decisions = space.compiled.decisions
    return SizeInfo(
        members=space.size,
        distinct=combined(space, distinct),
        cells=tuple(CellSize(path, part.size, distinct(part)) for path, part in places),
        endless=tuple(d.path for d in decisions if d.options is None),
    )


def combined(space: Part, cell: Callable[[Part], Bounds | None]) -> Bounds | None:
    """The different networks of a space, given those of its cells; None if infinitely many."""
    if not space.compiled.cells:
        count = space.size
        return None if count is None else Bounds(count, count)
    if not _is_composed(space):
        return cell(space)
    found = [combined(part, cell) for part in _inside(space)]
    lows = [bounds.low for bounds in found if bounds is not None]
    highs = [bounds.high for bounds in found if bounds is not None and bounds.high is not None]
    if len(lows) < len(found):
        return None
    high = _count(space, highs) if len(highs) == len(found) else None
    return Bounds(_count(space, lows), high)


def count_cell(cell: Part, rng: Rng, *, seconds: float, error: float = _ERROR) -> Bounds | None:
    """How many different networks a part has; None if infinitely many.

    Args:
        cell: any part.
        rng: a random generator.
        seconds: about how long it may take.
        error: how often the bounds may be wrong, where it is too large to be counted.
    """
    size, space = cell.size, cell.compiled
    if size is None:
        return None
    draw = _uniform(space, rng)
    began = time.perf_counter()
    space.ids((draw or sample)(space, rng, _PROBED))
    affordable = int(_PROBED * seconds / (time.perf_counter() - began))
    if size <= min(affordable, _MOST):
        exact = len({key for rows in enumerate_rows(space) for key in space.ids(rows)})
        return Bounds(exact, exact)
    draws = min(max(affordable, _PROBED), _MOST)
    seen: Counter[str] = Counter()
    left = int(rng.poisson(draws))
    while left:
        rows = (draw or sample)(space, rng, min(left, _TRIED))
        seen.update(space.ids(rows))
        left -= len(rows)
    counts = np.array(list(seen.values()), dtype=np.int64)
    equally = draw is not None and size < _HOPELESS * draws
    bounds = class_bounds(counts, draws=draws, population=size if equally else None, error=error)
    return Bounds(bounds.low, size if bounds.high is None else bounds.high)


def uniform_rows(space: CompiledSpace, rng: Rng, count: int) -> Rows:
    """`count` members, each of a finite space equally likely; by rejection.

    A row of independent numbers is kept if it is valid, and what it leaves unused is all zero: so a
    member is no likelier for the decisions that it does not take.
    """
    kept = np.zeros((0, len(space.decisions)))
    while len(kept) < count:
        kept = np.concatenate([kept, _kept(space, rng, max(count, _TRIED)).values])
    return space.rows(kept[:count])


def _kept(space: CompiledSpace, rng: Rng, count: int) -> Rows:
    """What is kept of `count` random rows."""
    low = np.array([decision.low for decision in space.decisions])
    raw = low + np.floor(rng.random((count, len(low))) * space.options)
    rows = space.rows(raw)
    return rows.take((rows.active | (raw == low)).all(axis=1) & space.valid(rows))


def _uniform(space: CompiledSpace, rng: Rng) -> Callable[[CompiledSpace, Rng, int], Rows] | None:
    """The uniform sampler, if it is quick enough for this space."""
    enough = _TRIED // 100
    return uniform_rows if len(_kept(space, rng, _TRIED)) >= enough else None


def _is_composed(space: Part) -> bool:
    return isinstance(space, Space | Choice | Chain)


def _inside(space: Part) -> list[Part]:
    """The parts of a composed space, each once."""
    if isinstance(space, Chain):
        return [space.block]
    return [part for _, _, part in space.children()]


def _count(space: Part, inside: list[int]) -> int:
    """The members of a composed space, given how many each of its parts has."""
    if isinstance(space, Chain):
        lengths = range(space.length[0], space.length[1] + 1)
        return sum(inside[0] ** (1 if space.shared else length) for length in lengths)
    if isinstance(space, Choice):
        return sum(inside) + len(space.options) - len(inside)
    return prod(inside)


def _cells(space: Part, path: str) -> Iterator[tuple[str, Part]]:
    """The parts that are counted by themselves, with their paths."""
    if not space.compiled.cells:
        return
    if not _is_composed(space):
        yield path, space
        return
    inside = space.children()[:1] if isinstance(space, Chain) else space.children()
    for name, _, part in inside:
        yield from _cells(part, f"{path}[{name}]" if isinstance(space, Chain) else f"{path}.{name}")
