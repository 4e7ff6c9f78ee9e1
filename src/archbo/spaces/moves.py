"""Moves on whole batches of rows: sample, mutate, cross over, neighbors, enumerate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from archbo.arrays import Array, Rng
from archbo.errors import SpaceError
from archbo.spaces.compiled import CompiledSpace, Rows, from_unit, stack, to_unit
from archbo.spaces.part import Decision, Kind

if TYPE_CHECKING:
    from archbo.spaces.architecture import Architecture

MOST_COMPLETIONS = 256
"""A change that switches on more settings than this starts them from their defaults."""

_TRIES = 10_000  # a cell's own draw is valid once in a few tries
_MUTATION_TRIES = 200  # rejected changes before a row is left as it is
_OTHER_TRIES = 400  # mutations that gave the same network before giving up
_STEP = 0.2  # standard deviation of a number's mutation, as a share of its range


def sample(space: CompiledSpace, rng: Rng, count: int) -> Rows:
    """Random members: every decision uniform over its range, cells by their own draw."""
    return space.rows(_draw(space, rng, count))


def _draw(space: CompiledSpace, rng: Rng, count: int) -> Array:
    """Random numbers for every decision, active or not, [n D]; cells are valid by themselves."""
    unit = rng.random((count, len(space.decisions)))
    values = np.column_stack([from_unit(d, unit[:, k]) for k, d in enumerate(space.decisions)])
    for block in space.cells:
        own = block.part.draw(rng, count)
        if own is None:
            continue
        for _ in range(_TRIES):
            inner = block.part.compiled.rows(own)
            bad = np.flatnonzero(~block.part.compiled.valid(inner))
            if not len(bad):
                break
            again = block.part.draw(rng, len(bad))
            assert again is not None
            own[bad] = again
        else:
            raise SpaceError("no valid member was found by sampling", path=block.path)
        values[:, block.columns] = own
    return values


def mutate(space: CompiledSpace, rows: Rows, rng: Rng) -> Rows:
    """Change one random decision of each row; what that switches on is drawn at random.

    Numbers take a random step of about a fifth of their range. A row of a space with a single
    member, or one that has no valid change, stays as it is.
    """
    result = Rows(rows.values.copy(), rows.active.copy())
    open_rows = np.arange(len(rows))
    for _ in range(_MUTATION_TRIES):
        if not len(open_rows):
            break
        child = _changed(space, rows.take(open_rows), rng)
        good = space.valid(child) & (child.values != rows.values[open_rows]).any(axis=1)
        done = open_rows[good]
        result.values[done], result.active[done] = child.values[good], child.active[good]
        open_rows = open_rows[~good]
    return result


def _changed(space: CompiledSpace, rows: Rows, rng: Rng) -> Rows:
    """One random decision of each row changed, valid or not."""
    count = len(rows)
    values = np.where(rows.active, rows.values, _draw(space, rng, count))
    free = rows.active & (space.options != 1)
    # a random one of the free decisions: the largest of random keys
    chosen = np.where(free, rng.random(free.shape), -1.0).argmax(axis=1)
    steps, jumps = rng.normal(scale=_STEP, size=count), rng.random(count)
    for d in np.unique(chosen):
        which = np.flatnonzero((chosen == d) & free[:, d])
        values[which, d] = _step(space.decisions[d], values[which, d], steps[which], jumps[which])
    return space.rows(values)


def _step(decision: Decision, old: Array, steps: Array, jumps: Array) -> Array:
    """Other values of one decision: any other option, or a step along the range."""
    if decision.kind is Kind.CATEGORICAL:
        others = decision.options or 1
        # the k-th of the other options: those from the old one on move up by one
        other = np.floor(jumps * (others - 1))
        return other + (other >= old)
    unit = to_unit(decision, old) + steps
    unit = 1 - np.abs(1 - np.abs(unit) % 2)  # reflect at both ends
    new = from_unit(decision, unit)
    if decision.kind is Kind.INTEGER:
        direction = np.where(steps >= 0, 1, -1)
        direction = np.where(old + direction > decision.high, -1, direction)
        direction = np.where(old + direction < decision.low, 1, direction)
        new = np.where(new == old, old + direction, new)
    return new


def mutate_one(space: CompiledSpace, arch: Architecture, rng: Rng) -> Architecture:
    """Mutate until the network, not only its description, is another one.

    Raises:
        SpaceError: if no other network was found.
    """
    start = space.encode([arch])
    rows = start
    for attempt in range(_OTHER_TRIES):
        child = mutate(space, rows, rng)
        mutant = space.architectures(child)[0]
        if mutant.id != arch.id:
            return mutant
        # a plain change did not do: walk further away every few attempts
        rows = child if attempt % 4 == 3 else start
    raise SpaceError("there is no other network to mutate into", path="space")


def crossover(space: CompiledSpace, a: Rows, b: Rows, rng: Rng) -> Rows:
    """Each decision from one of the two parents; a child that is no member becomes its a."""
    first = rng.random(a.values.shape) < 0.5
    # a decision that only one parent takes can come from that parent only
    first = np.where(a.active == b.active, first, a.active)
    child = space.rows(np.where(first, a.values, b.values))
    good = space.valid(child)[:, None]
    return Rows(np.where(good, child.values, a.values), np.where(good, child.active, a.active))


def neighbors(space: CompiledSpace, row: Rows) -> Rows:
    """All valid rows that differ in one decision, and in what it switches on or off.

    The relation is symmetric: see `Part.neighbors`.
    """
    found = [row.take(slice(0, 0))]
    for d in np.flatnonzero(row.active[0]):
        for new in _steps(space.decisions[d], float(row.values[0, d])):
            values = row.values.copy()
            values[0, d] = new
            changed = space.rows(values)
            lost = row.active[0] & ~changed.active[0]
            gained = changed.active[0] & ~row.active[0]
            if lost.any() and not _is_completion(space, changed, row, lost):
                continue
            found.append(_completions(space, changed, gained) if gained.any() else changed)
    rows = stack(found)
    return rows.take(space.valid(rows))


def _steps(decision: Decision, old: float) -> list[float]:
    """The values that one step leads to; a step can be taken back."""
    if decision.kind is Kind.CATEGORICAL:
        return [float(k) for k in range(decision.options or 1) if k != old]
    if decision.kind is Kind.INTEGER:
        powers = [2.0**k for k in range(int(decision.high - decision.low).bit_length())]
        moved = [old + sign * power for power in powers for sign in (1, -1)]
        return [new for new in moved if decision.low <= new <= decision.high]
    if decision.low == decision.high:
        return []
    unit = float(to_unit(decision, np.array([old]))[0])
    parts = [sign * 2.0**-k for k in range(1, 5) for sign in (1, -1)]
    inside = [unit + part for part in parts if 0 <= unit + part <= 1]
    return [float(from_unit(decision, np.array([u]))[0]) for u in inside]


def _completions(space: CompiledSpace, row: Rows, gained: Array) -> Rows:
    """All settings of the decisions that were just switched on; the defaults if too many."""
    start = row.values.copy()
    start[0, gained] = [space.decisions[d].default for d in np.flatnonzero(gained)]
    default = space.rows(start)
    values = default.values
    # switching on can switch on more: go through all that could become active, parents first
    for d in range(len(space.decisions)):
        if not gained[d] and not _depends_on(space, d, gained):
            continue
        active = space.activity(values)[:, d]
        if not active.any():
            continue
        options = space.decisions[d].options
        if options is None or len(values) + active.sum() * (options - 1) > MOST_COMPLETIONS:
            return default
        values = np.concatenate([values[~active], _expanded(space.decisions[d], values[active], d)])
    return space.rows(values)


def _depends_on(space: CompiledSpace, d: int, gained: Array) -> bool:
    condition = space.decisions[d].condition
    while condition is not None:
        if gained[condition.parent]:
            return True
        condition = space.decisions[condition.parent].condition
    return False


def _is_completion(space: CompiledSpace, without: Rows, row: Rows, lost: Array) -> bool:
    """Whether the way back, from `without`, would lead to the row."""
    values = np.where(lost, row.values, without.values)
    changed = np.where(without.active | lost, row.values, values)
    back = space.rows(changed)
    gained = back.active[0] & ~without.active[0]
    found = _completions(space, back, gained)
    return bool((found.values == row.values).all(axis=1).any())


def enumerate_rows(space: CompiledSpace, chunk: int = 4096) -> Iterator[Rows]:
    """Every valid row, once, in batches.

    Raises:
        SpaceError: if there are infinitely many.
    """
    for decision in space.decisions:
        if decision.options is None:
            raise SpaceError(
                "infinitely many members cannot be enumerated",
                path=decision.path,
                hint="Use a Choice or an Int.",
            )
    ends = {block.columns.stop: block for block in space.cells}
    start = np.zeros((1, len(space.decisions)))
    pending = [(0, start)]
    while pending:
        d, values = pending.pop()
        while d < len(space.decisions) and len(values) <= chunk:
            active = space.activity(values)[:, d]
            expanded = _expanded(space.decisions[d], values[active], d)
            values = np.concatenate([values[~active], expanded])
            d += 1
            if d in ends:
                values = values[_valid_block(space, values, d)]
        if d == len(space.decisions):
            if len(values):
                yield space.rows(values)
        else:
            half = len(values) // 2
            pending += [(d, values[half:]), (d, values[:half])]


def _valid_block(space: CompiledSpace, values: Array, end: int) -> Array:
    rows = space.rows(values)
    good = np.ones(len(rows), dtype=bool)
    for block in space.cells:
        if block.columns.stop == end:
            verdict = block.part.valid(rows.values[:, block.columns])
            if verdict is not None:
                good &= verdict | ~space.present(rows, block)
    return good


def _expanded(decision: Decision, values: Array, d: int) -> Array:
    """Each row once for every value of decision d."""
    options = np.arange(decision.options or 1) + decision.low
    repeated = np.repeat(values, len(options), axis=0)
    repeated[:, d] = np.tile(options, len(values))
    return repeated
