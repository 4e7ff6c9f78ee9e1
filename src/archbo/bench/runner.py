"""Many searches, in processes; what is finished is on disk, and is not run again."""

from __future__ import annotations

import csv
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.util import find_spec
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

from archbo.bench import Benchmark, find
from archbo.bench.budgeted import BudgetSearch, check_budget
from archbo.bench.peers import PACKAGES, interpreter
from archbo.bench.searches import Search, run_search
from archbo.bench.simulation import run_budget
from archbo.errors import ArchboError, DataError, ProblemError
from archbo.executors.environment import environment, thread_variables
from archbo.methods import Method, find_method

SEARCHES = "searches.jsonl"
"""The file of finished searches in a run's folder: one a line."""

BUDGETS = "budgets.jsonl"
"""The same of searches under a budget."""


@dataclass(frozen=True)
class Plan:
    """Which searches there are to be: every method on every benchmark, with the same seeds.

    Attributes:
        benchmarks: their names.
        methods: the methods by the names to call them, or just their names; peers by theirs.
        trials: trainings of each search, all in full;
        budget: or what it has instead, in full trainings, some of which may be short; None for
            trials.
        workers: so many train at a time, simulated, under a budget.
        seeds: each search is run with the seeds 0, 1, …, this one left out.
        features: whether methods are given the numbers that are known before training.
        data: the folder of recorded trainings; None for that of ARCHBO_DATA.
        pythons: interpreters of peers.

    Raises:
        ProblemError: if there is no such method, or nothing to do; if a peer is to search under a
            budget, or workers have none.
        MissingExtraError: if a peer has no interpreter.
    """

    benchmarks: Sequence[str]
    methods: Mapping[str, Method] | Sequence[str]
    trials: int = 100
    seeds: int = 20
    features: bool = False
    budget: float | None = None
    workers: int = 1
    data: Path | None = None
    pythons: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.methods:
            if name in PACKAGES or ":" in name:
                if self.budget is not None:
                    raise ProblemError(
                        f"{name} trains in full only, and cannot search under a budget",
                        hint="Give trials instead, or leave it out.",
                    )
                interpreter(name, self.pythons)
            else:
                find_method(self.method(name))
        for name in ("benchmarks", "methods"):
            given = list(getattr(self, name))
            if not given:
                raise ProblemError(f"there are no {name}")
            if len(set(given)) < len(given):
                raise ProblemError(f"the same {name[:-1]} is given twice: {', '.join(given)}")
        for name in ("trials", "seeds"):
            if getattr(self, name) < 1:
                raise ProblemError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.budget is not None:
            check_budget(self.budget, self.workers)
        elif self.workers != 1:
            raise ProblemError(
                f"got workers={self.workers}, which are simulated under a budget only",
                hint="Give a budget, in full trainings, instead of trials.",
            )

    def method(self, name: str) -> str | Method:
        """The method that is called so."""
        return self.methods[name] if isinstance(self.methods, Mapping) else name

    @property
    def jobs(self) -> list[Job]:
        """Its searches, those of one seed beside each other."""
        return [
            Job(benchmark, method, seed)
            for benchmark in self.benchmarks
            for seed in range(self.seeds)
            for method in self.methods
        ]


AnySearch = Search | BudgetSearch
"""By trials, or under a budget."""


class Job(NamedTuple):
    """One search of a plan."""

    benchmark: str
    method: str
    seed: int


class Failure(NamedTuple):
    """A search that could not be finished, and why."""

    job: Job
    error: str


class Outcome(NamedTuple):
    """All finished searches of a plan, in its order, and those that failed.

    Attributes:
        searches: where the plan is by trials,
        failures: what could not be finished,
        budgeted: the searches where it is by a budget.
    """

    searches: list[Search]
    failures: list[Failure]
    budgeted: list[BudgetSearch]


Notify = Callable[[int, int, AnySearch | Failure], None]
"""Called as each search ends: how many have, of how many, and what ended."""


