"""What each command does: a few lines over the study, the store and the views.

Each gives the exit code: 0 fine, 1 a failure that is the study's.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from archbo.data import State, TrialRecord
from archbo.errors import ProgramError, StoreError
from archbo.executors.logs import read_log
from archbo.store import Store
from archbo.store.urls import is_url, shown_location
from archbo.study.checking import check_program
from archbo.study.files import StateFiles
from archbo.study.program import execute
from archbo.study.replay import replay as replayed
from archbo.study.session import RunEvent, RunOptions, overriding
from archbo.study.settings import check_settings
from archbo.views.above import printing_above
from archbo.views.checks import check_view
from archbo.views.comparison import render_comparison
from archbo.views.explanation import explained, explanation_section, explanation_view
from archbo.views.facts import check_facts, study_facts, trial_facts
from archbo.views.infos import counts_info, failures, members, number, study_info, study_name
from archbo.views.levels import saved
from archbo.views.progress import ProgressView
from archbo.views.report import STORE, render_report, write_page
from archbo.views.tables import study_view, trial_view
from archbo.views.terminal import Terminal, json_text, visible


def run(program: Path, arguments: Sequence[str], options: Mapping[str, Any]) -> int:
    """Run a program as it would run by itself, with its runs overridden and watched.

    Args:
        program: its file.
        arguments: its own.
        options: what replaces those of its runs, by the names that `RunOptions` has.
    """
    console = Terminal()
    with (
        printing_above(console),
        ProgressView(console) as view,
        overriding(RunOptions(**options), view),
    ):
        code = execute(program, arguments)
    for event in view.finished:
        _say_result(console, event)
    if code == 0 and not view.finished:
        raise ProgramError(
            "the program ended without a call of study.run",
            path=str(program),
            hint="Call it where the program runs by itself: under if __name__ == '__main__'.",
        )
    return code or int(not all(_succeeded(event.records) for event in view.finished))


def check(
    program: Path,
    arguments: Sequence[str],
    *,
    seconds: float,
    build: str | None,
    inputs: tuple[int, ...] | None,
    probe: bool,
    as_json: bool,
) -> int:
    """Print what can be said of a program's search before any training."""
    console = Terminal()
    with redirect_stdout(sys.stderr) if as_json else Terminal(stderr=True).status("Checking …"):
        checked = check_program(
            program, arguments, seconds=seconds, build=build, inputs=inputs, probe=probe
        )
    if isinstance(checked, int):
        return checked
    if as_json:
        _print_json(check_facts(checked.result))
    else:
        console.print(check_view(checked.result, checked.objective, name=program.stem))
    return int(not checked.result.ok)


def show(store: str, *, top: int, trial: int | None, as_json: bool) -> int:
    """Print what a study found."""
    stored = _load(store)
    study = study_info(stored.settings, name=study_name(store))
    console = Terminal()
    if trial is not None:
        record = stored.trial(trial)
        if as_json:
            _print_json(trial_facts(record))
        else:
            console.print(trial_view(record, study, stored.records))
            if stored.log(trial) is not None:
                typed = shlex.quote(stored.location)
                words = f"What it printed: archbo show {typed} --trial {trial} --log"
                console.print(Text(words), soft_wrap=True)
        return 0
    if as_json:
        _print_json(study_facts(stored.records, study, top=top))
    else:
        console.print(study_view(stored.records, study, top=top, location=shown_location(store)))
    return int(not _succeeded(stored.records))


def show_log(store: str, trial: int, *, as_json: bool) -> int:
    """Print what the trainings of a trial printed."""
    stored = _load(store)
    stored.trial(trial)
    log = stored.log(trial)
    if log is None:
        raise StoreError(
            f"trial {trial} has no log",
            path=stored.location,
            hint="There is one where a study keeps files and its trainings run in processes of "
            "their own; else they print to the terminal.",
        )
    try:
        text = read_log(log)
    except OSError as error:
        raise StoreError(f"cannot read the log: {error.strerror}", path=str(log)) from error
    if as_json:
        _print_json({"trial": trial, "log": text})
    else:
        sys.stdout.write(visible(text))
    return 0


def show_explanation(store: str, trial: int | None, *, as_json: bool) -> int:
    """Print what a study has learned, and how one of its trials stands beside the incumbent."""
    stored = _load(store)
    study = study_info(stored.settings, name=study_name(store))
    asked = [] if trial is None else [study.space.architecture(stored.trial(trial).architecture)]
    found = explained(stored.records, stored.settings, asked)
    if as_json:
        _print_json(found.to_dict())
    else:
        Terminal().print(explanation_view(found))
    return 0


