"""Moves on whole batches of rows: sample, mutate, cross over, neighbors, enumerate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from archbo.arrays import Array, Rng
from archbo.errors import SpaceError
from archbo.spaces.compiled import CompiledSpace, Rows, from_unit, middle_unit, to_unit
from archbo.spaces.part import Decision, Kind, Part
from archbo.spaces.prior import with_priors

if TYPE_CHECKING:
    from archbo.spaces.architecture import Architecture

MOST_COMPLETIONS = 256
"""A change that switches on more settings than this starts them from their defaults."""

_TRIES = 10_000  # a cell's own draw is valid once in a few tries
_MUTATION_TRIES = 200  # rejected changes before a row is left as it is
_OTHER_TRIES = 400  # mutations that gave the same network before giving up
_PLAIN_TRIES = 16  # of them, so many change one decision; the others walk on, two at a time
_MORE = 50  # after so many rejected changes one more decision is changed at once
_ROUNDING = 1e-9  # on [0, 1]: far above what a logarithm and its inverse lose
_STEPS = (0.005, 0.5)  # from the finest to the widest mutation of a number, shares of its range


def sample(space: CompiledSpace, rng: Rng, count: int) -> Rows:
    """Random members: every decision by its prior, else uniform; cells by their own draw."""
    return space.rows(_draw(space, rng, count))


def _draw(space: CompiledSpace, rng: Rng, count: int) -> Array:
    """Random numbers for every decision, active or not, [n D]; cells are valid by themselves."""
    values = _independent(space, rng, count)
    for block in space.constrained:
        own = _part_draw(block.part, rng, count)
        for _ in range(_TRIES):
            inner = block.part.compiled.rows(own)
            bad = np.flatnonzero(~block.part.compiled.valid(inner))
            if not len(bad):
                break
            own[bad] = _part_draw(block.part, rng, len(bad))
        else:
            raise SpaceError("no valid member was found by sampling", path=block.path)
        values[:, block.columns] = own
    return values


def _independent(space: CompiledSpace, rng: Rng, count: int) -> Array:
    unit = rng.random((count, len(space.decisions)))
    if space.informed:
        unit = with_priors(space.decisions, unit, space.prior_positions)
    return space.from_unit(unit)


def _part_draw(part: Part, rng: Rng, count: int) -> Array:
    own = part.draw(rng, count)
    return _independent(part.compiled, rng, count) if own is None else own


def mutate(space: CompiledSpace, rows: Rows, rng: Rng, *, changes: int = 1) -> Rows:
    """Change one random decision of each row; what that switches on is drawn at random.

    Numbers take a random step of any scale, from a two-hundredth to a half of their range. Where
    no single change is valid, several are made at once. A row of a space with a single member
    stays as it is.

    Args:
        space: of the rows.
        rows: what to change.
        rng: a random generator.
        changes: how many decisions to change.
    """
    result = Rows(rows.values.copy(), rows.active.copy())
    open_rows = np.arange(len(rows))
    for attempt in range(_MUTATION_TRIES):
        if not len(open_rows):
            break
        child = rows.take(open_rows)
        for _ in range(changes + attempt // _MORE):
            child = _changed(space, child, rng)
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
    low, high = np.log(_STEPS)
    scales = np.exp(rng.uniform(low, high, size=count))
    steps, jumps = scales * rng.normal(size=count), rng.random(count)
    for d in np.unique(chosen):
        which = np.flatnonzero((chosen == d) & free[:, d])
        values[which, d] = _step(space.decisions[d], values[which, d], steps[which], jumps[which])
    return space.rows(values)


def _step(decision: Decision, old: Array, steps: Array, jumps: Array) -> Array:
    """Other values of one decision: any other option, or a step along the range."""
    if decision.near is not None:
        return _one_of(decision.near, old, jumps)
    if decision.kind is Kind.CATEGORICAL:
        others = decision.options or 1
        # the k-th of the other options: those from the old one on move up by one
        other = np.floor(jumps * (others - 1))
        return other + (other >= old)
    unit = middle_unit(decision, old) + steps
    unit = 1 - np.abs(1 - np.abs(unit) % 2)  # reflect at both ends
    new = from_unit(decision, unit)
    if decision.kind is Kind.INTEGER:
        direction = np.where(steps >= 0, 1, -1)
        direction = np.where(old + direction > decision.high, -1, direction)
        direction = np.where(old + direction < decision.low, 1, direction)
        return np.where(new == old, old + direction, new)
    # a narrow range has few doubles: the next one, where the step was too short to reach it
    following = np.nextafter(old, np.where(old < decision.high, decision.high, decision.low))
    return np.where(new == old, following, new)


def _one_of(near: Callable[[int], Array], old: Array, jumps: Array) -> Array:
    """One of the options near each; the old one where there are none."""
    new = old.copy()
    for i, (option, jump) in enumerate(zip(old.tolist(), jumps, strict=True)):
        if len(others := near(int(option))):
            new[i] = others[int(jump * len(others))]
    return new


def mutate_one(space: CompiledSpace, arch: Architecture, rng: Rng) -> Architecture:
    """Mutate until the network, not only its description, is another one.

    Raises:
        SpaceError: if no other network was found.
    """
    start = space.encode([arch])
    rows = start
    for attempt in range(_OTHER_TRIES):
        child = mutate(space, rows, rng, changes=1 if attempt < _PLAIN_TRIES else 2)
        if (child.values == rows.values).all():
            break
        mutant = space.architectures(child)[0]
        if mutant.id != arch.id:
            return mutant
        rows = start if attempt < _PLAIN_TRIES else child
    raise SpaceError(
        "there is no other network to mutate into",
        path="space",
        hint="Give at least one decision a second option.",
    )


def crossover(space: CompiledSpace, a: Rows, b: Rows, rng: Rng) -> Rows:
    """Each decision from one of the parents; a part that would be invalid comes whole from one."""
    first = rng.integers(2, size=a.values.shape).astype(bool)
    # a decision that only one parent takes can come from that parent only
    first = np.where(a.active == b.active, first, a.active)
    child = space.rows(np.where(first, a.values, b.values))
    for block in space.constrained:
        bad = np.flatnonzero(~space.valid_block(child, block))
        first[bad, block.columns] = first[bad, block.start, None]
    return space.rows(np.where(first, a.values, b.values))


def neighbors(space: CompiledSpace, row: Rows) -> Rows:
    """All valid rows that differ in one decision, and in what it switches on or off.

    The relation is symmetric: see `Part.neighbors`.
    """
    changed = []
    for d in np.flatnonzero(row.active[0]).tolist():
        steps = _steps(space.decisions[d], float(row.values[0, d]))
        values = np.repeat(row.values, len(steps), axis=0)
        values[:, d] = steps
        if space.dependents[d].any():
            changed += [_switched(space, row, values[k : k + 1], d) for k in range(len(steps))]
        else:
            changed.append(values)
    rows = space.rows(np.concatenate([row.values[:0], *changed]))
    return rows.take(space.valid(rows))


def _switched(space: CompiledSpace, row: Rows, values: Array, d: int) -> Array:
    """All rows that a change of decision d leads to, given that others depend on it."""
    kept = row.active & space.activity(values)
    opened = np.flatnonzero(space.dependents[d] & ~kept[0])
    # where it switches something off, the way back must lead here
    lost = (row.active & ~kept).any()
    if lost and not (_completions(space, row.values, opened) == row.values).all(axis=1).any():
        return values[:0]
    return _completions(space, values, opened)


def _steps(decision: Decision, old: float) -> list[float]:
    """The values that one step leads to; a step can be taken back."""
    if decision.near is not None:
        return [float(k) for k in decision.near(int(old))]
    if decision.kind is Kind.CATEGORICAL:
        return [float(k) for k in range(decision.options or 1) if k != old]
    if decision.kind is Kind.INTEGER:
        powers = [2.0**k for k in range(int(decision.high - decision.low).bit_length())]
        moved = [old + sign * power for power in powers for sign in (1, -1)]
        return [new for new in moved if decision.low <= new <= decision.high]
    parts = np.array([sign * 2.0**-k for k in range(1, 5) for sign in (1, -1)])
    unit = to_unit(decision, np.array([old])) + parts
    # a step back to an end may miss it by rounding
    inside = (unit > -_ROUNDING) & (unit < 1 + _ROUNDING)
    moved = from_unit(decision, np.clip(unit[inside], 0.0, 1.0)).tolist()
    return [new for new in dict.fromkeys(moved) if new != old]


def _completions(space: CompiledSpace, values: Array, opened: Array) -> Array:
    """All settings of the decisions that may have been switched on; the defaults if too many.

    `values` is one row; `opened` lists the decisions, parents first; inactive ones stay out of it.
    """
    values = defaults = values.copy()
    defaults[0, opened] = [space.decisions[d].default for d in opened]
    closed: set[int] = set()  # active nowhere, as are those that depend on them
    for d in opened.tolist():
        condition = space.decisions[d].condition
        below = condition is not None and condition.parent in closed
        if below or not (active := space.active(values, d)).any():
            closed.add(d)
            continue
        options = space.decisions[d].options or np.inf
        if len(values) + active.sum() * (options - 1) > MOST_COMPLETIONS:
            return space.rows(defaults).values
        settings = np.arange(options) + space.decisions[d].low
        values = np.concatenate([values[~active], _expanded(values[active], d, settings)])
    return space.rows(values).values


def enumerate_rows(
    space: CompiledSpace, chunk: int = 4096, levels: Mapping[int, Array] | None = None
) -> Iterator[Rows]:
    """Every valid row, once, in batches of at most `chunk`.

    Args:
        space: of the rows.
        chunk: how many rows a batch has at most.
        levels: the values that some decisions, by their position, are restricted to.

    Raises:
        SpaceError: if there are infinitely many.
    """
    levels = levels or {}
    for d, decision in enumerate(space.decisions):
        if decision.options is None and d not in levels:
            raise SpaceError(
                "infinitely many members cannot be enumerated",
                path=decision.path,
                hint="Use a Choice or an Int.",
            )
    pending = [iter([np.zeros((1, len(space.decisions)))])]
    while pending:
        values = next(pending[-1], None)
        if values is None:
            pending.pop()
        elif len(pending) > len(space.decisions):
            yield space.rows(values)
        else:
            d = len(pending) - 1
            pending.append(_branches(space, values, d, chunk, levels.get(d)))


def _branches(
    space: CompiledSpace, values: Array, d: int, chunk: int, levels: Array | None
) -> Iterator[Array]:
    """All valid settings of one more decision, in batches of at most `chunk` rows."""
    ending = [block for block in space.constrained if block.columns.stop == d + 1]
    for batch in _settings(space, values, d, chunk, levels):
        if ending:
            rows = space.rows(batch)
            batch = batch[np.all([space.valid_block(rows, block) for block in ending], axis=0)]
        if len(batch):
            yield batch


def _settings(
    space: CompiledSpace, values: Array, d: int, chunk: int, levels: Array | None
) -> Iterator[Array]:
    active, decision = space.active(values, d), space.decisions[d]
    options = (decision.options or 1) if levels is None else len(levels)

    def expanded(rows: Array, first: int, stop: int) -> Array:
        if levels is None:
            return _expanded(rows, d, np.arange(first, stop) + decision.low)
        return _expanded(rows, d, levels[first:stop])

    still, open_rows = values[~active], values[active]
    if len(still) + len(open_rows) * options <= chunk:
        yield np.concatenate([still, expanded(open_rows, 0, options)])
        return
    yield still
    at_once = min(options, chunk)
    for rows in np.split(open_rows, range(chunk // at_once, len(open_rows), chunk // at_once)):
        for first in range(0, options, at_once):
            yield expanded(rows, first, min(first + at_once, options))


def _expanded(values: Array, d: int, options: Array) -> Array:
    """Each row once for each of these values of decision d."""
    repeated = np.repeat(values, len(options), axis=0)
    repeated[:, d] = np.tile(options, len(values))
    return repeated
