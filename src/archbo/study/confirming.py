"""Training the best again with new seeds: so often each, or as a budget is spent best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from archbo.data import Proposal, State, TrialRecord
from archbo.errors import ObservationError, ProblemError
from archbo.methods import BayesianOptimization
from archbo.spaces import Architecture
from archbo.study.allocation import Prior, next_candidate
from archbo.study.plan import Plan
from archbo.study.session import check_count

if TYPE_CHECKING:
    from archbo.study.running import Running

TOP, REPEATS = 3, 3

_MODELLED = 500
"""The best so many trials are modelled; more would take long, and say little about the best."""


def make_plan(study: Running, *, top: int | None, repeats: int | None, budget: int | None) -> Plan:
    """The plan for these numbers; see `Study.confirm`.

    Raises:
        ProblemError: if a number makes no sense, or there is a budget beside others.
        ObservationError: if no trial has finished.
    """
    for name, number in (("top", top), ("repeats", repeats), ("budget", budget)):
        if number is not None:
            check_count(name, number)
    if budget is not None and (top is not None or repeats is not None):
        raise ProblemError(
            "a budget leaves open which are trained again, and how often",
            hint="Give a budget alone, or top and repeats.",
        )
    searched = [r for r in study.trials if r.origin != "confirm" and r.state is not State.RUNNING]
    if all(record.value is None for record in searched):
        raise ObservationError("nothing has been observed yet", hint="Run the study first.")
    if budget is None:
        best = _best(study, searched)[: TOP if top is None else top]
        return Each(tuple(best), REPEATS if repeats is None else repeats)
    return _budgeted(study, searched, budget)


@dataclass(frozen=True)
class Each:
    """Each of these is trained again so often, in turn."""

    architectures: tuple[Architecture, ...]
    repeats: int

    def left(self, records: Sequence[TrialRecord]) -> int:
        done = _counts(records)
        return sum(max(0, self.repeats - done[arch.id]) for arch in self.architectures)

    def spending(self, records: Sequence[TrialRecord]) -> None:  # noqa: ARG002 - trials are counted
        return None

    def next(self, records: Sequence[TrialRecord]) -> Proposal:
        done = _counts(records)
        return Proposal(min(self.architectures, key=lambda arch: done[arch.id]), "confirm")

    def owns(self, record: TrialRecord) -> bool:
        return record.origin == "confirm"


@dataclass(frozen=True)
class Budget:
    """So many trainings, spent where they tell most about which is the best."""

    architectures: tuple[Architecture, ...]
    prior: Prior
    sign: float  # turns values so that larger is better
    budget: int

    def left(self, records: Sequence[TrialRecord]) -> int:
        done = _counts(records)
        return self.budget - sum(done[arch.id] for arch in self.architectures)

    def spending(self, records: Sequence[TrialRecord]) -> None:  # noqa: ARG002 - trials are counted
        return None

    def next(self, records: Sequence[TrialRecord]) -> Proposal:
        place = {arch.id: i for i, arch in enumerate(self.architectures)}
        results: list[list[float]] = [[] for _ in place]
        waiting, failed = np.zeros(len(place), dtype=int), [False] * len(place)
        for record in _again(records):
            if (at := place.get(record.architecture_id)) is None:
                continue
            if record.value is not None:
                results[at].append(self.sign * record.value)
            elif record.state is State.RUNNING:
                waiting[at] += 1
            else:
                failed[at] = True
        best = next_candidate(self.prior, results, waiting, failed)
        return Proposal(self.architectures[best], "confirm")

    def owns(self, record: TrialRecord) -> bool:
        return record.origin == "confirm"


def _budgeted(study: Running, records: Sequence[TrialRecord], budget: int) -> Budget:
    """The prior is the posterior of the default method's model, whatever the study's method."""
    objective = study.problem.objective
    sign = 1.0 if objective.maximize else -1.0
    if len(records) > _MODELLED:
        finished = [record for record in records if record.value is not None]
        records = sorted(finished, key=lambda r: -sign * (r.value or 0.0))[:_MODELLED]
    # fitted from the prior: the stored hyperparameters may be another method's
    dataset = replace(study.dataset(records), hyperparameters={})
    rows = dataset.rows.take(dataset.measured)
    archs = study.problem.compiled.architectures(rows)
    mean, sd = BayesianOptimization().prepare(study.problem).predict(dataset, archs)
    prior, best = Prior.of(
        dataset.values[dataset.measured], dataset.repeats[dataset.measured], sign * mean, sd**2
    )
    return Budget(tuple(archs[i] for i in best), prior, sign, budget)


def _best(study: Running, records: Sequence[TrialRecord]) -> list[Architecture]:
    """The architectures that finished, best first by the mean of their trainings."""
    groups: dict[str, list[TrialRecord]] = {}
    for record in records:
        if record.value is not None:
            groups.setdefault(record.architecture_id, []).append(record)
    ranked = sorted(
        groups.values(),
        key=lambda group: fmean(r.value or 0.0 for r in group),
        reverse=study.problem.objective.maximize,
    )
    return [study.architecture(group[0]) for group in ranked]


def _again(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    return [r for r in records if r.origin == "confirm" and r.state is not State.DELETED]


def _counts(records: Sequence[TrialRecord]) -> Counter[str]:
    """How many confirming trials each architecture has, by id; failed and running ones included.

    Those that were deleted are not.
    """
    return Counter(record.architecture_id for record in _again(records))
