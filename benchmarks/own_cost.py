"""What a proposal costs beside other libraries: milliseconds and memory, on one thread.

    python benchmarks/own_cost.py
    python benchmarks/own_cost.py --peer-python optuna=/path/to/optuna/bin/python

Each search is told so many results in one go, then asked and told one by one, in a process of its
own; each figure is the median over these proposals of the seconds of ask and tell. The peak memory
is of the whole process. Proposals after which the hyperparameters are fitted again take longer:
they are in `mean`, which a few of them move. With Optuna's interpreter, its samplers are given the
same results, and the last columns say how many times as long they take. The cost of one Cholesky
factorisation of 1,000 rows in the same run, in the last line, is for comparing machines.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import archbo as ab
from archbo.arrays import stream
from archbo.bench.peers import Peer, interpreter, parse_pythons
from archbo.bench.synthetic import synthetic
from archbo.errors import PeerError
from archbo.spaces import Architecture, Part
from archbo.spaces.moves import sample

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
    "synthetic/60": synthetic(60).space,
}
PEERS = ("optuna:tpe", "optuna:gp")
SLOW = {"optuna:gp": 1000}
"""With more observations than these it is not run."""
_WARM = 2  # proposals that fit from the prior and fill the caches


def unit() -> float:
    """Seconds of one Cholesky factorisation of 1,000 rows, the best of 5."""
    matrix = np.eye(1000) * 1000 + np.ones((1000, 1000))
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        np.linalg.cholesky(matrix)
        best = min(best, time.perf_counter() - start)
    return best


def score(arch: Architecture, noise: float) -> float:
    """A smooth function of the row, with noise: what it is does not matter here."""
    return float(np.sin(np.array(arch.numbers)).sum() + 0.1 * noise)


def measure(name: str, observations: int, proposals: int, peer: str, python: str) -> dict[str, Any]:
    """Median and mean milliseconds of ask and tell after so many observations; peak memory."""
    space, rng = SPACES[name], stream(0, "noise")
    archs = space.compiled.architectures(sample(space.compiled, rng, observations - _WARM))
    values = [score(arch, rng.normal()) for arch in archs]
    search: ab.Optimizer | Peer
    if peer:
        told = list(zip(archs, values, strict=True))
        trials = observations + proposals
        search = Peer(peer, space, python=Path(python), trials=trials, timeout=300.0, told=told)
    else:
        search = ab.Optimizer(space, maximize="score", seed=0)
        search.tell(archs, values)
    seconds = []
    for _ in range(proposals + _WARM):
        start = time.perf_counter()
        arch = search.ask()
        asked = time.perf_counter()
        value = score(arch, rng.normal())
        told_at = time.perf_counter()
        search.tell(arch, value)
        seconds.append(asked - start + time.perf_counter() - told_at)
    if isinstance(search, Peer):
        search.close()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN if peer else resource.RUSAGE_SELF).ru_maxrss
    kilobytes = peak / 1024 if sys.platform == "darwin" else peak
    found = 1000 * np.array(seconds[_WARM:])
    return {
        "median": float(np.median(found)),
        "mean": float(found.mean()),
        "megabytes": kilobytes / 1024,
    }


def measured(name: str, observations: int, proposals: int, peer: str, python: str) -> Any:
    """The same, in a process of its own; None where it fails."""
    job = json.dumps([name, observations, proposals, peer, python])
    done = subprocess.run(
        [sys.executable, __file__, "--job", job], stdout=subprocess.PIPE, check=False
    )
    return json.loads(done.stdout) if done.returncode == 0 else None


def peer_columns(found: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    """How many times as long the others take."""
    texts = []
    for other in others.values():
        if isinstance(other, str) or other is None:
            texts.append(other or "failed")
        else:
            texts.append(f"{other['median']:.0f} ms ({other['median'] / found['median']:.1f}x)")
    return "".join(f" {text} |" for text in texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--spaces", default=",".join(SPACES))
    parser.add_argument("--observations", default="150,1000,10000")
    parser.add_argument("--proposals", type=int, default=11)
    parser.add_argument("--peer-python", action="append", default=[])
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        try:
            print(json.dumps(measure(*json.loads(args.job))))
        except PeerError as error:
            sys.exit(str(error))
        return
    pythons = parse_pythons(args.peer_python)
    peers = {peer: interpreter(peer, pythons) for peer in PEERS} if pythons else {}
    names = "".join(f" {peer} |" for peer in peers)
    print(f"| space | observations | ms, median | ms, mean | MB |{names}")
    print(f"|{' --- |' * (5 + len(peers))}")
    for name in args.spaces.split(","):
        for n in map(int, args.observations.split(",")):
            found = measured(name, n, args.proposals, "", "")
            others = {
                peer: "not run"
                if n > SLOW.get(peer, n)
                else measured(name, n, min(args.proposals, 5), peer, str(python))
                for peer, python in peers.items()
            }
            own = f"{found['median']:.1f} | {found['mean']:.1f} | {found['megabytes']:.0f}"
            print(f"| {name} | {n} | {own} |{peer_columns(found, others)}", flush=True)
    print(f"\nCholesky factorisation of 1,000 rows: {unit() * 1000:.1f} ms")


if __name__ == "__main__":
    main()
