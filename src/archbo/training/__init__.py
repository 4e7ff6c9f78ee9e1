"""Inside one training process: what a training function is given, and how one attempt is run."""

from archbo.training.messages import Event, Failed, Finished, Lost, Reported, Task
from archbo.training.trial import Trial
from archbo.training.worker import Train, run_attempt

__all__ = [
    "Event",
    "Failed",
    "Finished",
    "Lost",
    "Reported",
    "Task",
    "Train",
    "Trial",
    "run_attempt",
]
