"""Naming the best network of a search: the regret that is left, by how trainings are spent on it.

    ARCHBO_DATA=… python benchmarks/confirm.py --seeds 40 --budgets 6,12,24

Each search trains 40 networks once, on recorded values that differ by the training's seed. Then one
of them is to be named. Compared are: the best observed, without further training; the three best,
trained equally often again, by the mean of the new trainings alone and by the mean of all, as
`archbo confirm --top 3` does it; and `archbo confirm --budget`, with one worker and with four.

A new training is drawn around the network's recorded mean, with the standard deviation of its
recorded seeds: two or three recorded values, drawn again and again, would be no noise to test an
interval on. The regret is against the best mean among the networks that the search trained, in
percent points. The intervals are the 95% t-intervals of the new trainings; a lead counts as clear
where Welch's interval lies above 0.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

import archbo as ab
from archbo.arrays import Array, Rng, stream
from archbo.bench import find
from archbo.bench.recorded import Recorded
from archbo.data import State, TrialRecord
from archbo.problem import Objective
from archbo.study.allocation import Prior, next_candidate
from archbo.study.confirmation import Confirmation, confirmation

TRAININGS = 40
OBJECTIVE = Objective("accuracy", maximize=True)


@dataclass(frozen=True)
class Searched:
    """The networks that a search trained, each once, and what its model believes of them."""

    archs: list[ab.Architecture]
    observed: Array
    means: Array
    sds: Array
    truth: Array
    noise: Array

    def train(self, i: int, rng: Rng) -> float:
        """A new training of the i-th."""
        return float(self.truth[i] + self.noise[i] * rng.normal())

    def confirmed(self, results: dict[int, list[float]]) -> Confirmation:
        """What archbo says of these new trainings."""
        rows = [(i, "model", float(self.observed[i])) for i in results]
        rows += [(i, "confirm", value) for i, values in results.items() for value in values]
        records = [
            TrialRecord(k, self.archs[i].id, i, State.FINISHED, origin, value)
            for k, (i, origin, value) in enumerate(rows)
        ]
        return confirmation(records, OBJECTIVE, lambda record: self.archs[record.architecture])


class Outcome(NamedTuple):
    """What came of naming one; shares are NaN where there was no interval or no clear lead."""

    regret: float
    best: bool
    covered: float
    clear: bool
    wrong: bool


@lru_cache(maxsize=4)
def recorded(name: str) -> Recorded:
    """A recorded benchmark; that of chains with its three test seeds in place of their mean."""
    benchmark = find(name)
    assert isinstance(benchmark, Recorded)
    if name != "nas-bench-macro":
        return benchmark
    chains = np.load(Path(os.environ["ARCHBO_DATA"]) / "nas_bench_macro.npz")
    order = np.lexsort(chains["arch"].T[::-1])
    return replace(benchmark, values=chains["test_acc"][order][:, None])


@lru_cache(maxsize=4)
def searched(name: str, seed: int) -> Searched:
    """A search of a recorded table."""
    benchmark = recorded(name)
    opt = ab.Optimizer(benchmark.space, maximize="accuracy", seed=seed)
    for _ in range(TRAININGS):
        arch = opt.ask()
        opt.tell(arch, benchmark.objective(arch, seed))
    archs = [observation.architecture for observation in opt.observations]
    places = [benchmark.position(arch) for arch in archs]
    means, sds = opt.predict(archs)
    seeds = [v[np.isfinite(v)] for v in benchmark.values[places, -1]]
    noise = [float(np.std(v, ddof=1)) if len(v) > 1 else 0.0 for v in seeds]
    observed = np.array([observation.value for observation in opt.observations])
    return Searched(archs, observed, means, sds, benchmark.truths[places], np.array(noise))


def observed_best(search: Searched, budget: int, rng: Rng) -> tuple[int, Confirmation | None]:  # noqa: ARG001
    return int(search.observed.argmax()), None


def top_three(
    search: Searched, budget: int, rng: Rng, *, new_alone: bool
) -> tuple[int, Confirmation]:
    best = np.argsort(-search.observed, kind="stable")[:3]
    results = {int(i): [search.train(i, rng) for _ in range(budget // 3)] for i in best}
    found = search.confirmed(results)
    if new_alone:
        return max(results, key=lambda i: float(np.mean(results[i]))), found
    return search.archs.index(found.winner.architecture), found


def allocated(search: Searched, budget: int, rng: Rng, *, workers: int) -> tuple[int, Confirmation]:
    ones = np.ones(len(search.archs))
    prior, best = Prior.of(search.observed, ones, search.means, search.sds**2)
    results: list[list[float]] = [[] for _ in best]
    running: list[int] = []
    for begun in range(budget + workers):
        if len(running) == workers or begun >= budget:
            if not running:
                break
            done = running.pop(0)
            results[done].append(search.train(int(best[done]), rng))
        if begun < budget:
            waiting = np.bincount(np.array(running, dtype=int), minlength=len(best))
            running.append(next_candidate(prior, results, waiting, [False] * len(best)))
    found = search.confirmed({int(i): values for i, values in zip(best, results, strict=True)
                              if values})  # fmt: skip
    return search.archs.index(found.winner.architecture), found


Way = Callable[[Searched, int, Rng], tuple[int, Confirmation | None]]
WAYS: dict[str, Way] = {
    "best observed": observed_best,
    "top 3, new mean": partial(top_three, new_alone=True),
    "top 3": partial(top_three, new_alone=False),
    "budget": partial(allocated, workers=1),
    "budget, 4 workers": partial(allocated, workers=4),
}


def judge(search: Searched, named: int, found: Confirmation | None) -> Outcome:
    """Against the recorded means."""
    regret = float(search.truth.max() - search.truth[named])
    covered, clear, wrong = float("nan"), False, False
    if found is not None:
        truths = [float(search.truth[search.archs.index(m.architecture)]) for m in found.members]
        inside = [abs(m.mean - truth) <= m.margin for m, truth in zip(found.members, truths,
                  strict=True) if np.isfinite(m.margin)]  # fmt: skip
        covered = float(np.mean(inside)) if inside else float("nan")
        clear = found.lead is not None and found.lead.clear
        wrong = clear and truths[0] < truths[1]
    return Outcome(regret, regret == 0.0, covered, clear, wrong)


def run(job: tuple[str, int, tuple[int, ...], int]) -> dict[tuple[int, str], Array]:
    """One search, and every way to name its best: the mean outcome of each."""
    name, seed, budgets, draws = job
    search = searched(name, seed)
    found = {}
    for budget in budgets:
        for way, choose in WAYS.items():
            outcomes = []
            for draw in range(draws):
                named, said = choose(search, budget, stream(seed, "confirm", draw))
                outcomes.append(judge(search, named, said))
            values = np.array(outcomes, dtype=float)
            covered = values[:, 2][np.isfinite(values[:, 2])]
            means = values.mean(axis=0)
            means[2] = covered.mean() if len(covered) else np.nan
            found[budget, way] = means
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tables", default="nas-bench-201/cifar10,nas-bench-201/cifar100,nas-bench-macro"
    )
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--budgets", default="6,12,24")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    budgets = tuple(map(int, args.budgets.split(",")))
    print("| table | trainings | way | regret | best named | covered | lead clear | and wrong |")
    print("|" + " --- |" * 8)
    with ProcessPoolExecutor(args.jobs) as pool:
        for name in args.tables.split(","):
            jobs = [(name, seed, budgets, args.draws) for seed in range(args.seeds)]
            results = list(pool.map(run, jobs))
            for budget, way in results[0]:
                rows = np.array([result[budget, way] for result in results])
                regret, best, _, clear, wrong = rows.mean(axis=0)
                error = rows[:, 0].std(ddof=1) / len(rows) ** 0.5
                known = rows[np.isfinite(rows[:, 2]), 2]
                covered = f"{known.mean():.0%}" if len(known) else ""
                print(
                    f"| {name} | {budget} | {way} | {regret:.3f} ± {error:.3f} | {best:.0%} "
                    f"| {covered} | {clear:.0%} | {wrong:.1%} |"
                )


if __name__ == "__main__":
    main()
