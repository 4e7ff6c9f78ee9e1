"""A program as users write it, whose trainings are quick; run by the tests in processes."""

import os
import sys
import time

import archbo as ab

CELL = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3"])
SPACE = ab.Space(cell=CELL, lr=ab.Float(1e-4, 1e-1, log=True))


def convolutions(arch: ab.Architecture) -> float:
    return float(sum(op == "conv_3x3" for *_, op in arch["cell"]))


def train(arch: ab.Architecture, trial: ab.Trial) -> float:
    time.sleep(float(os.environ.get("TRAIN_SECONDS", "0")))
    value = convolutions(arch) - abs(arch["lr"] - 0.01)
    if value < 1:
        raise ValueError("diverged")
    for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
        trial.report(epoch, value * epoch / trial.epochs)
    return value


def slow(arch: ab.Architecture, trial: ab.Trial) -> float:
    time.sleep(60)
    return 0.0


def dies(arch: ab.Architecture, trial: ab.Trial) -> float:
    if trial.number == 2:
        os.abort()
    if trial.number == 3:
        sys.exit(3)
    if trial.number == 4:
        os._exit(4)
    return convolutions(arch)


def make(store: str | None, *, method: str = "bo", constrained: bool = False) -> ab.Study:
    return ab.Study(
        store,
        SPACE,
        maximize="accuracy",
        seed=0,
        method=method,
        epochs=2,
        features={"convs": convolutions} if constrained else None,
        constraints={"convs": "<= 4"} if constrained else None,
    )


if __name__ == "__main__":
    study = make(sys.argv[1], method=sys.argv[2], constrained="constrained" in sys.argv)
    study.run(train, trials=int(sys.argv[3]))
    print(study.best.value)
