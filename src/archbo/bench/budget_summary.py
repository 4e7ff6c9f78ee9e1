"""What searches under a budget say together: regrets against what was spent, and against time.

A regret at a budget is that of the answer when so many full trainings were spent. A normalised one
is divided by the mean regret of a random network, which is the best truth less the mean truth of
all networks that are recorded: 1 is a blind choice, 0 the optimum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

import numpy as np

from archbo.arrays import Array
from archbo.bench.budgeted import BudgetSearch
from archbo.bench.summary import (
    Curve,
    Difference,
    Mean,
    curve,
    groups,
    mean,
    p_value,
    p_words,
    paired,
    table,
)

CHECKPOINTS = (3.0, 10.0, 30.0, 100.0)
"""Full trainings at which regrets are shown."""

_ROUNDING = 1e-9  # of what is spent, in full trainings
_GRID = 200  # points of a curve
_LAST = 10  # decisions, whose time is shown beside the median of all


class BudgetLine(NamedTuple):
    """One method on one benchmark.

    Attributes:
        benchmark, method: which.
        seeds: how many searches.
        regret: mean regret, by the full trainings spent.
        normalised: the same of the normalised regret.
        timely: mean regret by time, in the time that so many full trainings take all workers.
        begun: mean number of trainings that began.
        in_full: which share of them was trained in full.
        milliseconds: median time of a decision: to propose, and what becomes of a training; NaN
            where none has ended,
        last_milliseconds: and over the last ten of each search.
    """

    benchmark: str
    method: str
    seeds: int
    regret: dict[float, Mean]
    normalised: dict[float, Mean]
    timely: dict[float, Mean]
    begun: float
    in_full: float
    milliseconds: float
    last_milliseconds: float


def budget_checkpoints(budget: float) -> list[float]:
    """The budgets at which regrets are shown.

    >>> budget_checkpoints(30), budget_checkpoints(12)
    ([3.0, 10.0, 30.0], [3.0, 10.0, 12.0])
    """
    return [*(c for c in CHECKPOINTS if c < budget), float(budget)]


def at_budgets(search: BudgetSearch, spent: Sequence[float] | Array) -> Array:
    """Regrets of the answer when so much was spent."""
    return _steps(search, search.spent, np.asarray(spent) + _ROUNDING)


def at_times(search: BudgetSearch, seconds: Sequence[float] | Array) -> Array:
    """Regrets of the answer at times on the clock."""
    return _steps(search, search.clock, np.asarray(seconds))


def _steps(search: BudgetSearch, ends: Sequence[float], at: Array) -> Array:
    known = np.array([search.first_regret, *search.regrets])
    return known[np.searchsorted(ends, at, side="right")]


def times(searches: Sequence[BudgetSearch]) -> dict[float, float]:
    """When all workers together could have trained so many usual networks in full, on the clock.

    As far as none of these searches of one benchmark had ended by then; they may be of several
    methods.
    """
    usual = searches[0].full_seconds / searches[0].workers
    end = min((s.end for s in searches if s.end is not None), default=inf)
    found = {c: c * usual for c in budget_checkpoints(searches[0].budget)}
    return {c: seconds for c, seconds in found.items() if seconds <= end}


def summarise_budgets(searches: Sequence[BudgetSearch]) -> list[BudgetLine]:
    """A line for each benchmark and method, in the order of the searches."""
    return [
        _line(group, times([s for s in searches if s.benchmark == benchmark]))
        for (benchmark, _), group in groups(searches).items()
    ]


def _line(group: Sequence[BudgetSearch], clock: dict[float, float]) -> BudgetLine:
    points = budget_checkpoints(group[0].budget)
    regrets = np.stack([at_budgets(s, points) for s in group])  # [searches points]
    normalised = regrets / np.array([[s.random_regret] for s in group])
    timely = np.stack([at_times(s, list(clock.values())) for s in group])
    seconds = [np.add(s.propose_seconds, s.decide_seconds) for s in group]
    begun = sum(s.begun for s in group)
    return BudgetLine(
        benchmark=group[0].benchmark,
        method=group[0].method,
        seeds=len(group),
        regret=_means(points, regrets),
        normalised=_means(points, normalised),
        timely=_means(clock, timely),
        begun=begun / len(group),
        in_full=sum(s.trained_in_full for s in group) / begun,
        milliseconds=1000 * _median(seconds),
        last_milliseconds=1000 * _median([s[-_LAST:] for s in seconds]),
    )


def _means(points: Iterable[float], values: Array) -> dict[float, Mean]:
    return {c: mean(column) for c, column in zip(points, values.T, strict=True)}


def _median(parts: Sequence[Array]) -> float:
    together = np.concatenate(parts)
    return float(np.median(together)) if len(together) else np.nan


def budget_differences(searches: Sequence[BudgetSearch]) -> list[Difference]:
    """Each method against the first one of its benchmark, seed by seed."""
    found = []
    for own, first in paired(searches):
        points = budget_checkpoints(own[0].budget)
        gaps = np.stack(
            [at_budgets(s, points) - at_budgets(f, points) for s, f in zip(own, first, strict=True)]
        )
        found.append(
            Difference(
                own[0].benchmark,
                own[0].method,
                first[0].method,
                len(own),
                _means(points, gaps),
                {c: p_value(column) for c, column in zip(points, gaps.T, strict=True)},
            )
        )
    return found


def against_budget(group: Sequence[BudgetSearch]) -> Curve:
    """Mean regret against what was spent, in full trainings."""
    grid = np.linspace(0, group[0].budget, _GRID + 1)[1:]
    return curve(grid, np.stack([at_budgets(s, grid) for s in group]))


def against_clock(group: Sequence[BudgetSearch], end: float) -> Curve:
    """Mean regret against the time on the clock, up to an end."""
    grid = np.linspace(0, end, _GRID + 1)[1:]
    return curve(grid, np.stack([at_times(s, grid) for s in group]))


def last_time(searches: Sequence[BudgetSearch]) -> float:
    """Until when searches of one benchmark can be compared: when the first has spent its budget."""
    ends = [s.end for s in searches if s.end is not None]
    return min(ends) if ends else max(s.clock[-1] for s in searches)


def budget_markdown(searches: Sequence[BudgetSearch]) -> str:
    """All of it as tables that can be read as they are."""
    tables: list[str] = []
    for benchmark in dict.fromkeys(s.benchmark for s in searches):
        own = [s for s in searches if s.benchmark == benchmark]
        tables += map(table, budget_tables(own))
    return "\n\n".join(tables) + "\n"


def budget_tables(searches: Sequence[BudgetSearch]) -> list[list[list[str]]]:
    """The tables of one benchmark, each a head and a row for each method."""
    lines = summarise_budgets(searches)
    found = [_regret_rows(lines), _normalised_rows(lines), _timely_rows(lines, searches[0])]
    return [rows for rows in [*found, _difference_rows(searches)] if len(rows) > 1]


def _regret_rows(lines: Sequence[BudgetLine]) -> list[list[str]]:
    points = [f"regret {c:g}" for c in lines[0].regret]
    head = [
        lines[0].benchmark,
        "seeds",
        *points,
        "trainings",
        "in full",
        "ms/decision median, last",
    ]
    return [
        head,
        *(
            [
                line.method,
                str(line.seeds),
                *map(str, line.regret.values()),
                f"{line.begun:.0f}",
                f"{line.in_full:.0%}",
                _times(line),
            ]
            for line in lines
        ),
    ]


def _times(line: BudgetLine) -> str:
    """The milliseconds; there are none where no training has ended."""
    if np.isnan(line.milliseconds):
        return "none"
    return f"{line.milliseconds:.1f}, {line.last_milliseconds:.1f}"


def _normalised_rows(lines: Sequence[BudgetLine]) -> list[list[str]]:
    head = ["normalised, a random network is 1", *(f"regret {c:g}" for c in lines[0].normalised)]
    return [head, *([line.method, *map(str, line.normalised.values())] for line in lines)]


def _timely_rows(lines: Sequence[BudgetLine], search: BudgetSearch) -> list[list[str]]:
    """By time; without rows where there is one worker, or no time that all searches reached."""
    if search.workers == 1 or not lines[0].timely:
        return []
    usual = search.full_seconds / search.workers
    head = [
        f"by time, {search.workers} workers",
        *(f"regret {c:g} ({c * usual:,.0f} s)" for c in lines[0].timely),
    ]
    return [head, *([line.method, *map(str, line.timely.values())] for line in lines)]


def _difference_rows(searches: Sequence[BudgetSearch]) -> list[list[str]]:
    found = budget_differences(searches)
    if not found:
        return []
    head = [f"more than {found[0].first}", *(f"at {c:g}" for c in found[0].gaps)]
    return [
        head,
        *([d.method, *(_gap(d.gaps[c], d.p_values[c]) for c in d.gaps)] for d in found),
    ]


def _gap(gap: Mean, p: float) -> str:
    return f"{'+' if gap.mean >= 0 else ''}{gap}, {p_words(p)}"
