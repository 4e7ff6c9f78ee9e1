"""Ways to search, by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from archbo.errors import ProblemError, nearest
from archbo.methods.base import Method, Search
from archbo.methods.baselines import RandomSearch
from archbo.methods.bayesian import BayesianOptimization
from archbo.methods.evolution import RegularizedEvolution
from archbo.methods.grid import GridSearch
from archbo.methods.hyperband import Hyperband, SuccessiveHalving
from archbo.methods.local_search import LocalSearch
from archbo.methods.multifidelity import MultiFidelity
from archbo.methods.published import bananas, bo_full, bohb, freeze_thaw, mobster, nas_bowl
from archbo.methods.reinforce import Reinforce
from archbo.methods.rungs import Asha, asha_stopping
from archbo.methods.tpe import TreeParzen

METHODS: dict[str, Callable[[], Method]] = {
    "bo": BayesianOptimization,
    "bo-full": bo_full,
    "random": RandomSearch,
    "grid": GridSearch,
    "local-search": LocalSearch,
    "evolution": RegularizedEvolution,
    "reinforce": Reinforce,
    "tpe": TreeParzen,
    "successive-halving": SuccessiveHalving,
    "hyperband": Hyperband,
    "asha": Asha,
    "asha-stopping": asha_stopping,
    "bohb": bohb,
    "mobster": mobster,
    "freeze-thaw": freeze_thaw,
    "bananas": bananas,
    "nas-bowl": nas_bowl,
}
"""The methods that have a name; a package adds one by an entry point `archbo.methods`."""

__all__ = [
    "METHODS",
    "Asha",
    "BayesianOptimization",
    "GridSearch",
    "Hyperband",
    "LocalSearch",
    "Method",
    "MultiFidelity",
    "RandomSearch",
    "RegularizedEvolution",
    "Reinforce",
    "Search",
    "SuccessiveHalving",
    "TreeParzen",
    "asha_stopping",
    "bananas",
    "bo_full",
    "bohb",
    "find_method",
    "freeze_thaw",
    "mobster",
    "nas_bowl",
]


def find_method(method: str | Method) -> Method:
    """A method by its name, or the method itself.

    Raises:
        ProblemError: if no method has the name.
    """
    if not isinstance(method, str):
        if not callable(getattr(method, "prepare", None)):
            raise ProblemError(f"a method is a name or has prepare(problem), got {method!r}")
        return method
    if method in METHODS:
        return METHODS[method]()
    for entry in entry_points(group="archbo.methods", name=method):
        found: Method = entry.load()()
        return found
    raise ProblemError(f"no method {method!r}", hint=nearest(method, METHODS))
