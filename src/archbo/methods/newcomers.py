"""Which networks begin to be trained, where trainings can be short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from archbo.arrays import Array, Float, Rng
from archbo.data import Prediction, Proposal
from archbo.kernels import Encoded
from archbo.kernels.blocks import rows as take
from archbo.methods.candidates import Known, Taken, new_rows, pool, random_rows
from archbo.methods.courses import CourseBelief
from archbo.methods.rungs import Runner
from archbo.problem import Problem
from archbo.spaces import Rows

if TYPE_CHECKING:
    from archbo.methods.bayesian import BayesianSearch

_PARENTS = 10  # the most promising networks, whose mutants are candidates


class Candidates(NamedTuple):
    """Networks that could begin.

    Attributes:
        rows: c of them.
        encoded: the same for the model.
        score: [c] their acquisition by what they give in the end.
    """

    rows: Rows
    encoded: Encoded
    score: Float[Array, " c"]


class Newcomers:
    """Finds networks that were never trained.

    Args:
        problem: what is searched.
        plain: Bayesian optimization of full trainings, whose start design and climbs are used.
        random: the part of short trainings that begin with a random network.
    """

    def __init__(self, problem: Problem, plain: BayesianSearch, *, random: float) -> None:
        self._problem = problem
        self._plain = plain
        self._random = random
        self._known = Known(problem)

    def spread(self, runners: Sequence[Runner], rng: Rng) -> Proposal:
        """The next network of the start design, or a random one behind its end.

        Raises:
            ExhaustedError: if no network is new.
        """
        taken = self._taken(runners)
        rows, taken = new_rows(self._problem, self._plain.start_design(), taken)
        origin = "initial" if len(rows) else "random"
        rows = rows if len(rows) else random_rows(self._problem, 1, rng, taken)
        (arch,) = self._problem.compiled.architectures(rows.take([0]))
        return Proposal(arch, origin)

    def candidates(self, belief: CourseBelief, runners: Sequence[Runner], rng: Rng) -> Candidates:
        """Random ones and mutants of the most promising, the best of them climbed from.

        Raises:
            ExhaustedError: if no network is new.
        """
        plain, problem = self._plain, self._problem
        order = np.argsort(-belief.mean_finals(), kind="stable")[:_PARENTS]
        parents = problem.compiled.encode([runners[i].arch for i in belief.known[order]])
        rows, taken = pool(problem, parents, plain.settings.candidates, rng, self._taken(runners))
        lean = plain.leaning(len(runners))
        return Candidates(*plain.climb(belief, rows, taken, lean, rng, rng.spawn(1)[0]))

    def chosen(
        self,
        belief: CourseBelief,
        runners: Sequence[Runner],
        found: Candidates,
        which: int,
        rng: Rng,
        *,
        short: bool,
    ) -> Proposal:
        """A candidate as a proposal; a random one in its place for a part of the short ones."""
        rows, encoded = found.rows.take([which]), take(found.encoded, np.array([which]))
        origin, score = "model", float(found.score[which])
        if short and rng.random() < self._random:
            origin, rows = "random", random_rows(self._problem, 1, rng, self._taken(runners))
            encoded = self._plain.encoder.encode(rows)
        mean, sd = belief.predict(encoded)
        expected = Prediction(float(self._problem.objective.inward(mean)[0]), float(sd[0]))
        (arch,) = self._problem.compiled.architectures(rows)
        own = score if origin == "model" else None
        return Proposal(arch, origin, expected, own, belief.hyperparameters)

    def _taken(self, runners: Sequence[Runner]) -> Taken:
        rows = self._problem.compiled.encode([runner.arch for runner in runners])
        return self._known.taken(rows)
