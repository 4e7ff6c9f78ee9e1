"""Parts made of parts: Space (named, side by side) and Chain (one after another)."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from archbo.errors import ArchitectureError, SpaceError, nearest
from archbo.spaces.part import (
    INACTIVE,
    Condition,
    Decision,
    Part,
    is_whole,
    listed,
    plain,
    shown,
)
from archbo.spaces.surroundings import names_around


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
        for name, part in self.parts:
            if not isinstance(part, Part):
                raise SpaceError(
                    f"expected a part, got {shown(part)}",
                    path=f"{path}.{name}",
                    hint="Parts are Choice, Int, Float, Bool, Space, Chain, and the cells.",
                )
            part.check(f"{path}.{name}")

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

    Args:
        block: what each layer is.
        length: how many layers, or (fewest, most).

    >>> from archbo.spaces import Choice
    >>> chain = Chain(Choice(["conv", "pool"]), length=(1, 3))
    >>> chain.size
    14
    """

    block: Part
    length: tuple[int, int]

    def __init__(self, block: Part, length: int | tuple[int, int]) -> None:
        object.__setattr__(self, "block", block)
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
        self.block.check(f"{path}[0]")

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
        for i in range(most):
            condition = when if i < fewest else Condition(at, i + 1.0, float(most))
            found += self.block.decisions(f"{path}[{i}]", at + len(found), condition)
        return found

    @cached_property
    def _children(self) -> list[tuple[str, int, Part]]:
        first = int(self.variable)
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
        for i, layer in enumerate(value):
            numbers += self.block.encode(layer, f"{path}[{i}]")
        return numbers + [INACTIVE] * (self.block.width * (most - len(value)))

    def decode(self, numbers: Sequence[float]) -> list[Any]:
        layers = int(numbers[0]) if self.variable else self.length[1]
        return [
            self.block.decode(numbers[at : at + self.block.width])
            for _, at, _ in self.children()[:layers]
        ]

    def count(self) -> int | None:
        block = self.block.count()
        if block is None:
            return None
        return sum(block**n for n in range(self.length[0], self.length[1] + 1))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "Chain", "block": self.block.to_dict(), "length": list(self.length)}

    def __repr__(self) -> str:
        length: Any = self.length
        if isinstance(length, tuple) and len(set(length)) == 1:
            length = length[0]
        return f"Chain({self.block!r}, length={length!r})"
