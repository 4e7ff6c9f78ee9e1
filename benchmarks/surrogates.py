"""Which surrogate predicts best from few trainings of recorded networks, and how surely.

    ARCHBO_DATA=… python benchmarks/surrogates.py --seeds 10

Each seed trains on so many random networks, one recorded training each, and predicts 1,000 others,
no two of all of them the same network. Ranks are compared with the mean over their trainings. The
negative log likelihood and the coverage of the central 50% and 90% intervals are of that mean in
units of the transformed objective, as a search models it. Seconds are of one core.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from calibration import Mixture, transformed
from recorded import TABLES, load
from scipy.stats import kendalltau, spearmanr

from archbo.acquisition import evidence_weights
from archbo.arrays import Array, Rng, one_thread, stream
from archbo.encodings import Encoder, Flat, Graphs
from archbo.kernels import Encoded, Kernel
from archbo.kernels.blocks import rows as take
from archbo.methods.structures import ENCODINGS, default_structures
from archbo.surrogates import (
    DeepEnsemble,
    DensityRatio,
    GradientBoosting,
    GraphNeuralNetwork,
    HalfRank,
    Learner,
    Posterior,
    RandomForest,
    fit,
)

TRAINED = (20, 50, 100, 200)
HELD_OUT = 1000
REFERENCE = 1000
SCALED = 300
LEARNERS: dict[str, Learner] = {
    "RandomForest()": RandomForest(),
    "RandomForest(extra=True, leaf=3)": RandomForest(extra=True, leaf=3),
    "GradientBoosting()": GradientBoosting(),
    "DeepEnsemble()": DeepEnsemble(),
    "DeepEnsemble.bananas()": DeepEnsemble.bananas(),
    "GraphNeuralNetwork()": GraphNeuralNetwork(),
    "DensityRatio()": DensityRatio(),
}
MEASURES = ("spearman", "kendall", "nll", "within 50%", "within 90%", "fit s", "predict s")

Predict = Callable[[Encoded], Posterior]


def processes(kernels: Sequence[Kernel], known: Encoded, z: Array) -> Predict:
    """Gaussian processes averaged by their evidence, as a search does."""
    models = [fit(kernel, known, z) for kernel in kernels]
    weights = evidence_weights([model.log_evidence for model in models], temper=5.0)

    def predict(encoded: Encoded) -> Posterior:
        found = [model.predict(encoded) for model in models]
        means = np.stack([posterior.mean for posterior in found])
        variances = np.stack([posterior.variance for posterior in found])
        mean = weights @ means
        return Posterior(mean, weights @ (variances + means**2) - mean**2)

    return predict


def fitted(name: str, kernels: Sequence[Kernel], known: Encoded, z: Array, rng: Rng) -> Predict:
    if name == "GP":
        return processes(kernels, known, z)
    if name == "GP, one kernel":
        return processes(kernels[:1], known, z)
    return LEARNERS[name].fit(known, z, repeats=np.ones(len(z)), rng=rng).predict


def run(job: tuple[str, int]) -> list[dict[str, Any]]:
    """All figures of one table and seed."""
    name, seed = job
    table = load(name)
    chosen = stream(0, "reference").choice(len(table.rows), REFERENCE, replace=False)
    encoder = Encoder(
        table.space.compiled, table.rows.take(chosen), encodings=(Flat(), Graphs(), *ENCODINGS)
    )
    kernels = default_structures(take(encoder.reference, slice(0, SCALED)))
    rng = stream(seed, "networks")
    order = rng.permutation(len(table.rows))[: max(TRAINED) + HELD_OUT]
    encoded = encoder.encode(table.rows.take(order))
    new = take(encoded, slice(max(TRAINED), None))
    truth = table.truth[order[max(TRAINED) :]]
    y = table.measure(order[: max(TRAINED)], rng)
    found = []
    with one_thread():
        for n in TRAINED:
            outcomes = HalfRank()(y[:n])
            target = transformed(outcomes, truth)
            known = take(encoded, slice(0, n))
            for model in ("GP", "GP, one kernel", *LEARNERS):
                start = time.process_time()
                predict = fitted(model, kernels, known, outcomes.z, stream(seed, "fit"))
                ready = time.process_time()
                posterior = predict(new)
                end = time.process_time()
                believed = Mixture(np.ones(1), posterior.mean[None], posterior.sd[None])
                figures = {
                    "spearman": float(spearmanr(posterior.mean, truth).statistic),
                    "kendall": float(kendalltau(posterior.mean, truth).statistic),
                    "nll": believed.nll(target),
                    "within 50%": believed.within(target, 0.5),
                    "within 90%": believed.within(target, 0.9),
                    "fit s": ready - start,
                    "predict s": end - ready,
                }
                found.append({"table": name, "seed": seed, "trained": n, "model": model, **figures})
    return found


def summarise(results: list[dict[str, Any]], measure: str, table: str) -> str:
    """A row a model, a column a number of trainings: mean ± standard error."""
    lines = [f"\n| {table}: {measure} | {' | '.join(map(str, TRAINED))} |"]
    lines += ["|" + " --- |" * (len(TRAINED) + 1)]
    for model in dict.fromkeys(r["model"] for r in results):
        cells = []
        for n in TRAINED:
            own = [r[measure] for r in results if (r["model"], r["trained"]) == (model, n)]
            error = np.std(own, ddof=1) / len(own) ** 0.5 if len(own) > 1 else 0.0
            cells.append(f"{np.mean(own):.3f} ± {error:.3f}")
        lines.append(f"| {model} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    tables = args.tables.split(",")
    jobs = [(table, seed) for table in tables for seed in range(args.seeds)]
    with ProcessPoolExecutor(args.jobs) as pool:
        results = [row for rows in pool.map(run, jobs) for row in rows]
    for table in tables:
        own = [r for r in results if r["table"] == table]
        print(summarise(own, "spearman", table), summarise(own, "kendall", table), sep="\n")
    for measure in MEASURES[2:]:
        print(summarise(results, measure, "all tables"))
    if args.out:
        args.out.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
