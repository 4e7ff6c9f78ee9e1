"""Tree-structured Parzen estimator: propose what is likely among the good and unlikely elsewhere.

Notation: n known networks, c candidates, D decisions.
    l, g  densities of the decisions of the good networks, and of all others
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from archbo.arrays import Array, Bool, Rng
from archbo.data import Dataset, Proposal
from archbo.errors import ExhaustedError, ProblemError
from archbo.methods.base import Search
from archbo.methods.candidates import Taken, filled, new_rows, random_rows
from archbo.problem import Problem
from archbo.spaces import Rows
from archbo.spaces.compiled import from_unit, middle_unit, stack
from archbo.spaces.part import Kind
from archbo.surrogates.density import Density

_DRAWS = 4  # for each candidate that is wanted: some are known, or not valid


@dataclass(frozen=True)
class TreeParzen:
    """Draw networks from the density of the good ones; train where its ratio to the others' peaks.

    The densities are mixtures of kernels over all decisions at once, one around each known network,
    and a uniform prior: options keep their value or change to any, numbers move by a normal step.
    A decision that is not taken has no part in a kernel. Networks in training count among the
    others, and so do failed trainings.

    Source: Bergstra et al. 2011, section 4; joint kernels, the share of the good and the number of
    candidates as in Optuna's multivariate TPE (Watanabe 2023, https://arxiv.org/abs/2304.11127),
    without its weights that fade with age.

    Args:
        initial: how many random networks come first.
        share: of the known networks, how many are good,
        most: and at most so many.
        candidates: how many new networks are drawn for each proposal.
        prior: how many networks the uniform prior counts for.

    Raises:
        ProblemError: if a number is out of its range.
    """

    initial: int = 10
    share: float = 0.15
    most: int = 25
    candidates: int = 64
    prior: float = 1.0

    def __post_init__(self) -> None:
        for name in ("initial", "most", "candidates"):
            if getattr(self, name) < 1:
                raise ProblemError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.share < 1:
            raise ProblemError(f"share must be between 0 and 1, got {self.share}")
        if not self.prior > 0:
            raise ProblemError(f"prior must be positive, got {self.prior}")

    def prepare(self, problem: Problem) -> Search:
        return _TreeParzen(self, problem)


class _TreeParzen(Search):
    def __init__(self, settings: TreeParzen, problem: Problem) -> None:
        self.settings = settings
        self.problem = problem
        self.columns = problem.compiled.decisions
        kinds = [decision.kind for decision in self.columns]
        self.options = np.where([k is Kind.CATEGORICAL for k in kinds], problem.compiled.options, 0)

    def propose(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        learned = dataset.measured.any() or dataset.failures.any()
        random = count if not learned else min(count, self.settings.initial - dataset.trials)
        found = self._random(dataset, random, rng) if random > 0 else []
        if len(found) == count:
            return found
        archs = [proposal.architecture for proposal in found]
        try:
            return found + self._modelled(
                dataset.with_pending(self.problem, archs), count - len(found), rng
            )
        except ExhaustedError:
            if not found:
                raise
            return found

    def _random(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        taken = Taken.of(self.problem, dataset.rows, dataset.pending)
        rows = random_rows(self.problem, count, rng, taken)
        return [Proposal(arch, "random") for arch in self.problem.compiled.architectures(rows)]

    def _modelled(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        good = self._good(dataset)
        density = self._density(dataset.rows.take(good))
        others = stack([dataset.rows.take(~good), dataset.pending])
        rows = self._candidates(dataset, density, count, rng)
        gain = density.log_density(*self._positions(rows))
        proposals: list[Proposal] = []
        for _ in range(min(count, len(rows))):
            score = gain - self._density(others).log_density(*self._positions(rows))
            best = int(score.argmax())
            (arch,) = self.problem.compiled.architectures(rows.take([best]))
            proposals.append(Proposal(arch, "tpe", score=float(score[best])))
            others = stack([others, rows.take([best])])
            left = np.arange(len(rows)) != best
            rows, gain = rows.take(left), gain[left]
        return proposals

    def _good(self, dataset: Dataset) -> Bool[Array, " n"]:
        """Which networks are among the best share of those that have a value."""
        values = np.where(dataset.measured, dataset.values, -np.inf)
        count = min(ceil(self.settings.share * len(values)), self.settings.most)
        good = np.zeros(len(values), dtype=bool)
        good[np.argsort(-values, kind="stable")[:count]] = True
        return good & dataset.measured

    def _candidates(self, dataset: Dataset, density: Density, count: int, rng: Rng) -> Rows:
        """New networks drawn from a density, random ones where those are too few."""
        wanted = self.settings.candidates * count
        values = density.sample(rng, _DRAWS * wanted)
        for d in np.flatnonzero(self.options == 0):
            values[:, d] = from_unit(self.columns[d], values[:, d])
        rows = self.problem.compiled.rows(values)
        rows = rows.take(self.problem.compiled.valid(rows))
        taken = Taken.of(self.problem, dataset.rows, dataset.pending)
        fresh, taken = new_rows(self.problem, rows, taken)
        fresh = fresh.take(slice(0, wanted))
        if len(fresh) >= min(wanted, 4 * count):
            return fresh
        return filled(self.problem, fresh, wanted, rng, taken)

    def _density(self, rows: Rows) -> Density:
        values, active = self._positions(rows)
        return Density.fit(values, active, self.options, joint=True, prior=self.settings.prior)

    def _positions(self, rows: Rows) -> tuple[Array, Array]:
        """Options as they are and numbers on [0, 1], [n D]; and where they are active."""
        values = rows.values.copy()
        for d in np.flatnonzero(self.options == 0):
            decision = self.columns[d]
            # an inactive 0 may be outside the range
            inside = np.clip(values[:, d], decision.low, decision.high)
            values[:, d] = middle_unit(decision, inside)
        return values, rows.active
