"""Single decisions that are numbers: Int, Float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

from archbo.errors import ArchitectureError, SpaceError
from archbo.spaces.part import Condition, Decision, Kind, Part, is_finite, is_whole, plain, shown

_LARGEST = 2**53  # beyond it a double does not hold every integer


class _Number(Part):
    """A number between two bounds, both included."""

    low: int | float
    high: int | float
    log: bool
    prior: int | float | None
    _kind: Kind

    def __post_init__(self) -> None:
        for name in ("low", "high", "log", "prior"):
            object.__setattr__(self, name, plain(getattr(self, name)))

    def check(self, path: str) -> None:
        for name, bound in (("low", self.low), ("high", self.high)):
            if not self._is_number(bound):
                raise SpaceError(f"{name} must be {self._wanted}, got {shown(bound)}", path=path)
            if self._kind is Kind.INTEGER and abs(bound) > _LARGEST:
                raise SpaceError(f"{name} must be at most 2**53 in size, got {bound}", path=path)
        if not isinstance(self.log, bool):
            raise SpaceError(f"log must be True or False, got {shown(self.log)}", path=path)
        if self.low > self.high:
            raise SpaceError(
                f"low={self.low} is above high={self.high}", path=path, hint="Swap them."
            )
        if not isfinite(float(self.high) - float(self.low)):
            raise SpaceError(
                f"the range from {self.low} to {self.high} is wider than a double can hold",
                path=path,
            )
        if self.log and self.low <= 0:
            use = "low=1" if self._kind is Kind.INTEGER else "a low above 0"
            raise SpaceError(
                f"log scale needs low > 0, got low={self.low}",
                path=path,
                hint=f"Use {use} or log=False.",
            )
        if self.prior is not None and not (
            self._is_number(self.prior) and self.low <= self.prior <= self.high
        ):
            raise SpaceError(
                f"a prior is a guess, {self._wanted} from {self.low} to {self.high}, "
                f"got {shown(self.prior)}",
                path=path,
            )

    def _is_number(self, value: Any) -> bool:
        return is_whole(value) if self._kind is Kind.INTEGER else is_finite(value)

    @property
    def _wanted(self) -> str:
        return "a whole number" if self._kind is Kind.INTEGER else "a finite number"

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:  # noqa: ARG002 - no decision depends on another
        # doubles also where ints were given: a large int need not be one
        low, high = float(self.low), float(self.high)
        middle = sqrt(low) * sqrt(high) if self.log else low + (high - low) / 2
        if self._kind is Kind.INTEGER:
            middle = float(round(middle))
        middle = min(max(middle, low), high)
        prior = () if self.prior is None else (float(self.prior),)
        return [Decision(path, self._kind, low, high, self.log, middle, when, prior=prior)]

    def encode(self, value: Any, path: str) -> list[float]:
        value = plain(value)
        if not self._is_number(value):
            raise ArchitectureError(
                f"expected {self._wanted} from {self.low} to {self.high}, got {shown(value)}",
                path=path,
            )
        if not float(self.low) <= value <= float(self.high):
            raise ArchitectureError(
                f"{shown(value)} is outside {self.low} to {self.high}", path=path
            )
        return [float(value)]

    def __repr__(self) -> str:
        log = ", log=True" if self.log else ""
        prior = "" if self.prior is None else f", prior={self.prior!r}"
        return f"{type(self).__name__}({self.low!r}, {self.high!r}{log}{prior})"

    def to_dict(self) -> dict[str, Any]:
        found = {"kind": type(self).__name__, "low": self.low, "high": self.high, "log": self.log}
        return found if self.prior is None else found | {"prior": self.prior}


@dataclass(frozen=True, repr=False)
class Int(_Number):
    """A whole number from low to high, both included; `log` spaces it by ratios.

    `prior` is a guess of a good value, before any training.

    >>> Int(1, 8).size
    8
    """

    low: int
    high: int
    log: bool = False
    prior: int | None = None
    _kind = Kind.INTEGER

    def decode(self, numbers: Sequence[float]) -> int:
        return int(numbers[0])

    def count(self) -> int:
        return self.high - self.low + 1


@dataclass(frozen=True, repr=False)
class Float(_Number):
    """A real number from low to high, both included; `log` spaces it by ratios.

    `prior` is a guess of a good value, before any training.

    >>> Float(1e-4, 1e-1, log=True).architecture(0.01).value
    0.01
    """

    low: int | float
    high: int | float
    log: bool = False
    prior: int | float | None = None
    _kind = Kind.REAL

    def decode(self, numbers: Sequence[float]) -> float:
        return float(numbers[0])

    def count(self) -> int | None:
        return 1 if float(self.low) == float(self.high) else None
