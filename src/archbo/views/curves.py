"""How trainings got on: their learning curves, in a figure and in the terminal.

Where a study trains each level afresh, a line is a network, and its points are trainings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from archbo.data import State, TrialRecord
from archbo.fidelity import FidelityRange
from archbo.views.axes import DOT, SHAPES, apart, frame, keys, typical, x_scale, y_scale
from archbo.views.chart import Chart
from archbo.views.infos import StudyInfo, members, number

HIGHLIGHTED = 3
MOST_CURVES = 300
MOST_POINTS = 40  # of a curve behind others: enough for its course
MOST_IN_FRONT = 200  # of one in front: the figure is not wide enough for more
MOST_LEVELS = 8
WIDE = 9.0  # levels with this ratio are better read on a logarithmic scale
_BARS = "▁▂▃▄▅▆▇█"
_WIDEST = 60  # bars


class Line(NamedTuple):
    """One learning curve.

    Attributes:
        trial: its number; of several trainings of a network the one that got furthest.
        architecture_id: what was trained.
        state: where the trial stands.
        points: (level, value), ascending.
        target: the level that it was to reach last.
    """

    trial: int
    architecture_id: str
    state: State
    points: tuple[tuple[float, float], ...]
    target: float

    @property
    def reached(self) -> float:
        """The highest level with a value."""
        return self.points[-1][0]

    def at(self, level: float) -> float | None:
        """The value at a level: the last one up to it; None where there is none, or not yet."""
        if self.reached < level:
            return None
        return next((value for at, value in reversed(self.points) if at <= level), None)


class CurvesInfo(NamedTuple):
    """The learning curves of a study.

    Attributes:
        lines: all that have a value, in the order of their trials.
        best: the best few of them, the best first: those in full before those that got furthest.
        levels: those at which trainings end, ascending; empty without a fidelity.
    """

    lines: tuple[Line, ...]
    best: tuple[Line, ...]
    levels: tuple[float, ...]


def curves_info(
    records: Sequence[TrialRecord], study: StudyInfo, *, top: int = HIGHLIGHTED
) -> CurvesInfo:
    """The learning curves of the search.

    Without a fidelity these are those of the trials that reported at least twice.

    Args:
        records: all trials; those that were imported, or that confirm, are left out.
        study: what they are of.
        top: how many of the best to name.
    """
    searched = sorted((r for r in records if r.searched), key=lambda r: r.number)
    fidelity = study.fidelity
    if fidelity is None:
        lines = [_line(record, None) for record in searched if len(record.reports) > 1]
        levels: tuple[float, ...] = ()
    else:
        lines = [_line(record, fidelity) for record in searched]
        if not fidelity.continued:
            lines = _networks(lines)
        lines = [line for line in lines if line.points]
        levels = _levels(searched, fidelity)
    return CurvesInfo(tuple(lines), tuple(_best(lines, records, study, top)), levels)


def _line(record: TrialRecord, fidelity: FidelityRange | None) -> Line:
    """A trial's own."""
    points: dict[float, float] = {}
    target = 0.0
    if fidelity is None or fidelity.continued:
        points = {report.epoch: report.value for report in record.reports}
    if fidelity is not None:
        target = fidelity.high if record.fidelity is None else record.fidelity
        if record.interim is not None and record.reached is not None:
            points[record.reached] = record.interim
        if record.value is not None:
            points[fidelity.high] = record.value
    curve = tuple(sorted(points.items()))
    return Line(record.number, record.architecture_id, record.state, curve, target)


def _networks(lines: Sequence[Line]) -> list[Line]:
    """The trainings of each network put together."""
    groups: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        groups[line.architecture_id].append(line)
    found = []
    for group in groups.values():
        furthest = max(group, key=lambda line: (line.target, line.trial))
        points = {at: value for line in group for at, value in line.points}
        found.append(furthest._replace(points=tuple(sorted(points.items()))))
    return sorted(found)


def _levels(records: Sequence[TrialRecord], fidelity: FidelityRange) -> tuple[float, ...]:
    """Those at which trainings ended or are to end; the usual ones where these are too many."""
    ends = {fidelity.high if r.fidelity is None else r.fidelity for r in records}
    ends |= {r.reached for r in records if r.reached is not None} | {fidelity.high}
    return tuple(sorted(ends)) if 1 < len(ends) <= MOST_LEVELS else fidelity.rungs()


