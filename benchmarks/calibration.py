"""How well the default method predicts networks that it has not seen, and how surely.

    ARCHBO_DATA=… python benchmarks/calibration.py --seeds 20 --jobs 2

Each seed tells an optimizer so many random networks of a table, one recorded training each, and
asks it about up to 1,000 others, no two of all of them the same network. Ranks are compared with
the mean over recorded trainings. Intervals are the central ones of 50% and 90%, of three things:

- the mean over the recorded trainings of a network, as the truth: the belief of the noise-free
  objective, widened by what noise remains in a mean of so few trainings (one to three mostly);
- one more training: the same belief with all the noise that the model sees;
- what `predict` says to a user: the mean over recorded trainings against mean ± so many standard
  deviations in the objective's units, as if that were normal and the recorded mean had no noise.

The first two are quantiles of the mixture that the search believes in, which no monotone transform
of the objective changes. The negative log likelihood, of the first, is in nats in units of the
transformed objective, whose observations have standard deviation 1. The hyperparameters are fitted
from their prior, as a search does every 20 networks.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp, ndtr
from scipy.stats import kendalltau, norm, spearmanr

import archbo as ab
from archbo.arrays import Array, one_thread, stream
from archbo.bench import find
from archbo.bench.recorded import Recorded
from archbo.bench.summary import mean as mean_of
from archbo.methods.processes import ProcessBelief
from archbo.surrogates import Outcomes

TABLES = (
    "nas-bench-201/cifar10",
    "nas-bench-201/cifar100",
    "nas-bench-macro",
    "nas-bench-101",
    "nas-bench-nlp",
    "digits",
)
TRAINED = (20, 50, 100, 200)
HELD_OUT = 1000
DRAWN = 3  # rows for each network that is wanted: some are the same network
MEASURES = {
    "spearman": "Spearman",
    "kendall": "Kendall",
    "kendall best": "of the best fifth",
    "nll": "nll",
    "truth 50%": "truth in 50%",
    "truth 90%": "in 90%",
    "training 50%": "training in 50%",
    "training 90%": "in 90%",
    "predict 50%": "`predict` 50%",
    "predict 90%": "90%",
}


class Mixture(NamedTuple):
    """Normal distributions [k c] with weights [k]."""

    weights: Array
    means: Array
    sds: Array

    def widened(self, variances: Array) -> Mixture:
        """With more variance, [k c]."""
        return self._replace(sds=np.sqrt(self.sds**2 + variances))

    def nll(self, y: Array) -> float:
        """Mean negative log likelihood, in nats."""
        logs = norm.logpdf(y, self.means, self.sds)
        return -float(logsumexp(logs, axis=0, b=self.weights[:, None]).mean())

    def within(self, y: Array, share: float) -> float:
        """How large a part of [c] lies in the central interval that should hold this share."""
        below = self.weights @ ndtr((y - self.means) / self.sds)
        return float((np.abs(below - 0.5) < share / 2).mean())


def transformed(outcomes: Outcomes, y: Array) -> Array:
    """Values by the transform of others; beyond these it goes on as in its outer quarters."""
    values, scores = outcomes.values, outcomes.scores
    k = max(1, (len(values) - 1) // 4)
    low = (scores[k] - scores[0]) / (values[k] - values[0])
    high = (scores[-1] - scores[-1 - k]) / (values[-1] - values[-1 - k])
    inside = np.interp(y, values, scores)
    below, above = np.minimum(y - values[0], 0), np.maximum(y - values[-1], 0)
    return inside + low * below + high * above


class Drawn(NamedTuple):
    """Different networks of a table, which can be trained."""

    archs: list[ab.Architecture]
    values: list[float | None]  # of one training
    truths: Array
    trainings: Array  # that the truth is the mean of

    def told(self, which: slice) -> tuple[list[ab.Architecture], list[Any]]:
        """A part of them as an optimizer is told of it."""
        values = [ab.FAILED if value is None else value for value in self.values[which]]
        return self.archs[which], values

    def held_out(self) -> Drawn:
        """Those behind the trained whose training gave a value."""
        kept = [i for i in range(max(TRAINED), len(self.archs)) if self.values[i] is not None]
        archs, values = [self.archs[i] for i in kept], [self.values[i] for i in kept]
        return Drawn(archs, values, self.truths[kept], self.trainings[kept])


@lru_cache(maxsize=1)
def load(name: str) -> Recorded:
    benchmark = find(name)
    assert isinstance(benchmark, Recorded)
    return benchmark


def draw(benchmark: Recorded, seed: int) -> Drawn:
    """Networks in random order, as many as are needed or there are."""
    compiled, wanted = benchmark.space.compiled, max(TRAINED) + HELD_OUT
    order = stream(seed, "networks").permutation(len(benchmark.rows))[: DRAWN * wanted]
    _, first = np.unique(compiled.ids(benchmark.rows.take(order)), return_index=True)
    order = order[np.sort(first)[:wanted]]
    archs = compiled.architectures(benchmark.rows.take(order))
    values = [benchmark.objective(arch, seed) for arch in archs]
    trainings = np.isfinite(benchmark.values[order, -1]).sum(axis=-1)
    return Drawn(archs, values, benchmark.truths[order], trainings)


def belief_of(opt: ab.Optimizer) -> ProcessBelief:
    """What the method believes of all that the optimizer was told."""
    search: Any = opt._search
    with one_thread():
        belief = search._belief(opt._dataset())
    assert isinstance(belief, ProcessBelief)
    return belief


def mixture(opt: ab.Optimizer, belief: ProcessBelief, archs: list[ab.Architecture]) -> Mixture:
    """The belief of the noise-free objective, transformed."""
    search: Any = opt._search
    with one_thread():
        found = belief.posteriors(search.encoder.encode(opt.problem.compiled.encode(archs)))
    return Mixture(
        belief.weights, np.stack([p.mean for p in found]), np.stack([p.sd for p in found])
    )


def figures(opt: ab.Optimizer, new: Drawn) -> dict[str, float]:
    """All measures of one optimizer on networks that it was not told of."""
    inward = opt.problem.objective.inward
    belief = belief_of(opt)
    believed = mixture(opt, belief, new.archs)
    noise = np.array([[model.noise] for model in belief.models])
    mean, sd = opt.predict(new.archs)
    truth = inward(new.truths)
    best = truth >= np.quantile(truth, 0.8)
    of_mean = believed.widened(noise / new.trainings)
    of_one = believed.widened(noise * np.ones(len(truth)))
    said = Mixture(np.ones(1), inward(mean)[None], sd[None])
    target = transformed(belief.outcomes, truth)
    trained = transformed(belief.outcomes, inward(np.array(new.values, dtype=float)))
    found = {
        "spearman": float(spearmanr(inward(mean), truth).statistic),
        "kendall": float(kendalltau(inward(mean), truth).statistic),
        "kendall best": float(kendalltau(inward(mean)[best], truth[best]).statistic),
        "nll": of_mean.nll(target),
    }
    for share in (0.5, 0.9):
        found[f"truth {share:.0%}"] = of_mean.within(target, share)
        found[f"training {share:.0%}"] = of_one.within(trained, share)
        found[f"predict {share:.0%}"] = said.within(truth, share)
    return found


def run(job: tuple[str, int]) -> list[dict[str, Any]]:
    """All figures of one table and seed."""
    name, seed = job
    benchmark = load(name)
    drawn = draw(benchmark, seed)
    new = drawn.held_out()
    opt = ab.Optimizer(
        benchmark.space,
        maximize="value" if benchmark.maximize else None,
        minimize=None if benchmark.maximize else "value",
        seed=seed,
    )
    found = []
    for last, n in pairwise((0, *TRAINED)):
        opt.tell(*drawn.told(slice(last, n)))
        found.append({"table": name, "seed": seed, "trained": n, **figures(opt, new)})
    return found


def cell(measure: str, values: Array) -> str:
    """A mean over seeds and its standard error; shares in percent."""
    if not measure.endswith("%"):
        return "{:.2f} ± {:.2f}".format(*mean_of(values))
    return "{:.0f} ± {:.0f}".format(*mean_of(100 * values))


def summarise(results: list[dict[str, Any]]) -> str:
    """A row for each table and number of trainings, a column for each measure."""
    lines = [f"| table | trained | {' | '.join(MEASURES.values())} |"]
    lines.append("|" + " --- |" * (len(MEASURES) + 2))
    for table, n in dict.fromkeys((r["table"], r["trained"]) for r in results):
        own = [r for r in results if (r["table"], r["trained"]) == (table, n)]
        cells = [cell(measure, np.array([r[measure] for r in own])) for measure in MEASURES]
        lines.append(f"| {table} | {n} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="all figures as JSON")
    args = parser.parse_args()
    jobs = [(table, seed) for table in args.tables.split(",") for seed in range(args.seeds)]
    with ProcessPoolExecutor(args.jobs) as pool:
        results = [row for rows in pool.map(run, jobs) for row in rows]
    print(summarise(results))
    if args.out:
        args.out.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
