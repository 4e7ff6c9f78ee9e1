"""One search: its trials, its incumbent, and the run that adds to them."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from difflib import unified_diff
from multiprocessing import current_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbo.data import Best, Dataset, Observation, Prediction, State, TrialRecord
from archbo.errors import MismatchError, MissingExtraError, ObservationError, ProblemError
from archbo.methods import Method, find_method
from archbo.optimizer import incumbent
from archbo.problem import Feature, Problem
from archbo.spaces import Architecture, Part
from archbo.store import Store, StoredStudy
from archbo.study import loop, session
from archbo.training import Train

if TYPE_CHECKING:
    import pandas

COMPARED = (
    "space", "objective", "direction", "seed", "method", "features", "constraints", "epochs",
)  # fmt: skip
"""The settings that must be the program's for a stored study to go on."""


class Study:
    """Trials of one space and objective, kept in a store; created, or resumed where it was.

    Args:
        store: a file name (SQLite), a database URL, or None for memory.
        space: what can be built.
        maximize, minimize: the name of the objective; one of the two.
        seed: the same seed and the same results give the same proposals.
        method: "bo", "random", "evolution", or a method object.
        features: numbers known before training, by name, each a function of an architecture.
        constraints: bounds on features, or predicates, that every proposal meets.
        epochs: how many epochs a training has; `train` reads it as `trial.epochs`.

    Raises:
        ProblemError: if a keyword makes no sense.
        InfeasibleError: if no architecture meets the constraints.
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
    ) -> None:
        if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1:
            raise ProblemError(f"epochs must be a whole number from 1, got {epochs!r}")
        self.problem = Problem.make(
            space,
            maximize=maximize,
            minimize=minimize,
            features=features,
            constraints=constraints,
            seed=seed,
        )
        self.epochs = epochs
        self.method = find_method(method)
        self.search = self.method.prepare(self.problem)
        settings = self.problem.describe() | {
            "method": method if isinstance(method, str) else _without_addresses(repr(method)),
            "epochs": epochs,
            "program": _program(),
            "versions": _versions(),
        }
        self._database = Store.open(store)
        self.location = None if store is None else str(store)
        if self.location is not None and "://" in self.location:
            self.location = self._database.name  # without the password
        self._architectures: dict[tuple[int, str], Architecture] = {}
        try:
            self.store = _created_or_same(self._database, settings)
        except BaseException:
            self._database.close()
            raise

    def run(
        self,
        train: Train,
        *,
        trials: int | None = None,
        workers: int = 1,
        timeout: float | None = None,
    ) -> Study:
        """Train proposals until the study has `trials` trials, finished or failed.

        One worker trains in this process, several in processes of their own, each of which gets its
        next architecture as soon as it is free. With a timeout one worker gets a process too. A
        trial that was cut by the end of an earlier run is trained again first.

        Args:
            train: `train(arch, trial)` gives the objective's value; with several workers it must
                be importable, so defined at the top level of a module or of the program.
            trials: how many the study has at the end, those of earlier runs included.
            workers: how many trainings at a time.
            timeout: seconds after which a training counts as failed.

        Raises:
            ProblemError: if a number makes no sense.
            BusyError: if another process is running this study.
            SystemExit: with code 130 on Ctrl-C, after everything has been stored.
        """
        if getattr(current_process(), "_inheriting", False):
            # A worker is importing the program, which has no main guard: the driver says so.
            raise SystemExit(1)
        around = session.current()
        around.studies.append(self)
        if around.wanted is not None:
            if around.wanted(self):
                raise session.Captured(dict(vars(sys.modules["__main__"])))
            return self
        options = around.options
        trials = trials if options.trials is None else options.trials
        workers = workers if options.workers is None else options.workers
        timeout = timeout if options.timeout is None else options.timeout
        if trials is None:
            raise ProblemError("how many trials?", hint="Say study.run(train, trials=40).")
        for name, number in (("trials", trials), ("workers", workers)):
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise ProblemError(f"{name} must be a whole number from 1, got {number!r}")
        if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
            raise ProblemError(f"timeout must be a positive number of seconds, got {timeout!r}")
        loop.run(
            self, train, trials=trials, workers=workers, timeout=timeout, observer=around.observer
        )
        return self

    @property
    def trials(self) -> list[TrialRecord]:
        """All trials by number, with the points of their learning curves."""
        return self.store.read()

    @property
    def best(self) -> Best:
        """The incumbent by observed value.

        Raises:
            ObservationError: if no trial has finished.
        """
        return incumbent(self.problem, self.dataset(self.trials))

    def architecture(self, record: TrialRecord) -> Architecture:
        """The architecture of a trial."""
        key = (record.number, record.architecture_id)
        if key not in self._architectures:
            self._architectures[key] = self.problem.space.architecture(record.architecture)
        return self._architectures[key]

    def predict(self, archs: Sequence[Architecture]) -> list[Prediction]:
        """What the surrogate expects of architectures now, in the objective's units.

        Raises:
            ArchitectureError: if one is no member of the space.
            ObservationError: if no trial has finished.
            ProblemError: if the method has no surrogate.
        """
        dataset = self.dataset(self.trials)
        if not dataset.measured.any():
            raise ObservationError("nothing has been observed yet", hint="Run the study first.")
        members = [self.problem.space.architecture(arch) for arch in archs]
        mean, sd = self.search.predict(dataset, members)
        return [Prediction(float(m), float(s)) for m, s in zip(mean, sd, strict=True)]

    def dataset(self, records: Sequence[TrialRecord]) -> Dataset:
        """What a method learns from these trials."""
        hyperparameters: Mapping[str, float] = {}
        observations, pending = [], []
        for record in records:
            arch = self.architecture(record)
            if record.state is State.RUNNING:
                pending.append(arch)
            else:
                observations.append(Observation(arch, record.value))
            hyperparameters = record.hyperparameters or hyperparameters
        return Dataset.make(self.problem, observations, pending, hyperparameters)

    def to_dataframe(self) -> pandas.DataFrame:
        """The trials as a table, one row each.

        Raises:
            MissingExtraError: if pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingExtraError(
                "a data frame needs pandas", hint="pip install pandas"
            ) from error
        return pandas.DataFrame([_row(record) for record in self.trials])

    def close(self) -> None:
        """Close the store; the study can be opened again."""
        self._database.close()

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Study({self.location!r}, {self.problem.objective.name}, {len(self.trials)} trials)"


