"""How a caller of a program watches its studies and overrides what their `run` was asked.

`archbo run program.py` runs the program as it stands; inside `overriding(…)` the program's
`study.run(…)` takes the shell's number of trials and workers, and tells an observer what happens.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeGuard, TypeVar

from archbo.data import TrialRecord
from archbo.errors import ProblemError
from archbo.executors import Launcher
from archbo.executors.memory import as_bytes
from archbo.training import Train

if TYPE_CHECKING:
    from archbo.study.running import Running


@dataclass(frozen=True, slots=True)
class Resources:
    """What trainings run on; `Study.run` says what each means.

    Raises:
        ProblemError: if a number makes no sense.
    """

    workers: int | None = None
    timeout: float | None = None
    lease: float = 60.0
    memory: int | str | None = None
    threads: int | None = None
    gpus_per_trial: float | None = None
    env: Mapping[str, str] | None = None
    executor: Launcher | None = None

    def __post_init__(self) -> None:
        if self.workers is not None:
            check_count("workers", self.workers)
        _check_positive("timeout", self.timeout, "number of seconds")
        _check_positive("lease", self.lease, "number of seconds")
        _ = self.memory_bytes
        if self.threads is not None:
            check_count("threads", self.threads)
        gpus = self.gpus_per_trial
        if gpus is not None and not (
            _is_number(gpus) and gpus >= 0 and (gpus < 1 or gpus % 1 == 0)
        ):
            raise ProblemError(
                "gpus_per_trial must be a whole number, or below 1 the share of one GPU, "
                f"got {gpus!r}"
            )
        self._check_executor()
        for name, value in (self.env or {}).items():
            fine = isinstance(name, str) and isinstance(value, str) and "\0" not in name + value
            if not fine or not name or "=" in name:
                raise ProblemError(
                    f"env must be names of variables with texts, got {name!r}: {value!r}"
                )

    def _check_executor(self) -> None:
        if self.executor is None:
            return
        if not hasattr(self.executor, "launch"):
            raise ProblemError(
                f"executor must be settings such as ab.Ray(cpus=4), got {self.executor!r}"
            )
        for name in ("threads", "gpus_per_trial"):
            if getattr(self, name) is not None:
                raise ProblemError(
                    f"{name} is for trainings on this machine",
                    hint="Say what one needs elsewhere as the executor's: ab.Ray(cpus=4, gpus=1).",
                )

    @property
    def memory_bytes(self) -> int | None:
        """What a training may use, in bytes."""
        return None if self.memory is None else as_bytes(self.memory)

    @property
    def apart(self) -> bool:
        """Whether a training needs a process of its own, even if there is one at a time."""
        asked = (self.timeout, self.memory, self.threads, self.gpus_per_trial, self.env)
        return self.workers not in (None, 1) or any(one is not None for one in asked)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run does about trainings that fail, and when it ends; see `Study.run`.

    Raises:
        ProblemError: if a number makes no sense.
    """

    retries: int = 1
    retry_errors: bool = False
    hours: float | None = None
    failures: int | None = None

    def __post_init__(self) -> None:
        if type(self.retries) is not int or self.retries < 0:
            raise ProblemError(f"retries must be a whole number from 0, got {self.retries!r}")
        if type(self.retry_errors) is not bool:
            raise ProblemError(f"retry_errors must be True or False, got {self.retry_errors!r}")
        _check_positive("hours", self.hours, "number")
        if self.failures is not None:
            check_count("failures", self.failures)


def check_count(name: str, number: object) -> None:
    """Refuse what is no whole number from 1.

    Raises:
        ProblemError: naming it.
    """
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ProblemError(f"{name} must be a whole number from 1, got {number!r}")


def _check_positive(name: str, number: object, what: str) -> None:
    if number is not None and not (_is_number(number) and number > 0):
        raise ProblemError(f"{name} must be a positive {what}, got {number!r}")


def _is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite one."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


