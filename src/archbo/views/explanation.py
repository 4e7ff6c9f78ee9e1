"""What a search has learned, on the page and in the terminal; from stored records alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from archbo.data import Curve, Dataset, Observation, State, TrialRecord
from archbo.errors import ArchboError, ObservationError, SpaceError
from archbo.explain import Comparison, Difference, Explanation, explain
from archbo.graphs.drawing import svg
from archbo.graphs.labelled import LabelledGraph
from archbo.problem import Problem
from archbo.spaces import Architecture
from archbo.spaces.moves import sample
from archbo.views.axes import Scale, padded
from archbo.views.infos import StudyInfo, members, number, study_info
from archbo.views.page import panel

LISTED = 10
"""Decisions, options, motifs and differences that are shown."""

MOST_DECISIONS, MOST_VERTICES = 512, 128
"""Of a space, and of all graphs of an architecture together: with more of them an explanation would
take long, whoever wrote the space."""

FEWEST = 12
"""Networks with a value from which on the page says what was learned."""

LARGEST = 1e100
"""Of values: what is computed of them stays finite."""

SURE = 0.977
"""Certainty of an option's effect that is shown: two standard deviations from none."""

MOST_DRAWN = 8
"""Vertices of a motif that is drawn; a larger one is told in words."""

WIDE, HIGH, DOT = 150.0, 18.0, "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"


def explained(
    records: Sequence[TrialRecord],
    settings: Mapping[str, Any],
    architectures: Sequence[Architecture] = (),
) -> Explanation:
    """What the default model learns from a study's records.

    Features and constraints are functions of the study's program, which does not run for this: the
    model sees the architectures alone, and means are over the whole space.

    Args:
        records: all trials.
        settings: the study's, as stored.
        architectures: to compare with the incumbent.

    Raises:
        ObservationError: if too few networks have a value, or one is too large.
        SpaceError: if the space is too large to explain in a moment.
    """
    study = study_info(settings)
    _check_size(study)
    values = [value for r in records for value in (r.value, r.interim) if value is not None]
    values += [report.value for r in records for report in r.reports]
    largest = max(map(abs, values), default=0.0)
    if largest > LARGEST:
        raise ObservationError(f"a value of {largest:g} is too large to be explained")
    problem = Problem.make(
        study.space,
        maximize=study.objective if study.maximize else None,
        minimize=None if study.maximize else study.objective,
        fidelity=study.fidelity,
        seed=settings.get("seed", 0),
    )
    return explain(problem, _dataset(problem, records, study), architectures=architectures)


def _check_size(study: StudyInfo) -> None:
    compiled = study.space.compiled
    decisions, vertices = len(compiled.decisions), 0
    if decisions <= MOST_DECISIONS:
        one = sample(compiled, np.random.default_rng(0), 1)
        vertices = sum(batch.labels.shape[1] for batch in compiled.graphs(one).values())
    if decisions > MOST_DECISIONS or vertices > MOST_VERTICES:
        raise SpaceError(
            f"{decisions} decisions are many to explain"
            if decisions > MOST_DECISIONS
            else f"graphs of {vertices} vertices are large to explain",
            path="space",
            hint="study.explain() does it, and takes its time.",
        )


def _dataset(problem: Problem, records: Sequence[TrialRecord], study: StudyInfo) -> Dataset:
    """What a method learns from the records that are over."""
    over = [r for r in records if r.state not in (State.RUNNING, State.DELETED)]
    archs = [study.space.architecture(record.architecture) for record in over]
    observations = [
        Observation(arch, record.interim, record.reached)
        if record.state.short
        else Observation(arch, record.value)
        for arch, record in zip(archs, over, strict=True)
    ]
    curves = []
    if problem.fidelity is not None:
        curves = [Curve.of(problem, a, record) for a, record in zip(archs, over, strict=True)]
    return Dataset.make(problem, observations, curves=curves)


def explanation_section(records: Sequence[TrialRecord], settings: Mapping[str, Any]) -> str:
    """What was learned, as a section of the page; empty before there is anything to learn from."""
    study = study_info(settings)
    if sum(record.state is State.FINISHED or record.state.short for record in records) < FEWEST:
        return ""
    try:
        found = explained(records, settings, _runner_up(records, study))
    except ObservationError:
        return ""
    except ArchboError as error:
        return untold(str(error))
    panels = [
        panel(title, escape(words), drawn)
        for title, words, drawn in (
            _decisions_panel(found),
            _motifs_panel(found),
            _options_panel(found),
            _removable_panel(found),
            *(_comparison_panel(one, found) for one in found.comparisons),
        )
        if drawn
    ]
    return _section(f'<div class="panels">{"".join(panels)}</div>')


