"""The parts of a study's page, each a piece of HTML that is replaced when it changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from html import escape

from archbo.data import State, TrialRecord
from archbo.graphs.drawing import svg
from archbo.study.proposing import cost
from archbo.views.curves import curves_figure
from archbo.views.dashboard.beliefs import Believed, beliefs_figure
from archbo.views.dashboard.feed import Snapshot
from archbo.views.figures import calibration_figure, history_figure
from archbo.views.infos import (
    CalibrationInfo,
    Member,
    StudyInfo,
    counts_info,
    duration,
    failures,
    number,
    one_line,
    scalar_settings,
)
from archbo.views.levels import in_training, levels_panel
from archbo.views.map import map_figure, map_info
from archbo.views.page import pairs, panel
from archbo.views.thinning import thinned_calibration, thinned_history

CARD_WIDTH = 300.0
FAILURES_SHOWN = 8
RUNNING_SHOWN = 40
LINKS_SHOWN = 12
ERROR_SHOWN = 600  # characters; the trial's page has all


def head(snapshot: Snapshot, *, trouble: str = "") -> str:
    """The incumbent and the counts."""
    study, best = snapshot.study, snapshot.best
    counts = counts_info(snapshot.records)
    tiles = {s: n for s, n in counts.states.items() if n or s in (State.FINISHED, State.RUNNING)}
    shown = {s: number(n) for s, n in tiles.items()}
    shown |= {
        "architectures": number(counts.architectures),
        "of training": duration(counts.seconds),
    }
    cells = "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in shown.items())
    lead = '<p class="lead">No trial has finished yet.</p>'
    if best:
        top = best[0]
        aim = "highest" if study.maximize else "lowest"
        trials = "trial" if len(top.trials) == 1 else "the mean of trials"
        lead = (
            f'<p class="lead"><span class="value">{number(top.value)}</span> is the {aim} '
            f"{escape(study.objective)}, of {trials} {links(top.trials)}.</p>"
            f'<p class="one-line">{escape(one_line(top.architecture))}</p>'
        )
    warning = f'<p class="trouble" role="alert">{escape(trouble)}</p>' if trouble else ""
    title = f"<h1>{escape(study.name)}</h1>"
    return f'<header>{title}{lead}{warning}<dl class="tiles">{cells}</dl></header>'


def search_panel(snapshot: Snapshot) -> str:
    """Every trial, and the incumbent."""
    study, history = snapshot.study, snapshot.history
    shown = thinned_history(history, study)
    words = f"The {study.objective} of every trial; the line is the best so far."
    if len(shown.trials) < len(history.trials):
        words += f" Of {number(len(history.trials))} trials those are drawn that would be seen."
    return panel("The search", escape(words), history_figure(shown, study))


def beliefs_panel(snapshot: Snapshot, known: Believed) -> str:
    """The incumbents with the posterior's band."""
    words = "The best so far, solid; dotted what the model now expects of each, within two "
    words += "standard deviations."
    if known.beliefs and known.trials < len(snapshot.records):
        words += f" The model knows {known.trials} trials."
    return panel("The incumbent and the model", words, beliefs_figure(known, snapshot.study))


def calibration_panel(snapshot: Snapshot) -> str:
    """Predicted against observed."""
    info = snapshot.calibration
    drawn = calibration_figure(thinned_calibration(info, snapshot.study), snapshot.study)
    return panel("Predicted and observed", _calibration_words(info), drawn)


def _calibration_words(info: CalibrationInfo) -> str:
    if info.within_one is None or info.within_two is None:
        return "What the model expected before each training, and what came of it."
    words = (
        f"{info.within_one:.0%} of {number(len(info.points))} results within one standard "
        f"deviation (68% expected), {info.within_two:.0%} within two (95%)."
    )
    ranks = info.rank_correlation
    return words if ranks is None else f"{words} Rank correlation {ranks:.2f}."


def curves_panel(snapshot: Snapshot) -> str:
    """The learning curves; empty where nothing has reported."""
    curves, study = snapshot.curves, snapshot.study
    if not curves.lines:
        return ""
    words = "As far as each training went; the best are drawn in front."
    return panel("Learning curves", words, curves_figure(curves, study))


def map_panel(snapshot: Snapshot) -> str:
    """The space in two dimensions, the search's path over it; empty before the first trial."""
    if not snapshot.records:
        return ""
    info = map_info(
        snapshot.records, snapshot.study, places=snapshot.places, history=snapshot.history
    )
    words = f"Alike networks are near each other; the axes show {info.share:.0%} of what differs."
    return panel("The map", words, map_figure(info, snapshot.study))


def rungs_panel(snapshot: Snapshot) -> str:
    """How far trainings went; empty without a fidelity."""
    return levels_panel(snapshot.records, snapshot.curves, snapshot.study)


def running_section(snapshot: Snapshot, *, epochs: int, now: float) -> str:
    """Who trains what, and how long each training may still take."""
    running = snapshot.running
    if not running:
        return section("running", "In training", '<p class="nothing">Nothing is in training.</p>')
    pace = snapshot.once("pace", lambda: seconds_per_training(snapshot))
    workers: defaultdict[str, list[TrialRecord]] = defaultdict(list)
    for record in running[:RUNNING_SHOWN]:
        workers[_host(record)].append(record)
    rows = "".join(_running_rows(workers, snapshot, pace, epochs, now))
    heads = _heads("run by", "trial", "how far", "for", "left", "")
    more = len(running) - RUNNING_SHOWN
    left = f'<p class="hint">And {more} more.</p>' if more > 0 else ""
    return section("running", f"In training: {len(running)}", f"{_table(heads, rows)}{left}")


