"""Search quality by acquisition function, all else as in the default method.

    ARCHBO_DATA=… python benchmarks/acquisitions.py --seeds 10 --trials 60

Regret and trainings to the optimum as `search_quality.py` counts them.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from search_quality import run, summarise

import archbo as ab
from archbo import acquisition

NAMES = [
    "LogExpectedImprovement",
    "LogNoisyExpectedImprovement",
    "LogProbabilityOfImprovement",
    "UpperConfidenceBound",
    "ThompsonSampling",
    "LogMaxValueEntropy",
    "LogKnowledgeGradient",
]


def search(job: tuple[str, str, int, int]) -> dict[str, Any]:
    """One search with one acquisition."""
    table, name, seed, trials = job
    method = ab.BayesianOptimization(acquisition=getattr(acquisition, name)())
    return run((table, method, seed, trials, False)) | {"method": name}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", default="nb201-cifar10,nb201-cifar100,macro")
    parser.add_argument("--names", default=",".join(NAMES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    jobs = [
        (table, name, seed, args.trials)
        for table in args.tables.split(",")
        for name in args.names.split(",")
        for seed in range(args.seeds)
    ]
    with ProcessPoolExecutor(args.jobs) as pool:
        results = list(pool.map(search, jobs))
    print(summarise(results, args.trials))


if __name__ == "__main__":
    main()
