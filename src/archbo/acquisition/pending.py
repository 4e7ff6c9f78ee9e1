"""Trainings that run, and batches: what would be known if they ended as expected.

Notation: k models, c candidates, q rows of a batch.
Source: kriging believer, Ginsbourger et al. 2010, section 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archbo.acquisition.base import Acquisition, Outlook
from archbo.acquisition.mixture import average
from archbo.arrays import Array, Float, Rng
from archbo.kernels.base import Found, shared_distances
from archbo.kernels.blocks import Encoded, count_rows, rows
from archbo.surrogates.base import Posterior
from archbo.surrogates.gp import LEAST_VARIANCE, GaussianProcess


def believe(model: GaussianProcess, pending: Encoded) -> GaussianProcess:
    """The model that takes rows for measured at their posterior means.

    Its posterior means are the same everywhere, and it is surer near the rows.
    """
    if count_rows(pending) == 0:
        return model
    return model.condition_on(pending, model.predict(pending).mean)


@dataclass(frozen=True, slots=True)
class Pick:
    """One row of a batch.

    Attributes:
        index: among the candidates.
        score: the acquisition's value when it was chosen.
        mean, variance: [k] of each model's posterior there and then.
    """

    index: int
    score: float
    mean: Float[Array, " k"]
    variance: Float[Array, " k"]


def choose(
    models: Sequence[GaussianProcess],
    weights: Float[Array, " k"],
    candidates: Encoded,
    acquisition: Acquisition,
    *,
    rng: Rng,
    count: int = 1,
    offset: Float[Array, " c"] | None = None,
) -> list[Pick]:
    """The best candidates, one after another, each after believing in those before it.

    No candidate is chosen twice. A choice costs O(n c) a model, since only variances change.

    Args:
        models: at least one, all fitted to the same rows; pending ones are believed in already.
        weights: of the models, adding up to 1.
        candidates: c rows.
        acquisition: scores them for one model; the best value so far may rise with a choice.
        rng: for acquisitions that draw.
        count: how many to choose; fewer come back if there are fewer candidates.
        offset: added to the scores; nothing if None.
    """
    beliefs = _Belief.all_of(models, candidates)
    free = np.ones(count_rows(candidates), dtype=bool)
    picks: list[Pick] = []
    while len(picks) < count and free.any():
        if picks:
            beliefs = _after(beliefs, candidates, picks[-1].index)
        outlooks = [belief.outlook(candidates, rng) for belief in beliefs]
        score = average(acquisition, weights, outlooks) + (0.0 if offset is None else offset)
        score = np.where(free, score, -np.inf)
        # The first free one where all scores are -inf
        index = int(np.flatnonzero(free)[score[free].argmax()])
        free[index] = False
        mean = np.array([b.posterior.mean[index] for b in beliefs])
        variance = np.array([b.posterior.variance[index] for b in beliefs])
        picks.append(Pick(index, float(score[index]), mean, variance))
    return picks


@dataclass(frozen=True, slots=True)
class _Belief:
    """What one model believes of the candidates, after some were chosen.

    Attributes:
        model: which believes in the chosen ones, too.
        best: the largest posterior mean at known and chosen rows.
        posterior: of the candidates.
        V: [n+q c] such that k(x, y) - V(x)' V(y) is the posterior covariance.
    """

    model: GaussianProcess
    best: float
    posterior: Posterior
    V: Float[Array, "r c"]

    @classmethod
    def all_of(cls, models: Sequence[GaussianProcess], candidates: Encoded) -> list[_Belief]:
        """Before any choice."""
        found: Found = {}
        return [cls(model, model.best, *model.project(candidates, found)) for model in models]

    def outlook(self, candidates: Encoded, rng: Rng) -> Outlook:
        """What an acquisition may look at."""
        model = self.model
        return Outlook(self.posterior, self.best, candidates, model.encoded, model, rng)

    def believe(self, index: int, chosen: Encoded, k: Float[Array, " c"]) -> _Belief:
        """After a measurement at a candidate that equals its mean, so that no mean changes.

        Args:
            index: the candidate.
            chosen: its row.
            k: its prior covariance with all candidates.
        """
        covariance = k - self.V[:, index] @ self.V
        v = covariance / np.sqrt(max(covariance[index], 0.0) + self.model.noise)
        mean, variance = self.posterior.mean, self.posterior.variance
        least = LEAST_VARIANCE * k[index]
        return _Belief(
            self.model.condition_on(chosen, mean[[index]]),
            max(self.best, float(mean[index])),
            Posterior(mean, np.maximum(variance - v * v, least)),
            np.concatenate([self.V, v[None]]),
        )


def _after(beliefs: list[_Belief], candidates: Encoded, index: int) -> list[_Belief]:
    """The beliefs of all models after a choice."""
    chosen = rows(candidates, slice(index, index + 1))
    kernels = [belief.model.kernel for belief in beliefs]
    found = shared_distances(kernels, chosen, candidates)
    return [
        belief.believe(
            index, chosen, belief.model.kernel.covariance(belief.model.theta, distances)[0]
        )
        for belief, distances in zip(beliefs, found, strict=True)
    ]
