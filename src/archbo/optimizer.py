"""Ask and tell in memory: one's own loop, without a store and without execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf, isfinite
from numbers import Integral
from typing import Any, Final, overload

import numpy as np

from archbo.arrays import Array, stream
from archbo.data import Best, Curve, Dataset, History, Observation, Proposal
from archbo.errors import ExhaustedError, ObservationError, ProblemError
from archbo.fidelity import FidelityRange
from archbo.methods import Method, find_method
from archbo.older import parse_older
from archbo.problem import Feature, Problem
from archbo.spaces import Architecture, Part


class Failed:
    """What is told instead of a value when a training crashed: `ab.FAILED`."""

    def __repr__(self) -> str:
        return "ab.FAILED"


FAILED: Final = Failed()


class Optimizer:
    """Proposes architectures and learns from what it is told.

    Args:
        space: what can be built.
        maximize, minimize: the name of the objective; one of the two.
        seed: the same seed and the same results give the same proposals.
        method: the name of one, such as "bo", "random" or "evolution", or an object with settings.
        features: numbers known before training, by name, each a function of an architecture.
        constraints: bounds on features, or predicates, that every proposal meets.
        start: architectures, or their plain values, to propose before any other.
        guess: an architecture that the user believes to be good: proposed first, and what is like
            it is preferred, the less the more results there are.
        older: results of older searches of the same or an overlapping space, a list of
            (architectures, values), larger is better; as far as they rank the new results well,
            they count.
        fidelity: `ab.Epochs(1, 81)` and the like: how far a training can go. A proposal then says
            how far to train.

    Raises:
        ProblemError: if a keyword makes no sense.
        InfeasibleError: if no architecture meets the constraints, or one of `start` does not.
        ArchitectureError: if one of `start` is no member of the space.

    >>> import archbo as ab
    >>> space = ab.Space(depth=ab.Int(1, 8), act=ab.Choice(["relu", "gelu"]))
    >>> opt = ab.Optimizer(space, maximize="score", seed=0)
    >>> for _ in range(10):
    ...     arch = opt.ask()
    ...     opt.tell(arch, arch["depth"] + (arch["act"] == "gelu"))
    >>> opt.best.value
    9.0
    """

    def __init__(
        self,
        space: Part,
        *,
        maximize: str | None = None,
        minimize: str | None = None,
        seed: int = 0,
        method: str | Method = "bo",
        features: Mapping[str, Feature] | None = None,
        constraints: Mapping[str, str] | Sequence[Any] | None = None,
        start: Sequence[Any] = (),
        guess: Any = None,
        older: Sequence[tuple[Sequence[Any], Sequence[float]]] = (),
        fidelity: FidelityRange | None = None,
    ) -> None:
        self.problem = Problem.make(
            space,
            maximize=maximize,
            minimize=minimize,
            features=features,
            constraints=constraints,
            seed=seed,
            start=start,
            guess=guess,
            older=parse_older(space, older) if older else (),
            fidelity=fidelity,
        )
        self.observations: list[Observation] = []
        self._history = History(self.problem)
        self._search = find_method(method).prepare(self.problem)
        self._pending: list[Proposal] = []
        self._hyperparameters: Mapping[str, float] = {}

    @overload
    def propose(self) -> Proposal: ...
    @overload
    def propose(self, count: int) -> list[Proposal]: ...
    def propose(self, count: int | None = None) -> Proposal | list[Proposal]:
        """What to train next: one proposal, or a list of `count` that differ usefully.

        Where fewer new networks are left, the list is shorter.

        A proposal is pending, and taken into account by the next ones, until it is told.

        Raises:
            ExhaustedError: if every network of the space is known, or a single one is asked for
                while the method waits for what is in training.
        """
        if count is not None and (not isinstance(count, Integral) or count < 1):
            raise ProblemError(f"ask for at least 1 architecture, got {count}")
        proposals = self._starting()[: count or 1]
        if left := (count or 1) - len(proposals):
            archs = [proposal.architecture for proposal in proposals]
            dataset = self._dataset().with_pending(self.problem, archs)
            rng = stream(self.problem.seed, "propose", dataset.trials)
            try:
                proposals += self._search.propose(dataset, left, rng)
            except ExhaustedError:
                if not proposals:
                    raise
        if not proposals:
            if count is not None:
                return []
            raise ExhaustedError(
                "the method waits for the results of what is in training",
                hint="Tell them, or ask for a list, which is empty then.",
            )
        self._pending += proposals
        self._hyperparameters = proposals[-1].hyperparameters or self._hyperparameters
        return proposals[0] if count is None else proposals

    def _starting(self) -> list[Proposal]:
        """What the user wants trained first, as far as it is new."""
        if not self.problem.start:
            return []
        told = (observation.architecture for observation in self.observations)
        known = {arch.id for arch in (*told, *(p.architecture for p in self._pending))}
        return [Proposal(arch, "user") for arch in self.problem.starting(known)]

    @overload
    def ask(self) -> Architecture: ...
    @overload
    def ask(self, count: int) -> list[Architecture]: ...
    def ask(self, count: int | None = None) -> Architecture | list[Architecture]:
        """The architecture to train next, or a list of `count`; see `propose`."""
        if count is None:
            return self.propose().architecture
        return [proposal.architecture for proposal in self.propose(count)]

    def tell(
        self,
        arch: Any,
        value: Any,
        *,
        fidelity: float | None = None,
        seconds: float | None = None,
    ) -> None:
        """Learn a result: a number, or `ab.FAILED`; or a list of architectures and their results.

        Any architecture of the space may be told. Telling the same again is a repeated measurement.
        A value of a lower fidelity than was proposed is a point of a curve: the proposal is still
        pending.

        Args:
            arch: an architecture or its plain value, or a list of them.
            value: in the objective's units, or a list of as many.
            fidelity: how far was trained, for all of them; None for full trainings.
            seconds: that each training took up to there, if it is to be learned what one costs.

        Raises:
            ArchitectureError: if it is no member of the space.
            ObservationError: if a value is not a finite number and not FAILED.
            ProblemError: if there is no such fidelity, or the seconds are no time.
        """
        told = checked_results(self.problem.space, arch, value)
        if seconds is not None and not (isfinite(seconds) and seconds >= 0):
            raise ProblemError(f"seconds must be a number from 0, got {seconds!r}", path="tell")
        level = None if fidelity is None else self._level(fidelity)
        told = [replace(seen, fidelity=level, seconds=seconds) for seen in told]
        self.observations += told
        for observation in told:
            self._no_longer_pending(observation)

    def _level(self, fidelity: float) -> float | None:
        if self.problem.fidelity is None:
            raise ProblemError(
                f"got fidelity={fidelity!r}, but only full trainings are known here",
                path="tell",
                hint="Say which there are: ab.Optimizer(…, fidelity=ab.Epochs(1, 81)).",
            )
        return self.problem.fidelity.short(self.problem.fidelity.level(fidelity, "tell: fidelity"))

    def _no_longer_pending(self, told: Observation) -> None:
        arch = told.architecture
        for i, proposal in enumerate(self._pending):
            pending = proposal.architecture
            if pending == arch or pending.id == arch.id:
                if told.value is None or _level(told.fidelity) >= _level(proposal.fidelity):
                    del self._pending[i]
                return

    def predict(self, archs: Any) -> tuple[Any, Any]:
        """Mean and standard deviation of the objective, in its units, noise left out.

        Arrays [c] for a list of architectures, two numbers for one.

        Raises:
            ObservationError: if nothing has been observed yet.
            ProblemError: if the method has no surrogate.
        """
        one = isinstance(archs, Mapping)  # an architecture, or its plain value
        members = [self.problem.space.architecture(a) for a in ([archs] if one else archs)]
        dataset = self._dataset()
        if not dataset.measured.any():
            raise ObservationError("nothing has been observed yet", hint="Tell a result first.")
        mean, sd = self._search.predict(dataset, members)
        return (float(mean[0]), float(sd[0])) if one else (mean, sd)

    @property
    def best(self) -> Best:
        """The incumbent by observed value; the mean, where a network was measured again.

        Raises:
            ObservationError: if nothing has been observed yet.
        """
        return incumbent(self.problem, self._dataset())

    def _dataset(self) -> Dataset:
        pending = [proposal.architecture for proposal in self._pending]
        curves: tuple[Curve, ...] = ()
        if self.problem.fidelity is not None:
            targets = [(proposal.architecture, proposal.fidelity) for proposal in self._pending]
            curves = Curve.told(self.problem, self.observations, targets)
        self._history.add(self.observations[self._history.trials :])
        return self._history.dataset(pending, self._hyperparameters, curves)


def _level(fidelity: float | None) -> float:
    return inf if fidelity is None else fidelity


def incumbent(problem: Problem, dataset: Dataset) -> Best:
    """The best observed network of a dataset.

    Raises:
        ObservationError: if it holds no value.
    """
    if not dataset.measured.any():
        raise ObservationError("nothing has been observed yet", hint="Train something first.")
    values: Array = dataset.values
    i = int(values[dataset.measured].argmax())
    position = dataset.measured.nonzero()[0][i]
    (arch,) = problem.compiled.architectures(dataset.rows.take([position]))
    return Best(arch, float(problem.objective.inward(values[position])))


def checked_results(space: Part, arch: Any, value: Any) -> list[Observation]:
    """One result, or those of a list of architectures and a list of their values.

    Raises:
        ArchitectureError: if one is no member of the space.
        ObservationError: if a value is not a finite number and not FAILED, or the lists differ.
    """
    if isinstance(arch, (list, tuple)) and isinstance(value, (list, tuple, np.ndarray)):
        if len(arch) != len(value):
            raise ObservationError(f"got {len(arch)} architectures and {len(value)} values")
        pairs = list(zip(arch, value, strict=True))
    else:
        pairs = [(arch, value)]
    return [Observation(space.architecture(a), checked_value(v)) for a, v in pairs]


def checked_value(value: Any) -> float | None:
    """A result as a float; None for FAILED.

    Raises:
        ObservationError: if it is neither a finite number nor FAILED.
    """
    if isinstance(value, Failed):
        return None
    try:
        number = float("no number" if isinstance(value, (str, bytes)) else value)
    except OverflowError:  # a huge integer
        number = inf
    except (TypeError, ValueError):
        raise ObservationError(f"a result is a number or ab.FAILED, got {value!r}") from None
    if not isfinite(number):
        raise ObservationError(
            f"a result must be finite, got {number}",
            hint="Tell ab.FAILED for a training that diverged.",
        )
    return number
