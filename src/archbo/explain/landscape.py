"""What the surrogate believes of the whole space: its mean, and draws of it, over random members.

Notation: M different members in the sample, m of them drawn together, S draws, g groups.
    counts  [M]    how often each member was drawn
    mean    [M]    posterior mean on the model's scale, larger is better
    draws   [S m]  functions from the posterior at the first m members, their deviations from the
                   mean scaled by how far results of ordinary networks were off, see `surprise`
Sums over the sample stand for integrals over the space's prior. Means are taken of all members, and
their uncertainty from the draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from archbo.arrays import Array, Float, Int, Rng, stream
from archbo.explain.models import Model
from archbo.problem import Problem
from archbo.spaces import Rows
from archbo.spaces.compiled import stack
from archbo.spaces.moves import sample

_MEMBERS = 4096  # what is averaged over a fifth of them is exact to 3.5% of an sd
_ASKED = 1000  # where the user's functions are asked of each: the search has asked them of the same
_NUMBERS = 4_000_000  # in all members together: bounds the memory of spaces of many decisions
_JOINT = 768  # members whose values are drawn together: costs the cube of it
_USUAL = 0.05, 0.95  # quantiles of the mean between which a network is an ordinary one
_DRAWS = 128  # an sd from so many is exact to 6%
_LEAST_SD = 1e-12  # on the model's scale: would be divided by
_CHUNK = 1024  # members predicted at once: bounds the memory


@dataclass(frozen=True, eq=False)
class Landscape:
    """See the module's notation.

    Attributes:
        rows: the different members.
        counts, mean, draws: as above.
    """

    rows: Rows
    counts: Float[Array, " M"]
    mean: Float[Array, " M"]
    draws: Float[Array, "S m"]

    @classmethod
    def of(cls, problem: Problem, model: Model, rng: Rng) -> Landscape:
        """Over feasible members, drawn as the space's priors say."""
        rows, counts = _members(problem, rng)
        chunks = range(0, len(rows), _CHUNK)
        mean = np.concatenate(
            [model.mean(rows.take(slice(start, start + _CHUNK))) for start in chunks]
        )
        draws = model.draws(rows.take(slice(0, _JOINT)), rng, _DRAWS)
        middle = mean[: draws.shape[1]]
        surprise = model.surprise(*np.quantile(mean, _USUAL).tolist())
        return cls(rows, counts, mean, middle + surprise * (draws - middle))

    def contrasts(
        self, inside: Float[Array, "n g"], outside: Float[Array, "n g"], model: Model
    ) -> Contrasts:
        """How much better the networks of some groups are than those of others.

        Args:
            inside: 1 for members of each group, else 0.
            outside: the same of what each is compared with.
            model: knows the units of the objective.
        """
        sides = []
        for values, counts in self.sides:
            n = min(len(counts), len(inside))
            sides.append(
                [group_means(values[:, :n], counts[:n], own[:n]) for own in (inside, outside)]
            )
        ((first,), (second,)), (firsts, seconds) = sides
        effect = model.to_objective(first) - model.to_objective(second)
        gap = np.abs(first - second)
        sd = np.maximum((firsts - seconds).std(axis=0), _LEAST_SD)
        slope = np.divide(np.abs(effect), gap, out=np.zeros(len(gap)), where=gap > 0)
        return Contrasts(effect, slope * sd, ndtr(gap / sd))

    @property
    def sides(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """The mean [1 M] with its counts, and the draws [S m] with theirs."""
        m = self.draws.shape[1]
        return (self.mean[None], self.counts), (self.draws, self.counts[:m])


class Contrasts(NamedTuple):
    """Differences between groups, [g] each; NaN where one side is empty.

    Attributes:
        effect: between their typical members: the mean levels on the model's scale, turned into
            units of the objective; positive is better.
        sd: of the difference of the mean levels over functions from the posterior, in the same
            proportion to the effect.
        certainty: probability that the effect's direction is right.
    """

    effect: Float[Array, " g"]
    sd: Float[Array, " g"]
    certainty: Float[Array, " g"]


def group_means(
    values: Float[Array, "s n"], counts: Float[Array, " n"], groups: Float[Array, "n g"]
) -> Float[Array, "s g"]:
    """The mean of each function over the members of each group; NaN over none.

    Args:
        values: of s functions at n members.
        counts: how often each member counts.
        groups: 1 for members, 0 for others.
    """
    weighted = groups * counts[:, None]
    total = weighted.sum(axis=0)
    return np.where(total > 0, values @ weighted / np.maximum(total, 1.0), np.nan)


def _members(problem: Problem, rng: Rng) -> tuple[Rows, Int[Array, " M"]]:
    """Different feasible members in the order in which they were drawn, and how often."""
    compiled = problem.compiled
    most = max(_NUMBERS // len(compiled.decisions), 64)
    drawn = [sample(compiled, stream(problem.seed, "reference"), min(_ASKED, most))]
    if not (problem.features.functions or problem.predicates) and most > _ASKED:
        drawn.append(sample(compiled, rng, min(_MEMBERS, most) - _ASKED))
    rows = stack(drawn)
    if problem.constrained:
        rows = stack([rows.take(problem.feasible(rows)), problem.examples])
    _, first, counts = np.unique(rows.values, axis=0, return_index=True, return_counts=True)
    order = np.argsort(first)
    return rows.take(first[order]), counts[order].astype(float)
