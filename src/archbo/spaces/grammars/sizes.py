"""How large the networks of a grammar can be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from math import prod

from archbo.spaces.grammars.combinators import SERIES, expanded
from archbo.spaces.grammars.rules import Rules
from archbo.spaces.grammars.terms import Term


def most_operations(rules: Rules, *, without: Collection[str] = (), folded: int = 0) -> int:
    """How many operations the largest network has.

    Args:
        rules: of the grammar.
        without: operations that do not count.
        folded: what is applied with at most so much depth left counts as one operation.
    """
    return _largest(rules, lambda name: int(name not in without), sum, folded)


def most_ways(rules: Rules) -> int:
    """How many ways lead through the network of skips that has most of them."""
    return _largest(rules, lambda name: 1, prod, 0)  # noqa: ARG005 - every operation may be a skip


def most_nested(rules: Rules) -> int:
    """How many parentheses are at most inside each other."""
    known: dict[tuple[str, int], int] = {}

    def nested(term: Term, depth: int, *, network: bool) -> int:
        if not rules.is_rule(term):
            joint = rules.is_joint(term)
            inner = depth if joint or not network else rules.max_depth
            return max((1 + nested(arg, inner, network=joint) for arg in term.args), default=0)
        key = (term.name, depth)
        if key not in known:
            network = term.name in rules.networks
            bodies = rules.offered(*key)
            known[key] = max(nested(body, depth - 1, network=network) for body in bodies)
        return known[key]

    return nested(Term(rules.start), rules.max_depth, network=True)


def _largest(
    rules: Rules, one: Callable[[str], int], in_series: Callable[[Iterable[int]], int], folded: int
) -> int:
    """The largest number over all derivations, where what is in parallel adds up."""
    known: dict[tuple[str, int], int] = {}

    def largest(term: Term, depth: int) -> int:
        if rules.is_rule(term):
            key = (term.name, depth)
            if key not in known:
                bodies = rules.offered(term.name, depth) if depth > folded else []
                found = (largest(expanded(b, rules.combinators), depth - 1) for b in bodies)
                known[key] = max(found, default=1)
            return known[key]
        if not rules.is_joint(term):
            return one(str(term))
        return (in_series if term.name == SERIES else sum)(largest(arg, depth) for arg in term.args)

    return largest(Term(rules.start), rules.max_depth)
