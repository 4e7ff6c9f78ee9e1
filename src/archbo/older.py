"""Results of an older search of the same space, or of one that overlaps with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np

from archbo.arrays import Array, Float, Int
from archbo.errors import ArchitectureError, ProblemError
from archbo.spaces import Architecture, Choice, Part, Rows, Space
from archbo.spaces.part import shown

_LEAST = 3
"""Fewer results than this rank nothing."""


@dataclass(frozen=True)
class OlderResults:
    """What an older search found, as far as the space of the new one can express it.

    Attributes:
        name: where they come from.
        rows: n architectures of the new space.
        values: [n] of the older objective, larger is better.
        left_out: how many architectures the new space cannot express.
    """

    name: str
    rows: Rows = field(repr=False)
    values: Float[Array, " n"] = field(repr=False)
    left_out: int

    @property
    def ranked(self) -> Int[Array, " n"]:
        """Positions of the results, the best first."""
        return np.argsort(-self.values, kind="stable")

    def describe(self) -> dict[str, Any]:
        """What a study stores of them, enough to tell whether they are the same."""
        digest = blake2b(self.rows.values.tobytes() + self.values.tobytes(), digest_size=8)
        return {"name": self.name, "results": len(self.values), "digest": digest.hexdigest()}

    @classmethod
    def of(
        cls,
        space: Part,
        archs: Sequence[Any],
        values: Sequence[float],
        *,
        maximize: bool = True,
        name: str = "older",
    ) -> OlderResults:
        """Carry older architectures over to a space.

        Parts of the same name are taken over; what only the new space has takes its default; what
        only the older one had is dropped. An architecture with an option or a number that the new
        space does not have is left out.

        Args:
            space: the new one.
            archs: older architectures, or their plain values.
            values: of the older objective, as many.
            maximize: whether larger was better.
            name: where they come from, for messages.

        Raises:
            ProblemError: if lengths differ, a value is not finite, or too few can be carried over.
        """
        if len(archs) != len(values):
            raise ProblemError(
                f"got {len(archs)} architectures and {len(values)} values", path=name
            )
        found = np.asarray(values, dtype=float)
        if not np.isfinite(found).all():
            raise ProblemError("a value is not finite", path=name)
        carried: list[Architecture] = []
        kept: list[int] = []
        for i, arch in enumerate(archs):
            value = arch.value if isinstance(arch, Architecture) else arch
            try:
                carried.append(space.architecture(_fitted(space, value)))
            except ArchitectureError:
                continue
            kept.append(i)
        if len(kept) < _LEAST:
            raise ProblemError(
                f"{len(kept)} of {len(archs)} results fit into this space, at least {_LEAST} are "
                "needed",
                path=name,
                hint="Do the parts have the same names and options?",
            )
        own = found[kept] if maximize else -found[kept]
        return cls(name, space.compiled.encode(carried), own, len(archs) - len(kept))


def _fitted(part: Part, value: Any) -> Any:
    """A plain value of another space, as far as it can be one of this part."""
    if isinstance(part, Space):
        given = value if isinstance(value, Mapping) else {}
        return {
            name: _fitted(inner, given[name]) if name in given else _default(inner)
            for name, inner in part.parts
        }
    if isinstance(part, Choice):
        name, inner = value, None
        if isinstance(value, Mapping) and len(value) == 1:
            ((name, inner),) = value.items()
        for option, own in zip(part.options, part.parts, strict=True):
            if option == name and own is not None:
                return {option: _fitted(own, inner)}
        return name
    return value


def _default(part: Part) -> Any:
    """The member in which every decision has its default."""
    numbers = np.array([[decision.default for decision in part.compiled.decisions]])
    return part.compiled.architectures(part.compiled.rows(numbers))[0].value


def parse_older(space: Part, older: Sequence[Any], *, first: int = 0) -> list[OlderResults]:
    """Older results given as (architectures, values), larger is better.

    Args:
        space: the new one.
        older: the pairs.
        first: the position of the first one, for messages.

    Raises:
        ProblemError: if something else is given, or too little fits into the space.
    """
    found = []
    for k, item in enumerate(older, first):
        pair = isinstance(item, (tuple, list)) and len(item) == 2
        if not pair or not all(isinstance(part, (tuple, list, np.ndarray)) for part in item):
            raise ProblemError(
                f"expected (architectures, values), got {shown(item)}",
                path=f"older[{k}]",
                hint='A study also takes a store: older="old.db".',
            )
        archs, values = item
        found.append(OlderResults.of(space, archs, values, name=f"older[{k}]"))
    return found
