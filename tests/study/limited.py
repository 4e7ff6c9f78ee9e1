"""Trainings that go wrong as their width says; each notes its attempts in its folder's `attempts`.

Run by the tests in processes.
"""

import os
import signal
import time
from pathlib import Path

import archbo as ab

SPACE = ab.Space(width=ab.Int(1, 40))


def begun(trial: ab.Trial) -> int:
    """Which training of this trial this is, from 1."""
    with Path(os.environ["ATTEMPTS"]).open("a") as attempts:
        attempts.write(f"{trial.number}\n")
    return trial.attempt


def killed_at_first(arch: ab.Architecture, trial: ab.Trial) -> float:
    print(f"attempt {trial.attempt} with seed {trial.seed}", flush=True)
    if begun(trial) == 1 and trial.number % 3 == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return float(arch["width"])


def always_killed(arch: ab.Architecture, trial: ab.Trial) -> float:
    begun(trial)
    os.kill(os.getpid(), signal.SIGKILL)
    return 0.0


def fails_at_first(arch: ab.Architecture, trial: ab.Trial) -> float:
    if begun(trial) == 1 and trial.number % 3 == 1:
        raise ValueError("no luck")
    return float(arch["width"])


def killed_then_fails(arch: ab.Architecture, trial: ab.Trial) -> float:
    """Trial 0 is killed when trial 1 has begun, which fails meanwhile."""
    begun(trial)
    if trial.number == 1:
        raise ValueError("too narrow")
    if trial.attempt == 1:
        while "1" not in Path(os.environ["ATTEMPTS"]).read_text().split():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    return float(arch["width"])


def fills_the_gpu(arch: ab.Architecture, trial: ab.Trial) -> float:
    if begun(trial) == 1 and trial.number % 3 == 1:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
    return float(os.environ["CUDA_VISIBLE_DEVICES"])


def sleeps(arch: ab.Architecture, trial: ab.Trial) -> float:
    begun(trial)
    time.sleep(60)
    return 0.0


def make(store: str | Path | None) -> ab.Study:
    return ab.Study(store, SPACE, maximize="width", seed=0, method="random")
