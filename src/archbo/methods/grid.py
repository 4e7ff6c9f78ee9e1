"""Grid search: every member of a finite space, or of a grid over an infinite one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Rng, stream
from archbo.data import Dataset, Proposal
from archbo.errors import ExhaustedError, ProblemError, nearest
from archbo.methods.base import Search
from archbo.methods.candidates import Taken, exhausted, first_positions, random_rows
from archbo.problem import Problem
from archbo.spaces import Float, Int, Rows
from archbo.spaces.compiled import stack, to_unit
from archbo.spaces.moves import enumerate_rows, sample
from archbo.spaces.part import Decision, Kind, is_whole

_FEW = 100  # an Int of more values needs a resolution
_BATCH = 256  # members that are looked up at once; a power of two keeps Sobol points even
_COUNTABLE = 300_000  # larger grids are not listed: what low-discrepancy points miss is drawn
_CHUNK = 4096  # rows of the list that are looked up at once
_ROUNDS = 20  # batches of drawn members without a new one before the grid counts as exhausted


@dataclass(frozen=True)
class GridSearch:
    """Every network once, far from each other at first, whatever the results are.

    The order is that of low-discrepancy points, each moved to its member of the grid: the first
    proposals already cover every decision evenly, where a grid in lexicographic order would go
    through the options of the last one. Parts in which few settings are valid (free cells) are
    drawn at random. What the points miss comes last. The seed decides where the points start.

    Source: Sobol 1967, scrambled as Owen 1998.

    Args:
        resolution: how many values of each Float, and of each Int that has more, are looked at,
            evenly spaced from the lowest to the highest (by ratio where it is logarithmic). A
            number for all, or a mapping from paths such as "space.lr"; a path stands for all that
            is inside, too. Floats, and Ints of more than 100 values, need one.

    Raises:
        ProblemError: if a resolution is no whole number from 1.
    """

    resolution: int | Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        given = self.resolution
        named = given if isinstance(given, Mapping) else {} if given is None else {"": given}
        for path, number in named.items():
            if not is_whole(number) or number < 1:
                raise ProblemError(
                    f"a resolution is a whole number from 1, got {number!r}", path=path
                )

    def prepare(self, problem: Problem) -> Search:
        return _GridSearch(self, problem)

    def _of(self, path: str) -> int | None:
        """The resolution of the decision at a path: the one that was given closest to it."""
        if not isinstance(self.resolution, Mapping):
            return self.resolution
        found = [known for known in self.resolution if _is_inside(path, known)]
        return self.resolution[max(found, key=len)] if found else None

    def levels(self, problem: Problem) -> dict[int, Array]:
        """The values of those decisions of which the grid has not all, by position.

        Raises:
            ProblemError: if a number needs a resolution, or one is for nothing in the space.
        """
        decisions = problem.compiled.decisions
        numbers = [b.start for b in problem.compiled.blocks if isinstance(b.part, Float | Int)]
        if isinstance(self.resolution, Mapping):
            paths = [decisions[d].path for d in numbers]
            for known in self.resolution:
                if not any(_is_inside(path, known) for path in paths):
                    raise ProblemError(
                        "a resolution is given, but no Float or Int is there",
                        path=known,
                        hint=nearest(known, paths),
                    )
        found = {}
        for d in numbers:
            decision = decisions[d]
            resolution, options = self._of(decision.path), decision.options
            if resolution is None and (options is None or options > _FEW):
                values = "infinitely many values" if options is None else f"{options} values"
                raise ProblemError(
                    f"{values} are too many for a grid: it needs a resolution",
                    path=decision.path,
                    hint="Use method=ab.GridSearch(resolution=5), "
                    f'or ab.GridSearch(resolution={{"{decision.path}": 5}}).',
                )
            if resolution is not None and (options is None or options > resolution):
                found[d] = _evenly(decision, resolution)
        return found


def _evenly(decision: Decision, count: int) -> Array:
    """So many values from the lowest to the highest; fewer where integers lie that close."""
    if count == 1:
        return np.array([decision.default])  # the middle
    spaced = np.geomspace if decision.log else np.linspace
    values = spaced(decision.low, decision.high, count)
    return np.unique(np.round(values) if decision.kind is Kind.INTEGER else values)


def _is_inside(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


class _GridSearch(Search):
    def __init__(self, settings: GridSearch, problem: Problem) -> None:
        self.problem = problem
        self.levels = settings.levels(problem)
        self._rows = problem.compiled.encode([])  # the members found so far, in order
        self._ids: list[str] = []  # of those
        self._seen: set[str] = set()  # and of those that are not feasible
        self._batches = self._candidates()

    def propose(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:  # noqa: ARG002 - the order is fixed
        space = self.problem.compiled
        taken = {*space.ids(dataset.rows), *space.ids(dataset.pending)}
        found = self._free(taken)
        while len(found) < count and self._extend():
            found = self._free(taken)
        if not found:
            which = "grid" if self.levels else "space"
            raise exhausted(self.problem, len(self._ids), which)
        archs = space.architectures(self._rows.take(found[:count]))
        return [Proposal(arch, "grid") for arch in archs]

    def _free(self, taken: set[str]) -> list[int]:
        """The positions of the members that are not taken."""
        return [i for i, key in enumerate(self._ids) if key not in taken]

    def _extend(self) -> bool:
        """Add the next batch of members; False if there are no more."""
        rows = next(self._batches, None)
        if rows is None:
            return False
        ids = self.problem.compiled.ids(rows)
        fresh = list(first_positions(ids, self._seen).values())
        self._seen.update(ids)
        good = np.array(fresh, dtype=np.int64)[self.problem.feasible(rows.take(fresh))]
        self._rows = stack([self._rows, rows.take(good)])
        self._ids += [ids[i] for i in good]
        return True

    def _candidates(self) -> Iterator[Rows]:
        """Batches of rows on the grid that cover it; some come more than once."""
        from scipy.stats.qmc import Sobol  # scipy.stats takes long to import

        space = self.problem.compiled
        rng = stream(self.problem.seed, "grid")
        even = np.ones(len(space.decisions), dtype=bool)
        for block in space.constrained:
            even[block.columns] = False
        points = Sobol(len(even), rng=rng)
        fresh = _BATCH
        while fresh >= _BATCH // 8:
            before = len(self._ids)
            values = space.from_unit(points.random(_BATCH))
            drawn = sample(space, rng, _BATCH).values if not even.all() else values
            yield self._on_grid(np.where(even, values, drawn))
            fresh = len(self._ids) - before
        yield from self._rest(rng)

    def _rest(self, rng: Rng) -> Iterator[Rows]:
        """All rows of the grid in random order; of one that is too large, drawn ones."""
        found, total = [], 0
        for rows in enumerate_rows(self.problem.compiled, levels=self.levels):
            found.append(rows)
            total += len(rows)
            if total > _COUNTABLE:
                yield from self._drawn(rng)
                return
        listed = stack(found).take(rng.permutation(total))
        for first in range(0, total, _CHUNK):
            yield listed.take(slice(first, first + _CHUNK))

    def _drawn(self, rng: Rng) -> Iterator[Rows]:
        dry = 0
        while dry < _ROUNDS:
            before = len(self._ids)
            try:
                taken = Taken.of(self.problem, self._rows)
                yield self._on_grid(random_rows(self.problem, _BATCH, rng, taken).values)
            except ExhaustedError:
                return
            dry = 0 if len(self._ids) > before else dry + 1

    def _on_grid(self, values: Array) -> Rows:
        """Rows with each number moved to the level of its part of the range."""
        values = values.copy()
        for d, levels in self.levels.items():
            unit = to_unit(self.problem.compiled.decisions[d], values[:, d])
            place = np.minimum(unit * len(levels), len(levels) - 1).astype(np.int64)
            values[:, d] = levels[place]
        return self.problem.compiled.rows(values)
