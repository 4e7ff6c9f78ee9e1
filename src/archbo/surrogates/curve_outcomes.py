"""Learning curves in units in which all epochs are alike, and back.

Notation: n curves, G epochs.
    y  [n G]  values, larger is better; NaN where there is none      z  [n G]  transformed
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from archbo.arrays import Array, Float
from archbo.surrogates.learning_curves import Curves
from archbo.surrogates.outcomes import HalfRank, Outcomes, OutcomeTransform

_FEW = 3.0
"""A spread of so many curves counts half, and that of the epoch before the other half."""

_LEAST_SPREAD = 0.1
"""An epoch's spread is at least this part of the largest: where all curves still are where they
began, what differs is noise."""


_ANCHORS = 200
"""The way back has so many pieces at most: each costs a prediction time."""


@dataclass(frozen=True)
class CurveOutcomes:
    """Transformed curves, and the way back.

    Attributes:
        curves: z in place of y, thinned, jumps marked.
        epochs: [G] all epochs.
        level, spread: [G] the units of each.
        outcomes: how values in these units became z.
    """

    curves: Curves
    epochs: Float[Array, " G"] = field(repr=False)
    level: Float[Array, " G"] = field(repr=False)
    spread: Float[Array, " G"] = field(repr=False)
    outcomes: Outcomes = field(repr=False)

    @classmethod
    def of(
        cls, curves: Curves, *, transform: OutcomeTransform | None = None, points: int = 20
    ) -> CurveOutcomes:
        """Transform curves.

        First by epoch: the curves that reach an epoch get the median and the spread there that
        they had at their epoch before, so that an epoch that only the good reached does not make
        them average. Then all values together, by `HalfRank` if no other transform is given: how
        bad the bad are does not count.

        Args:
            curves: as they were measured.
            transform: of all values together.
            points: of so many epochs, and the newest of each curve.
        """
        level, spread = _units(curves.values)
        units = curves.with_values((curves.values - level) / spread).with_jumps().thinned(points)
        found = (transform or HalfRank())(units.values[units.known])
        z = np.full(units.values.shape, np.nan)
        z[units.known] = found.z
        u = len(found.values)
        kept = np.unique(np.linspace(0, u - 1, min(u, _ANCHORS)).round().astype(int))
        back = Outcomes(found.z, found.values[kept], found.scores[kept])
        return cls(units.with_values(z), curves.epochs, level, spread, back)

    def to_objective(
        self,
        mean: Float[Array, " c"],
        sd: Float[Array, " c"],
        *,
        epoch: int | float | None = None,
    ) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Mean and standard deviation in the objective's units of normal z after an epoch.

        After full training if it is None. Between and beyond the known epochs the nearest units
        hold; without any value, z itself is given back.
        """
        units, deviation = self.outcomes.to_objective(mean, sd)
        if len(self.epochs) == 0:
            return units, deviation
        wanted = self.curves.full if epoch is None else epoch
        k = int(np.abs(np.log(self.epochs / wanted)).argmin())
        return self.level[k] + self.spread[k] * units, self.spread[k] * deviation


def _units(y: Float[Array, "n G"]) -> tuple[Array, Array]:
    """Level and spread of each epoch."""
    n, G = y.shape
    level, spread = np.zeros(G), np.ones(G)
    before = np.full(n, np.nan)  # in units
    for g in range(G):
        known = ~np.isnan(y[:, g])
        both = known & ~np.isnan(before)
        c = int(both.sum())
        if c:
            here, last = _middle(y[both, g]), _middle(before[both])
            ratio = here[1] / last[1] if here[1] > 0 and last[1] > 0 else spread[g - 1]
            weight = c / (c + _FEW)
            spread[g] = ratio**weight * spread[g - 1] ** (1 - weight)
            level[g] = here[0] - spread[g] * last[0]
        elif known.any():
            level[g], own = _middle(y[known, g])
            spread[g] = own or (spread[g - 1] if g else 1.0)
        before = np.where(known, (y[:, g] - level[g]) / spread[g], before)
    return level, np.maximum(spread, _LEAST_SPREAD * spread.max(initial=0.0))


def _middle(y: Float[Array, " n"]) -> tuple[float, float]:
    """Median, and root mean square distance of the better half from it."""
    ordered, half = np.sort(y), len(y) // 2
    middle = float(ordered[half] + ordered[-1 - half]) / 2
    better = ordered[half:] - middle
    # If the better half is all equal, the other gives the spread.
    apart = better if better[-1] > 0 else ordered - middle
    largest = max(float(apart[-1]), -float(apart[0]))
    return middle, largest * float(np.sqrt(((apart / largest) ** 2).mean())) if largest else 0.0
