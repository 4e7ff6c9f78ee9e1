"""An autoregressive policy over the decisions of a space, and its gradient.

Notation: c draws, n rows, D decisions, K options of all decisions together.
    choice  [D]  the option that each decision takes; a number's is its part of the range; -1 where
                 the decision is not taken
    odds    [K]  unnormalised log-odds of all options, given the earlier decisions
    bias    [K]  the part of them that does not depend on others
    context      for each option what it adds to the odds of the later decisions' options
The policy of decision d is softmax(bias + sum over earlier e of context[choice_e] / sqrt(m)), where
m counts them: so they have as much weight, all together, as the bias.
"""

from __future__ import annotations

import numpy as np

from archbo.arrays import Array, Float, Int, Rng
from archbo.spaces import CompiledSpace, Rows
from archbo.spaces.compiled import from_unit, middle_unit
from archbo.spaces.moves import sample
from archbo.spaces.part import Kind

_REFERENCE = 1000  # random members that say how likely options are where that is not even


class Policy:
    """How likely each option of each decision is, given the earlier ones.

    It starts uniform; where options have priors, and inside parts in which few rows are valid, as
    frequent as in random members.

    Args:
        space: of the rows.
        rng: for those members.
        bins: a decision of more values is drawn from one of so many parts of its range.

    Attributes:
        bias: [K], see the module's notation.
        context: arrays by the position of their option; those that are all 0 are not there.
        owner: [K] the decision of each option.
        starts: [D] the position of each decision's first option, ends: [D] behind its last one.
    """

    def __init__(self, space: CompiledSpace, rng: Rng, *, bins: int) -> None:
        self.space = space
        self.binned = np.array(
            [d.kind is not Kind.CATEGORICAL and (d.options or bins + 1) > bins
             for d in space.decisions]
        )  # fmt: skip
        self.bins = bins
        counts = np.where(self.binned, bins, space.options)
        self.ends = counts.cumsum()
        self.starts = self.ends - counts
        self.owner = np.repeat(np.arange(len(counts)), counts)
        self._initial = np.zeros(len(self.owner))
        uneven = [slice(None)] if space.informed else [b.columns for b in space.constrained]
        for columns in uneven:
            choices = self.choices(sample(space, rng, _REFERENCE))
            for d in range(len(counts))[columns]:
                taken = choices[choices[:, d] >= 0, d]
                frequency = np.bincount(taken, minlength=counts[d]) + 1
                self._initial[self.starts[d] : self.ends[d]] = np.log(frequency / frequency.mean())
        self.restart()

    def restart(self) -> None:
        """Forget all steps."""
        self.bias = self._initial.copy()
        self.context: dict[int, Array] = {}

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
        added = np.zeros(len(self.owner))
        for option in self._chosen(choice):
            if option in self.context:
                added[len(added) - len(self.context[option]) :] += self.context[option]
        return self.bias + self._scale(choice) * added

    def step(
        self, choice: Int[Array, " D"], *, advantage: float, rate: float, entropy: float
    ) -> None:
        """Add rate x the gradient of advantage x log p(choice) + entropy x that of each decision.

        Source: Williams 1992, section 4; the entropy as Williams and Peng 1991.
        """
        odds = self.odds(choice)
        odds -= np.maximum.reduceat(odds, self.starts)[self.owner]
        log = odds - np.log(np.add.reduceat(np.exp(odds), self.starts))[self.owner]
        p = np.exp(log)
        spread = -np.add.reduceat(p * log, self.starts)[self.owner]
        chosen = self._chosen(choice)
        hit = np.zeros(len(p))
        hit[chosen] = 1.0
        gradient = rate * (advantage * (hit - p) - entropy * p * (log + spread))
        gradient[choice[self.owner] < 0] = 0.0
        self.bias += gradient
        gradient *= self._scale(choice)
        for option in chosen:
            later = gradient[self.ends[self.owner[option]] :]
            if len(later):
                self.context[option] = self.context.get(option, 0.0) + later

    def _chosen(self, choice: Int[Array, " D"]) -> list[int]:
        """The positions of the chosen options."""
        found: list[int] = (self.starts + choice)[choice >= 0].tolist()
        return found

    def _scale(self, choice: Int[Array, " D"]) -> Float[Array, " K"]:
        """1 / sqrt(m) for each option."""
        taken = choice >= 0
        return (1 / np.sqrt(np.maximum(taken.cumsum() - taken, 1)))[self.owner]

    def sample(self, rng: Rng, count: int, *, flatter: float = 1.0) -> Rows:
        """At most `count` draws that are valid, the log-odds divided by `flatter`."""
        values = np.zeros((count, len(self.space.decisions)))
        added = np.zeros((count, len(self.owner)))
        earlier = np.zeros(count)
        for d, decision in enumerate(self.space.decisions):
            own = slice(self.starts[d], self.ends[d])
            scale = 1 / np.sqrt(np.maximum(earlier, 1))
            odds = (self.bias[own] + scale[:, None] * added[:, own]) / flatter
            # the largest after Gumbel noise is a draw from the softmax
            choice = (odds + rng.gumbel(size=odds.shape)).argmax(axis=1)
            if self.binned[d]:
                values[:, d] = from_unit(decision, (choice + rng.random(count)) / self.bins)
            else:
                values[:, d] = choice + decision.low
            taken = self.space.active(values, d)
            for k in np.unique(choice[taken]):
                if self.starts[d] + k in self.context:
                    which = taken & (choice == k)
                    added[which, self.ends[d] :] += self.context[self.starts[d] + k]
            earlier += taken
        rows = self.space.rows(values)
        return rows.take(self.space.valid(rows))
