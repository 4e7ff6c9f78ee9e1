"""`archbo export`: the network of a trial in a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import fmean

from rich.text import Text

from archbo.data import TrialRecord
from archbo.errors import ObservationError, StoreError
from archbo.problem import Objective
from archbo.store import Store
from archbo.store.urls import shown_location
from archbo.study.confirmation import confirmation
from archbo.study.networks import TrialNetwork, trial_network
from archbo.views.infos import StudyInfo, members, number, one_line, study_info, study_name
from archbo.views.terminal import Terminal


def export(
    store: str,
    trial: int | None,
    output: Path,
    *,
    program: Path | None,
    build: str | None,
    inputs: tuple[int, ...] | None,
) -> int:
    """Write the network of a trial, or of the best architecture, and say what was written."""
    with closing(Store.open(store, read_only=True)) as opened:
        stored = opened.study()
        records, study = stored.read(), study_info(stored.settings, name=study_name(store))
    numbers, title = _chosen(records, study, trial, store)
    found = trial_network(store, numbers, program=program, build=build)

    from archbo.torch import export as write

    written = write(
        found.network, output, state=found.state, inputs=inputs, about=_about(found, title)
    )
    console = Terminal()
    said = [f"The network of trial {found.record.number} is in {written.path}"]
    if found.state is None:
        said.append(
            "without trained weights: the training kept none by trial.save(model.state_dict())"
        )
    elif written.weights is not None:
        said.append(f"its weights are in {written.weights}")
    console.print(Text(", ".join(said)), soft_wrap=True)
    if output.suffix == ".py":
        console.print(
            "Its outputs were compared with the program's network: the same."
            if written.compared
            else "Its outputs were not compared: say what goes in, as --inputs 3,32,32.",
            soft_wrap=True,
        )
    return 0


def _chosen(
    records: Sequence[TrialRecord], study: StudyInfo, trial: int | None, store: str
) -> tuple[list[int], str]:
    """The trials whose network it may be, the likeliest first, and what it is in a sentence."""
    if trial is None:
        best = _best(records, study, store)
        values = {r.number: r.value for r in best if r.value is not None}
        numbers = sorted(values, key=values.__getitem__, reverse=study.maximize)
        trained = "one training" if len(numbers) == 1 else f"the mean of {len(numbers)} trainings"
        value = f"{study.objective} {number(fmean(values.values()))}, {trained}"
        return numbers, f"The best network of the study {study.name}: {value}."
    record = next((r for r in records if r.number == trial), None)
    if record is None:
        raise StoreError(
            f"no trial {trial}; there are {len(records)}, numbered from 0",
            path=shown_location(store),
        )
    value = record.state if record.value is None else f"{study.objective} {number(record.value)}"
    return [trial], f"A network of the study {study.name}: {value}."


def _best(records: Sequence[TrialRecord], study: StudyInfo, store: str) -> list[TrialRecord]:
    """All trials of the winner of those trained again to confirm them, if any; else of the best."""
    objective = Objective(study.objective, study.maximize)
    confirmed = confirmation(records, objective, lambda r: study.space.architecture(r.architecture))
    if confirmed.members and confirmed.members[0].values:
        first = confirmed.members[0].trials[0]
    elif best := members(records, study, limit=1):
        first = best[0].trials[0]
    else:
        raise ObservationError("no trial has finished", path=shown_location(store))
    (winner,) = {r.architecture_id for r in records if r.number == first}
    return [r for r in records if r.architecture_id == winner]


def _about(found: TrialNetwork, title: str) -> str:
    """Where a file came from."""
    import torch

    import archbo

    return (
        f"{title}\n\nTrial {found.record.number}: {one_line(found.architecture)}\n\n"
        f"Built by {found.builder}, written by archbo {archbo.__version__} with PyTorch "
        f"{torch.__version__}. This file needs PyTorch alone."
    )
