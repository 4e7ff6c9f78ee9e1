"""Which of the best to train again: finding the best of several with few noisy measurements.

Notation: c candidates, larger values are better.
    means, variances  [c]  what is believed of the candidates before they are trained again
    noise                  the variance of one training
    results                of each candidate, the values of the new trainings
    waiting           [c]  how many trainings of each are under way
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float, Int

CANDIDATES = 10
"""So many are considered; from six on the number makes no difference, as nothing is spent on those
that have no chance."""

OWN_SHARE = 1 / 3
"""The part of what a smooth model takes for noise that is the network's own, so that its next
training shows it again. On recorded trainings it is about a half; a third has the least regret."""

_NOISE_TRAININGS = 2.0  # the model's estimate of the noise counts as much as so many differences


@dataclass(frozen=True)
class Prior:
    """What is believed before anything is trained again; see the module's notation."""

    means: Float[Array, " c"]
    variances: Float[Array, " c"]
    noise: float

    @classmethod
    def of(
        cls,
        observed: Float[Array, " n"],
        repeats: Float[Array, " n"],
        means: Float[Array, " n"],
        variances: Float[Array, " n"],
    ) -> tuple[Prior, Int[Array, " c"]]:
        """The best candidates of n networks, by a model's posterior at them; and their positions.

        For a Gaussian process E[(observed - mean)^2] + variance is the variance of the noise at
        each of its observations, whatever their number, so that its average estimates the noise.

        Args:
            observed: mean of the trainings of each.
            repeats: how many each mean is of.
            means: what the model expects of each,
            variances: and how sure it is, the noise left out.
        """
        near = np.argsort(-means, kind="stable")[:CANDIDATES]
        rest = observed - means
        unexplained = float(np.mean((repeats * (rest**2 + variances))[near]))
        own, noise = OWN_SHARE * unexplained, (1 - OWN_SHARE) * unexplained
        # of a network's residual, what is its own: a normal prior and `repeats` measurements
        gain = own * repeats / (own * repeats + noise) if noise > 0 else np.ones_like(repeats)
        means, variances = means + gain * rest, variances + own * (1 - gain)
        best = np.argsort(-means, kind="stable")[:CANDIDATES]
        return cls(means[best], variances[best], noise), best

    def learned_noise(self, results: Sequence[Sequence[float]]) -> float:
        """The variance of one training, from the differences between new trainings as well."""
        many = [np.asarray(values) for values in results if len(values) > 1]
        squares = sum(float(((values - values.mean()) ** 2).sum()) for values in many)
        freedom = sum(len(values) - 1 for values in many)
        return (_NOISE_TRAININGS * self.noise + squares) / (_NOISE_TRAININGS + freedom)

    def posterior(
        self, results: Sequence[Sequence[float]], waiting: Int[Array, " c"]
    ) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Means and variances after the results; a training under way comes out as expected."""
        noise = self.learned_noise(results)
        count = np.array([len(values) for values in results])
        average = np.array([np.mean(values) if len(values) else 0.0 for values in results])
        gain = _ratio(count * self.variances, count * self.variances + noise)
        means = self.means + gain * (average - self.means)
        sure = (count + waiting) * self.variances
        return means, self.variances * (1 - _ratio(sure, sure + noise))


def _ratio(part: Float[Array, " c"], whole: Float[Array, " c"]) -> Float[Array, " c"]:
    """Their quotient; 0 for nothing of nothing."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def next_candidate(
    prior: Prior,
    results: Sequence[Sequence[float]],
    waiting: Int[Array, " c"],
    failed: Sequence[bool],
) -> int:
    """The candidate to train next.

    Of the leader, which has the largest mean, and the challenger, which is most likely to be better
    than that, the one that is less sure. What failed is not trained again, unless all did.

    Source: Shang et al. 2020, T3C, with the leader by its mean instead of at random; the choice
    between the two as optimal computing budget allocation has it for two (Chen et al. 2000).
    """
    means, variances = prior.posterior(results, waiting)
    if not all(failed):
        means = np.where(failed, -np.inf, means)
    leader = int(means.argmax())
    gap, spread = means - means[leader], np.sqrt(variances + variances[leader])
    odds = np.where(gap < 0, -np.inf, 0.0)  # where both are known for sure
    np.divide(gap, spread, out=odds, where=spread > 0)
    odds[leader] = -np.inf
    challenger = int(odds.argmax())
    return leader if variances[leader] >= variances[challenger] else challenger
