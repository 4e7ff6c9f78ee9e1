"""The answer of a search on the page: the winner, drawn, and the evidence for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from statistics import fmean, stdev

from archbo.data import State, TrialRecord
from archbo.graphs.drawing import svg
from archbo.study.confirmation import Confirmation
from archbo.views.compare import compare
from archbo.views.confirmed import verdict
from archbo.views.curves import HIGHLIGHTED, CurvesInfo, curves_figure
from archbo.views.infos import Member, StudyInfo, duration, number, scalar_settings
from archbo.views.page import pairs

DRAWING_WIDTH = 420.0


def winner(best: Sequence[Member], found: Confirmation) -> Member | None:
    """The one that the confirming trainings favour, or else the best; None if none has finished.

    Args:
        best: the distinct architectures, the best first.
        found: what was confirmed.
    """
    if found.members and found.members[0].values:
        favoured = found.members[0].trials
        return next((m for m in best if set(favoured) <= set(m.trials)), None)
    return best[0] if best else None


def answer_section(
    won: Member,
    best: Sequence[Member],
    records: Sequence[TrialRecord],
    curves: CurvesInfo,
    found: Confirmation,
    study: StudyInfo,
) -> str:
    """The winner's graph and settings, what speaks for it, and where the next best differs."""
    graph = won.architecture.graph
    drawing = svg(graph, width=DRAWING_WIDTH) if graph.labels else ""
    facts = dict(scalar_settings(won.architecture))
    facts |= {name: number(value, digits=4) for name, value in won.features.items()}
    if won.seconds is not None:
        facts["training"] = duration(won.seconds)
    facts["id"] = won.architecture.id
    evidence = "".join(f"<p>{words}</p>" for words in _evidence(won, best, records, found, study))
    own = tuple(x for x in curves.lines if x.architecture_id == won.architecture.id)
    curve = ""
    if any(len(line.points) > 1 for line in own):
        curve = curves_figure(CurvesInfo(own, own[:HIGHLIGHTED], curves.levels), study)
    other = next((m for m in best if m is not won), None)
    beside = ""
    if other is not None:
        names = (f"the answer, {number(won.value)}", f"the next, {number(other.value)}")
        compared = compare(won.architecture, other.architecture, names)
        beside = f"<details><summary>Beside the next best</summary>{compared}</details>"
    return (
        '<section aria-labelledby="answer"><h2 id="answer">The answer</h2><div class="answer card">'
        f'<div class="drawing">{drawing}</div><div class="evidence">{evidence}'
        f'<dl class="facts">{pairs(facts)}</dl>{curve}</div>{beside}</div></section>'
    )


def _evidence(
    won: Member,
    best: Sequence[Member],
    records: Sequence[TrialRecord],
    found: Confirmation,
    study: StudyInfo,
) -> Iterator[str]:
    """What speaks for the winner, a sentence or two each, as HTML."""
    own = [r for r in records if r.number in won.trials]
    values = [r.value for r in own if r.value is not None]
    links = ", ".join(f'<a href="#trial-{n}">{n}</a>' for n in won.trials)
    if len(values) > 1:
        yield (
            f"Trained {len(values)} times, in the trials {links}: {escape(study.objective)} "
            f"{number(fmean(values))} on average, with a standard deviation of "
            f"{number(stdev(values), digits=2)}."
        )
    else:
        yield f"Trained once, in trial {links}: {escape(study.objective)} {number(won.value)}."
    if found.members:
        yield f"{escape(verdict(found, study))}."
    first = min(own, key=lambda r: r.number)
    if first.prediction is not None:
        yield (
            f"Before its first training the model expected {number(first.prediction.mean)} ± "
            f"{number(first.prediction.sd, digits=2)}."
        )
    other = next((m for m in best if m is not won), None)
    if other is not None:
        ahead = abs(won.value - other.value)
        side = "behind" if study.better(other.value, won.value) else "ahead of"
        yield f"It is {number(ahead, digits=2)} {side} the best of the others."
    drawn = [r.value for r in records if r.origin in ("initial", "random")]
    known = [value for value in drawn if value is not None]
    if len(known) > 1 and first.origin not in ("initial", "random"):
        edge = (max if study.maximize else min)(known)
        yield (
            f"The best of the {len(known)} architectures that no model had chosen reached "
            f"{number(edge)}."
        )
    again = [r for r in own if r.state is State.FAILED]
    if again:
        yield f"{len(again)} of its trainings failed."
