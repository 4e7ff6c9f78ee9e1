"""Search quality with other parts in the default method, or with one of its parts left out.

    ARCHBO_DATA=… python benchmarks/variants.py surrogates --seeds 10 -o out/
    ARCHBO_DATA=… python benchmarks/variants.py acquisitions --seeds 6 --trials 50 -o out/
    ARCHBO_DATA=… python benchmarks/variants.py parts --seeds 20 --trials 50 --at 20,30,50 -o out/

As `archbo bench` compares whole methods; it goes on where it was stopped. With --at, tables of how
much more regret each variant leaves than the first one after so many trainings, seed by seed, on
each benchmark. Structures are those that the default method has for a space: where there are fewer,
a variant without one that is not there is the default method.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from ablation import PARTS

import archbo as ab
from archbo import acquisition
from archbo.bench.runner import Plan, run
from archbo.bench.searches import Search
from archbo.bench.summary import differences, markdown, summarise
from archbo.methods import Method
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
VARIANTS: dict[str, Mapping[str, Method]] = {
    "surrogates": {"bo": ab.BayesianOptimization()}
    | {name: ab.BayesianOptimization(surrogate=learner) for name, learner in LEARNERS.items()},
    "acquisitions": {
        name: ab.BayesianOptimization(acquisition=getattr(acquisition, name)())
        for name in ACQUISITIONS
    },
    "parts": PARTS,
}


def paired(searches: Sequence[Search], at: int) -> str:
    """A row for each variant, a column for each benchmark: how much more regret than the first.

    With the standard error over seeds; in bold where p < .05.
    """
    found = {(d.benchmark, d.method): d for d in differences(searches)}
    first, *others = dict.fromkeys(search.method for search in searches)
    benchmarks = dict.fromkeys(search.benchmark for search in searches)
    lines = [f"| at {at}, more than {first} | {' | '.join(benchmarks)} |"]
    lines.append("|" + " --- |" * (len(benchmarks) + 1))
    own = {line.benchmark: line for line in summarise(searches) if line.method == first}
    left = [str(own[name].observed[at]) for name in benchmarks]
    lines.append(f"| regret of {first} | {' | '.join(left)} |")
    for method in others:
        cells = []
        for name in benchmarks:
            gap, p = found[name, method].gaps[at], found[name, method].p_values[at]
            words = f"{gap.mean:+.3f} ± {gap.error:.3f}"
            cells.append(f"**{words}**" if p < 0.05 else words)
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


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
    parser.add_argument("--at", help="trainings to compare after, with commas between")
    parser.add_argument("-o", "--output", type=Path, default=Path("build/variants"))
    args = parser.parse_args()
    variants = VARIANTS[args.part]
    methods = {name: variants[name] for name in (args.names or ",".join(variants)).split(",")}
    plan = Plan(args.benchmarks.split(","), methods, trials=args.trials, seeds=args.seeds)
    found = run(plan, args.output, jobs=args.jobs)
    if args.at:
        print(*(paired(found.searches, int(at)) for at in args.at.split(",")), sep="\n\n")
    else:
        print(markdown(found.searches))
    for failure in found.failures:
        print(*failure)


if __name__ == "__main__":
    main()
