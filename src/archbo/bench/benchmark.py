"""What a benchmark is: a space, noisy trainings to look up, and the truth to judge by.

Values are in the benchmark's own unit and direction. The regret is how much worse an architecture's
truth is than the best one: never negative, 0 for an optimum, in the same unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from archbo.arrays import Array, stream
from archbo.errors import ProblemError
from archbo.fidelity import Epochs
from archbo.problem import Feature
from archbo.spaces import Architecture, Part
from archbo.spaces.moves import enumerate_rows
from archbo.spaces.part import Kind

_ENUMERABLE = 100_000


class Benchmark(Protocol):
    """Recorded or computed trainings of the architectures of a space.

    Attributes:
        name: as `find` knows it.
        space: what can be built.
        maximize: whether larger values are better.
        unit: of values and regrets, such as "percent points".
        fidelities: the epochs that a training can run, ascending; the last is a full training.
        continued: whether these are points of one training's curve; else each is a training of its
            own, with its own schedule.
        best: the best truth.
        average: the mean truth of all that are recorded, or of random architectures.
        optima: the ids of the architectures that have it.
        features: numbers known before training, by name.
        measured: other results of an architecture, by name, such as its latency.
    """

    @property
    def name(self) -> str: ...
    @property
    def space(self) -> Part: ...
    @property
    def maximize(self) -> bool: ...
    @property
    def unit(self) -> str: ...
    @property
    def fidelities(self) -> tuple[int, ...]: ...
    @property
    def continued(self) -> bool: ...
    @property
    def best(self) -> float: ...
    @property
    def average(self) -> float: ...
    @property
    def optima(self) -> frozenset[str]: ...
    @property
    def features(self) -> Mapping[str, Feature]: ...
    @property
    def measured(self) -> Mapping[str, Feature]: ...

    def objective(
        self, arch: Architecture, seed: int, fidelity: int | None = None, *, repeat: int = 0
    ) -> float | None:
        """The validation value of one training; None where that training fails.

        The same for the same arguments, whatever was looked up before.

        Args:
            arch: what is trained.
            seed: of a search: it draws the noise.
            fidelity: the epochs; None for a full training.
            repeat: how often the search has trained it before; each repeat has noise of its own,
                as far as there are enough recorded trainings.

        Raises:
            ProblemError: if there is no such fidelity.
        """
        ...

    def truth(self, arch: Architecture) -> float:
        """The value of a full training without noise."""
        ...

    def test(self, arch: Architecture) -> float | None:
        """The test value of a full training, without noise; None where there is none."""
        ...

    def seconds(self, arch: Architecture, fidelity: int | None = None) -> float | None:
        """How long a training took up to there; None where that was not recorded."""
        ...


def regret(benchmark: Benchmark, arch: Architecture) -> float:
    """How much worse than the best an architecture is in truth, 0 or more."""
    gap = benchmark.best - benchmark.truth(arch)
    return (gap if benchmark.maximize else -gap) + 0.0  # which makes -0.0 and 0.0 one


def full_fidelity(benchmark: Benchmark, fidelity: int | None) -> int:
    """A fidelity, the full one where none is given.

    Raises:
        ProblemError: if there is no such fidelity.
    """
    if fidelity is None:
        return benchmark.fidelities[-1]
    if fidelity not in benchmark.fidelities:
        known = ", ".join(map(str, benchmark.fidelities))
        raise ProblemError(f"no fidelity {fidelity}; there are {known}", path=benchmark.name)
    return fidelity


def fidelity_range(benchmark: Benchmark) -> Epochs | None:
    """How far a search may train; None where all trainings are full ones.

    >>> from archbo.bench import find
    >>> print(fidelity_range(find("digits")), "|", fidelity_range(find("synthetic/20")))
    1 to 30 epochs, continued | None
    """
    levels = benchmark.fidelities
    if len(levels) == 1:
        return None
    gaps = levels != tuple(range(levels[0], levels[-1] + 1))
    only = levels if gaps else None
    return Epochs(levels[0], levels[-1], continued=benchmark.continued, levels=only)


class _Wrapper:
    """Passes on all that the wrappers below leave as it is."""

    inner: Benchmark

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def space(self) -> Part:
        return self.inner.space

    @property
    def maximize(self) -> bool:
        return self.inner.maximize

    @property
    def unit(self) -> str:
        return self.inner.unit

    @property
    def fidelities(self) -> tuple[int, ...]:
        return self.inner.fidelities

    @property
    def continued(self) -> bool:
        return self.inner.continued

    @property
    def best(self) -> float:
        return self.inner.best

    @property
    def average(self) -> float:
        return self.inner.average

    @property
    def optima(self) -> frozenset[str]:
        return self.inner.optima

    @property
    def features(self) -> Mapping[str, Feature]:
        return self.inner.features

    @property
    def measured(self) -> Mapping[str, Feature]:
        return self.inner.measured

    def objective(
        self, arch: Architecture, seed: int, fidelity: int | None = None, *, repeat: int = 0
    ) -> float | None:
        return self.inner.objective(arch, seed, fidelity, repeat=repeat)

    def truth(self, arch: Architecture) -> float:
        return self.inner.truth(arch)

    def test(self, arch: Architecture) -> float | None:
        return self.inner.test(arch)

    def seconds(self, arch: Architecture, fidelity: int | None = None) -> float | None:
        return self.inner.seconds(arch, fidelity)


@dataclass(frozen=True)
class Noisy(_Wrapper):
    """More noise: a normal number of this standard deviation is added to every training."""

    inner: Benchmark
    sd: float

    def objective(
        self, arch: Architecture, seed: int, fidelity: int | None = None, *, repeat: int = 0
    ) -> float | None:
        value = self.inner.objective(arch, seed, fidelity, repeat=repeat)
        if value is None:
            return None
        epochs = full_fidelity(self, fidelity)
        rng = stream(seed, "more noise", arch.id, epochs, repeat)
        return value + self.sd * float(rng.standard_normal())


@dataclass(frozen=True)
class Failing(_Wrapper):
    """A share of the networks fails in every training; the optima never do."""

    inner: Benchmark
    share: float

    def objective(
        self, arch: Architecture, seed: int, fidelity: int | None = None, *, repeat: int = 0
    ) -> float | None:
        if arch.id not in self.optima and stream(0, "fails", arch.id).random() < self.share:
            return None
        return self.inner.objective(arch, seed, fidelity, repeat=repeat)


@dataclass(frozen=True)
class Negated(_Wrapper):
    """The same with the sign of all values turned: what was maximised is minimised."""

    inner: Benchmark

    @property
    def maximize(self) -> bool:
        return not self.inner.maximize

    @property
    def best(self) -> float:
        return -self.inner.best

    @property
    def average(self) -> float:
        return -self.inner.average

    def objective(
        self, arch: Architecture, seed: int, fidelity: int | None = None, *, repeat: int = 0
    ) -> float | None:
        value = self.inner.objective(arch, seed, fidelity, repeat=repeat)
        return None if value is None else -value

    def truth(self, arch: Architecture) -> float:
        return -self.inner.truth(arch)

    def test(self, arch: Architecture) -> float | None:
        value = self.inner.test(arch)
        return None if value is None else -value


@dataclass(frozen=True)
class Permuted(_Wrapper):
    """The options of each decision change places: names, graphs and features say nothing any more.

    For a pool, its members do. What a search finds here, it does not find by knowing networks.

    Raises:
        ProblemError: if there are more than 100,000 members, or decisions that are numbers or
            depend on each other.
    """

    inner: Benchmark
    seed: int = 0

    def __post_init__(self) -> None:
        compiled, size = self.space.compiled, self.space.size
        plain = not compiled.constrained and all(
            d.kind is Kind.CATEGORICAL and d.condition is None for d in compiled.decisions
        )
        if not plain or size is None or size > _ENUMERABLE:
            raise ProblemError(
                f"cannot be permuted: it needs independent categorical decisions and at most "
                f"{_ENUMERABLE:,} members",
                path=self.name,
            )

    @cached_property
    def _orders(self) -> list[Array]:
        return [
            stream(self.seed, "permuted", d).permutation(k)
            for d, k in enumerate(self.space.compiled.options.tolist())
        ]

    def _moved(self, arch: Architecture) -> Architecture:
        """The architecture whose results this one has."""
        pairs = zip(self._orders, arch.numbers, strict=True)
        return Architecture(self.space, tuple(float(order[int(x)]) for order, x in pairs))

    @cached_property
    def optima(self) -> frozenset[str]:
        found = []
        for rows in enumerate_rows(self.space.compiled):
            values = [self.truth(arch) for arch in self.space.compiled.architectures(rows)]
            best = rows.take(np.array(values) == self.best)
            found += self.space.compiled.ids(best)
        return frozenset(found)

    def objective(
        self, arch: Architecture, seed: int, fidelity: int | None = None, *, repeat: int = 0
    ) -> float | None:
        return self.inner.objective(self._moved(arch), seed, fidelity, repeat=repeat)

    def truth(self, arch: Architecture) -> float:
        return self.inner.truth(self._moved(arch))

    def test(self, arch: Architecture) -> float | None:
        return self.inner.test(self._moved(arch))

    def seconds(self, arch: Architecture, fidelity: int | None = None) -> float | None:
        return self.inner.seconds(self._moved(arch), fidelity)