def run(plan: Plan, folder: Path, *, jobs: int = 1, notify: Notify | None = None) -> Outcome:
    """Run what is missing of a plan, and write down each search as it ends.

    Args:
        plan: the searches. Those in the folder that are of others stay there and are left out.
        folder: made if there is none.
        jobs: so many searches at a time, each in a process with one thread; 1 for this process.
        notify: called as each search ends.

    Raises:
        DataError: if recorded trainings are missing, or the folder cannot be written.
    """
    for name in plan.benchmarks:
        _benchmark(name, plan.data)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot be made: {error.strerror}", path=str(folder)) from error
    path = folder / (SEARCHES if plan.budget is None else BUDGETS)
    _cut(path)
    known = read_searches(folder) if plan.budget is None else read_budgets(folder)
    finished = _of(plan, known)
    waiting = [job for job in plan.jobs if job not in finished]
    failures = []
    for job, ended in _ended(plan, waiting, jobs):
        if isinstance(ended, Failure):
            failures.append(ended)
        else:
            _append(path, ended)
            finished[job] = ended
        if notify is not None:
            notify(len(finished) + len(failures), len(plan.jobs), ended)
    ordered = [finished[job] for job in plan.jobs if job in finished]
    return Outcome(
        [search for search in ordered if isinstance(search, Search)],
        failures,
        [search for search in ordered if isinstance(search, BudgetSearch)],
    )


def _of(plan: Plan, searches: Sequence[AnySearch]) -> dict[Job, AnySearch]:
    """Those searches that are a plan's."""
    wanted = set(plan.jobs)
    found = {}
    for search in searches:
        job = Job(search.benchmark, search.method, search.seed)
        if job in wanted and _as_planned(plan, search):
            found[job] = search
    return found


def _as_planned(plan: Plan, search: AnySearch) -> bool:
    if search.features != plan.features:
        return False
    if isinstance(search, BudgetSearch):
        return (search.budget, search.workers) == (plan.budget, plan.workers)
    return plan.budget is None and search.trials == plan.trials


def read_searches(folder: Path) -> list[Search]:
    """The finished searches of a folder; a last line that was cut off is none."""
    return [Search(**form) for form in _forms(folder / SEARCHES)]


def read_budgets(folder: Path) -> list[BudgetSearch]:
    """The same of searches under a budget."""
    return [BudgetSearch(**form) for form in _forms(folder / BUDGETS)]


def _forms(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def _append(path: Path, search: AnySearch) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(search.to_dict()) + "\n")


def _cut(path: Path) -> None:
    """Take away the last line where its writer was killed in the middle of it."""
    if path.exists():
        with path.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)


def _ended(
    plan: Plan, waiting: Sequence[Job], jobs: int
) -> Iterator[tuple[Job, AnySearch | Failure]]:
    """Jobs and what came of them, as they end."""
    if jobs == 1 or len(waiting) < 2:
        for job in waiting:
            yield job, _run(plan, job)
        return
    # spawned, so that threads and locks of this process are not copied
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin)
    try:
        with environment(thread_variables(1, jobs)):
            futures = {pool.submit(_run, plan, job): job for job in waiting}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise ProblemError(
            "a process of the searches was killed",
            hint="Run the same again: it goes on where it stopped. Is the memory enough?",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Make this process end with the one that started it, silently where that is by Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = parent_process()
    assert parent is not None
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _run(plan: Plan, job: Job) -> AnySearch | Failure:
    try:
        search = _searched(plan, job, _benchmark(job.benchmark, plan.data))
        return replace(search, benchmark=job.benchmark)  # its name may be a longer one
    except ArchboError as error:
        return Failure(job, str(error))


def _searched(plan: Plan, job: Job, benchmark: Benchmark) -> AnySearch:
    method = plan.method(job.method)
    if plan.budget is not None:
        return run_budget(
            benchmark,
            method,
            name=job.method,
            seed=job.seed,
            budget=plan.budget,
            workers=plan.workers,
            features=plan.features,
        )
    return run_search(
        benchmark,
        method,
        name=job.method,
        seed=job.seed,
        trials=plan.trials,
        features=plan.features,
        pythons=plan.pythons,
    )


@lru_cache(maxsize=8)
def _benchmark(name: str, data: Path | None) -> Benchmark:
    return find(name, data)


def write_rows(searches: Sequence[AnySearch], folder: Path) -> list[Path]:
    """Write a row a training as CSV, and as Parquet where pandas and pyarrow are installed."""
    rows = [row for search in searches for row in search.rows()]
    path = folder / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
    if not (find_spec("pandas") and find_spec("pyarrow")):
        return [path]
    import pandas as pd

    table = path.with_suffix(".parquet")
    pd.DataFrame(rows).to_parquet(table)
    return [path, table]
