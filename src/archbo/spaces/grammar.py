"""Grammar: networks that rules derive, hierarchical and of any shape that they allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import EllipsisType
from typing import Any

import numpy as np

from archbo.arrays import Array, Rng
from archbo.errors import ArchitectureError, SpaceError, nearest
from archbo.graphs.batch import GraphBatch, label
from archbo.spaces.cells import Cell
from archbo.spaces.grammars.combinators import expanded, operations
from archbo.spaces.grammars.composition import compose
from archbo.spaces.grammars.languages import Languages
from archbo.spaces.grammars.parsing import Parser
from archbo.spaces.grammars.rules import Rules, read_rules
from archbo.spaces.grammars.sampling import Sampler
from archbo.spaces.grammars.sizes import most_nested, most_operations, most_ways
from archbo.spaces.grammars.terms import MOST_NESTED, MOST_OPERATIONS, Term, read, words
from archbo.spaces.grammars.unrolled import Unrolled, unroll
from archbo.spaces.part import INACTIVE, Condition, Decision, listed, plain, shown

_MOST_DEPTH = 64  # deeper derivations would exhaust Python's stack
_MOST_WAYS = 2**62  # more do not fit into 64 bits


@dataclass(frozen=True, init=False)
class Grammar(Cell):
    """Networks that rules derive: recursive, hierarchical, of any shape.

    A production joins what rules derive by `seq` (one after another) or `par` (side by side, the
    results summed), or is an operation, perhaps with parameters, or another rule. A name without a
    rule is an operation, or a parameter inside the parentheses of one. The plain value is the
    derived string. The id is that of the network: the order within `par` and parentheses inside
    `seq` do not count; how often something stands in `par` does.
    Source: Schrodi et al. 2023, section 3 (https://arxiv.org/abs/2211.01842).

    Args:
        start: the rule to begin with.
        rules: the productions of each rule, as texts.
        max_depth: how many rules are applied one inside the other at most, the start included;
            for the parameters of an operation it is counted anew.
        combinators: more ways to join networks, such as `{"residual(x)": "par(x, skip_connect)"}`.
        none: the operation that passes nothing on; None if there is none.
        skip: the operation that passes its input on; None if there is none.

    >>> net = Grammar("net", {"net": ["seq(net, net)", "par(net, net)", "op"],
    ...                       "op": ["conv(kernel)", "pool"], "kernel": ["3", "5"]}, max_depth=5)
    >>> a = net.architecture("seq(conv(3), seq(par(conv(5), pool), pool))")
    >>> b = net.architecture("seq(seq(conv(3), par(pool, conv(5))), pool)")
    >>> a.id == b.id
    True
    """

    start: str
    rules: tuple[tuple[str, tuple[str, ...]], ...]
    max_depth: int
    combinators: tuple[tuple[str, str], ...]
    none: str | None
    skip: str | None

    def __init__(
        self,
        start: str,
        rules: Mapping[str, Sequence[str]],
        max_depth: int,
        combinators: Mapping[str, str] | None = None,
        none: str | EllipsisType | None = ...,
        skip: str | EllipsisType | None = ...,
    ) -> None:
        object.__setattr__(self, "start", start)
        given: Any = rules
        if isinstance(rules, Mapping):
            given = tuple((name, listed(texts)) for name, texts in rules.items())
        object.__setattr__(self, "rules", given)
        object.__setattr__(self, "max_depth", plain(max_depth))
        more: Any = {} if combinators is None else combinators
        object.__setattr__(
            self, "combinators", tuple(more.items()) if isinstance(more, Mapping) else more
        )
        for name, meant, usual in (("none", none, "none"), ("skip", skip, "skip_connect")):
            default = usual if usual in self._words() else None
            object.__setattr__(self, name, default if meant is ... else meant)

    def _words(self) -> set[str]:
        """All names in the productions and combinators, as far as they are texts."""
        found: set[str] = set()
        for given in (self.rules, self.combinators):
            for pair in given if isinstance(given, tuple) else ():
                texts = pair[1] if isinstance(pair[1], tuple) else (pair[1],)
                for text in texts:
                    found |= words(text) if isinstance(text, str) else set()
        return found

    def check(self, path: str) -> None:
        self._check_whole("max_depth", 1, _MOST_DEPTH, path)
        try:
            self._check_size()
        except SpaceError as error:
            inside = error.path.removeprefix("space")
            raise SpaceError(error.message, path=f"{path}{inside}", hint=error.hint) from None
        for name, op in (("none", self.none), ("skip", self.skip)):
            if op is not None and (not isinstance(op, str) or op not in self.ops):
                raise SpaceError(
                    f"{name}={shown(op)} is not among the operations",
                    path=path,
                    hint=nearest(str(op), self.ops),
                )
        if self.none is not None and self.none == self.skip:
            raise SpaceError(
                f"none and skip are both {self.none!r}",
                path=path,
                hint="Set one of them to None.",
            )

    def _check_size(self) -> None:
        most = most_operations(self._rules)
        if most > MOST_OPERATIONS:
            raise SpaceError(
                f"with max_depth={self.max_depth} a network may have {most} operations, "
                f"more than {MOST_OPERATIONS}",
                path="space",
                hint="Lower max_depth.",
            )
        if (nested := most_nested(self._rules)) > MOST_NESTED:
            raise SpaceError(
                f"with max_depth={self.max_depth} parentheses may be {nested} deep, "
                f"more than {MOST_NESTED}",
                path="space",
                hint="Lower max_depth.",
            )
        if self.skip is not None and (ways := most_ways(self._rules)) > _MOST_WAYS:
            raise SpaceError(
                f"with max_depth={self.max_depth} a network of {self.skip!r} may sum its input up "
                f"{float(ways):.0e} times, which 64 bits do not hold",
                path="space",
                hint="Lower max_depth.",
            )
        _ = self._tree

    @cached_property
    def _rules(self) -> Rules:
        return read_rules(self.start, self.rules, self.max_depth, self.combinators)

    @cached_property
    def _tree(self) -> Unrolled:
        return unroll(self._rules)

    @cached_property
    def _languages(self) -> Languages:
        return Languages(self._rules)

    @cached_property
    def _sampler(self) -> Sampler:
        return Sampler(self._rules, self._tree, self._languages)

    @cached_property
    def ops(self) -> tuple[str, ...]:  # type: ignore[override] # derived from the rules
        """All operations, each with all settings of its parameters."""
        return tuple(dict.fromkeys(self._tree.spellings))

    def productions(self, column: int) -> list[str]:
        """What a decision chooses from, in the order of its values; none if there is one only."""
        slots = self._tree.slots.values()
        return [str(body) for slot in slots if slot.column == column for body in slot.options]

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:
        found = []
        for decision in self._tree.decisions:
            condition = decision.condition
            if condition is not None:
                condition = replace(condition, parent=condition.parent + at)
            condition = condition or when
            found.append(replace(decision, path=f"{path}{decision.path}", condition=condition))
        return found

    def encode(self, value: Any, path: str) -> list[float]:
        if not isinstance(value, str):
            raise ArchitectureError(f"expected a derived string, got {shown(value)}", path=path)
        term, parser = read(value, ArchitectureError, path), Parser(self._rules)
        if parser.first(self.start, self.max_depth, term) is None:
            raise parser.complaint(term, value, path)
        numbers = [INACTIVE] * len(self._tree.decisions)
        numbers[0] = 0.0  # of a grammar that derives one string only
        going = [(0, term)]
        while going:
            node, inner = going.pop()
            slot = self._tree.slots[node]
            body = parser.first(slot.rule, slot.depth, inner)
            assert body is not None
            option = slot.options.index(body)
            if slot.column >= 0:
                numbers[slot.column] = float(option)
            going += zip(slot.inner[option], parser.inner(body, inner), strict=True)
        return numbers

    def decode(self, numbers: Sequence[float]) -> str:
        return str(self._term(numbers, 0))

    def _term(self, numbers: Sequence[float], node: int) -> Term:
        """What a slot of the tree derives."""
        slot = self._tree.slots[node]
        option = int(numbers[slot.column]) if slot.column >= 0 else 0
        inner = iter(slot.inner[option])

        def filled(body: Term) -> Term:
            if self._rules.is_rule(body):
                return self._term(numbers, next(inner))
            return Term(body.name, tuple(filled(arg) for arg in body.args))

        return filled(slot.options[option])

    def network(self, value: str) -> Term:
        """A derived string as a term of `seq`, `par` and operations alone."""
        return expanded(read(value, ArchitectureError, "space"), self._rules.combinators)

    def count(self) -> int:
        """How many strings there are; one with several derivations counts once."""
        return self._languages.size(Term(self.start), self.max_depth, network=True)

    def valid(self, values: Array) -> Array:
        """Where the derivation is the first one of its string."""
        return (self._first_derivations(values) == values).all(axis=1)

    def _first_derivations(self, values: Array) -> Array:
        """The first derivations of the strings that rows derive, 0 where inactive."""
        columns = np.arange(values.shape[1])
        doubtful = self._ambiguous[columns, values.astype(np.int64)].any(axis=1)
        found = values.copy()
        for k in np.flatnonzero(doubtful).tolist():
            numbers = self.encode(self.decode(values[k].tolist()), "space")
            found[k] = np.nan_to_num(numbers, nan=0.0)
        return found

    @cached_property
    def _ambiguous(self) -> Array:
        """Which value of which decision may derive what an earlier production derives, too."""
        tree = self._tree
        most = max(len(slot.options) for slot in tree.slots.values())
        found = np.zeros((len(tree.decisions), most), dtype=bool)
        known: dict[tuple[str, int], list[Term]] = {}
        for slot in tree.slots.values():
            key = slot.rule, slot.depth
            if key not in known:
                known[key] = self._repeating(*key)
            for body in known[key] if slot.column >= 0 else ():
                found[slot.column, slot.options.index(body)] = True
        return found

    def _repeating(self, rule: str, depth: int) -> list[Term]:
        """The bodies of a rule that derive what an earlier one derives, too."""
        bodies, network = self._rules.offered(rule, depth), rule in self._rules.networks

        def overlap(a: Term, b: Term) -> bool:
            return self._languages.overlap(a, b, depth - 1, network=network)

        return [b for k, b in enumerate(bodies) if any(overlap(a, b) for a in bodies[:k])]

    def draw(self, rng: Rng, count: int) -> Array:
        """Spread over all depths; see `Sampler`."""
        return self._first_derivations(self.compiled.rows(self._sampler.draw(rng, count)).values)

    def graphs(self, values: Array) -> GraphBatch:
        return self._composed(values, self._vertices, folded=0)

    def folded(self, values: Array, level: int) -> GraphBatch:
        """The graphs of rows [n w] with what lies deeper than a level left out.

        What is derived by more than `level` rules one inside the other is one vertex, named by the
        production that was chosen there. Level 0 is a single vertex, level `max_depth` the whole
        graph.
        Source: Schrodi et al. 2023, section 4, the fold operator.
        """
        left = self.max_depth - level
        return self._composed(values, 2 + most_operations(self._rules, folded=left), folded=left)

    def _composed(self, values: Array, size: int, *, folded: int) -> GraphBatch:
        none, skip = (0 if op is None else label(op) for op in (self.none, self.skip))
        return compose(self._tree, values, size=size, skip=skip, none=none, folded=folded)

    @cached_property
    def _vertices(self) -> int:
        passed = [op for op in (self.none, self.skip) if op is not None]
        return 2 + most_operations(self._rules, without=passed)

    def vertex_names(self, numbers: Sequence[float]) -> list[str]:
        passed = (self.none, self.skip)
        found = [str(op) for op in operations(self.network(self.decode(numbers)))]
        names = [name for name in found if name not in passed]
        padding = [""] * (self._vertices - 2 - len(names))
        return ["input", *names, *padding, "output"]

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": "Grammar",
            "start": self.start,
            "rules": {name: list(texts) for name, texts in self.rules},
            "max_depth": self.max_depth,
            "combinators": dict(self.combinators),
            "none": self.none,
            "skip": self.skip,
        }
