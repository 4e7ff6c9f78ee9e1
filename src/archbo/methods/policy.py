"""An autoregressive policy over the decisions of a space, and its gradient.

Notation: n rows, c draws, D decisions, K options of all decisions together.
    choice  [D]      the option that each decision takes; a number's is its part of the range;
                     -1 where the decision is not taken
    odds    [K]      unnormalised log-odds of all options, given the earlier decisions
    weights [K+1 K]  what each chosen option adds to the odds of the later ones; row 0 always does
The policy of decision d is softmax(weights[0] + sum over earlier e of weights[choice_e] / sqrt(m)),
where m counts them: so they have as much weight, all together, as row 0.
"""

from __future__ import annotations

import numpy as np

from archbo.arrays import Array, Float, Int, Rng
from archbo.spaces import CompiledSpace, Rows
from archbo.spaces.compiled import from_unit, middle_unit
from archbo.spaces.moves import sample
from archbo.spaces.part import Kind

_REFERENCE = 1000  # random members that say how likely options are where few rows are valid


class Policy:
    """How likely each option of each decision is, given the earlier ones.

    It starts uniform; inside parts in which few rows are valid, as frequent as in random members.

    Args:
        space: of the rows.
        rng: for those members.
        bins: a decision of more values is drawn from one of so many parts of its range.

    Attributes:
        weights: [K+1 K], see the module's notation.
        owner: [K] the decision of each option.
        starts: [D] the position of each decision's first option.
    """

    def __init__(self, space: CompiledSpace, rng: Rng, *, bins: int) -> None:
        self.space = space
        self.binned = np.array(
            [d.kind is not Kind.CATEGORICAL and (d.options or bins + 1) > bins
             for d in space.decisions]
        )  # fmt: skip
        counts = np.where(self.binned, bins, space.options)
        self.bins = bins
        self.starts = counts.cumsum() - counts
        self.owner = np.repeat(np.arange(len(counts)), counts)
        self.weights = np.zeros((len(self.owner) + 1, len(self.owner)))
        self._initial = np.zeros(len(self.owner))
        for block in space.constrained:
            choices = self.choices(sample(space, rng, _REFERENCE))
            for d in range(block.columns.start, block.columns.stop):
                taken = choices[choices[:, d] >= 0, d]
                frequency = np.bincount(taken, minlength=counts[d]) + 1
                self._initial[self.owner == d] = np.log(frequency / frequency.mean())
        self.restart()

    def restart(self) -> None:
        """Forget all steps."""
        self.weights[1:] = 0.0
        self.weights[0] = self._initial

    def choices(self, rows: Rows) -> Int[Array, "n D"]:
        """What each row chooses."""
        found = np.zeros(rows.values.shape, dtype=np.int64)
        for d, decision in enumerate(self.space.decisions):
            values = rows.values[:, d]
            if self.binned[d]:
                # an inactive 0 may have no logarithm
                inside = np.clip(values, decision.low, decision.high)
                part = np.floor(middle_unit(decision, inside) * self.bins)
                found[:, d] = np.clip(part, 0, self.bins - 1)
            else:
                found[:, d] = values - decision.low
        return np.where(rows.active, found, -1)

    def odds(self, choice: Int[Array, " D"]) -> Float[Array, " K"]:
        """The unnormalised log-odds of every option, each given the choices before it."""
        chosen, scale = self._context(choice)
        return self.weights[0] + scale * self.weights[chosen + 1].sum(axis=0)

    def step(
        self, choice: Int[Array, " D"], *, advantage: float, rate: float, entropy: float
    ) -> None:
        """Add rate x the gradient of advantage x log p(choice) + entropy x that of each decision.

        Source: Williams 1992, section 4; the entropy as Williams and Peng 1991.
        """
        chosen, scale = self._context(choice)
        odds = self.odds(choice)
        odds -= np.maximum.reduceat(odds, self.starts)[self.owner]
        log = odds - np.log(np.add.reduceat(np.exp(odds), self.starts))[self.owner]
        p = np.exp(log)
        spread = -np.add.reduceat(p * log, self.starts)[self.owner]
        hit = np.zeros(len(p))
        hit[chosen] = 1.0
        gradient = advantage * (hit - p) - entropy * p * (log + spread)
        gradient[choice[self.owner] < 0] = 0.0
        later = self.owner > self.owner[chosen][:, None]
        self.weights[0] += rate * gradient
        self.weights[chosen + 1] += rate * scale * gradient * later

    def _context(self, choice: Int[Array, " D"]) -> tuple[Array, Array]:
        """The positions of the chosen options, and for each option [K] 1 / sqrt(m)."""
        taken = choice >= 0
        earlier = (taken.cumsum() - taken)[self.owner]
        return (self.starts + choice)[taken], 1 / np.sqrt(np.maximum(earlier, 1))

    def sample(self, rng: Rng, count: int, *, flatter: float = 1.0) -> Rows:
        """At most `count` draws that are valid, the log-odds divided by `flatter`."""
        values = np.zeros((count, len(self.space.decisions)))
        odds = np.zeros((count, len(self.owner)))
        earlier = np.zeros(count)
        everywhere = np.arange(count)
        for d, decision in enumerate(self.space.decisions):
            own = slice(self.starts[d], self.starts[d] + (self.owner == d).sum())
            scale = 1 / np.sqrt(np.maximum(earlier, 1))
            given = (self.weights[0, own] + scale[:, None] * odds[:, own]) / flatter
            # the largest after Gumbel noise is a draw from the softmax
            choice = (given + rng.gumbel(size=given.shape)).argmax(axis=1)
            if self.binned[d]:
                values[:, d] = from_unit(decision, (choice + rng.random(count)) / self.bins)
            else:
                values[:, d] = choice + decision.low
            taken = everywhere[self.space.active(values, d)]
            odds[taken] += self.weights[self.starts[d] + choice[taken] + 1]
            earlier[taken] += 1
        rows = self.space.rows(values)
        return rows.take(self.space.valid(rows))
