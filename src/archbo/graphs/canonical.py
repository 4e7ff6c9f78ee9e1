"""Canonical forms: equal bytes for isomorphic graphs, different bytes for all others.

Individualisation and refinement, on whole batches: refine the colours until they say all they can;
where two vertices still share one, try each of them as the distinguished one and keep the smallest
result. Vertices that a symmetry of the graph maps to each other give the same results, so one of
them is enough: twins, vertices with the same neighbours, are told apart at once, and of those that
lead to equal leaves one goes on.
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
    sizes = batch.present.sum(axis=1)
    ordered = np.argsort(sizes, kind="stable")
    # small graphs would wait for large ones; of those with a similar size none waits long
    limits = 2 ** np.arange(2, batch.labels.shape[1].bit_length() + 1)
    ends = np.searchsorted(sizes[ordered], limits)
    found: list[bytes] = [b""] * len(batch)
    for which in np.split(ordered, ends):
        if len(which):
            forms = _canonical(batch.take(which).packed())
            for g, form in zip(which.tolist(), forms, strict=True):
                found[g] = form
    return found


def _canonical(batch: GraphBatch) -> list[bytes]:
    adjacency = batch.adjacency.astype(np.uint64)
    ranks = _twin_ranks(batch) * _CHOSEN
    start = np.where(batch.present, mix(batch.labels + ranks) | np.uint64(1), ABSENT)
    colours = _stable(start, adjacency)
    forms = _forms(batch, colours)
    tied = np.flatnonzero(_smallest_tie(colours))
    for g, form in zip(tied, _search(batch.take(tied), colours[tied]), strict=True):
        forms[g] = form
    return forms


def _twin_ranks(batch: GraphBatch) -> UInt64[Array, "g v"]:
    """How many vertices with the same label and the same neighbours stand before each, [g v].

    Twins can be exchanged for each other: told apart in any order they give the same form.
    """
    places = mix(np.arange(1, batch.labels.shape[1] + 1, dtype=np.uint64))
    adjacency = batch.adjacency.astype(np.uint64)
    ins = mix(np.matmul(places, adjacency))
    outs = mix(np.matmul(adjacency, places) + _CHOSEN)
    alike = mix(batch.labels) + ins + outs
    order = np.argsort(alike, axis=1, kind="stable")
    ordered = np.take_along_axis(alike, order, axis=1)
    at = np.broadcast_to(np.arange(alike.shape[1]), alike.shape)
    new = np.ones(alike.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    ranks = np.zeros(alike.shape, dtype=np.uint64)
    since = at - np.maximum.accumulate(np.where(new, at, 0), axis=1)
    np.put_along_axis(ranks, order, since.astype(np.uint64), axis=1)
    return ranks


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
        labels[g, a:].tobytes() + matrix[g, a:, a:].astype("<i8").tobytes()
        for g, a in enumerate(absent)
    ]


def _search(batch: GraphBatch, colours: UInt64[Array, "g v"]) -> list[bytes]:
    """The smallest form of each graph over all ways to break its ties."""
    best: dict[int, bytes] = {}
    owner, open_ends = np.arange(len(batch)), colours
    while len(owner):
        parent, chosen = np.nonzero(open_ends == _smallest_tie(open_ends)[:, None])
        owner, children = owner[parent], _distinguished(open_ends[parent], chosen)
        graphs = batch.take(owner)
        children = _stable(children, graphs.adjacency.astype(np.uint64))
        leaves = _first_leaves(graphs, children)
        forms = _forms(graphs, leaves)
        for g, form in zip(owner.tolist(), forms, strict=True):
            best[g] = min(best.get(g, form), form)
        # siblings with the same leaf are images of each other under a symmetry: one is enough
        keys = zip(parent.tolist(), forms, np.sort(leaves, axis=1), strict=True)
        first = {(at, form, leaf.tobytes()): k for k, (at, form, leaf) in enumerate(keys)}
        tied = _smallest_tie(children) != ABSENT
        going = [k for k in first.values() if tied[k]]
        owner, open_ends = owner[going], children[going]
    return [best[g] for g in range(len(batch))]


def _first_leaves(batch: GraphBatch, colours: UInt64[Array, "g v"]) -> Array:
    """Break every tie by its first vertex, [g v]."""
    colours = colours.copy()
    while len(tied := np.flatnonzero(_smallest_tie(colours))):
        open_ends = colours[tied]
        first = (open_ends == _smallest_tie(open_ends)[:, None]).argmax(axis=1)
        adjacency = batch.adjacency[tied].astype(np.uint64)
        colours[tied] = _stable(_distinguished(open_ends, first), adjacency)
    return colours


def _distinguished(colours: UInt64[Array, "g v"], chosen: Array) -> Array:
    """A colour of its own for the chosen vertex of each graph, [g v].

    The others get new ones, too, or the next to be chosen among equals would get the colour of
    the last.
    """
    found = np.where(colours == ABSENT, ABSENT, mix(colours) | np.uint64(1))
    rows = np.arange(len(colours))
    found[rows, chosen] = mix(colours[rows, chosen] ^ _CHOSEN) | np.uint64(1)
    return found
