"""What a study can be asked to do: to run, to confirm its best, to say what can be known before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from multiprocessing import current_process
from typing import TYPE_CHECKING, Any, Self

from archbo.errors import ProblemError
from archbo.executors import Launcher
from archbo.spaces import Architecture
from archbo.study import confirming, loop, session
from archbo.study.confirmation import Confirmation
from archbo.study.plan import Search
from archbo.study.reading import Reading
from archbo.study.session import Limits, Resources
from archbo.training import Train

if TYPE_CHECKING:
    from archbo.checks import CheckResult


class Running(Reading):
    """The half of a study that trains.

    Attributes:
        epochs: of a full training.
        repeats: how often each proposal is trained.
        location: of the store, without a password; None in memory.
    """

    epochs: int
    repeats: int
    location: str | None

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
    ) -> Self:
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

    def _plan(self, trials: int | None, budget: float | None) -> Search:
        if budget is None:
            if trials is None:
                raise ProblemError("how many trials?", hint="Say study.run(train, trials=40).")
            session.check_count("trials", trials)
            return Search(self, trials)
        if trials is not None:
            raise ProblemError("give trials or a budget, not both")
        if isinstance(budget, bool) or not (isinstance(budget, (int, float)) and budget > 0):
            raise ProblemError(f"budget must be a positive number, got {budget!r}")
        if self.problem.fidelity is None:  # each training is a full one
            return Search(self, ceil(budget))
        return Search(self, budget=float(budget))

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


def _refuse_a_worker() -> None:
    """End a worker that imports the program, which has no main guard: the driver says so."""
    if getattr(current_process(), "_inheriting", False):
        raise SystemExit(1)
