"""A large study, and many processes at once: how quick a store stays, and that it loses nothing.

    python benchmarks/load.py
    python benchmarks/load.py --trials 1000 --only study

- study: a search of so many trials with ten reports each. How long it takes to open it again with
  its program's settings and read everything, to make the next proposals, and to write one result;
  how large the SQLite file is. The trials are written in bulk, with the numbers that a search
  stores; what one write costs is measured after them.
- processes: so many that write at once, each trials of its own in one study: begun, reported
  twice, finished. A write that raises is an error; one that is not there at the end is lost. On
  SQLite, and on PostgreSQL where a server is installed.
- memory: a search of so many trials at random, whose trainings are a formula: how much the process
  grows, and how long a trial takes at the beginning and at the end.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import chain
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, insert, select, update

import archbo as ab
from archbo.arrays import Rng, stream
from archbo.data import Prediction, Proposal, State
from archbo.store import NewTrial, Store, StoredStudy
from archbo.store.schema import reports, trials
from archbo.study.session import RunEvent, RunOptions, overriding
from archbo.testing.postgres import binaries, serving
from archbo.testing.store import new_trial

SPACE = ab.Space(
    cell=ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"]),
    channels=ab.Int(4, 32, log=True),
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 256, log=True))}),
    lr=ab.Float(1e-4, 1e-1, log=True),
)
EPOCHS = 10
REPORTS = 2  # of each trial that is written beside others
FLAT = 10.0
"""kB that a search may grow with each trial, which is kept as it is stored."""
_LEARNED = 30  # trials that a search makes to know what it stores of each
_BATCH = 1000
_WRITES = 200
_AT_ONCE = 20  # trials of each process that writes beside others


class Row(NamedTuple):
    """A line of the table; no target where a figure is only told."""

    what: str
    found: float
    unit: str
    target: float | None = None

    def __str__(self) -> str:
        wanted = "" if self.target is None else f"{self.target:g} {self.unit}"
        verdict = "" if self.target is None else ("yes" if self.found <= self.target else "**no**")
        return f"| {self.what} | {self.found:.4g} {self.unit} | {wanted} | {verdict} |"


def score(arch: ab.Architecture) -> float:
    """A smooth function of the row: what it is does not matter here."""
    return float(np.sin(np.nan_to_num(np.array(arch.numbers))).sum())


def train(arch: ab.Architecture, trial: ab.Trial) -> float:
    value = score(arch)
    for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
        trial.report(epoch, value * epoch / trial.epochs)
    return value


def formula(arch: ab.Architecture, _: ab.Trial) -> float:
    return score(arch)


def opened(location: Path, method: str = "bo") -> ab.Study:
    """The study as its program makes it."""
    return ab.Study(location, SPACE, maximize="accuracy", seed=0, method=method, epochs=EPOCHS)


def fill(file: Path, count: int) -> None:
    """A study of so many finished trials, as a search leaves it."""
    with closing(opened(file)) as study:
        study.run(train, trials=min(_LEARNED, count))
        fitted = study.trials[-1].hyperparameters
        rng = stream(0, "load")
        archs = [SPACE.sample(rng) for _ in range(count - len(study.trials))]
        for start in range(0, len(archs), _BATCH):
            study.store.add_trials(
                [NewTrial(a_proposal(arch, fitted, rng)) for arch in archs[start : start + _BATCH]]
            )
        with study._database._database.writing() as connection:
            end(connection, {arch.id: score(arch) for arch in archs})


def a_proposal(arch: ab.Architecture, fitted: Mapping[str, float], rng: Rng) -> Proposal:
    """With numbers of as many digits as those of a search."""
    drawn = {name: value + rng.normal() for name, value in fitted.items()}
    prediction = Prediction(rng.normal(), rng.random())
    return Proposal(arch, "model", prediction, rng.normal(), drawn)


def end(connection: Connection, values: dict[str, float]) -> None:
    """Let all running trials report and finish."""
    query = select(trials.c.id, trials.c.architecture_id).where(trials.c.state == State.RUNNING)
    running = connection.execute(query).all()
    points = [
        {"trial_id": key, "attempt": 1, "epoch": epoch, "value": values[arch] * epoch / EPOCHS}
        for key, arch in running
        for epoch in range(1, EPOCHS + 1)
    ]
    connection.execute(insert(reports), points)
    finished = update(trials).where(trials.c.id == bindparam("key"))
    connection.execute(
        finished.values(state=State.FINISHED.value, value=bindparam("result"), seconds=1.0),
        [{"key": key, "result": values[arch]} for key, arch in running],
    )


def of_a_study(folder: Path, count: int) -> Iterator[Row]:
    """How quick a large study is."""
    file = folder / "large.db"
    fill(file, count)
    start = time.perf_counter()
    study = opened(file)
    records = study.trials
    resumed = time.perf_counter() - start
    points = sum(len(record.reports) for record in records)
    yield Row(f"open and read {len(records)} trials, {points} reports", resumed, "s", 3.0)
    yield Row("the SQLite file", megabytes(file), "MB", 40.0)
    yield from of_writes(study.store, "SQLite")
    learned: list[float] = []
    proposed: list[float] = []
    for k in range(2):
        with clocked(learned):
            dataset = study.dataset(records)
        with clocked(proposed):
            study.search.propose(dataset, 1, stream(0, "load", k))
    for which, k in {"first": 0, "second": 1}.items():
        yield Row(f"what the method learns from, the {which} time", learned[k], "s")
        yield Row(f"the {which} proposal from it", proposed[k], "s")
    study.close()


def megabytes(file: Path) -> float:
    """Of a closed database, in 10^6 bytes."""
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*")) / 1e6


def of_writes(study: StoredStudy, where: str) -> Iterator[Row]:
    """What writing one thing costs, at the 95th percentile."""
    begun = [study.add_trial(new_trial()).number for _ in range(_WRITES)]
    reported: list[float] = []
    finished: list[float] = []
    for number in begun:
        with clocked(reported):
            study.add_report(number, 1, 0.5)
        with clocked(finished):
            study.finish(number, 0.5, seconds=1)
    for name, seconds in {"report": reported, "finish": finished}.items():
        yield Row(f"{where}: {name}, median", 1000 * float(np.median(seconds)), "ms", 10.0)
        yield Row(f"{where}: {name}, 95%", 1000 * float(np.quantile(seconds, 0.95)), "ms")


@contextmanager
def clocked(seconds: list[float]) -> Iterator[None]:
    """Write down how long the block takes."""
    start = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - start)


class Written(NamedTuple):
    """What one process wrote: values of its trials, errors, and how long each write took."""

    values: dict[int, float]
    errors: list[str]
    seconds: list[float]


def write_one(study: StoredStudy, value: float, seconds: list[float]) -> int:
    """A trial from its beginning to its end; its number."""
    with clocked(seconds):
        number = study.add_trial(new_trial()).number
    for epoch in range(1, REPORTS + 1):
        with clocked(seconds):
            study.add_report(number, epoch, value * epoch / REPORTS)
    with clocked(seconds):
        study.finish(number, value, seconds=1)
    return number


def write_many(location: str, which: int, count: int, ready: Barrier, said: Queue[Written]) -> None:
    """What one of the processes does."""
    written = Written({}, [], [])
    with Store.open(location, create=False) as store:
        study = store.study()
        ready.wait()
        for k in range(count):
            try:
                number = write_one(study, which + k / count, written.seconds)
            except ab.ArchboError as error:
                written.errors.append(str(error))
            else:
                written.values[number] = which + k / count
    said.put(written)


def of_processes(location: str, where: str, processes: int) -> Iterator[Row]:
    """Whether all is there that so many processes wrote at once."""
    with Store.open(location) as store:
        store.create_study({})
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([write_many.__module__, "archbo.store.store"])
    ready, said = context.Barrier(processes + 1), context.Queue()
    writers = [
        context.Process(target=write_many, args=(location, which, _AT_ONCE, ready, said))
        for which in range(processes)
    ]
    for writer in writers:
        writer.start()
    ready.wait()
    start = time.perf_counter()
    found = [said.get() for _ in writers]
    seconds = time.perf_counter() - start
    for writer in writers:
        writer.join()
    with Store.open(location, create=False) as store:
        records = {record.number: record for record in store.study().read()}
    values = [item for written in found for item in written.values.items()]
    lost = sum(
        number not in records
        or records[number].value != value
        or [point.epoch for point in records[number].reports] != [*range(1, REPORTS + 1)]
        for number, value in values
    )
    twice = len(values) - len({number for number, _ in values})
    writes = np.array([each for written in found for each in written.seconds])
    yield Row(f"{where}, {processes} processes: errors", sum(len(w.errors) for w in found), "", 0)
    yield Row(f"{where}, {processes} processes: lost writes", lost + twice, "", 0)
    yield Row(f"{where}, {processes} processes: a write, median", 1000 * np.median(writes), "ms")
    yield Row(f"{where}, {processes} processes: a write, slowest", 1000 * writes.max(), "ms")
    rate = len(values) * (REPORTS + 2) / seconds
    yield Row(f"{where}, {processes} processes: writes a second", rate, "")
    for error in {error for written in found for error in written.errors}:
        print(error, file=sys.stderr)


def resident() -> float:
    """Memory of this process now, in 10^6 bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def of_memory(folder: Path, count: int) -> Iterator[Row]:
    """How much a long search grows, in a process of its own."""
    marks = [count // 10, count]
    memory, clock = {}, {}

    def watch(event: RunEvent) -> None:
        done = len(event.records)
        if event.kind == "ended" and done not in memory:
            memory[done], clock[done] = resident(), time.perf_counter()

    file = folder / "long.db"
    with closing(opened(file, "random")) as study, overriding(RunOptions(), watch):
        study.run(formula, trials=count)
    first, last = marks
    grown = 1000 * (memory[last] - memory[first]) / (last - first)
    yield Row(f"memory after {first} trials at random", memory[first], "MB")
    yield Row(f"growth with each trial until {last}", grown, "kB", FLAT)
    yield Row("a trial at the beginning", 1000 * (clock[first] - clock[1]) / (first - 1), "ms")
    late = last - first
    yield Row("a trial at the end", 1000 * (clock[last] - clock[late]) / (last - late), "ms")


def of_postgres(processes: int, count: int) -> Iterator[Row]:
    """The same on a server that is started here."""
    if binaries() is None:
        print("PostgreSQL is not installed: skipped", file=sys.stderr)
        return
    with serving() as server, server.database() as url:
        with Store.open(url) as store:
            study = store.create_study({}, name="large")
            for start in range(0, count, _BATCH):
                study.add_trials([new_trial() for _ in range(min(_BATCH, count - start))])
            yield from of_writes(study, "PostgreSQL")
        yield from of_processes(url, "PostgreSQL", processes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=32)
    parser.add_argument("--only", choices=["study", "processes", "memory"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="archbo-load-") as name:
        folder = Path(name)
        parts: dict[str, Callable[[], Iterator[Row]]] = {
            "study": lambda: of_a_study(folder, args.trials),
            "processes": lambda: chain(
                of_processes(str(folder / "many.db"), "SQLite", args.processes),
                of_postgres(args.processes, args.trials),
            ),
            "memory": lambda: of_memory(folder, args.trials),
        }
        print("| | found | at most | |\n| --- | --- | --- | --- |")
        for part in [args.only] if args.only else parts:
            for row in parts[part]():
                print(row, flush=True)


if __name__ == "__main__":
    main()
