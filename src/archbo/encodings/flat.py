"""Flat columns that any surrogate can read: decisions, counts of colours, statistics of graphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float, UInt64
from archbo.encodings.base import Encode, Encoding
from archbo.encodings.columns import commonest, hidden, joined, require_positive, varying
from archbo.encodings.decisions import one_hot
from archbo.encodings.features import Standardiser, graph_features
from archbo.encodings.graphs import counts, weisfeiler_lehman
from archbo.errors import ProblemError
from archbo.graphs.batch import GraphBatch
from archbo.spaces import CompiledSpace, Rows


@dataclass(frozen=True)
class OneHot:
    """The decisions: a column for each option, one for each number on [0, 1]; 0 where inactive.

    Args:
        name: of its block.
    """

    name: str = "one_hot"

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        return varying(lambda rows: one_hot(space, rows), reference)


@dataclass(frozen=True)
class Counts:
    """How often each Weisfeiler-Lehman colour of the reference occurs.

    Decisions that the graphs do not show follow, one-hot.

    Args:
        rounds: of refinement; 0 counts operations.
        most: columns at most, those of the commonest colours.
        name: of its block.

    Raises:
        ProblemError: if rounds is negative or most is not positive.
    """

    rounds: int = 1
    most: int = 512
    name: str = "counts"

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise ProblemError(f"rounds must be at least 0, got {self.rounds}", path="encoding")
        require_positive("most", self.most)

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        colours, _ = commonest(_colours(space.graphs(reference), len(reference), self.rounds))

        def encode(rows: Rows) -> Float[Array, "n d"]:
            multisets = _colours(space.graphs(rows), len(rows), self.rounds)
            found, ordered = counts(multisets, np.sort(colours))
            return found[:, np.searchsorted(ordered, colours)]

        return varying(encode, reference, most=self.most, beside=hidden(space))


@dataclass(frozen=True)
class Statistics:
    """Size, depth and number of paths of each cell and chain, standardised.

    Args:
        name: of its block.
    """

    name: str = "statistics"

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        def raw(rows: Rows) -> Float[Array, "n d"]:
            columns = graph_features(space.graphs(rows))
            return np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0))

        standardise = Standardiser.fit(raw(reference))
        return varying(lambda rows: standardise(raw(rows)), reference)


@dataclass(frozen=True, init=False)
class Joined:
    """The columns of several encodings; those that an earlier one has too are left out.

    Args:
        encodings: of columns, not of multisets or graphs.
        name: of its block.

    Raises:
        ProblemError: if there are none.
    """

    encodings: tuple[Encoding, ...]
    name: str

    def __init__(self, *encodings: Encoding, name: str = "joined") -> None:
        if not encodings:
            raise ProblemError("at least one encoding is needed, got none", path="encoding")
        object.__setattr__(self, "encodings", encodings)
        object.__setattr__(self, "name", name)

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        encodes = [encoding.prepare(space, reference) for encoding in self.encodings]
        for encoding, encode in zip(self.encodings, encodes, strict=True):
            found = encode(reference.take(slice(0, 1)))
            if found.ndim != 2 or not np.issubdtype(found.dtype, np.floating):
                raise ProblemError(
                    f"{encoding.name!r} gives no columns of numbers that could be joined",
                    path="encoding",
                    hint="Give the search a list of encodings instead.",
                )
        return varying(joined(encodes), reference)


@dataclass(frozen=True)
class Flat:
    """The decisions, counts of colours and statistics of the graphs: what learners read by default.

    Args:
        rounds: of refinement.
        most: columns of colours at most.
        name: of its block.

    Raises:
        ProblemError: if rounds is negative or most is not positive.
    """

    rounds: int = 1
    most: int = 256
    name: str = "encoding"

    def __post_init__(self) -> None:
        _ = self._parts

    @property
    def _parts(self) -> Joined:
        return Joined(OneHot(), Counts(self.rounds, self.most), Statistics())

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        return self._parts.prepare(space, reference)


def _colours(graphs: Mapping[str, GraphBatch], n: int, rounds: int) -> UInt64[Array, "n w"]:
    """The colours of all vertices after 0 to `rounds` rounds."""
    if not graphs:
        return np.zeros((n, 0), dtype=np.uint64)
    return np.concatenate(weisfeiler_lehman(graphs, rounds), axis=1)
