"""Local search: climb from neighbor to neighbor, and start again at an optimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbo.arrays import Rng
from archbo.data import Dataset, Proposal
from archbo.errors import ProblemError
from archbo.methods.base import Search
from archbo.methods.candidates import Taken, filled, new_rows
from archbo.problem import Problem
from archbo.spaces import Rows
from archbo.spaces.compiled import stack
from archbo.spaces.moves import neighbors
from archbo.spaces.part import is_whole


@dataclass(frozen=True)
class LocalSearch:
    """Train neighbors of the best until one is better, go on from there; at an optimum start again.

    A climb starts from the best of a few random networks. It moves to the first better neighbor
    instead of training all of them first, which takes about half the trainings to the optimum on
    NAS-Bench-201.

    Source: White et al. 2021 (https://arxiv.org/abs/2005.02960), with "query until lower".

    Args:
        initial: how many random networks each climb starts with.

    Raises:
        ProblemError: unless `initial` is a whole number from 1.
    """

    initial: int = 5

    def __post_init__(self) -> None:
        if not is_whole(self.initial) or self.initial < 1:
            raise ProblemError(f"initial must be a whole number from 1, got {self.initial!r}")

    def prepare(self, problem: Problem) -> Search:
        return _LocalSearch(self, problem)


class _LocalSearch(Search):
    def __init__(self, settings: LocalSearch, problem: Problem) -> None:
        self.settings = settings
        self.problem = problem
        self._near: dict[bytes, tuple[Rows, list[int]]] = {}

    def propose(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        taken = Taken.of(self.problem, dataset.rows, dataset.pending)
        tops, missing = self._climbs(dataset)
        wanted = max(0, count - missing)
        found = [self.problem.compiled.encode([])]
        for top in tops:
            if wanted == 0:
                break
            rows, keys = self._neighbors(dataset.rows.take([top]))
            free = [i for i, key in enumerate(keys) if key not in taken.fingerprints]
            chosen = rng.permutation(np.array(free, dtype=np.int64))[:wanted]
            found.append(rows.take(chosen))
            taken = taken.plus(found[-1], [keys[i] for i in chosen])
            wanted -= len(chosen)
        near = stack(found)
        rows = filled(self.problem, near, count, rng, taken)
        return [
            Proposal(arch, "local-search" if i < len(near) else "random")
            for i, arch in enumerate(self.problem.compiled.architectures(rows))
        ]

    def _climbs(self, dataset: Dataset) -> tuple[list[int], int]:
        """Where the climbs so far have led to, the best first; and how many starts are missing.

        Which network belongs to which climb follows from the order of the trainings: a neighbor on
        the way of a climb that has not ended belongs to it, all others are starts.
        """
        fingerprints = self.problem.compiled.fingerprints
        values = np.where(dataset.measured, dataset.values, -np.inf)
        tops: list[int | None] = []
        ahead: list[set[int]] = []  # of each climb that has all its starts: the top's neighbors
        owner: dict[int, int] = {}  # neighbors on the way, and the climb that they belong to
        known: set[int] = set()
        starts = self.settings.initial
        for i, key in enumerate(fingerprints(dataset.rows).tolist()):
            known.add(key)
            if key not in owner:
                if starts == self.settings.initial:
                    starts = 0
                    tops.append(None)
                    ahead.append(set())
                starts += 1
            climb = owner.get(key, len(tops) - 1)
            top = tops[climb]
            if values[i] > (-np.inf if top is None else values[top]):
                tops[climb] = top = i
                ahead[climb].clear()
            begun = climb < len(tops) - 1 or starts == self.settings.initial
            if begun and top is not None and not ahead[climb]:
                ahead[climb].update(self._neighbors(dataset.rows.take([top]))[1])
                owner.update(dict.fromkeys(ahead[climb] - known, climb))
            if ahead[climb] and ahead[climb] <= known:
                owner = {near: other for near, other in owner.items() if other != climb}
        running = sum(key not in owner for key in fingerprints(dataset.pending).tolist())
        missing = max(0, self.settings.initial - starts - running)
        return sorted((t for t in tops if t is not None), key=lambda t: -values[t]), missing

    def _neighbors(self, row: Rows) -> tuple[Rows, list[int]]:
        """The feasible neighbors of a row, each network once, and their fingerprints."""
        (key,) = row.keys()
        if key not in self._near:
            space = self.problem.compiled
            near, _ = new_rows(self.problem, neighbors(space, row), Taken.of(self.problem, row))
            self._near[key] = near, space.fingerprints(near).tolist()
        return self._near[key]
