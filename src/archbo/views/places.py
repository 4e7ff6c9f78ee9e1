"""Where architectures are on the map of their space.

Architectures stand near each other where their decisions, their operations with their neighbours,
and the shapes of their graphs are alike. The two axes are those along which a random sample of the
space differs most, so a place keeps its meaning, and every mark its place, while a search goes on.

Source: de Silva and Tenenbaum 2004, "Sparse multidimensional scaling using landmark points"; for
the Euclidean distances here, that is the principal components of the landmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from threading import Lock

import numpy as np

from archbo.arrays import Array
from archbo.data import TrialRecord
from archbo.encodings.columns import commonest
from archbo.encodings.decisions import one_hot
from archbo.encodings.graphs import counts, salted
from archbo.spaces import CompiledSpace, Part, Rows
from archbo.spaces.moves import sample

LANDMARKS = 400
FEWEST = 24  # landmarks, whatever they cost
MOST_ENTRIES = 2**25  # numbers held at once
MOST_COLOURS = 256
TINY = 1e-9  # of a variance: rounding

Place = tuple[float, float]


class Places:
    """The places of a study's trials, each found once. Any thread may ask.

    Args:
        space: of their architectures.
        landmarks: how many random members of it span the map; fewer where each is large.
    """

    def __init__(self, space: Part, *, landmarks: int = LANDMARKS) -> None:
        self._space = space
        self._landmarks = landmarks
        self._known: dict[int, Place] = {}  # by the number of the trial
        self._turn = Lock()

    def __call__(self, records: Sequence[TrialRecord]) -> list[Place]:
        """The places of trials' architectures, without a unit."""
        with self._turn:
            new = [record for record in records if record.number not in self._known]
            step = max(1, min(1024, MOST_ENTRIES // self._size))
            for start in range(0, len(new), step):
                few = new[start : start + step]
                archs = [self._space.architecture(record.architecture) for record in few]
                found = self._plane(self._space.compiled.encode(archs)).tolist()
                self._known |= {r.number: (x, y) for r, (x, y) in zip(few, found, strict=True)}
            return [self._known[record.number] for record in records]

    @property
    def ground(self) -> tuple[Place, ...]:
        """Those of the random sample."""
        with self._turn:
            return tuple((x, y) for x, y in self._plane.landmarks.tolist())

    @property
    def share(self) -> float:
        """How much of the differences within the space the two axes show, from 0 to 1."""
        with self._turn:
            return self._plane.share

    @cached_property
    def _plane(self) -> Plane:
        space = self._space.compiled
        landmarks = min(self._landmarks, max(FEWEST, MOST_ENTRIES // self._size))
        return Plane(space, sample(space, np.random.default_rng(0), landmarks))

    @cached_property
    def _size(self) -> int:
        """About how many numbers the graphs and the decisions of one member take."""
        space = self._space.compiled
        one = sample(space, np.random.default_rng(0), 1)
        vertices = max((seen.colours.shape[2] for seen in space.views(one).values()), default=0)
        return max(1, int(vertices**2 + one_hot(space, one).shape[1]))


class Plane:
    """The two directions in which landmarks differ most; a call gives the places of rows [n 2]."""

    def __init__(self, space: CompiledSpace, rows: Rows) -> None:
        self._columns = _columns(space, rows)
        found = self._columns(rows)
        self._centre = found.mean(axis=0)
        found = found - self._centre
        # the smaller of two equivalent eigenproblems: a space may have many more columns than this
        values, vectors = np.linalg.eigh(found @ found.T)
        order = np.argsort(-values)[:2]
        kept = np.maximum(values[order], 0.0)
        axes = (found.T @ vectors[:, order]) / np.sqrt(np.where(kept > TINY, kept, np.inf))
        self._axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
        total = float(np.maximum(values, 0.0).sum())
        self.share = float(kept.sum() / total) if total else 1.0
        self.landmarks = self._placed(found)

    def __call__(self, rows: Rows) -> Array:
        return self._placed(self._columns(rows) - self._centre)

    def _placed(self, centred: Array) -> Array:
        places = centred @ self._axes
        return np.pad(places, ((0, 0), (0, 2 - places.shape[1])))


def _columns(space: CompiledSpace, reference: Rows) -> Callable[[Rows], Array]:
    """Columns in which Euclidean distances tell how different two members are.

    Decisions, coloured operations and shapes of graphs count alike: the direction in which the
    reference differs most in each has a variance of 1, so that none of them rules the map.

    Source: Escofier and Pagès 1994, "Multiple factor analysis (AFMULT package)".
    """
    colours, _ = commonest(_multisets(space, reference), MOST_COLOURS)
    vocabulary = np.sort(colours)

    def blocks(rows: Rows) -> list[Array]:
        shapes = [seen.shape for seen in space.views(rows).values()]
        found = [one_hot(space, rows), counts(_multisets(space, rows), vocabulary)[0]]
        nothing = np.zeros((len(rows), 1))  # a space may have nothing that differs
        return [*found, *shapes, nothing]

    weights = []
    for block in blocks(reference):
        centred = block - block.mean(axis=0)
        largest = float(np.linalg.eigvalsh(centred @ centred.T)[-1])
        weights.append(np.sqrt(len(block) / largest) if largest > TINY else 0.0)
    return lambda rows: np.concatenate(
        [weight * block for weight, block in zip(weights, blocks(rows), strict=True)], axis=1
    )


def _multisets(space: CompiledSpace, rows: Rows) -> Array:
    """The colours of operations alone and with their neighbours, [n w]."""
    levels = [
        salted(seen.colours[:, level], path)
        for path, seen in space.views(rows).items()
        for level in (0, 1)
    ]
    return np.concatenate([np.zeros((len(rows), 0), dtype=np.uint64), *levels], axis=1)
