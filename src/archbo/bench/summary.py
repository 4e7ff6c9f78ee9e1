"""What searches say together: regrets with their standard errors, and whether methods differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import NamedTuple, TypeVar

import numpy as np

from archbo.arrays import Array
from archbo.bench.budgeted import BudgetSearch
from archbo.bench.searches import Search

CHECKPOINTS = (10, 20, 30, 50, 100, 200)
_GRID = 200  # points of a curve against time
_LAST = 10  # trainings, whose time to ask is shown beside the median of all


_Search = TypeVar("_Search", Search, BudgetSearch)


class Mean(NamedTuple):
    """A mean over seeds and its standard error; NaN where there is one seed."""

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:.3f}" + (f" ± {self.error:.3f}" if np.isfinite(self.error) else "")


class Line(NamedTuple):
    """One method on one benchmark.

    Attributes:
        benchmark, method: which.
        seeds: how many searches.
        observed: mean regret of the best observed, by the number of trainings.
        model: the same of the best by posterior mean; empty without a model.
        test: mean test value of the best observed at the last checkpoint; None where there is none.
        model_test: of the best by posterior mean.
        to_optimum: median number of trainings to the first of an optimum; infinite where that is
            more than there were.
        milliseconds: median time to ask and tell over all trainings,
        last_milliseconds: and over the last ten of each search.
    """

    benchmark: str
    method: str
    seeds: int
    observed: dict[int, Mean]
    model: dict[int, Mean]
    test: Mean | None
    model_test: Mean | None
    to_optimum: float
    milliseconds: float
    last_milliseconds: float


class Difference(NamedTuple):
    """How much larger a method's regret is than the first method's, over the seeds of both.

    Attributes:
        benchmark, method, first: which.
        seeds: how many both have.
        gaps: mean difference by the number of trainings, or by the full trainings spent.
        p_values: of Wilcoxon's signed-rank test, two-sided, that there is no difference.
    """

    benchmark: str
    method: str
    first: str
    seeds: int
    gaps: dict[float, Mean]
    p_values: dict[float, float]


class Curve(NamedTuple):
    """Mean regret of the best observed and its standard error, [p] each, and what it is against."""

    across: Array
    mean: Array
    error: Array


def checkpoints(trials: int) -> list[int]:
    """The numbers of trainings at which regrets are shown.

    >>> checkpoints(40)
    [10, 20, 30, 40]
    """
    return [*(c for c in CHECKPOINTS if c < trials), trials]


def mean(values: Array) -> Mean:
    """Of [n] values."""
    error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return Mean(float(values.mean()), float(error))


def summarise(searches: Sequence[Search]) -> list[Line]:
    """A line for each benchmark and method, in the order of the searches."""
    return [_line(group) for group in groups(searches).values()]


def groups(searches: Sequence[_Search]) -> dict[tuple[str, str], list[_Search]]:
    """The searches of each benchmark and method."""
    found: dict[tuple[str, str], list[_Search]] = {}
    for search in searches:
        found.setdefault((search.benchmark, search.method), []).append(search)
    return found


def _line(group: Sequence[Search]) -> Line:
    trials = group[0].trials
    points = checkpoints(trials)
    observed = regrets(group)
    model = _filled([s.model_regrets for s in group], trials)
    seconds = [np.add(s.ask_seconds, s.tell_seconds) for s in group]
    found = float(np.median([min(s.first_optimum, trials + 1) for s in group]))
    return Line(
        benchmark=group[0].benchmark,
        method=group[0].method,
        seeds=len(group),
        observed={c: mean(observed[:, c - 1]) for c in points},
        model={} if model is None else {c: mean(model[:, c - 1]) for c in points},
        test=_last([s.observed_tests for s in group]),
        model_test=_last([s.model_tests for s in group]),
        to_optimum=found if found <= trials else inf,
        milliseconds=1000 * float(np.median(np.concatenate(seconds))),
        last_milliseconds=1000 * float(np.median(np.concatenate([s[-_LAST:] for s in seconds]))),
    )


def regrets(group: Sequence[Search]) -> Array:
    """Regrets of the best observed, [searches trainings]."""
    found = _filled([s.observed_regrets for s in group], group[0].trials)
    assert found is not None
    return found


def _filled(series: Sequence[Sequence[float | None]], trials: int) -> Array | None:
    """As an array, [searches trainings]; None where a search has no values.

    One that ended early keeps its last value to the end, a late one has its first from the start.
    """
    rows = []
    for one in series:
        known = [v for v in one if v is not None]
        if not known:
            return None
        late = [known[0]] * (len(one) - len(known))
        rows.append([*late, *known, *[known[-1]] * (trials - len(one))])
    return np.array(rows)


def _last(series: Sequence[Sequence[float | None]]) -> Mean | None:
    ends = [one[-1] for one in series if one and one[-1] is not None]
    return mean(np.array(ends)) if len(ends) == len(series) else None


def differences(searches: Sequence[Search]) -> list[Difference]:
    """Each method against the first one of its benchmark, seed by seed."""
    found = []
    for own, first in paired(searches):
        gap = regrets(own) - regrets(first)
        points = checkpoints(own[0].trials)
        found.append(
            Difference(
                own[0].benchmark,
                own[0].method,
                first[0].method,
                len(own),
                {c: mean(gap[:, c - 1]) for c in points},
                {c: p_value(gap[:, c - 1]) for c in points},
            )
        )
    return found


def paired(searches: Sequence[_Search]) -> Iterator[tuple[list[_Search], list[_Search]]]:
    """The searches of each method and those of the first one of its benchmark, by common seeds."""
    by_name = groups(searches)
    firsts: dict[str, str] = {}
    for (benchmark, method), group in by_name.items():
        if firsts.setdefault(benchmark, method) == method:
            continue
        first = {s.seed: s for s in by_name[benchmark, firsts[benchmark]]}
        if own := [s for s in group if s.seed in first]:
            yield own, [first[s.seed] for s in own]


def p_value(gaps: Array) -> float:
    """Wilcoxon's signed-rank test that paired differences lie around 0, two-sided; 1 if all are 0.

    Differences of 0 are left out.
    """
    from scipy.stats import wilcoxon  # takes a while to load

    gaps = gaps[gaps != 0]
    if not len(gaps):
        return 1.0
    tied = len(np.unique(np.abs(gaps))) < len(gaps)
    method = "approx" if tied or len(gaps) > 50 else "exact"
    return float(wilcoxon(gaps, method=method).pvalue)


def against_trainings(group: Sequence[Search]) -> Curve:
    """Mean regret after each training."""
    return curve(np.arange(1, group[0].trials + 1.0), regrets(group))


def against_time(group: Sequence[Search]) -> Curve | None:
    """Mean regret against the recorded seconds of training, one after another.

    From where all searches have a result to where the first of them ends. None where the times were
    not recorded.
    """
    if any(t is None for s in group for t in s.training_seconds):
        return None
    ends = [np.cumsum([t for t in s.training_seconds if t is not None]) for s in group]
    grid = np.linspace(max(e[0] for e in ends), min(e[-1] for e in ends), _GRID)
    steps = [
        np.array(s.observed_regrets)[np.searchsorted(end, grid, side="right") - 1]
        for s, end in zip(group, ends, strict=True)
    ]
    return curve(grid, np.stack(steps))


def curve(across: Array, values: Array) -> Curve:
    """The mean of [searches p] values and its standard error."""
    errors = values.std(axis=0, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return Curve(across, values.mean(axis=0), np.broadcast_to(errors, across.shape))


def markdown(searches: Sequence[Search]) -> str:
    """All of it as tables that can be read as they are."""
    tables = []
    for benchmark in dict.fromkeys(s.benchmark for s in searches):
        own = [s for s in searches if s.benchmark == benchmark]
        parts = (rows for rows in (regret_rows(own), model_rows(own), difference_rows(own)) if rows)
        tables.append("\n\n".join(map(table, parts)))
    return "\n\n".join(tables) + "\n"


def regret_rows(searches: Sequence[Search]) -> list[list[str]]:
    """Of one benchmark: a head, and a row for each method."""
    points = checkpoints(searches[0].trials)
    head = [searches[0].benchmark, "seeds", *(f"regret {c}" for c in points)]
    rows = [[*head, "median to optimum", "ms/ask median, last"]]
    for line in summarise(searches):
        found = f"{line.to_optimum:g}" if line.to_optimum < inf else f"over {searches[0].trials}"
        times = f"{line.milliseconds:.1f}, {line.last_milliseconds:.1f}"
        means = [str(line.observed[c]) for c in points]
        rows.append([line.method, str(line.seeds), *means, found, times])
    return rows


def model_rows(searches: Sequence[Search]) -> list[list[str]]:
    """The best by posterior mean beside the best observed; empty where no method has a model."""
    lines = [line for line in summarise(searches) if line.model]
    if not lines:
        return []
    points = checkpoints(searches[0].trials)
    tested = any(line.test for line in lines)
    rows = [["the answer by", *(f"regret {c}" for c in points), *["test"] * tested]]
    for line in lines:
        for words, by, test in (
            ("observed value", line.observed, line.test),
            ("posterior mean", line.model, line.model_test),
        ):
            shown = [str(test or "")] if tested else []
            rows.append([f"{line.method}, {words}", *(str(by[c]) for c in points), *shown])
    return rows


def difference_rows(searches: Sequence[Search]) -> list[list[str]]:
    """The regret of each method less that of the first; empty where there is one method."""
    found = differences(searches)
    if not found:
        return []
    points = checkpoints(searches[0].trials)
    rows = [[f"more than {found[0].first}", *(f"at {c}" for c in points)]]
    for d in found:
        cells = [f"{d.gaps[c].mean:+.3f}, {p_words(d.p_values[c])}" for c in points]
        rows.append([d.method, *cells])
    return rows


def p_words(p: float) -> str:
    """A p-value in words."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows in Markdown, the head first."""
    head, *rest = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *rest])
