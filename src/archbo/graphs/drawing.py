"""One graph as SVG and as text.

The SVG needs no style sheet and no fonts: boxes are of a middle tone with white text, everything
else takes the colour of the text around it, so it reads on light and on dark pages alike. Names
are set in a monospaced font, whose widths are known without measuring.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple
from unicodedata import east_asian_width

from archbo.graphs.colours import colour
from archbo.graphs.folding import ENDS, TIMES, Block, Folded, fold
from archbo.graphs.labelled import LabelledGraph
from archbo.graphs.layers import layout, spread

BOX = 24.0  # heights and distances in pixels
WIDE_GAP = 32.0  # between layers
NARROW_GAP = 22.0  # where all edges go straight down
STRAIGHT = 2.0
COLUMN_GAP = 18.0
GROUP_GAP = 40.0
TITLE = 26.0
MARGIN = 4.0
RING = 4.0  # from a box to its mark
PADDING = 11.0
CHARACTER = 7.25  # the widest common monospaced fonts at 12 pixels
PORT = 11.0  # between the ends of edges at one box
THIN_PORT = 7.0
ARROW = 6.0
BADGE = (26.0, 16.0)
LONGEST_NAME = 28
GREY = "#8b919b"
SLATE = "#5f6672"  # of badges and of the frames of blocks
MARK = "#d9822b"  # around what differs
MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
MOST_EXTENT = 5000


class _Part(NamedTuple):
    """One group's drawing, its corner at 0, 0."""

    width: float
    height: float
    elements: list[str]


class _Marks(NamedTuple):
    """What is marked, after folding."""

    vertices: frozenset[int]
    edges: frozenset[tuple[int, int]]


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
    marks = _Marks(
        frozenset(folded.place[v] for v in marked),
        frozenset((folded.place[s], folded.place[t]) for s, t in marked_edges),
    )
    rows: list[list[_Part]] = []
    for part in (_part(folded, name, marks) for name in dict.fromkeys(graph.group)):
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


def _across(row: Sequence[_Part]) -> float:
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


def _part(folded: Folded, name: str, marks: _Marks) -> _Part:
    """Draw the vertices of one group and the edges between them."""
    graph = folded.graph
    vertices = [v for v, group in enumerate(graph.group) if group == name]
    number = {v: i for i, v in enumerate(vertices)}
    labels = [_short(graph.labels[v]) for v in vertices]
    alive = [graph.alive[v] for v in vertices]
    edges = [(number[s], number[t], m) for s, t, m in graph.edges if s in number and t in number]
    widths = [
        max(
            _content(labels[i], folded.blocks.get(v)),
            THIN_PORT * sum(s == i for s, _, _ in edges),
            THIN_PORT * sum(t == i for _, t, _ in edges),
        )
        + 2 * PADDING
        for i, v in enumerate(vertices)
    ]
    places = layout(
        widths,
        [(s, t) for s, t, _ in edges],
        first=[i for i, label in enumerate(labels) if label == ENDS[0]],
        last=[i for i, label in enumerate(labels) if label == ENDS[1]],
        gap=COLUMN_GAP,
    )
    title = _short(name)
    whole = max(places.width, CHARACTER * _cells(title))
    shift = (whole - places.width) / 2
    ways = [
        [places.x[s] + shift, *(b + shift for b in bends), places.x[t] + shift]
        for (s, t, _), bends in zip(edges, places.bends, strict=True)
    ]
    _spread_ports(edges, ways, widths)
    badges: dict[int, list[tuple[float, int]]] = {}
    for (_, t, multiplicity), way in zip(edges, ways, strict=True):
        if multiplicity > 1:
            badges.setdefault(places.layer[t], []).append(((way[-2] + way[-1]) / 2, multiplicity))
    wide = {
        places.layer[s] + i + 1
        for (s, _, _), way in zip(edges, ways, strict=True)
        for i, (x, to) in enumerate(pairwise(way))
        if abs(x - to) > STRAIGHT
    }.union(badges)
    tops = [TITLE if title else 0.0]
    for layer in range(1, places.depth):
        tops.append(tops[-1] + BOX + (WIDE_GAP if layer in wide else NARROW_GAP))
    elements = []
    if title:
        top = [places.x[i] + shift for i in range(len(vertices)) if places.layer[i] == 0]
        half = CHARACTER * _cells(title) / 2
        middle = min(max(sum(top) / len(top), half), whole - half)
        elements.append(
            f'<text class="title" x="{middle:.1f}" y="14" fill="currentColor" '
            f'fill-opacity=".75">{escape(title)}</text>'
        )
    for (s, t, _), way in zip(edges, ways, strict=True):
        stops = tops[places.layer[s] : places.layer[t] + 1]
        differs = (vertices[s], vertices[t]) in marks.edges
        elements.append(_arrow(way, stops, dead=not (alive[s] and alive[t]), marked=differs))
    for i, v in enumerate(vertices):
        x, y = places.x[i] + shift, tops[places.layer[i]]
        if v in marks.vertices:
            elements.append(_ring(x, y, widths[i]))
        if alive[i] and v in folded.blocks:
            elements.append(_block(x, y, widths[i], folded.blocks[v]))
        else:
            elements.append(_box(x, y, widths[i], labels[i], graph.labels[v], alive=alive[i]))
    for layer, wanted in badges.items():
        elements += _badges(sorted(wanted), tops[layer] - WIDE_GAP / 2)
    return _Part(whole, tops[-1] + BOX, elements)


