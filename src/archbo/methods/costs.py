"""What a training up to a level costs, learned from measured seconds.

A network's training up to a level takes

    seconds = rate (c + (1 - c) s^p),

where s is the level's cost as far as it is known beforehand, in full trainings: proportional to the
level, or what the fidelity says. c is the part of a full training that is spent however short a
training is, such as loading the data; p is above 1 where later levels are slower. The rate is the
network's own. c and p are the most probable values under a prior that favours c = 0 and p = 1, so a
few measurements refine what was known before, and many override it: where the fidelity says a cost
that they contradict, the proportional one takes its place.

The data are, for each level, the log seconds of the networks whose lowest measured level it is, and
for each two levels the log ratios of trainings of the same network. Only the medians count, which a
first training's start or a busy machine does not move.

Notation: m timings, L distinct levels, D pairs of levels, a x b a grid of c and p.
    h  [a b L]  log of c + (1 - c) s^p
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf, pi
from typing import Any, NamedTuple, cast

import numpy as np

from archbo.arrays import Array, Float, Int
from archbo.data import Curve, State
from archbo.fidelity import FidelityRange

_BETWEEN, _WITHIN = 0.5, 0.3
"""Log seconds by which trainings of two networks, and of the same one, are expected to differ."""

_TAILS = 4.0  # degrees of freedom of Student's t: a median of one training may be far off
_TRUST = 4.0  # as many residuals as these expectations are worth
_FLOOR = 0.02  # of the log median of any number of timings: no cost is quite of this form
_OVERHEAD, _POWER = 0.2, 0.25  # scales of the priors of c, exponential, and of log p, normal
_MOST_OVERHEAD = 0.99  # below 1, so that a longer training always costs more
_MOST_LOG_POWER = 0.9  # and at least -0.9: p from 0.4 to 2.5

_DOUBT = 3.0  # nats by which a proportional cost is to be more probable than what the fidelity says

_GRID = np.linspace(-1, 1, 11)
_ZOOM, _ZOOMS = 0.3, 5  # to steps of 0.001 in the root of c, and of 0.0015 in log p


@dataclass(frozen=True, slots=True)
class Costs:
    """What trainings cost, in full trainings of the same network.

    Attributes:
        fidelity: how far trainings can go, with the cost s that is taken as known beforehand.
        overhead: c, from 0 to 0.99.
        power: p, above 0.
    """

    fidelity: FidelityRange
    overhead: float = 0.0
    power: float = 1.0

    @classmethod
    def learned(cls, fidelity: FidelityRange, curves: Iterable[Curve]) -> Costs:
        """From the seconds of trainings, where they are known; those of failed ones tell nothing.

        Args:
            fidelity: of the problem.
            curves: in any order.
        """
        timings = _Timings.of(curves)
        levels, place = np.unique(timings.levels, return_inverse=True)
        if len(levels) < 2:
            return cls(fidelity)
        evidence = _Evidence.of(timings, place)
        fit = _most_probable(fidelity, levels, evidence)
        if fidelity.cost is not None:
            plain: FidelityRange = replace(cast(Any, fidelity), cost=None)
            other = _most_probable(plain, levels, evidence)
            if other.improbability + _DOUBT < fit.improbability:
                return cls(plain, other.overhead, other.power)
        return cls(fidelity, fit.overhead, fit.power)

    def share(self, level: float | None) -> float:
        """The cost of a training from scratch up to a level; None for a full one, which costs 1.

        It grows with the level, from 0 for none at all.
        """
        if level is not None and level <= 0:
            return 0.0
        known: float = self.fidelity.share(level) ** self.power
        return self.overhead + (1 - self.overhead) * known

    def step(self, reached: float, level: float | None) -> float:
        """The cost of training a network further, from the level that it has reached.

        Where each level is a training of its own, that begins from scratch. Else the overhead was
        spent at the beginning, and what it costs to load a paused training counts as nothing.
        """
        if not self.fidelity.continued:
            return self.share(level)
        return self.share(level) - self.share(reached)


class _Timings(NamedTuple):
    """Trainings that took a known time, [m] each: by network, the lower levels first."""

    network: Int[Array, " m"]
    levels: Float[Array, " m"]
    log_seconds: Float[Array, " m"]

    @classmethod
    def of(cls, curves: Iterable[Curve]) -> _Timings:
        failed = State.FAILED  # looked up once: there may be thousands of curves
        timed = [
            curve
            for curve in curves
            if 0 < (curve.seconds or 0) < inf  # a time of zero is none, either
            and curve.state is not failed
            and len(curve.levels)
        ]
        ids = [curve.architecture.id for curve in timed]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(ids))}
        network = np.array([numbers[key] for key in ids], dtype=int)
        levels = np.array([curve.levels[-1] for curve in timed], dtype=float)
        seconds = np.array([curve.seconds for curve in timed], dtype=float)
        order = np.lexsort((levels, network))
        return cls(network[order], levels[order], np.log(seconds[order]))


class _Evidence(NamedTuple):
    """Medians and their variances: of log seconds at levels, and of log ratios of two levels.

    Attributes:
        at: places of the levels at which some network was measured first.
        level, level_variance: of the log seconds there.
        low, high: [D] places of two levels at which the same network was measured.
        ratio, ratio_variance: [D] of the log ratios.
    """

    at: Int[Array, " f"]
    level: Float[Array, " f"]
    level_variance: Float[Array, " f"]
    low: Int[Array, " D"]
    high: Int[Array, " D"]
    ratio: Float[Array, " D"]
    ratio_variance: Float[Array, " D"]

    @classmethod
    def of(cls, timings: _Timings, place: Int[Array, " m"]) -> _Evidence:
        """From timings at levels, of which the places are given."""
        y, same = timings.log_seconds, np.diff(timings.network) == 0
        first = np.concatenate([[True], ~same])
        at, level, level_variance = _medians(place[first], y[first], _BETWEEN)
        further = np.flatnonzero(same & (np.diff(place) > 0))
        size = int(place.max()) + 1
        pair = place[further] * size + place[further + 1]
        pairs, ratio, ratio_variance = _medians(pair, y[further + 1] - y[further], _WITHIN)
        return cls(at, level, level_variance, pairs // size, pairs % size, ratio, ratio_variance)

    def misfit(self, h: Float[Array, "a b L"]) -> Float[Array, "a b"]:
        """Minus the log likelihood, but for a constant; the mean rate at its most probable."""
        weights = 1 / self.level_variance
        residuals = self.level - h[..., self.at]
        rate = (residuals @ weights / weights.sum())[..., None]
        weights = weights / (
            _TAILS + (residuals - rate) ** 2 * weights
        )  # one step to its most probable
        rate = ((residuals * weights).sum(-1) / weights.sum(-1))[..., None]
        ratios = self.ratio - (h[..., self.high] - h[..., self.low])
        across = (residuals - rate) ** 2 / self.level_variance
        within = ratios**2 / self.ratio_variance
        both = np.concatenate([across, within], axis=-1)
        return (_TAILS + 1) / 2 * np.log1p(both / _TAILS).sum(-1)


def _medians(
    group: Int[Array, " n"], values: Float[Array, " n"], expected: float
) -> tuple[Array, Array, Array]:
    """The groups, their medians, and the variances of these.

    Values scatter about equally in all groups: by what is expected, until there are more of them.
    """
    order = np.lexsort((values, group))
    group, values = group[order], values[order]
    begins = np.concatenate([[True], np.diff(group) > 0])[: len(group)]
    start = np.flatnonzero(begins)
    counts = np.diff(np.append(start, len(group)))
    medians = (values[start + (counts - 1) // 2] + values[start + counts // 2]) / 2
    spare = len(values) - len(start)
    residuals = values - np.repeat(medians, counts)
    spread = 1.4826 * np.median(np.abs(residuals)) if spare else 0.0
    variance = (_TRUST * expected**2 + len(values) * spread**2) / (_TRUST + spare)
    return group[start], medians, pi / 2 * variance / counts + _FLOOR**2


class _Fit(NamedTuple):
    """The most probable c and p, and minus the log of their probability but for a constant."""

    overhead: float
    power: float
    improbability: float


def _most_probable(
    fidelity: FidelityRange, levels: Float[Array, " L"], evidence: _Evidence
) -> _Fit:
    """Found on a grid that is made finer around the best so far.

    The grid is even in the cube root of c and in log p, and always holds c = 0 and p = 1 at first,
    which without evidence are exact.
    """
    known = np.log([fidelity.share(level) for level in levels.tolist()])
    root, log_power = 0.5, 0.0
    for zoom in range(_ZOOMS):
        width = _ZOOM**zoom
        roots = np.clip(root + 0.5 * width * _GRID, 0, 1)
        log_powers = np.clip(
            log_power + _MOST_LOG_POWER * width * _GRID, -_MOST_LOG_POWER, _MOST_LOG_POWER
        )
        c = _MOST_OVERHEAD * roots[:, None] ** 3  # [a 1]
        h = np.log(c[..., None] + (1 - c[..., None]) * np.exp(np.exp(log_powers)[:, None] * known))
        prior = c / _OVERHEAD + (log_powers / _POWER) ** 2 / 2
        total = evidence.misfit(h) + prior
        i, j = np.unravel_index(np.argmin(total), total.shape)
        root, log_power = roots[i], log_powers[j]
    return _Fit(float(_MOST_OVERHEAD * root**3), float(np.exp(log_power)), float(total[i, j]))
