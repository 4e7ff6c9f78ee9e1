"""Time per proposal against the number of observations, on one thread.

    python benchmarks/proposal_time.py

Each figure is the median over proposals of one search; the last column compares it with the
Cholesky factorisation of a matrix of 1,000 rows in the same run, so that machines compare.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import time

import numpy as np

import archbo as ab
from archbo.arrays import stream
from archbo.spaces import Part

CELL = ab.EdgeCell(
    nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"]
)  # fmt: skip
SPACES: dict[str, Part] = {
    "edge cell": CELL,
    "node cell": ab.NodeCell(max_nodes=7, max_edges=9, ops=["conv3x3", "conv1x1", "maxpool3x3"]),
    "chain of 20": ab.Chain(ab.Choice(["a", "b", "c", "d", "e"]), length=20),
    "cell and settings": ab.Space(
        cell=CELL,
        channels=ab.Int(4, 32, log=True),
        head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 256, log=True))}),
        lr=ab.Float(1e-4, 1e-1, log=True),
    ),
}


def unit() -> float:
    """Seconds of one Cholesky factorisation of 1,000 rows, the best of 5."""
    matrix = np.eye(1000) * 1000 + np.ones((1000, 1000))
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        np.linalg.cholesky(matrix)
        best = min(best, time.perf_counter() - start)
    return best


def score(arch: ab.Architecture, noise: float) -> float:
    """A smooth function of the row, with noise: what it is does not matter here."""
    numbers = np.array(arch.numbers)
    return float(np.sin(numbers).sum() + 0.1 * noise)


def measure(space: Part, observations: int, proposals: int) -> float:
    """The median seconds of ask and tell after so many observations."""
    opt = ab.Optimizer(space, maximize="score", seed=0)
    rng = stream(0, "noise")
    archs = [space.sample(rng) for _ in range(observations - 2)]
    opt.tell(archs, [score(arch, rng.normal()) for arch in archs])
    seconds = []
    for _ in range(proposals + 2):  # the first two fit from the prior and fill the caches
        start = time.perf_counter()
        arch = opt.ask()
        seconds.append(time.perf_counter() - start)
        opt.tell(arch, score(arch, rng.normal()))
    return float(np.median(seconds[2:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--observations", default="20,50,150,300")
    parser.add_argument("--proposals", type=int, default=11)
    args = parser.parse_args()
    reference = unit()
    print("| space | observations | ms per proposal | Cholesky factorisations |")
    print("| --- | --- | --- | --- |")
    for name, space in SPACES.items():
        for n in map(int, args.observations.split(",")):
            seconds = measure(space, n, args.proposals)
            print(f"| {name} | {n} | {seconds * 1000:.1f} | {seconds / reference:.1f} |")


if __name__ == "__main__":
    main()