def _running_rows(
    workers: dict[str, list[TrialRecord]],
    snapshot: Snapshot,
    pace: float | None,
    epochs: int,
    now: float,
) -> Iterator[str]:
    for host, records in workers.items():
        for place, record in enumerate(records):
            left = seconds_left(record, snapshot.study, pace, epochs=epochs, now=now)
            bar = share_done(record, snapshot.study, epochs)
            meter = f'<progress max="1" value="{bar:.3f}"></progress>' if bar else ""
            words = in_training(record, snapshot.study).partition(": ")[2]
            attempt = f"attempt {record.attempt}" if record.attempt > 1 else ""
            since = max(now - record.created, 0.0)
            yield (
                f'<tr id="running-{record.number}"><td>{escape(host) if not place else ""}</td>'
                f"<td>{links([record.number])}</td><td>{escape(words)} {meter}</td>"
                f'<td class="number">{duration(since)}</td>'
                f'<td class="number">{"" if left is None else f"about {duration(left)}"}</td>'
                f"<td>{attempt}</td></tr>"
            )


def _host(record: TrialRecord) -> str:
    """The machine and the process of a driver, whose name ends with a token of its own."""
    host, _, _ = (record.worker or "nobody").rpartition(":")
    return host or record.worker or "nobody"


def seconds_per_training(snapshot: Snapshot) -> float | None:
    """What a full training takes, by those that have ended; None before the first."""
    study = snapshot.study
    ended = [
        (r.seconds, 1.0 if study.fidelity is None else cost(study.fidelity, r))
        for r in snapshot.records
        if r.seconds is not None and (r.state is State.FINISHED or r.state.short)
    ]
    shares = sum(share for _, share in ended)
    return sum(seconds for seconds, _ in ended) / shares if shares else None


def share_done(record: TrialRecord, study: StudyInfo, epochs: int) -> float:
    """How much of its way a training has behind it, from 0 to 1, as far as it has reported."""
    if not record.reports:
        return 0.0
    aim: float = epochs
    if study.fidelity is not None:
        if not study.fidelity.counted:
            return 0.0
        aim = record.fidelity or study.fidelity.high
    return min(record.reports[-1].epoch / max(aim, 1.0), 1.0)


def seconds_left(
    record: TrialRecord, study: StudyInfo, pace: float | None, *, epochs: int, now: float
) -> float | None:
    """How long a training may still take at the pace of those before; None if nobody knows.

    Args:
        record: in training.
        study: what it is of.
        pace: seconds that a full training takes.
        epochs: of a full training without a fidelity.
        now: in seconds since 1970.
    """
    if pace is None:
        return None
    total = pace * (1.0 if study.fidelity is None else cost(study.fidelity, record))
    done = share_done(record, study, epochs)
    return total * (1 - done) if done else max(total - max(now - record.created, 0.0), 0.0)


def failures_section(snapshot: Snapshot) -> str:
    """Why trainings failed; empty where none did."""
    found = failures(snapshot.records)
    if not found:
        return ""
    items = "".join(
        f'<li id="failure-{place}"><p class="error">{escape(failure.error[:ERROR_SHOWN])}</p>'
        f'<p class="hint">{"trial" if len(failure.trials) == 1 else "trials"} '
        f"{links(failure.trials)}</p></li>"
        for place, failure in enumerate(found[:FAILURES_SHOWN])
    )
    more = len(found) - FAILURES_SHOWN
    left = f'<p class="hint">And {more} other reasons.</p>' if more > 0 else ""
    count = sum(len(failure.trials) for failure in found)
    return section("failures", f"Failed: {count}", f'<ul class="failures">{items}</ul>{left}')


def best_section(snapshot: Snapshot) -> str:
    """The best networks, drawn; empty before the first result."""
    if not snapshot.best:
        return ""
    cards = "".join(_card(k, m) for k, m in enumerate(snapshot.best, start=1))
    return section("best", "The best architectures", f'<ol class="cards">{cards}</ol>')


def _card(rank: int, member: Member) -> str:
    facts = dict(scalar_settings(member.architecture))
    facts |= {name: number(value, digits=4) for name, value in member.features.items()}
    graph = member.architecture.graph
    drawing = f'<div class="drawing">{svg(graph, width=CARD_WIDTH)}</div>' if graph.labels else ""
    return (
        f'<li class="card"><h3><span class="rank">{rank}</span>'
        f'<span class="value">{number(member.value)}</span><span class="from">'
        f"{escape(member.origin)}, {links(member.trials)}</span></h3>"
        f'{drawing}<dl class="facts">{pairs(facts)}</dl></li>'
    )


def links(trials: Sequence[int]) -> str:
    """Links to trials, as figures have them; the page gives them their addresses."""
    shown = ", ".join(f'<a href="#trial-{n}">{n}</a>' for n in trials[:LINKS_SHOWN])
    more = len(trials) - LINKS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def section(name: str, title: str, body: str) -> str:
    """A section with a heading, both HTML."""
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{body}</section>'


def _heads(*names: str) -> str:
    return "".join(f'<th scope="col">{escape(name)}</th>' for name in names)


def _table(heads: str, rows: str) -> str:
    return (
        '<div class="scroll" tabindex="0"><table class="narrow">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
