"""What each option does at its place: the networks that have it, beside all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from archbo.explain.landscape import Landscape
from archbo.explain.levels import Levels
from archbo.explain.models import Model


class OptionEffect(NamedTuple):
    """One option of one decision, or a range of its numbers.

    Attributes:
        decision: its path.
        option: its name.
        effect: how much better a typical network that has it is than a typical one of all that take
            the decision; see `Contrasts`.
        sd: of the effect, over functions from the posterior.
        certainty: probability that its direction is right.
        share: of the networks that take the decision.
        trained: how many of those that were trained have it.
    """

    decision: str
    option: str
    effect: float
    sd: float
    certainty: float
    share: float
    trained: int


def option_effects(
    landscape: Landscape, decisions: Sequence[Levels], model: Model
) -> tuple[OptionEffect, ...]:
    """Of all options that the sample holds, by decision."""
    return tuple(
        effect for decision in decisions for effect in _effects(landscape, decision, model)
    )


def _effects(landscape: Landscape, decision: Levels, model: Model) -> list[OptionEffect]:
    groups = decision.groups(landscape.rows)
    taken = np.tile(groups.sum(axis=1, keepdims=True), groups.shape[1])
    effect, sd, certainty = landscape.contrasts(groups, taken, model)
    number = landscape.counts @ groups
    trained = decision.groups(model.known).sum(axis=0)
    return [
        OptionEffect(
            decision.path,
            name,
            float(effect[k]),
            float(sd[k]),
            float(certainty[k]),
            float(number[k] / number.sum()),
            int(trained[k]),
        )
        for k, name in enumerate(decision.names)
        if np.isfinite(certainty[k])
    ]
