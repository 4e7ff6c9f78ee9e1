"""A group of vertices drawn in layers from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from archbo.graphs.boxes import BADGE, BOX, Drawn, Group, badge
from archbo.graphs.folding import ENDS
from archbo.graphs.layers import layout, spread

WIDE_GAP = 32.0  # between layers
NARROW_GAP = 22.0  # where all edges go straight down
STRAIGHT = 2.0
COLUMN_GAP = 18.0
PADDING = 11.0
PORT = 11.0  # between the ends of edges at one box
THIN_PORT = 7.0


def draw_layers(group: Group, *, top: float, least: float) -> Drawn:
    """Draw a group in layers.

    Args:
        group: what to draw.
        top: how many pixels stay free above it.
        least: the least width.
    """
    edges = group.edges
    widths = [
        max(
            group.width(v),
            THIN_PORT * sum(s == v for s, _, _ in edges),
            THIN_PORT * sum(t == v for _, t, _ in edges),
        )
        + 2 * PADDING
        for v in range(len(group.names))
    ]
    places = layout(
        widths,
        group.pairs,
        first=[v for v, name in enumerate(group.names) if name == ENDS[0]],
        last=[v for v, name in enumerate(group.names) if name == ENDS[1]],
        gap=COLUMN_GAP,
    )
    whole = max(places.width, least)
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
    tops = [top]
    for layer in range(1, places.depth):
        tops.append(tops[-1] + BOX + (WIDE_GAP if layer in wide else NARROW_GAP))
    elements = []
    for i, (way, (s, t, _)) in enumerate(zip(ways, edges, strict=True)):
        stops = tops[places.layer[s] : places.layer[t] + 1]
        elements.append(group.edge(i, _curve(way, stops), (way[-1], stops[-1])))
    for v, width in enumerate(widths):
        elements += group.vertex(v, places.x[v] + shift, tops[places.layer[v]], width)
    for layer, wanted in badges.items():
        elements += _badges(sorted(wanted), tops[layer] - WIDE_GAP / 2)
    highest = [x + shift for x, layer in zip(places.x, places.layer, strict=True) if layer == 0]
    return Drawn(whole, tops[-1] + BOX, sum(highest) / len(highest), elements)


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


def _curve(way: Sequence[float], stops: Sequence[float]) -> str:
    """A curve through the gaps between the layers, upright where it passes a layer.

    Args:
        way: its x in the layers from the source's to the target's.
        stops: the upper ends of these layers.
    """
    path = f"M{way[0]:.1f} {stops[0] + BOX:g}"
    for (x, to), (y, end) in zip(pairwise(way), pairwise(stops), strict=True):
        if path.count("C"):
            path += f"V{y + BOX:g}"
        bend = (end - y - BOX) * 0.55
        path += f"C{x:.1f} {y + BOX + bend:.1f} {to:.1f} {end - bend:.1f} {to:.1f} {end:g}"
    return path


def _badges(wanted: Sequence[tuple[float, int]], y: float) -> list[str]:
    """How often the edges of one gap count; badges move apart where they would overlap."""
    places = spread([x for x, _ in wanted], [BADGE[0] + 3] * (len(wanted) - 1))
    return [badge(x, y, times) for x, (_, times) in zip(places, wanted, strict=True)]
