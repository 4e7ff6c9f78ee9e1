"""A trial's page, and two trials side by side."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from pprint import pformat

from archbo.data import TrialRecord
from archbo.executors.logs import read_log
from archbo.graphs.drawing import svg
from archbo.spaces import Architecture
from archbo.views.compare import compare
from archbo.views.curves import CurvesInfo, curves_figure, curves_info
from archbo.views.dashboard.feed import Feed, Snapshot
from archbo.views.dashboard.likeness import differences, similar
from archbo.views.dashboard.parts import links, section
from archbo.views.infos import duration, number, one_line, scalar_settings
from archbo.views.levels import course
from archbo.views.page import pairs, panel

DRAWN_WIDTH = 560.0
LOG_SHOWN = 100_000  # characters, of the end


def trial_head(snapshot: Snapshot, record: TrialRecord) -> str:
    """What came of a trial, what was expected, what it cost; also of one that was deleted."""
    study, words = snapshot.study, course(record, snapshot.study)
    record = record.undeleted
    value = record.interim if record.value is None else record.value
    lead = (
        f'<span class="value">{number(value)}</span> {escape(study.objective)}, '
        if value is not None
        else ""
    )
    words = f"{lead}{escape(words)}, from {escape(record.origin)}"
    line = escape(one_line(snapshot.architecture(record)))
    step = snapshot.by_number
    numbers = [n for n in (record.number - 1, record.number + 1) if n in step]
    names = {record.number - 1: ("Previous", "prev"), record.number + 1: ("Next", "next")}
    steps = "".join(
        f'<a id="{names[n][1]}" rel="{names[n][1]}" href="#trial-{n}">{names[n][0]}</a>'
        for n in numbers
    )
    return (
        f'<header><p class="eyebrow"><a href="#overview">{escape(study.name)}</a></p>'
        f'<h1>Trial {record.number}</h1><p class="lead">{words}</p>'
        f'<p class="one-line">{line}</p><nav class="pager" aria-label="Trials">{steps}</nav>'
        f'<dl class="facts run">{pairs(_facts(snapshot, record))}</dl></header>'
    )


def _facts(snapshot: Snapshot, record: TrialRecord) -> dict[str, str]:
    facts: dict[str, str] = {}
    if record.prediction is not None:
        mean, sd = record.prediction
        facts["predicted before"] = f"{number(mean)} ± {number(sd, digits=2)}"
        if record.value is not None and sd > 0:
            off = (record.value - mean) / sd
            facts["off by"] = f"{off:+.1f} standard deviations"
    if record.score is not None:
        facts["acquisition"] = number(record.score, digits=4)
    if record.seconds is not None:
        total = sum(r.seconds or 0.0 for r in snapshot.records)
        share = f", {record.seconds / total:.1%} of all" if total else ""
        facts["training"] = f"{duration(record.seconds)}{share}"
    if record.created:
        when = datetime.fromtimestamp(record.created, tz=UTC)
        facts["started"] = when.strftime("%Y-%m-%d %H:%M:%S UTC")
    if record.attempt > 1:
        facts["attempts"] = str(record.attempt)
    if record.worker:
        facts["run by"] = record.worker
    facts |= {name: number(value) for name, value in record.features.items()}
    facts["id"] = record.architecture_id
    return facts


def drawing_panel(arch: Architecture, title: str = "The architecture") -> str:
    """The drawn network, and its decisions that the drawing does not show."""
    drawn = ""
    if arch.graph.labels:
        drawn = f'<div class="drawing">{svg(arch.graph, width=DRAWN_WIDTH)}</div>'
    facts = f'<dl class="facts">{pairs(scalar_settings(arch))}</dl>'
    return panel(title, "", drawn + facts)


def curve_panel(snapshot: Snapshot, record: TrialRecord) -> str:
    """A trial's learning curve; empty where it has none."""
    info = curves_info([record.undeleted], snapshot.study)
    if not info.lines:
        return ""
    front = CurvesInfo(info.lines, info.lines[:1], snapshot.curves.levels)
    return panel("Its learning curve", "", curves_figure(front, snapshot.study))


