"""What can be said of a search before any training, in a given time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archbo.arrays import one_thread, stream
from archbo.checks.epochs import probe_epoch, stored_epochs
from archbo.checks.findings import findings
from archbo.checks.landscapes import LandscapeInfo, landscape_info
from archbo.checks.members import look
from archbo.checks.proposals import proposals_info
from archbo.checks.results import CheckResult, EpochInfo, Finding, MembersInfo, NetworksInfo
from archbo.checks.sizes import size_info
from archbo.data import Dataset, TrialRecord
from archbo.errors import ProblemError, TrainingError
from archbo.methods import Method
from archbo.problem import Problem
from archbo.spaces import Architecture
from archbo.training import Train

if TYPE_CHECKING:
    from archbo.checks.networks import Build


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked.

    Attributes:
        problem: what is asked.
        method: how it is searched.
        epochs: how many a training has.
        records: the trials so far.
        dataset: what the method learns from them.
        build: makes a network of an architecture; None where nothing is built.
        inputs: the shape of one example, or a batch; None where the networks know it.
        probe: a training function, of which one epoch is run; None for none.
    """

    problem: Problem
    method: Method
    epochs: int
    records: Sequence[TrialRecord]
    dataset: Dataset
    build: Build | None = None
    inputs: Any = None
    probe: Train | None = None


def check(subject: Subject, *, seconds: float = 10.0) -> CheckResult:
    """Look at everything that can be looked at without training.

    Args:
        subject: what is checked.
        seconds: about how long it may take, the probe aside; what is under way is not cut short.
    """
    if subject.build is not None:
        import archbo.checks.networks  # noqa: F401 - it loads PyTorch, which is not the check's time
    began = time.perf_counter()

    def until(part: float) -> float:
        """The time that is left of the first so much of it all."""
        return max(0.0, began + part * seconds - time.perf_counter())

    problem = subject.problem
    with one_thread():
        size = size_info(problem.space, stream(problem.seed, "check", "size"), seconds=until(0.25))
        landscape = _landscape(subject)
        members, feasible = look(
            problem, stream(problem.seed, "check", "members"), seconds=until(0.5)
        )
        networks = _networks(subject, feasible, seconds=until(0.75))
        proposals = proposals_info(
            problem,
            subject.method,
            [] if members.infeasible else feasible,
            stream(problem.seed, "check", "results"),
            seconds=until(1.0),
            seconds_each=members.seconds_each,
        )
    epoch, trouble = _epoch(subject, feasible)
    return CheckResult(
        size=size,
        members=members,
        networks=networks,
        proposals=proposals,
        epoch=epoch,
        landscape=landscape,
        findings=(*findings(members, networks, proposals), *_start(problem, members), *trouble),
        seconds=time.perf_counter() - began,
    )


def _start(problem: Problem, members: MembersInfo) -> tuple[Finding, ...]:
    """What the user wants trained first, if it does not meet the constraints."""
    if members.infeasible:
        return ()
    try:
        problem.check_start()
    except ProblemError as error:
        return (Finding("error", str(error)),)
    return ()


def _landscape(subject: Subject) -> LandscapeInfo | None:
    dataset, problem = subject.dataset, subject.problem
    rows, values = dataset.rows.take(dataset.measured), dataset.values[dataset.measured]
    rng = stream(problem.seed, "check", "landscape")
    return landscape_info(problem.compiled, rows, values, rng)


def _networks(
    subject: Subject, archs: Sequence[Architecture], *, seconds: float
) -> NetworksInfo | None:
    if subject.build is None or not archs:
        return None
    from archbo.checks.networks import networks_info

    return networks_info(subject.build, archs, subject.inputs, seconds=seconds)


def _epoch(
    subject: Subject, archs: Sequence[Architecture]
) -> tuple[EpochInfo | None, tuple[Finding, ...]]:
    """Of the stored trials; without any, of a probe where one is asked for."""
    stored = stored_epochs(subject.records, subject.epochs)
    if stored is not None or subject.probe is None or not archs:
        return stored, ()
    problem = subject.problem
    try:
        name = problem.objective.name
        return probe_epoch(subject.probe, archs[0], seed=problem.seed, objective=name), ()
    except TrainingError as error:
        return None, (Finding("error", str(error)),)
