"""REINFORCE: a policy that makes one decision after the other, and learns which ones pay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Rng, stream
from archbo.data import Dataset, Proposal
from archbo.errors import ProblemError
from archbo.methods.base import Search
from archbo.methods.candidates import Taken, filled, new_rows
from archbo.methods.policy import Policy
from archbo.problem import Problem
from archbo.spaces.compiled import stack
from archbo.surrogates.outcomes import RankTransform

_DRAWN = 64  # networks that are drawn at once
_FLATTER = (
    1.0,
    1.5,
    2.0,
    4.0,
)  # what the logits are divided by, where the policy knows all it draws


@dataclass(frozen=True)
class Reinforce:
    """Draw networks from a policy; after each training make its decisions likelier, or less so.

    Zoph and Le's controller is a recurrent network that is trained on thousands of networks. Here
    the log-odds of a decision are linear in the earlier ones, and the steps are large, so that some
    dozens of trainings already teach something. Rewards are normal scores of the ranks, less a
    moving average. The policy is trained anew from all results, in the order of the trainings,
    whoever proposed them; a failed training counts as the worst.

    Source: Williams 1992; Zoph and Le 2017 (https://arxiv.org/abs/1611.01578), section 3.2.

    Args:
        rate: how far one result moves the log-odds.
        entropy: the weight of the policy's entropy, which keeps it from settling too soon.
        memory: of the moving average of the rewards, from 0 (the last one) to 1 (the mean of all).
        bins: a number is drawn from one of so many parts of its range, evenly within.

    Raises:
        ProblemError: if a number is out of its range.
    """

    rate: float = 0.7
    entropy: float = 0.02
    memory: float = 0.9
    bins: int = 8

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ProblemError(f"rate must be positive, got {self.rate}")
        if not self.entropy >= 0:
            raise ProblemError(f"entropy must be at least 0, got {self.entropy}")
        if not 0 <= self.memory <= 1:
            raise ProblemError(f"memory must be from 0 to 1, got {self.memory}")
        if self.bins < 2:
            raise ProblemError(f"bins must be at least 2, got {self.bins}")

    def prepare(self, problem: Problem) -> Search:
        return _Reinforce(self, problem)


class _Reinforce(Search):
    def __init__(self, settings: Reinforce, problem: Problem) -> None:
        self.settings = settings
        self.problem = problem
        rng = stream(problem.seed, "policy")
        self._policy = Policy(problem.compiled, rng, bins=settings.bins)

    def propose(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        policy = self._trained(dataset)
        taken = Taken.of(self.problem, dataset.rows, dataset.pending)
        found = [self.problem.compiled.encode([])]
        missing = count
        for flatter in _FLATTER:
            if missing == 0:
                break
            drawn = policy.sample(rng, _DRAWN + 2 * missing, flatter=flatter)
            rows, _ = new_rows(self.problem, drawn, taken)
            found.append(rows.take(slice(0, missing)))
            keys = self.problem.compiled.fingerprints(found[-1]).tolist()
            taken = taken.plus(found[-1], keys)
            missing -= len(found[-1])
        drawn = stack(found)
        rows = filled(self.problem, drawn, count, rng, taken)
        return [
            Proposal(arch, "reinforce" if i < len(drawn) else "random")
            for i, arch in enumerate(self.problem.compiled.architectures(rows))
        ]

    def _trained(self, dataset: Dataset) -> Policy:
        """The policy after one step for each result, the first training first."""
        policy = self._policy
        policy.restart()
        choices = policy.choices(dataset.rows)
        average = 0.0
        for choice, reward in zip(choices, rewards(dataset), strict=True):
            policy.step(
                choice,
                advantage=reward - average,
                rate=self.settings.rate,
                entropy=self.settings.entropy,
            )
            average += (1 - self.settings.memory) * (reward - average)
        return policy


def rewards(dataset: Dataset) -> Array:
    """[n] normal scores of the values, mean 0; the lowest of them, or -1, for what failed."""
    measured = dataset.measured
    scores = RankTransform()(dataset.values[measured]).z
    found = np.full(len(measured), min(-1.0, scores.min(initial=0.0)))
    found[measured] = scores
    return found
