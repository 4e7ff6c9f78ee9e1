"""Where proposals are looked for: a start design, random members, mutants, neighbors.

All that is given back is feasible and new: no network that is known, and none twice.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from archbo.arrays import Array, Float, Rng
from archbo.errors import ExhaustedError
from archbo.problem import Problem
from archbo.spaces import Rows
from archbo.spaces.compiled import stack
from archbo.spaces.moves import crossover, enumerate_rows, mutate, neighbors, sample

_Key = TypeVar("_Key", int, str)

_ROUNDS = 20  # batches of random members before the space counts as nearly exhausted
_CHUNK = 1024  # networks recognised at once: bounds the memory
_COUNTABLE = 300_000  # spaces up to this size are enumerated when nothing new turns up


@dataclass(frozen=True)
class Taken:
    """Networks that are not to be proposed again.

    They are recognised by their fingerprints, which is quick; where a whole space is gone through,
    by their ids, which is exact.
    """

    batches: tuple[Rows, ...]
    fingerprints: frozenset[int]

    @classmethod
    def of(cls, problem: Problem, *batches: Rows) -> Taken:
        """All networks of some batches."""
        keys = [key for rows in batches for key in problem.compiled.fingerprints(rows).tolist()]
        return cls(batches, frozenset(keys))

    def plus(self, rows: Rows, fingerprints: Iterable[int]) -> Taken:
        """These and more."""
        return Taken((*self.batches, rows), self.fingerprints.union(fingerprints))

    def ids(self, problem: Problem) -> set[str]:
        """The ids of all."""
        return {key for rows in self.batches for key in problem.compiled.ids(rows)}


class Known:
    """The networks of a search, whose fingerprints are computed once as they come.

    Args:
        problem: that is searched.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._values = np.zeros((0, len(problem.compiled.decisions)))
        self._keys: list[int] = []

    def keys(self, rows: Rows) -> list[int]:
        """Of rows that come again and again, with more behind them each time."""
        n = len(self._keys)
        if n > len(rows) or not np.array_equal(self._values, rows.values[:n]):
            self._keys, n = [], 0
        for start in range(n, len(rows), _CHUNK):
            part = rows.take(slice(start, start + _CHUNK))
            self._keys += self._problem.compiled.fingerprints(part).tolist()
        self._values = rows.values
        return self._keys

    def taken(self, rows: Rows, *others: Rows) -> Taken:
        """All of these; the first are those whose keys are kept."""
        rest = Taken.of(self._problem, *others)
        return Taken((rows, *rest.batches), rest.fingerprints.union(self.keys(rows)))


def new_rows(problem: Problem, rows: Rows, taken: Taken) -> tuple[Rows, Taken]:
    """The feasible rows that are no taken network, each network once; and all then taken."""
    first = first_positions(problem.compiled.fingerprints(rows).tolist(), taken.fingerprints)
    fresh = rows.take(np.array(list(first.values()), dtype=np.int64))
    if problem.constrained:
        fresh = fresh.take(problem.feasible(fresh))
    return fresh, taken.plus(fresh, first)  # the infeasible among them may count as taken, too


def first_positions(keys: Iterable[_Key], taken: Container[_Key]) -> dict[_Key, int]:
    """The keys that are not taken, each with its first position, in order."""
    found: dict[_Key, int] = {}
    for i, key in enumerate(keys):
        if key not in taken:
            found.setdefault(key, i)
    return found


def random_rows(problem: Problem, count: int, rng: Rng, taken: Taken) -> Rows:
    """`count` random new rows, or all that are left if those are fewer.

    Raises:
        ExhaustedError: if none is left.
    """
    found: list[Rows] = []
    have = 0
    for _ in range(_ROUNDS):
        drawn = sample(problem.compiled, rng, 2 * (count - have) + 8)
        if problem.constrained:
            # where feasible members are rare, random ones hardly ever are: walk from others too
            others = stack([problem.examples, *found])
            start = others.take(rng.integers(len(others), size=4 * (count - have) + 8))
            once = mutate(problem.compiled, start, rng)
            drawn = stack([drawn, mutate(problem.compiled, once, rng), once])
        rows, taken = new_rows(problem, drawn, taken)
        found.append(rows.take(slice(0, count - have)))
        have += len(found[-1])
        if have == count:
            return stack(found)
    rest = remaining_rows(problem, taken)
    found.append(rest.take(rng.permutation(len(rest))[: count - have]))
    rows = stack(found)
    if not len(rows):
        raise exhausted(problem, len(taken.ids(problem)))
    return rows


