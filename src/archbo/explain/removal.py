"""What could be taken out of the space, since no network that has it is likely to be the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from archbo.arrays import Array, Rng
from archbo.explain.effects import OptionEffect
from archbo.explain.landscape import Landscape
from archbo.explain.levels import Levels
from archbo.explain.models import Model
from archbo.problem import Problem
from archbo.spaces import Rows
from archbo.spaces.compiled import stack

NEGLIGIBLE = 0.01
"""An option is told whose probability is at most this."""

TRIED = 3
"""So many networks with the option must have been trained, and"""

KNOWN = 20
"""so many networks in all: on less evidence nothing is told."""

_DRAWS = 512  # none of which leaves a probability below 3 / 512, at 95%
_PARENTS = 8  # the best known networks, given the option
_FROM_SAMPLE = 8  # networks of the sample with the option: those of the largest mean + sd
_MOST = 64  # options that are looked at, those of the lowest effect


class Removable(NamedTuple):
    """An option that hardly pays.

    Attributes:
        decision: its path.
        option: its name.
        probability: that any network that has it is as good as the best known one; see `Model.bar`.
        trained: how many networks that have it were trained.
        effect: on the average over the space, see `OptionEffect`.
    """

    decision: str
    option: str
    probability: float
    trained: int
    effect: float


def removable(
    problem: Problem,
    landscape: Landscape,
    decisions: Sequence[Levels],
    effects: Sequence[OptionEffect],
    model: Model,
    rng: Rng,
) -> tuple[Removable, ...]:
    """Options that never pay, the least probable first.

    The probability is of the best among those networks with the option that promise most: the best
    known ones with the option put in, and those of the sample. So it is of what the model believes,
    and it is only as good as the model.
    """
    if len(model.known) < KNOWN:
        return ()
    known = model.known_mean()
    best = model.known.take(np.argsort(-known, kind="stable")[:_PARENTS])
    named = {(e.decision, e.option): e for e in effects if e.effect < 0 and e.trained >= TRIED}
    looked = sorted(named.values(), key=lambda e: e.effect)[:_MOST]
    by_path = {decision.path: decision for decision in decisions}
    batches = [_promising(problem, landscape, by_path[e.decision], e.option, best) for e in looked]
    if not batches:
        return ()
    rows = stack(batches)
    draws, middle = model.draws(rows, rng, _DRAWS), model.mean(rows)
    # a model that was too sure of the good ones is taken to be so of these
    draws = middle + max(1.0, model.surprise(float(np.median(known)), np.inf)) * (draws - middle)
    bounds = np.cumsum([0, *map(len, batches)])
    bar = model.bar()
    found = []
    for e, start, stop in zip(looked, bounds[:-1], bounds[1:], strict=True):
        as_good = int((draws[:, start:stop] > bar).any(axis=1).sum())
        probability = (as_good + 1) / (_DRAWS + 2)  # none of many is not never
        if stop > start and probability <= NEGLIGIBLE:
            found.append(Removable(e.decision, e.option, probability, e.trained, e.effect))
    return tuple(sorted(found, key=lambda r: (r.probability, r.effect)))


def _promising(
    problem: Problem, landscape: Landscape, decision: Levels, option: str, best: Rows
) -> Rows:
    """Feasible networks that have the option and are likely to be good."""
    k = decision.names.index(option)
    rows = landscape.rows
    m = landscape.draws.shape[1]
    has = np.flatnonzero(decision.of(rows.take(slice(0, m))) == k)
    hopes = landscape.draws[:, has].mean(axis=0) + landscape.draws[:, has].std(axis=0)
    sampled = rows.take(has[np.argsort(-hopes, kind="stable")[:_FROM_SAMPLE]])
    put = _put(problem, decision, k, best)
    return stack([sampled, put.take(problem.feasible(put))])


def _put(problem: Problem, decision: Levels, k: int, best: Rows) -> Rows:
    """The best networks that take the decision, with its k-th level; those that are members."""
    there = best.take(best.active[:, decision.column])
    values: Array = there.values.copy()
    values[:, decision.column] = decision.value(k)
    compiled = problem.compiled
    defaults = np.array([d.default for d in compiled.decisions])
    after = compiled.activity(values)
    # what the option switches on starts from its default
    values = np.where(after & ~there.active, defaults, values)
    rows = compiled.rows(values)
    return rows.take(compiled.valid(rows))