Asked = TypeVar("Asked", Resources, Limits)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What replaces the arguments of `study.run`; None keeps the program's own."""

    trials: int | None = None
    workers: int | None = None
    timeout: float | None = None
    lease: float | None = None
    budget: float | None = None
    memory: str | None = None
    threads: int | None = None
    gpus_per_trial: float | None = None
    env: Mapping[str, str] | None = None
    retries: int | None = None
    retry_errors: bool | None = None
    hours: float | None = None
    failures: int | None = None
    executor: Launcher | None = None

    def extent(self, trials: int | None, budget: float | None) -> tuple[int | None, float | None]:
        """How many trials and which budget the program asked for, or what replaces both."""
        if self.trials is None and self.budget is None:
            return trials, budget
        return self.trials, self.budget

    def over(self, asked: Asked) -> Asked:
        """What the program asked for, with what replaces it."""
        names = {field.name for field in fields(self)} & {field.name for field in fields(asked)}
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return replace(asked, **given)


class Spending(NamedTuple):
    """What a run with a budget has spent of it, in full trainings.

    What is in training counts as if it had reached its level.
    """

    spent: float
    budget: float

    def __str__(self) -> str:
        """In words.

        >>> print(Spending(12.333, 30.0))
        12.3 of 30 full trainings
        """
        return f"{self.spent:.1f} of {self.budget:g} full trainings"


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something happened in a run.

    Attributes:
        kind: what; "begin" and "done" come once a run.
        records: all trials of the study so far.
        total: how many trials the run is for.
        study: the study that runs.
        note: why the run ended early, in a sentence; else empty.
        spending: where the run has a budget: what of it is spent; then `total` is a guess.
    """

    kind: Literal["begin", "started", "reported", "ended", "done"]
    records: Sequence[TrialRecord]
    total: int
    study: Running
    note: str = ""
    spending: Spending | None = None


Observer = Callable[[RunEvent], None]


@dataclass(slots=True)
class Session:
    """What is in force around the program.

    Attributes:
        options: replace the arguments of `study.run`.
        observer: is told what happens.
        wanted: says whether a study is the one that is looked for; None to let all of them run.
        instead: what is done with the wanted study and its training function.
        draft: whether studies are only looked at: one whose store is not there, or holds another
            study, is in memory, and nothing that takes long is done before it is asked for.
        remarks: what stands in the way of running such a study.
        studies: those whose run was called.
        names: what the program had defined when the wanted study's run was called.
    """

    options: RunOptions = field(default_factory=RunOptions)
    observer: Observer | None = None
    wanted: Callable[[Running], bool] | None = None
    instead: Callable[[Running, Train], object] = lambda _study, _train: None
    draft: bool = False
    remarks: list[str] = field(default_factory=list)
    studies: list[Running] = field(default_factory=list)
    names: Mapping[str, Any] = field(default_factory=dict)

    def diverts(self, study: Running, train: Train) -> bool:
        """Take note of a call of `study.run`, and say whether it is not to train.

        Raises:
            Captured: if the study was looked for.
        """
        self.studies.append(study)
        if self.wanted is None:
            return False
        if self.wanted(study):
            self.instead(study, train)
            raise Captured(dict(vars(sys.modules["__main__"])))
        return True


_SESSION: ContextVar[Session | None] = ContextVar("archbo_session", default=None)


def current() -> Session:
    """The session around the caller; an empty one if there is none."""
    return _SESSION.get() or Session()


@contextmanager
def overriding(options: RunOptions, observer: Observer | None = None) -> Iterator[Session]:
    """Override and watch every `study.run` inside."""
    with _session(Session(options, observer)) as session:
        yield session


@contextmanager
def capture(
    wanted: Callable[[Running], bool],
    instead: Callable[[Running, Train], object] = lambda _study, _train: None,
    *,
    draft: bool = False,
) -> Iterator[Session]:
    """Let no `study.run` inside train anything, and end with the first wanted study's run.

    The wanted study, if there is one, is then the last of the session's. Something else may be done
    with it and its training function, inside the program, where other processes find its functions.
    Drafts are studies that nobody is going to run.
    """
    with _session(Session(wanted=wanted, instead=instead, draft=draft)) as session:
        try:
            yield session
        except Captured as end:
            session.names = end.names


class Captured(BaseException):
    """Ends a program whose study was found; no `except Exception` of the program's stops it.

    Args:
        names: what the program has defined by then.
    """

    def __init__(self, names: Mapping[str, Any]) -> None:
        super().__init__()
        self.names = names


@contextmanager
def _session(session: Session) -> Iterator[Session]:
    token = _SESSION.set(session)
    try:
        yield session
    finally:
        _SESSION.reset(token)
