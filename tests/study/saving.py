"""A program whose trainings save their state after each epoch, and can be made to wait."""

import os
import sys
import time
from pathlib import Path

import archbo as ab


def train(arch: ab.Architecture, trial: ab.Trial) -> float:
    folder = Path(sys.argv[1]).parent
    state = trial.load() or {"epoch": 0}
    for epoch in range(state["epoch"] + 1, trial.epochs + 1):
        if str(epoch) == os.environ.get("PAUSE"):
            (folder / f"{trial.number}.{epoch}").touch()
            time.sleep(60)
        with (folder / f"{trial.number}.log").open("a") as log:
            log.write(f"{epoch} ")
        trial.report(epoch, arch["a"] * epoch)
        trial.save({"epoch": epoch})
    return float(arch["a"])


if __name__ == "__main__":
    space = ab.Space(a=ab.Int(1, 50))
    study = ab.Study(sys.argv[1], space, maximize="a", method="random", epochs=4)
    study.save_best(1)
    study.run(train, trials=5, workers=2)
