"""The states that trials saved: a study's folder of files, and which of them to keep."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import fmean
from typing import Any

from archbo.data import State, TrialRecord
from archbo.errors import ProblemError, StoreError
from archbo.problem import Objective
from archbo.store import Store
from archbo.training.states import state_file

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Keep:
    """Whose saved states stay.

    Attributes:
        top: those of so many of the best architectures; None for all.
        megabytes: as many of them, the best first, as are no larger together; None for any size.

    Raises:
        ProblemError: if a number makes no sense.
    """

    top: int | None = 3
    megabytes: float | None = None

    def __post_init__(self) -> None:
        if self.top is not None and (type(self.top) is not int or self.top < 1):
            raise ProblemError(f"top must be a whole number from 1, got {self.top!r}")
        if self.megabytes is not None and not self.megabytes > 0:
            raise ProblemError(f"megabytes must be a positive number, got {self.megabytes!r}")

    def kept(
        self, records: Sequence[TrialRecord], objective: Objective, sizes: Mapping[int, int]
    ) -> set[int]:
        """The ended trials whose files stay.

        Always those of the incumbent, and of the best of those that were trained again to confirm.

        Args:
            records: all trials.
            objective: what is good.
            sizes: of the files in bytes, by trial.
        """
        groups: defaultdict[str, list[TrialRecord]] = defaultdict(list)
        for record in records:
            if record.value is not None:
                groups[record.architecture_id].append(record)
        means = {key: fmean(r.value or 0.0 for r in group) for key, group in groups.items()}
        best = sorted(means, key=means.__getitem__, reverse=objective.maximize)
        again = {record.architecture_id for record in records if record.origin == "confirm"}
        always = {*best[:1], *[key for key in best if key in again][:1]}
        kept = {record.number for key in always for record in groups[key]}
        room = inf if self.megabytes is None else self.megabytes * _MEGABYTE
        for key in best[: self.top]:
            numbers = {record.number for record in groups[key]}
            room -= sum(sizes.get(number, 0) for number in numbers)
            if room < 0:
                break
            kept |= numbers
        return kept


class StateFiles:
    """The folder with a study's files: a folder for each trial that saved something, and the logs.

    Args:
        folder: where; None where none can be kept.

    Attributes:
        rule: whose files stay; None for all.
        checkpoints: how many paused trials keep theirs; None for all.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.checkpoints: int | None = None
        self.rule: Keep | None = None

    @classmethod
    def beside(cls, store: Store, given: str | Path | None) -> StateFiles:
        """The given folder, or the one beside a SQLite file: `digits.files` for `digits.db`."""
        if given is not None:
            return cls(Path(given).expanduser().absolute())
        return cls(None if store.file is None else store.file.with_suffix(".files"))

    @classmethod
    def of(cls, store: Store, settings: Mapping[str, Any]) -> StateFiles:
        """Those of a stored study."""
        return cls.beside(store, settings.get("files"))

    def of_trial(self, number: int) -> Path | None:
        """The folder of a trial."""
        return None if self.folder is None else self.folder / str(number)

    def log(self, number: int) -> Path | None:
        """The file with what a trial's trainings print, if they run in processes of their own."""
        return None if self.folder is None else self.folder / "logs" / f"{number}.txt"

    def state(self, number: int) -> Path | None:
        """The file with the state that a trial saved; None if it saved none, or it was deleted."""
        folder = self.of_trial(number)
        return None if folder is None else state_file(folder)

    def check_new(self) -> None:
        """Refuse to begin a study whose trials would find the states of another's.

        Raises:
            StoreError: if there are any.
        """
        if self._numbers():
            raise StoreError(
                "this folder holds the saved states of an earlier study",
                path=str(self.folder),
                hint="Move or delete it, or name another: ab.Study(…, files=…).",
            )

    def tidy(self, records: Sequence[TrialRecord], objective: Objective) -> None:
        """Delete the files that the rule does not keep, and those that no training goes on with."""
        if self.folder is None:
            return
        gone = {
            r.number
            for r in records
            if r.state is State.STOPPED or (r.state is State.DELETED and r.undeleted.state.short)
        }
        gone |= self._too_many(records, objective)
        if self.rule is not None:
            over = (State.FINISHED, State.FAILED, State.DELETED)
            ended = {r.number for r in records if r.state in over}
            sizes = {n: _size(self.folder / str(n)) for n in self._numbers() if n in ended}
            gone |= sizes.keys() - self.rule.kept(records, objective, sizes)
        if gone:
            for number in gone.intersection(self._numbers()):
                shutil.rmtree(self.folder / str(number), ignore_errors=True)

    def _too_many(self, records: Sequence[TrialRecord], objective: Objective) -> set[int]:
        """The paused trials beyond the limit: those that got least far, and of them the worst."""
        if self.checkpoints is None:
            return set()
        sign = 1.0 if objective.maximize else -1.0
        paused = [record for record in records if record.state is State.PAUSED]
        paused.sort(key=lambda r: (-(r.reached or 0.0), -sign * (r.interim or 0.0)))
        return {record.number for record in paused[self.checkpoints :]}

    def _numbers(self) -> list[int]:
        """The trials that have a folder."""
        if self.folder is None or not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdecimal())


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
