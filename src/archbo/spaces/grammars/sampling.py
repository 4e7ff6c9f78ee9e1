"""Random derivations of all sizes.

With every production equally likely most derivations would end at once; with every string equally
likely nearly all would be of the largest size. Here each derivation first draws a bound on its
depth; that, and each production within it, is as likely as the log of how many strings it leads to.
Where rules are recursive, sizes then come out about equally often.
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
        start = Term(rules.start)
        self._bounds = self._upto([(start, bound) for bound in bounds], network=True)
        slots = [slot for slot in tree.slots.values() if slot.column >= 0]
        widest = max((len(slot.options) for slot in slots), default=1)
        # how likely an option or one before it is, by bound, column and option
        self._options = np.ones((len(bounds), len(tree.decisions), widest))
        known: dict[tuple[str, int, tuple[Term, ...]], list[float]] = {}
        for slot in slots:
            for b, bound in enumerate(bounds):
                network, left = slot.rule in rules.networks, slot.depth
                if network:
                    # a rule that is applied although the bound is reached ends as soon as it can
                    left = max(left - (rules.max_depth - bound), rules.least[slot.rule])
                key = slot.rule, left, tuple(slot.options)
                if key not in known:
                    pairs = [(body, left - 1) for body in slot.options]
                    known[key] = self._upto(pairs, network=network)
                self._options[b, slot.column, : len(slot.options)] = known[key]

    def _upto(self, pairs: list[tuple[Term, int]], *, network: bool) -> list[float]:
        """How likely each term, within its depth, or one before it is."""
        sizes = [self._languages.size(term, depth, network=network) for term, depth in pairs]
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
