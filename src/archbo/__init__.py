"""Bayesian optimization of neural network architectures: the best one in the fewest trainings.

Importing archbo loads nothing heavy; each name brings its room when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archbo import torch as torch
    from archbo.data import Best, Prediction, Proposal, State, TrialRecord
    from archbo.errors import ArchboError, Stopped
    from archbo.executors import Ray
    from archbo.fidelity import Epochs, Fidelity, Steps
    from archbo.methods import (
        Asha,
        BayesianOptimization,
        GridSearch,
        Hyperband,
        LocalSearch,
        MultiFidelity,
        RandomSearch,
        RegularizedEvolution,
        Reinforce,
        SuccessiveHalving,
        TreeParzen,
    )
    from archbo.optimizer import FAILED, Optimizer
    from archbo.spaces import (
        Architecture,
        Bool,
        Chain,
        Choice,
        EdgeCell,
        Float,
        Grammar,
        Int,
        NodeCell,
        Pool,
        Space,
    )
    from archbo.study import Study
    from archbo.training import Trial

_HOMES = {
    "archbo.data": ["Best", "Prediction", "Proposal", "State", "TrialRecord"],
    "archbo.errors": ["ArchboError", "Stopped"],
    "archbo.executors": ["Ray"],
    "archbo.fidelity": ["Epochs", "Fidelity", "Steps"],
    "archbo.methods": [
        "Asha",
        "BayesianOptimization",
        "GridSearch",
        "Hyperband",
        "LocalSearch",
        "MultiFidelity",
        "RandomSearch",
        "RegularizedEvolution",
        "Reinforce",
        "SuccessiveHalving",
        "TreeParzen",
    ],
    "archbo.optimizer": ["FAILED", "Optimizer"],
    "archbo.spaces": [
        "Architecture",
        "Bool",
        "Chain",
        "Choice",
        "EdgeCell",
        "Float",
        "Grammar",
        "Int",
        "NodeCell",
        "Pool",
        "Space",
    ],
    "archbo.study": ["Study"],
    "archbo.training": ["Trial"],
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "FAILED",
    "ArchboError",
    "Architecture",
    "Asha",
    "BayesianOptimization",
    "Best",
    "Bool",
    "Chain",
    "Choice",
    "EdgeCell",
    "Epochs",
    "Fidelity",
    "Float",
    "Grammar",
    "GridSearch",
    "Hyperband",
    "Int",
    "LocalSearch",
    "MultiFidelity",
    "NodeCell",
    "Optimizer",
    "Pool",
    "Prediction",
    "Proposal",
    "RandomSearch",
    "Ray",
    "RegularizedEvolution",
    "Reinforce",
    "Space",
    "State",
    "Steps",
    "Stopped",
    "Study",
    "SuccessiveHalving",
    "TreeParzen",
    "Trial",
    "TrialRecord",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("archbo")
    if name == "torch":
        return import_module("archbo.torch")
    if name not in _HOME:
        raise AttributeError(f"module 'archbo' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