def exhausted(problem: Problem, known: int, where: str = "space") -> ExhaustedError:
    """The error for when so many networks are all that there are."""
    which = (
        f"networks of the {where} that meet the constraints"
        if problem.constrained
        else f"different networks of the {where}"
    )
    return ExhaustedError(
        f"all {known} {which} are known", hint=f"Enlarge the {where}, or stop here."
    )


def filled(problem: Problem, rows: Rows, count: int, rng: Rng, taken: Taken) -> Rows:
    """New rows with random ones behind them up to `count`, or up to all that are left.

    Raises:
        ExhaustedError: if there are none at all.
    """
    try:
        return stack([rows, random_rows(problem, count - len(rows), rng, taken)])
    except ExhaustedError:
        if not len(rows):
            raise
        return rows


def remaining_rows(problem: Problem, taken: Taken) -> Rows:
    """All new rows of a space that is small enough to enumerate; of a larger one those at hand."""
    size = problem.space.size
    found = [problem.compiled.rows(np.zeros((0, len(problem.compiled.decisions))))]
    if size is None or size > _COUNTABLE:
        return new_rows(problem, problem.examples, taken)[0] if problem.constrained else found[0]
    seen = taken.ids(problem)
    for rows in enumerate_rows(problem.compiled):
        first = first_positions(problem.compiled.ids(rows), seen)
        seen |= first.keys()
        fresh = rows.take(np.array(list(first.values()), dtype=np.int64))
        found.append(fresh.take(problem.feasible(fresh)))
    return stack(found)


def maximin(points: Float[Array, "n d"], count: int) -> list[int]:
    """Positions of `count` points far from each other: the medoid first, then the farthest.

    Source: Kennard and Stone 1969, started from the medoid.
    """
    squares = (points**2).sum(axis=1)
    if len(points) == 0:
        return []
    total = np.zeros(len(points))
    for start in range(0, len(points), 256):  # blocks bound the memory
        block = points[start : start + 256]
        distances = squares[start : start + 256, None] + squares - 2 * block @ points.T
        total[start : start + 256] = np.sqrt(np.maximum(distances, 0)).sum(axis=1)
    chosen = [int(total.argmin())]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < min(count, len(points)):
        distances = ((points - points[chosen[-1]]) ** 2).sum(axis=1)
        nearest = np.minimum(nearest, distances)
        nearest[chosen] = -1.0
        chosen.append(int(nearest.argmax()))
    return chosen


def pool(problem: Problem, best: Rows, count: int, rng: Rng, taken: Taken) -> tuple[Rows, Taken]:
    """About `count` new rows, and all then taken.

    A quarter are mutants of the best, a quarter double mutants, half random.

    Raises:
        ExhaustedError: if nothing new is left.
    """
    quarter = count // 4
    parents = best.take(rng.integers(len(best), size=2 * quarter)) if len(best) else best
    once = mutate(problem.compiled, parents, rng)
    twice = mutate(problem.compiled, once.take(slice(quarter, None)), rng)
    others = sample(problem.compiled, rng, count - 2 * quarter)
    drawn = stack([once.take(slice(0, quarter)), twice, others])
    rows, taken = new_rows(problem, drawn, taken)
    if len(rows) >= count // 8:
        return rows, taken
    rows = filled(problem, rows, len(rows) + count // 2, rng, taken)
    return rows, taken.plus(rows, problem.compiled.fingerprints(rows).tolist())


def neighborhood(problem: Problem, rows: Rows, taken: Taken, *, most: int) -> tuple[Rows, Taken]:
    """The new neighbors of these rows, at most so many, the first row's first; and all then taken.

    Rows whose neighbors would be too many are left out; the first one's are then a part of them.
    """
    found: list[Rows] = []
    have = 0
    for i in range(len(rows)):
        near = neighbors(problem.compiled, rows.take([i]))
        if found and have + len(near) > most:
            break
        found.append(near.take(slice(0, most)))
        have += len(near)
    return new_rows(problem, stack(found), taken)


def offspring(
    problem: Problem, parents: Rows, count: int, rng: Rng, taken: Taken
) -> tuple[Rows, Taken]:
    """Up to `count` new rows near these or between them, and all then taken.

    A half are mutants, a quarter double mutants, a quarter mixtures of two.
    """
    quarter = count // 4
    once = mutate(problem.compiled, parents.take(rng.integers(len(parents), size=3 * quarter)), rng)
    twice = mutate(problem.compiled, once.take(slice(2 * quarter, None)), rng)
    first, second = rng.integers(len(parents), size=(2, quarter))
    mixed = crossover(problem.compiled, parents.take(first), parents.take(second), rng)
    drawn = stack([once.take(slice(0, 2 * quarter)), twice, mixed])
    return new_rows(problem, drawn, taken)
