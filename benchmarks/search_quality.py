"""Search quality on recorded trainings: regret and trainings to the optimum, over many seeds.

    ARCHBO_DATA=… python benchmarks/search_quality.py --methods bo,random --seeds 20 --trials 100

The objective is one training seed's validation value, the regret is on the mean over training
seeds, in percent points, of the best observed architecture. `--features` gives the table's
parameter counts to the method, as a user would who can count them before training. A method is a
name that the library knows or a key of `SEARCHES`, a Bayesian search with another surrogate.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import archbo as ab
from archbo.arrays import Array, stream
from archbo.methods import Method
from archbo.spaces import Part
from archbo.surrogates import (
    DeepEnsemble,
    DensityRatio,
    GradientBoosting,
    GraphNeuralNetwork,
    Learner,
    RandomForest,
)

CHECKPOINTS = (10, 20, 30, 50, 100)
LEARNERS: dict[str, Learner] = {
    "bo-forest": RandomForest(),
    "bo-boosting": GradientBoosting(),
    "bo-ensemble": DeepEnsemble(),
    "bo-gnn": GraphNeuralNetwork(),
    "bo-ratio": DensityRatio(),
}
SEARCHES = {name: ab.BayesianOptimization(surrogate=found) for name, found in LEARNERS.items()}


@dataclass(frozen=True)
class Table:
    """A recorded benchmark: noisy values by training seed, noise-free means, known features."""

    space: Part
    seeds: Array  # [N s], NaN pads
    truth: Array  # [N]
    features: dict[str, Array]
    position: Callable[[ab.Architecture], int]


def _cell_position(arch: ab.Architecture) -> int:
    return int(np.ravel_multi_index([int(k) for k in arch.numbers], (5,) * 6))


def nas_bench_201(data: Path, dataset: int) -> Table:
    table = np.load(data / "nas_bench_201.npz")
    names = [str(op) for op in table["op_names"]]
    order = np.ravel_multi_index(table["ops"].T.astype(int), (5,) * 6)
    rows = np.empty(len(order), dtype=int)
    rows[order] = np.arange(len(order))
    seeds = table["val200_seeds"][rows, dataset]
    return Table(
        space=ab.EdgeCell(nodes=4, ops=names),
        seeds=seeds,
        truth=np.nanmean(seeds, axis=1),
        features={"params": table["params_M"][rows, dataset]},
        position=_cell_position,
    )


def nas_bench_macro(data: Path) -> Table:
    table = np.load(data / "nas_bench_macro.npz")
    order = np.ravel_multi_index(table["arch"].T.astype(int), (3,) * 8)
    rows = np.empty(len(order), dtype=int)
    rows[order] = np.arange(len(order))
    truth = table["test_acc"][rows].mean(axis=1)
    return Table(
        space=ab.Chain(ab.Choice(["identity", "mbconv_e3_k3", "mbconv_e6_k5"]), length=8),
        seeds=truth[:, None],
        truth=truth,
        features={"params": table["params"][rows], "flops": table["flops"][rows]},
        position=lambda arch: int(np.ravel_multi_index([int(k) for k in arch.numbers], (3,) * 8)),
    )


@lru_cache(maxsize=8)
def load(name: str) -> Table:
    folder = os.environ.get("ARCHBO_DATA")
    if folder is None:
        raise SystemExit("Set ARCHBO_DATA to the folder that holds the recorded trainings.")
    data = Path(folder)
    readers: dict[str, Callable[[], Table]] = {
        "nb201-cifar10": lambda: nas_bench_201(data, 0),
        "nb201-cifar100": lambda: nas_bench_201(data, 1),
        "macro": lambda: nas_bench_macro(data),
    }
    return readers[name]()


def run(job: tuple[str, str | Method, int, int, bool]) -> dict[str, Any]:
    """One search: the incumbent's regret after each training, and when the optimum was trained."""
    name, method, seed, trials, with_features = job
    table = load(name)
    features = {
        key: (lambda arch, column=column: float(column[table.position(arch)]))
        for key, column in table.features.items()
    }
    opt = ab.Optimizer(
        table.space,
        maximize="accuracy",
        seed=seed,
        method=SEARCHES.get(method, method) if isinstance(method, str) else method,
        features=features if with_features else None,
    )
    optimum = _arch_id(name, int(table.truth.argmax()))
    best, incumbent, found = -np.inf, 0, trials + 1
    regrets, seconds = [], []
    for t in range(trials):
        start = time.perf_counter()
        arch = opt.ask()
        seconds.append(time.perf_counter() - start)
        at = table.position(arch)
        measured = table.seeds[at][np.isfinite(table.seeds[at])]
        value = float(measured[stream(seed, "noise", at).integers(len(measured))])
        start = time.perf_counter()
        opt.tell(arch, value)
        seconds[-1] += time.perf_counter() - start
        if value > best:
            best, incumbent = value, at
        if arch.id == optimum:
            found = min(found, t + 1)
        regrets.append(float(table.truth.max() - table.truth[incumbent]))
    return {"table": name, "method": method, "seed": seed, "regrets": regrets, "found": found,
            "seconds": seconds}  # fmt: skip


@lru_cache(maxsize=8)
def _arch_id(name: str, position: int) -> str:
    table = load(name)
    base = (5,) * 6 if name.startswith("nb201") else (3,) * 8
    numbers = np.array(np.unravel_index(position, base), dtype=float)[None]
    return table.space.compiled.ids(table.space.compiled.rows(numbers))[0]


def summarise(results: list[dict[str, Any]], trials: int) -> str:
    """A table: mean regret ± standard error, median trainings to the optimum, time per proposal."""
    points = [c for c in CHECKPOINTS if c <= trials]
    head = " | ".join(f"regret {c}" for c in points)
    lines = [f"| table | method | {head} | median to optimum | ms/ask median, last |"]
    lines.append("|" + " --- |" * (len(points) + 4))
    for table, method in dict.fromkeys((r["table"], r["method"]) for r in results):
        mine = [r for r in results if (r["table"], r["method"]) == (table, method)]
        regrets = np.array([r["regrets"] for r in mine])
        found = np.median([r["found"] for r in mine])
        cells = []
        for c in points:
            column = regrets[:, c - 1]
            error = column.std(ddof=1) / len(column) ** 0.5 if len(column) > 1 else 0.0
            cells.append(f"{column.mean():.3f} ± {error:.3f}")
        times = np.array([r["seconds"] for r in mine]) * 1000
        shown = f"{found:g}" if found <= trials else f"over {trials}"
        lines.append(
            f"| {table} | {method} | {' | '.join(cells)} | {shown} "
            f"| {np.median(times):.1f}, {np.median(times[:, -10:]):.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", default="nb201-cifar10,nb201-cifar100,macro")
    parser.add_argument("--methods", default="bo")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--features", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    jobs = [
        (table, method, seed, args.trials, args.features)
        for table in args.tables.split(",")
        for method in args.methods.split(",")
        for seed in range(args.seeds)
    ]
    with ProcessPoolExecutor(args.jobs) as pool:
        results = list(pool.map(run, jobs))
    print(summarise(results, args.trials))
    if args.out:
        args.out.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
