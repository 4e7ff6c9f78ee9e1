"""Single decisions: Choice, Int, Float, Bool."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

from archbo.errors import ArchitectureError, SpaceError, nearest
from archbo.spaces.part import INACTIVE, Condition, Decision, Kind, Part

_LARGEST = 2**53  # beyond it a double does not hold every integer


@dataclass(frozen=True, init=False)
class Choice(Part):
    """One of several options; an option may bring decisions of its own.

    Args:
        options: strings, numbers, booleans, None or lists of them; or names with the part that
            each brings, None for nothing.

    >>> head = Choice({"linear": None, "mlp": Int(16, 64)})
    >>> head.architecture({"mlp": 32}).value
    {'mlp': 32}
    """

    options: tuple[Any, ...]
    parts: tuple[Part | None, ...]

    def __init__(self, options: Sequence[Any] | Mapping[str, Part | None]) -> None:
        names: Sequence[Any] = list(options)
        parts = list(options.values()) if isinstance(options, Mapping) else [None] * len(names)
        names = [tuple(n) if isinstance(n, list) else n for n in names]
        object.__setattr__(self, "options", tuple(names))
        object.__setattr__(self, "parts", tuple(parts))

    def check(self, path: str) -> None:
        if not self.options:
            raise SpaceError("a choice needs at least one option, got none", path=path)
        seen: set[str] = set()
        for option, part in zip(self.options, self.parts, strict=True):
            try:
                key = json.dumps(option)
            except TypeError:
                raise SpaceError(
                    f"an option is a string, number, boolean, None or a list of them, "
                    f"got {option!r}",
                    path=path,
                    hint='Name it: Choice({"name": part}).' if isinstance(option, Part) else "",
                ) from None
            if key in seen:
                raise SpaceError(f"duplicate option {option!r}", path=path)
            seen.add(key)
            if isinstance(part, Part):
                part.check(f"{path}.{option}")
            elif part is not None:
                raise SpaceError(
                    f"an option brings a part or None, got {part!r}", path=f"{path}.{option}"
                )

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:
        high = len(self.options) - 1
        found = [Decision(path, Kind.CATEGORICAL, 0, high, False, 0, when)]
        for k, (option, part) in enumerate(zip(self.options, self.parts, strict=True)):
            if part is not None:
                found += part.decisions(f"{path}.{option}", at + len(found), Condition(at, k, k))
        return found

    def children(self) -> list[tuple[str, int, Part]]:
        found, at = [], 1
        for option, part in zip(self.options, self.parts, strict=True):
            if part is not None:
                found.append((str(option), at, part))
                at += part.width
        return found

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {json.dumps(option): k for k, option in enumerate(self.options)}

    def encode(self, value: Any, path: str) -> list[float]:
        name, inner = value, None
        if isinstance(value, Mapping):
            if len(value) != 1:
                raise ArchitectureError(
                    f'one option with its part, such as {{"{self.options[0]}": …}}, '
                    f"got {sorted(map(str, value))}",
                    path=path,
                )
            name, inner = next(iter(value.items()))
        try:
            chosen = self._positions.get(json.dumps(name))
        except TypeError:
            chosen = None
        if chosen is None:
            names = [str(o) for o in self.options]
            raise ArchitectureError(
                f"no option {name!r}", path=path, hint=nearest(str(name), names)
            )
        part = self.parts[chosen]
        if part is None and isinstance(value, Mapping) and inner is not None:
            raise ArchitectureError(
                f"option {name!r} brings no decisions, got {inner!r}", path=path
            )
        if part is not None and not isinstance(value, Mapping):
            raise ArchitectureError(
                f"option {name!r} needs its decisions", path=path, hint=f'Write {{"{name}": …}}.'
            )
        numbers = [float(chosen)]
        for k, (option, other) in enumerate(zip(self.options, self.parts, strict=True)):
            if other is not None:
                taken = k == chosen
                numbers += (
                    other.encode(inner, f"{path}.{option}") if taken else [INACTIVE] * other.width
                )
        return numbers

    def decode(self, numbers: Sequence[float]) -> Any:
        chosen = int(numbers[0])
        at = 1
        for part in self.parts[:chosen]:
            at += part.width if part is not None else 0
        part = self.parts[chosen]
        if part is None:
            return self.options[chosen]
        return {self.options[chosen]: part.decode(numbers[at : at + part.width])}

    @property
    def size(self) -> int | None:
        sizes = [1 if part is None else part.size for part in self.parts]
        return None if None in sizes else sum(s for s in sizes if s is not None)

    def to_dict(self) -> dict[str, Any]:
        if all(part is None for part in self.parts):
            return {"kind": "Choice", "options": list(self.options)}
        parts = [None if part is None else part.to_dict() for part in self.parts]
        return {"kind": "Choice", "options": dict(zip(self.options, parts, strict=True))}

    def __repr__(self) -> str:
        if all(part is None for part in self.parts):
            return f"Choice({list(self.options)!r})"
        return f"Choice({dict(zip(self.options, self.parts, strict=True))!r})"


class _Number(Part):
    """A number between two bounds, both included."""

    low: float
    high: float
    log: bool
    _kind: Kind

    def check(self, path: str) -> None:
        for name, bound in (("low", self.low), ("high", self.high)):
            self._check_number(bound, f"{name} must be", path)
        if self.low > self.high:
            raise SpaceError(f"low={self.low} is above high={self.high}", path=path)
        if self.log and self.low <= 0:
            use = "low=1" if self._kind is Kind.INTEGER else "a low above 0"
            raise SpaceError(
                f"log scale needs low > 0, got low={self.low}",
                path=path,
                hint=f"Use {use} or log=False.",
            )

    def _check_number(self, value: Any, what: str, path: str) -> None:
        integer = self._kind is Kind.INTEGER
        good = isinstance(value, int) if integer else isinstance(value, (int, float))
        if not good or isinstance(value, bool) or not isfinite(value):
            wanted = "a whole number" if integer else "a finite number"
            raise SpaceError(f"{what} {wanted}, got {value!r}", path=path)
        if integer and abs(value) > _LARGEST:
            raise SpaceError(f"{what} at most 2**53, got {value}", path=path)

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:
        middle = (self.low * self.high) ** 0.5 if self.log else (self.low + self.high) / 2
        if self._kind is Kind.INTEGER:
            middle = round(middle)
        middle = min(max(middle, self.low), self.high)
        return [Decision(path, self._kind, self.low, self.high, self.log, middle, when)]

    def encode(self, value: Any, path: str) -> list[float]:
        value = value.item() if hasattr(value, "item") else value
        try:
            self._check_number(value, "expected", path)
        except SpaceError as error:
            raise ArchitectureError(error.message, path=path) from None
        if not self.low <= value <= self.high:
            raise ArchitectureError(f"{value} is outside {self.low} to {self.high}", path=path)
        return [float(value)]

    def to_dict(self) -> dict[str, Any]:
        return {"kind": type(self).__name__, "low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True)
class Int(_Number):
    """A whole number from low to high, both included; `log` spaces it by ratios.

    >>> Int(1, 8).size
    8
    """

    low: int
    high: int
    log: bool = False
    _kind = Kind.INTEGER

    def decode(self, numbers: Sequence[float]) -> int:
        return int(numbers[0])

    @property
    def size(self) -> int:
        return self.high - self.low + 1


@dataclass(frozen=True)
class Float(_Number):
    """A real number from low to high, both included; `log` spaces it by ratios."""

    low: float
    high: float
    log: bool = False
    _kind = Kind.REAL

    def decode(self, numbers: Sequence[float]) -> float:
        return float(numbers[0])

    @property
    def size(self) -> int | None:
        return 1 if self.low == self.high else None


@dataclass(frozen=True)
class Bool(Part):
    """Yes or no."""

    def check(self, path: str) -> None:
        """A Bool always makes sense."""

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:
        return [Decision(path, Kind.CATEGORICAL, 0, 1, False, 0, when)]

    def encode(self, value: Any, path: str) -> list[float]:
        value = value.item() if hasattr(value, "item") else value
        if not isinstance(value, bool):
            raise ArchitectureError(f"expected True or False, got {value!r}", path=path)
        return [float(value)]

    def decode(self, numbers: Sequence[float]) -> bool:
        return bool(numbers[0])

    @property
    def size(self) -> int:
        return 2

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "Bool"}
