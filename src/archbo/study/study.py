"""One search: its trials, its incumbent, and the run that adds to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from multiprocessing import current_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbo.data import Observation
from archbo.errors import (
    MismatchError,
    ProblemError,
    StoreError,
)
from archbo.executors import Launcher
from archbo.fidelity import FidelityRange
from archbo.methods import Method, find_method
from archbo.optimizer import checked_results
from archbo.problem import Feature, Problem
from archbo.spaces import Architecture, Part
from archbo.store import Store, StoredStudy
from archbo.study import confirming, loop, results, session
from archbo.study.confirmation import Confirmation
from archbo.study.files import Keep, StateFiles
from archbo.study.older import read_all
from archbo.study.reading import Reading
from archbo.study.session import Limits, Resources
from archbo.study.settings import check_same, method_setting, surroundings
from archbo.training import Train

if TYPE_CHECKING:
    from archbo.checks import CheckResult


class Study(Reading):
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

    def run(
        self,
        train: Train,
        *,
        trials: int | None = None,
        budget: float | None = None,
        workers: int | None = None,
        executor: Launcher | None = None,
        timeout: float | None = None,
        lease: float = 60.0,
        memory: int | str | None = None,
        threads: int | None = None,
        gpus_per_trial: float | None = None,
        env: Mapping[str, str] | None = None,
        retries: int = 1,
        retry_errors: bool = False,
        hours: float | None = None,
        failures: int | None = None,
    ) -> Study:
        """Train proposals until the search has made `trials` trials, or has spent its budget.

        One worker trains in this process, several in processes of their own, each of which gets its
        next architecture as soon as it is free. With any of `timeout`, `memory`, `threads`,
        `gpus_per_trial` and `env` one worker gets a process too. What trainings in processes print
        is kept in logs, where the study keeps files: `study.log_file(number)`. A trial that was cut
        by the end of an earlier run is trained again first.

        Several processes may run one study at the same time, on several machines where the store is
        a server: each proposal takes all trainings into account, and each ends when all have ended.
        The trials of one that dies are trained again by the others.

        Args:
            train: `train(arch, trial)` gives the objective's value; with several workers it must
                be importable, so defined at the top level of a module or of the program.
            trials: how many there are at the end, those of earlier runs and repeats included;
                results that were added, and trials that confirm, are not counted. With a fidelity
                a trial counts when it has begun, however far it goes; `budget` says more there.
            budget: instead: what they cost at the end, in full trainings; 30 is worth 30 x 81
                epochs where a full training has 81, unless the fidelity has a `cost` that says
                otherwise. What was begun within it is ended.
            workers: how many trainings at a time; 1 if nothing is said, on a cluster as many as it
                has room for.
            executor: where they run, if not on this machine: `ab.Ray(cpus=4, gpus=1)`. There
                `train` may be defined anywhere, and `threads` and `gpus_per_trial` are not for it.
            timeout: seconds after which a training counts as failed.
            lease: after so many seconds without a sign of life of this process others train its
                trials again. On the same machine they see at once that it has ended.
            memory: what a training may use of it, in bytes or as "4GB", with all the processes that
                it starts; one that uses more is ended, and counts as failed.
            threads: how many each worker may use for its numerics; the cores divided by the workers
                if nothing is said.
            gpus_per_trial: how many GPUs each training sees (CUDA_VISIBLE_DEVICES): a whole number,
                or a share of one such as 0.5. The GPUs are divided among the workers if nothing is
                said.
            env: further environment variables of each worker.
            retries: how often at most a training is tried again that was cut from outside, as by a
                signal, or that ran out of the memory of a shared GPU; then without others on it.
            retry_errors: whether one that raised an error is tried again as well.
            hours: no training is begun that is unlikely to end before so many hours are over,
                judged by what trainings took so far. What was begun is ended.
            failures: no training is begun after so many have failed in this run.

        Raises:
            ProblemError: if a number makes no sense, or there is no such cluster.
            SystemExit: with code 130 on Ctrl-C, after everything has been stored.
        """
        _refuse_a_worker()
        around = session.current()
        if around.diverts(self, train):
            return self
        options = around.options
        plan = self._plan(*options.extent(trials, budget))
        resources = Resources(
            workers, timeout, lease, memory, threads, gpus_per_trial, env, executor
        )
        limits = Limits(retries, retry_errors, hours, failures)
        loop.run(
            self,
            train,
            plan,
            options.over(resources),
            options.over(limits),
            observer=around.observer,
        )
        return self

    def _plan(self, trials: int | None, budget: float | None) -> loop.Search:
        if budget is None:
            if trials is None:
                raise ProblemError("how many trials?", hint="Say study.run(train, trials=40).")
            session.check_count("trials", trials)
            return loop.Search(self, trials)
        if trials is not None:
            raise ProblemError("give trials or a budget, not both")
        if isinstance(budget, bool) or not (isinstance(budget, (int, float)) and budget > 0):
            raise ProblemError(f"budget must be a positive number, got {budget!r}")
        if self.problem.fidelity is None:  # each training is a full one
            return loop.Search(self, ceil(budget))
        return loop.Search(self, budget=float(budget))

    def confirm(
        self,
        train: Train,
        *,
        top: int | None = None,
        repeats: int | None = None,
        budget: int | None = None,
        workers: int | None = None,
        executor: Launcher | None = None,
        timeout: float | None = None,
        lease: float = 60.0,
        memory: int | str | None = None,
        threads: int | None = None,
        gpus_per_trial: float | None = None,
        env: Mapping[str, str] | None = None,
        retries: int = 1,
        retry_errors: bool = False,
        hours: float | None = None,
        failures: int | None = None,
    ) -> Confirmation:
        """Train the best architectures again with new seeds, and compare them.

        Like `run`, it goes on where it was cut, and does nothing where all is done. The trials have
        the origin "confirm"; the model of a search that goes on learns from them, too.

        Args:
            train: as for `run`.
            top: so many of the best by their results in the search; 3 if nothing is said.
            repeats: so often each, earlier calls included; 3 if nothing is said.
            budget: instead of both: so many trainings in all, earlier calls included, spent where
                they tell most about which is the best.
            workers: how many trainings at a time.
            executor: where they run, as for `run`.
            timeout: seconds after which a training counts as failed.
            lease: after so many seconds without a sign of life of this process others train its
                trials again. On the same machine they see at once that it has ended.
            memory: what a training may use of it, as for `run`.
            threads: of each worker, as for `run`.
            gpus_per_trial: GPUs of each training, as for `run`.
            env: environment variables of each worker.
            retries: how often a training is tried again that was cut, as for `run`.
            retry_errors: whether one that raised an error is tried again as well.
            hours: no training is begun that is unlikely to end within them, as for `run`.
            failures: no training is begun after so many have failed in this call.

        Raises:
            ProblemError: if a number makes no sense.
            ObservationError: if no trial has finished.
            SystemExit: with code 130 on Ctrl-C, after everything has been stored.
        """
        _refuse_a_worker()
        around = session.current()
        if around.wanted is None:  # else the program runs only to be looked at
            plan = confirming.make_plan(self, top=top, repeats=repeats, budget=budget)
            resources = Resources(
                workers, timeout, lease, memory, threads, gpus_per_trial, env, executor
            )
            limits = Limits(retries, retry_errors, hours, failures)
            loop.run(
                self,
                train,
                plan,
                around.options.over(resources),
                around.options.over(limits),
                observer=around.observer,
            )
        return self.confirmation

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

    def check(
        self,
        *,
        seconds: float = 10.0,
        build: Callable[[Architecture], Any] | None = None,
        inputs: Any = None,
        probe: Train | None = None,
    ) -> CheckResult:
        """What can be said of the search before any training; see `archbo check`.

        Args:
            seconds: about how long it may take.
            build: makes the network of an architecture, a `torch.nn.Module`; some are built and run
                forward and backward.
            inputs: the shape of one of their inputs, or a batch; networks of `ab.torch.build` know
                it.
            probe: a training function. Where no trial has finished, one epoch of it is run, and
                timed; nothing of it is stored.

        Raises:
            ProblemError: if `seconds` is not positive.
        """
        from archbo.checks import Subject, check

        if not seconds > 0:
            raise ProblemError(f"seconds must be a positive number, got {seconds!r}")
        records = self.trials
        subject = Subject(
            self.problem, self.method, self.epochs, records, self.dataset(records),
            build, inputs, probe,
        )  # fmt: skip
        return check(subject, seconds=seconds)

    def close(self) -> None:
        """Close the store; the study can be opened again."""
        self._database.close()

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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


def _refuse_a_worker() -> None:
    """End a worker that imports the program, which has no main guard: the driver says so."""
    if getattr(current_process(), "_inheriting", False):
        raise SystemExit(1)
