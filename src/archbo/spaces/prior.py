"""What the user believes of single decisions before any training.

A prior of an option is a probability; a prior of a number is a guess of it. Each leaves room for
every other value: a belief makes some members likelier, it excludes none.

Notation: n rows, D decisions.
    log prior  log of how much likelier a member is than if all members were drawn uniformly
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, ndtri

from archbo.arrays import Array, Float
from archbo.errors import SpaceError
from archbo.spaces.part import Decision, Kind, is_finite, shown

if TYPE_CHECKING:
    from archbo.spaces.compiled import CompiledSpace, Rows

_ELSEWHERE = 0.2
"""The part of a guess's probability that is spread evenly over all values."""

_SPREAD = 0.15
"""Standard deviation of a guess of a number, as a part of its range."""


def check_weights(prior: Any, options: int, path: str) -> None:
    """Refuse weights of options that make no sense.

    Raises:
        SpaceError: naming the path.
    """
    if prior is None:
        return
    if not isinstance(prior, tuple) or len(prior) != options:
        raise SpaceError(
            f"a prior gives a weight to each of the {options} options, got {shown(prior)}",
            path=path,
            hint=f"Write prior={[1.0] * options if options < 6 else [1.0, ...]}.",
        )
    for weight in prior:
        if not is_finite(weight) or weight <= 0:
            raise SpaceError(
                f"a weight is a positive number, got {shown(weight)}",
                path=path,
                hint="Leave out an option that is never wanted; give a small weight to a rare one.",
            )


def normalised(weights: Sequence[float]) -> tuple[float, ...]:
    """Weights as probabilities."""
    total = float(np.sum(weights))
    return tuple(float(weight) / total for weight in weights)


def with_priors(
    decisions: Sequence[Decision], unit: Float[Array, "n D"], middle: Float[Array, " D"]
) -> Float[Array, "n D"]:
    """Uniform positions in [0, 1], moved so that what they stand for follows the priors.

    Args:
        decisions: of the columns.
        unit: uniform random positions.
        middle: the position of each decision's guess, where it is a number.
    """
    found = unit.copy()
    for d, decision in enumerate(decisions):
        if not decision.prior:
            continue
        if decision.kind is Kind.CATEGORICAL:
            ends = np.cumsum(decision.prior)
            chosen = np.minimum(np.searchsorted(ends, unit[:, d], side="right"), len(ends) - 1)
            found[:, d] = (chosen + 0.5) / len(ends)
        else:
            found[:, d] = _around(middle[d], unit[:, d])
    return found


def _around(guess: float, u: Float[Array, " n"]) -> Float[Array, " n"]:
    """Positions that follow a guess, from uniform ones."""
    low, high = ndtr((0.0 - guess) / _SPREAD), ndtr((1.0 - guess) / _SPREAD)
    near = (u - _ELSEWHERE) / (1 - _ELSEWHERE)
    inside = guess + _SPREAD * ndtri(low + np.clip(near, 0.0, 1.0) * (high - low))
    return np.where(u < _ELSEWHERE, u / _ELSEWHERE, np.clip(inside, 0.0, 1.0))


def log_prior(space: CompiledSpace, rows: Rows) -> Float[Array, " n"]:
    """The sum over the active decisions of the logs of their priors."""
    total = np.zeros(len(rows))
    if any(decision.prior for decision in space.decisions):
        unit = space.to_unit(rows)
        for d, decision in enumerate(space.decisions):
            if decision.prior:
                total += rows.active[:, d] * _log_density(decision, rows.values[:, d], unit[:, d],
                                                          space.prior_positions[d])  # fmt: skip
    return total


def _log_density(decision: Decision, values: Array, unit: Array, guess: float) -> Array:
    if decision.kind is Kind.CATEGORICAL:
        weights = np.array(decision.prior)
        return np.log(len(weights) * weights[values.astype(np.int64)])
    return _log_near(unit, guess)


def _log_near(unit: Array, guess: Array | float) -> Array:
    """Log density of positions around a guess."""
    inside = ndtr((1.0 - guess) / _SPREAD) - ndtr((0.0 - guess) / _SPREAD)
    z = (unit - guess) / _SPREAD
    density = np.exp(-0.5 * z * z) / (np.sqrt(2 * np.pi) * _SPREAD * inside)
    return np.log(_ELSEWHERE + (1 - _ELSEWHERE) * density)


def log_likeness(space: CompiledSpace, rows: Rows, guess: Rows) -> Float[Array, " n"]:
    """Log of how much likelier rows are if a whole architecture was guessed.

    Each decision that both take counts by itself: half of an option's probability is on the
    guessed one, a number is near the guessed one.

    Args:
        space: of the rows.
        rows: n rows.
        guess: one row.
    """
    both = rows.active & guess.active
    unit, there = space.to_unit(rows), space.to_unit(guess)
    total = np.zeros(len(rows))
    for d, decision in enumerate(space.decisions):
        if decision.kind is Kind.CATEGORICAL:
            k = decision.options or 1
            same = (rows.values[:, d] == guess.values[0, d]).astype(float)
            found = np.log(0.5 + 0.5 * k * same)
        else:
            found = _log_near(unit[:, d], float(there[0, d]))
        if decision.options != 1:
            total += both[:, d] * found
    return total
