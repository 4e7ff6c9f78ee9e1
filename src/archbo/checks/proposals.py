"""What a proposal takes: really asked for, after made-up results."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from archbo.arrays import Array, Rng
from archbo.checks.results import ProposalsInfo, ProposalTime
from archbo.data import Dataset, Observation
from archbo.errors import ArchboError, ExhaustedError
from archbo.methods import Method
from archbo.problem import Problem
from archbo.spaces import Architecture

SIZES = (10, 50, 150)
"""Numbers of trials after which a proposal is timed."""

_FIRST = 2000  # networks whose features a search may want before its first proposal
_GROWTH = 4.0  # the next of the sizes may take so many times as long
_NOISE = 0.1  # of the made-up results, in standard deviations


def proposals_info(
    problem: Problem,
    method: Method,
    known: Sequence[Architecture],
    rng: Rng,
    *,
    seconds: float,
    seconds_each: float,
) -> ProposalsInfo:
    """Time the proposals of a method.

    Args:
        problem: what is asked.
        method: what proposes.
        known: different networks that meet the constraints; they get made-up results.
        rng: a random generator.
        seconds: about how long it may take.
        seconds_each: what the features and constraints of one network take.
    """
    if seconds_each * _FIRST > seconds:
        took = seconds_each * 1000
        return ProposalsInfo(
            None, (), f"the features and constraints of one network take {took:,.0f} ms"
        )
    ends = time.perf_counter() + seconds
    began = time.perf_counter()
    search = method.prepare(problem)
    ready = time.perf_counter() - began
    results = _made_up(problem, known, rng)
    hyperparameters: Mapping[str, float] = {}
    times: list[ProposalTime] = []
    note = ""
    for size in SIZES:
        if len(known) < size:
            note = note or f"only {len(known)} different networks were at hand"
            break
        expected = (times[-1].seconds if times else ready) * _GROWTH
        if time.perf_counter() + expected > ends and times:
            note = "there was no time for more"
            break
        data = Dataset.make(problem, results[:size], hyperparameters=hyperparameters)
        began = time.perf_counter()
        try:
            (proposal,) = search.propose(data, 1, rng)
        except ExhaustedError:
            note = "the space has no more networks"
            break
        except ArchboError as error:
            note = f"a proposal after {size} trials failed: {error}"
            break
        times.append(ProposalTime(size, time.perf_counter() - began))
        hyperparameters = proposal.hyperparameters
    return ProposalsInfo(ready, tuple(times), note)


def _made_up(problem: Problem, archs: Sequence[Architecture], rng: Rng) -> list[Observation]:
    """Results that depend on every decision, with some noise."""
    rows = problem.compiled.encode(list(archs))
    score: Array = problem.compiled.to_unit(rows) @ rng.normal(size=rows.values.shape[1])
    score = (score - score.mean()) / (score.std() or 1.0) if len(score) else score
    score = score + _NOISE * rng.normal(size=len(score))
    return [Observation(arch, float(value)) for arch, value in zip(archs, score, strict=True)]
