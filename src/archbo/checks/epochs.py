"""How long an epoch takes: from the trials that are there, or by training a moment."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from archbo.checks.results import EpochInfo
from archbo.data import State, TrialRecord
from archbo.errors import Stopped, TrainingError
from archbo.spaces import Architecture
from archbo.training import Failed, Reported, Task, Train, Trial, run_attempt


def stored_epochs(records: Sequence[TrialRecord], epochs: int) -> EpochInfo | None:
    """Of the finished trials; None if there are none.

    Args:
        records: the trials of a study.
        epochs: how many each trains, where its reports do not say.
    """
    each = [
        record.seconds / max([report.epoch for report in record.reports], default=epochs)
        for record in records
        if record.state is State.FINISHED and record.seconds
    ]
    return EpochInfo(median(each), min(each), max(each), len(each)) if each else None


def probe_epoch(train: Train, arch: Architecture, *, seed: int, objective: str) -> EpochInfo:
    """Train an architecture up to its first report, and store nothing.

    Args:
        train: the user's function; it is asked for one epoch.
        arch: what to train.
        seed: of the study.
        objective: the name of what the training returns.

    Raises:
        TrainingError: if the training fails.
    """
    began = time.perf_counter()
    reached: list[Reported] = []
    times: list[float] = []

    def stop(report: Reported) -> None:
        times.append(time.perf_counter() - began)
        reached.append(report)
        raise Stopped

    with TemporaryDirectory() as folder:
        task = Task.make(0, arch.to_dict(), study_seed=seed, attempt=1, epochs=1,
                         objective=objective, folder=Path(folder) / "0")  # fmt: skip
        ended = run_attempt(train, arch, Trial(task, stop))
    if isinstance(ended, Failed):
        raise TrainingError(f"a probe of {arch!r} failed: {ended.error}")
    seconds = times[0] / reached[0].epoch if reached else ended.seconds
    return EpochInfo(seconds, seconds, seconds, 0)
