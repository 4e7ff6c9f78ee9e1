"""One self-contained HTML page about a study: nothing is loaded from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from archbo.data import State, TrialRecord
from archbo.graphs.drawing import svg
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
from archbo.views.levels import levels_panel, saved, standing
from archbo.views.page import page, pairs, panel

BEST_SHOWN = 6
CARD_WIDTH = 300.0
FEATURE_COLUMNS = 3


def write_report(
    records: Sequence[TrialRecord], settings: Mapping[str, Any], path: str | Path, *, name: str
) -> Path:
    """Write the page about a study to a file, and give its path; see `render_report`."""
    path = Path(path)
    text = render_report(records, settings, name=name)
    # half a character, which a stranger's JSON may hold, is none that a file takes
    path.write_text(text, encoding="utf-8", errors="xmlcharrefreplace")
    return path


def render_report(
    records: Sequence[TrialRecord], settings: Mapping[str, Any], *, name: str = "study"
) -> str:
    """The page about a study: what was found, how the search went, every trial.

    Args:
        records: all trials, in any order and state.
        settings: the study's settings as stored.
        name: what to call the study.
    """
    study = study_info(settings, name=name)
    history = history_info(records, study)
    calibration = calibration_info(records)
    curves = curves_info(records, study)
    best = members(records, study, limit=BEST_SHOWN)
    panels = [panel("The search", _search_words(history, study), history_figure(history, study))]
    if calibration.points:
        words, drawn = _calibration_words(calibration), calibration_figure(calibration, study)
        panels.append(panel("Predicted and observed", words, drawn))
    if curves.lines:
        words = _curves_words(curves, study)
        panels.append(panel("Learning curves", words, curves_figure(curves, study)))
    panels.append(levels_panel(records, curves, study))
    feature = next((name for r in records for name in r.features), None)
    if feature is not None:
        words = "What each trial reached against what was known before it began."
        drawn = feature_figure(history.trials, feature, study)
        panels.append(panel(f"By {escape(feature)}", words, drawn))
    sections = [
        _header(study, records, best, curves),
        f'<section class="panels" aria-label="Figures">{"".join(panels)}</section>',
        _best_section(best, study),
        confirmation_section(confirmed(records, study), study),
        _trials_section(history.trials, study),
        _method_section(study, records),
    ]
    return page(f"{name} · archbo", "".join(sections))


def _header(
    study: StudyInfo, records: Sequence[TrialRecord], best: Sequence[Member], curves: CurvesInfo
) -> str:
    counts = counts_info(records)
    aim = "highest" if study.maximize else "lowest"
    always = (State.FINISHED, State.FAILED)
    states = (*always, State.PAUSED, State.STOPPED, State.RUNNING)
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


def _trials_section(trials: Sequence[TrialRecord], study: StudyInfo) -> str:
    names = list(dict.fromkeys(name for trial in trials for name in trial.features))
    names = names[:FEATURE_COLUMNS]
    heads = ["trial", study.objective, "predicted", "origin", *names, "time", "architecture"]
    head = "".join(
        f'<th scope="col" aria-sort="{"ascending" if i == 0 else "none"}">'
        f'<button type="button">{escape(label)}</button></th>'
        for i, label in enumerate(heads)
    )
    body = "".join(_row(trial, names, study) for trial in trials)
    return (
        '<section aria-labelledby="trials"><h2 id="trials">All trials</h2>'
        '<p class="hint">Sort by a heading; open an architecture for all about its trial.</p>'
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="trials"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _row(trial: TrialRecord, names: Sequence[str], study: StudyInfo) -> str:
    mean = None if trial.prediction is None else trial.prediction.mean
    predicted = ""
    if trial.prediction is not None:
        sd = number(trial.prediction.sd, digits=2)
        predicted = f"{number(trial.prediction.mean, digits=4)} <small>± {sd}</small>"
    stands = f"<em>{escape(standing(trial, study))}</em>"
    if trial.value is not None:
        result = number(trial.value)
    elif trial.interim is not None:
        result = f"{number(trial.interim)} <small>{stands}</small>"
    else:
        result = stands
    cells = [
        _cell(str(trial.number), trial.number),
        _cell(result, trial.value),
        _cell(predicted, mean),
        _cell(escape(trial.origin), trial.origin),
        *(
            _cell(number(trial.features[name], digits=4), trial.features[name])
            if name in trial.features
            else _cell("", None)
            for name in names
        ),
        _cell("" if trial.seconds is None else duration(trial.seconds), trial.seconds),
    ]
    line = one_line(study.space.architecture(trial.architecture))
    error = f'<p class="error">{escape(trial.error)}</p>' if trial.error else ""
    return (
        f'<tr id="trial-{trial.number}" class="{trial.state.value}">{"".join(cells)}'
        f'<td class="wide"><details><summary>{escape(line)}</summary>'
        f"{''.join(_details(trial, study))}</details>{error}</td></tr>"
    )


def _cell(shown: str, key: float | str | None) -> str:
    """A cell that sorts by its key, whatever is shown; None goes last."""
    kind = "" if isinstance(key, str) else ' class="number"'
    value = "" if key is None else f' data-key="{escape(str(key))}"'
    return f"<td{kind}{value}>{shown}</td>"


def _details(trial: TrialRecord, study: StudyInfo) -> Iterator[str]:
    facts = {"id": trial.architecture_id, "state": standing(trial, study)}
    if trial.created:
        when = datetime.fromtimestamp(trial.created, tz=UTC)
        facts["started"] = when.strftime("%Y-%m-%d %H:%M:%S UTC")
    if trial.attempt > 1:
        facts["attempts"] = str(trial.attempt)
    if trial.worker:
        facts["worker"] = trial.worker
    if trial.score is not None:
        facts["acquisition"] = number(trial.score, digits=4)
    facts |= {name: number(value) for name, value in trial.features.items()}
    if trial.hyperparameters:
        known = trial.hyperparameters.items()
        facts["hyperparameters"] = ", ".join(f"{k} {number(v, digits=3)}" for k, v in known)
    yield f'<dl class="facts">{pairs(facts)}</dl>'
    yield f"<pre>{escape(json.dumps(trial.architecture, ensure_ascii=False))}</pre>"
    if trial.traceback:
        yield f"<pre>{escape(trial.traceback)}</pre>"


def _method_section(study: StudyInfo, records: Sequence[TrialRecord]) -> str:
    origins = counts_info(records).origins
    facts = {
        "objective": f"{'maximise' if study.maximize else 'minimise'} {study.objective}",
        "trials by origin": ", ".join(f"{count} {origin}" for origin, count in origins.items()),
    }
    size = study.space.size
    facts["architectures in the space"] = "infinitely many" if size is None else number(size)
    starts = [r.created for r in records if r.created]
    if starts:
        when = datetime.fromtimestamp(min(starts), tz=UTC)
        facts["started"] = when.strftime("%Y-%m-%d %H:%M UTC")
    facts |= study.facts
    form = json.dumps(study.space.to_dict(), indent=1, ensure_ascii=False)
    return (
        '<section aria-labelledby="how"><h2 id="how">How the study was run</h2>'
        f'<dl class="facts run">{pairs(facts)}</dl><details><summary>The search space</summary>'
        f"<pre>{escape(form)}</pre></details></section>"
    )
