"""How well final values are predicted from partial learning curves, and how surely.

    ARCHBO_DATA=… python benchmarks/curves.py --seeds 20

Each seed trains so many random networks of a table: a fifth of them in full, at random or (chosen)
those that are best where the others stop, which is after a tenth, a quarter or half of the epochs;
after 4, 12 or 36 of NAS-Bench-101's 108. Predicted are the final values of those stopped, and of up
to 200 networks that were not trained at all.

All measures are in the units that the model sees, the final values of the trained networks having
about unit spread. The last value of a curve is compared with the others after the same epoch.
Plain is a Gaussian process of the full trainings alone. Intervals are of a measured final value.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from calibration import transformed
from scipy.stats import norm, spearmanr

import archbo as ab
from archbo.arrays import Array, stream
from archbo.bench import find
from archbo.bench.recorded import Recorded
from archbo.bench.summary import mean as mean_of
from archbo.kernels.blocks import rows as take
from archbo.surrogates import Posterior, fit
from archbo.surrogates.curve_fitting import fit_curves
from archbo.surrogates.curve_outcomes import CurveOutcomes
from archbo.surrogates.learning_curves import Curves

TABLES = ("nas-bench-nlp", "digits", "nas-bench-101")
TRAINED = (20, 50, 100)
PARTS = (0.1, 0.25, 0.5)
RUNGS = {0.1: 1, 0.25: 2, 0.5: 3}  # of coarse curves
FULL = 0.2
HELD_OUT = 200


@lru_cache(maxsize=1)
def load(name: str) -> tuple[Recorded, Any]:
    """A benchmark, and a search of its space, which has encoder and kernels."""
    benchmark = find(name)
    assert isinstance(benchmark, Recorded)
    return benchmark, ab.Optimizer(benchmark.space, maximize="value", seed=0)._search


def accuracy(
    kind: str, found: Posterior, noise: float, truth: Array
) -> Iterator[tuple[str, float]]:
    """All measures of one prediction."""
    known = np.isfinite(truth)
    mean, truth = found.mean[known], truth[known]
    sd = np.sqrt(found.variance[known] + noise)
    yield f"{kind} spearman", float(spearmanr(mean, truth).statistic)
    yield f"{kind} rmse", float(np.sqrt(np.mean((mean - truth) ** 2)))
    yield f"{kind} nll", -float(norm.logpdf(truth, mean, sd).mean())
    for share in (0.5, 0.9):
        inside = np.abs(truth - mean) < norm.ppf(0.5 + share / 2) * sd
        yield f"{kind} {share:.0%}", float(inside.mean())
        yield f"{kind} best {share:.0%}", float(inside[mean >= np.median(mean)].mean())


def measure(table: str, seed: int, n: int, part: float, *, chosen: bool) -> dict[str, float]:
    """One seed's measures."""
    benchmark, search = load(table)
    order = stream(seed, "networks").permutation(len(benchmark.rows))[: n + HELD_OUT]
    values = benchmark.values[order, :, 0].astype(float)
    values = values if benchmark.maximize else -values
    rows = benchmark.rows.take(order)
    known, new = (
        search.encoder.encode(rows.take(which))
        for which in (np.arange(n), np.arange(n, len(order)))
    )
    epochs = np.array(benchmark.fidelities, dtype=float)
    stop = RUNGS[part] if len(epochs) < 10 else round(part * len(epochs))
    ranks = np.argsort(-np.nan_to_num(values[:n, stop - 1], nan=-np.inf), kind="stable")
    full, stopped = np.split(ranks if chosen else np.arange(n), [round(FULL * n)])
    seen = values[:n].copy()
    seen[stopped, stop:] = np.nan

    outcomes = CurveOutcomes.of(Curves(epochs, seen, epochs[-1].item()))
    truth = transformed(
        outcomes.outcomes, (values[:, -1] - outcomes.level[-1]) / outcomes.spread[-1]
    )
    last = transformed(
        outcomes.outcomes,
        (seen[:, stop - 1] - outcomes.level[stop - 1]) / outcomes.spread[stop - 1],
    )
    kernel = search.structures[0]
    model = fit_curves(kernel, known, outcomes.curves, rng=stream(seed, "fit"))
    finals = model.finals()
    told = full[np.isfinite(truth[full])]
    level = float(truth[told].mean())
    plain = fit(kernel, take(known, told), truth[told] - level)
    at, among = plain.predict(take(known, stopped)), plain.predict(new)
    rest = Posterior(finals.mean[stopped], finals.variance[stopped])
    unsure = Posterior(last[stopped], np.ones(len(stopped)))
    return dict(
        [
            *accuracy("last", unsure, 0.0, truth[stopped]),
            *accuracy(
                "plain", Posterior(at.mean + level, at.variance), plain.noise, truth[stopped]
            ),
            *accuracy("model", rest, model.noise, truth[stopped]),
            *accuracy(
                "new plain", Posterior(among.mean + level, among.variance), plain.noise, truth[n:]
            ),
            *accuracy("new", model.predict(new), model.noise, truth[n:]),
        ]
    )


def run(job: tuple[str, int, bool]) -> list[dict[str, Any]]:
    """All measures of one table and seed."""
    table, seed, chosen = job
    return [
        {"table": table, "chosen": chosen, "trained": n, "part": part, "seed": seed}
        | measure(table, seed, n, part, chosen=chosen)
        for n in TRAINED
        for part in PARTS
    ]


COLUMNS = {
    "ranks: last value": "last spearman",
    "plain": "plain spearman",
    "curves": "model spearman",
    "error: last value": "last rmse",
    "plain ": "plain rmse",
    "curves ": "model rmse",
    "log loss": "model nll",
    "within 50%": "model 50%",
    "90%": "model 90%",
    "better half in 90%": "model best 90%",
}
NEW = {
    "ranks: plain": "new plain spearman",
    "curves": "new spearman",
    "error: plain": "new plain rmse",
    "curves ": "new rmse",
    "log loss: plain": "new plain nll",
    "curves  ": "new nll",
    "within 50%": "new 50%",
    "90%": "new 90%",
    "better half in 90%": "new best 90%",
}


def cell(measure: str, values: Array) -> str:
    """A mean over seeds and its standard error; a median where single seeds would decide."""
    if measure.endswith(("rmse", "nll")):
        return f"{np.median(values):.2f}"
    return "{:.2f} ± {:.2f}".format(*mean_of(values))


def summarise(results: list[dict[str, Any]], columns: dict[str, str]) -> str:
    """A row for each setting, a column for each measure."""
    lines = [f"| table, full trainings | trained | stopped at | {' | '.join(columns)} |"]
    lines.append("|" + " --- |" * (len(columns) + 3))
    settings = [(r["table"], r["chosen"], r["trained"], r["part"]) for r in results]
    for setting in dict.fromkeys(settings):
        own = [r for r, s in zip(results, settings, strict=True) if s == setting]
        cells = [cell(measure, np.array([r[measure] for r in own])) for measure in columns.values()]
        table, chosen, n, part = setting
        how = "chosen" if chosen else "random"
        lines.append(f"| {table}, {how} | {n} | {part:.0%} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="all measures as JSON")
    args = parser.parse_args()
    jobs = [
        (table, seed, chosen)
        for table in args.tables.split(",")
        for chosen in (False, True)
        for seed in range(args.seeds)
    ]
    with ProcessPoolExecutor(args.jobs) as pool:
        results = [row for rows in pool.map(run, jobs) for row in rows]
    print(summarise(results, COLUMNS), summarise(results, NEW), sep="\n\n")
    if args.out:
        args.out.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
