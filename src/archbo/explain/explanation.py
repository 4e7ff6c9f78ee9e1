"""What the surrogate has learned of a space, in plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from archbo.arrays import one_thread, stream
from archbo.data import Dataset
from archbo.explain.comparison import Comparison, compare
from archbo.explain.effects import OptionEffect, option_effects
from archbo.explain.importance import Importance, Interaction, decompose
from archbo.explain.landscape import Landscape
from archbo.explain.levels import levels
from archbo.explain.models import Model, fit
from archbo.explain.motifs import Motif, motifs
from archbo.explain.removal import Removable, removable
from archbo.methods import Search
from archbo.problem import Problem
from archbo.spaces import Architecture


@dataclass(frozen=True)
class Explanation:
    """What makes an architecture good, as far as the results say.

    Means are over the space's prior: all architectures as `sample` draws them, constraints met.
    All effects and gains are in units of the objective, and positive where a network gets better,
    whether the objective is maximised or minimised. Shares are of the variance on the scale of the
    model, on which how bad the bad are counts by rank only. Every sd is of what the model does not
    know, over functions drawn from its posterior.

    Attributes:
        objective: its name.
        maximize: whether more is better.
        networks: how many the model learned from.
        incumbent: the best by observed value; where no training was a full one, by expectation.
        importance: of each decision, the largest share first.
        interactions: of pairs of decisions, the largest share first.
        rest: the share of what more than two decisions explain together, and what the model takes
            for a network's own; None where there are too many decisions to look at all pairs.
        options: the effect of each option at its place, by decision.
        motifs: subgraphs that help or hurt, those of the largest effect that is sure first.
        removable: options that never pay, the least probable first.
        comparisons: of each architecture that was asked about, beside the incumbent.
    """

    objective: str
    maximize: bool
    networks: int
    incumbent: Architecture
    importance: tuple[Importance, ...]
    interactions: tuple[Interaction, ...]
    rest: float | None
    options: tuple[OptionEffect, ...]
    motifs: tuple[Motif, ...]
    removable: tuple[Removable, ...]
    comparisons: tuple[Comparison, ...]

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form; architectures as their plain values, without the motifs' drawings."""
        return {
            "objective": self.objective,
            "direction": "maximize" if self.maximize else "minimize",
            "networks": self.networks,
            "incumbent": self.incumbent.to_dict(),
            "importance": [one._asdict() for one in self.importance],
            "interactions": [
                one._asdict() | {"decisions": list(one.decisions)} for one in self.interactions
            ],
            "rest": self.rest,
            "options": [one._asdict() for one in self.options],
            "motifs": [_without(one._asdict(), "graph") for one in self.motifs],
            "removable": [one._asdict() for one in self.removable],
            "comparisons": [_compared(one) for one in self.comparisons],
        }


def explain(
    problem: Problem,
    dataset: Dataset,
    search: Search | None = None,
    architectures: Sequence[Architecture] = (),
) -> Explanation:
    """Explain what the results say; the same for the same results.

    Args:
        problem: what was asked.
        dataset: all results.
        search: the method at work, whose Gaussian processes are explained; where it has none, those
            of the default method are fitted.
        architectures: to compare with the incumbent.

    Raises:
        ObservationError: if fewer than three networks have a value.
    """
    with one_thread():
        model = fit(problem, dataset, search)
        compiled = problem.compiled
        landscape = Landscape.of(problem, model, stream(problem.seed, "explain"))
        decisions = levels(compiled, landscape.rows)
        parts = decompose(landscape, decisions)
        effects = option_effects(landscape, decisions, model)
        incumbent = _incumbent(problem, model)
        return Explanation(
            objective=problem.objective.name,
            maximize=problem.objective.maximize,
            networks=len(model.known),
            incumbent=incumbent,
            importance=parts.single,
            interactions=parts.pairs,
            rest=parts.rest if isfinite(parts.rest) else None,
            options=effects,
            motifs=motifs(landscape, compiled, model),
            removable=removable(
                problem, landscape, decisions, effects, model, stream(problem.seed, "removal")
            ),
            comparisons=tuple(
                compare(problem, model, arch, incumbent, stream(problem.seed, "compare", arch.id))
                for arch in architectures
            ),
        )


def _incumbent(problem: Problem, model: Model) -> Architecture:
    results = model.results
    best = np.nanargmax(results) if np.isfinite(results).any() else model.known_mean().argmax()
    return problem.compiled.architectures(model.known.take([int(best)]))[0]


def _compared(one: Comparison) -> dict[str, Any]:
    return one._asdict() | {
        "architecture": one.architecture.to_dict(),
        "other": one.other.to_dict(),
        "differences": [difference._asdict() for difference in one.differences],
    }


def _without(facts: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != name}
