"""One graph as SVG and as text.

The SVG needs no style sheet and no fonts, and it reads on light and on dark pages alike.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Sequence
from html import escape
from itertools import pairwise

from archbo.graphs.arcs import reads_as_arcs
from archbo.graphs.boxes import CHARACTER, RING, Drawn, Group, cells, clean, short
from archbo.graphs.folding import ENDS, TIMES, Folded, fold
from archbo.graphs.labelled import LabelledGraph
from archbo.graphs.layered import draw_layers
from archbo.graphs.lined import draw_arcs

GROUP_GAP = 40.0  # distances in pixels
TITLE = 26.0
MARGIN = 4.0
MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
MOST_EXTENT = 5000


def svg(
    graph: LabelledGraph,
    *,
    width: float = 640.0,
    marked: Collection[int] = (),
    marked_edges: Collection[tuple[int, int]] = (),
) -> str:
    """Draw a graph from top to bottom; each group has a title and a place of its own.

    Dead vertices are dashed and grey, repeated edges have a badge "×2". Blocks that repeat in a
    sequence are drawn once, in a frame that counts them.

    Args:
        graph: what to draw.
        width: groups stand side by side up to this many pixels, then a new row begins.
        marked: vertices to mark, such as those that differ from another graph's.
        marked_edges: (source, target) of edges to mark.

    A graph that would take minutes, and that nobody could read, is a sentence instead.
    """
    apart = {*marked, *(v for edge in marked_edges for v in edge)}
    folded = fold(graph, apart=apart)
    if _extent(folded.graph) > MOST_EXTENT:
        folded = fold(LabelledGraph(("too large to draw",), (), (True,), ("",)))
        marked = marked_edges = ()
    rings = {folded.place[v] for v in marked}
    thick = {(folded.place[s], folded.place[t]) for s, t in marked_edges}
    parts = [_part(folded, name, rings, thick) for name in dict.fromkeys(folded.graph.group)]
    rows: list[list[Drawn]] = []
    for part in parts:
        if rows and _across([*rows[-1], part]) <= width:
            rows[-1].append(part)
        else:
            rows.append([part])
    whole = max(map(_across, rows), default=0.0)
    elements: list[str] = []
    margin = MARGIN + (RING if marked else 0.0)
    y = margin
    for row in rows:
        x = margin + (whole - _across(row)) / 2
        for part in row:
            elements += [f'<g transform="translate({x:g} {y:g})">', *part.elements, "</g>"]
            x += part.width + GROUP_GAP
        y += max(part.height for part in row) + GROUP_GAP
    across, down = f"{whole + 2 * margin:.0f}", f"{max(y - GROUP_GAP, 0.0) + margin:.0f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="archbo-graph" role="img" '
        f'viewBox="0 0 {across} {down}" width="{across}" height="{down}" '
        f'style="max-width:100%;height:auto" aria-label="{escape(text(graph))}" '
        f'font-family="{MONOSPACE}" font-size="12" text-anchor="middle">'
        + "".join(elements)
        + "</svg>"
    )


def _extent(graph: LabelledGraph) -> int:
    """How many layers all edges pass together: what a drawing takes grows with it."""
    layer = [0] * len(graph.labels)
    for source, target, _ in sorted(graph.edges, key=lambda edge: edge[1]):
        layer[target] = max(layer[target], layer[source] + 1)
    return len(layer) + sum(layer[target] - layer[source] for source, target, _ in graph.edges)


def _across(row: Sequence[Drawn]) -> float:
    """The width of some groups side by side."""
    return sum(part.width for part in row) + GROUP_GAP * (len(row) - 1)


def text(graph: LabelledGraph, *, width: int = 88) -> str:
    """Write a graph in a few lines: a sequence as one, anything else by what feeds each vertex.

    >>> cell = LabelledGraph(("input", "conv", "output"), ((0, 1, 1), (0, 2, 2), (1, 2, 1)),
    ...                      (True,) * 3, ("",) * 3)
    >>> print(text(cell))
    1 conv   ← input
      output ← input ×2, 1
    """
    folded = fold(graph).graph
    return "\n".join(
        line for name in dict.fromkeys(folded.group) for line in _lines(folded, name, width)
    )


def _part(
    folded: Folded, name: str, rings: Collection[int], thick: Collection[tuple[int, int]]
) -> Drawn:
    """Draw the vertices of one group and the edges between them."""
    graph = folded.graph
    vertices = [v for v, group in enumerate(graph.group) if group == name]
    number = {v: i for i, v in enumerate(vertices)}
    group = Group(
        names=tuple(graph.labels[v] for v in vertices),
        edges=tuple((number[s], number[t], m) for s, t, m in graph.edges if {s, t} <= set(number)),
        alive=tuple(graph.alive[v] for v in vertices),
        blocks={number[v]: block for v, block in folded.blocks.items() if v in number},
        marked=frozenset(number[v] for v in rings if v in number),
        marked_edges=frozenset((number[s], number[t]) for s, t in thick if {s, t} <= set(number)),
    )
    title = short(name)
    half = CHARACTER * cells(title) / 2
    draw = draw_arcs if reads_as_arcs(len(vertices), group.pairs) else draw_layers
    drawn = draw(group, top=TITLE if title else 0.0, least=2 * half)
    if not title:
        return drawn
    middle = min(max(drawn.middle, half), drawn.width - half)
    words = (
        f'<text class="title" x="{middle:.1f}" y="14" fill="currentColor" '
        f'fill-opacity=".75">{escape(title)}</text>'
    )
    return drawn._replace(elements=[words, *drawn.elements])


def _lines(graph: LabelledGraph, name: str, width: int) -> Iterator[str]:
    labels = [clean(label) for label in graph.labels]
    vertices = [v for v, group in enumerate(graph.group) if group == name]
    edges = sorted(edge for edge in graph.edges if edge[0] in vertices)
    if name:
        yield clean(name)
    margin = "  " if name else ""
    if edges == [(s, t, 1) for s, t in pairwise(vertices)]:
        way = " → ".join(labels[v] for v in vertices)
        yield from textwrap.wrap(
            way, width, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
        )
        return
    inner = [v for v in vertices if labels[v] not in ENDS]
    number = {v: str(i) for i, v in enumerate(inner, start=1)}
    figures = len(str(len(inner)))
    listed = [v for v in vertices if labels[v] != ENDS[0]]
    longest = max((cells(labels[v]) for v in listed), default=0)
    for v in listed:
        feeds = ", ".join(
            number.get(s, labels[s]) + (f" {TIMES}{m}" if m > 1 else "")
            for s, t, m in edges
            if t == v
        )
        label = labels[v] + " " * (longest - cells(labels[v]))
        note = "" if graph.alive[v] else "  (dead)"
        yield f"{margin}{number.get(v, ''):>{figures}} {label} ← {feeds or 'nothing'}{note}"
