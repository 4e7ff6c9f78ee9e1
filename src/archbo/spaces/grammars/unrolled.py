"""The derivation tree of a grammar unrolled to its greatest depth: a fixed list of decisions.

Wherever a rule is applied there is a slot: the decision between the productions that can still end.
Productions that begin with the same rules share the slots of these, so that a change from one to
the other keeps what stands in them.

Notation: k nodes of the tree, the first one the start's slot.
    kind         [k]  SLOT, LEAF, IN_SERIES or IN_PARALLEL
    left, right  [k]  the nodes that are joined in series or in parallel
    column       [k]  a slot's decision; -1 where only one production is left
    first        [k]  where a slot's options begin in `targets` and `folded`, a leaf's spellings in
                      `labels`
    begin, end   [k]  a leaf's columns among those of parameters
    depth        [k]  how much depth is left, that of the slot itself included
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, product
from math import prod

import numpy as np

from archbo.arrays import Array
from archbo.errors import SpaceError
from archbo.graphs.batch import label
from archbo.spaces.grammars.combinators import SERIES
from archbo.spaces.grammars.rules import Rules
from archbo.spaces.grammars.terms import Term
from archbo.spaces.part import Condition, Decision

SLOT, LEAF, IN_SERIES, IN_PARALLEL = range(4)

MOST_DECISIONS = 4096
"""A larger tree is refused: it would take seconds and hundreds of megabytes."""

MOST_SPELLINGS = 4096
"""So many different operations, parameters included, are at most told apart."""

_NETWORK = 0  # the stride of a slot whose rule derives networks, not parameters


@dataclass(slots=True)
class Slot:
    """One application of a rule.

    Attributes:
        rule: its name.
        depth: how much depth is left, its own included.
        column: its decision, -1 if there is none.
        options: the bodies to choose from, in the order of the decision's values.
        inner: for each option the slots of its rules, in order.
    """

    rule: str
    depth: int
    column: int
    options: list[Term]
    inner: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True)
class Unrolled:
    """The unrolled tree; see the module's notation.

    Attributes:
        decisions: their paths relative, their conditions too.
        slots: by node.
        kind, left, right, column, first, begin, end, depth: of each node.
        targets: the node that each option of a slot leads to.
        folded: what each option of a slot is called where it stands for all below.
        spellings: the operations, by leaf, each with all settings of its parameters.
        weights: by column, how much each value of a parameter adds to the rank of the spelling.
    """

    decisions: list[Decision]
    slots: Mapping[int, Slot]
    kind: Array
    left: Array
    right: Array
    column: Array
    first: Array
    begin: Array
    end: Array
    depth: Array
    targets: Array
    folded: list[str]
    spellings: list[str]
    weights: Mapping[int, list[int]]

    @cached_property
    def labels(self) -> Array:
        """The label of each spelling."""
        return np.array([label(text) for text in self.spellings], dtype=np.uint64)

    @cached_property
    def fold_labels(self) -> Array:
        """The label of each option of a slot where it stands for all below."""
        return np.array([label(text) for text in self.folded], dtype=np.uint64)

    @cached_property
    def parameters(self) -> tuple[Array, Array]:
        """The columns of parameters, [p], and their weights, [p, options]."""
        columns = np.array(list(self.weights), dtype=np.int64)
        table = np.zeros((len(columns), max(map(len, self.weights.values()), default=0)), np.int64)
        for k, weights in enumerate(self.weights.values()):
            table[k, : len(weights)] = weights
        return columns, table


def unroll(rules: Rules) -> Unrolled:
    """The unrolled tree of rules.

    Raises:
        SpaceError: if it would be too large.
    """
    builder = _Unroller(rules)
    start = rules.start
    builder.slot(start, rules.max_depth, stride=_NETWORK, when=None, path=f".{start}")
    if not builder.decisions:
        builder.decisions.append(Decision.categorical(f".{start}", 1, None))
    arrays = {
        name: np.array([node[name] for node in builder.nodes], dtype=np.int64) for name in _FIELDS
    }
    return Unrolled(
        decisions=builder.decisions,
        slots=builder.slots,
        targets=np.array(builder.targets, dtype=np.int64),
        folded=builder.folded,
        spellings=builder.spellings,
        weights=builder.weights,
        **arrays,
    )


_FIELDS = ("kind", "left", "right", "column", "first", "begin", "end", "depth")


class _Unroller:
    """Grows the tree from its root; see `Unrolled` for what it collects."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.order = {name: k for k, name in enumerate(rules.productions)}
        self.decisions: list[Decision] = []
        self.slots: dict[int, Slot] = {}
        self.nodes: list[dict[str, int]] = []
        self.targets: list[int] = []
        self.folded: list[str] = []
        self.spellings: list[str] = []
        self.weights: dict[int, list[int]] = {}
        self._columns: dict[int, tuple[int, int]] = {}  # of a slot among those of parameters
        self._spelt: dict[tuple[Term, int], list[str]] = {}
        self._first: dict[Term, int] = {}

    def node(self, kind: int, depth: int, **fields: int) -> int:
        """A new node."""
        nothing = dict.fromkeys(_FIELDS, 0)
        self.nodes.append(nothing | {"kind": kind, "depth": depth, "column": -1} | fields)
        return len(self.nodes) - 1

    def slot(self, name: str, depth: int, *, stride: int, when: Condition | None, path: str) -> int:
        """A new slot and all below it.

        Args:
            name: of the rule.
            depth: how much is left.
            stride: by how much the next of its spellings moves the rank of the operation whose
                parameter it is; 0 for a network.
            when: the condition of its decision.
            path: of its decision.
        """
        keys = self._options(name, depth, stride)
        options = list(keys)
        slot = Slot(name, depth, -1, options, [[] for _ in options])
        begin = len(self.weights)
        if len(options) > 1:
            slot.column = len(self.decisions)
            self._decide(slot, stride, when, path)
        first = len(self.targets)
        node = self.node(SLOT, depth, first=first, column=slot.column)
        self.slots[node] = slot
        self.targets += [-1] * len(options)
        self.folded += [f"{name} = {body}" for body in options]
        self._fill(slot, list(keys.values()), stride, when, path)
        for k, body in enumerate(options if stride == _NETWORK else []):
            self.targets[first + k] = self._body(body, depth, iter(slot.inner[k]), {})
        self._columns[node] = begin, len(self.weights)
        return node

    def _decide(self, slot: Slot, stride: int, when: Condition | None, path: str) -> None:
        """The decision of a slot. It starts from what ends soonest."""
        if len(self.decisions) == MOST_DECISIONS:
            raise SpaceError(
                f"unrolled to max_depth={self.rules.max_depth} there are more than "
                f"{MOST_DECISIONS} decisions",
                path="space",
                hint="Lower max_depth, or use fewer rules in a production.",
            )
        offered = self.rules.offered(slot.rule, slot.depth)
        soonest = min(offered, key=lambda body: self.rules.needs(slot.rule, body))
        start = float(slot.options.index(soonest))
        self.decisions.append(Decision.categorical(path, len(slot.options), when, start))
        if stride:
            sizes = [len(self._spell(body, slot.depth - 1)) for body in slot.options]
            self.weights[slot.column] = [stride * sum(sizes[:k]) for k in range(len(sizes))]

    def _options(self, name: str, depth: int, stride: int) -> dict[Term, list[tuple[int, int]]]:
        """The bodies to choose from with their keys, those that begin alike side by side."""
        bodies = self.rules.offered(name, depth)
        keys = {body: self._keys(body, depth - 1, stride) for body in bodies}
        return dict(sorted(keys.items(), key=lambda item: item[1]))

    def _keys(self, body: Term, depth: int, stride: int) -> list[tuple[int, int]]:
        """For each rule in a body, its position and its stride within the body."""
        if stride == _NETWORK:
            if self.rules.is_joint(body):
                return [key for arg in body.args for key in self._keys(arg, depth, stride)]
            if self.rules.is_rule(body):
                return [(self.order[body.name], _NETWORK)]
            depth = self.rules.max_depth
        names = self.rules.names_in(body)
        sizes = [len(self._spell(Term(name), depth)) for name in names]
        return [(self.order[name], prod(sizes[:k])) for k, name in enumerate(names)]

    def _fill(
        self,
        slot: Slot,
        keys: list[list[tuple[int, int]]],
        stride: int,
        when: Condition | None,
        path: str,
    ) -> None:
        """Make the slots inside, one for all neighbouring options whose keys begin alike."""
        names = list(self.rules.productions)
        made = 0
        going = [(0, range(len(keys)))]
        while going:
            position, members = going.pop()
            longer = [k for k in members if len(keys[k]) > position]
            runs = [list(run) for _, run in groupby(longer, key=lambda k: keys[k][position])]
            for run in runs:
                rule, step = keys[run[0]][position]
                inner = when
                if len(run) < len(slot.options):
                    inner = Condition(slot.column, float(run[0]), float(run[-1]))
                anew = stride == _NETWORK != step
                child = self.slot(
                    names[rule],
                    self.rules.max_depth if anew else slot.depth - 1,
                    stride=stride * step or step,
                    when=inner,
                    path=f"{path}.{names[rule]}[{made}]",
                )
                made += 1
                for k in run:
                    slot.inner[k].append(child)
            going += [(position + 1, range(run[0], run[-1] + 1)) for run in reversed(runs)]

    def _body(self, body: Term, depth: int, slots: Iterator[int], filled: Mapping[str, int]) -> int:
        """The node of a body, with its slots in order, and the variables of a combinator filled."""
        if body.name in filled:
            return filled[body.name]
        if self.rules.is_rule(body):
            return next(slots)
        if not self.rules.is_joint(body):
            return self._leaf(body, depth, [next(slots) for _ in self.rules.names_in(body)])
        nodes = [self._body(arg, depth, slots, filled) for arg in body.args]
        combinator = self.rules.combinators.get(body.name)
        if combinator is not None:
            inner = dict(zip(combinator.variables, nodes, strict=True))
            return self._body(combinator.body, depth, iter(()), inner)
        return self._joined(IN_SERIES if body.name == SERIES else IN_PARALLEL, nodes, depth)

    def _joined(self, kind: int, nodes: list[int], depth: int) -> int:
        """Two by two, so that many take few steps."""
        if len(nodes) == 1:
            return nodes[0]
        half = len(nodes) // 2
        left = self._joined(kind, nodes[:half], depth)
        right = self._joined(kind, nodes[half:], depth)
        return self.node(kind, depth, left=left, right=right)

    def _leaf(self, operation: Term, depth: int, slots: list[int]) -> int:
        """An operation; the rank of its spelling is the sum of its parameters' weights."""
        if operation not in self._first:
            self._first[operation] = len(self.spellings)
            self.spellings += self._spell(operation, self.rules.max_depth)
        begin, end = (self._columns[slots[0]][0], self._columns[slots[-1]][1]) if slots else (0, 0)
        return self.node(LEAF, depth, first=self._first[operation], begin=begin, end=end)

    def _spell(self, term: Term, depth: int) -> list[str]:
        """All that a parameter or an operation may be, by rank: the first argument runs fastest."""
        key = (term, depth)
        if key not in self._spelt:
            if self.rules.is_rule(term):
                options = self._options(term.name, depth, 1)
                found = [text for body in options for text in self._spell(body, depth - 1)]
            else:
                args = [self._spell(arg, depth) for arg in term.args]
                self._check_spellings(term, prod(map(len, args)))
                found = [
                    f"{term.name}({', '.join(reversed(texts))})" if texts else term.name
                    for texts in product(*reversed(args))
                ]
            self._check_spellings(term, len(found))
            self._spelt[key] = found
        return self._spelt[key]

    def _check_spellings(self, term: Term, number: int) -> None:
        if number > MOST_SPELLINGS:
            raise SpaceError(
                f"{str(term)!r} has {number} settings, more than {MOST_SPELLINGS}",
                path="space",
                hint="Make what has many settings a part of its own, beside the grammar.",
            )
