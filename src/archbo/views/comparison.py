"""Several studies of one objective on one page: who got how far, over trials and over cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import accumulate
from math import sqrt
from statistics import fmean, stdev
from typing import Any, NamedTuple

from archbo.data import State, TrialRecord
from archbo.errors import ProblemError
from archbo.graphs.drawing import svg
from archbo.study.proposing import cost
from archbo.views.axes import Key, frame, typical, x_scale, y_scale
from archbo.views.chart import Chart
from archbo.views.compare import compare
from archbo.views.confirmed import confirmed, value
from archbo.views.infos import (
    Member,
    StudyInfo,
    counts_info,
    duration,
    history_info,
    members,
    number,
    one_line,
    scalar_settings,
    study_info,
)
from archbo.views.page import page, pairs, panel

TONES = 6
DASHES = ("", " dashed", " dotted")
CARD_WIDTH = 300.0
HOUR, MINUTE = 3600.0, 60.0

Cell = tuple[str, float | str | None]
"""What a cell of a table shows, and what it sorts by; None goes last."""


class Track(NamedTuple):
    """How a study's incumbent changed with what the search had spent.

    Attributes:
        name: of the study.
        look: class names of its line.
        points: (spent, value) from the first incumbent on, ascending; the last is where it ended.
    """

    name: str
    look: str
    points: tuple[tuple[float, float], ...]


class Compared(NamedTuple):
    """One of the studies.

    Attributes:
        study: what was searched, and how.
        records: all its trials by number.
        best: the best architecture; None if none has finished.
    """

    study: StudyInfo
    records: tuple[TrialRecord, ...]
    best: Member | None

    @property
    def method(self) -> str:
        """Its name, "bo" where a study does not say."""
        return self.study.facts.get("method", "bo")

    @property
    def searched(self) -> list[TrialRecord]:
        """The trials that the search began: none that was imported, or only confirmed."""
        return [record for record in self.records if record.searched]


def compared(
    studies: Sequence[tuple[str, Sequence[TrialRecord], Mapping[str, Any]]],
) -> list[Compared]:
    """Read several studies: their names, all their trials, and their settings as stored.

    Raises:
        ProblemError: if they are not of the same objective and direction, naming both.
    """
    found: list[Compared] = []
    seen: Counter[str] = Counter()
    for name, records, settings in studies:
        seen[name] += 1
        shown = name if seen[name] == 1 else f"{name} ({seen[name]})"
        study = study_info(settings, name=shown)
        ordered = tuple(sorted(records, key=lambda r: r.number))
        found.append(Compared(study, ordered, next(iter(members(records, study, limit=1)), None)))
    first = found[0].study
    for other in found[1:]:
        if _aim(other.study) != _aim(first):
            raise ProblemError(
                f"{first.name!r} is to {_aim(first)}, but {other.study.name!r} to "
                f"{_aim(other.study)}: their values cannot be compared",
                hint="Give studies of the same objective and direction; spaces may differ.",
            )
    return found


def _aim(study: StudyInfo) -> str:
    return f"{'maximize' if study.maximize else 'minimize'} {study.objective!r}"


def render_comparison(
    studies: Sequence[tuple[str, Sequence[TrialRecord], Mapping[str, Any]]],
) -> str:
    """The page about several studies; see `compared`."""
    found = compared(studies)
    study = found[0].study
    looks = _looks(found)
    panels = []
    for words, across, spent in _costs(found):
        tracks = [t for c, look in zip(found, looks, strict=True) if (t := track(c, look, spent))]
        if tracks:
            drawn = tracks_chart(tracks, study, across=across).html
            panels.append(panel(f"Over {across.partition(',')[0]}", words, drawn))
    sections = [
        _header(found),
        f'<section class="panels" aria-label="Figures">{"".join(panels)}</section>',
        _table_section(found),
        _methods_section(found),
        _best_section(found),
    ]
    return page(f"{len(found)} studies · archbo", "".join(sections))


def _looks(found: Sequence[Compared]) -> list[str]:
    """The class names of the lines: a colour for a study, or for a method that has several."""
    names = _groups(found)
    order = list(dict.fromkeys(names))
    return [f"s{k % TONES}{DASHES[k // TONES % len(DASHES)]}" for k in map(order.index, names)]


def _groups(found: Sequence[Compared]) -> list[str]:
    """What each study is an example of: its method where there are several of one, or itself."""
    methods = [c.method for c in found]
    several = 1 < len(set(methods)) < len(methods)
    return methods if several else [c.study.name for c in found]


def _costs(
    found: Sequence[Compared],
) -> list[tuple[str, str, Callable[[Compared], list[float]]]]:
    """What a search spends: the words, the axis, and each trial's share of it."""
    costs: list[tuple[str, str, Callable[[Compared], list[float]]]] = [
        (
            "The best so far of each study, after each trial.",
            "trials",
            lambda c: [1.0] * len(c.searched),
        )
    ]
    times = [sum(r.seconds or 0.0 for r in c.searched) for c in found]
    if all(times):
        unit, size = "hours", HOUR
        if max(times) < HOUR:
            unit, size = ("minutes", MINUTE) if max(times) >= 2 * MINUTE else ("seconds", 1.0)
        costs.append(
            (
                "The same over the time that their trainings took, one after another.",
                f"time, {unit} of training",
                lambda c: [(r.seconds or 0.0) / size for r in c.searched],
            )
        )
    if any(c.study.fidelity is not None for c in found):
        costs.append(
            (
                "The same over what was trained: a short one counts as its share of a full one.",
                "full trainings",
                _full_trainings,
            )
        )
    return costs


