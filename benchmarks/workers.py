"""What many workers cost: regret after as many trainings, and how much sooner they are done.

    ARCHBO_DATA=… python benchmarks/workers.py --seeds 20

Searches on recorded trainings, simulated with so many workers, each of which gets its next network
as soon as it is free. All trainings are full ones and take as long as was recorded; where no times
were recorded they take a minute, times a log-normal number that belongs to the network.

- Regrets are after as many trainings have ended, whatever the number of workers. `more` is how much
  more is left after the last of them than with one worker, the mean difference seed by seed. In the
  last lines regrets of all tables are put together, in percent of a random network's; the ratio is
  that of the means, with the 90% interval of resampled seeds. A proposal beside 15 others knows 15
  results less than one worker's would: `knowing as much` is the ratio to one worker after as many
  trainings less.
- The speed-up is how many seconds of training are done in a second of the clock; as many as there
  are workers would be ideal. One process proposes for all, one network after another, and the clock
  runs while it does. `shortest` is how many seconds a training must take so that nine tenths of the
  ideal are reached. `waiting` is the speed-up, as a share of the ideal, of batches that wait for
  their slowest training.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from archbo.arrays import Array, stream
from archbo.bench import find
from archbo.bench.budgeted import BudgetSearch
from archbo.bench.recorded import Recorded
from archbo.bench.simulation import run_budget
from archbo.bench.summary import mean

TABLES = (
    "nas-bench-201/cifar10",
    "nas-bench-201/cifar100",
    "nas-bench-101",
    "nas-bench-macro",
    "nas-bench-nlp",
)
IDEAL = 0.9  # of the speed-up
_MINUTE, _SPREAD = 60.0, 0.5  # of times that were not recorded; the standard deviation of their log
_RESAMPLED = 2000


class Run(NamedTuple):
    """One search: regrets after 1, 2, … trainings, and how its time was spent.

    Attributes:
        regrets: [n].
        normal: what a random network leaves.
        proposing: median seconds of a proposal.
        speedup: seconds of training done in a second of the clock.
        shortest: mean seconds of a training with which the speed-up is nine tenths of the ideal.
        waiting: of batches, as a share of the ideal.
    """

    regrets: Array
    normal: float
    proposing: float
    speedup: float
    shortest: float
    waiting: float


@lru_cache(maxsize=1)
def load(table: str) -> Recorded:
    """A benchmark whose trainings all have times."""
    benchmark = find(table)
    assert isinstance(benchmark, Recorded)
    if benchmark.times is not None:
        return benchmark
    epochs = np.array(benchmark.fidelities, dtype=float)
    spread = np.exp(_SPREAD * stream(0, "times").standard_normal(len(benchmark.rows)))
    return replace(benchmark, times=_MINUTE * spread[:, None] * (epochs / epochs[-1])[None, :])


def elapsed(
    durations: Sequence[float], proposing: Sequence[float], workers: int, count: int
) -> tuple[float, float]:
    """When `count` trainings have ended, and the seconds of training that are done by then.

    Args:
        durations: of the trainings in the order in which they begin.
        proposing: seconds of the proposal of each.
        workers: each takes the next training as soon as it is free and that is proposed.
        count: of trainings.
    """
    free = [0.0] * workers
    heapify(free)
    proposed, spans = 0.0, []
    for duration, seconds in zip(durations, proposing, strict=True):
        proposed = max(proposed, heappop(free)) + seconds
        spans.append((proposed, proposed + duration))
        heappush(free, proposed + duration)
    end = sorted(end for _, end in spans)[count - 1]
    return end, sum(max(0.0, min(stop, end) - start) for start, stop in spans)


def shortest(
    durations: Sequence[float], proposing: Sequence[float], workers: int, count: int
) -> float:
    """Mean seconds of a training with which the speed-up is nine tenths of the ideal.

    The trainings keep their proportions; found by halving an interval of factors.
    """
    low, high = 1e-9, 1.0
    for _ in range(50):
        factor = np.sqrt(low * high)
        end, busy = elapsed([factor * d for d in durations], proposing, workers, count)
        low, high = (low, factor) if busy >= IDEAL * workers * end else (factor, high)
    return float(high * np.mean(durations))


def measure(table: str, workers: int, seed: int, trainings: int) -> Run:
    """One search, until so many trainings have ended, and those that had begun by then."""
    budget = trainings + 2 * workers
    search = run_budget(load(table), "bo-full", seed=seed, budget=budget, workers=workers)
    durations, proposing = by_beginning(search, trainings + workers - 1)
    end, busy = elapsed(durations, proposing, workers, trainings)
    batches = np.array(durations[: trainings // workers * workers]).reshape(-1, workers)
    return Run(
        np.array(search.regrets[:trainings]),
        search.random_regret,
        float(np.median(proposing)),
        busy / end,
        shortest(durations, proposing, workers, trainings),
        float(batches.sum() / (workers * batches.max(axis=1).sum())) if len(batches) else np.nan,
    )


def by_beginning(search: BudgetSearch, most: int) -> tuple[list[float], list[float]]:
    """Seconds of the first trainings to begin, and of their proposals.

    The first ones begin at once, each of the others when one has ended. One that never ends within
    the search lasts until its end.
    """
    began = [0.0] * search.workers + search.clock
    places = {number: place for place, number in enumerate(search.trainings)}
    durations, proposing = [], []
    for number in range(min(most, search.begun)):
        place = places.get(number)
        durations.append(
            (search.clock[-1] if place is None else search.clock[place]) - began[number]
        )
        proposing.append(0.0 if place is None else search.propose_seconds[place])
    return durations, proposing


def ratio(below: Array, above: Array) -> str:
    """Of the means of [s] regrets, with its interval over seeds."""
    drawn = stream(0, "resampled").integers(len(below), size=(_RESAMPLED, len(below)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = above[drawn].mean(axis=1) / below[drawn].mean(axis=1)
        low, high = np.nanquantile(ratios, [0.05, 0.95])
        return f"{above.mean() / below.mean():.2f} ({low:.2f} to {high:.2f})"


def cells(
    runs: Sequence[Run], first: Sequence[Run], workers: int, points: Sequence[int]
) -> list[str]:
    """What is said of one table with so many workers."""
    regrets = np.stack([run.regrets for run in runs])
    more = regrets[:, -1] - np.stack([run.regrets for run in first])[:, -1]
    speedup = float(np.mean([run.speedup for run in runs]))
    return [
        *(str(mean(regrets[:, n - 1])) for n in points),
        str(mean(more)),
        f"{speedup:.2f}",
        f"{speedup / workers:.1%}",
        f"{np.mean([run.shortest for run in runs]):.2f}",
        f"{np.mean([run.waiting for run in runs]):.0%}",
        f"{1000 * np.mean([run.proposing for run in runs]):.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--workers", default="1,4,16,64", help="the first ones are compared with")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trainings", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    numbers, tables = list(map(int, args.workers.split(","))), args.tables.split(",")
    points = sorted({min(n, args.trainings) for n in (20, 50, args.trainings)})
    columns = ["table", "workers", *(f"after {n}" for n in points), "more"]
    columns += ["speed-up", "of ideal", "shortest, s", "waiting", "ms to propose"]
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    normal: dict[int, list[Array]] = {workers: [] for workers in numbers}
    with ProcessPoolExecutor(args.jobs) as pool:
        for table in tables:
            first: list[Run] = []
            for workers in numbers:
                jobs = [
                    pool.submit(measure, table, workers, seed, args.trainings)
                    for seed in range(args.seeds)
                ]
                runs = [job.result() for job in jobs]
                first = first or runs
                found = cells(runs, first, workers, points)
                print(f"| {' | '.join([table, str(workers), *found])} |", flush=True)
                normal[workers].append(np.array([run.regrets / run.normal for run in runs]))
    print(
        f"\n| workers | regret after {args.trainings} | ratio | knowing as much |\n|{' --- |' * 4}"
    )
    base = np.mean(normal[numbers[0]], axis=0)  # [s n], over tables
    for workers, parts in normal.items():
        left = np.mean(parts, axis=0)[:, -1]
        early = base[:, max(0, args.trainings - 1 - workers + numbers[0])]
        percent = mean(100 * left)
        print(f"| {workers} | {percent} % | {ratio(base[:, -1], left)} | {ratio(early, left)} |")


if __name__ == "__main__":
    main()
