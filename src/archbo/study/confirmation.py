"""What trainings with new seeds say of the best: means, intervals, and how clear the lead is.

The best of many noisy results is better than its network: it was selected for its luck. The values
here are of the trainings that came after the selection alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, nan, sqrt
from statistics import fmean, variance

from archbo.data import State, TrialRecord
from archbo.errors import ObservationError
from archbo.problem import Objective
from archbo.spaces import Architecture

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An architecture that was trained again to confirm it.

    Attributes:
        architecture: what was trained.
        values: of the new trainings.
        trials: their numbers.
        failed: how many new trainings failed.
        selected: the mean of the trainings for which it was selected; NaN if all were deleted.
        overall: the mean of all its trainings, by which they are ranked; NaN without any.
    """

    architecture: Architecture
    values: tuple[float, ...]
    trials: tuple[int, ...]
    failed: int
    selected: float
    overall: float

    @property
    def mean(self) -> float:
        """Of the new trainings; NaN if all failed."""
        return _mean(self.values)

    @property
    def margin(self) -> float:
        """Half the width of the 95% t-interval of the mean; infinite below two trainings."""
        if len(self.values) < 2:
            return inf
        return quantile(len(self.values) - 1) * sqrt(variance(self.values) / len(self.values))


@dataclass(frozen=True, slots=True)
class Lead:
    """How much better the new trainings of the winner are than those of the second.

    Attributes:
        value: the difference of the means, positive where the winner is better.
        margin: half the width of its 95% interval, by Welch's t; infinite if one has but one
            training.
    """

    value: float
    margin: float

    @property
    def clear(self) -> bool:
        """Whether the interval lies above 0."""
        return self.value > self.margin


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The architectures that were trained again, best first by the mean of all their trainings."""

    objective: Objective
    members: tuple[Confirmed, ...]

    @property
    def winner(self) -> Confirmed:
        """The first of them.

        Raises:
            ObservationError: if none was trained again with success.
        """
        if not self.members or not self.members[0].values:
            raise ObservationError(
                "nothing has been confirmed yet", hint="Call study.confirm(train)."
            )
        return self.members[0]

    @property
    def lead(self) -> Lead | None:
        """The winner's over the second; None if there is no second."""
        if len(self.members) < 2 or not self.members[1].values:
            return None
        first, second = self.members[:2]
        sign = 1 if self.objective.maximize else -1
        return Lead(sign * (first.mean - second.mean), _welch_margin(first.values, second.values))


def confirmation(
    records: Sequence[TrialRecord],
    objective: Objective,
    architecture: Callable[[TrialRecord], Architecture],
) -> Confirmation:
    """What the trials with the origin "confirm" say, whoever asked for them."""
    groups: defaultdict[str, list[TrialRecord]] = defaultdict(list)
    for record in records:
        if record.state is not State.DELETED:
            groups[record.architecture_id].append(record)
    members = [
        _confirmed(group, architecture)
        for group in groups.values()
        if any(r.origin == "confirm" and r.state is not State.RUNNING for r in group)
    ]
    members.sort(key=lambda m: (not m.values, -m.overall if objective.maximize else m.overall))
    return Confirmation(objective, tuple(members))


def _confirmed(
    group: Sequence[TrialRecord], architecture: Callable[[TrialRecord], Architecture]
) -> Confirmed:
    again = [r for r in group if r.origin == "confirm"]
    finished = [(r.value, r.number) for r in again if r.value is not None]
    before = [r.value for r in group if r.origin != "confirm" and r.value is not None]
    values = tuple(value for value, _ in finished)
    return Confirmed(
        architecture(group[0]),
        values,
        tuple(number for _, number in finished),
        sum(r.state is State.FAILED for r in again),
        _mean(before),
        _mean([*before, *values]),
    )


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else nan


def _welch_margin(a: Sequence[float], b: Sequence[float]) -> float:
    """Half the width of the interval of a difference of means. Source: Welch 1947."""
    if min(len(a), len(b)) < 2:
        return inf
    parts = [(variance(values) / len(values), len(values) - 1) for values in (a, b)]
    total = sum(part for part, _ in parts)
    if total == 0:
        return 0.0
    freedom = total**2 / sum(part**2 / df for part, df in parts)
    return quantile(freedom) * sqrt(total)


def quantile(freedom: float) -> float:
    """Of Student's t, such that the middle 95% lie within it on both sides."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