def _full_trainings(c: Compared) -> list[float]:
    if c.study.fidelity is None:
        return [1.0] * len(c.searched)
    return [cost(c.study.fidelity, record) for record in c.searched]


def track(c: Compared, look: str, spent: Callable[[Compared], list[float]]) -> Track | None:
    """The incumbents of a study over what was spent; None without any."""
    searched = c.searched
    after = dict(zip((r.number for r in searched), accumulate(spent(c)), strict=True))
    points = [(after[s.number], s.value) for s in history_info(searched, c.study).steps]
    if not points:
        return None
    return Track(c.study.name, look, (*points, (max(after.values()), points[-1][1])))


def tracks_chart(tracks: Sequence[Track], study: StudyInfo, *, across: str) -> Chart:
    """The incumbents of several studies as lines of steps.

    Args:
        tracks: at least one.
        study: any of the studies: gives the objective.
        across: what is spent, and its unit.
    """
    values = [value for t in tracks for _, value in t.points]
    x = x_scale(0.0, max(t.points[-1][0] for t in tracks))
    y = y_scale(*typical(values, maximize=study.maximize))
    elements = [*frame(x, y, across=across, up=study.objective, whole=across == "trials")]
    for t in tracks:
        (at, first), *rest = t.points
        path = f"M{x(at):.1f} {y(first):.1f}"
        path += "".join(f"H{x(to):.1f}V{y(v):.1f}" for to, v in rest)
        tip = f"{t.name}: {number(t.points[-1][1])} in the end"
        elements.append(
            f'<g class="series {t.look}" data-tip="{escape(tip)}"><path d="{path}"/></g>'
        )
    label = f"The best {study.objective} of {len(tracks)} studies over {across}"
    named: defaultdict[str, list[str]] = defaultdict(list)
    for t in tracks:
        named[t.look].append(t.name)
    keys = [Key(f"series {look}", "M-7 0H7", ", ".join(own)) for look, own in named.items()]
    return Chart(label, tuple(elements), tuple(keys))


def _header(found: Sequence[Compared]) -> str:
    study = found[0].study
    done = [c for c in found if c.best is not None]
    lead = "No trial has finished yet."
    if done:
        sign = 1.0 if study.maximize else -1.0
        top = max(done, key=lambda c: sign * c.best.value if c.best else 0.0)
        assert top.best is not None
        lead = (
            f'<span class="value">{number(top.best.value)}</span> is the '
            f"{'highest' if study.maximize else 'lowest'} {escape(study.objective)}, found by "
            f"{escape(top.study.name)}."
        )
    tiles = {
        "studies": str(len(found)),
        "methods": str(len({c.method for c in found})),
        "trials": number(sum(len(c.records) for c in found)),
        "of training": duration(sum(counts_info(c.records).seconds for c in found)),
    }
    shown = "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in tiles.items())
    names = ", ".join(c.study.name for c in found)
    return (
        '<header><p class="eyebrow">Architecture searches, side by side</p>'
        f'<h1>{escape(names)}</h1><p class="lead">{lead}</p><dl class="tiles">{shown}</dl></header>'
    )


