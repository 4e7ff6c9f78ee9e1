"""One graph as SVG and as text.

The SVG needs no style sheet and no fonts: boxes are of a middle tone with white text, everything
else takes the colour of the text around it, so it reads on light and on dark pages alike. Names
are set in a monospaced font, whose widths are known without measuring.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from html import escape
from itertools import pairwise
from math import cos, radians, sin
from typing import NamedTuple
from unicodedata import east_asian_width

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
PADDING = 11.0
CHARACTER = 7.25  # the widest common monospaced fonts at 12 pixels
PORT = 11.0  # between the ends of edges at one box
THIN_PORT = 7.0
ARROW = 6.0
BADGE = (26.0, 16.0)
LONGEST_NAME = 28
TIMES = "×"  # noqa: RUF001 - the sign is meant
GREY = "#8b919b"
MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
LIGHTNESS = 0.52  # white text on it is readable, it is visible on white and on black
VIVID = 0.105
HUES = (
    (("skip", "identity"), 260.0, 0.015),
    (("sep",), 290.0, VIVID),
    (("dil",), 330.0, VIVID),
    (("conv", "linear", "dense"), 250.0, VIVID),
    (("max",), 60.0, VIVID),
    (("avg", "pool"), 155.0, VIVID),
    (("attention", "attn"), 20.0, VIVID),
)
ENDS = ("input", "output")
MOST_EXTENT = 5000


class _Part(NamedTuple):
    """One group's drawing, its corner at 0, 0."""

    width: float
    height: float
    elements: list[str]


def svg(graph: LabelledGraph, *, width: float = 640.0) -> str:
    """Draw a graph from top to bottom; each group has a title and a place of its own.

    Args:
        graph: what to draw. Dead vertices are dashed and grey, repeated edges have a badge "×2".
        width: groups stand side by side up to this many pixels, then a new row begins.

    A graph that would take minutes, and that nobody could read, is a sentence instead.
    """
    if _extent(graph) > MOST_EXTENT:
        graph = LabelledGraph(("too large to draw",), (), (True,), ("",))
    rows: list[list[_Part]] = []
    for part in (_part(graph, name) for name in dict.fromkeys(graph.group)):
        if rows and _across([*rows[-1], part]) <= width:
            rows[-1].append(part)
        else:
            rows.append([part])
    whole = max(map(_across, rows), default=0.0)
    elements: list[str] = []
    y = MARGIN
    for row in rows:
        x = MARGIN + (whole - _across(row)) / 2
        for part in row:
            elements += [f'<g transform="translate({x:g} {y:g})">', *part.elements, "</g>"]
            x += part.width + GROUP_GAP
        y += max(part.height for part in row) + GROUP_GAP
    across, down = f"{whole + 2 * MARGIN:.0f}", f"{max(y - GROUP_GAP, 0.0) + MARGIN:.0f}"
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
    return "\n".join(
        line for name in dict.fromkeys(graph.group) for line in _lines(graph, name, width)
    )


def colour(name: str) -> str:
    """The colour of an operation, the same in every drawing, dark enough for white text.

    Relatives look related: the kind of operation gives the hue, its size turns it a little.
    """
    lower = name.lower()
    for words, hue, chroma in HUES:
        if any(word in lower for word in words):
            size = next((int(c) for c in lower if c.isdigit()), 3)
            return _srgb(LIGHTNESS, chroma, hue + 14.0 * (min(size, 9) - 3))
    digest = int.from_bytes(blake2b(name.encode(), digest_size=4).digest(), "big")
    return _srgb(LIGHTNESS, VIVID, digest % 360)


def _srgb(lightness: float, chroma: float, hue: float) -> str:
    """A colour of equal lightness for every hue, as #rrggbb.

    Source: Ottosson 2020, "A perceptual color space for image processing" (Oklab).
    """
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    gamma = (
        1.055 * max(c, 0.0) ** (1 / 2.4) - 0.055 if c > 0.0031308 else 12.92 * c for c in linear
    )
    return "#" + "".join(f"{round(255 * min(max(c, 0.0), 1.0)):02x}" for c in gamma)


def _part(graph: LabelledGraph, name: str) -> _Part:
    """Draw the vertices of one group and the edges between them."""
    vertices = [v for v, group in enumerate(graph.group) if group == name]
    number = {v: i for i, v in enumerate(vertices)}
    labels = [_short(graph.labels[v]) for v in vertices]
    alive = [graph.alive[v] for v in vertices]
    edges = [(number[s], number[t], m) for s, t, m in graph.edges if s in number and t in number]
    widths = [
        max(
            CHARACTER * _cells(label),
            THIN_PORT * sum(s == i for s, _, _ in edges),
            THIN_PORT * sum(t == i for _, t, _ in edges),
        )
        + 2 * PADDING
        for i, label in enumerate(labels)
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
        elements.append(_arrow(way, stops, dead=not (alive[s] and alive[t])))
    for i, v in enumerate(vertices):
        x, y = places.x[i] + shift, tops[places.layer[i]]
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


def _arrow(way: Sequence[float], stops: Sequence[float], *, dead: bool) -> str:
    """A curve through the gaps between the layers, upright where it passes a layer.

    Args:
        way: its x in the layers from the source's to the target's.
        stops: the upper ends of these layers.
        dead: whether no signal passes.
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
    return (
        f'<path class="edge" d="{path}" fill="none" stroke="{GREY}" stroke-width="1.5"{dashes}/>'
        f'<path class="tip" d="M{way[-1] - 4:.1f} {tip - ARROW - 1:.1f}L{way[-1]:.1f} {tip:.1f}'
        f'L{way[-1] + 4:.1f} {tip - ARROW - 1:.1f}z" fill="{GREY}"{pale}/>'
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


def _badges(wanted: Sequence[tuple[float, int]], y: float) -> Iterator[str]:
    """How often the edges of one gap count; badges move apart where they would overlap."""
    across, down = BADGE
    places = spread([x for x, _ in wanted], [across + 3] * (len(wanted) - 1))
    for x, (_, multiplicity) in zip(places, wanted, strict=True):
        yield (
            f'<g class="badge"><rect x="{x - across / 2:.1f}" y="{y - down / 2:g}" '
            f'width="{across:g}" height="{down:g}" rx="8" fill="#5f6672"/>'
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
