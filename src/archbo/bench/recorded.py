"""Benchmarks that look everything up in arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from archbo.arrays import Array, Bool, Float, stream
from archbo.bench.benchmark import full_fidelity
from archbo.problem import Feature
from archbo.spaces import Architecture, Part, Rows


@dataclass(frozen=True, eq=False)
class Recorded:
    """A benchmark of N recorded architectures, F fidelities and S training seeds.

    The truth is the mean over training seeds of full trainings, failed ones as they were recorded.

    Attributes:
        name, space, maximize, unit, fidelities, continued: see `Benchmark`.
        rows: [N] the recorded architectures.
        position: where an architecture was recorded; see `by_row` and `by_id`.
        values: [N F S] validation values; NaN where there is none, the recorded ones first.
        failed: [N F S] trainings that failed, whose values a search does not get to see.
        tests: [N] test values of full trainings; None where there are none.
        times: [N F] seconds of a training up to each fidelity; None where they were not recorded.
        known: [N] each, numbers known before training, by name.
        results: [N] each, other results, by name.
    """

    name: str
    space: Part
    maximize: bool
    unit: str
    fidelities: tuple[int, ...]
    rows: Rows
    position: Callable[[Architecture], int]
    values: Float[Array, "N F S"]
    continued: bool = False
    failed: Bool[Array, "N F S"] | None = None
    tests: Float[Array, " N"] | None = None
    times: Float[Array, "N F"] | None = None
    known: Mapping[str, Array] = field(default_factory=dict)
    results: Mapping[str, Array] = field(default_factory=dict)

    @cached_property
    def truths(self) -> Float[Array, " N"]:
        """The truth of each recorded architecture."""
        found: Array = np.nanmean(self.values[:, -1].astype(float), axis=1)
        return found

    @cached_property
    def best(self) -> float:
        """The best truth."""
        return float(self.truths.max() if self.maximize else self.truths.min())

    @cached_property
    def average(self) -> float:
        """The mean truth."""
        return float(self.truths.mean())

    @cached_property
    def optima(self) -> frozenset[str]:
        """The ids of the architectures that have it."""
        return frozenset(self.space.compiled.ids(self.rows.take(self.truths == self.best)))

    @property
    def features(self) -> dict[str, Feature]:
        """Numbers known before training, by name."""
        return {name: self._column(column) for name, column in self.known.items()}

    @property
    def measured(self) -> dict[str, Feature]:
        """Other results of an architecture, by name."""
        return {name: self._column(column) for name, column in self.results.items()}

    def _column(self, column: Array) -> Feature:
        return lambda arch: float(column[self.position(arch)])

    def objective(
        self, arch: Architecture, seed: int, fidelity: int | None = None, *, repeat: int = 0
    ) -> float | None:
        """One recorded training; the same seed for each fidelity where all have as many."""
        at = self.position(arch)
        f = self.fidelities.index(full_fidelity(self, fidelity))
        measured = np.flatnonzero(np.isfinite(self.values[at, f]))
        first = stream(seed, "noise", at).integers(len(measured))
        s = measured[(first + repeat) % len(measured)]
        if self.failed is not None and self.failed[at, f, s]:
            return None
        return float(self.values[at, f, s])

    def truth(self, arch: Architecture) -> float:
        """The mean over the seeds of full trainings."""
        return float(self.truths[self.position(arch)])

    def test(self, arch: Architecture) -> float | None:
        """The recorded test value."""
        return None if self.tests is None else float(self.tests[self.position(arch)])

    def seconds(self, arch: Architecture, fidelity: int | None = None) -> float | None:
        """The recorded time."""
        f = self.fidelities.index(full_fidelity(self, fidelity))
        return None if self.times is None else float(self.times[self.position(arch), f])


def by_row(rows: Rows) -> Callable[[Architecture], int]:
    """Finds an architecture by its decisions, where all of a space are recorded."""
    places = {tuple(row): k for k, row in enumerate(rows.values.tolist())}
    return lambda arch: places[arch.numbers]


def by_id(ids: Sequence[str]) -> Callable[[Architecture], int]:
    """Finds an architecture by its network, where one of each is recorded."""
    places = {key: k for k, key in enumerate(ids)}
    return lambda arch: places[arch.id]
