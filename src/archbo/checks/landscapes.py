"""How far one result reaches: the correlation length of a space, from what was trained of it.

Weinberger's autocorrelation of a landscape is that of the results along a random walk; the
correlation length is how far apart two architectures are when it has fallen to 1/e. A search makes
no random walk, and it prefers good architectures. So a Gaussian field is fitted to the results, by
maximum likelihood, which does not mind how they were chosen as long as only earlier results told:
its covariance at distance d is (1 - noise) exp(-d / l). A landscape's own mean takes part of that
away, r, the mean of exp(-d / l) over all pairs of members:

    rho(d) = (exp(-d / l) - r) / (1 - r),  which is 1/e at d = -l log(r + (1 - r) / e)

The distance counts changed decisions; a step of a random walk changes one.

Notation: n results, D decisions.
    z  [n]  normal scores of the results     d  [n n]  distances     m  log-likelihood
Source: Weinberger 1990, equations 8 to 13; Mardia and Marshall 1984 (likelihood of a field);
Matheron 1963, equation 3 (variogram).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import e, exp, inf, isinf, log

import numpy as np

from archbo.arrays import Array, Float, Rng
from archbo.spaces import CompiledSpace, Rows
from archbo.spaces.moves import sample
from archbo.spaces.part import Kind
from archbo.surrogates.outcomes import RankTransform

LEAST_RESULTS = 12
"""Of fewer results nothing is said."""

_MOST_RESULTS = 100  # of more a random part: the fit is cubic
_MEMBERS = 300  # random ones, whose pairs say how far apart members are
_LENGTHS = np.geomspace(0.02, 50.0, 48)  # in mean distances of the results
_NOISE = np.array([1e-3, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
_DROP = 1.92  # of the log-likelihood at the ends of a 95% interval: half of chi-squared's 3.84


@dataclass(frozen=True, slots=True)
class Pairs:
    """All pairs of results about so far from each other.

    Attributes:
        distance: their mean distance.
        count: how many.
        correlation: 1 - variogram / variance; 1 where they are alike, 0 where unrelated.
    """

    distance: float
    count: int
    correlation: float


@dataclass(frozen=True, slots=True)
class LandscapeInfo:
    """How results correlate with distance.

    Attributes:
        results: how many networks it is fitted to.
        length: the correlation length, in changed decisions.
        low, high: its 95% interval; from 0 to `longest` where the results do not tell.
        longest: the largest there is in this space, that of a landscape as smooth as can be.
        one_change: the autocorrelation after one changed decision.
        noise: the part of the variance that differs however near two architectures are.
        typical: the mean distance of two results.
        pairs: the empirical correlations, by distance.
    """

    results: int
    length: float
    low: float
    high: float
    longest: float
    one_change: float
    noise: float
    typical: float
    pairs: tuple[Pairs, ...]


def landscape_info(
    space: CompiledSpace, rows: Rows, values: Float[Array, " n"], rng: Rng
) -> LandscapeInfo | None:
    """The correlation length; None for fewer than 12 results, or where all are equal.

    Args:
        space: of the rows.
        rows: different networks.
        values: the result of each.
        rng: chooses among them, if they are too many, and the members that they stand for.
    """
    if len(values) > _MOST_RESULTS:
        chosen = rng.choice(len(values), _MOST_RESULTS, replace=False)
        rows, values = rows.take(chosen), values[chosen]
    if len(values) < LEAST_RESULTS or np.ptp(values) == 0:
        return None
    z = RankTransform()(values).z
    d = distances(space, rows)
    typical = float(d[np.triu_indices(len(d), 1)].mean())
    lengths = _LENGTHS * typical
    m = np.array([[_log_likelihood(z, d, length, noise) for noise in _NOISE] for length in lengths])
    best, noise = np.unravel_index(m.argmax(), m.shape)
    low, high = _interval(lengths, m.max(axis=1))
    random = distances(space, sample(space, rng, _MEMBERS))[np.triu_indices(_MEMBERS, 1)]
    length = float(lengths[best])
    return LandscapeInfo(
        results=len(z),
        length=correlation_length(length, random),
        low=correlation_length(low, random),
        high=correlation_length(high, random),
        longest=correlation_length(inf, random),
        one_change=autocorrelation(1.0, length, random),
        noise=float(_NOISE[noise]),
        typical=typical,
        pairs=correlogram(z, d),
    )


def autocorrelation(distance: float, length: float, random: Float[Array, " k"]) -> float:
    """Weinberger's rho at a distance, for a field whose covariance is exp(-d / length).

    Args:
        distance: between two members.
        length: of the field.
        random: distances of pairs of random members.
    """
    shared = float(np.exp(-random / length).mean())
    return (exp(-distance / length) - shared) / (1 - shared)


def correlation_length(length: float, random: Float[Array, " k"]) -> float:
    """The distance at which the autocorrelation of such a field is 1/e.

    An infinite length is the limit: a field that is linear in the distance.
    """
    if length == 0:
        return 0.0
    if isinf(length):
        return float(random.mean()) * (1 - 1 / e)
    shared = float(np.exp(-random / length).mean())
    return -length * log(shared + (1 - shared) / e)


def distances(space: CompiledSpace, rows: Rows) -> Float[Array, "n n"]:
    """How many decisions differ; numbers differ by the part of their range between them.

    A decision that only one of two takes differs.
    Source: Gower 1971, section 2, without the division by the number of decisions.
    """
    unit = space.to_unit(rows)
    total = np.zeros((len(rows), len(rows)))
    for d, decision in enumerate(space.decisions):
        column, active = unit[:, d], rows.active[:, d]
        apart = np.abs(column[:, None] - column[None, :])
        if decision.kind is Kind.CATEGORICAL:
            apart = (apart > 0).astype(float)
        total += np.where(active[:, None] == active[None, :], apart, 1.0)
    return total


def correlogram(z: Float[Array, " n"], d: Float[Array, "n n"]) -> tuple[Pairs, ...]:
    """The empirical correlation of the pairs at each distance, rounded to whole decisions."""
    upper = np.triu_indices(len(z), 1)
    apart, steps = d[upper], np.rint(d[upper])
    halved = 0.5 * (z[upper[0]] - z[upper[1]]) ** 2
    found = []
    for step in np.unique(steps):
        here = steps == step
        correlation = 1 - float(halved[here].mean() / z.var(ddof=1))
        found.append(Pairs(float(apart[here].mean()), int(here.sum()), correlation))
    return tuple(found)


def _log_likelihood(z: Array, d: Array, length: float, noise: float) -> float:
    """Of a field with an unknown mean and variance, both profiled out, up to a constant."""
    correlation = (1 - noise) * np.exp(-d / length)
    correlation[np.diag_indices_from(correlation)] = 1.0
    chol = np.linalg.cholesky(correlation)
    white = np.linalg.solve(chol, np.stack([z, np.ones_like(z)], axis=1))
    y, one = white.T
    residual = y - one * (one @ y) / (one @ one)
    # restricted likelihood: the mean costs a degree of freedom
    freedom = len(z) - 1
    variance = residual @ residual / freedom
    return float(
        -0.5 * (freedom * np.log(variance) + 2 * np.log(np.diag(chol)).sum() + np.log(one @ one))
    )


def _interval(lengths: Array, profile: Array) -> tuple[float, float]:
    """The lengths whose likelihood is near the largest, with the ends between two of the grid."""
    near = np.flatnonzero(profile > profile.max() - _DROP)
    first, last = int(near[0]), int(near[-1])
    low = 0.0 if first == 0 else _crossing(lengths, profile, first - 1)
    high = inf if last == len(lengths) - 1 else _crossing(lengths, profile, last)
    return low, high


def _crossing(lengths: Array, profile: Array, k: int) -> float:
    """Where the profile crosses the limit between points k and k + 1."""
    limit = profile.max() - _DROP
    part = (limit - profile[k]) / (profile[k + 1] - profile[k])
    return float(lengths[k] * (lengths[k + 1] / lengths[k]) ** part)
