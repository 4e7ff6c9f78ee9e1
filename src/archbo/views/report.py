"""One self-contained HTML page about a study: nothing is loaded from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from archbo.data import State, TrialRecord
from archbo.graphs.drawing import svg
from archbo.views.advice import again_section, next_section, next_steps, space_section
from archbo.views.answer import answer_section, winner
from archbo.views.confirmed import confirmation_section, confirmed
from archbo.views.curves import CurvesInfo, curves_figure, curves_info
from archbo.views.figures import calibration_figure, feature_figure, history_figure
from archbo.views.infos import (
    CalibrationInfo,
    HistoryInfo,
    Member,
    StudyInfo,
    calibration_info,
    counts_info,
    duration,
    history_info,
    members,
    number,
    one_line,
    scalar_settings,
    study_info,
)
from archbo.views.levels import levels_panel, saved
from archbo.views.map import MapInfo, map_figure, map_info
from archbo.views.page import page, pairs, panel
from archbo.views.thinning import thinned_calibration, thinned_feature, thinned_history
from archbo.views.trials import failures_section, linked, relinked, trials_section

BEST_SHOWN = 6
CARD_WIDTH = 300.0
MOST_BYTES = 1_000_000  # of a page: it can be mailed
LEAST_ROOM = 200_000  # bytes for the rows of trials, whatever the rest takes
FRAME = 40_000  # bytes: styles, the script, the head of the table
MOST_MARKS = 350  # in one figure
STEPS_SHOWN = 100  # of the incumbent: their trials are in the table
STORE = "STORE"  # where a study is, on a page that does not know


def write_report(
    records: Sequence[TrialRecord],
    settings: Mapping[str, Any],
    path: str | Path,
    *,
    name: str,
    store: str = STORE,
) -> Path:
    """Write the page about a study to a file, and give its path; see `render_report`."""
    return write_page(render_report(records, settings, name=name, store=store), path)


def write_page(text: str, path: str | Path) -> Path:
    """Write a page to a file, and give its path."""
    path = Path(path)
    # half a character, which a stranger's JSON may hold, is none that a file takes
    path.write_text(text, encoding="utf-8", errors="xmlcharrefreplace")
    return path


def render_report(
    records: Sequence[TrialRecord],
    settings: Mapping[str, Any],
    *,
    name: str = "study",
    store: str = STORE,
    learned: str = "",
) -> str:
    """The page about a study: what was searched, the answer and its evidence, the trials.

    A megabyte holds it: of many trials figures show those that would be seen, and the table those
    that matter most.

    Args:
        records: all trials, in any order and state.
        settings: the study's settings as stored.
        name: what to call the study.
        store: where it is, for the commands that the page names.
        learned: a section about what the model has learned, as HTML.
    """
    study = study_info(settings, name=name)
    history = history_info(records, study)
    curves = curves_info(records, study)
    every = members(records, study)
    best, found = every[:BEST_SHOWN], confirmed(records, study)
    won = winner(every, found)
    answered = [
        _header(study, records, best, curves),
        space_section(study),
        answer_section(won, every, records, curves, found, study) if won is not None else "",
    ]
    figures = _figures(records, study, history, curves)
    told = [_best_section(best, study), confirmation_section(found, study)]
    failed = failures_section(records)
    ended = [next_section(next_steps(records, won, found, study, store))]
    again = again_section(records, study, store)
    rest = "".join([*answered, figures, *told, learned, failed, *ended, again])
    trials = trials_section(
        history.trials,
        study,
        room=max(MOST_BYTES - FRAME - len(rest.encode(errors="xmlcharrefreplace")), LEAST_ROOM),
        first=[
            *linked("".join([*answered, *told, *ended])),
            *(line.trial for line in curves.best),
            *(step.number for step in history.steps[-STEPS_SHOWN:]),
        ],
        store=store,
    )
    sections = [*answered, figures, *told, learned, *ended, failed, trials, again]
    return page(f"{name} · archbo", relinked("".join(sections)))


def _figures(
    records: Sequence[TrialRecord], study: StudyInfo, history: HistoryInfo, curves: CurvesInfo
) -> str:
    """The figures, each with few enough marks to be read."""
    calibration = calibration_info(records)
    shown = thinned_history(history, study, most=MOST_MARKS)
    words = _search_words(history, study)
    if len(shown.trials) < len(history.trials):
        words += f" Of {number(len(history.trials))} trials, figures show those that would be seen."
    panels = [panel("The search", words, history_figure(shown, study))]
    if calibration.points:
        points = thinned_calibration(calibration, study, most=MOST_MARKS)
        words, drawn = _calibration_words(calibration), calibration_figure(points, study)
        panels.append(panel("Predicted and observed", words, drawn))
    if curves.lines:
        words = _curves_words(curves, study)
        panels.append(panel("Learning curves", words, curves_figure(curves, study)))
    panels.append(levels_panel(records, curves, study))
    feature = next((name for r in records for name in r.features), None)
    if feature is not None:
        words = "What each trial reached against what was known before it began."
        trials = thinned_feature(history.trials, feature, study, most=MOST_MARKS)
        drawn = feature_figure(trials, feature, study)
        panels.append(panel(f"By {escape(feature)}", words, drawn))
    if records:
        placed = map_info(records, study)
        drawn = map_figure(placed, study, most=MOST_MARKS)
        panels.append(panel("A map of the space", _map_words(placed), drawn))
    return f'<section class="panels" aria-label="Figures">{"".join(panels)}</section>'


def _header(
    study: StudyInfo, records: Sequence[TrialRecord], best: Sequence[Member], curves: CurvesInfo
) -> str:
    counts = counts_info(records)
    aim = "highest" if study.maximize else "lowest"
    always = (State.FINISHED, State.FAILED)
    states = (*always, State.PAUSED, State.STOPPED, State.RUNNING, State.DELETED)
    tiles = [(s.value, str(n)) for s in states if (n := counts.states[s]) or s in always]
    tiles.append(("distinct architectures", number(counts.architectures)))
    if study.fidelity is not None and curves.lines:
        took = saved(records, study.fidelity)
        tiles.append((took.unit, number(took.trained, digits=3)))
        if took.share > 0:
            tiles.append(("saved against full trainings", f"{took.share:.0%}"))
    tiles.append(("of training", duration(counts.seconds)))
    shown = "".join(f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in tiles)
    if best:
        top = best[0]
        links = ", ".join(f'<a href="#trial-{n}">{n}</a>' for n in top.trials)
        trials = "trial" if len(top.trials) == 1 else "the mean of trials"
        lead = (
            f'<p class="lead"><span class="value">{number(top.value)}</span> is the {aim} '
            f"{escape(study.objective)}, of {trials} {links}.</p>"
            f'<p class="one-line">{escape(one_line(top.architecture))}</p>'
        )
    elif study.fidelity is not None and curves.best:
        line = curves.best[0]
        lead = (
            f'<p class="lead"><span class="value">{number(line.points[-1][1])}</span> is the '
            f"{escape(study.objective)} of the trial that got furthest, "
            f'<a href="#trial-{line.trial}">{line.trial}</a>, at {number(line.reached)} of '
            f"{number(study.fidelity.high)} {escape(study.fidelity.name)}.</p>"
        )
    else:
        lead = '<p class="lead">No trial has finished yet.</p>'
    return (
        f'<header><p class="eyebrow">Architecture search</p><h1>{escape(study.name)}</h1>'
        f'{lead}<dl class="tiles">{shown}</dl></header>'
    )


def _search_words(history: HistoryInfo, study: StudyInfo) -> str:
    every = "trial" if study.fidelity is None else "full training"
    if not history.steps:
        return f"The {escape(study.objective)} of every {every}."
    last = history.steps[-1].number
    after = sum(t.number > last for t in history.trials)
    changed = f"at trial {last}; {after} came after" if after else f"at the last trial, {last}"
    return (
        f"The {escape(study.objective)} of every {every}; the line is the best so far. "
        f"It last changed {changed}."
    )


def _curves_words(curves: CurvesInfo, study: StudyInfo) -> str:
    front = (
        "the best are drawn in front." if len(curves.best) > 1 else "the best is drawn in front."
    )
    if study.fidelity is None:
        return f"Every trial that reported its progress; {front}"
    if study.fidelity.continued:
        return f"Every training as far as it went, with where it stands; {front}"
    return f"Every network, its trainings of different levels as one line; {front}"


def _calibration_words(info: CalibrationInfo) -> str:
    assert info.within_one is not None
    assert info.within_two is not None
    words = (
        f"{info.within_one:.0%} of {len(info.points)} results lie within one standard deviation "
        f"of their prediction (a calibrated model: 68%), {info.within_two:.0%} within two (95%)."
    )
    if info.rank_correlation is None:
        return words
    return f"{words} Rank correlation {info.rank_correlation:.2f}."


def _map_words(info: MapInfo) -> str:
    return (
        "Architectures that are alike stand near each other; darker is better on a light page, "
        "lighter on a dark one, in six groups by rank. The two axes show "
        f"{info.share:.0%} of the differences within the space."
    )


def _best_section(best: Sequence[Member], study: StudyInfo) -> str:
    if not best:
        return ""
    cards = "".join(_card(rank, member, study) for rank, member in enumerate(best, start=1))
    return (
        '<section aria-labelledby="best"><h2 id="best">The best architectures</h2>'
        f'<ol class="cards">{cards}</ol></section>'
    )


def _card(rank: int, member: Member, study: StudyInfo) -> str:
    facts = dict(scalar_settings(member.architecture))
    facts |= {name: number(value, digits=4) for name, value in member.features.items()}
    if member.seconds is not None:
        facts["training"] = duration(member.seconds)
    links = ", ".join(f'<a href="#trial-{n}">{n}</a>' for n in member.trials)
    trials = "trial" if len(member.trials) == 1 else "trials"
    graph = member.architecture.graph
    drawing = f'<div class="drawing">{svg(graph, width=CARD_WIDTH)}</div>' if graph.labels else ""
    return (
        f'<li class="card"><h3><span class="rank">{rank}</span>'
        f'<span class="value" title="{escape(study.objective)}">{number(member.value)}</span>'
        f'<span class="from">{escape(member.origin)}, {trials} {links}</span></h3>'
        f'{drawing}<dl class="facts">{pairs(facts)}</dl></li>'
    )
