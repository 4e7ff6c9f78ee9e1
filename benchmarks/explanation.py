"""Whether an explanation after a search says what the whole table says.

    ARCHBO_DATA=… python benchmarks/explanation.py --seeds 10 --jobs 2

A search by the default method trains so many cells of NAS-Bench-201, one recorded training each;
its explanation is compared with the results of all 15,625 cells, means over training seeds:

- Spearman's correlation of the effects of all options at their places, and of all motifs that are
  neither rare nor nearly everywhere, with those in the table: differences of mean accuracies, and
  of mean ranks;
- how often the direction is right of the motifs that the explanation tells, by mean ranks, and how
  many there are;
- how often the effects of all options and motifs lie within one and two of their standard
  deviations, on the model's scale;
- of the options that it says never pay: how many there are, and in how many of them the table has a
  cell that is better than the incumbent's own entry; by how much the best such cell is better, in
  percent points;
- seconds for the explanation, on one core.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata, spearmanr

import archbo as ab
from archbo.arrays import Array, stream
from archbo.bench import find
from archbo.bench.recorded import Recorded
from archbo.bench.summary import mean as mean_of
from archbo.explain import explain
from archbo.explain.landscape import Landscape
from archbo.explain.levels import levels
from archbo.explain.models import fit
from archbo.explain.motifs import contrasts

TABLES = ("nas-bench-201/cifar10", "nas-bench-201/cifar100")


@lru_cache(maxsize=1)
def load(name: str) -> Recorded:
    benchmark = find(name)
    assert isinstance(benchmark, Recorded)
    return benchmark


def searched(benchmark: Recorded, seed: int, trials: int) -> ab.Optimizer:
    """A search of so many trainings."""
    opt = ab.Optimizer(benchmark.space, maximize="accuracy", seed=seed)
    trained: dict[str, int] = {}
    for _ in range(trials):
        arch = opt.ask()
        repeat = trained.setdefault(arch.id, 0)
        trained[arch.id] += 1
        opt.tell(arch, benchmark.objective(arch, seed, repeat=repeat))
    return opt


def differences(values: Array, inside: Array, outside: Array) -> Array:
    """Means inside each group less those outside, [g]."""
    return (values @ inside) / inside.sum(axis=0) - (values @ outside) / outside.sum(axis=0)


def transformed(scores: Array, values: Array, y: Array) -> Array:
    """Values on the model's scale; beyond the observed it goes on as in the outer quarters."""
    k = max(1, (len(values) - 1) // 4)
    low = (scores[k] - scores[0]) / (values[k] - values[0])
    high = (scores[-1] - scores[-1 - k]) / (values[-1] - values[-1 - k])
    below, above = np.minimum(y - values[0], 0), np.maximum(y - values[-1], 0)
    return np.interp(y, values, scores) + low * below + high * above


def run(job: tuple[str, int, int]) -> dict[str, Any]:
    """All figures of one search."""
    name, seed, trials = job
    benchmark = load(name)
    opt = searched(benchmark, seed, trials)
    problem, dataset, search = opt.problem, opt._dataset(), opt._search
    start = time.perf_counter()
    told = explain(problem, dataset, search)
    seconds = time.perf_counter() - start

    compiled, rows, truths = problem.compiled, benchmark.rows, benchmark.truths
    ranks = rankdata(truths) / len(truths)
    model = fit(problem, dataset, search)
    landscape = Landscape.of(problem, model, stream(problem.seed, "explain"))
    decisions = levels(compiled, landscape.rows)
    found: dict[str, Any] = {"table": name, "seed": seed, "trials": trials, "seconds": seconds}

    options = np.hstack([decision.groups(rows) for decision in decisions])
    patterns = contrasts(landscape, compiled, model)
    (batch,) = compiled.graphs(rows).values()
    has = np.stack([c.pattern.present(batch) for c in patterns], axis=1).astype(float)
    sides = {
        "options": (options, np.ones(options.shape), [e.effect for e in told.options]),
        "motifs": (has, 1 - has, [c.effect for c in patterns]),
    }
    for kind, (inside, outside, effects) in sides.items():
        for unit, truth in (("accuracy", truths), ("rank", ranks)):
            exact = differences(truth, inside, outside)
            found[f"{kind}, {unit}"] = float(spearmanr(effects, exact).statistic)
    found |= within(model, landscape, rows, truths, sides)

    by_words = {(m.words, m.share): m.effect for m in told.motifs}
    exact = differences(ranks, has, 1 - has)
    shown = [k for k, c in enumerate(patterns) if c.effect in by_words.values()]
    found["told"] = len(told.motifs)
    if shown:
        found["right"] = float(np.mean([patterns[k].effect * exact[k] > 0 for k in shown]))
    incumbent = benchmark.truth(told.incumbent)
    best = [
        truths[options[:, column(decisions, r.decision, r.option)] > 0].max() - incumbent
        for r in told.removable
    ]
    found["removable"] = len(best)
    found["better"] = int(sum(gain > 0 for gain in best))
    if best:
        found["best with one"] = float(max(best))
    return found


def column(decisions: list[Any], path: str, option: str) -> int:
    """Where an option is among all."""
    at = 0
    for decision in decisions:
        if decision.path == path:
            return at + int(decision.names.index(option))
        at += len(decision.names)
    raise KeyError(path)


def within(
    model: Any, landscape: Landscape, rows: Any, truths: Array, sides: dict[str, Any]
) -> dict[str, float]:
    """How often the effects lie within one and two standard deviations of the table's."""
    outcomes = model.belief.outcomes
    z = transformed(outcomes.scores, outcomes.values, truths)
    places = dict(zip(rows.keys(), range(len(rows)), strict=True))
    at = np.array(list(map(places.__getitem__, landscape.rows.keys())))
    m = landscape.draws.shape[1]
    found = {}
    for kind, (inside, outside, _) in sides.items():
        exact = differences(z, inside, outside)
        mean = differences(landscape.mean, inside[at], outside[at])
        sd = differences(landscape.draws, inside[at[:m]], outside[at[:m]]).std(axis=0)
        off = np.abs(mean - exact) / sd
        found[f"{kind} in 1 sd"] = float(np.nanmean(off < 1))
        found[f"{kind} in 2 sd"] = float(np.nanmean(off < 2))
    return found


def summarise(results: list[dict[str, Any]]) -> str:
    """A column for each table, a row for each figure."""
    tables = list(dict.fromkeys(r["table"] for r in results))
    names = [k for k in results[0] if k not in ("table", "seed", "trials")]
    lines = ["| | " + " | ".join(tables) + " |", "|" + " --- |" * (len(tables) + 1)]
    for name in dict.fromkeys([*names, "right", "best with one"]):
        cells = []
        for table in tables:
            values = np.array([r[name] for r in results if r["table"] == table and name in r])
            cells.append("{:.2f} ± {:.2f}".format(*mean_of(values)) if len(values) > 1 else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="all figures as JSON")
    args = parser.parse_args()
    jobs = [
        (table, seed, args.trials) for table in args.tables.split(",") for seed in range(args.seeds)
    ]
    with ProcessPoolExecutor(args.jobs) as pool:
        results = list(pool.map(run, jobs))
    print(summarise(results))
    if args.out:
        args.out.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
