"""Graphs as users give them, brought into one form.

A graph that was read begins at its first vertex, "input", and ends at its last, "output"; the
vertices are in topological order. Where a graph has no such vertex that nothing feeds, or several,
one is joined before all that nothing feeds; and so at its end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from archbo.errors import SpaceError

INPUT_NAME, OUTPUT_NAME = "input", "output"

Edge = tuple[int, int]
Read = tuple[list[str], list[Edge]]
"""The operation of each vertex, and the edges sorted by target, then source."""


def read_graph(given: Any, path: str, *, attribute: str, labels: Sequence[str] | None) -> Read:
    """One labelled directed acyclic graph.

    Args:
        given: a networkx DiGraph; a pair (operations, edges); or a line, as `line` writes it.
        path: what to call it in an error.
        attribute: of a DiGraph's vertices that holds the operation.
        labels: names of the operations that pairs and lines give by their positions; None if pairs
            give the names.

    Raises:
        SpaceError: if it is no such graph, naming what is wrong with it.
    """
    networkx = sys.modules.get("networkx")  # whoever has a graph of it has loaded it
    if networkx is not None and isinstance(given, networkx.Graph):
        ops, edges = _from_networkx(given, path, attribute)
    elif isinstance(given, str):
        ops, edges = _from_line(given, path)
        ops = [_label(op, labels or (), f"{path}[{v}]") for v, op in enumerate(ops)]
    elif isinstance(given, (list, tuple)) and len(given) == 2:
        ops, edges = _from_pair(given, path)
        if labels is not None:
            ops = [_label(op, labels, f"{path}[{v}]") for v, op in enumerate(ops)]
    else:
        raise SpaceError(
            f"expected a networkx DiGraph or (operations, edges), got {type(given).__name__}",
            path=path,
        )
    for v, op in enumerate(ops):
        if not isinstance(op, str):
            raise SpaceError(
                f"an operation is a name, got {op!r}",
                path=f"{path}[{v}]",
                hint="Give labels=[…] where operations are positions.",
            )
    if not ops:
        raise SpaceError("the graph has no vertices", path=path)
    return _in_order(ops, edges, path)


def line(codes: Iterable[int], edges: Iterable[Edge]) -> str:
    """A graph in few characters: the positions of its operations, then the ends of its edges.

    >>> line([0, 2, 1], [(0, 1), (1, 2)])
    '0 2 1/0 1 1 2'
    """
    ends = (end for edge in edges for end in edge)
    return f"{' '.join(map(str, codes))}/{' '.join(map(str, ends))}"


def _from_line(text: str, path: str) -> tuple[list[Any], list[Edge]]:
    ops, _, ends = text.partition("/")
    try:
        numbers = [int(end) for end in ends.split()]
        codes: list[Any] = [int(op) for op in ops.split()]
        edges = list(zip(numbers[::2], numbers[1::2], strict=True))
    except ValueError:
        raise SpaceError(
            f"expected a line such as '0 2 1/0 1 1 2', got {text[:40]!r}", path=path
        ) from None
    return codes, _checked(edges, len(codes), path)


def _from_pair(given: Sequence[Any], path: str) -> tuple[list[Any], list[Edge]]:
    ops, edges = given
    for name, part in (("operations", ops), ("edges", edges)):
        if isinstance(part, (str, bytes, Mapping)) or not isinstance(part, Iterable):
            raise SpaceError(f"expected a list of {name}, got {part!r}", path=path)
    ops = list(ops)
    try:
        ends = [(int(source), int(target)) for source, target in edges]
    except (TypeError, ValueError):
        raise SpaceError("an edge is a pair of positions (source, target)", path=path) from None
    return ops, _checked(ends, len(ops), path)


def _from_networkx(graph: Any, path: str, attribute: str) -> tuple[list[Any], list[Edge]]:
    if not graph.is_directed() or graph.is_multigraph():
        raise SpaceError(f"expected a DiGraph, got a {type(graph).__name__}", path=path)
    place = {vertex: v for v, vertex in enumerate(graph)}
    ops = []
    for vertex, found in graph.nodes(data=attribute):
        if found is None:
            raise SpaceError(
                f"vertex {vertex!r} has no attribute {attribute!r}",
                path=path,
                hint=f"Set graph.nodes[{vertex!r}][{attribute!r}], or name another attribute=….",
            )
        ops.append(found)
    return ops, _checked([(place[s], place[t]) for s, t in graph.edges], len(ops), path)


def _checked(edges: list[Edge], vertices: int, path: str) -> list[Edge]:
    """The edges, if all are between vertices and none is given twice."""
    for s, t in edges:
        if not (0 <= s < vertices and 0 <= t < vertices):
            raise SpaceError(
                f"no edge from {s} to {t}: the vertices are 0 to {vertices - 1}", path=path
            )
    if len(set(edges)) < len(edges):
        twice = next(edge for k, edge in enumerate(edges) if edge in edges[:k])
        raise SpaceError(f"edge {twice} is given twice", path=path)
    return edges


def _label(op: Any, labels: Sequence[str], path: str) -> str:
    try:
        position = int(op)
    except (TypeError, ValueError):
        position = -1
    if not 0 <= position < len(labels):
        raise SpaceError(f"{op!r} is no position in the {len(labels)} labels", path=path)
    return labels[position]


def _in_order(ops: list[str], edges: list[Edge], path: str) -> Read:
    """The graph in the module's form."""
    forward = all(s < t for s, t in edges)
    order = list(range(len(ops))) if forward else _topological(len(ops), edges, path)
    fed, feeding = {t for _, t in edges}, {s for s, _ in edges}
    first = [v for v in order if v not in fed]
    last = [v for v in order if v not in feeding]
    begins = [v for v in first if ops[v] == INPUT_NAME]
    ends = [v for v in last if ops[v] == OUTPUT_NAME]
    # where none or several begin it, one that feeds them is joined; and so at the end
    marked = {v for found in (begins, ends) if len(found) == 1 for v in found}
    inner = [v for v in order if v not in marked]
    place = {v: i for i, v in enumerate(inner, 1)}
    place |= dict.fromkeys(marked.intersection(begins), 0)
    place |= dict.fromkeys(marked.intersection(ends), len(inner) + 1)
    arrows = [(place[s], place[t]) for s, t in edges]
    if len(begins) != 1:
        arrows += [(0, place[v]) for v in first]
    if len(ends) != 1:
        arrows += [(place[v], len(inner) + 1) for v in last]
    named = [INPUT_NAME, *(ops[v] for v in inner), OUTPUT_NAME]
    return named, sorted(arrows, key=_by_target)


