"""What a decision costs where trainings can be short: milliseconds on one thread.

    python benchmarks/curves_cost.py

A study has so many trials on a space of cells, with learning curves of up to 50 epochs: three in
four pause at the rung where they are, nine are full. The hyperparameters are known. A proposal says
what begins or goes on; a decision says whether a training that has reached a rung goes on at once.
Medians of so many of each. The cost of one Cholesky factorisation of 1,000 rows in the same run, in
the last line, is for comparing machines.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import time
from collections.abc import Callable

import numpy as np

import archbo as ab
from archbo.arrays import stream
from archbo.data import Curve, Dataset, Observation, State
from archbo.methods import find_method
from archbo.methods.multifidelity import MultiFidelitySearch
from archbo.methods.rungs import Runner
from archbo.problem import Problem
from archbo.spaces import Architecture

EPOCHS = 50
FULL = 9  # trainings that came to the end
DEEPER = 1.1  # trainings at each rung are exp(-1.1), a third, of those at the rung below
CELL = ab.EdgeCell(
    nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"]
)  # fmt: skip


def study(trials: int) -> tuple[Problem, MultiFidelitySearch, list[Curve], list[Observation]]:
    """Trials of random cells, the more convolutions the better."""
    fidelity = ab.Epochs(1, EPOCHS)
    problem = Problem.make(CELL, maximize="score", minimize=None, seed=0, fidelity=fidelity)
    rng = np.random.default_rng(0)
    archs: dict[str, Architecture] = {}
    while len(archs) < trials:
        arch = CELL.sample(rng)
        archs[arch.id] = arch
    rungs = fidelity.rungs(3.0)
    curves, told = [], []
    for number, arch in enumerate(archs.values()):
        deep = int(rng.exponential(1 / DEEPER))
        reached = EPOCHS if number < FULL else rungs[min(deep, len(rungs) - 1)]
        epochs = np.arange(1.0, reached + 1)
        quality = sum(op == "conv_3x3" for _, _, op in arch.value) + 0.3 * rng.normal()
        values = quality * (1 - np.exp(-epochs / 10)) - 3 * epochs**-0.5
        values += 0.05 * rng.normal(size=len(values))
        full = reached == EPOCHS
        state, target = (State.FINISHED, None) if full else (State.PAUSED, reached)
        curves.append(Curve(arch, epochs, values, state, target))
        told.append(Observation(arch, float(values[-1]), target))
    search = find_method("bo").prepare(problem)
    assert isinstance(search, MultiFidelitySearch)
    return problem, search, curves, told


def timed(action: Callable[[int], object], repeats: int) -> float:
    """Median milliseconds."""
    seconds = []
    for k in range(repeats):
        start = time.perf_counter()
        action(k)
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds))


def line(trials: int, repeats: int) -> str:
    problem, search, curves, told = study(trials)
    fresh = Dataset.make(problem, told, [], {}, curves)
    found = search._belief(fresh, Runner.of(problem, fresh)).hyperparameters
    dataset = Dataset.make(problem, told, [], found, curves)
    ended = next(c for c in reversed(curves) if c.state is State.PAUSED)
    cells = [
        trials,
        sum(len(curve.levels) for curve in curves),
        timed(lambda k: search.propose(dataset, 1, stream(k, "propose")), repeats),
        timed(lambda k: search.decide(dataset, ended, stream(k, "decide")), repeats),
    ]
    return "| " + " | ".join(f"{cell:.0f}" for cell in cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--trials", default="50,100,300,1000")
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    print("| trials | points of curves | propose, ms | decide, ms |\n| --- | --- | --- | --- |")
    for trials in map(int, args.trials.split(",")):
        print(line(trials, args.repeats), flush=True)
    matrix = np.eye(1000) + 1e-3
    print(f"\nCholesky, 1,000 rows: {timed(lambda _: np.linalg.cholesky(matrix), 9):.1f} ms")


if __name__ == "__main__":
    main()
