"""A program whose trainings report, save, go on and end with a value that only they determine."""

import os
import sys
import time
from pathlib import Path

import archbo as ab

SPACE = ab.Space(a=ab.Int(1, 1000), b=ab.Float(0, 1))
EPOCHS = 4


def outcome(arch: ab.Architecture) -> float:
    return arch["b"] + 1 / arch["a"]


def train(arch: ab.Architecture, trial: ab.Trial) -> float:
    log(f"began {trial.number} {trial.attempt}")
    state = trial.load() or {"epoch": 0, "sum": 0.0}
    for epoch in range(state["epoch"] + 1, trial.epochs + 1):
        time.sleep(float(os.environ.get("EPOCH_SECONDS", "0.05")))
        state = {"epoch": epoch, "sum": state["sum"] + outcome(arch) / EPOCHS}
        trial.save(state)
        trial.report(epoch, state["sum"])
    log(f"ended {trial.number} {trial.attempt}")
    return outcome(arch)


def log(line: str) -> None:
    with Path(sys.argv[2], "log").open("a") as file:
        file.write(line + "\n")


def make(store: str, folder: str, method: str) -> ab.Study:
    return ab.Study(
        store, SPACE, maximize="b", seed=0, method=method, epochs=EPOCHS, files=f"{folder}/files"
    )


if __name__ == "__main__":
    if (shift := float(os.environ.get("CLOCK_BACK", "0"))) > 0:
        real = time.time
        time.time = lambda: real() - shift
    store, folder, method, trials = sys.argv[1:5]
    study = make(store, folder, method)
    study.run(train, trials=int(trials), workers=2, lease=2)
