"""Search quality with other parts in the default method: its surrogate, or its acquisition.

    ARCHBO_DATA=… python benchmarks/variants.py surrogates --seeds 10 -o out/
    ARCHBO_DATA=… python benchmarks/variants.py acquisitions --seeds 6 --trials 50 -o out/

As `archbo bench` compares whole methods; it goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import archbo as ab
from archbo import acquisition
from archbo.bench.runner import Plan, run
from archbo.bench.summary import markdown
from archbo.surrogates import (
    DeepEnsemble,
    DensityRatio,
    GradientBoosting,
    GraphNeuralNetwork,
    Learner,
    RandomForest,
)

LEARNERS: dict[str, Learner] = {
    "forest": RandomForest(),
    "boosting": GradientBoosting(),
    "ensemble": DeepEnsemble(),
    "gnn": GraphNeuralNetwork(),
    "ratio": DensityRatio(),
}
ACQUISITIONS = [
    "LogExpectedImprovement",
    "LogNoisyExpectedImprovement",
    "LogProbabilityOfImprovement",
    "UpperConfidenceBound",
    "ThompsonSampling",
    "LogMaxValueEntropy",
    "LogKnowledgeGradient",
]
VARIANTS: dict[str, Mapping[str, ab.BayesianOptimization]] = {
    "surrogates": {"bo": ab.BayesianOptimization()}
    | {name: ab.BayesianOptimization(surrogate=learner) for name, learner in LEARNERS.items()},
    "acquisitions": {
        name: ab.BayesianOptimization(acquisition=getattr(acquisition, name)())
        for name in ACQUISITIONS
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=list(VARIANTS))
    parser.add_argument(
        "--benchmarks", default="nas-bench-201/cifar10,nas-bench-201/cifar100,nas-bench-macro"
    )
    parser.add_argument("--names", help="of the variants, with commas between; all by default")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=Path("build/variants"))
    args = parser.parse_args()
    variants = VARIANTS[args.part]
    methods = {name: variants[name] for name in (args.names or ",".join(variants)).split(",")}
    plan = Plan(args.benchmarks.split(","), methods, trials=args.trials, seeds=args.seeds)
    found = run(plan, args.output, jobs=args.jobs)
    print(markdown(found.searches))
    for failure in found.failures:
        print(*failure)


if __name__ == "__main__":
    main()
