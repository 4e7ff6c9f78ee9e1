"""Repeated blocks of a graph, each as one vertex: what repeats is read once and counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from archbo.graphs.labelled import LabelledGraph

TIMES = "×"  # noqa: RUF001 - the sign is meant
ENDS = ("input", "output")
LONGEST_BLOCK = 4  # operations
LONGEST_LABELS = 60  # characters, all of a block together
LEAST_SAVED = 2  # vertices: two of a kind are as quickly read as counted


class Block(NamedTuple):
    """Operations in sequence that come so many times in a row."""

    labels: tuple[str, ...]
    times: int

    def __str__(self) -> str:
        """In words.

        >>> print(Block(("conv",), 3), Block(("conv", "pool"), 2), sep=", ")
        conv ×3, (conv → pool) ×2
        """
        inner = " → ".join(self.labels)
        return f"{inner if len(self.labels) == 1 else f'({inner})'} {TIMES}{self.times}"


class Folded(NamedTuple):
    """A graph with its repeated blocks folded.

    Attributes:
        graph: where a block is one vertex, labelled as the block prints.
        blocks: by the vertices that are blocks.
        place: for each vertex of the whole graph the one that it has become.
    """

    graph: LabelledGraph
    blocks: Mapping[int, Block]
    place: tuple[int, ...]


def fold(graph: LabelledGraph, *, apart: Collection[int] = ()) -> Folded:
    """Fold blocks that repeat in a straight sequence, where that saves two vertices or more.

    Args:
        graph: to fold.
        apart: vertices that stay as they are.
    """
    found: dict[int, tuple[Block, list[int]]] = {}
    for run in _runs(graph, frozenset(apart)):
        at = 0
        while at < len(run):
            block = _block([graph.labels[v] for v in run[at:]])
            if block is None:
                at += 1
                continue
            size = len(block.labels) * block.times
            found[run[at]] = (block, run[at : at + size])
            at += size
    inside = {v: first for first, (_, members) in found.items() for v in members}
    kept = [v for v in range(len(graph.labels)) if inside.get(v, v) == v]
    number = {v: i for i, v in enumerate(kept)}
    place = tuple(number[inside.get(v, v)] for v in range(len(graph.labels)))
    edges = [(place[s], place[t], m) for s, t, m in graph.edges if place[s] != place[t]]
    labels = [str(found[v][0]) if v in found else graph.labels[v] for v in kept]
    folded = LabelledGraph(
        tuple(labels),
        tuple(edges),
        tuple(graph.alive[v] for v in kept),
        tuple(graph.group[v] for v in kept),
    )
    return Folded(folded, {number[v]: block for v, (block, _) in found.items()}, place)


def _runs(graph: LabelledGraph, apart: frozenset[int]) -> Iterator[list[int]]:
    """The straight sequences: each vertex feeds the next alone, and nothing else feeds that."""
    count = len(graph.labels)
    fed, feeds = [0] * count, [0] * count
    for source, target, _ in graph.edges:
        feeds[source] += 1
        fed[target] += 1
    following = {
        s: t
        for s, t, m in graph.edges
        if m == feeds[s] == fed[t] == 1
        and not apart & {s, t}
        and graph.labels[s] not in ENDS
        and graph.labels[t] not in ENDS
        and (graph.group[s], graph.alive[s]) == (graph.group[t], graph.alive[t])
    }
    for start in following.keys() - following.values():
        run = [start]
        while run[-1] in following:
            run.append(following[run[-1]])
        yield run


def _block(labels: Sequence[str]) -> Block | None:
    """The block that these labels begin with and that saves most; None if none does."""
    best: Block | None = None
    saved = LEAST_SAVED - 1
    for size in range(1, min(LONGEST_BLOCK, len(labels) // 2) + 1):
        unit = list(labels[:size])
        times = 1
        while list(labels[times * size : (times + 1) * size]) == unit:
            times += 1
        if (times - 1) * size > saved and (size == 1 or sum(map(len, unit)) <= LONGEST_LABELS):
            best, saved = Block(tuple(unit), times), (times - 1) * size
    return best