def _spread_ports(
    edges: Sequence[tuple[int, int, int]], ways: list[list[float]], widths: Sequence[float]
) -> None:
    """Let the edges of a vertex leave and arrive side by side, in the order of where they go."""
    for end, inner, position in ((0, 1, 0), (1, -2, -1)):
        for vertex, box in enumerate(widths):
            mine = [i for i, edge in enumerate(edges) if edge[end] == vertex]
            mine.sort(key=lambda i, inner=inner: ways[i][inner])  # type: ignore[misc]
            step = min(PORT, (box - 2 * PADDING) / max(len(mine) - 1, 1))
            for rank, i in enumerate(mine):
                ways[i][position] += step * (rank - (len(mine) - 1) / 2)


def _arrow(way: Sequence[float], stops: Sequence[float], *, dead: bool, marked: bool) -> str:
    """A curve through the gaps between the layers, upright where it passes a layer.

    Args:
        way: its x in the layers from the source's to the target's.
        stops: the upper ends of these layers.
        dead: whether no signal passes.
        marked: whether it differs from another graph's.
    """
    path = f"M{way[0]:.1f} {stops[0] + BOX:g}"
    for (x, to), (y, end) in zip(pairwise(way), pairwise(stops), strict=True):
        if path.count("C"):
            path += f"V{y + BOX:g}"
        bend = (end - y - BOX) * 0.55
        path += f"C{x:.1f} {y + BOX + bend:.1f} {to:.1f} {end - bend:.1f} {to:.1f} {end:g}"
    tip = stops[-1]
    dashes = ' stroke-dasharray="3 3" stroke-opacity=".6"' if dead else ""
    pale = ' fill-opacity=".6"' if dead else ""
    ink, thick = (MARK, 3) if marked else (GREY, 1.5)
    return (
        f'<path class="edge" d="{path}" fill="none" stroke="{ink}" stroke-width="{thick}"{dashes}/>'
        f'<path class="tip" d="M{way[-1] - 4:.1f} {tip - ARROW - 1:.1f}L{way[-1]:.1f} {tip:.1f}'
        f'L{way[-1] + 4:.1f} {tip - ARROW - 1:.1f}z" fill="{ink}"{pale}/>'
    )


def _box(x: float, y: float, width: float, label: str, name: str, *, alive: bool) -> str:
    if name in ENDS:
        kind, shape = "end", f'rx="12" fill="none" stroke="{GREY}" stroke-width="1.5"'
        ink = 'fill="currentColor"'
    elif alive:
        kind, shape, ink = "operation", f'rx="6" fill="{colour(name)}"', 'fill="#fff"'
    else:
        kind, shape = "dead", f'rx="6" fill="none" stroke="{GREY}" stroke-dasharray="3 3"'
        ink = 'fill="currentColor" fill-opacity=".6"'
    note = "" if alive else " (dead: no signal passes)"
    return (
        f'<g class="{kind}"><title>{escape(_clean(name))}{note}</title>'
        f'<rect x="{x - width / 2:.1f}" y="{y:g}" width="{width:.1f}" height="{BOX:g}" {shape}/>'
        f'<text x="{x:.1f}" y="{y + BOX / 2 + 4:g}" {ink}>{escape(label)}</text></g>'
    )


