"""Where the vertices of a directed acyclic graph go: layers from top to bottom, few crossings.

Four steps: every vertex gets a layer below all that feed it; within the layers, the order is
swept for few crossings, from several starts; then the vertices move sideways towards what they
are connected with; at last the segments that are nearly upright are made so. An edge that passes
layers in between gets a point in each, so it never runs behind a vertex.

Source: Sugiyama, Tagawa, Toda 1981, "Methods for visual understanding of hierarchical system
structures"; the third step as least squares under minimal distances (isotonic regression).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

TRIES = 10  # orders to start from
MOST_SEGMENTS = 3000  # in all tries together
ORDER_SWEEPS = 12
ALIGN_SWEEPS = 16
BEND_WIDTH = 10.0
LONE_WEIGHT = 1e-6  # what nothing is connected with makes room for the others
SNAP = 12.0  # pixels; less of a slant looks like a mistake
BEND_WEIGHT = 3.0  # a straight long edge is worth more than a centred vertex


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of vertices and edges, in pixels.

    Attributes:
        layer: of each vertex, 0 at the top.
        x: the centre of each vertex.
        bends: for each edge its x in each of the layers between its ends.
        width: of the whole; the leftmost vertex starts at 0.
    """

    layer: tuple[int, ...]
    x: tuple[float, ...]
    bends: tuple[tuple[float, ...], ...]
    width: float

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return max(self.layer, default=-1) + 1


def layout(
    widths: Sequence[float],
    edges: Sequence[tuple[int, int]],
    *,
    first: Collection[int] = (),
    last: Collection[int] = (),
    gap: float = 16.0,
) -> Layout:
    """Place the vertices of a graph whose edges go from a smaller to a larger number.

    Args:
        widths: of the vertices, in pixels.
        edges: (source, target).
        first: vertices that stay in the top layer, such as the input.
        last: vertices that go to the bottom layer, such as the output.
        gap: the least distance between neighbours in a layer, in pixels.
    """
    layer = _layers(len(widths), edges, first, last)
    sizes, layers = list(widths), [*layer]
    chains: list[list[int]] = []
    for source, target in edges:
        bends = range(len(sizes), len(sizes) + layer[target] - layer[source] - 1)
        chains.append([source, *bends, target])
        sizes += [BEND_WIDTH] * len(bends)
        layers += range(layer[source] + 1, layer[target])
    segments = sorted({pair for chain in chains for pair in pairwise(chain)})
    rows = _ordered(layers, segments)
    x = _aligned(rows, sizes, segments, len(widths), gap)
    _straighten(x, rows, sizes, segments, gap)
    left = min((x[v] - sizes[v] / 2 for v in range(len(sizes))), default=0.0)
    right = max((x[v] + sizes[v] / 2 for v in range(len(sizes))), default=0.0)
    return Layout(
        layer=tuple(layer),
        x=tuple(x[v] - left for v in range(len(widths))),
        bends=tuple(tuple(x[b] - left for b in chain[1:-1]) for chain in chains),
        width=right - left,
    )


