"""A program whose trainings are paused and continued, and can be made to wait."""

import io
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import archbo as ab
from archbo.data import Decision, Proposal
from archbo.methods import RandomSearch, Search

SPACE = ab.Space(lr=ab.Float(0.01, 0.3), goal=ab.Int(1, 1000))


class Rungs(Search):
    """Promotes the best third of each rung; asks anew at some targets."""

    def __init__(self, problem, eager):
        self.rungs = problem.fidelity.rungs(3)
        self.random = RandomSearch().prepare(problem)
        self.eager = eager

    def propose(self, dataset, count, rng):  # noqa: ARG002 - inherited
        for low, high in reversed(list(zip(self.rungs, self.rungs[1:], strict=False))):
            there = [c for c in dataset.curves if c.reached >= low]
            there.sort(key=lambda c: -c.values[c.levels <= low][-1])
            for curve in there[: len(there) // 3]:
                if curve.state is ab.State.PAUSED and curve.reached == low:
                    arch = curve.architecture
                    return [Proposal(arch, "promoted", fidelity=high, resume=low)]
        (new,) = self.random.propose(dataset, 1, rng)
        return [replace(new, fidelity=self.rungs[0])]

    def decide(self, dataset, curve, rng):  # noqa: ARG002 - inherited
        best = max(c.values[-1] for c in dataset.curves if len(c.levels))
        if self.eager and curve.values[-1] == best > -150:
            return Decision(target=min(r for r in self.rungs if r > curve.reached))
        return Decision(final=curve.values[-1] < -270)


@dataclass(frozen=True)
class Promote:
    eager: bool = True

    def prepare(self, problem):
        return Rungs(problem, self.eager)


def train(arch, trial):
    folder, wait = Path(os.environ["LOGS"]), os.environ.get("WAIT_AT")
    weights, speed = np.zeros((2, 3))
    saved = trial.load()
    if saved is not None:
        weights, speed = np.load(io.BytesIO(saved))
    for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
        if wait == f"{trial.number}.{epoch}":
            (folder / wait).touch()
            time.sleep(60)
        noise = np.random.default_rng([trial.seed, epoch]).normal(size=3)
        speed = 0.5 * speed - arch["lr"] * (weights - arch["goal"] + noise)
        weights = weights + speed
        with (folder / f"{trial.number}.log").open("a") as log:
            log.write(f"{epoch} ")
        state = io.BytesIO()
        np.save(state, np.stack([weights, speed]))
        trial.save(state.getvalue(), epoch=epoch)
        trial.report(epoch, -float(np.abs(weights - 300).mean()))
    return trial.last_report.value


def make(store, **options):
    return ab.Study(
        store,
        SPACE,
        maximize="score",
        **{"method": Promote(), "fidelity": ab.Epochs(1, 9)} | options,
    )


if __name__ == "__main__":
    make(sys.argv[1]).run(train, budget=float(sys.argv[2]), workers=int(sys.argv[3]))