def untold(why: str) -> str:
    """The same section where nothing can be said; why not, in a sentence."""
    return _section(f'<p class="nothing">{escape(why)}</p>')


def _section(content: str) -> str:
    heading = '<h2 id="learned">What was learned</h2>'
    return f'<section aria-labelledby="learned">{heading}{content}</section>'


def _runner_up(records: Sequence[TrialRecord], study: StudyInfo) -> list[Architecture]:
    return [member.architecture for member in members(records, study, limit=2)[1:]]


class Bar(NamedTuple):
    """A name, a number, how sure it is, and what the name stands for where that is a graph."""

    name: str
    value: float
    sd: float
    graph: LabelledGraph | None = None


def bars_table(heads: tuple[str, str], bars: Sequence[Bar]) -> str:
    """A row for each number: its name, where it is, one standard deviation to each side, itself.

    Under a name is the drawing of its graph, if that is small.

    Args:
        heads: over the names and over the numbers.
        bars: at least one; zero is marked in all of them alike.
    """
    low, high = padded([0.0, *(end for b in bars for end in (b.value - b.sd, b.value + b.sd))])
    x = Scale(low, high if high > low else low + 1.0, 4.0, WIDE - 4.0)
    rows: list[tuple[str, ...]] = []
    for bar in bars:
        rows.append((escape(bar.name), _bar(bar, x), _amount(bar)))
        if bar.graph is not None and len(bar.graph.labels) <= MOST_DRAWN:
            rows.append((f'<div class="motif">{svg(bar.graph)}</div>',))
    return _table_of((heads[0], "", heads[1]), rows, kind="rungs bars")


def _amount(bar: Bar) -> str:
    """The number, which may be on two lines where there is little room."""
    value, _, sd = _with_sd(bar.value, bar.sd).partition(" ")
    return f"{value} <span>{sd}</span>"


def _bar(bar: Bar, x: Scale) -> str:
    left, middle, right = (f"{x(bar.value + k * bar.sd):.1f}" for k in (-1, 0, 1))
    return (
        f'<svg class="whisker" viewBox="0 0 {WIDE:g} {HIGH:g}" aria-hidden="true">'
        f'<path class="axis" d="M{x(0.0):.1f} 0V{HIGH:g}"/>'
        f'<path d="M{left} {HIGH / 2:g}H{right}"/>'
        f'<path class="dot" transform="translate({middle} {HIGH / 2:g})" d="{DOT}"/></svg>'
    )


def _decisions_panel(found: Explanation) -> tuple[str, str, str]:
    bars = [Bar(_at(one.decision), 100 * one.share, 100 * one.sd) for one in found.importance]
    words = "Percent of the variance between architectures that each decision explains by itself"
    pairs = [
        f"{_at(a)} with {_at(b)} {one.share:.0%}"
        for one in found.interactions[:3]
        if one.share >= 0.01
        for a, b in [one.decisions]
    ]
    words += f"; beyond that, pairs together: {', '.join(pairs)}." if pairs else "."
    drawn = bars_table(("decision", "percent"), bars[:LISTED]) if bars else ""
    return "Which decisions matter", words, drawn


def _motifs_panel(found: Explanation) -> tuple[str, str, str]:
    bars = motif_bars(found)
    words = (
        f"How much better, in {found.objective}, a typical architecture is that has a motif than "
        f"one without it: those of which the {found.networks} trained networks say most."
    )
    return "Motifs that help and hurt", words, bars_table(("motif", "gain"), bars) if bars else ""


def sure_options(found: Explanation) -> list[Bar]:
    """The options of which the results say most, the best first."""
    sure = [one for one in found.options if one.certainty > SURE]
    sure.sort(key=lambda one: -one.certainty)
    bars = [Bar(f"{_at(one.decision)} {one.option}", one.effect, one.sd) for one in sure[:LISTED]]
    return sorted(bars, key=lambda bar: -bar.value)


def motif_bars(found: Explanation) -> list[Bar]:
    """The motifs of which the results say most, the best first; with their part if that differs."""
    shown = found.motifs[:LISTED]
    several = len({motif.part for motif in shown}) > 1
    bars = [
        Bar(f"{m.words} in {m.part}" if several else m.words, m.effect, m.sd, m.graph)
        for m in shown
    ]
    return sorted(bars, key=lambda bar: -bar.value)


