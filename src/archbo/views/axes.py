"""The frame of a figure: a scale, its ticks, and the marks on it, as SVG.

Colours come from the page's style sheet by class names; each mark carries its words in
`data-tip`, which the page's script shows on hover and by the arrow keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isnan, log10
from typing import NamedTuple

from archbo.views.infos import number

WIDTH, HEIGHT = 520, 320
LEFT, RIGHT, TOP, BOTTOM = 58, 18, 30, 46  # room for axis texts
MOST_TICKS = 7
TICK_ROOM = 40.0  # pixels from one tick to the next
MANY = 120  # marks
NARROWEST = 1e-9  # a relative range below this is rounding, not spread
LARGEST = 1e300
DOT = "M-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0 -8.4 0z"
SHAPES = {
    "initial": DOT,
    "model": DOT,
    "random": "M0 -5.4L5.4 0L0 5.4L-5.4 0z",
    "evolution": "M-4 -4H4V4H-4z",
    "user": "M0 -5.2L5 4H-5z",
    "running": "M-4 -4.5L5 0L-4 4.5z",
    "paused": "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0 -7.2 0z",
    "stopped": "M0 -5V5",
    "failed": "M-4 -4L4 4M-4 4L4 -4",
}
"""Of marks by origin, and of the ends of learning curves by the trial's state."""

