"""One search: its trials, its incumbent, and the run that adds to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archbo.data import Observation
from archbo.errors import MismatchError, ProblemError, StoreError
from archbo.fidelity import FidelityRange
from archbo.methods import Method, find_method
from archbo.optimizer import checked_results
from archbo.problem import Feature, Problem
from archbo.spaces import Part
from archbo.store import Store, StoredStudy
from archbo.study import results, session
from archbo.study.files import Keep, StateFiles
from archbo.study.older import read_all
from archbo.study.running import Running
from archbo.study.settings import check_same, method_setting, surroundings


class Study(Running):
    """Trials of one space and objective, kept in a store; created, or resumed where it was.

    Args:
        store: a file name (SQLite), a database URL, or None for memory.
        space: what can be built.
        maximize, minimize: the name of the objective; one of the two.
        seed: the same seed and the same results give the same proposals.
        method: the name of one, such as "bo", "random" or "evolution", or an object with settings.
        features: numbers known before training, by name, each a function of an architecture.
        constraints: bounds on features, or predicates, that every proposal meets.
        epochs: how many epochs a training has; `train` reads it as `trial.epochs`.
        repeats: so often each proposed architecture is trained, each time with another seed.
        start: architectures, or their plain values, to train before any other.
        guess: an architecture that the user believes to be good: proposed first, and what is like
            it is preferred, the less the more results there are.
        older: older studies of the same or an overlapping space, by their stores, or as
            (architectures, values), larger is better; or a list of these. As far as they rank the
            new results well, they count.
        files: the folder for what trials save; by default `digits.files` beside `digits.db`.
        fidelity: `ab.Epochs(1, 81)` and the like: the search decides how far each training goes.
        checkpoints: how many paused trials keep what they saved, from which they go on; None for
            all. Those that got least far lose theirs first, and of them the worst.

    Raises:
        ProblemError: if a keyword makes no sense.
        InfeasibleError: if no architecture meets the constraints, or one of `start` does not.
        ArchitectureError: if one of `start` is no member of the space.
        MismatchError: if the stored study has another space, objective or seed; shows where.
        StoreError: if the store cannot be opened.
    """

    def __init__(
        self,
        store: str | Path | None,
        space: Part,
        *,
        maximize: str | None = None,
        minimize: str | None = None,
        seed: int = 0,
        method: str | Method = "bo",
        features: Mapping[str, Feature] | None = None,
        constraints: Mapping[str, str] | Sequence[Any] | None = None,
        epochs: int = 1,
        repeats: int = 1,
        start: Sequence[Any] = (),
        guess: Any = None,
        older: Any = None,
        files: str | Path | None = None,
        fidelity: FidelityRange | None = None,
        checkpoints: int | None = None,
    ) -> None:
        session.check_count("epochs", epochs)
        session.check_count("repeats", repeats)
        if checkpoints is not None:
            session.check_count("checkpoints", checkpoints)
        self.problem = Problem.make(
            space,
            maximize=maximize,
            minimize=minimize,
            features=features,
            constraints=constraints,
            seed=seed,
            start=start,
            guess=guess,
            older=() if older is None else read_all(space, older),
            fidelity=fidelity,
            draft=session.current().draft,
        )
        self.epochs = _full_epochs(self.problem.fidelity, epochs)
        if self.problem.fidelity is not None and repeats > 1:
            raise ProblemError(
                "a study with a fidelity trains each proposal once",
                path="repeats",
                hint="study.confirm(train) trains the best again.",
            )
        self.repeats = repeats
        self.method = find_method(method)
        if not session.current().draft:
            _ = self.search  # what it refuses, it refuses at once
        self._database = _opened(store)
        self.files = StateFiles.beside(self._database, files)
        self.files.checkpoints = checkpoints
        settings = self.problem.describe() | {
            "method": method_setting(method),
            "epochs": self.epochs,
            "repeats": repeats if repeats > 1 else None,
            "files": None if files is None else str(self.files.folder),
            **surroundings(),
        }
        self.location = None if store is None else str(store)
        if self.location is not None and "://" in self.location:
            self.location = self._database.name  # without the password
        try:
            self.store = _created_or_same(self._database, settings, self.files)
        except MismatchError as error:
            self._database.close()
            if not session.current().draft:
                raise
            session.current().remarks.append(f"{self.location}: {error}")
            self._database = Store.open(None)
            self.store = self._database.create_study(settings)
        except BaseException:
            self._database.close()
            raise

    def add(self, arch: Any, value: Any) -> int:
        """Store a result from elsewhere: a number, or `ab.FAILED`; or lists of both.

        The search knows it from the next proposal on. The same result, added again when the program
        goes on, is not stored again; the same one twice in a list is a repeated measurement.

        Args:
            arch: an architecture of the space or its plain value, or a list of them.
            value: in the objective's units, or a list of as many.

        Returns:
            How many were new.

        Raises:
            ArchitectureError: if one is no member of the space.
            ObservationError: if a value is not a finite number and not FAILED.
        """
        return self._store(checked_results(self.problem.space, arch, value))

    def add_csv(self, path: str | Path, *, value: str | None = None) -> int:
        """Store the results in a CSV file, as `add` does; those that were added before are skipped.

        A column `architecture` has plain values, or there is a column for each decision.

        Args:
            path: of the file.
            value: the column with the results; by default that with the objective's name, or else
                `value`.

        Returns:
            How many were new.

        Raises:
            ObservationError: if there is no such file or column, or a result is none; at which
                line.
            ArchitectureError: if one is no member of the space; at which line.
        """
        return self._store(results.read_results(path, self.problem, value))

    def _store(self, told: Sequence[Observation]) -> int:
        if session.current().wanted is not None:  # the program runs only to be looked at
            return 0
        return results.store_results(self.store, self.problem, told)

    def delete(self, number: int) -> None:
        """Let a trial's result count no more: for the model, the incumbent and the figures.

        For a result that is known to be wrong, as after a mistake in `train`. The trial stays
        stored with what it gave, in `study.trials[number].before`, and counts as trained in
        `trials=` and `budget=`; its architecture may be proposed again. Whoever runs the study
        takes notice before its next proposal.

        Raises:
            ConflictError: if the trial is running, or deleted already.
            StoreError: if there is no such trial.
        """
        if session.current().wanted is None:  # else the program runs only to be looked at
            self.store.delete(number)

    def save_best(self, top: int | None = 3, *, megabytes: float | None = None) -> None:
        """Keep what trials saved of the best architectures only; from now on, as the study goes on.

        What others saved is deleted when their training has ended. What the incumbent's trials
        saved always stays, and so does what a trial in training saved.

        Args:
            top: for so many of the best architectures; None for all.
            megabytes: for as many of them, the best first, as take no more together; in 10^6 bytes.

        Raises:
            ProblemError: if a number makes no sense, or the study keeps no files.
        """
        rule = Keep(top, megabytes)
        if self.files.folder is None:
            raise ProblemError(
                "the study has no folder for files, as its store is no SQLite file",
                path="save_best",
                hint='Name one: ab.Study(…, files="folder").',
            )
        self.files.rule = rule
        if session.current().wanted is None:
            self.files.tidy(self.trials, self.problem.objective)

    def __repr__(self) -> str:
        return f"Study({self.location!r}, {self.problem.objective.name}, {len(self.trials)} trials)"


def _opened(location: str | Path | None) -> Store:
    """The store; a draft's is in memory where it is not there yet."""
    if not session.current().draft:
        return Store.open(location)
    try:
        return Store.open(location, create=False)
    except StoreError:
        return Store.open(None)


def _created_or_same(store: Store, settings: dict[str, Any], files: StateFiles) -> StoredStudy:
    """The stored study; a new one with these settings if the store holds none."""
    if not store.studies():
        files.check_new()
        try:
            return store.create_study(settings)
        except StoreError:  # unless another process was quicker
            if not store.studies():
                raise
    study = store.study()
    check_same(study.settings, settings)
    return study


def _full_epochs(fidelity: FidelityRange | None, epochs: int) -> int:
    """How many epochs, or steps, a full training has."""
    if fidelity is None or not fidelity.counted:
        return epochs
    if epochs not in (1, fidelity.high):
        raise ProblemError(
            f"a full training has {fidelity.high:g} {fidelity.name}, got epochs={epochs}",
            path="epochs",
            hint="Leave it out.",
        )
    return int(fidelity.high)
