"""Where proposals are looked for: a start design, random members, mutants, neighbors.

All that is given back is feasible and new: no network that is known, and none twice.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from archbo.arrays import Array, Float, Rng
from archbo.errors import ExhaustedError
from archbo.problem import Problem
from archbo.spaces import Rows
from archbo.spaces.compiled import stack
from archbo.spaces.moves import enumerate_rows, mutate, neighbors, sample

_ROUNDS = 20  # batches of random members before the space counts as nearly exhausted
_COUNTABLE = 300_000  # spaces up to this size are enumerated when nothing new turns up


def new_rows(problem: Problem, rows: Rows, known: Collection[str]) -> tuple[Rows, list[str]]:
    """The feasible rows among these that are no known network, each network once, with their ids."""
    ids = problem.compiled.ids(rows)
    seen = set(known)
    kept: list[int] = []
    for i, key in enumerate(ids):
        if key not in seen:
            seen.add(key)
            kept.append(i)
    fresh = rows.take(np.array(kept, dtype=np.int64))
    if problem.constrained and kept:
        good = problem.feasible(fresh)
        kept = [i for i, ok in zip(kept, good, strict=True) if ok]
        fresh = fresh.take(good)
    return fresh, [ids[i] for i in kept]


def random_rows(problem: Problem, count: int, rng: Rng, known: Collection[str]) -> Rows:
    """`count` random new rows, or all that are left if those are fewer.

    Raises:
        ExhaustedError: if none is left.
    """
    found: list[Rows] = []
    seen = set(known)
    have = 0
    for _ in range(_ROUNDS):
        drawn = sample(problem.compiled, rng, 2 * (count - have) + 8)
        if problem.constrained:
            # where feasible members are rare, random ones hardly ever are: walk from others too
            others = stack([problem.examples, *found])
            start = others.take(rng.integers(len(others), size=4 * (count - have) + 8))
            once = mutate(problem.compiled, start, rng)
            drawn = stack([drawn, mutate(problem.compiled, once, rng), once])
        rows, ids = new_rows(problem, drawn, seen)
        rows, ids = rows.take(slice(0, count - have)), ids[: count - have]
        seen |= set(ids)
        have += len(rows)
        found.append(rows)
        if have == count:
            return stack(found)
    rest = remaining_rows(problem, seen)
    rows = rest.take(rng.permutation(len(rest))[: count - have])
    found.append(rows)
    if have + len(rows) == 0:
        raise ExhaustedError(
            f"all {len(known)} networks of the space that meet the constraints are known"
            if problem.constrained
            else f"all {len(known)} different networks of the space are known",
            hint="Enlarge the space, or stop here.",
        )
    return stack(found)


def remaining_rows(problem: Problem, known: Collection[str]) -> Rows:
    """All new rows of a space that is small enough to enumerate; none of a larger one."""
    size = problem.space.size
    nothing = problem.compiled.rows(np.zeros((0, len(problem.compiled.decisions))))
    if size is None or size > _COUNTABLE:
        return nothing
    found = [nothing]
    seen = set(known)
    for rows in enumerate_rows(problem.compiled):
        fresh, ids = new_rows(problem, rows, seen)
        seen |= set(ids)
        found.append(fresh)
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


def pool(
    problem: Problem, best: Rows, count: int, rng: Rng, known: Collection[str]
) -> tuple[Rows, list[str]]:
    """About `count` new rows, with their ids: a quarter each mutants and double mutants of the
    best rows, half random.

    Raises:
        ExhaustedError: if nothing new is left.
    """
    quarter = count // 4
    parents = best.take(rng.integers(len(best), size=2 * quarter)) if len(best) else best
    once = mutate(problem.compiled, parents, rng)
    second = once.take(slice(quarter, None))
    twice = mutate(problem.compiled, second, rng)
    drawn = stack(
        [once.take(slice(0, quarter)), twice, sample(problem.compiled, rng, count - 2 * quarter)]
    )
    rows, ids = new_rows(problem, drawn, known)
    if len(rows) >= count // 8:
        return rows, ids
    try:
        more = random_rows(problem, count // 2, rng, {*known, *ids})
    except ExhaustedError:
        if not ids:
            raise
        return rows, ids
    return stack([rows, more]), ids + problem.compiled.ids(more)


def neighborhood(
    problem: Problem, rows: Rows, known: Collection[str]
) -> tuple[Rows, list[str]]:
    """The new neighbors of all these rows, with their ids."""
    found = [neighbors(problem.compiled, rows.take([i])) for i in range(len(rows))]
    return new_rows(problem, stack(found), known)