def similar_section(snapshot: Snapshot, record: TrialRecord, action: str) -> str:
    """The trials of the most similar networks; empty where there is no other."""
    found = similar(snapshot, record.number)
    if not found:
        return ""
    rows = "".join(
        f'<tr><td class="number">{links([other.number])}</td><td class="number">'
        f"{'' if other.value is None else number(other.value)}</td>"
        f'<td class="number">{count}</td><td class="wide">'
        f"{escape(one_line(snapshot.architecture(other)))}</td>"
        f'<td><a href="{action}?trial={record.number}&amp;trial={other.number}">'
        "compare</a></td></tr>"
        for other, count in found
    )
    names = ("trial", snapshot.study.objective, "decisions differ", "architecture", "")
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    table = (
        '<div class="scroll" tabindex="0"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    return section("similar", "Similar architectures", table)


def python_section(arch: Architecture) -> str:
    """The architecture as a value that a program can have."""
    text = f"arch = space.architecture(\n{pformat(arch.value, width=88, sort_dicts=False)}\n)"
    return section(
        "python",
        "As Python",
        f'<pre id="source">{escape(text)}</pre>'
        '<button type="button" class="quiet" data-copy="source">Copy as Python</button>',
    )


def error_section(record: TrialRecord) -> str:
    """Why a trial failed; empty where it did not."""
    record = record.undeleted
    if not record.error:
        return ""
    trace = f"<pre>{escape(record.traceback)}</pre>" if record.traceback else ""
    return section("error", "Why it failed", f'<p class="error">{escape(record.error)}</p>{trace}')


def log_section(feed: Feed, record: TrialRecord) -> str:
    """The end of what its trainings printed; empty where there is no log."""
    file = feed.files.log(record.number)
    try:
        text = read_log(file) if file is not None and file.is_file() else ""
    except OSError as error:
        return section("log", "Log", f'<p class="hint">It cannot be read: {escape(str(error))}</p>')
    if not text:
        return ""
    cut = '<p class="hint">The end of it.</p>' if len(text) > LOG_SHOWN else ""
    return section("log", "Log", f"{cut}<pre>{escape(text[-LOG_SHOWN:])}</pre>")


def comparison(snapshot: Snapshot, a: TrialRecord, b: TrialRecord) -> str:
    """Two trials' values and the decisions in which they differ."""
    first, second = snapshot.architecture(a), snapshot.architecture(b)
    found = differences(first, second)
    if not found:
        words = '<p class="nothing">Both have the same architecture.</p>'
        return section("differences", "What differs", words)
    rows = "".join(
        f'<tr><th scope="row">{escape(d.decision)}</th><td><del>{escape(d.first) or "—"}</del></td>'
        f"<td><ins>{escape(d.second) or '—'}</ins></td></tr>"
        for d in found
    )
    heads = "".join(f'<th scope="col">{label}</th>' for label in ("decision", *map(_name, (a, b))))
    table = (
        f'<div class="scroll" tabindex="0"><table class="narrow"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
    title = f"What differs: {len(found)} decision{'' if len(found) == 1 else 's'}"
    return section("differences", title, table)


def drawn_side_by_side(snapshot: Snapshot, a: TrialRecord, b: TrialRecord) -> str:
    """Two trials' values, and their networks drawn with what differs marked."""
    titles = "".join(f"<li>{compared_title(snapshot, record)}</li>" for record in (a, b))
    names = (f"Trial {a.number}", f"Trial {b.number}")
    drawn = compare(snapshot.architecture(a), snapshot.architecture(b), names)
    return f'<ul class="values">{titles}</ul>{drawn}'


def compared_title(snapshot: Snapshot, record: TrialRecord) -> str:
    """A trial and its value, as a title."""
    value = record.interim if record.value is None else record.value
    words = record.state.value if value is None else f"{snapshot.study.objective} {number(value)}"
    return f"{_name(record)}: {escape(words)}"


def _name(record: TrialRecord) -> str:
    return f"Trial {links([record.number])}"
