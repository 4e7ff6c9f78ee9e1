"""The table of trials on the page: all of them, or of many those that matter most."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import zip_longest

from archbo.data import State, TrialRecord
from archbo.views.infos import StudyInfo, duration, failures, number, one_line
from archbo.views.levels import standing
from archbo.views.page import pairs

FEATURE_COLUMNS = 3
MOST_REASONS = 12  # of failures
LONGEST_REASON = 300  # characters
TRIALS_LINKED = 6  # of each reason
MISSES = 20  # rows that did not fit, one after another: the next ones hardly will
_LINK = re.compile(r'href="#trial-(\d+)"')
_ROW = re.compile(r'<tr id="trial-(\d+)"')


def failures_section(records: Sequence[TrialRecord]) -> str:
    """Why trials failed, the most frequent reasons first; empty where none has."""
    found = failures(records)
    if not found:
        return ""
    reasons = []
    for one in found[:MOST_REASONS]:
        line = one.error.strip().partition("\n")[0]
        line = line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"
        links = ", ".join(f'<a href="#trial-{n}">{n}</a>' for n in one.trials[:TRIALS_LINKED])
        more = len(one.trials) - TRIALS_LINKED
        links += f" and {number(more)} more" if more > 0 else ""
        trials = "Trial" if len(one.trials) == 1 else "Trials"
        reasons.append(f'<li>{trials} {links}: <span class="error">{escape(line)}</span></li>')
    left = len(found) - MOST_REASONS
    rest = f'<p class="hint">And {number(left)} more reasons.</p>' if left > 0 else ""
    return (
        '<section aria-labelledby="failed"><h2 id="failed">What failed and why</h2>'
        f'<ul class="steps">{"".join(reasons)}</ul>{rest}</section>'
    )


def linked(page: str) -> list[int]:
    """The trials that a piece of a page leads to, the first first."""
    return list(dict.fromkeys(int(found) for found in _LINK.findall(page)))


def relinked(page: str) -> str:
    """The page, where links to rows that are not there lead to the table instead."""
    rows = set(_ROW.findall(page))
    return _LINK.sub(lambda m: m[0] if m[1] in rows else 'href="#trials"', page)


def trials_section(
    trials: Sequence[TrialRecord],
    study: StudyInfo,
    *,
    room: float = float("inf"),
    first: Sequence[int] = (),
    store: str = "",
) -> str:
    """A sortable row for each trial, with all about it folded away.

    Where there is no room for all, those in training come first, then in turn the best, the newest
    and those that failed.

    Args:
        trials: in the order of their numbers.
        study: what they are of.
        room: bytes that the rows may take.
        first: numbers of trials that come before all others.
        store: where the study is, for the command that shows the others.
    """
    names = list(dict.fromkeys(name for trial in trials for name in trial.features))
    names = names[:FEATURE_COLUMNS]
    heads = ["trial", study.objective, "predicted", "origin", *names, "time", "architecture"]
    head = "".join(
        f'<th scope="col" aria-sort="{"ascending" if i == 0 else "none"}">'
        f'<button type="button">{escape(label)}</button></th>'
        for i, label in enumerate(heads)
    )
    rows = _rows(_by_worth(trials, study, first), names, study, room)
    title, words = "All trials", ""
    if len(rows) < len(trials):
        title = f"{number(len(rows))} of {number(len(trials))} trials"
        words = (
            "The best, the newest, those that the page names, and some of those that failed; "
            f"<code>archbo show {escape(store)} --trial N</code> shows any other. "
        )
    return (
        f'<section aria-labelledby="trials"><h2 id="trials">{title}</h2><p class="hint">{words}'
        "Sort by a heading; open an architecture for all about its trial.</p>"
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="trials"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows.values())}</tbody>"
        "</table></div></section>"
    )


def _rows(
    trials: Iterable[TrialRecord], names: Sequence[str], study: StudyInfo, room: float
) -> dict[int, str]:
    """The rows that fit, by number."""
    found: dict[int, str] = {}
    missed = 0
    for trial in trials:
        row = _row(trial, names, study)
        size = len(row.encode(errors="xmlcharrefreplace"))
        if size <= room:
            found[trial.number] = row
            room, missed = room - size, 0
        elif (missed := missed + 1) == MISSES:
            break
    return dict(sorted(found.items()))


def _by_worth(
    trials: Sequence[TrialRecord], study: StudyInfo, first: Sequence[int]
) -> Iterator[TrialRecord]:
    """Each trial once, what a reader looks for before the rest."""
    by_number = {trial.number: trial for trial in trials}
    sign = -1.0 if study.maximize else 1.0
    valued = [(sign * t.value, t.number) for t in trials if t.value is not None]
    best = [number for _, number in sorted(valued)]
    newest = [t.number for t in reversed(trials)]
    failed = [t.number for t in trials if t.state is State.FAILED]
    reasons = [one.trials[0] for one in failures(trials)]
    in_turn = [n for three in zip_longest(best, newest, [*reasons, *failed]) for n in three]
    running = [t.number for t in trials if t.state is State.RUNNING]
    for n in dict.fromkeys([*first, *running, *in_turn]):
        if n in by_number:
            yield by_number[n]


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