def _content(label: str, block: Block | None) -> float:
    """How wide what stands in a box is."""
    if block is None:
        return CHARACTER * _cells(label)
    return sum(map(_chip, block.labels)) + CHARACTER * (1 + _cells(f"{TIMES}{block.times}"))


def _chip(label: str) -> float:
    """The width of one operation inside a block."""
    return CHARACTER * (1 + _cells(_short(label)))


def _block(x: float, y: float, width: float, block: Block) -> str:
    """A frame with the operations of a block side by side, then how often they come."""
    words = f"{' → '.join(map(_clean, block.labels))}, {block.times} times in a row"
    left = x - _content("", block) / 2
    inside = []
    for label in block.labels:
        across = _chip(label)
        inside.append(
            f'<path d="M{left - 5:.1f} {y + 3:g}h{across - 3:.1f}v{BOX - 6:g}h{3 - across:.1f}z" '
            f'fill="{colour(label)}"/><text x="{left + across / 2 - 6.5:.1f}" '
            f'y="{y + BOX / 2 + 4:g}" fill="#fff">{escape(_short(label))}</text>'
        )
        left += across
    count = f"{TIMES}{block.times}"
    return (
        f'<g class="block"><title>{escape(words)}</title><rect x="{x - width / 2:.1f}" y="{y:g}" '
        f'width="{width:.1f}" height="{BOX:g}" rx="6" fill="{SLATE}"/>{"".join(inside)}'
        f'<text x="{left + CHARACTER * (_cells(count) + 1) / 2:.1f}" y="{y + BOX / 2 + 4:g}" '
        f'fill="#fff">{count}</text></g>'
    )


def _ring(x: float, y: float, width: float) -> str:
    """Around a box that is marked."""
    left, right, top, bottom = x - width / 2 - RING, x + width / 2 + RING, y - RING, y + BOX + RING
    bend = 10.0
    return (
        f'<path class="differs" d="M{left + bend:.1f} {top:g}H{right - bend:.1f}'
        f"Q{right:.1f} {top:g} {right:.1f} {top + bend:g}V{bottom - bend:g}"
        f"Q{right:.1f} {bottom:g} {right - bend:.1f} {bottom:g}H{left + bend:.1f}"
        f"Q{left:.1f} {bottom:g} {left:.1f} {bottom - bend:g}V{top + bend:g}"
        f'Q{left:.1f} {top:g} {left + bend:.1f} {top:g}z" '
        f'fill="none" stroke="{MARK}" stroke-width="2.5"/>'
    )


def _badges(wanted: Sequence[tuple[float, int]], y: float) -> Iterator[str]:
    """How often the edges of one gap count; badges move apart where they would overlap."""
    across, down = BADGE
    places = spread([x for x, _ in wanted], [across + 3] * (len(wanted) - 1))
    for x, (_, multiplicity) in zip(places, wanted, strict=True):
        yield (
            f'<g class="badge"><rect x="{x - across / 2:.1f}" y="{y - down / 2:g}" '
            f'width="{across:g}" height="{down:g}" rx="8" fill="{SLATE}"/>'
            f'<text x="{x:.1f}" y="{y + 4:g}" fill="#fff" font-size="11">'
            f"{TIMES}{multiplicity}</text></g>"
        )


def _lines(graph: LabelledGraph, name: str, width: int) -> Iterator[str]:
    labels = [_clean(label) for label in graph.labels]
    vertices = [v for v, group in enumerate(graph.group) if group == name]
    edges = sorted(edge for edge in graph.edges if edge[0] in vertices)
    if name:
        yield _clean(name)
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
    longest = max((_cells(labels[v]) for v in listed), default=0)
    for v in listed:
        feeds = ", ".join(
            number.get(s, labels[s]) + (f" {TIMES}{m}" if m > 1 else "")
            for s, t, m in edges
            if t == v
        )
        label = labels[v] + " " * (longest - _cells(labels[v]))
        note = "" if graph.alive[v] else "  (dead)"
        yield f"{margin}{number.get(v, ''):>{figures}} {label} ← {feeds or 'nothing'}{note}"


def _cells(label: str) -> int:
    """How many columns of a monospaced font a text takes."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in label)


def _clean(label: str) -> str:
    """A label without control characters, which neither XML nor a terminal bears."""
    return "".join(c if c.isprintable() else "·" for c in label)


def _short(label: str) -> str:
    label = _clean(label)
    return label if len(label) <= LONGEST_NAME else label[: LONGEST_NAME - 1] + "…"
