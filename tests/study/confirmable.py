"""A program whose trainings are noisy and quick, or as slow as it is told."""

import os
import random
import sys
import time

import archbo as ab

SPACE = ab.Space(a=ab.Int(1, 30), b=ab.Choice(["x", "y"]))


def train(arch: ab.Architecture, trial: ab.Trial) -> float:
    time.sleep(float(os.environ.get("TRAIN_SECONDS", "0")))
    return arch["a"] / 10 + (arch["b"] == "x") / 20 + random.Random(trial.seed).gauss(0, 0.5)


def fragile(arch: ab.Architecture, trial: ab.Trial) -> float:
    if trial.number >= 12 and arch["a"] % 2:
        raise ValueError("diverged")
    return train(arch, trial)


def make(store: str | None, **more: object) -> ab.Study:
    return ab.Study(store, SPACE, **{"maximize": "score", "method": "random"} | more)


if __name__ == "__main__":
    study = make(sys.argv[1])
    study.run(train, trials=12)
    if len(sys.argv) > 2:
        study.confirm(train, **{sys.argv[2]: int(sys.argv[3])})
        print(study.confirmation.winner.mean)