def spread(wanted: Sequence[float], distances: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones (least squares) that keep order and distances.

    Args:
        wanted: places, in the order to keep.
        distances: the least distance between each and the next; one fewer than `wanted`.

    >>> spread([0.0, 0.0, 9.0], [2.0, 2.0])
    [-1.0, 1.0, 9.0]
    """
    return _spread(wanted, distances, [1.0] * len(wanted))


def _spread(
    wanted: Sequence[float], distances: Sequence[float], weights: Sequence[float]
) -> list[float]:
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    # pool adjacent violators: blocks of (mean, weight, count) with rising means
    blocks: list[tuple[float, float, int]] = []
    for place, offset, weight in zip(wanted, offsets, weights, strict=False):
        mean, total, count = place - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            before, heft, number = blocks.pop()
            mean = (before * heft + mean * total) / (heft + total)
            total, count = heft + total, number + count
        blocks.append((mean, total, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]


def _layers(
    count: int, edges: Sequence[tuple[int, int]], first: Collection[int], last: Collection[int]
) -> list[int]:
    """The longest way from the top; what nothing feeds goes right above what it feeds."""
    sources: list[list[int]] = [[] for _ in range(count)]
    targets: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        sources[target].append(source)
        targets[source].append(target)
    layer = [0] * count
    for v in range(count):
        layer[v] = max((layer[s] + 1 for s in sources[v]), default=0 if v in first else 1)
    if not any(v in first for v in range(count)):
        layer = [number - min(layer, default=0) for number in layer]
    bottom = max((layer[v] + (v in last and bool(targets[v])) for v in range(count)), default=0)
    inner = max((layer[v] + 1 for v in range(count) if v not in last), default=0)
    for v in range(count):
        if v in last and not targets[v]:
            layer[v] = max(bottom, inner)
    for v in reversed(range(count)):
        if not sources[v] and targets[v] and v not in first:
            layer[v] = min(layer[t] for t in targets[v]) - 1
    return layer


def _ordered(layers: Sequence[int], segments: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The vertices of each layer from left to right, the best of a few tries."""
    above, below = _neighbours(len(layers), segments)
    rows: list[list[int]] = [[] for _ in range(max(layers, default=-1) + 1)]
    for v, number in enumerate(layers):
        rows[number].append(v)
    best, fewest = [*map(list, rows)], _crossings(rows, below)
    shuffling = Random(0)  # the same drawing every time
    for _ in range(max(1, min(TRIES, MOST_SEGMENTS // max(len(segments), 1)))):
        for swept in _sweeps(rows, above, below):
            if not fewest:
                return best
            crossings = _crossings(swept, below)
            if crossings < fewest:
                best, fewest = [*map(list, swept)], crossings
        for row in rows:
            shuffling.shuffle(row)
    return best


def _sweeps(
    rows: list[list[int]], above: Sequence[Sequence[int]], below: Sequence[Sequence[int]]
) -> Iterator[list[list[int]]]:
    """Sort each layer by the centres of its neighbours, in place, down and up in turn."""
    for sweep in range(ORDER_SWEEPS):
        down = sweep % 2 == 0
        linked = above if down else below
        place = {v: i / max(len(row) - 1, 1) for row in rows for i, v in enumerate(row)}
        for row in rows if down else reversed(rows):
            centre = {v: _mean([place[u] for u in linked[v]], place[v]) for v in row}
            row.sort(key=centre.__getitem__)
            place.update({v: i / max(len(row) - 1, 1) for i, v in enumerate(row)})
        _swap_neighbours(rows, above, below)
        yield rows


def _swap_neighbours(
    rows: Sequence[list[int]], above: Sequence[Sequence[int]], below: Sequence[Sequence[int]]
) -> None:
    """Swap what stands side by side, in place, wherever that takes away crossings."""
    place = {v: i for row in rows for i, v in enumerate(row)}

    def crossings(left: int, right: int) -> int:
        return sum(
            place[a] > place[b]
            for linked in (above, below)
            for a in linked[left]
            for b in linked[right]
        )

    for row in rows:
        for i in range(len(row) - 1):
            left, right = row[i], row[i + 1]
            if crossings(right, left) < crossings(left, right):
                row[i], row[i + 1] = right, left
                place[left], place[right] = i + 1, i


def _crossings(rows: Sequence[Sequence[int]], below: Sequence[Sequence[int]]) -> int:
    """How many pairs of segments cross."""
    crossings = 0
    for row, under in pairwise(rows):
        place = {v: i for i, v in enumerate(under)}
        seen: list[int] = []
        for v in row:
            ends = sorted(place[u] for u in below[v])
            crossings += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return crossings


def _aligned(
    rows: Sequence[Sequence[int]],
    sizes: Sequence[float],
    segments: Sequence[tuple[int, int]],
    real: int,
    gap: float,
) -> list[float]:
    """Sideways places: sweeps of least squares towards the neighbours, distances kept."""
    above, below = _neighbours(len(sizes), segments)
    x = [0.0] * len(sizes)
    distances = [[(sizes[v] + sizes[u]) / 2 + gap for v, u in pairwise(row)] for row in rows]
    for row, least in zip(rows, distances, strict=True):
        for v, place in zip(row, spread([0.0] * len(row), least), strict=True):
            x[v] = place
    weights = [
        BEND_WEIGHT if v >= real else 1.0 if above[v] or below[v] else LONE_WEIGHT
        for v in range(len(sizes))
    ]
    for sweep in range(ALIGN_SWEEPS):
        # first from above, then from below, in the end from both
        both = sweep >= ALIGN_SWEEPS // 2
        down = sweep % 2 == 0
        for row, least in list(zip(rows, distances, strict=True))[:: 1 if down else -1]:
            middle = _mean([x[v] for v in row if weights[v] > LONE_WEIGHT], 0.0)
            wanted = []
            for v in row:
                near = above[v] + below[v] if both else (above if down else below)[v]
                alone = middle if weights[v] == LONE_WEIGHT else x[v]
                wanted.append(_mean([x[u] for u in near], alone))
            heft = [weights[v] for v in row]
            for v, place in zip(row, _spread(wanted, least, heft), strict=True):
                x[v] = place
    return x


def _straighten(
    x: list[float],
    rows: Sequence[Sequence[int]],
    sizes: Sequence[float],
    segments: Sequence[tuple[int, int]],
    gap: float,
) -> None:
    """Make nearly upright segments upright, in place, where there is room.

    From top to bottom by moving lower ends, then from bottom to top by moving upper ends. What is
    upright stays.
    """
    above, below = _neighbours(len(sizes), segments)
    for linked, ordered in ((above, rows), (below, rows[::-1])):
        for row in ordered:
            for i, v in enumerate(row):
                slant = {u: abs(x[u] - x[v]) for u in (*above[v], *below[v])}
                to = x[min(linked[v], key=slant.__getitem__, default=v)]
                if 0.0 in slant.values() or abs(to - x[v]) > SNAP:
                    continue
                least = {
                    j: (sizes[v] + sizes[row[j]]) / 2 + gap
                    for j in (i - 1, i + 1)
                    if 0 <= j < len(row)
                }
                if all((x[row[j]] - to) * (j - i) >= room for j, room in least.items()):
                    x[v] = to


def _neighbours(
    count: int, segments: Sequence[tuple[int, int]]
) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for source, target in segments:
        above[target].append(source)
        below[source].append(target)
    return above, below


def _mean(numbers: Sequence[float], default: float) -> float:
    return sum(numbers) / len(numbers) if numbers else default
