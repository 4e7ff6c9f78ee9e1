"""One self-contained page about a run: curves, tables, and how it was run."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.metadata import version
from math import ceil, floor, inf, log10
from typing import NamedTuple

import numpy as np

from archbo.bench.budget_summary import against_budget, against_clock, budget_tables, last_time
from archbo.bench.budgeted import BudgetSearch
from archbo.bench.runner import Failure
from archbo.bench.searches import Search
from archbo.bench.summary import (
    Curve,
    against_time,
    against_trainings,
    checkpoints,
    difference_rows,
    groups,
    model_rows,
    regret_rows,
)
from archbo.views.axes import BOTTOM, HEIGHT, TOP, Scale, figure, frame, x_scale
from archbo.views.page import page, pairs, panel

_TONES = 6
_DASHES = ("", " dashed", " dotted")
_DECADES = 3  # below the largest regret that are shown
_HOUR = 3600.0
_POINTS = 8  # of a curve against time that tell their numbers
_CIRCLE = "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z"


_Any = Search | BudgetSearch


class _Line(NamedTuple):
    """A method's curve in a figure."""

    method: str
    look: str
    curve: Curve
    shown: Sequence[int]


def render_page(
    searches: Sequence[Search] | Sequence[BudgetSearch],
    units: Mapping[str, str],
    failures: Sequence[Failure] = (),
) -> str:
    """The page about searches.

    Args:
        searches: at least one; all by trials, or all under the same budget.
        units: of the regret, by the name of the benchmark.
        failures: searches that could not be finished.
    """
    methods = list(dict.fromkeys(s.method for s in searches))
    looks = {
        m: f"s{k % _TONES}{_DASHES[k // _TONES % len(_DASHES)]}" for k, m in enumerate(methods)
    }
    names = list(dict.fromkeys(s.benchmark for s in searches))
    sections = [_header(searches, methods, names)]
    for name in names:
        own = [s for s in searches if s.benchmark == name]
        sections.append(_section(name, own, units[name], looks))
    sections += [_failures(failures), _facts(searches)]
    return page("benchmarks · archbo", "".join(sections))


def _header(searches: Sequence[_Any], methods: Sequence[str], names: Sequence[str]) -> str:
    tiles = {
        "methods": str(len(methods)),
        "benchmarks": str(len(names)),
        "searches": f"{len(searches):,}",
        "trainings": f"{sum(_trainings(s) for s in searches):,}",
    }
    shown = "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in tiles.items())
    return (
        '<header><p class="eyebrow">Architecture search, methods side by side</p>'
        f"<h1>{escape(', '.join(methods))}</h1>"
        '<p class="lead">The regret is how much worse the best observed architecture is, in truth '
        "and without noise, than the best one there is. Lower is better.</p>"
        f'<dl class="tiles">{shown}</dl></header>'
    )


def _trainings(search: _Any) -> int:
    """How many began."""
    return search.begun if isinstance(search, BudgetSearch) else len(search.ids)


def _section(name: str, searches: Sequence[_Any], unit: str, looks: dict[str, str]) -> str:
    trained = [s for s in searches if isinstance(s, Search)]
    budgeted = [s for s in searches if isinstance(s, BudgetSearch)]
    up = f"regret, {unit}"
    panels = [*_trial_panels(name, trained, up, looks), *_budget_panels(name, budgeted, up, looks)]
    tables = budget_tables(budgeted) if budgeted else []
    if trained:
        tables = [regret_rows(trained), model_rows(trained), difference_rows(trained)]
    shown_tables = "".join(_table(rows, name) for rows in tables if rows)
    return (
        f'<section aria-labelledby="{_slug(name)}"><h2 id="{_slug(name)}">{escape(name)}</h2>'
        f'<div class="panels">{"".join(panels)}</div>{shown_tables}</section>'
    )


def _trial_panels(
    name: str, searches: Sequence[Search], up: str, looks: dict[str, str]
) -> Iterator[str]:
    """Regrets against trainings, and against their time where it is known."""
    if not searches:
        return
    by_method = {method: group for (_, method), group in groups(searches).items()}
    shown = [c - 1 for c in checkpoints(searches[0].trials)]
    lines = [_Line(m, looks[m], against_trainings(g), shown) for m, g in by_method.items()]
    words = "Mean over seeds after each training, and its standard error."
    yield panel("Against trainings", words, _figure(lines, name, up, "trainings"))
    timed = {m: against_time(g) for m, g in by_method.items()}
    lines = [
        _Line(m, looks[m], c._replace(across=c.across / _HOUR), _spread(len(c.mean)))
        for m, c in timed.items()
        if c is not None
    ]
    if lines:
        words = "The same against the recorded time of these trainings, one after another."
        drawn = _figure(lines, name, up, "hours of training")
        yield panel("Against training time", words, drawn)


def _budget_panels(
    name: str, searches: Sequence[BudgetSearch], up: str, looks: dict[str, str]
) -> Iterator[str]:
    """Regrets against what was spent, and against time where several train at a time."""
    if not searches:
        return
    by_method = {method: group for (_, method), group in groups(searches).items()}
    lines = [
        _Line(m, looks[m], c, _spread(len(c.mean)))
        for m, c in ((m, against_budget(g)) for m, g in by_method.items())
    ]
    words = "Mean over seeds when so much was spent, and its standard error."
    yield panel("Against the budget", words, _figure(lines, name, up, "full trainings"))
    if searches[0].workers == 1:
        return
    end = last_time(searches)
    lines = [
        _Line(m, looks[m], c._replace(across=c.across / _HOUR), _spread(len(c.mean)))
        for m, c in ((m, against_clock(g, end)) for m, g in by_method.items())
    ]
    words = f"The same against the time that passed while {searches[0].workers} workers trained."
    yield panel("Against time", words, _figure(lines, name, up, "hours"))