def _by_target(edge: Edge) -> Edge:
    return edge[1], edge[0]


def _topological(vertices: int, edges: list[Edge], path: str) -> list[int]:
    """The vertices, each behind all that feed it; as they were given where that does not matter.

    Raises:
        SpaceError: if there is a cycle, naming a vertex on it.
    """
    targets: list[list[int]] = [[] for _ in range(vertices)]
    waiting = [0] * vertices
    for s, t in edges:
        targets[s].append(t)
        waiting[t] += 1
    ready = [v for v in range(vertices) if not waiting[v]]
    heapify(ready)
    order = []
    while ready:
        v = heappop(ready)
        order.append(v)
        for t in targets[v]:
            waiting[t] -= 1
            if not waiting[t]:
                heappush(ready, t)
    if len(order) < vertices:
        raise SpaceError(
            f"the graph has a cycle: {' → '.join(map(str, _cycle(edges, order)))}", path=path
        )
    return order


def _cycle(edges: list[Edge], done: list[int]) -> list[int]:
    """A cycle among the vertices that no order was found for: each of them is fed by another."""
    sources = {t: s for s, t in edges if s not in set(done)}
    v = next(t for t in sources if t not in set(done))
    walk = [v]
    while walk.count(walk[-1]) < 2:
        walk.append(sources[walk[-1]])
    return walk[walk.index(walk[-1]) :][::-1]
