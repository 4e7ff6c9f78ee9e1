"""A study in the terminal: the incumbent, the best architectures, the history, the failures."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from archbo.data import State, TrialRecord
from archbo.views.confirmed import confirmation_parts, confirmed
from archbo.views.curves import curves_info, curves_parts, sparkline
from archbo.views.infos import (
    Member,
    StudyInfo,
    calibration_info,
    counts_info,
    duration,
    failures,
    history_info,
    members,
    number,
    one_line,
)
from archbo.views.levels import course, levels_parts

TRIALS_LISTED = 8
STEPS_LISTED = 12


def study_view(
    records: Sequence[TrialRecord], study: StudyInfo, *, top: int, location: str
) -> RenderableType:
    """Everything about a study that fits a screen or two.

    Args:
        records: all trials.
        study: what they are of.
        top: how many of the best architectures to list.
        location: where the study is, as `archbo show` takes it.
    """
    best = members(records, study, limit=max(top, 1))
    curves = curves_info(records, study, top=top)
    parts: list[RenderableType] = [_title(study), _counts(records)]
    if best:
        parts += [*_incumbent(best[0], study), *_best(best[:top], study)]
        parts += confirmation_parts(confirmed(records, study), study)
        parts += [*_history(records, study), *_calibration(records)]
    else:
        parts.append(Text("\nNo trial has finished yet.", style="yellow"))
    parts += [*curves_parts(curves, study), *levels_parts(records, curves, study)]
    return Group(*parts, *_failures(records, location))


def trial_view(
    record: TrialRecord, study: StudyInfo, records: Sequence[TrialRecord] = ()
) -> RenderableType:
    """Everything about one trial; of a deleted one what it gave as well.

    Args:
        record: the trial.
        study: what it is of.
        records: all trials, for those of the same network that were trained to another level.
    """
    architecture = study.space.architecture(record.architecture)
    grid = _grid()
    grid.add_row("state", Text(course(record, study), style=_STYLES[record.state]))
    record = record.undeleted
    if record.value is not None:
        grid.add_row(study.objective, Text(number(record.value), style="bold"))
    if record.interim is not None and record.reached is not None:
        grid.add_row(study.objective, f"{number(record.interim)} at {number(record.reached)}")
    if record.prediction is not None:
        mean, sd = record.prediction
        grid.add_row("predicted", f"{number(mean)} ± {number(sd, digits=2)}")
    grid.add_row("origin", Text(record.origin))
    if record.seconds is not None:
        grid.add_row("training", duration(record.seconds))
    if record.attempt > 1:
        grid.add_row("attempts", str(record.attempt))
    for name, value in record.features.items():
        grid.add_row(Text(name), number(value))
    grid.add_row("id", record.architecture_id)
    grid.add_row("architecture", Text(one_line(architecture)))
    parts: list[RenderableType] = [Text(f"Trial {record.number}", style="bold"), grid]
    if architecture.graph.labels:
        parts.append(_indented(Text(str(architecture.graph))))
    if record.reports:
        values = [report.value for report in record.reports]
        points = ", ".join(f"{r.epoch}: {number(r.value, digits=4)}" for r in record.reports)
        parts.append(_heading(f"{study.objective} by {_counted(study)}"))
        if len(values) > 2:
            parts.append(_indented(Text(sparkline(values), style="cyan")))
        parts.append(_indented(Text(points)))
    parts += _other_levels(record, study, records)
    if record.error:
        parts += [_heading("Error"), _indented(Text(record.error, style="red"))]
    if record.traceback:
        parts.append(_indented(Text(record.traceback, style="dim")))
    return Group(*parts)


def _counted(study: StudyInfo) -> str:
    """What a report counts."""
    fidelity = study.fidelity
    return fidelity.name.removesuffix("s") if fidelity is not None and fidelity.counted else "epoch"


def _other_levels(
    record: TrialRecord, study: StudyInfo, records: Sequence[TrialRecord]
) -> Iterator[RenderableType]:
    """The trainings of a network where each level is one of its own."""
    if study.fidelity is None or study.fidelity.continued:
        return
    same = [r for r in records if r.searched and r.architecture_id == record.architecture_id]
    if len(same) < 2:
        return
    yield _heading("Trainings of this network")
    table = _table("trial", study.fidelity.name, study.objective, "")
    for other in same:
        value = other.interim if other.value is None else other.value
        level = study.fidelity.high if other.fidelity is None else other.fidelity
        shown = "" if value is None else number(value)
        table.add_row(str(other.number), number(level, digits=3), shown, other.state.value)
    yield table


_STYLES = {
    State.RUNNING: "cyan",
    State.PAUSED: "blue",
    State.STOPPED: "yellow",
    State.FINISHED: "green",
    State.FAILED: "red",
    State.DELETED: "dim",
}


def _title(study: StudyInfo) -> Text:
    aim = "maximise" if study.maximize else "minimise"
    return Text.assemble((study.name, "bold"), (f"  {aim} {study.objective}", "dim"))


def _counts(records: Sequence[TrialRecord]) -> Text:
    counts = counts_info(records)
    states = ", ".join(f"{n} {state}" for state, n in counts.states.items() if n)
    origins = ", ".join(f"{n} {origin}" for origin, n in counts.origins.items())
    return Text(
        f"{states or 'no trials'} · {counts.architectures} architectures · "
        f"{duration(counts.seconds)} of training" + (f"\nfrom {origins}" if origins else ""),
        style="dim",
    )


def _incumbent(best: Member, study: StudyInfo) -> Iterator[RenderableType]:
    yield _heading("Incumbent")
    value = Text.assemble(
        (f"{study.objective} {number(best.value)}", "bold green"), f"  {_trials(best.trials)}"
    )
    yield _indented(value)
    yield _indented(Text(one_line(best.architecture)))
    if best.architecture.graph.labels:
        yield Text()
        yield _indented(Text(str(best.architecture.graph), style="cyan"))


def _best(best: Sequence[Member], study: StudyInfo) -> Iterator[RenderableType]:
    if len(best) < 2:
        return
    yield _heading("Best architectures")
    names = list(dict.fromkeys(name for member in best for name in member.features))[:3]
    table = _table("", study.objective, "trial", *names, "origin", "architecture")
    for rank, member in enumerate(best, start=1):
        features = [
            number(member.features[n], digits=4) if n in member.features else "" for n in names
        ]
        table.add_row(
            str(rank),
            number(member.value),
            ", ".join(map(str, member.trials)),
            *features,
            Text(member.origin),
            Text(one_line(member.architecture)),
        )
    yield table


def _history(records: Sequence[TrialRecord], study: StudyInfo) -> Iterator[RenderableType]:
    steps = history_info(records, study).steps
    yield _heading("How the incumbent changed")
    shown = steps[-STEPS_LISTED:]
    left = f"({len(steps) - len(shown)} earlier) → " if len(shown) < len(steps) else ""
    yield _indented(Text(left + " → ".join(f"{number(s.value)} (trial {s.number})" for s in shown)))


def _calibration(records: Sequence[TrialRecord]) -> Iterator[RenderableType]:
    info = calibration_info(records)
    if info.within_one is None or info.within_two is None:
        return
    yield _heading("Predictions")
    words = (
        f"{info.within_one:.0%} of {len(info.points)} results within one standard deviation "
        f"(68% expected), {info.within_two:.0%} within two (95%)"
    )
    if info.rank_correlation is not None:
        words += f", rank correlation {info.rank_correlation:.2f}"
    yield _indented(Text(words))


def _failures(records: Sequence[TrialRecord], location: str) -> Iterator[RenderableType]:
    found = failures(records)
    if not found:
        return
    yield _heading("Failures")
    grid = _grid()
    for failure in found:
        grid.add_row(_trials(failure.trials), Text(failure.error.strip().partition("\n")[0], "red"))
    yield _indented(grid)
    example = f"archbo show {shlex.quote(location)} --trial {found[0].trials[0]}"
    yield _indented(Text(f"All about the first of them: {example}", style="dim"))


def _trials(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:TRIALS_LISTED]))
    more = f" and {len(numbers) - TRIALS_LISTED} more" if len(numbers) > TRIALS_LISTED else ""
    return f"{'trial' if len(numbers) == 1 else 'trials'} {shown}{more}"


def _heading(words: str) -> Text:
    return Text(f"\n{words}", style="bold")


def _indented(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, 2), expand=False)


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=True, header_style="dim", padding=(0, 1))
    for head in heads:
        last = head == heads[-1]
        table.add_column(Text(head), overflow="fold" if last else "ellipsis", no_wrap=not last)
    return table
