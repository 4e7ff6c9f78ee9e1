"""Parts made of parts: Space (named, side by side) and Chain (one after another)."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from archbo.errors import ArchitectureError, SpaceError, nearest
from archbo.spaces.part import (
    INACTIVE,
    Condition,
    Decision,
    Part,
    check_decisions,
    is_whole,
    listed,
    plain,
    shown,
)
from archbo.spaces.surroundings import names_around

MOST_LAYERS = 2048
"""Of a chain; see `MOST_DECISIONS`."""


@dataclass(frozen=True, init=False)
class Space(Part):
    """Named parts, each chosen by itself.

    Raises:
        SpaceError: if one of the parts makes no sense, naming its path.

    >>> from archbo.spaces import Float, Int
    >>> space = Space(lr=Float(1e-4, 1e-1, log=True), depth=Int(1, 8))
    >>> space.architecture({"lr": 0.01, "depth": 3})["depth"]
    3
    """

    parts: tuple[tuple[str, Part], ...]

    def __init__(self, /, *unnamed: Any, **parts: Part) -> None:
        if unnamed:
            raise SpaceError(
                f"parts need names, got {shown(unnamed[0])}",
                path="space",
                hint="Write Space(name=part), or Space(**parts) for a dictionary.",
            )
        object.__setattr__(self, "parts", tuple(parts.items()))
        try:
            self.check("space")
        except SpaceError as error:
            around = names_around(sys._getframe(1))
            path = f"space{around}{error.path.removeprefix('space')}"
            raise SpaceError(error.message, path=path, hint=error.hint) from None

    def check(self, path: str) -> None:
        if not self.parts:
            raise SpaceError(
                "a space needs at least one part, got none",
                path=path,
                hint="Write Space(name=part).",
            )
        found = 0
        for name, part in self.parts:
            if not isinstance(part, Part):
                raise SpaceError(
                    f"expected a part, got {shown(part)}",
                    path=f"{path}.{name}",
                    hint="Parts are Choice, Int, Float, Bool, Space, Chain, and the cells.",
                )
            part.check(f"{path}.{name}")
            found += part.width
            check_decisions(found, path)

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:
        found: list[Decision] = []
        for name, part in self.parts:
            found += part.decisions(f"{path}.{name}", at + len(found), when)
        return found

    @cached_property
    def _children(self) -> list[tuple[str, int, Part]]:
        found, at = [], 0
        for name, part in self.parts:
            found.append((name, at, part))
            at += part.width
        return found

    def children(self) -> list[tuple[str, int, Part]]:
        return self._children

    def encode(self, value: Any, path: str) -> list[float]:
        names = [name for name, _ in self.parts]
        if not isinstance(value, Mapping):
            raise ArchitectureError(
                f"expected a value for each of {names}, got {shown(value)}", path=path
            )
        for name in value:
            if name not in names:
                raise ArchitectureError(
                    "no such decision", path=f"{path}.{name}", hint=nearest(str(name), names)
                )
        numbers: list[float] = []
        for name, part in self.parts:
            if name not in value:
                raise ArchitectureError(
                    "this decision is missing",
                    path=f"{path}.{name}",
                    hint=f"Give it a value of {shown(part)}.",
                )
            numbers += part.encode(value[name], f"{path}.{name}")
        return numbers

    def decode(self, numbers: Sequence[float]) -> dict[str, Any]:
        return {
            name: part.decode(numbers[at : at + part.width]) for name, at, part in self.children()
        }

    def count(self) -> int | None:
        sizes = [part.count() for _, part in self.parts]
        return None if None in sizes else prod(s for s in sizes if s is not None)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "Space", "parts": {name: part.to_dict() for name, part in self.parts}}

    def __repr__(self) -> str:
        return f"Space({', '.join(f'{name}={part!r}' for name, part in self.parts)})"


@dataclass(frozen=True, init=False)
class Chain(Part):
    """Layers in sequence, each one of the same block's settings.

    Its plain value is the list of the layers' values. In a shared chain they are all alike: the
    block is decided once, and stands there as often as the chain is long.

    Args:
        block: what each layer is.
        length: how many layers, or (fewest, most).
        shared: whether all layers are the same.

    >>> from archbo.spaces import Choice
    >>> Chain(Choice(["conv", "pool"]), length=(1, 3)).size
    14
    >>> Chain(Choice(["conv", "pool"]), length=(1, 3), shared=True).sample(0).value
    ['conv', 'conv']
    """

    block: Part
    length: tuple[int, int]
    shared: bool

    def __init__(self, block: Part, length: int | tuple[int, int], *, shared: bool = False) -> None:
        object.__setattr__(self, "block", block)
        object.__setattr__(self, "shared", shared)
        bounds = listed(plain(length))
        object.__setattr__(self, "length", (bounds, bounds) if is_whole(bounds) else bounds)

    def check(self, path: str) -> None:
        if not isinstance(self.block, Part):
            raise SpaceError(
                f"expected a part as the block, got {shown(self.block)}",
                path=path,
                hint="Write Chain(Choice([…]), length=…).",
            )
        bounds = self.length
        if not isinstance(bounds, tuple) or len(bounds) != 2 or not all(map(is_whole, bounds)):
            raise SpaceError(
                f"length is a whole number or (fewest, most), got {shown(bounds)}", path=path
            )
        fewest, most = bounds
        if not 1 <= fewest <= most:
            raise SpaceError(f"length needs 1 <= fewest <= most, got {fewest} to {most}", path=path)
        if not isinstance(self.shared, bool):
            raise SpaceError(f"shared is True or False, got {shown(self.shared)}", path=path)
        self.block.check(f"{path}[0]")
        if most > MOST_LAYERS:
            raise SpaceError(f"a chain has at most {MOST_LAYERS} layers, got {most}", path=path)
        check_decisions(most * _values(self.block), path)

    @property
    def variable(self) -> bool:
        """Whether the length is a decision."""
        return self.length[0] < self.length[1]

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:
        fewest, most = self.length
        found: list[Decision] = []
        if self.variable:
            middle = (fewest + most) // 2
            found.append(Decision.integer(f"{path}.length", fewest, most, when, middle))
        if self.shared:
            return found + self.block.decisions(f"{path}[*]", at + len(found), when)
        for i in range(most):
            condition = when if i < fewest else Condition(at, i + 1.0, float(most))
            found += self.block.decisions(f"{path}[{i}]", at + len(found), condition)
        return found

    @cached_property
    def _children(self) -> list[tuple[str, int, Part]]:
        first = int(self.variable)
        if self.shared:
            return [("*", first, self.block)]
        return [(str(i), first + i * self.block.width, self.block) for i in range(self.length[1])]

    def children(self) -> list[tuple[str, int, Part]]:
        return self._children

    def encode(self, value: Any, path: str) -> list[float]:
        fewest, most = self.length
        if not isinstance(value, (list, tuple)):
            raise ArchitectureError(f"expected a list of layers, got {shown(value)}", path=path)
        if not fewest <= len(value) <= most:
            wanted = f"{fewest} to {most}" if self.variable else f"{most}"
            raise ArchitectureError(f"expected {wanted} layers, got {len(value)}", path=path)
        numbers = [float(len(value))] if self.variable else []
        layers = [self.block.encode(layer, f"{path}[{i}]") for i, layer in enumerate(value)]
        if self.shared:
            for i, layer in enumerate(layers):
                if not np.array_equal(layer, layers[0], equal_nan=True):
                    raise ArchitectureError(
                        "the layers of a shared chain are all alike, this one is another",
                        path=f"{path}[{i}]",
                    )
            return numbers + layers[0]
        numbers += [number for layer in layers for number in layer]
        return numbers + [INACTIVE] * (self.block.width * (most - len(value)))

    def decode(self, numbers: Sequence[float]) -> list[Any]:
        layers = int(numbers[0]) if self.variable else self.length[1]
        children = self.children() * layers if self.shared else self.children()[:layers]
        return [self.block.decode(numbers[at : at + self.block.width]) for _, at, _ in children]

    def count(self) -> int | None:
        block = self.block.count()
        if block is None:
            return None
        lengths = range(self.length[0], self.length[1] + 1)
        return block * len(lengths) if self.shared else sum(block**n for n in lengths)

    def to_dict(self) -> dict[str, Any]:
        form = {"kind": "Chain", "block": self.block.to_dict(), "length": list(self.length)}
        return form | ({"shared": True} if self.shared else {})

    def __repr__(self) -> str:
        length: Any = self.length
        if isinstance(length, tuple) and len(set(length)) == 1:
            length = length[0]
        shared = ", shared=True" if self.shared else ""
        return f"Chain({self.block!r}, length={length!r}{shared})"


def _values(part: Part) -> int:
    """How many decisions the longest plain value of a part shows, those of shared layers each."""
    if isinstance(part, Chain):
        return part.length[1] * _values(part.block)
    return max(1, part.width, sum(_values(child) for _, _, child in part.children()))
