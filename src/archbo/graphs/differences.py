"""Where two graphs differ: their vertices matched, what has no counterpart, what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from archbo.graphs.labelled import LabelledGraph

MOST_ASSIGNED = 60  # vertices: beyond, the order of the vertices decides
ROUNDS = 3
CHANGED = 1.0  # what it costs to match two operations that differ
NEIGHBOURS = 0.6  # what it costs to match two that have nothing around them in common
PLACE = 0.02  # decides between equals


class Differences(NamedTuple):
    """What is not the same in two graphs.

    Attributes:
        vertices: of each graph those that have no counterpart, or a different one.
        edges: of each graph (source, target) of those between vertices that both have a
            counterpart, which the other graph does not have, or not as often; not of sequences,
            where the vertices say it all.
    """

    vertices: tuple[frozenset[int], frozenset[int]]
    edges: tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]

    @property
    def operations(self) -> int:
        """How many operations differ, those that changed counted once."""
        return max(map(len, self.vertices))


def differences(a: LabelledGraph, b: LabelledGraph) -> Differences:
    """Match the vertices of two graphs, group by group, so that as little as possible differs.

    Sequences, and graphs that are too large, are matched in their order; others by their
    operations and what surrounds them.
    """
    pairs: dict[int, int] = {}
    wired: dict[int, int] = {}
    for name in dict.fromkeys((*a.group, *b.group)):
        mine = [v for v, group in enumerate(a.group) if group == name]
        other = [v for v, group in enumerate(b.group) if group == name]
        in_order = _straight(a, mine) and _straight(b, other)
        if in_order or max(len(mine), len(other)) > MOST_ASSIGNED:
            found = _in_order(a, b, mine, other)
        else:
            found = _assigned(a, b, mine, other)
        pairs |= found
        wired |= {} if in_order else found
    back = {v: u for u, v in wired.items()}
    same = {u for u, v in pairs.items() if (a.labels[u], a.alive[u]) == (b.labels[v], b.alive[v])}
    return Differences(
        (
            frozenset(range(len(a.labels))) - same,
            frozenset(range(len(b.labels))) - {pairs[u] for u in same},
        ),
        (_edges(a, b, wired), _edges(b, a, back)),
    )


def _straight(graph: LabelledGraph, vertices: Sequence[int]) -> bool:
    inside = set(vertices)
    own = sorted(edge for edge in graph.edges if edge[0] in inside)
    return own == [(s, t, 1) for s, t in pairwise(vertices)]


def _in_order(
    a: LabelledGraph, b: LabelledGraph, mine: Sequence[int], other: Sequence[int]
) -> dict[int, int]:
    """The longest matching stretches; between them, as many as both have, one by one."""
    matcher = SequenceMatcher(
        None, [a.labels[v] for v in mine], [b.labels[v] for v in other], autojunk=False
    )
    return {
        mine[i]: other[j]
        for _, i1, i2, j1, j2 in matcher.get_opcodes()
        for i, j in zip(range(i1, i2), range(j1, j2), strict=False)
    }


def _assigned(
    a: LabelledGraph, b: LabelledGraph, mine: Sequence[int], other: Sequence[int]
) -> dict[int, int]:
    """The cheapest assignment; from the second round on, neighbours count by what they match."""
    from scipy.optimize import linear_sum_assignment  # takes a while to load

    pairs: dict[int, int] | None = None
    for _ in range(ROUNDS):
        cost = np.zeros((len(mine), len(other)))
        for i, u in enumerate(mine):
            for j, v in enumerate(other):
                cost[i, j] = _cost(a, b, u, v, pairs) + PLACE * abs(i / len(mine) - j / len(other))
        rows, columns = linear_sum_assignment(cost)
        found = {mine[i]: other[j] for i, j in zip(rows, columns, strict=True)}
        if found == pairs:
            break
        pairs = found
    return pairs or {}


def _cost(
    a: LabelledGraph, b: LabelledGraph, u: int, v: int, pairs: dict[int, int] | None
) -> float:
    cost = 0.0 if a.labels[u] == b.labels[v] else CHANGED
    for near, far in ((0, 1), (1, 0)):
        around = _around(a, u, near, far)
        about = _around(b, v, near, far)
        if pairs is None:
            left: Counter[object] = Counter(a.labels[w] for w in around.elements())
            right: Counter[object] = Counter(b.labels[w] for w in about.elements())
        else:
            left = Counter(pairs.get(w, "nothing") for w in around.elements())
            right = Counter(about.elements())
        most = max(left.total(), right.total())
        if most:
            cost += NEIGHBOURS / 2 * (1 - (left & right).total() / most)
    return cost


def _around(graph: LabelledGraph, vertex: int, near: int, far: int) -> Counter[int]:
    """The vertices at the other ends of a vertex's edges, as often as the edges count."""
    return Counter({edge[far]: edge[2] for edge in graph.edges if edge[near] == vertex})


def _edges(a: LabelledGraph, b: LabelledGraph, pairs: dict[int, int]) -> frozenset[tuple[int, int]]:
    there = {(s, t): m for s, t, m in b.edges}
    return frozenset(
        (s, t)
        for s, t, m in a.edges
        if s in pairs and t in pairs and there.get((pairs[s], pairs[t]), 0) < m
    )