def report(stores: Sequence[str], output: Path) -> int:
    """Write the page about a study, or one that compares several."""
    loaded = [_load(store) for store in stores]
    names = [study_name(store) for store in stores]
    if len(loaded) == 1:
        (stored,) = loaded
        typed = Path(stores[0]).name if not is_url(stores[0]) else STORE
        learned = explanation_section(stored.records, stored.settings)
        text = render_report(
            stored.records, stored.settings, name=names[0], store=typed, learned=learned
        )
    else:
        text = render_comparison(
            [(n, stored.records, stored.settings) for n, stored in zip(names, loaded, strict=True)]
        )
    try:
        path = write_page(text, output)
    except OSError as error:
        raise StoreError(f"cannot write the report: {error.strerror}", path=str(output)) from error
    Terminal().print(Text(f"The report is in {path}"), soft_wrap=True)
    return 0


def replay(store: str, program: Path | None, *, verify: bool) -> int:
    """Make every proposal again, and say where it differs."""
    console = Terminal()
    result = replayed(store, program)
    differing = [p for p in result.proposals if not p.same]
    for proposal in differing if verify else result.proposals:
        words = f"trial {proposal.number}: {'the same' if proposal.same else 'differs'}"
        if not proposal.same:
            words += f", stored {proposal.stored}, proposed {proposal.proposed}"
        console.print(Text(f"{words}  {proposal.note}".rstrip()), soft_wrap=True)
    total = len(result.proposals)
    verdict = (
        f"All {total} proposals are the same."
        if not differing
        else f"{len(differing)} of {total} proposals differ."
    )
    console.print(Text(verdict, style="red" if differing else "green"))
    return int(bool(differing) and verify)


class _Stored(NamedTuple):
    location: str
    records: list[TrialRecord]
    settings: Mapping[str, Any]
    files: StateFiles

    def trial(self, number: int) -> TrialRecord:
        """The trial of this number.

        Raises:
            StoreError: if there is none.
        """
        record = next((r for r in self.records if r.number == number), None)
        if record is None:
            raise StoreError(
                f"no trial {number}; there are {len(self.records)}, numbered from 0",
                path=self.location,
            )
        return record

    def log(self, number: int) -> Path | None:
        """The file with what a trial printed; None if there is none."""
        log = self.files.log(number)
        return log if log is not None and log.is_file() else None


def _load(location: str) -> _Stored:
    with closing(Store.open(location, read_only=True)) as store:
        study = store.study()
        check_settings(study.settings, store.name)
        files = StateFiles.of(store, study.settings)
        return _Stored(shown_location(location), study.read(), study.settings, files)


def _succeeded(records: Sequence[TrialRecord]) -> bool:
    """Whether any training came to something."""
    return any(r.state is State.FINISHED or r.state.short for r in records)


def _print_json(document: Mapping[str, Any]) -> None:
    sys.stdout.write(json_text(document) + "\n")


def _say_result(console: Console, event: RunEvent) -> None:
    """The end of a run: the incumbent, and where to look."""
    location = event.study.location
    study = study_info(event.study.store.settings)
    best = members(event.records, study, limit=1)
    if event.note:
        console.print(Text(event.note, style="yellow"), soft_wrap=True)
    if best:
        failed = counts_info(event.records).states["failed"]
        among = f"{len(event.records)} trials" + (f", {failed} of them failed" if failed else "")
        words = f"The best of {among}: {study.objective} {number(best[0].value)}"
        console.print(Text(f"{words} (trial {best[0].trials[0]})", style="bold"), soft_wrap=True)
    elif any(record.state.short for record in event.records):
        words = "No training was a full one; a larger budget trains the best in full."
        console.print(Text(words, style="yellow"), soft_wrap=True)
    else:
        reasons = failures(event.records)
        why = f" {reasons[0].error.splitlines()[0]}" if reasons else ""
        console.print(Text(f"No trial has finished.{why}", style="red"), soft_wrap=True)
    if study.fidelity is not None and (best or _succeeded(event.records)):
        console.print(Text(str(saved(event.records, study.fidelity))), soft_wrap=True)
    if location is None:
        console.print('The study was in memory only; Study("name.db", ...) keeps the next one.')
        return
    location = _from_here(location)
    typed = shlex.quote(location)
    console.print(
        Text(
            f"Results: {location}\n"
            f"  archbo show {typed}     the best architectures, the history, the failures\n"
            f"  archbo report {typed}   one HTML page with everything"
        ),
        soft_wrap=True,
    )


def _from_here(location: str) -> str:
    """A location as short as it can be typed: a file below the working directory without that."""
    here = Path.cwd()
    path = Path(location)
    return str(path.relative_to(here)) if path.is_relative_to(here) else location