def _created_or_same(store: Store, settings: dict[str, Any]) -> StoredStudy:
    """The stored study; a new one with these settings if the store holds none."""
    if not store.studies():
        return store.create_study(settings)
    study = store.study()
    stored = dict(study.settings)
    plain = json.loads(json.dumps(settings))
    if differing := differing_settings(stored, plain):
        raise MismatchError(
            f"the stored study is another one:\n{_differences(stored, plain, differing)}\n"
            "It goes on only as it is.",
            path=", ".join(differing),
            hint="Use another file for another study, or change the program back.",
        )
    return study


def differing_settings(stored: Mapping[str, Any], program: Mapping[str, Any]) -> list[str]:
    """Which of the settings that make a study what it is are not the same."""
    return [key for key in COMPARED if stored.get(key) != program.get(key)]


def _differences(stored: dict[str, Any], program: dict[str, Any], keys: list[str]) -> str:
    before, after = (
        json.dumps({key: settings.get(key) for key in keys}, indent=2).splitlines()
        for settings in (stored, program)
    )
    lines = unified_diff(before, after, "stored", "program", lineterm="", n=2)
    return "\n".join(f"  {line}" for line in lines)


def _without_addresses(text: str) -> str:
    """A text without what differs from one process to the next.

    >>> _without_addresses("<function f at 0x7f8663325260>")
    '<function f>'
    """
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def _program() -> str | None:
    """The file of the program that runs."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return None if file is None else str(Path(file).resolve())


def _versions() -> dict[str, str]:
    import archbo

    return {"archbo": archbo.__version__, "python": platform.python_version()}


def _row(record: TrialRecord) -> dict[str, Any]:
    prediction = record.prediction
    return {
        "number": record.number,
        "state": str(record.state),
        "value": record.value,
        "origin": record.origin,
        "predicted_mean": None if prediction is None else prediction.mean,
        "predicted_sd": None if prediction is None else prediction.sd,
        "seconds": record.seconds,
        "architecture_id": record.architecture_id,
        "architecture": record.architecture,
        "error": record.error,
        **{f"feature_{name}": value for name, value in record.features.items()},
    }
