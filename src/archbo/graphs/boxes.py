"""What a drawing is made of: boxes of operations and of blocks, rings, badges.

Boxes are of a middle tone with white text, everything else takes the colour of the text around it.
Names are set in a monospaced font, whose widths are known without measuring.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple
from unicodedata import east_asian_width

from archbo.graphs.colours import colour
from archbo.graphs.folding import ENDS, TIMES, Block

BOX = 24.0  # heights and distances in pixels
RING = 4.0  # from a box to its mark
CHARACTER = 7.25  # the widest common monospaced fonts at 12 pixels
BADGE = (26.0, 16.0)
LONGEST_NAME = 28
GREY = "#8b919b"
SLATE = "#5f6672"  # of badges and of the frames of blocks
MARK = "#d9822b"  # around what differs
ARROW = 6.0


class Group(NamedTuple):
    """The vertices that are drawn together, and the edges between them.

    Attributes:
        names: the operation of each vertex, in topological order.
        edges: (source, target, multiplicity), source before target.
        alive: whether a signal passes each vertex.
        blocks: by the vertices that stand for repeated blocks.
        marked, marked_edges: what differs from another graph.
    """

    names: tuple[str, ...]
    edges: tuple[tuple[int, int, int], ...]
    alive: tuple[bool, ...]
    blocks: Mapping[int, Block]
    marked: frozenset[int]
    marked_edges: frozenset[tuple[int, int]]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(source, target) of each edge."""
        return [(source, target) for source, target, _ in self.edges]

    def width(self, vertex: int) -> float:
        """How wide what stands in a vertex's box is."""
        return content(short(self.names[vertex]), self.blocks.get(vertex))

    def edge(self, number: int, path: str, tip: tuple[float, float], *, aside: int = 0) -> str:
        """One edge; see `line`."""
        source, target, _ = self.edges[number]
        return line(
            path,
            tip,
            dead=not (self.alive[source] and self.alive[target]),
            marked=(source, target) in self.marked_edges,
            aside=aside,
        )

    def vertex(self, number: int, x: float, y: float, width: float) -> Iterator[str]:
        """One vertex, the middle of its upper side at x, y."""
        if number in self.marked:
            yield ring(x, y, width)
        name, alive = self.names[number], self.alive[number]
        if alive and number in self.blocks:
            yield block(x, y, width, self.blocks[number])
        else:
            yield box(x, y, width, short(name), name, alive=alive)


class Drawn(NamedTuple):
    """One group's drawing, its corner at 0, 0.

    Attributes:
        width, height: in pixels.
        middle: of the vertices at the top.
        elements: of SVG.
    """

    width: float
    height: float
    middle: float
    elements: list[str]


def box(x: float, y: float, width: float, label: str, name: str, *, alive: bool) -> str:
    """An operation, the middle of its upper side at x, y.

    Args:
        x: in pixels, as y and the width.
        y: of the upper side.
        width: of the box.
        label: what stands in it.
        name: of the operation in full.
        alive: whether a signal passes it.
    """
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
        f'<g class="{kind}"><title>{escape(clean(name))}{note}</title>'
        f'<rect x="{x - width / 2:.1f}" y="{y:g}" width="{width:.1f}" height="{BOX:g}" {shape}/>'
        f'<text x="{x:.1f}" y="{y + BOX / 2 + 4:g}" {ink}>{escape(label)}</text></g>'
    )


def content(label: str, block: Block | None) -> float:
    """How wide what stands in a box is."""
    if block is None:
        return CHARACTER * cells(label)
    return sum(map(_chip, block.labels)) + CHARACTER * (1 + cells(f"{TIMES}{block.times}"))


def _chip(label: str) -> float:
    """The width of one operation inside a block."""
    return CHARACTER * (1 + cells(short(label)))


def block(x: float, y: float, width: float, block: Block) -> str:
    """A frame with the operations of a block side by side, then how often they come."""
    words = f"{' → '.join(map(clean, block.labels))}, {block.times} times in a row"
    left = x - content("", block) / 2
    inside = []
    for label in block.labels:
        across = _chip(label)
        inside.append(
            f'<path d="M{left - 5:.1f} {y + 3:g}h{across - 3:.1f}v{BOX - 6:g}h{3 - across:.1f}z" '
            f'fill="{colour(label)}"/><text x="{left + across / 2 - 6.5:.1f}" '
            f'y="{y + BOX / 2 + 4:g}" fill="#fff">{escape(short(label))}</text>'
        )
        left += across
    count = f"{TIMES}{block.times}"
    return (
        f'<g class="block"><title>{escape(words)}</title><rect x="{x - width / 2:.1f}" y="{y:g}" '
        f'width="{width:.1f}" height="{BOX:g}" rx="6" fill="{SLATE}"/>{"".join(inside)}'
        f'<text x="{left + CHARACTER * (cells(count) + 1) / 2:.1f}" y="{y + BOX / 2 + 4:g}" '
        f'fill="#fff">{count}</text></g>'
    )


def ring(x: float, y: float, width: float) -> str:
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


def badge(x: float, y: float, multiplicity: int) -> str:
    """How often an edge counts, its middle at x, y."""
    across, down = BADGE
    return (
        f'<g class="badge"><rect x="{x - across / 2:.1f}" y="{y - down / 2:g}" '
        f'width="{across:g}" height="{down:g}" rx="8" fill="{SLATE}"/>'
        f'<text x="{x:.1f}" y="{y + 4:g}" fill="#fff" font-size="11">'
        f"{TIMES}{multiplicity}</text></g>"
    )


def line(path: str, tip: tuple[float, float], *, dead: bool, marked: bool, aside: int = 0) -> str:
    """An edge with its arrowhead.

    Args:
        path: of the edge, as SVG has it.
        tip: the point of the arrowhead.
        dead: whether no signal passes.
        marked: whether it differs from another graph's.
        aside: where the head points: 0 down, 1 to the right, -1 to the left.
    """
    x, y = tip
    dashes = ' stroke-dasharray="3 3" stroke-opacity=".6"' if dead else ""
    pale = ' fill-opacity=".6"' if dead else ""
    ink, thick = (MARK, 3) if marked else (GREY, 1.5)
    back = ARROW + 1
    if aside:
        foot = x - aside * back
        head = f"M{foot:.1f} {y - 4:.1f}L{x:.1f} {y:.1f}L{foot:.1f} {y + 4:.1f}z"
    else:
        head = f"M{x - 4:.1f} {y - back:.1f}L{x:.1f} {y:.1f}L{x + 4:.1f} {y - back:.1f}z"
    return (
        f'<path class="edge" d="{path}" fill="none" stroke="{ink}" stroke-width="{thick}"{dashes}/>'
        f'<path class="tip" d="{head}" fill="{ink}"{pale}/>'
    )


def cells(label: str) -> int:
    """How many columns of a monospaced font a text takes."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in label)


def clean(label: str) -> str:
    """A label without control characters, which neither XML nor a terminal bears."""
    return "".join(c if c.isprintable() else "·" for c in label)


def short(label: str) -> str:
    """A clean label of bearable length."""
    label = clean(label)
    return label if len(label) <= LONGEST_NAME else label[: LONGEST_NAME - 1] + "…"
