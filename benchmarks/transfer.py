"""What an older search is worth to a new one, and what a misleading one costs.

    ARCHBO_DATA=… python benchmarks/transfer.py --seeds 20 --trials 30

The older search trained 60 cells on the other data set of NAS-Bench-201; on the same table with its
values shuffled over the cells; or on the other data set with the sign of its values turned. Regret
of the best observed cell on the mean over training seeds, in percent points, mean and standard
error over seeds.
"""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import archbo as ab
from archbo.bench import Benchmark, find, regret
from archbo.bench.recorded import Recorded

CHECKPOINTS = (1, 3, 5, 8, 10, 15, 20, 30, 50)
OLDER_TRIALS = 60
TARGETS = ("nas-bench-201/cifar100", "nas-bench-201/cifar10")


@lru_cache(maxsize=2)
def load(name: str) -> Recorded:
    benchmark: Benchmark = find(name)
    assert isinstance(benchmark, Recorded)
    return benchmark


def other(target: str) -> str:
    return TARGETS[1 - TARGETS.index(target)]


def older_search(target: str, kind: str, seed: int) -> tuple[list[ab.Architecture], list[float]]:
    """What an older search trained, and its values."""
    benchmark = load(other(target))
    recorded = benchmark.space.compiled.architectures(benchmark.rows)
    order = np.arange(len(recorded))
    if kind == "shuffled":
        order = np.random.default_rng(seed).permutation(order)
    sign = -1.0 if kind == "turned" else 1.0
    opt = ab.Optimizer(benchmark.space, seed=1000 + seed)
    archs, values = [], []
    for _ in range(OLDER_TRIALS):
        arch = opt.ask()
        value = benchmark.objective(recorded[order[benchmark.position(arch)]], 5000 + seed)
        assert value is not None
        archs.append(arch)
        values.append(sign * value)
        opt.tell(arch, values[-1])
    return archs, values


def run(job: tuple[str, str, int, int]) -> dict[str, Any]:
    """One search: the incumbent's regret after each training."""
    target, kind, seed, trials = job
    benchmark = load(target)
    older = [] if kind == "none" else [older_search(target, kind, seed)]
    opt = ab.Optimizer(benchmark.space, seed=seed, older=older)
    regrets = []
    for _ in range(trials):
        arch = opt.ask()
        opt.tell(arch, benchmark.objective(arch, seed))
        regrets.append(regret(benchmark, opt.best.architecture))
    return {"target": target, "older": kind, "seed": seed, "regrets": regrets}


def summarise(results: list[dict[str, Any]], trials: int) -> str:
    """A table: mean regret ± standard error."""
    points = [c for c in CHECKPOINTS if c <= trials]
    lines = [f"| target | older search | {' | '.join(map(str, points))} |"]
    lines.append("|" + " --- |" * (len(points) + 2))
    for target, kind in dict.fromkeys((r["target"], r["older"]) for r in results):
        mine = [r["regrets"] for r in results if (r["target"], r["older"]) == (target, kind)]
        regrets = np.array(mine)[:, [c - 1 for c in points]]
        errors = regrets.std(axis=0, ddof=1) / len(regrets) ** 0.5
        cells = [f"{m:.2f} ± {e:.2f}" for m, e in zip(regrets.mean(axis=0), errors, strict=True)]
        lines.append(f"| {target} | {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--older", default="none,real,shuffled,turned")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    jobs = [
        (target, kind, seed, args.trials)
        for seed in range(args.seeds)
        for target in args.targets.split(",")
        for kind in args.older.split(",")
    ]
    with ProcessPoolExecutor(args.jobs) as pool:
        results = list(pool.map(run, jobs))
    print(summarise(results, args.trials))
    if args.out:
        args.out.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
