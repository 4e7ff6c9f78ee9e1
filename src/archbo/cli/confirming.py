"""`archbo confirm` and `archbo import`: trainings after a search, and results from before it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.text import Text

from archbo.errors import ObservationError, ProgramError
from archbo.store import Store, StoredStudy
from archbo.store.urls import shown_location
from archbo.study.confirmation import Confirmation
from archbo.study.finding import PARTS, described, find
from archbo.study.results import read_results, store_results
from archbo.study.running import Running
from archbo.study.session import RunOptions, overriding
from archbo.training import Train
from archbo.views.above import printing_above
from archbo.views.confirmed import confirmation_view
from archbo.views.infos import study_info, study_name
from archbo.views.progress import ProgressView
from archbo.views.terminal import Terminal


def confirm(
    store: str,
    program: Path | None,
    numbers: Mapping[str, int | None],
    options: Mapping[str, Any],
) -> int:
    """Train the best of a stored study again, inside its program, and say what came of it.

    Args:
        store: where the study is.
        program: its program; None for the one that made it.
        numbers: top, repeats and budget, as `Study.confirm` takes them.
        options: how it trains, by the names that `RunOptions` has.
    """
    with closing(Store.open(store, read_only=True)) as opened:
        stored = opened.study()
        if all(record.value is None for record in stored.read()):
            raise ObservationError(
                "no trial has finished",
                path=shown_location(store),
                hint="Run the study first: archbo run.",
            )
    console = Terminal()
    found: list[Confirmation] = []
    code = 0

    def instead(study: Running, train: Train) -> None:
        nonlocal code
        _check_place(study, stored, store)
        with (
            printing_above(console),
            ProgressView(console) as view,
            overriding(RunOptions(**options), view),
        ):
            try:
                wanted: dict[str, Any] = dict(numbers)
                found.append(study.confirm(train, **wanted))
            except SystemExit as end:  # interrupted
                code = end.code if isinstance(end.code, int) else 1
                raise
        for event in view.finished:
            if event.note:
                console.print(Text(event.note, style="yellow"), soft_wrap=True)

    reason = "the study's program says how a network is trained"
    find(store, stored, program, reason=reason, command="confirm", instead=instead).study.close()
    for confirmation in found:
        info = study_info(stored.settings, name=study_name(store))
        console.print(confirmation_view(confirmation, info))
    return code or int(not any(member.values for c in found for member in c.members))


def _check_place(study: Running, stored: StoredStudy, location: str) -> None:
    if study.store.location != stored.location:
        raise ProgramError(
            f"the program keeps its study elsewhere ({study.location or 'in memory'})",
            path=shown_location(location),
            hint="Run the command where the program would run.",
        )


def import_results(store: str, results: Path, value: str | None, program: Path | None) -> int:
    """Store the results in a CSV file as trials of a study."""
    with closing(Store.open(store, create=False)) as opened:
        stored = opened.study()
        study = described(stored) if program is None else None
        if study is None:
            study = find(store, stored, program, reason=PARTS, command="import").study
        with closing(study):
            told = read_results(results, study.problem, value)
            added = store_results(stored, study.problem, told)
    stored_ones = "1 result is" if added == 1 else f"{added} results are"
    known = f"; {len(told) - added} known before" if added < len(told) else ""
    words = f"{stored_ones} stored in {shown_location(store)}{known}"
    Terminal().print(Text(words), soft_wrap=True)
    return 0
