"""What can be read of a study: its trials, its incumbent, what its model expects."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from archbo.data import Best, Curve, Dataset, Observation, Prediction, State, TrialRecord
from archbo.errors import MissingExtraError, ObservationError
from archbo.methods import Method, Search
from archbo.optimizer import incumbent
from archbo.problem import Problem
from archbo.spaces import Architecture
from archbo.store import Store, StoredStudy
from archbo.study import results
from archbo.study.confirmation import Confirmation, confirmation
from archbo.study.files import StateFiles
from archbo.study.past import Past

if TYPE_CHECKING:
    import pandas

    from archbo.explain import Explanation, Importance
    from archbo.views.plots import Plots


class Reading(ABC):
    """The half of a study that changes nothing.

    Attributes:
        problem: what is asked.
        method: how is searched.
        store: where the trials are.
        files: where the trials' files are.
    """

    problem: Problem
    method: Method
    store: StoredStudy
    files: StateFiles
    _database: Store

    @cached_property
    def search(self) -> Search:
        """The method at work."""
        return self.method.prepare(self.problem)

    @property
    def trials(self) -> list[TrialRecord]:
        """All trials by number, with the points of their learning curves."""
        return self.store.read()

    @property
    def best(self) -> Best:
        """The incumbent by observed value; the mean, where a network was trained again.

        Raises:
            ObservationError: if no trial has finished.
        """
        return incumbent(self.problem, self.dataset(self.trials))

    @property
    def plot(self) -> Plots:
        """Its figures, such as `study.plot.history()`; see `archbo.views.plots.Plots`."""
        from archbo.views.infos import study_name
        from archbo.views.plots import Plots

        location = self.store.location
        name = "study" if location is None else study_name(location)
        return Plots(lambda: self.trials, self.store.settings, name, self._importance)

    def _importance(self) -> Sequence[Importance]:
        """How much each decision matters; nothing before there is anything to learn from."""
        try:
            return self.explain().importance
        except ObservationError:
            return ()

    @property
    def confirmation(self) -> Confirmation:
        """What the trainings say that were to confirm the best."""
        return confirmation(self.trials, self.problem.objective, self.architecture)

    @cached_property
    def _architectures(self) -> dict[tuple[int, str], Architecture]:
        return {}

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

    def explain(self, archs: Sequence[Any] = ()) -> Explanation:
        """What the surrogate has learned: decisions, options, motifs, and why networks differ.

        A method without a surrogate's Gaussian processes is explained by those of the default one,
        fitted to the same results. Where the study has a fidelity, full trainings' results are
        explained.

        Args:
            archs: architectures, or their plain values, to compare with the incumbent.

        Raises:
            ArchitectureError: if one is no member of the space.
            ObservationError: if fewer than three networks have a value.
        """
        from archbo.explain import explain  # brings every method

        members = [self.problem.space.architecture(arch) for arch in archs]
        return explain(self.problem, self.dataset(self.trials), self.search, members)

    def dataset(self, records: Sequence[TrialRecord]) -> Dataset:
        """What a method learns from these trials: as if there were none that were deleted."""
        hyperparameters: Mapping[str, float] = next(
            (record.hyperparameters for record in reversed(records) if record.hyperparameters), {}
        )
        over = self._past.extend(records, self._observation)
        history = self._past.history.copy()
        left = [record for record in records[over:] if record.state is not State.DELETED]
        history.add([self._observation(r) for r in left if r.state is not State.RUNNING])
        pending = [self.architecture(r) for r in left if r.state is State.RUNNING]
        curves = []
        if self.problem.fidelity is not None:
            curves = [
                Curve.of(self.problem, self.architecture(record), record)
                for record in records
                if record.state is not State.DELETED
            ]
        return history.dataset(pending, hyperparameters, curves)

    def _observation(self, record: TrialRecord) -> Observation:
        arch = self.architecture(record)
        if record.state.short:
            return Observation(arch, record.interim, record.reached)
        return Observation(arch, record.value)

    @cached_property
    def _past(self) -> Past:
        return Past(self.problem)

    def state_file(self, number: int) -> Path | None:
        """The file with what a trial saved; None if it saved nothing, or it was not kept."""
        return self.files.state(number)

    def log_file(self, number: int) -> Path | None:
        """The file with what a trial's trainings printed; None if they left none."""
        file = self.files.log(number)
        return file if file is not None and file.is_file() else None

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
        return pandas.DataFrame([results.row(record) for record in self.trials])

    def close(self) -> None:
        """Close the store; the study can be opened again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
