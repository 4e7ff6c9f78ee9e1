"""Which encoding, and which kernel, predicts best from few trainings of recorded networks.

    ARCHBO_DATA=… python benchmarks/encodings.py --part encodings --seeds 10
    ARCHBO_DATA=… python benchmarks/encodings.py --part kernels --seeds 10

Each seed trains on so many random networks, one recorded training each, and predicts 1,000 others,
no two of all of them the same network. The figure is Spearman's rank correlation (or Kendall's)
with the mean over their trainings: mean over seeds and its standard error.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from recorded import TABLES, load
from scipy.stats import kendalltau, spearmanr

from archbo import encodings as e
from archbo import kernels as k
from archbo.acquisition import evidence_weights
from archbo.arrays import Array, stream
from archbo.encodings import Encoder, Encoding
from archbo.kernels import Encoded, Kernel, structure
from archbo.kernels.blocks import rows as take
from archbo.methods.structures import deep_wl_structures, default_structures
from archbo.surrogates import HalfRank, RandomForest, fit

TRAINED = (20, 50, 100, 200)
HELD_OUT = 1000
REFERENCE = 1000
SCALED = 300

ENCODINGS: dict[str, Encoding] = {
    "one-hot": e.OneHot(),
    "adjacency": e.Adjacency(),
    "adjacency, categorical": e.Adjacency(one_hot=False, name="adjacency_categorical"),
    "adjacency, truncated to 20": e.Adjacency(truncate=20, name="adjacency_truncated"),
    "paths": e.Paths(one_hot=False),
    "paths, one-hot": e.Paths(name="paths_one_hot"),
    "paths, one-hot, truncated to 20": e.Paths(20, name="paths_truncated"),
    "counts, 0 rounds": e.Counts(rounds=0, name="counts0"),
    "counts, 1 round": e.Counts(),
    "counts, 2 rounds": e.Counts(rounds=2, name="counts2"),
    "statistics": e.Statistics(),
    "projection": e.Projection(),
    "latent": e.Latent(),
    "flat": e.Flat(),
}

Structures = Callable[[Encoded], Sequence[Kernel]]
"""An encoded sample of the space to kernel structures, over which predictions are averaged."""


def one(kernel: Callable[[Encoded], Kernel]) -> Structures:
    return lambda reference: [structure(kernel(reference))]


def levels(rounds: int) -> tuple[str, ...]:
    return tuple(f"wl{j}" for j in range(rounds + 1))


def histograms(blocks: tuple[str, ...]) -> dict[str, Structures]:
    return {
        "RBF": one(lambda reference: k.HistogramRBF.of(blocks, reference)),
        "min-max": one(lambda _: k.HistogramMinMax(blocks)),
        "linear": one(lambda _: k.HistogramLinear(blocks)),
    }


KERNELS: dict[str, Structures] = {
    "Hamming": one(lambda reference: k.Hamming.of("options", reference)),
    **{
        f"{kind} on {name}": kernel
        for name, blocks in {
            "WL 0": levels(0),
            "WL 0 to 1": levels(1),
            "WL 0 to 3": levels(3),
            "paths": ("path_multiset",),
            "shortest paths": ("shortest_paths",),
        }.items()
        for kind, kernel in histograms(blocks).items()
    },
    "optimal assignment, WL 0 to 1": one(lambda _: k.OptimalAssignment(levels(1))),
    "optimal assignment, WL 0 to 3": one(lambda _: k.OptimalAssignment(levels(3))),
    "RBF on WL, depth by evidence": deep_wl_structures,
    "the default structures": default_structures,
}
MULTISETS: tuple[Encoding, ...] = (
    *e.weisfeiler_lehman_to(5),
    e.PathMultiset(),
    e.ShortestPaths(),
)


@lru_cache(maxsize=1)
def encoder(name: str, part: str) -> Encoder:
    table = load(name)
    chosen = stream(0, "reference").choice(len(table.rows), REFERENCE, replace=False)
    given = tuple(ENCODINGS.values()) if part == "encodings" else MULTISETS
    return Encoder(table.space.compiled, table.rows.take(chosen), encodings=given)


def predictions(
    part: str, known: Encoded, new: Encoded, reference: Encoded, z: Array, seed: int
) -> Mapping[str, Array]:
    """What each model says of new rows."""
    if part == "kernels":
        return {name: averaged(s(reference), known, new, z) for name, s in KERNELS.items()}
    found = {}
    for name, encoding in ENCODINGS.items():
        block = encoding.name
        process = [structure(k.IsotropicMatern52.of(block, reference))]
        found[f"{name} | GP"] = averaged(process, known, new, z)
        forest = RandomForest(block=block).fit(
            known, z, repeats=np.ones(len(z)), rng=stream(seed, "forest")
        )
        found[f"{name} | forest"] = forest.predict(new).mean
    return found


def averaged(structures: Sequence[Kernel], known: Encoded, new: Encoded, z: Array) -> Array:
    models = [fit(kernel, known, z) for kernel in structures]
    weights = evidence_weights([model.log_evidence for model in models], temper=3.0)
    return weights @ np.stack([model.predict(new).mean for model in models])


def run(job: tuple[str, str, Sequence[int]]) -> list[dict[str, Any]]:
    """All figures of one table."""
    name, part, seeds = job
    table, code = load(name), encoder(name, part)
    reference = take(code.reference, slice(0, SCALED))
    found = []
    for seed in seeds:
        rng = stream(seed, "networks")
        order = rng.permutation(len(table.rows))[: max(TRAINED) + HELD_OUT]
        encoded = code.encode(table.rows.take(order))
        new = take(encoded, slice(max(TRAINED), None))
        truth = table.truth[order[max(TRAINED) :]]
        y = table.measure(order[: max(TRAINED)], rng)
        for n in TRAINED:
            z = HalfRank()(y[:n]).z
            known = take(encoded, slice(0, n))
            for model, mean in predictions(part, known, new, reference, z, seed).items():
                found.append(
                    {
                        "table": name,
                        "model": model,
                        "trained": n,
                        "seed": seed,
                        "spearman": float(np.nan_to_num(_correlation(spearmanr, mean, truth))),
                        "kendall": float(np.nan_to_num(_correlation(kendalltau, mean, truth))),
                    }
                )
    return found


def _correlation(measure: Callable[..., Any], a: Array, b: Array) -> float:
    return 0.0 if np.ptp(a) == 0 else float(measure(a, b).statistic)


def summarise(results: list[dict[str, Any]], measure: str) -> str:
    """A table for each recorded one: a row a model, a column a number of trainings."""
    models = list(dict.fromkeys(r["model"] for r in results))
    lines = []
    for table in dict.fromkeys(r["table"] for r in results):
        lines += [f"\n| {table} | {' | '.join(map(str, TRAINED))} |"]
        lines += ["|" + " --- |" * (len(TRAINED) + 1)]
        for model in models:
            cells = []
            for n in TRAINED:
                own = [r[measure] for r in results
                       if (r["table"], r["model"], r["trained"]) == (table, model, n)]  # fmt: skip
                error = np.std(own, ddof=1) / len(own) ** 0.5 if len(own) > 1 else 0.0
                cells.append(f"{np.mean(own):.3f} ± {error:.3f}")
            lines.append(f"| {model.replace(' | ', ', ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["encodings", "kernels"], default="encodings")
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--measure", choices=["spearman", "kendall"], default="spearman")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    jobs = [(table, args.part, range(args.seeds)) for table in args.tables.split(",")]
    with ProcessPoolExecutor(args.jobs) as pool:
        results = [row for rows in pool.map(run, jobs) for row in rows]
    print(summarise(results, args.measure))
    if args.out:
        args.out.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
