"""Random derivations of all sizes.

With every production equally likely most derivations would end at once; with every string equally
likely nearly all would be of the largest size. Here each derivation first draws a bound on its
depth; that, and each production within it, is as likely as the log of how many strings it leads to.
"""

from __future__ import annotations

from math import log

import numpy as np

from archbo.arrays import Array, Rng
from archbo.spaces.grammars.languages import Languages
from archbo.spaces.grammars.rules import Rules
from archbo.spaces.grammars.terms import Term
from archbo.spaces.grammars.unrolled import Unrolled


class Sampler:
    """Draws rows of an unrolled tree's numbers.

    Args:
        rules: of the grammar.
        tree: the unrolled tree.
        languages: counts strings.
    """

    def __init__(self, rules: Rules, tree: Unrolled, languages: Languages) -> None:
        self._languages = languages
        bounds = range(rules.least[rules.start], rules.tallest(rules.start, rules.max_depth) + 1)
        self._bounds = self._upto([Term(rules.start)] * len(bounds), list(bounds))
        slots = [slot for slot in tree.slots.values() if slot.column >= 0]
        widest = max((len(slot.options) for slot in slots), default=1)
        # how likely an option or one before it is, by bound, column and option
        self._options = np.ones((len(bounds), len(tree.decisions), widest))
        known: dict[tuple[int, tuple[Term, ...]], list[float]] = {}
        for slot in slots:
            for b, bound in enumerate(bounds):
                # a rule that is applied although the bound is reached ends as soon as it can
                left = max(slot.depth - (rules.max_depth - bound), rules.least[slot.rule])
                key = left, tuple(slot.options)
                if key not in known:
                    known[key] = self._upto(slot.options, [left - 1] * len(slot.options))
                self._options[b, slot.column, : len(slot.options)] = known[key]

    def _upto(self, terms: list[Term], depths: list[int]) -> list[float]:
        """How likely each term, within its depth, or one before it is."""
        sizes = map(self._languages.size, terms, depths)
        upto = np.cumsum([log(1 + size) for size in sizes])
        found: list[float] = (upto / upto[-1]).tolist()
        return found

    def draw(self, rng: Rng, count: int) -> Array:
        """Random numbers, [count w]; those of decisions that are not taken count for nothing."""
        which = np.searchsorted(self._bounds, rng.random(count), side="right")
        uniform = rng.random((count, self._options.shape[1]))
        values = np.zeros(uniform.shape)
        for k in range(self._options.shape[2] - 1):
            values += uniform >= self._options[which, :, k]
        return values
