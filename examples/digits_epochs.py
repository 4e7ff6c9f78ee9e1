"""The search of digits.py, where the search decides how long each training runs.

    archbo run examples/digits_epochs.py --budget 10   # or: python examples/digits_epochs.py
    archbo show digits-epochs.db                       # curves, rungs, the epochs saved

Most trainings pause after 3 epochs; what is good there goes on from what it saved, up to 9 epochs,
and then 27. The budget is counted in full trainings: 10 are worth 270 epochs.

A training that goes on equals one that never stopped, to the last bit: what it saves is all that
decides how it continues, the state of the random numbers included.
"""

import torch
from digits import accuracy, begin, build, connected, params, space, train_epoch

import archbo as ab

__all__ = ["build"]  # for archbo check and archbo export

FIDELITY = ab.Epochs(3, 27)


def train(arch: ab.Architecture, trial: ab.Trial) -> float:
    """What the study calls for each training that it begins or continues."""
    model, optimizer, schedule = begin(arch, trial.seed, trial.epochs)
    saved = trial.load()
    if saved is not None:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
        torch.set_rng_state(saved["random"])
    # the last epoch that was saved is reported again: the program may have been killed in between
    for epoch in range(max(trial.epochs_done, 1), trial.epochs + 1):
        if epoch > trial.epochs_done:
            train_epoch(model, optimizer, schedule)
            trial.save(
                {
                    "epoch": epoch,
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                    "random": torch.get_rng_state(),
                }
            )
        value = accuracy(model)
        trial.report(epoch, value)
    return value


if __name__ == "__main__":
    study = ab.Study(
        "digits-epochs.db",
        space,
        maximize="accuracy",
        seed=0,
        fidelity=FIDELITY,
        features={"params": params},
        constraints=[{"params": "<= 15000"}, connected],
    )
    study.run(train, budget=10, workers=2)
    print(study.best.architecture, study.best.value)
