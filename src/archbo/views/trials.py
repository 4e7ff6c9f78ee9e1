"""The table of all trials on the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from archbo.data import TrialRecord
from archbo.views.infos import StudyInfo, duration, number, one_line
from archbo.views.levels import standing
from archbo.views.page import pairs

FEATURE_COLUMNS = 3


def trials_section(trials: Sequence[TrialRecord], study: StudyInfo) -> str:
    """A sortable row for each trial, with all about it folded away."""
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