def _best(
    lines: Sequence[Line], records: Sequence[TrialRecord], study: StudyInfo, top: int
) -> list[Line]:
    """The lines of the best architectures, then of those that got furthest."""
    first: dict[str, Line] = {}
    for line in lines:
        first.setdefault(line.architecture_id, line)
    ids = [member.architecture.id for member in members(records, study, limit=top)]
    best = [first[key] for key in ids if key in first]
    if study.fidelity is not None:
        sign = 1.0 if study.maximize else -1.0
        rest = [x for x in lines if x.state not in (State.FINISHED, State.FAILED)]
        rest.sort(key=lambda x: (-x.reached, -sign * x.points[-1][1], x.trial))
        best += rest[: max(top - len(best), 0)]
    return best


def curves_figure(info: CurvesInfo, study: StudyInfo) -> str:
    """The same as `curves_chart`, for a page."""
    return curves_chart(info, study).html


def curves_chart(info: CurvesInfo, study: StudyInfo) -> Chart:
    """The learning curves, the best in front; the latest few hundred of many."""
    if not info.lines:
        return Chart("No training has reported its progress.")
    best = {line.trial: rank for rank, line in enumerate(info.best[:HIGHLIGHTED])}
    lines = [line for line in info.lines if line.trial not in best][-MOST_CURVES:]
    lines += reversed(info.best[:HIGHLIGHTED])
    points = [point for line in lines for point in line.points]
    low, high = min(at for at, _ in points), max(at for at, _ in points)
    unit = "epoch" if study.fidelity is None else study.fidelity.name
    whole = study.fidelity is None or study.fidelity.whole
    x = x_scale(low, high, log=bool(info.levels) and high >= WIDE * low)
    y = y_scale(*typical([value for _, value in points], maximize=study.maximize))
    levels = [level for level in info.levels if low < level <= high]
    ticks = apart([low, *levels] if info.levels else [], x)
    elements = [*frame(x, y, across=unit, up=study.objective, whole=whole, ticks=ticks)]
    for line in lines:
        drawn = _few(line.points, MOST_IN_FRONT if line.trial in best else MOST_POINTS)
        steps = "L".join(f"{x(at):.1f} {y(value):.1f}" for at, value in drawn)
        kind = f"curve {line.state}"
        if line.trial in best:
            kind += f" best s{best[line.trial]}"
        path = f'<path d="M{steps}"/>'
        shape = SHAPES.get(line.state)  # none for a finished one: it ends where all end
        if len(line.points) == 1:
            shape = shape or DOT
        if shape is not None:
            at, value = line.points[-1]
            place = f"translate({x(at):.1f} {y(value):.1f}) scale(.8)"
            path += f'<path class="end" transform="{place}" d="{shape}"/>'
        tip = f"Trial {line.trial}: {study.objective} {number(line.points[-1][1])} at "
        tip += f"{number(line.reached)}, {line.state}"
        elements.append(
            f'<a class="{kind}" href="#trial-{line.trial}" tabindex="-1" '
            f'data-tip="{escape(tip)}">{path}</a>'
        )
    states = [state for state in SHAPES if any(line.state == state for line in lines)]
    names = [f"trial {line.trial}" for line in info.best[:HIGHLIGHTED]]
    label = f"Learning curves of {len(lines)} trainings"
    return Chart(label, tuple(elements), tuple(keys(states, names)))


def _few(points: Sequence[tuple[float, float]], most: int) -> Sequence[tuple[float, float]]:
    """At most so many of the points, evenly chosen, the ends among them."""
    last = len(points) - 1
    return points if last < most else [points[k * last // (most - 1)] for k in range(most)]


def curves_parts(info: CurvesInfo, study: StudyInfo) -> Iterator[RenderableType]:
    """The curves of the best in the terminal, a row each; nothing without a fidelity."""
    if study.fidelity is None or not info.best:
        return
    words = f"The best learning curves: {study.objective} by {study.fidelity.name}"
    yield Text(f"\n{words}", style="bold")
    table = Table(box=None, pad_edge=True, header_style="dim", padding=(0, 1))
    for head in ("trial", "", *map(number, info.levels)):
        table.add_column(Text(head), justify="left" if not head else "right", no_wrap=True)
    for line in info.best:
        values = [line.at(level) for level in info.levels]
        table.add_row(
            str(line.trial),
            str(line.state),
            *("" if value is None else number(value, digits=4) for value in values),
        )
    yield table


def sparkline(values: Sequence[float]) -> str:
    """Numbers as bars, at most as many as a line has room for.

    >>> sparkline([0.1, 0.5, 0.7, 0.75, 0.8]), sparkline([1.0, 1.0])
    ('▁▅▇▇█', '▄▄')
    """
    if len(values) > _WIDEST:
        values = [values[(k * (len(values) - 1)) // (_WIDEST - 1)] for k in range(_WIDEST)]
    low, high = min(values), max(values)
    if high == low:
        return _BARS[len(_BARS) // 2 - 1] * len(values)
    top = len(_BARS) - 1
    return "".join(_BARS[round(top * (value - low) / (high - low))] for value in values)