def _spread(count: int) -> list[int]:
    return np.linspace(0, count - 1, _POINTS).astype(int).tolist()


def _figure(lines: Sequence[_Line], name: str, up: str, across: str) -> str:
    """Curves with bands of one standard error, on a logarithmic scale."""
    x = x_scale(
        min(float(line.curve.across[0]) for line in lines),
        max(float(line.curve.across[-1]) for line in lines),
    )
    y = _regret_scale([line.curve for line in lines])
    elements = [*frame(x, y, across=across, up=up, whole=across == "trainings")]
    for line in lines:
        elements += _drawn(line, x, y, name, across)
    swatches = "".join(
        f'<li><svg class="marks" viewBox="0 0 22 8" width="22" height="8" aria-hidden="true">'
        '<g class="series '
        f'{line.look}"><path d="M0 4H22"/></g></svg>{escape(line.method)}</li>'
        for line in lines
    )
    label = f"Regret against {across} of {len(lines)} methods on {name}"
    return figure(elements, label) + f'<ul class="legend">{swatches}</ul>'


def _regret_scale(curves: Sequence[Curve]) -> Scale:
    """Whole decades, few of them; a mean of 0 is drawn at the bottom."""
    values = np.concatenate([curve.mean for curve in curves])
    positive = values[values > 0]
    top = ceil(log10(positive.max())) if len(positive) else 0
    bottom = floor(log10(positive.min())) if len(positive) else -1
    bottom = min(max(bottom, top - _DECADES), top - 1)
    return Scale(10.0**bottom, 10.0**top, HEIGHT - BOTTOM, TOP, log=True)


def _drawn(line: _Line, x: Scale, y: Scale, name: str, across: str) -> Iterator[str]:
    along, mean, error = (part.tolist() for part in line.curve)
    if np.isfinite(error).all():
        above = [f"{x(a):.1f} {y(m + e):.1f}" for a, m, e in zip(along, mean, error, strict=True)]
        below = [f"{x(a):.1f} {y(m - e):.1f}" for a, m, e in zip(along, mean, error, strict=True)]
        yield f'<path class="band {line.look}" d="M{"L".join([*above, *below[::-1]])}Z"/>'
    path = "L".join(f"{x(a):.1f} {y(m):.1f}" for a, m in zip(along, mean, strict=True))
    yield f'<g class="series {line.look}"><path d="M{path}"/></g>'
    for k in line.shown:
        error_words = f" ± {error[k]:.3f}" if np.isfinite(error[k]) else ""
        tip = f"{line.method}: {mean[k]:.3f}{error_words} after {along[k]:.4g} {across}"
        yield (
            f'<a class="point {line.look}" href="#{_slug(name, line.method)}" tabindex="-1" '
            f'data-tip="{escape(tip)}"><path transform="translate({x(along[k]):.1f} '
            f'{y(mean[k]):.1f})" d="{_CIRCLE}"/></a>'
        )


def _slug(*names: str) -> str:
    """The name of a place on the page."""
    text = "-".join(names)
    return escape("".join(c if c.isalnum() else "-" for c in text))


def _table(rows: Sequence[Sequence[str]], name: str) -> str:
    heads = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{escape(head)}</button></th>'
        for head in rows[0]
    )
    body = ""
    for method, *cells in rows[1:]:
        place = f' id="{_slug(name, method)}"' if rows[0][0] == name else ""
        shown = "".join(
            f'<td class="number" data-key="{_key(cell):g}">{escape(cell)}</td>' for cell in cells
        )
        body += f'<tr{place}><td data-key="{escape(method)}">{escape(method)}</td>{shown}</tr>'
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(rows[0][0])}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _key(cell: str) -> float:
    """What a cell is sorted by: the number that it begins with; "over 100" comes last."""
    try:
        return float(cell.replace(",", " ").split()[0])
    except (ValueError, IndexError):
        return inf


def _failures(failures: Sequence[Failure]) -> str:
    if not failures:
        return ""
    items = "".join(
        f"<p class='error'>{escape(f.job.method)} on {escape(f.job.benchmark)}, seed "
        f"{f.job.seed}: {escape(f.error)}</p>"
        for f in failures
    )
    return f'<section aria-labelledby="failed"><h2 id="failed">What failed</h2>{items}</section>'


def _facts(searches: Sequence[_Any]) -> str:
    first = searches[0]
    how = {"trainings of each search": "the start design and repeated ones counted"}
    if isinstance(first, BudgetSearch):
        how = {
            "budget of each search": f"{first.budget:g} full trainings, epochs as they go",
            "workers": f"{first.workers}, simulated",
        }
    facts = {
        **how,
        "noise": "one training seed, the same for every method",
        "known before training": "given to the methods" if first.features else "not given",
        "threads": "1",
        "archbo": version("archbo"),
        "NumPy": np.__version__,
        "Python": platform.python_version(),
        "machine": f"{platform.system()}, {platform.machine()}",
    }
    return (
        '<section aria-labelledby="how"><h2 id="how">How it was run</h2>'
        f'<dl class="facts run">{pairs(facts)}</dl></section>'
    )
