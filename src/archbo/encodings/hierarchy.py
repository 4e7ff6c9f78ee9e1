"""Networks of a grammar as seen from each level of their derivation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, UInt64
from archbo.encodings.base import Encode
from archbo.encodings.graphs import weisfeiler_lehman
from archbo.errors import ProblemError
from archbo.spaces import CompiledSpace, Grammar, Rows
from archbo.spaces.compiled import Block


@dataclass(frozen=True)
class HierarchicalWL:
    """Weisfeiler-Lehman colours of a grammar's networks, whole and folded at levels.

    Folded at a level, what more than so many rules derive, one inside the other, is one vertex with
    the name of its production; see `Grammar.folded`. Networks that agree in outline so share
    colours though their details differ. Other cells and chains count as they are. Two derivations
    of the same network may differ.

    Args:
        levels: at which to fold; None for all.
        rounds: of refinement; their colours and those of all rounds before are one multiset.
        name: of its block.

    Raises:
        ProblemError: if a level or rounds is negative.
    Source: Schrodi et al. 2023, section 4, equation 5 (https://arxiv.org/abs/2211.01842).
    """

    levels: tuple[int, ...] | None = None
    rounds: int = 2
    name: str = "hierarchical_wl"

    def __post_init__(self) -> None:
        for name, number in (("rounds", self.rounds), *(("levels", k) for k in self.levels or ())):
            if number < 0:
                raise ProblemError(f"{name} must be at least 0, got {number}", path="encoding")

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:  # noqa: ARG002 - nothing is learned
        folds = list(self._folds(space))

        def encode(rows: Rows) -> UInt64[Array, "n w"]:
            graphs = space.graphs(rows)
            for block, grammar, level in folds:
                folded = grammar.folded(rows.values[:, block.columns], level).pruned()
                graphs[f"{block.path} to {level}"] = folded.where(space.present(rows, block))
            if not graphs:
                return np.zeros((len(rows), 0), dtype=np.uint64)
            return np.concatenate(weisfeiler_lehman(graphs, self.rounds), axis=1)

        return encode

    def _folds(self, space: CompiledSpace) -> Iterator[tuple[Block, Grammar, int]]:
        """Each grammar with each level at which it is folded, but for the whole graph."""
        for block in space.blocks:
            if isinstance(block.part, Grammar) and block.path in space.structures:
                depth = block.part.max_depth
                for level in range(depth) if self.levels is None else self.levels:
                    if level < depth:
                        yield block, block.part, level
