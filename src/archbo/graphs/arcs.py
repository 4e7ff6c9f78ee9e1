"""Where the vertices of a small graph go on one line: topological order, arcs at both sides.

Three steps: an order in which the edges are short; a side for each edge that passes vertices, where
it crosses the fewest others; and on each side lanes, the short arcs nearest to the line. Arcs of
one lane never meet, and none runs behind a vertex.

Source: Wattenberg 2002, "Arc diagrams: visualizing structure in strings"; the sides as a book
embedding of two pages, Bernhart and Kainen 1979.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MOST_VERTICES = 16  # a longer line is a list to be searched, not a picture
MOST_BESIDE = 0.15  # of the vertices: more of them beside the longest path are branches, not skips
FEWEST_ARCS = 2


class Arcs(NamedTuple):
    """Places of vertices and edges.

    Attributes:
        order: the vertices along the line.
        lanes: of each edge; 0 from a vertex to the next on the line, else the distance of its arc
            from the line, counted in arcs, negative on the left.
    """

    order: tuple[int, ...]
    lanes: tuple[int, ...]


def arcs(count: int, edges: Sequence[tuple[int, int]]) -> Arcs:
    """Place the vertices of a graph whose edges go from a smaller to a larger number.

    Args:
        count: of vertices; the time that it takes grows with its fourth power.
        edges: (source, target), none twice.
    """
    order = _ordered(count, edges)
    rank = {v: i for i, v in enumerate(order)}
    spans = [(rank[source], rank[target]) for source, target in edges]
    lanes = [0] * len(edges)
    sides: dict[int, list[int]] = {1: [], -1: []}
    for edge in sorted(range(len(edges)), key=lambda e: (_length(spans[e]), spans[e])):
        if _length(spans[edge]) == 1:
            continue
        found = {
            side: sum(_cross(spans[edge], spans[other]) for other in others)
            for side, others in sides.items()
        }
        side = min(sides, key=lambda side: (found[side], -side))
        inner = [abs(lanes[e]) for e in sides[side] if _beside(spans[edge], spans[e])]
        lanes[edge] = side * (1 + max(inner, default=0))
        sides[side].append(edge)
    return Arcs(tuple(order), tuple(lanes))


def reads_as_arcs(count: int, edges: Sequence[tuple[int, int]]) -> bool:
    """Whether a graph reads better as a line with arcs than in layers.

    That is so for one long path with several connections past its vertices, as most cells are.
    Branches side by side read better in layers, and a path without arcs is the same in both.

    Args:
        count: of vertices.
        edges: (source, target) from a smaller to a larger number.
    """
    depth = [1] * count
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        depth[target] = max(depth[target], depth[source] + 1)
    beside = count - max(depth, default=0)
    past = sum(depth[target] - depth[source] > 1 for source, target in edges)
    return count <= MOST_VERTICES and beside <= MOST_BESIDE * count and past >= FEWEST_ARCS


def _ordered(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """A topological order in which the edges are short: moves of one vertex, while they help."""
    order = list(range(count))
    shortest = _total(order, edges)
    moved = True
    while moved:
        moved = False
        for v in range(count):
            for to in range(count):
                tried = [u for u in order if u != v]
                tried.insert(to, v)
                total = _total(tried, edges)
                if total < shortest:
                    order, shortest, moved = tried, total, True
    return order


def _total(order: Sequence[int], edges: Sequence[tuple[int, int]]) -> float:
    """The length of all edges together; endless where one goes backwards."""
    rank = {v: i for i, v in enumerate(order)}
    lengths = [rank[target] - rank[source] for source, target in edges]
    return sum(lengths) if all(length > 0 for length in lengths) else float("inf")


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _beside(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two arcs pass the same gap of the line."""
    return a[0] < b[1] and b[0] < a[1]


def _cross(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two arcs on one side cross: each has one end strictly inside the other."""
    low, high = sorted((a, b))
    return low[0] < high[0] < low[1] < high[1]
