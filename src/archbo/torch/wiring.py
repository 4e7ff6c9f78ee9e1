"""Cells and chains as the order in which their live operations run.

A plain value may stand wherever an `Architecture` may: a list of (source, target, operation) is an
EdgeCell's, with the operation `none` for no edge; a mapping with "ops" and "edges" is a NodeCell's;
a list of operation names or cells is a Chain's; a string that begins with `seq(` or `par(` is a
Grammar's, with the operation `none` for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from archbo.errors import ArchitectureError, ProblemError
from archbo.spaces import Architecture, Chain, EdgeCell, Grammar, NodeCell, Part, Space
from archbo.spaces.grammars.combinators import PARALLEL, SERIES
from archbo.spaces.grammars.terms import Term, read


class Step(NamedTuple):
    """One operation, applied to the sum of some earlier values.

    Attributes:
        operation: its name.
        sources: positions of the values; 0 is the cell's input, k the result of step k - 1.
        path: where it stands, such as `space.cell[0,1]`.
    """

    operation: str
    sources: tuple[int, ...]
    path: str


class Wiring(NamedTuple):
    """A cell: its live operations in order, and the values that its output sums.

    An operation is live if a path leads from the input through it to the output. Dead ones are left
    out: they would cost parameters and change nothing. Without any path, `output` is empty.
    """

    steps: tuple[Step, ...]
    output: tuple[int, ...]


def layers(arch: Any) -> tuple[list[Wiring], bool]:
    """What an architecture is built from: the wiring of its layers, and whether it is a chain.

    A cell is one layer.

    Args:
        arch: an architecture whose space is a cell or a chain, or has exactly one of them among its
            parts; or the plain value of one.

    Raises:
        ArchitectureError: if the value is no cell and no chain.
        ProblemError: if the architecture has no cell or chain, or several.
    """
    if isinstance(arch, Architecture):
        value, part, path = _only_graph(arch)
    else:
        value, part, path = arch, None, "architecture"
    block = part.block if isinstance(part, Chain) else part
    if isinstance(block, EdgeCell) and block.concatenates:
        raise ProblemError(
            "cells with keep are stacked by themselves, not in a chain",
            path=path,
            hint="Write ab.Space(normal=…, reduction=…).",
        )
    kind = _kind(value)
    if kind is Chain:
        return [_layer(layer, block, f"{path}[{i}]") for i, layer in enumerate(value)], True
    return [_layer(value, block, path)], False


def _only_graph(arch: Architecture) -> tuple[Any, Part, str]:
    """The value, part and path of the one cell or chain of an architecture."""
    found = list(graphs(arch.space, arch.value, "space"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise ProblemError(f"there is no cell or chain to build in {arch.space!r}")
    names = [path.removeprefix("space.") for _, _, path in found]
    raise ProblemError(
        f"there are {len(found)} cells and chains: {', '.join(names)}",
        hint=f"Build one of them: arch.part({names[0]!r}).",
    )


def graphs(part: Part, value: Any, path: str) -> Iterable[tuple[Any, Part, str]]:
    """The value, part and path of each cell and chain of a space."""
    if isinstance(part, EdgeCell | NodeCell | Grammar | Chain):
        yield value, part, path
    elif isinstance(part, Space):
        for name, _, child in part.children():
            yield from graphs(child, value[name], f"{path}.{name}")


def _kind(value: Any) -> type[Part] | None:
    """Which part's plain value this is; None for an operation's name, and for anything else."""
    if isinstance(value, str):
        name, opened, _ = value.partition("(")
        return Grammar if opened and name.strip() in (SERIES, PARALLEL) else None
    if isinstance(value, Mapping):
        return NodeCell if {"ops", "edges"} == set(value) else None
    if not isinstance(value, Sequence) or not value:
        return None
    if all(isinstance(e, Sequence) and len(e) == 3 and isinstance(e[0], int) for e in value):
        return EdgeCell
    return Chain


def _layer(value: Any, block: Part | None, path: str) -> Wiring:
    none = block.none if isinstance(block, EdgeCell | Grammar) else "none"
    if isinstance(block, Grammar):
        return _derived(block.network(value), none, path)
    kind = _kind(value)
    if kind is Grammar:
        return _derived(read(value, ArchitectureError, path), none, path)
    if isinstance(value, str):
        return Wiring((Step(value, (0,), path),), (1,))
    if kind is EdgeCell:
        return _edge_cell(value, none, path)
    if kind is NodeCell:
        return _node_cell(value["ops"], value["edges"], path)
    raise ArchitectureError(
        f"expected the name of an operation or a cell, got {value!r}",
        path=path,
        hint="Build what has settings of its own by your own code, or as operations without any.",
    )


def _edge_cell(value: Sequence[Sequence[Any]], none: str | None, path: str) -> Wiring:
    """Each edge is a step on the sum of the edges into its source.

    Source: Dong and Yang 2020 (NAS-Bench-201), section 2.1.
    """
    for s, t, _ in value:
        if not 0 <= s < t:
            raise ArchitectureError(f"no edge from {s!r} to {t!r}", path=path)
    last = max(t for _, t, _ in value)
    edges = sorted((t, s, op) for s, t, op in value if op != none)
    live = _between(((s, t) for t, s, _ in edges), last)
    into: dict[int, list[int]] = {0: [0]}
    steps: list[Step] = []
    for t, s, op in edges:
        if s in live and t in live:
            steps.append(Step(op, tuple(into[s]), f"{path}[{s},{t}]"))
            into.setdefault(t, []).append(len(steps))
    return Wiring(tuple(steps), tuple(into.get(last, ())))


def _node_cell(ops: Sequence[str], edges: Sequence[Sequence[int]], path: str) -> Wiring:
    """Each inner node is a step on the sum of its sources.

    Source: Ying et al. 2019 (NAS-Bench-101), section 2.1; there the output concatenates.
    """
    last = len(ops) + 1
    for s, t in edges:
        if not 0 <= s < t <= last:
            raise ArchitectureError(f"no edge from {s!r} to {t!r}", path=f"{path}.edges")
    live = _between(((s, t) for s, t in edges), last)
    place = {0: 0}
    steps: list[Step] = []
    for v, op in enumerate(ops, 1):
        if v in live:
            sources = tuple(place[s] for s, t in edges if t == v and s in live)
            steps.append(Step(op, sources, f"{path}.ops[{v}]"))
            place[v] = len(steps)
    return Wiring(tuple(steps), tuple(place[s] for s, t in edges if t == last and s in live))


def _derived(network: Term, none: str | None, path: str) -> Wiring:
    """Each operation is a step; what is in parallel is summed by what follows."""
    steps: list[Step] = []
    met = count()

    def results(term: Term, sources: tuple[int, ...]) -> tuple[int, ...]:
        if term.name == SERIES:
            for arg in term.args:
                sources = results(arg, sources)
            return sources
        if term.name == PARALLEL:
            return tuple(result for arg in term.args for result in results(arg, sources))
        place = next(met)
        if not sources or str(term) == none:
            return ()
        steps.append(Step(str(term), sources, f"{path}[{place}]"))
        return (len(steps),)

    return _alive(steps, results(network, (0,)))


def _alive(steps: Sequence[Step], output: tuple[int, ...]) -> Wiring:
    """Without the steps that the output does not depend on."""
    useful = set(output)
    for k in range(len(steps), 0, -1):
        if k in useful:
            useful.update(steps[k - 1].sources)
    kept = [k for k in range(1, len(steps) + 1) if k in useful]
    place = {0: 0} | {k: i for i, k in enumerate(kept, 1)}
    live = [
        step._replace(sources=tuple(place[s] for s in step.sources))
        for step in (steps[k - 1] for k in kept)
    ]
    return Wiring(tuple(live), tuple(place[k] for k in output))


def _between(edges: Iterable[tuple[int, int]], last: int) -> set[int]:
    """The nodes on a path from node 0 to the last one; edges lead from lower to higher nodes."""
    ordered = sorted(edges, key=lambda edge: edge[1])
    reached = {0}
    for s, t in ordered:
        if s in reached:
            reached.add(t)
    useful = {last}
    for s, t in sorted(ordered, reverse=True):
        if t in useful:
            useful.add(s)
    return reached & useful
