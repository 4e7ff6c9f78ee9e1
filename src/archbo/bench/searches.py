"""One search of a benchmark by one method, and all that is judged later."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, fields
from math import inf
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Protocol

from archbo.bench.benchmark import Benchmark, regret
from archbo.bench.peers import PACKAGES, Peer, interpreter
from archbo.errors import ExhaustedError, ProblemError
from archbo.methods import Method, find_method
from archbo.optimizer import FAILED, Optimizer
from archbo.spaces import Architecture

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class Search:
    """A search's trainings in their order; each list has one entry a training.

    Of an incumbent, there are its regret and its test value. One is the best observed, by the mean
    where a network was trained again, and the first network until there is any value; the other has
    the best posterior mean of those that were trained.

    Attributes:
        benchmark, method, seed, trials, features: what was searched how, and whether the method was
            given the benchmark's features.
        ids: of the architectures.
        values: what the method was told; None where training failed.
        regrets, tests: of each architecture in truth.
        optimal: whether it is an optimum.
        observed_regrets, observed_tests: of the best observed.
        model_regrets, model_tests: of the best by posterior mean; empty where there is no model,
            None before the first value.
        training_seconds: as they were recorded; None where they were not.
        ask_seconds, tell_seconds: the method's own.
    """

    benchmark: str
    method: str
    seed: int
    trials: int
    features: bool
    ids: list[str] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    regrets: list[float] = field(default_factory=list)
    tests: list[float | None] = field(default_factory=list)
    optimal: list[bool] = field(default_factory=list)
    observed_regrets: list[float] = field(default_factory=list)
    observed_tests: list[float | None] = field(default_factory=list)
    model_regrets: list[float | None] = field(default_factory=list)
    model_tests: list[float | None] = field(default_factory=list)
    training_seconds: list[float | None] = field(default_factory=list)
    ask_seconds: list[float] = field(default_factory=list)
    tell_seconds: list[float] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Its JSON form; `Search(**form)` reads it back."""
        return asdict(self)

    @property
    def first_optimum(self) -> float:
        """Which training was the first of an optimum, from 1; infinite if none was."""
        return self.optimal.index(True) + 1 if any(self.optimal) else inf

    def rows(self) -> list[dict[str, Any]]:
        """A row a training, numbered from 1; what a list holds is named in the singular."""
        return rows_of(self)


def rows_of(search: DataclassInstance) -> list[dict[str, Any]]:
    """A row for each entry of a search's lists, numbered from 1, with all that is no list.

    A list that is empty gives None.
    """
    given = {f.name: getattr(search, f.name) for f in fields(search)}
    lists = {name: value for name, value in given.items() if isinstance(value, list)}
    settings = {name: value for name, value in given.items() if name not in lists}
    columns = {
        name if name.endswith("seconds") else name.removesuffix("s"): value
        for name, value in lists.items()
    }
    return [
        settings
        | {"training": k + 1}
        | {name: column[k] if column else None for name, column in columns.items()}
        for k in range(len(given["ids"]))
    ]


class Entrant(Protocol):
    """Whatever proposes and learns: our own methods, and other libraries."""

    def ask(self) -> Architecture:
        """What to train next."""
        ...

    def tell(self, arch: Architecture, value: Any) -> None:
        """Learn a value, or `ab.FAILED`."""
        ...


def run_search(
    benchmark: Benchmark,
    method: str | Method,
    *,
    seed: int,
    trials: int,
    name: str | None = None,
    features: bool = False,
    pythons: Mapping[str, Path] | None = None,
) -> Search:
    """Search a benchmark: so many trainings, its start design and repeated ones counted.

    It ends earlier where a method has nothing new to propose. The noise depends on the seed and the
    architecture, not on the method.

    Args:
        benchmark: what is searched.
        method: a method or its name; the name of a peer, such as "optuna:tpe".
        seed: of the search, and of the noise.
        trials: how many trainings.
        name: what to call the method; its own name if it is None.
        features: whether the method is given the benchmark's features; peers take none.
        pythons: interpreters of peers; see `archbo.bench.peers.parse_pythons`.

    Raises:
        ProblemError: if there is no such method.

    >>> from archbo.bench import find
    >>> search = run_search(find("synthetic/20"), "random", seed=0, trials=3)
    >>> len(search.values), search.observed_regrets == sorted(search.observed_regrets, reverse=True)
    (3, True)
    """
    search = Search(benchmark.name, name or str(method), seed, trials, features)
    log = _Log(benchmark, search)
    with _entrant(benchmark, method, search, pythons or {}) as entrant:
        for _ in range(trials):
            start = time.perf_counter()
            try:
                arch = entrant.ask()
            except ExhaustedError:
                break
            asked = time.perf_counter()
            value = log.train(arch)
            trained = time.perf_counter()
            entrant.tell(arch, FAILED if value is None else value)
            search.ask_seconds.append(asked - start)
            search.tell_seconds.append(time.perf_counter() - trained)
            log.judge(entrant)
    return search


def _entrant(
    benchmark: Benchmark, method: str | Method, search: Search, pythons: Mapping[str, Path]
) -> AbstractContextManager[Entrant]:
    if isinstance(method, str) and method in PACKAGES:
        return Peer(
            method,
            benchmark.space,
            python=interpreter(method, pythons),
            seed=search.seed,
            maximize=benchmark.maximize,
            trials=search.trials,
        )
    return nullcontext(
        Optimizer(
            benchmark.space,
            maximize="value" if benchmark.maximize else None,
            minimize=None if benchmark.maximize else "value",
            seed=search.seed,
            method=find_method(method),
            features=benchmark.features if search.features else None,
        )
    )


class _Log:
    """Trains by looking up, and writes down what a search gets to see and what it does not."""

    def __init__(self, benchmark: Benchmark, search: Search) -> None:
        self._benchmark = benchmark
        self._search = search
        self._sign = 1.0 if benchmark.maximize else -1.0
        self._networks: dict[str, Architecture] = {}
        self._values: dict[str, list[float]] = {}
        self._modelled = True

    def train(self, arch: Architecture) -> float | None:
        """One training's value."""
        search, benchmark, key = self._search, self._benchmark, arch.id
        self._networks.setdefault(key, arch)
        value = benchmark.objective(arch, search.seed, repeat=search.ids.count(key))
        if value is not None:
            self._values.setdefault(key, []).append(value)
        search.ids.append(key)
        search.values.append(value)
        search.regrets.append(regret(benchmark, arch))
        search.tests.append(benchmark.test(arch))
        search.optimal.append(key in benchmark.optima)
        search.training_seconds.append(benchmark.seconds(arch))
        return value

    def judge(self, entrant: Entrant) -> None:
        """Who leads now."""
        search, benchmark = self._search, self._benchmark
        means = {key: self._sign * fmean(values) for key, values in self._values.items()}
        observed = self._networks[max(means, key=means.__getitem__) if means else search.ids[0]]
        search.observed_regrets.append(regret(benchmark, observed))
        search.observed_tests.append(benchmark.test(observed))
        if not self._modelled or not isinstance(entrant, Optimizer):
            return
        if not means:
            search.model_regrets.append(None)
            search.model_tests.append(None)
            return
        try:
            expected, _ = entrant.predict([self._networks[key] for key in means])
        except ProblemError:  # it has no surrogate
            self._modelled = False
            search.model_regrets.clear()
            search.model_tests.clear()
            return
        expects = self._networks[list(means)[int((self._sign * expected).argmax())]]
        search.model_regrets.append(regret(benchmark, expects))
        search.model_tests.append(benchmark.test(expects))