def _options_panel(found: Explanation) -> tuple[str, str, str]:
    bars = sure_options(found)
    words = (
        f"How much better, in {found.objective}, a typical architecture is that has the option "
        "than a typical one of all."
    )
    return "Options at their places", words, bars_table(("option", "gain"), bars) if bars else ""


def _removable_panel(found: Explanation) -> tuple[str, str, str]:
    rows = [
        (escape(f"{_at(r.decision)} {r.option}"), f"{r.probability:.1%}", str(r.trained))
        for r in found.removable[:LISTED]
    ]
    drawn = _table_of(("option", "probability", "trained"), rows) if rows else ""
    return "What hardly pays", REMOVABLE_WORDS, drawn


REMOVABLE_WORDS = (
    "Options that could leave the space: as far as the model goes, the probability is at most 1% "
    "that any architecture with one is as good as the best, less how far predictions were off."
)


def _comparison_panel(one: Comparison, found: Explanation) -> tuple[str, str, str]:
    bars = [Bar(_instead(d), d.gain, d.sd) for d in one.differences[:LISTED]]
    drawn = bars_table(("here instead of there", "gain"), bars) if bars else ""
    return "The second best beside the incumbent", comparison_words(one, found), drawn


def comparison_words(one: Comparison, found: Explanation) -> str:
    """What is expected of an architecture, and how it stands beside the incumbent."""
    return (
        f"Expected {found.objective} {_with_sd(one.expected, one.expected_sd)}; a gain over the "
        f"incumbent of {_with_sd(one.gain, one.sd)}, to which each difference adds:"
    )


def explanation_view(found: Explanation) -> RenderableType:
    """All of it in the terminal."""
    return Group(*_parts(found))


def _parts(found: Explanation) -> Iterator[RenderableType]:
    words = f"What {found.networks} networks say of {found.objective}"
    yield Text(words, style="bold")
    if found.importance:
        yield _heading("Which decisions matter: percent of the variance")
        rows = [
            (_at(i.decision), _with_sd(100 * i.share, 100 * i.sd))
            for i in found.importance[:LISTED]
        ]
        rows += [
            (" with ".join(map(_at, i.decisions)), _with_sd(100 * i.share, 100 * i.sd))
            for i in found.interactions[:3]
            if i.share >= 0.01
        ]
        yield _table(rows)
    if bars := sure_options(found):
        yield _heading("Options: gain over a typical architecture")
        yield _table([(bar.name, _with_sd(bar.value, bar.sd)) for bar in bars])
    if found.motifs:
        yield _heading("Motifs: gain over a typical architecture without them")
        yield _table([(bar.name, _with_sd(bar.value, bar.sd)) for bar in motif_bars(found)])
    if found.removable:
        yield _heading("What hardly pays")
        rows = [
            (f"{_at(r.decision)} {r.option}", f"{r.probability:.1%} likely to be in one as good")
            for r in found.removable[:LISTED]
        ]
        yield _table(rows)
    for one in found.comparisons:
        yield _heading("Beside the incumbent")
        yield Padding(Text(comparison_words(one, found)), (0, 0, 0, 2))
        yield _table([(_instead(d), _with_sd(d.gain, d.sd)) for d in one.differences[:LISTED]])


def _heading(words: str) -> Text:
    return Text(f"\n{words}", style="bold")


def _table(rows: Sequence[tuple[str, str]]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(overflow="fold")
    grid.add_column(no_wrap=True)
    for name, value in rows:
        grid.add_row(Text(name), Text(value))
    return Padding(grid, (0, 0, 0, 2), expand=False)


def _table_of(heads: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str = "rungs") -> str:
    """A table of the page; the cells are HTML, and a row of one cell belongs to the one above."""
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
        if len(row) == len(heads)
        else f'<tr class="under"><td colspan="{len(heads)}">{row[0]}</td></tr>'
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="{kind}">{table}</div>'


def _with_sd(value: float, sd: float) -> str:
    return f"{number(value, digits=3)} ± {number(sd, digits=2)}"


def _at(path: str) -> str:
    """A decision's path as people read it.

    >>> _at("cell[0,2]"), _at("[1,3]"), _at("head.mlp.width")
    ('cell 0→2', '1→3', 'head.mlp.width')
    """
    return re.sub(r"\[(\d+),(\d+)\]", r" \1→\2", path).strip()


def _instead(one: Difference) -> str:
    return f"{_at(one.decision)} {one.here} instead of {one.there}"
