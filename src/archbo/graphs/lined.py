"""A group of vertices drawn on one line from top to bottom, with arcs at both sides."""

from __future__ import annotations

from itertools import pairwise

from archbo.graphs.arcs import Arcs, arcs
from archbo.graphs.boxes import BADGE, BOX, Drawn, Group, badge

PADDING = 11.0  # distances in pixels
GAP = 20.0  # between vertices
BADGE_GAP = 30.0  # where an edge that counts several times goes straight down
FIRST_LANE = 20.0  # from the boxes
LANE = 14.0  # between lanes
BEND = 12.0  # the radius of an arc's corners
ARRIVING, LEAVING = 8.0, 16.0  # where arcs meet a box, from its upper side


def draw_arcs(group: Group, *, top: float, least: float) -> Drawn:
    """Draw a group on a line; all boxes are as wide as the widest, so that arcs begin at one edge.

    Args:
        group: what to draw.
        top: how many pixels stay free above it.
        least: the least width.
    """
    places = arcs(len(group.names), group.pairs)
    box = max(map(group.width, range(len(group.names)))) + 2 * PADDING
    lanes = {side: _lanes(group, places, side) for side in (-1, 1)}
    margins = {
        side: found[-1] + _half(group, places, side * (len(found) - 1))
        for side, found in lanes.items()
    }
    inner = margins[-1] + box + margins[1]
    whole = max(inner, least)
    middle = (whole - inner) / 2 + margins[-1] + box / 2
    tops = _tops(group, places, top)
    elements, badges = [], []
    for i in _back_to_front(group):
        source, target, multiplicity = group.edges[i]
        lane = places.lanes[i]
        if lane == 0:
            start, end = tops[source] + BOX, tops[target]
            elements.append(group.edge(i, f"M{middle:.1f} {start:g}V{end:g}", (middle, end)))
            at = middle, (start + end) / 2
        else:
            side = 1 if lane > 0 else -1
            x, to = middle + side * box / 2, middle + side * (box / 2 + lanes[side][abs(lane)])
            start, end = tops[source] + LEAVING, tops[target] + ARRIVING
            path = _arc(x, to, start, end, side)
            elements.append(group.edge(i, path, (x, end), aside=-side))
            at = to, (start + end) / 2
        if multiplicity > 1:
            badges.append(badge(*at, multiplicity))
    for v, y in enumerate(tops):
        elements += group.vertex(v, middle, y, box)
    return Drawn(whole, max(tops) + BOX, middle, elements + badges)


def _tops(group: Group, places: Arcs, top: float) -> list[float]:
    """The upper side of each vertex."""
    counted = {(s, t) for s, t, multiplicity in group.edges if multiplicity > 1}
    tops = [top] * len(places.order)
    for above, below in pairwise(places.order):
        gap = BADGE_GAP if (above, below) in counted else GAP
        tops[below] = tops[above] + BOX + gap
    return tops


def _half(group: Group, places: Arcs, lane: int) -> float:
    """How far what stands in a lane reaches to each side."""
    edges = zip(group.edges, places.lanes, strict=True)
    badges = any(m > 1 and at == lane for (_, _, m), at in edges)
    return BADGE[0] / 2 if badges and lane else 2.0 if lane else 0.0


def _lanes(group: Group, places: Arcs, side: int) -> list[float]:
    """The distance of each lane of one side from the boxes; that of the line, 0, is 0."""
    found = [0.0]
    for lane in range(1, max((side * lane for lane in places.lanes), default=0) + 1):
        half, last = _half(group, places, side * lane), _half(group, places, side * (lane - 1))
        found.append(
            found[-1] + (max(FIRST_LANE, half + 8) if lane == 1 else max(LANE, half + last + 4))
        )
    return found


def _back_to_front(group: Group) -> list[int]:
    """The edges in the order of drawing: arcs share their ends, what differs lies on top."""

    def front(i: int) -> tuple[bool, bool]:
        source, target, _ = group.edges[i]
        return (source, target) in group.marked_edges, group.alive[source] and group.alive[target]

    return sorted(range(len(group.edges)), key=front)


def _arc(x: float, to: float, start: float, end: float, side: int) -> str:
    """From a box's side at x out to a lane, down, and back."""
    bend = min(BEND, abs(to - x), (end - start) / 2)
    inward = to - side * bend
    return (
        f"M{x:.1f} {start:g}H{inward:.1f}Q{to:.1f} {start:g} {to:.1f} {start + bend:g}"
        f"V{end - bend:g}Q{to:.1f} {end:g} {inward:.1f} {end:g}H{x:.1f}"
    )