def _table_section(found: Sequence[Compared]) -> str:
    study = found[0].study
    heads = (
        "study", "method", f"best {study.objective}", "at trial", "confirmed", "trials", "failed",
        "of training", "architectures in the space", "seed",
    )  # fmt: skip
    rows = [_row(c) for c in found]
    words = (
        "The best by what the searches observed; where an architecture was trained again, the "
        "mean. Confirmed values are of new trainings alone, with their 95% interval."
    )
    return (
        '<section aria-labelledby="table"><h2 id="table">Where they ended</h2>'
        f'<p class="hint">{words}</p>{_table(heads, rows)}</section>'
    )


def _row(c: Compared) -> list[Cell]:
    counts, size = counts_info(c.records), c.study.space.size
    again = confirmed(c.records, c.study).members
    best = c.best
    return [
        (c.study.name, c.study.name),
        (c.method, c.method),
        ("none", None) if best is None else (number(best.value), best.value),
        ("", None) if best is None else (str(best.trials[0]), best.trials[0]),
        (value(again[0]), again[0].mean) if again and again[0].values else ("", None),
        (number(len(c.records)), len(c.records)),
        (str(counts.states[State.FAILED.value]), counts.states[State.FAILED.value]),
        (duration(counts.seconds), counts.seconds),
        ("infinitely many", None)
        if size is None
        else (number(size), f"{float(min(size, 10**300))}"),
        (c.study.facts.get("seed", ""), c.study.facts.get("seed")),
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A sortable table: what each cell shows, and what it sorts by."""
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{escape(label)}</button></th>'
        for label in heads
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="number" data-key="{escape("" if key is None else str(key))}">'
            f"{escape(shown)}</td>"
            for shown, key in row
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(heads[0])}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _methods_section(found: Sequence[Compared]) -> str:
    """The mean of each method over its studies, after as many trials as all of them have."""
    groups: defaultdict[str, list[Compared]] = defaultdict(list)
    for c, group in zip(found, _groups(found), strict=True):
        groups[group].append(c)
    if len(groups) == len(found):
        return ""
    least = min(len(c.searched) for c in found)
    rows: list[list[Cell]] = []
    for method, own in groups.items():
        steps = [history_info(c.searched[:least], c.study).steps for c in own]
        values = [s[-1].value for s in steps if s]
        if not values:
            continue
        error = f" ± {number(stdev(values) / sqrt(len(values)), digits=2)}" if values[1:] else ""
        rows.append(
            [
                (method, method),
                (number(fmean(values)) + error, fmean(values)),
                (str(len(values)), len(values)),
            ]
        )
    heads = ("method", f"best {found[0].study.objective} after {least} trials", "studies")
    return (
        '<section aria-labelledby="methods"><h2 id="methods">Methods</h2><p class="hint">The mean '
        "over the studies of each, and its standard error; studies with different seeds tell most."
        f"</p>{_table(heads, rows)}</section>"
    )


def _best_section(found: Sequence[Compared]) -> str:
    """The best of each study, drawn; of two studies with what is different in them."""
    done = [(c, c.best) for c in found if c.best is not None]
    if not done:
        return ""
    if len(done) == 2:
        (a, one), (b, other) = done
        names = (a.study.name, b.study.name)
        drawn = compare(one.architecture, other.architecture, names)
        shown = f'<div class="card">{drawn}</div>'
    else:
        shown = f'<ol class="cards">{"".join(_card(c, best) for c, best in done)}</ol>'
    return f'<section aria-labelledby="best"><h2 id="best">What they found</h2>{shown}</section>'


def _card(c: Compared, best: Member) -> str:
    graph = best.architecture.graph
    facts = dict(scalar_settings(best.architecture))
    facts |= {name: number(value, digits=4) for name, value in best.features.items()}
    drawing = svg(graph, width=CARD_WIDTH) if graph.labels else escape(one_line(best.architecture))
    return (
        f'<li class="card"><h3><span class="value">{number(best.value)}</span>'
        f'<span class="from">{escape(c.study.name)}</span></h3>'
        f'<div class="drawing">{drawing}</div><dl class="facts">{pairs(facts)}</dl></li>'
    )
