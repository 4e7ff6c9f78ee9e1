"""Learning curves as a surrogate reads them: one row a training, one column an epoch.

Notation: n curves, G epochs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from archbo.arrays import Array, Bool, Float, Int
from archbo.errors import NumericalError, ProblemError

_OUTLYING = 8.0
"""A step down by so many robust standard deviations of such steps is no part of training."""

_LEAST_STEP = 0.4
"""No step smaller than this part of the middle 80% of the values is one: a standard deviation."""

_ENOUGH = 3
"""So many steps tell what is usual."""


@dataclass(frozen=True)
class Curves:
    """The values of n trainings after some of G epochs, larger is better.

    Trainings of one network at several fidelities are one curve, continued or not.

    Attributes:
        epochs: [G] ascending; any positive fidelities.
        values: [n G]; NaN where nothing is known.
        full: the fidelity of a full training.
        shortest: the lowest fidelity; the first of the epochs if None.
        jumped: [n] position of the epoch from which on a curve has left its course; G if it has
            not, None if none has. What comes from there on counts for the curve, but says little
            of its architecture.
    """

    epochs: Float[Array, " G"]
    values: Float[Array, "n G"] = field(repr=False)
    full: int | float
    shortest: int | float | None = None
    jumped: Int[Array, " n"] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        epochs = np.asarray(self.epochs, dtype=float)
        ascending = bool((np.diff(epochs) > 0).all() and (epochs > 0).all())
        if not ascending or (len(epochs) and epochs[-1] > self.full):
            raise ProblemError(
                f"epochs must be positive, ascending and at most full={self.full:g}, "
                f"got {epochs.tolist()}",
                path="Curves",
            )
        if np.isinf(self.values).any():
            raise NumericalError(
                "a curve has infinite values: Curves.read leaves out what comes from there on"
            )
        object.__setattr__(self, "epochs", epochs)

    @classmethod
    def read(
        cls,
        curves: Sequence[Sequence[tuple[int | float, int | float]]],
        *,
        full: int | float,
        shortest: int | float | None = None,
    ) -> Curves:
        """From (epoch, value) pairs, a sequence of them a training.

        A curve ends before its first value that is not finite: that it crashed says nothing of how
        good it would have been. One without any value left stays as an empty row.

        >>> Curves.read([[(1, 0.5), (2, 0.7)], [(1, 0.4), (2, float("nan"))]], full=4).values
        array([[0.5, 0.7],
               [0.4, nan]])
        """
        kept = [_until_crash(curve) for curve in curves]
        epochs = sorted({epoch for curve in kept for epoch, _ in curve})
        column = {epoch: k for k, epoch in enumerate(epochs)}
        values = np.full((len(kept), len(epochs)), np.nan)
        for i, curve in enumerate(kept):
            for epoch, value in curve:
                values[i, column[epoch]] = value
        return cls(np.array(epochs, dtype=float), values, full, shortest)

    @property
    def n(self) -> int:
        """The number of curves."""
        return len(self.values)

    @cached_property
    def known(self) -> Bool[Array, "n G"]:
        """Where there is a value."""
        return ~np.isnan(self.values)

    @property
    def jumps(self) -> Int[Array, " n"]:
        """Where each curve left its course; G if it did not."""
        return np.full(self.n, len(self.epochs)) if self.jumped is None else self.jumped

    @cached_property
    def newest(self) -> Int[Array, " n"]:
        """The position of the last value of each curve; -1 if it has none."""
        positions = np.where(self.known, np.arange(len(self.epochs)), -1)
        return positions.max(axis=1, initial=-1)

    def take(self, which: Array) -> Curves:
        """Some of the curves."""
        jumped = None if self.jumped is None else self.jumped[which]
        return Curves(self.epochs, self.values[which], self.full, self.shortest, jumped)

    def with_values(self, values: Float[Array, "n G"]) -> Curves:
        """The same epochs with other values, such as transformed ones."""
        return Curves(self.epochs, values, self.full, self.shortest, self.jumped)

    def joined(self, other: Curves) -> Curves:
        """These curves and others behind them, at the epochs of both."""
        epochs = np.union1d(self.epochs, other.epochs)
        values, jumped = [], []
        for part in (self, other):
            at = np.searchsorted(epochs, part.epochs)
            spread = np.full((part.n, len(epochs)), np.nan)
            spread[:, at] = part.values
            values.append(spread)
            jumped.append(np.append(at, len(epochs))[part.jumps])
        together = np.concatenate(values), np.concatenate(jumped)
        return Curves(epochs, together[0], self.full, self.shortest, together[1])

    def thinned(self, points: int = 20) -> Curves:
        """Only so many epochs, spread evenly over their logarithms, and the newest of each curve.

        Neighbours in epoch agree: what is left out was nearly known.
        """
        G = len(self.epochs)
        if points >= G:
            return self
        wanted = np.geomspace(self.epochs[0], self.epochs[-1], points)
        nearest = np.abs(np.subtract.outer(wanted, self.epochs)).argmin(axis=1)
        kept = np.zeros(G, dtype=bool)
        kept[nearest] = True
        stays = self.known & (kept | (np.arange(G) == self.newest[:, None]))
        used = stays.any(axis=0)
        jumped = np.concatenate([[0], np.cumsum(used)])[self.jumps]
        values = np.where(stays, self.values, np.nan)[:, used]
        shortest = self.epochs[0].item() if self.shortest is None else self.shortest
        return Curves(self.epochs[used], values, self.full, shortest, jumped)

    def with_jumps(self) -> Curves:
        """Marks where curves fell out of their course, such as trainings that diverged.

        A step down from one value to the next is one where it is as large as the spread of all
        values and by 8 robust standard deviations below the steps of other curves to that epoch.
        Where the next value is half way back at least, it was a single bad value, and is left out.
        From a jump on values count as no lower than the lowest before any.
        """
        values, jumped = self.values.copy(), np.full(self.n, len(self.epochs))
        if self.known.any():
            low, high = np.quantile(values[self.known], [0.1, 0.9])
            least = max(_LEAST_STEP * float(high - low), np.finfo(float).tiny)
            before = np.full(self.n, np.nan)
            for g in range(len(self.epochs)):
                steps = values[:, g] - before
                deep = np.flatnonzero(steps < -least)
                usual = _usual(steps) if len(deep) else np.inf
                for i in deep[(steps[deep] < -usual) & (jumped[deep] == len(self.epochs))]:
                    later = values[i, g + 1 :][self.known[i, g + 1 :]]
                    if len(later) and later[0] - values[i, g] > -0.5 * steps[i]:
                        values[i, g] = np.nan
                    else:
                        jumped[i] = g
                before = np.where(np.isnan(values[:, g]), before, values[:, g])
            after = np.arange(len(self.epochs)) >= jumped[:, None]
            values[after] = np.maximum(values[after], np.nanmin(values[~after]))
        return Curves(self.epochs, values, self.full, self.shortest, jumped)


def _usual(steps: Float[Array, " n"]) -> float:
    """So far below 0 a step may be, by those of all curves; infinite if they are too few."""
    known = steps[~np.isnan(steps)]
    if len(known) < _ENOUGH:
        return np.inf
    middle = float(np.median(known))
    return _OUTLYING * 1.4826 * float(np.median(np.abs(known - middle))) - middle


def _until_crash(
    curve: Sequence[tuple[int | float, int | float]],
) -> list[tuple[int | float, int | float]]:
    """A curve in order of epochs, up to where its values are no longer finite."""
    kept: list[tuple[int | float, int | float]] = []
    for epoch, value in sorted(curve, key=lambda point: point[0]):
        if not np.isfinite(value):
            break
        kept.append((float(epoch), float(value)))
    return kept