OTHER = "M-4.5 0H4.5M0 -4.5V4.5"


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers from `low` to `high`, to pixels from `start` to `end`; numbers beyond are clipped.

    Attributes:
        low: of the numbers; positive where `log` is set.
        high: of the numbers, larger than `low`.
        start: the pixel of `low`.
        end: the pixel of `high`.
        log: whether equal ratios take equal room.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a number."""
        low, high, value = map(self._even, (self.low, self.high, _drawn(value)))
        share = (min(max(value, low), high) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def ticks(self, *, whole: bool = False) -> list[float]:
        """A handful of round numbers inside the scale."""
        if self.log:
            powers = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
            return [t for p in powers if self.low <= (t := 10.0**p) <= self.high]
        step = _round_step((self.high - self.low) / MOST_TICKS)
        step = max(step, 1.0) if whole else step
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]

    def _even(self, value: float) -> float:
        return log10(max(value, self.low)) if self.log else value


def _drawn(value: float) -> float:
    """A number as it can be drawn, whatever it is: the distance of two is finite, too."""
    return 0.0 if isnan(value) else min(max(value, -LARGEST), LARGEST)


def x_scale(low: float, high: float, *, log: bool = False) -> Scale:
    """From left to right; a range of nothing is widened."""
    return Scale(*_widened(_drawn(low), _drawn(high)), LEFT, WIDTH - RIGHT, log)


def y_scale(low: float, high: float, *, room: float = 0.0) -> Scale:
    """From bottom to top, with `room` pixels left free at the bottom."""
    return Scale(*_widened(_drawn(low), _drawn(high)), HEIGHT - BOTTOM - room, TOP)


def padded(values: Sequence[float]) -> tuple[float, float]:
    """The range of some numbers with a little air around."""
    drawn = [_drawn(value) for value in values]
    low, high = min(drawn), max(drawn)
    air = 0.05 * (high - low)
    return low - air, high + air


def typical(values: Sequence[float], *, maximize: bool) -> tuple[float, float]:
    """The range that is worth looking at: all good values, the bad ones but for far outliers.

    >>> typical([0.1, *[0.9, 0.91, 0.92, 0.93, 0.94] * 4], maximize=True)[0] > 0.5
    True
    """
    ordered = sorted(values)
    lower, upper = ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]
    reach = 3 * (upper - lower) or float("inf")
    kept = [v for v in ordered if (v >= lower - reach if maximize else v <= upper + reach)]
    return padded(kept)


def apart(ticks: Sequence[float], scale: Scale) -> list[float]:
    """Those of ascending numbers whose labels have room: the last, and others before it."""
    kept: list[float] = []
    for tick in reversed(ticks):
        if not kept or scale(kept[-1]) - scale(tick) >= TICK_ROOM:
            kept.append(tick)
    return kept[::-1]


def frame(
    x: Scale, y: Scale, *, across: str, up: str, whole: bool = False, ticks: Sequence[float] = ()
) -> Iterator[str]:
    """Grid lines, tick labels and the names of both axes; with the given ticks across, if any."""
    for tick in y.ticks():
        at = y(tick)
        yield f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'
        yield (
            f'<text class="tick" x="{LEFT - 8}" y="{at + 4:.1f}" '
            f'text-anchor="end">{_tick(tick)}</text>'
        )
    for tick in ticks or x.ticks(whole=whole):
        yield (
            f'<text class="tick" x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 18}" '
            f'text-anchor="middle">{_tick(tick)}</text>'
        )
    yield f'<path class="axis" d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
    yield (
        f'<text class="name" x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{HEIGHT - 6}" '
        f'text-anchor="middle">{escape(across)}</text>'
    )
    yield f'<text class="name" x="2" y="13">{escape(up)}</text>'


def mark(
    x: float,
    y: float,
    kind: str,
    tip: str,
    trial: int,
    *,
    size: float = 1.0,
    more: str = "",
    shape: str | None = None,
) -> str:
    """A trial's mark, which leads to its row in the table.

    Args:
        x: its centre in pixels.
        y: its centre in pixels.
        kind: its origin, or "failed": gives shape and colour.
        tip: its words on hover.
        trial: its number.
        size: relative to the usual one.
        more: further class names.
        shape: its path, where the kind does not give it; the kind is a class name then.
    """
    known = kind if shape is not None or kind in SHAPES else "other"
    return (
        f'<a class="mark {known} {more}" href="#trial-{trial}" tabindex="-1" '
        f'data-tip="{escape(tip)}"><path transform="translate({x:.1f} {y:.1f}) scale({size:g})" '
        f'd="{shape or SHAPES.get(kind, OTHER)}"/></a>'
    )


def mark_size(count: int) -> float:
    """Smaller marks where there are many."""
    return 1.0 if count <= MANY else 0.7


class Key(NamedTuple):
    """An entry of a legend: the class names and the shape of a mark, and what it means."""

    look: str
    shape: str
    words: str


def keys(kinds: Sequence[str], lines: Sequence[str] = ()) -> list[Key]:
    """The entries for coloured lines, in their order, then for marks by kind."""
    series = [Key(f"series s{k}", "M-7 0H7", name) for k, name in enumerate(lines)]
    marks = [
        Key(f"mark {kind if kind in SHAPES else 'other'}", SHAPES.get(kind, OTHER), kind)
        for kind in kinds
    ]
    return [*series, *marks]


def legend(kinds: Sequence[str], lines: Sequence[str] = ()) -> str:
    """The shapes in use and what they mean, as HTML; before them the names of coloured lines."""
    return legend_of(keys(kinds, lines))


def legend_of(entries: Sequence[Key]) -> str:
    """A legend as HTML."""
    items = "".join(
        f'<li><svg class="marks" viewBox="-7 -7 14 14" width="14" height="14" aria-hidden="true">'
        f'<g class="{key.look}"><path d="{key.shape}"/></g></svg>{escape(key.words)}</li>'
        for key in entries
    )
    return f'<ul class="legend">{items}</ul>'


def figure(elements: Sequence[str], label: str) -> str:
    """The whole figure, with a sentence for those who do not see it."""
    return (
        f'<svg class="chart marks" viewBox="0 0 {WIDTH} {HEIGHT}" tabindex="0" role="group" '
        f'aria-label="{escape(label)}">{"".join(elements)}</svg>'
    )


def _widened(low: float, high: float) -> tuple[float, float]:
    if high - low > NARROWEST * max(abs(low), abs(high)):
        return low, high
    air = 0.05 * abs(low) or 1.0
    return low - air, high + air


def _round_step(step: float) -> float:
    """The next larger of 1, 2, 5 times a power of ten."""
    power = 10.0 ** floor(log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))


def _tick(value: float) -> str:
    """A tick's words, short enough for its place.

    >>> [_tick(v) for v in (0.30000000000000004, 2000.0, 50000.0, 1e6, 2.5e9, 3e12, 2e-12)]
    ['0.3', '2,000', '50k', '1M', '2,500M', '3e+12', '2e-12']
    """
    if 1e4 <= abs(value) < 1e10:
        unit, size = ("M", 1e6) if abs(value) >= 1e6 else ("k", 1e3)
        return f"{number(value / size, digits=4)}{unit}"
    return f"{value + 0.0:,.4g}"
