"""Canonical forms: equal bytes for isomorphic graphs, different bytes for all others.

Individualisation and refinement, on whole batches: refine the colours until they say all they can;
where two vertices still share one, try each of them as the distinguished one and keep the smallest
result. Vertices with the same neighbours (twins) are interchangeable, so one of them is enough.
Source: McKay and Piperno 2014, section 2.
"""

from __future__ import annotations

import numpy as np

from archbo.arrays import Array, UInt64
from archbo.graphs.batch import ABSENT, GraphBatch
from archbo.graphs.wl import mix, refine

_CHOSEN = np.uint64(0xD6E8FEB86659FD93)


def canonical_bytes(batch: GraphBatch) -> list[bytes]:
    """The canonical form of each graph: its labels and multiplicities in canonical order.

    The padding does not count: a graph has the same form in a batch of larger graphs.
    """
    if len(batch) == 0:
        return []
    adjacency = batch.adjacency.astype(np.uint64)
    start = np.where(batch.present, mix(batch.labels) | np.uint64(1), ABSENT)
    colours = _stable(start, adjacency)
    tied = _smallest_tie(colours)
    forms = _forms(batch, colours)
    for g in np.flatnonzero(tied):
        forms[g] = _search(batch.take(np.array([g])), colours[g])
    return forms


def _stable(colours: UInt64[Array, "g v"], adjacency: UInt64[Array, "g v v"]) -> Array:
    """Refine each graph until its own partition gets no finer, [g v].

    Each graph stops by itself, so that its colours do not depend on the others in the batch.
    """
    colours = colours.copy()
    classes = _classes(colours)
    going = np.arange(len(colours))
    while len(going):
        refined = refine(colours[going], adjacency[going])
        found = _classes(refined)
        finer = found > classes[going]
        going = going[finer]
        colours[going], classes[going] = refined[finer], found[finer]
    return colours


def _classes(colours: UInt64[Array, "g v"]) -> Array:
    """How many different colours each graph has, [g]."""
    ordered = np.sort(colours, axis=1)
    return (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)


def _smallest_tie(colours: UInt64[Array, "g v"]) -> UInt64[Array, " g"]:
    """The smallest colour that two vertices of a graph share, or 0."""
    ordered = np.sort(colours, axis=1)
    same = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != ABSENT)
    first = same.argmax(axis=1)
    return np.where(same.any(axis=1), ordered[np.arange(len(ordered)), first + 1], ABSENT)


def _forms(batch: GraphBatch, colours: UInt64[Array, "g v"]) -> list[bytes]:
    """Each graph with its vertices sorted by colour."""
    order = np.argsort(colours, axis=1, kind="stable")
    labels = np.take_along_axis(batch.labels, order, axis=1)
    rows = np.take_along_axis(batch.adjacency, order[:, :, None], axis=1)
    matrix = np.take_along_axis(rows, order[:, None, :], axis=2)
    # absent vertices have colour 0 and come first: leave them out
    absent = (labels == ABSENT).sum(axis=1)
    return [
        labels[g, a:].tobytes() + matrix[g, a:, a:].astype("<i4").tobytes()
        for g, a in enumerate(absent)
    ]


def _search(graph: GraphBatch, colours: UInt64[Array, " v"]) -> bytes:
    """The smallest form over all ways to break the ties of one graph."""
    adjacency = graph.adjacency.astype(np.uint64)
    open_ends = colours[None, :]
    best: bytes | None = None
    while len(open_ends):
        tie = _smallest_tie(open_ends)
        done = open_ends[tie == ABSENT]
        if len(done):
            copies = GraphBatch(
                np.repeat(graph.labels, len(done), axis=0),
                np.repeat(graph.adjacency, len(done), axis=0),
            )
            smallest = min(_forms(copies, done))
            best = smallest if best is None else min(best, smallest)
        branches = []
        for row, colour in zip(open_ends[tie != ABSENT], tie[tie != ABSENT], strict=True):
            members = np.flatnonzero(row == colour)
            for v in _without_twins(graph.adjacency[0], members):
                chosen = row.copy()
                chosen[v : v + 1] = mix(row[v : v + 1] ^ _CHOSEN) | np.uint64(1)
                branches.append(chosen)
        if not branches:
            break
        stacked = np.stack(branches)
        open_ends = _stable(stacked, np.repeat(adjacency, len(stacked), axis=0))
    assert best is not None
    return best


def _without_twins(adjacency: Array, members: Array) -> Array:
    """One vertex where all members have the same neighbours, else all members."""
    ins, outs = adjacency[:, members], adjacency[members, :]
    if (ins == ins[:, :1]).all() and (outs == outs[:1, :]).all():
        return members[:1]
    return members
